// The text form of programs: for people, in the corpus and in findings. README.md has the grammar.
//
// print() gives the canonical text; parse(print(p)) == p for every settled program. Text that is no program is refused
// with file, line, column and what was expected. Cost: linear. For input and output, never while a program runs.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "properties/program/program.h"

namespace cma {

inline constexpr int kTextVersion = 1;

struct TextError {
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;  // what was expected, or which rule is broken
  // Returns "FILE:LINE:COLUMN: MESSAGE".
  std::string text() const;
};

// Returns the program, settled. `file` is what errors name.
std::expected<Program, TextError> parse(std::string_view text, std::string_view file = "program");

// Returns the canonical text of a settled program.
std::string print(const Program& program);
// Returns the line of one operation, without the newline.
std::string print_op(const Program& program, const Op& op);
// Returns a place as programs name it: `main+0x50`, `0x4050`, `b+3`.
std::string print_place(const Program& program, const Place& place);

// Returns how operations of a kind read: "cma_alloc AREA pages=N [align=N] [nowarn]".
std::string op_usage(std::size_t kind);
// Returns the table of operations, as README.md has it.
std::string op_reference();

}  // namespace cma
