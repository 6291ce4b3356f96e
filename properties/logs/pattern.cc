#include "properties/logs/pattern.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma::logs {
namespace {

// Names of areas have 64 characters at most; flags of requests have more.
constexpr std::size_t kLongestText = 512;

bool is_decimal(char c) { return c >= '0' && c <= '9'; }
bool is_hexadecimal(char c) { return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

unsigned digit_value(char c) {
  if (is_decimal(c)) return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

// Reads a number of at most 64 bits; nullopt if there is none. `at` moves behind it.
std::optional<std::uint64_t> read_number(std::string_view text, std::size_t& at, unsigned base) {
  const std::size_t begin = at;
  std::uint64_t value = 0;
  for (; at < text.size() && (base == 16 ? is_hexadecimal(text[at]) : is_decimal(text[at])); ++at) {
    if (value > (~std::uint64_t{0} - digit_value(text[at])) / base) return std::nullopt;
    value = value * base + digit_value(text[at]);
  }
  if (at == begin) return std::nullopt;
  return value;
}

void skip_blanks(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
}

bool read_hexadecimal(std::string_view text, std::size_t& at, FieldValue& value) {
  skip_blanks(text, at);
  if (text.substr(at).starts_with("0x")) at += 2;
  const auto number = read_number(text, at, 16);
  value.number = number.value_or(0);
  return number.has_value();
}

bool read_decimal(std::string_view text, std::size_t& at, bool sign, FieldValue& value) {
  skip_blanks(text, at);
  const bool minus = sign && at < text.size() && text[at] == '-';
  if (minus) ++at;
  const auto number = read_number(text, at, 10);
  value.number = minus ? ~number.value_or(0) + 1 : number.value_or(0);
  return number.has_value();
}

// Reads what %p prints: digits, perhaps after 0x, or a word in brackets such as "(ptrval)" and "(____ptrval____)".
bool read_pointer(std::string_view text, std::size_t& at) {
  skip_blanks(text, at);
  if (at < text.size() && text[at] == '(') {
    const std::size_t close = text.find(')', at);
    if (close == std::string_view::npos) return false;
    at = close + 1;
    return true;
  }
  if (text.substr(at).starts_with("0x")) at += 2;
  const std::size_t begin = at;
  while (at < text.size() && is_hexadecimal(text[at])) ++at;
  return at != begin;
}

// Reads a field of this type at `at`; `literal` is what the pattern has behind it.
bool read_field(std::string_view text, std::size_t& at, char type, std::string_view literal, FieldValue& value) {
  switch (type) {
    case 'x': return read_hexadecimal(text, at, value);
    case 'u': return read_decimal(text, at, false, value);
    case 'd': return read_decimal(text, at, true, value);
    case 'p': return read_pointer(text, at);
    case 'w': {
      const std::size_t begin = at;
      at = std::min(text.find(' ', at), text.size());
      return at != begin;
    }
    case 's': {
      const std::string_view near = text.substr(0, std::min(text.size(), at + kLongestText + literal.size()));
      at = std::min(literal.empty() ? std::string_view::npos : near.find(literal, at), text.size());
      return true;
    }
    case 'r': at = text.size(); return true;
  }
  CMA_ASSERT(false && "a pattern has these types only");
  return false;
}

}  // namespace

std::string_view head_of(std::string_view pattern) { return pattern.substr(0, pattern.find('{')); }

Fit match_pattern(std::string_view pattern, std::string_view text, std::size_t at, Match& match) {
  match.fields.clear();
  while (!pattern.empty()) {
    const std::string_view literal = head_of(pattern);
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with(literal)) return literal.starts_with(rest) ? Fit::begins : Fit::none;
    at += literal.size();
    pattern.remove_prefix(literal.size());
    if (pattern.empty()) break;
    const std::size_t close = pattern.find('}');
    CMA_ASSERT(close != std::string_view::npos && close >= 4 && pattern[close - 2] == ':');
    FieldValue value{pattern.substr(1, close - 3), {}, 0};
    const char type = pattern[close - 1];
    pattern.remove_prefix(close + 1);
    const std::size_t begin = at;
    if (!read_field(text, at, type, head_of(pattern), value)) return at >= text.size() ? Fit::begins : Fit::none;
    value.text = text.substr(begin, at - begin);
    match.fields.push_back(std::move(value));
  }
  match.end = at;
  return Fit::whole;
}

}  // namespace cma::logs
