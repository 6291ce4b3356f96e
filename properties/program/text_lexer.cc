#include "properties/program/text_lexer.h"

namespace cma {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  std::vector<Word> words() {
    std::vector<Word> words;
    while (true) {
      while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
      if (at_ == line_.size() || line_[at_] == '#') return words;
      words.push_back(word());
    }
  }

 private:
  int column() const { return static_cast<int>(at_) + 1; }

  Word word() {
    Word word;
    word.column = column();
    word.value_column = word.column;
    if (line_[at_] == '"') {
      word.value = quoted();
      word.quoted = true;
      return word;
    }
    const std::size_t start = at_;
    while (at_ < line_.size() && !is_blank(line_[at_]) && line_[at_] != '"') {
      // The first "=" inside a word ends its key; "==" and its like stand alone.
      if (line_[at_] == '=' && at_ > start && is_key(line_.substr(start, at_ - start))) return keyed(word, start);
      ++at_;
    }
    if (at_ < line_.size() && line_[at_] == '"') throw SyntaxError(column(), "expected a blank before `\"`");
    word.value = line_.substr(start, at_ - start);
    return word;
  }

  static bool is_key(std::string_view text) {
    for (const char c : text)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
    return true;
  }

  Word keyed(Word word, std::size_t start) {
    word.key = line_.substr(start, at_ - start);
    ++at_;
    word.value_column = column();
    if (at_ < line_.size() && line_[at_] == '"') {
      word.value = quoted();
      word.quoted = true;
      return word;
    }
    const std::size_t value = at_;
    while (at_ < line_.size() && !is_blank(line_[at_])) ++at_;
    word.value = line_.substr(value, at_ - value);
    if (word.value.empty()) throw SyntaxError(word.value_column, "expected a value after `" + word.key + "=`");
    return word;
  }

  std::string quoted() {
    const int opening = column();
    std::string text;
    ++at_;
    while (at_ < line_.size() && line_[at_] != '"') {
      if (line_[at_] == '\\')
        text += escaped();
      else
        text += line_[at_++];
    }
    if (at_ == line_.size()) throw SyntaxError(opening, "expected a closing `\"` on this line");
    ++at_;
    if (at_ < line_.size() && !is_blank(line_[at_])) throw SyntaxError(column(), "expected a blank after `\"`");
    return text;
  }

  char escaped() {
    const int start = column();
    const char c = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
    at_ += 2;
    if (c == '"' || c == '\\') return c;
    if (c == 'n') return '\n';
    if (c == 'x' && at_ + 1 < line_.size()) {
      const int high = hex_digit(line_[at_]);
      const int low = hex_digit(line_[at_ + 1]);
      at_ += 2;
      if (high >= 0 && low >= 0) return static_cast<char>(high * 16 + low);
    }
    throw SyntaxError(start, "expected one of \\\" \\\\ \\n \\xHH");
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Word> split_words(std::string_view line) { return Splitter(line).words(); }

}  // namespace cma
