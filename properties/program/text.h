// The text form of programs: for people, in the corpus and in findings alike. README.md has the grammar.
//
// print() gives the canonical text; parse(print(p)) == p for every settled program. Text that is no program is refused
// with file, line, column and what was expected; nothing is guessed. Cost: linear; for output only, never while
// running.
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
  // "FILE:LINE:COLUMN: MESSAGE"
  std::string text() const;
};

std::expected<Program, TextError> parse(std::string_view text, std::string_view file = "program");

std::string print(const Program& program);
// One operation as its line reads, without the newline.
std::string print_op(const Program& program, const Op& op);
// `main+0x50`, `0x4050`, `b+3`.
std::string print_place(const Program& program, const Place& place);

// The operands of a kind, as in "cma_alloc AREA pages=N [align=N] [nowarn]".
std::string op_usage(std::size_t kind);
// The table of operations and their operands, for `cmacheck` and the README.
std::string op_reference();

}  // namespace cma
