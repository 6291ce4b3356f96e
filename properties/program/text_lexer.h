// Lines of the text form as words. A word knows where it stands, so that every complaint can say so. Used by the parser
// only.
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
  bool used = false;  // by the field that read it
};

// The words of one line, without its comment: `#` at the beginning of a word ends the line.
std::vector<Word> split_words(std::string_view line);

}  // namespace cma
