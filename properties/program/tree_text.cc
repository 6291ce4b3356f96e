#include "properties/program/tree_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace cma {
namespace {

// What is wrong with a text, and at which character.
struct TreeTextError {
  std::size_t at;
  std::string reason;
};

struct SourceNode {
  TreeNode node;
  std::vector<SourceNode> children;
};

bool is_tree_digit(char c) { return c >= '0' && c <= '9'; }

bool is_tree_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Returns whether names of nodes, properties and labels may have the character.
bool in_tree_name(char c) {
  return is_tree_digit(c) || is_tree_letter(c) || std::string_view(",._+*#?@-").find(c) != std::string_view::npos;
}

// Reads the text from its start; throws TreeTextError.
class TreeTextReader {
 public:
  explicit TreeTextReader(std::string_view text) : text_(text) {}

  BootTree read() {
    std::optional<SourceNode> root;
    for (blanks(); at_ < text_.size(); blanks()) {
      if (take("/dts-v1/")) {
        expect(';');
      } else if (take("/memreserve/")) {
        const std::uint64_t base = number();
        const std::uint64_t size = number();
        if (size != 0) tree_.header_reservations.emplace_back(base, size);
        expect(';');
      } else if (!root && take("/")) {
        expect('{');
        root = body("", 0);
      } else {
        throw TreeTextError{at_, root ? "expected the end: there is one root node" : "expected the root node: / { }"};
      }
    }
    if (!root) throw TreeTextError{at_, "expected the root node: / { }"};
    take_over(*root);
    return std::move(tree_);
  }

 private:
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(char c) {
    blanks();
    if (here() != c || at_ >= text_.size()) throw TreeTextError{at_, fmt::format("expected '{}'", c)};
    ++at_;
  }
  void blanks();
  std::string name();
  std::uint64_t number();
  std::string cells();
  std::string quoted();
  std::string octets();
  std::string value();
  SourceNode body(std::string node_name, unsigned depth);
  void member(SourceNode& parent, unsigned depth);
  void take_over(const SourceNode& root);
  void add_regions(const SourceNode& parent, unsigned depth);

  std::string_view text_;
  std::size_t at_ = 0;
  BootTree tree_;
};

// Passes over blanks and comments.
void TreeTextReader::blanks() {
  while (at_ < text_.size()) {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) throw TreeTextError{at_, "a comment that does not end"};
      at_ = end + 2;
    } else if (std::string_view(" \t\r\n").find(rest.front()) != std::string_view::npos) {
      ++at_;
    } else {
      return;
    }
  }
}

std::string TreeTextReader::name() {
  blanks();
  const std::size_t start = at_;
  while (at_ < text_.size() && in_tree_name(here())) ++at_;
  if (at_ == start) throw TreeTextError{at_, "expected a name"};
  return std::string(text_.substr(start, at_ - start));
}

// Reads a decimal, hexadecimal or octal number of 64 bits.
std::uint64_t TreeTextReader::number() {
  blanks();
  const std::size_t start = at_;
  unsigned base = 10;
  if (take("0x") || take("0X"))
    base = 16;
  else if (here() == '0')
    base = 8;
  const std::size_t digits = at_;
  std::uint64_t value = 0;
  for (; at_ < text_.size(); ++at_) {
    const char lower = static_cast<char>(here() | 0x20);
    const unsigned digit = is_tree_digit(here())          ? static_cast<unsigned>(here() - '0')
                           : lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10
                                                          : 16;
    if (digit >= base) break;
    if (value > (~std::uint64_t{0} - digit) / base) throw TreeTextError{start, "a number of more than 64 bits"};
    value = value * base + digit;
  }
  if (at_ == digits) throw TreeTextError{start, "expected a number: references and expressions are not read"};
  if (is_tree_digit(here()) || is_tree_letter(here()))
    throw TreeTextError{start, fmt::format("a number of base {} with '{}' in it", base, here())};
  return value;
}

std::string TreeTextReader::cells() {
  std::string value;
  for (blanks(); here() != '>'; blanks()) {
    const std::size_t start = at_;
    const std::uint64_t cell = number();
    if (cell > 0xffffffff) throw TreeTextError{start, "a cell has 32 bits"};
    value += cells_of(cell, 1);
  }
  ++at_;
  return value;
}

// Reads a string up to its quotes, with the zero byte that ends it. A backslash makes a sign stand for itself.
std::string TreeTextReader::quoted() {
  const std::size_t start = at_ - 1;
  std::string value;
  while (at_ < text_.size() && here() != '"') {
    if (take("\\") && (is_tree_digit(here()) || is_tree_letter(here())))
      throw TreeTextError{at_ - 1, fmt::format("the escape sequence \\{} is not read", here())};
    if (at_ >= text_.size()) break;
    value += here();
    ++at_;
  }
  if (at_ >= text_.size()) throw TreeTextError{start, "a string that does not end"};
  ++at_;
  return value + '\0';
}

std::string TreeTextReader::octets() {
  std::string value;
  const auto digit = [&] {
    const char c = static_cast<char>(here() | 0x20);
    if (!is_tree_digit(here()) && (c < 'a' || c > 'f')) throw TreeTextError{at_, "expected two hexadecimal digits"};
    ++at_;
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  for (blanks(); here() != ']'; blanks()) {
    const unsigned high = digit();
    value += static_cast<char>(high << 4 | digit());
  }
  ++at_;
  return value;
}

// Reads the values of a property, with commas between them.
std::string TreeTextReader::value() {
  std::string value;
  while (true) {
    blanks();
    if (take("<"))
      value += cells();
    else if (take("\""))
      value += quoted();
    else if (take("["))
      value += octets();
    else
      throw TreeTextError{at_, "expected a value: <cells>, \"text\" or [bytes]"};
    blanks();
    if (!take(",")) return value;
  }
}

// Reads a node from behind its opening brace.
SourceNode TreeTextReader::body(std::string node_name, unsigned depth) {
  if (depth > kMostTreeDepth) throw TreeTextError{at_, fmt::format("nodes more than {} deep", kMostTreeDepth)};
  SourceNode node;
  node.node.name = std::move(node_name);
  for (blanks(); !take("}"); blanks()) member(node, depth);
  expect(';');
  return node;
}

// Reads a property or a node, with the labels before it.
void TreeTextReader::member(SourceNode& parent, unsigned depth) {
  std::string word = name();
  blanks();
  while (take(":")) {
    word = name();
    blanks();
  }
  if (take("{")) {
    parent.children.push_back(body(std::move(word), depth + 1));
    return;
  }
  parent.node.properties.push_back({std::move(word), take("=") ? value() : ""});
  expect(';');
}

// Takes over what boot reads of a tree. The widths of a root that names none are 1.
void TreeTextReader::take_over(const SourceNode& root) {
  const auto width = [&](std::string_view property) {
    const std::string* found = root.node.find(property);
    if (found == nullptr) return 1U;
    const auto cells = found->size() == 4 ? static_cast<unsigned>(number_at(*found, 0, 1)) : 0;
    if (cells < 1 || cells > 2) throw TreeTextError{0, fmt::format("/: {} must be one number, 1 or 2", property)};
    return cells;
  };
  tree_.address_cells = width("#address-cells");
  tree_.size_cells = width("#size-cells");
  for (const SourceNode& child : root.children) {
    if (child.node.name != "reserved-memory" || tree_.reserved_memory) continue;
    tree_.reserved_memory = child.node;
    add_regions(child, 1);
  }
}

void TreeTextReader::add_regions(const SourceNode& parent, unsigned depth) {
  for (const SourceNode& child : parent.children) {
    if (tree_.regions.size() == kMostTreeRegions)
      throw TreeTextError{0, fmt::format("/reserved-memory has more than {} nodes", kMostTreeRegions)};
    tree_.regions.push_back(child.node);
    tree_.regions.back().depth = depth;
    add_regions(child, depth + 1);
  }
}

// --- writing ---

// Returns a value as strings if it is a list of printable ones, else as cells or bytes.
std::string value_text(const std::string& value) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  std::string strings;
  std::size_t start = 0;
  bool text = value.size() > 1 && value.back() == '\0';
  while (text && start < value.size()) {
    const std::string one = value.substr(start, value.find('\0', start) - start);
    text = !one.empty() && std::ranges::all_of(one, printable);
    strings += fmt::format("{}\"{}\"", strings.empty() ? "" : ", ", one);
    start += one.size() + 1;
  }
  if (text) return strings;
  std::string numbers;
  const bool cells = value.size() % 4 == 0;
  for (std::size_t byte = 0; byte < value.size(); byte += cells ? 4 : 1) {
    const char* space = numbers.empty() ? "" : " ";
    numbers += cells ? fmt::format("{}{:#x}", space, number_at(value, byte, 1))
                     : fmt::format("{}{:02x}", space, static_cast<unsigned char>(value[byte]));
  }
  return cells ? "<" + numbers + ">" : "[" + numbers + "]";
}

std::string members_text(const TreeNode& node) {
  std::string text;
  for (const auto& [name, value] : node.properties)
    text += value.empty() ? fmt::format(" {};", name) : fmt::format(" {} = {};", name, value_text(value));
  return text;
}

}  // namespace

std::expected<BootTree, std::string> read_tree_text(std::string_view source) {
  try {
    return TreeTextReader(source).read();
  } catch (const TreeTextError& error) {
    const std::string_view before = source.substr(0, error.at);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = error.at - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1);
    return std::unexpected(fmt::format("line {}, column {}: {}", line, column + 1, error.reason));
  }
}

std::string tree_text(const BootTree& tree) {
  std::string text;
  for (const auto& [base, size] : tree.header_reservations)
    text += fmt::format("/memreserve/ {:#x} {:#x}; ", base, size);
  text += fmt::format("/ {{ #address-cells = <{}>; #size-cells = <{}>;", tree.address_cells, tree.size_cells);
  if (!tree.reserved_memory) return text + " };";
  text += " reserved-memory {" + members_text(*tree.reserved_memory);
  unsigned depth = 0;
  for (const TreeNode& region : tree.regions) {
    for (; depth >= region.depth; --depth) text += " };";
    text += fmt::format(" {} {{{}", region.name, members_text(region));
    depth = region.depth;
  }
  for (; depth > 0; --depth) text += " };";
  return text + " }; };";
}

}  // namespace cma
