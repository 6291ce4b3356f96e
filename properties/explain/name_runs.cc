#include "properties/explain/name_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// Runs and names that are printed.
constexpr std::size_t kPiecesPrinted = 4;
// Two names are no longer than a run.
constexpr std::size_t kLeastRun = 3;
constexpr std::size_t kNoField = std::string::npos;

bool is_decimal(char letter) { return letter >= '0' && letter <= '9'; }

// Returns the numbers of a name and what is between them.
std::vector<std::string_view> fields_of(std::string_view name) {
  std::vector<std::string_view> fields;
  for (std::size_t begin = 0; begin < name.size();) {
    std::size_t end = begin + 1;
    while (end < name.size() && is_decimal(name[end]) == is_decimal(name[begin])) ++end;
    fields.push_back(name.substr(begin, end - begin));
    begin = end;
  }
  return fields;
}

// Returns a number without its leading zeros.
std::string_view significant(std::string_view number) {
  return number.substr(std::min(number.find_first_not_of('0'), number.size()));
}

// Returns whether a field comes before another. Without zeros in front, the longer number is the larger one.
bool field_before(std::string_view field, std::string_view other) {
  if (!is_decimal(field.front()) || !is_decimal(other.front())) return field < other;
  const std::string_view number = significant(field);
  const std::string_view next = significant(other);
  if (number.size() != next.size()) return number.size() < next.size();
  return number != next ? number < next : field < other;
}

// Returns the number of a field; nullopt if it is none, too large, or begins with a zero.
std::optional<std::uint64_t> number_of(std::string_view field) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  const bool whole = error == std::errc() && end == field.data() + field.size();
  return whole && (field.front() != '0' || field.size() == 1) ? std::optional(number) : std::nullopt;
}

// Returns which field of `next` is the number after that of `name`; kNoField if the names differ in anything else.
std::size_t counted_field(std::string_view name, std::string_view next) {
  const std::vector<std::string_view> fields = fields_of(name);
  const std::vector<std::string_view> others = fields_of(next);
  if (fields.size() != others.size()) return kNoField;
  std::size_t counted = kNoField;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] == others[i]) continue;
    const std::optional<std::uint64_t> number = number_of(fields[i]);
    if (counted != kNoField || !number || number_of(others[i]) != *number + 1) return kNoField;
    counted = i;
  }
  return counted;
}

// Returns the end of the run of names that begins at `first`.
std::size_t end_of_names(const std::vector<std::string>& names, std::size_t first) {
  std::size_t field = kNoField;
  std::size_t end = first + 1;
  for (; end < names.size(); ++end) {
    const std::size_t counted = counted_field(names[end - 1], names[end]);
    if (counted == kNoField || (field != kNoField && counted != field)) break;
    field = counted;
  }
  return end - first < kLeastRun ? first + 1 : end;
}

}  // namespace

bool comes_before(std::string_view name, std::string_view other) {
  const std::vector<std::string_view> fields = fields_of(name);
  const std::vector<std::string_view> others = fields_of(other);
  return std::lexicographical_compare(fields.begin(), fields.end(), others.begin(), others.end(), field_before);
}

std::string without_numbers(std::string_view name) {
  std::string pattern;
  for (const std::string_view field : fields_of(name)) pattern += is_decimal(field.front()) ? "#" : field;
  return pattern;
}

std::string names_in_runs(std::vector<std::string> names) {
  CMA_ASSERT(!names.empty());
  std::ranges::sort(names, comes_before);
  std::vector<std::string> pieces;
  std::size_t first = 0;
  while (first < names.size() && pieces.size() < kPiecesPrinted) {
    const std::size_t end = end_of_names(names, first);
    pieces.push_back(end == first + 1 ? names[first] : fmt::format("{} to {}", names[first], names[end - 1]));
    first = end;
  }
  std::string text = pieces.front();
  for (std::size_t i = 1; i < pieces.size(); ++i)
    text += (i + 1 == pieces.size() && first == names.size() ? " and " : ", ") + pieces[i];
  return first == names.size() ? text : text + fmt::format(" and {} more", names.size() - first);
}

}  // namespace cma
