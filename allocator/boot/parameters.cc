#include "allocator/boot/parameters.h"

#include <algorithm>

namespace cma {
namespace {

// Returns the value of a digit, 16 for what is none.
unsigned digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 16;
}

char char_at(std::string_view text, std::size_t index) { return index < text.size() ? text[index] : '\0'; }

// Reads digits of the base from `start` on; wraps at 2^64.
ParsedSize digits_of(std::string_view text, std::size_t start, unsigned base) {
  ParsedSize number{0, start};
  for (unsigned digit; (digit = digit_of(char_at(text, number.length))) < base; ++number.length)
    number.bytes = number.bytes * base + digit;
  return number;
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0'; }

// Returns whether the names are equal, with '-' and '_' taken for the same (parameq).
bool same_name(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  return std::ranges::equal(a, b, {}, plain, plain);
}

// Makes a word of its characters, without the quotes around it or around its value.
ParameterWord word_of(std::string_view text) {
  bool quoted = false;
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    quoted = true;
  }
  // A '=' at the very start belongs to the name.
  const std::size_t equals = text.find('=', 1);
  if (text.empty() || equals == std::string_view::npos) {
    if (quoted && text.ends_with('"')) text.remove_suffix(1);
    return {std::string(text), std::nullopt};
  }
  std::string_view value = text.substr(equals + 1);
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    quoted = true;
  }
  if (quoted && value.ends_with('"')) value.remove_suffix(1);
  return {std::string(text.substr(0, equals)), std::string(value)};
}

class Reader {
 public:
  Reader(const Geometry& geometry, bool numa, Trace& trace) : geometry_(geometry), numa_(numa), trace_(trace) {}

  BootParameters read(std::string_view cmdline) {
    for (const ParameterWord& word : words_of(cmdline)) {
      // What follows is for init, since 3.15.
      if (word.name == "--" && !word.value && geometry_.release >= Release::v3_15) break;
      perform(word);
      if (!parameters_.null_pointer.empty()) break;
    }
    return parameters_;
  }

 private:
  void perform(const ParameterWord& word) {
    const Release release = geometry_.release;
    if (same_name(word.name, "cma")) {
      cma(word);
    } else if (numa_ && release >= Release::v5_10 && same_name(word.name, "cma_pernuma")) {
      if (!has_value(word)) return;
      parameters_.pernuma_size = size_of(*word.value).bytes;
    } else if (numa_ && release >= Release::v6_6 && same_name(word.name, "numa_cma")) {
      if (has_value(word)) numa_cma(*word.value);
    } else if (release >= Release::v5_7 && same_name(word.name, "hugetlb_cma")) {
      if (has_value(word)) hugetlb_cma(*word.value);
    } else if (release >= Release::v4_6 && word.name == "kernelcore") {
      // Looked through for `mirror` before anything else (cmdline_parse_kernelcore).
      has_value(word);
    } else if (!word.value && (word.name == "kernelcore" || word.name == "movablecore")) {
      trace_.log("Malformed early option '" + word.name + "'");
    }
  }

  // Returns whether the word has a value. The kernel does not look, and follows a null pointer.
  bool has_value(const ParameterWord& word) {
    if (!word.value) parameters_.null_pointer = word.name;
    return word.value.has_value();
  }

  ParsedSize size_of(std::string_view text) const {
    ParsedSize size = memparse(text, geometry_.release);
    size.bytes &= geometry_.phys_mask();
    return size;
  }

  void cma(const ParameterWord& word) {
    if (!word.value && geometry_.release >= Release::v4_19) {
      trace_.log("cma: Config string not provided");
      trace_.log("Malformed early option '" + word.name + "'");
      return;
    }
    if (!has_value(word)) return;
    std::string_view rest = *word.value;
    const auto next = [&] {
      const ParsedSize size = size_of(rest);
      rest.remove_prefix(size.length);
      return size.bytes;
    };
    const std::uint64_t size = next();
    parameters_.size = size == geometry_.phys_mask() ? std::nullopt : std::optional(size);
    if (geometry_.release < Release::v3_16 || !rest.starts_with('@')) return;
    rest.remove_prefix(1);
    parameters_.base = next();
    if (rest.starts_with('-')) {
      rest.remove_prefix(1);
      parameters_.limit = next();
    } else {
      parameters_.limit = (parameters_.base + size) & geometry_.phys_mask();
    }
  }

  std::uint64_t unsigned_long(std::uint64_t value) const {
    return value & (~std::uint64_t{0} >> (64 - geometry_.bits_per_long()));
  }

  // Nodes come with 5.16. What is no node's size is the size of all, read from the start.
  void hugetlb_cma(std::string_view text) {
    std::string_view rest = text;
    const bool nodes = geometry_.release >= Release::v5_16;
    while (nodes && !rest.empty()) {
      while (is_blank(char_at(rest, 0))) rest.remove_prefix(1);
      const ParsedSize node = digits_of(rest, 0, 10);
      if (node.length == 0) return;
      if (char_at(rest, node.length) != ':') break;
      if (node.bytes >= kMaxNodesOfKernel) return;
      rest.remove_prefix(node.length + 1);
      const ParsedSize size = memparse(rest, geometry_.release);
      rest.remove_prefix(size.length);
      parameters_.hugetlb_node_sizes[node.bytes] = unsigned_long(size.bytes);
      parameters_.hugetlb_size = unsigned_long(parameters_.hugetlb_size + unsigned_long(size.bytes));
      if (!rest.starts_with(',')) return;
      rest.remove_prefix(1);
    }
    if (nodes && rest.empty()) return;
    parameters_.hugetlb_size = unsigned_long(memparse(text, geometry_.release).bytes);
  }

  // Ends at the first thing that is no NODE:SIZE, without a word.
  void numa_cma(std::string_view rest) {
    while (!rest.empty()) {
      while (is_blank(char_at(rest, 0))) rest.remove_prefix(1);
      const ParsedSize node = digits_of(rest, 0, 10);
      if (node.length == 0 || char_at(rest, node.length) != ':' || node.bytes >= kMaxNodesOfKernel) return;
      rest.remove_prefix(node.length + 1);
      const ParsedSize size = size_of(rest);
      rest.remove_prefix(size.length);
      if (node.bytes < kMaxNodes) parameters_.node_sizes[node.bytes] = size.bytes;
      if (!rest.starts_with(',')) return;
      rest.remove_prefix(1);
    }
  }

  const Geometry& geometry_;
  bool numa_;
  Trace& trace_;
  BootParameters parameters_;
};

}  // namespace

ParsedSize parse_integer(std::string_view text) {
  if (char_at(text, 0) != '0') return digits_of(text, 0, 10);
  if ((char_at(text, 1) | 0x20) == 'x' && digit_of(char_at(text, 2)) < 16) return digits_of(text, 2, 16);
  return digits_of(text, 0, 8);
}

ParsedSize memparse(std::string_view text, Release release) {
  ParsedSize size = parse_integer(text);
  constexpr std::string_view kSuffixes = "kmgtpe";
  const std::string_view known = kSuffixes.substr(0, release >= Release::v3_16 ? 6 : 3);
  const char lower = static_cast<char>(char_at(text, size.length) | 0x20);
  const std::size_t power = known.find(lower);
  if (power == std::string_view::npos) return size;
  size.bytes <<= 10 * (power + 1);
  ++size.length;
  return size;
}

std::vector<ParameterWord> words_of(std::string_view cmdline) {
  std::vector<ParameterWord> words;
  std::size_t next = 0;
  while (true) {
    while (next < cmdline.size() && is_blank(cmdline[next])) ++next;
    if (next >= cmdline.size()) return words;
    const std::size_t start = next;
    bool in_quotes = false;
    for (; next < cmdline.size() && (in_quotes || !is_blank(cmdline[next])); ++next)
      if (cmdline[next] == '"') in_quotes = !in_quotes;
    words.push_back(word_of(cmdline.substr(start, next - start)));
  }
}

BootParameters read_parameters(std::string_view cmdline, const Geometry& geometry, bool numa, Trace& trace) {
  return Reader(geometry, numa, trace).read(cmdline);
}

}  // namespace cma
