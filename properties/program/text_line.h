// One line of the text form: its words, taken one after the other or by name, and the numbers in them. A line knows
// what it is about, so that every error can quote how such a line reads. Used by the parser only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "properties/program/text_lexer.h"

namespace cma {

// All functions throw SyntaxError at the word that is wrong.

// Returns the number: decimal, or hexadecimal after 0x.
std::uint64_t parse_number(std::string_view text, int column);
// Returns the number in the value of a word. Throws if it exceeds `max`; `name` is what the error calls it.
std::uint64_t number_in(const Word& word, std::uint64_t max, std::string_view name);
// Returns the word as it was written, for errors.
std::string shown(const Word& word);
// Returns ": did you mean `X`?" with the candidate that is most like the word, or has it as a part; else nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

class Line {
 public:
  Line(int number, std::string_view text);

  int number() const { return number_; }
  bool empty() const { return words_.empty(); }
  std::vector<Word>& words() { return words_; }
  // Sets how such a line reads: errors about missing or unexpected words quote it.
  void set_usage(std::string usage) { usage_ = std::move(usage); }

  // Takes and returns the next word without a key; nullptr at the end of the line.
  Word* next();
  // The same, but throws at the end of the line: `what` was expected.
  Word& expect_next(std::string_view what);
  std::string expect_name(std::string_view what);
  // Returns the next word without a key and leaves it there; nullptr at the end of the line.
  const Word* peek() const;
  // Takes `key=VALUE`; nullptr if there is none. Throws if there are two.
  Word* keyed(std::string_view key);
  Word& expect_keyed(std::string_view key);
  // Takes the word `name`, wherever it stands; false if there is none.
  bool flag(std::string_view name);
  // Throws if a word was not taken.
  void finish() const;

 private:
  std::string in_usage() const;
  [[noreturn]] void explain_missing_key(std::string_view key) const;
  void refuse_unknown_keys() const;
  bool has_key(std::string_view key) const;

  int number_;
  int end_column_ = 1;  // after the last word
  std::vector<Word> words_;
  std::string usage_;
};

}  // namespace cma
