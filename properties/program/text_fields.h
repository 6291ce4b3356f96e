// Reads the fields of an operation from its line: the visitor that the parser shows them to. Used by the parser only.
#pragma once

#include <map>
#include <set>
#include <string>

#include "properties/program/program.h"
#include "properties/program/text_line.h"

namespace cma {

// What names stand for in the program that is being read.
struct Names {
  std::map<std::string, OpId, std::less<>> results;
  std::map<std::string, std::uint16_t, std::less<>> areas;  // of the machine
  std::set<OpId> dangling;                                  // `?7`
};

// Throws SyntaxError at the word that is wrong.
class FieldReader {
 public:
  FieldReader(const Program& program, const Names& names, Line& line) : program_(program), names_(names), line_(line) {}

  void area(AreaRef& area);
  void operand(OpRef& operand, const OperandSpec& spec);
  void place(Place& place, const PlaceSpec& spec);
  void number(std::uint64_t& value, const NumberSpec& spec);
  void flag(bool& flag, std::string_view name) { flag = line_.flag(name); }
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    value = static_cast<Enum>(word_index(static_cast<std::size_t>(value), spec));
  }
  void text(std::string& text, const TextSpec& spec);
  void actor(Performer& performer);

 private:
  const Word* take(std::string_view key, bool required, std::string_view what);
  std::size_t word_index(std::size_t fallback, const ChoiceSpec& spec);
  OpId result(const Word& word, std::string_view name, std::string_view what) const;
  Place read_place(const Word& word) const;

  const Program& program_;
  const Names& names_;
  Line& line_;
};

// Returns the actor of that name: the program's, or a CPU's own. Throws SyntaxError if there is none.
Performer find_actor(const Program& program, std::string_view name, int column);

}  // namespace cma
