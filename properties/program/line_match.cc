#include "properties/program/line_match.h"

#include <algorithm>

namespace cma {
namespace {

// How kernels print a pointer before they can hash it: since 5.0 as wide as a pointer of 64 bits.
constexpr std::string_view kUnhashed[] = {"(ptrval)", "(____ptrval____)"};

// Returns the length of the word for a pointer without a value at the start of the text; 0 if there is none.
std::size_t unhashed_length(std::string_view text) {
  // Up to 4.20 the log pads it.
  const std::size_t blanks = std::min(text.find_first_not_of(' '), text.size());
  for (const std::string_view word : kUnhashed)
    if (text.substr(blanks).starts_with(word)) return blanks + word.size();
  return 0;
}

// Returns the digits of a pointer at the start of the text; empty if there is none, or NULL.
std::string_view digits_at(std::string_view text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789abcdef"), text.size());
  const std::string_view digits = text.substr(0, length);
  const bool null = digits.find_first_not_of('0') == std::string_view::npos;
  return (length == 8 || length == 16) && !null ? digits : std::string_view{};
}

// Returns the text without the zeros that an address begins with: 0x1c000000 for 0x000000001c000000.
std::string without_leading_zeros(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("0x0"), text.size());
    plain += text.substr(0, end);
    text.remove_prefix(end);
    if (text.empty()) break;
    plain += "0x";
    text.remove_prefix(2);
    constexpr std::string_view kDigits = "0123456789abcdef";
    while (text.size() > 1 && text[0] == '0' && kDigits.find(text[1]) != std::string_view::npos) text.remove_prefix(1);
  }
  return plain;
}

}  // namespace

void PointerNames::clear() {
  address_of_.clear();
  digits_of_.clear();
}

bool PointerNames::fits(std::string_view digits, std::uint64_t address) const {
  const auto known = address_of_.find(digits);
  if (known != address_of_.end()) return known->second == address;
  return !digits_of_.contains(address);
}

// Returns whether the text is found in the line from this character on.
bool PointerNames::contains_at(std::string_view line, const PrintedPointer& pointer, std::string_view text,
                               std::size_t at) {
  std::string_view found;
  while (!text.empty()) {
    if (at == pointer.begin) {
      const std::size_t any = unhashed_length(text);
      const std::string_view digits = digits_at(text);
      if (any != 0 || !digits.empty()) {
        if (any == 0 && !fits(digits, pointer.address)) return false;
        found = digits;
        text.remove_prefix(any != 0 ? any : digits.size());
        at = pointer.end;
        continue;
      }
    }
    if (at >= line.size() || line[at] != text.front()) return false;
    text.remove_prefix(1);
    ++at;
  }
  if (found.empty()) return true;
  address_of_.emplace(found, pointer.address);
  digits_of_.emplace(pointer.address, found);
  return true;
}

bool PointerNames::line_contains(std::string_view line, const std::optional<PrintedPointer>& pointer,
                                 std::string_view text) {
  if (!pointer) return without_leading_zeros(line).find(without_leading_zeros(text)) != std::string::npos;
  if (text.empty()) return true;
  // The text begins where its first character stands, or with the pointer.
  for (std::size_t at = 0; at <= line.size(); ++at) {
    std::size_t next = line.find(text.front(), at);
    if (at <= pointer->begin) next = std::min(next, pointer->begin);
    if (next == std::string_view::npos) return false;
    if (contains_at(line, *pointer, text, next)) return true;
    at = next;
  }
  return false;
}

}  // namespace cma
