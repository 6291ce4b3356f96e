// Lines of the text form as words. A word knows its column, so that every error can name it. Used by the parser only.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cma {

// Thrown inside the parser; parse() adds file and line.
class SyntaxError : public std::runtime_error {
 public:
  SyntaxError(int column, const std::string& message) : std::runtime_error(message), column_(column) {}
  int column() const { return column_; }

 private:
  int column_;
};

// `word`, `key=value`, `"text"`, or one of = == != < <= > >= standing alone.
struct Word {
  std::string key;  // empty: no `key=` before the value
  std::string value;
  bool quoted = false;
  int column = 1;
  int value_column = 1;
  bool used = false;  // taken by what reads the line
};

// Returns the words of a line, without its comment, which a `#` begins where a word could begin. Throws SyntaxError.
std::vector<Word> split_words(std::string_view line);

}  // namespace cma
