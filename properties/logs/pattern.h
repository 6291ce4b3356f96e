// Texts with fields, as printf's formats are: "alloc_contig_range: [{start:x}, {end:x}) PFNs busy".
//
// A field is {NAME:TYPE}. The types: x hexadecimal, with 0x or without; u decimal; d decimal with a sign; p a pointer,
// as any kernel prints one; w a word, up to a blank; s any text of up to 512 characters up to what follows in the
// pattern; r the rest of the line. Blanks before numbers and pointers do not count. Used by the table of forms. Cost:
// linear in the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cma::logs {

struct FieldValue {
  std::string_view name;  // in the pattern
  std::string text;
  std::uint64_t number = 0;  // of x, u and d: two's complement
};

struct Match {
  std::size_t end = 0;  // behind the text that matched
  std::vector<FieldValue> fields;
};

// How far a text goes along with a pattern.
enum class Fit : std::uint8_t {
  none,
  begins,  // the text ends before the pattern does: the rest may stand on the next line
  whole,
};

// Returns what a pattern begins with, up to its first field.
std::string_view head_of(std::string_view pattern);
// Matches the text from `at` on. Fills `match` if all of the pattern is there. Requires a well-formed pattern.
Fit match_pattern(std::string_view pattern, std::string_view text, std::size_t at, Match& match);

}  // namespace cma::logs
