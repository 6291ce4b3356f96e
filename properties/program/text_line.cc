#include "properties/program/text_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "properties/program/program.h"

namespace cma {

std::uint64_t parse_number(std::string_view text, int column) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  const std::uint64_t base = hexadecimal ? 16 : 10;
  std::uint64_t value = 0;
  if (text.empty()) throw SyntaxError(column, "expected a number here");
  if (digits.empty()) throw SyntaxError(column, fmt::format("expected a number, not `{}`", text));
  for (const char c : digits) {
    std::uint64_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint64_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<std::uint64_t>(c - 'A') + 10;
    if (digit >= base) throw SyntaxError(column, fmt::format("expected a number, not `{}`", text));
    if (value > (kAnyNumber - digit) / base)
      throw SyntaxError(column, fmt::format("expected a number that fits into 64 bits, not `{}`", text));
    value = value * base + digit;
  }
  return value;
}

std::uint64_t number_in(const Word& word, std::uint64_t max, std::string_view name) {
  const std::uint64_t value = parse_number(word.value, word.value_column);
  if (value > max) throw SyntaxError(word.value_column, fmt::format("{} must be at most {}", name, max));
  return value;
}

std::string shown(const Word& word) {
  const std::string value = word.quoted ? "\"" + word.value + "\"" : word.value;
  return word.key.empty() ? value : word.key + "=" + value;
}

namespace {

// Returns the least number of letters to insert, delete or replace that makes one word of the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j < row.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  // Longer words are no names, and would only cost time.
  if (word.empty() || word.size() > kMaxNameLength) return {};
  std::size_t least = word.size() < 5 ? 2 : 3;
  std::string_view best;
  for (const std::string_view candidate : candidates) {
    const std::size_t differ = distance(word, candidate);
    if (differ >= least || differ >= candidate.size()) continue;
    least = differ;
    best = candidate;
  }
  // Part of a name: `alloc` for `cma_alloc`.
  const std::string part = fmt::format("_{}_", word);
  for (const std::string_view candidate : candidates)
    if (best.empty() && word.size() > 3 && fmt::format("_{}_", candidate).find(part) != std::string::npos)
      best = candidate;
  return best.empty() ? "" : fmt::format(": did you mean `{}`?", best);
}

Line::Line(int number, std::string_view text) : number_(number), words_(split_words(text)) {
  end_column_ = static_cast<int>(text.find_last_not_of(" \t\r") + 1) + 1;
}

Word* Line::next() {
  for (Word& word : words_) {
    if (word.used || !word.key.empty()) continue;
    word.used = true;
    return &word;
  }
  return nullptr;
}

const Word* Line::peek() const {
  for (const Word& word : words_)
    if (!word.used && word.key.empty()) return &word;
  return nullptr;
}

Word& Line::expect_next(std::string_view what) {
  Word* word = next();
  if (word == nullptr) {
    refuse_unknown_keys();
    throw SyntaxError(end_column_, fmt::format("expected {}{}", what, in_usage()));
  }
  return *word;
}

std::string Line::expect_name(std::string_view what) {
  const Word& word = expect_next(what);
  if (word.quoted || !is_name(word.value))
    throw SyntaxError(word.column, fmt::format("expected {}, not `{}`", what, shown(word)));
  return word.value;
}

Word* Line::keyed(std::string_view key) {
  Word* found = nullptr;
  for (Word& word : words_) {
    if (word.key != key) continue;
    if (found != nullptr) throw SyntaxError(word.column, fmt::format("`{}=` is given twice", key));
    found = &word;
  }
  if (found != nullptr) found->used = true;
  return found;
}

Word& Line::expect_keyed(std::string_view key) {
  Word* word = keyed(key);
  if (word == nullptr) explain_missing_key(key);
  return *word;
}

namespace {

// Returns whether `text` has `word` between characters that no word has.
bool has_word(std::string_view text, std::string_view word) {
  const auto part_of_word = [](char c) {
    return c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  };
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !part_of_word(text[at - 1]);
    if (begins && (end == text.size() || !part_of_word(text[end]))) return true;
  }
  return false;
}

// Returns what a usage has after `key=`, up to the next blank.
std::string_view choices_of(std::string_view usage, std::string_view key) {
  const std::size_t at = usage.find(fmt::format("{}=", key));
  if (at == std::string_view::npos) return {};
  const std::string_view rest = usage.substr(at + key.size() + 1);
  return rest.substr(0, rest.find(' '));
}

}  // namespace

// Throws for the value that stands there without its key, or with blanks around the `=`; else for the missing key.
void Line::explain_missing_key(std::string_view key) const {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const Word& word = words_[i];
    if (word.used || word.quoted || !word.key.empty()) continue;
    const std::string_view next = i + 1 < words_.size() ? std::string_view(words_[i + 1].value) : std::string_view{};
    if (word.value == key && next.starts_with('=') && (next.size() > 1 || i + 2 < words_.size())) {
      const std::string_view value = next.size() > 1 ? next.substr(1) : std::string_view(words_[i + 2].value);
      throw SyntaxError(word.column, fmt::format("expected `{}={}` without blanks", key, value));
    }
    // A flag of the line, or a choice of another key, is not the value.
    if (has_word(choices_of(usage_, key), word.value) || !has_word(usage_, word.value))
      throw SyntaxError(word.column, fmt::format("expected `{0}={1}`, not `{1}`{2}", key, word.value, in_usage()));
  }
  refuse_unknown_keys();
  throw SyntaxError(end_column_, fmt::format("expected `{}=`{}", key, in_usage()));
}

// Throws for the first `key=` that such a line does not have.
void Line::refuse_unknown_keys() const {
  for (const Word& word : words_)
    if (!word.used && !word.key.empty() && !has_key(word.key))
      throw SyntaxError(word.column, fmt::format("`{}` does not belong here{}", shown(word), in_usage()));
}

// Returns whether the usage has `key=`.
bool Line::has_key(std::string_view key) const {
  return usage_.find(fmt::format(" {}=", key)) != std::string::npos ||
         usage_.find(fmt::format("[{}=", key)) != std::string::npos;
}

bool Line::flag(std::string_view name) {
  for (Word& word : words_) {
    if (word.used || word.quoted || !word.key.empty() || word.value != name) continue;
    word.used = true;
    return true;
  }
  return false;
}

void Line::finish() const {
  const auto word = std::find_if(words_.begin(), words_.end(), [](const Word& each) { return !each.used; });
  if (word == words_.end()) return;
  if (word->value.starts_with("//"))
    throw SyntaxError(word->column, fmt::format("a comment begins with `#`, not `{}`", word->value));
  if (word->key.empty() && has_key(word->value))
    throw SyntaxError(word->column, fmt::format("expected a value: `{}=`, then the value without blanks", word->value));
  throw SyntaxError(word->column, fmt::format("`{}` does not belong here{}", shown(*word), in_usage()));
}

std::string Line::in_usage() const { return usage_.empty() ? "" : fmt::format(" in `{}`", usage_); }

}  // namespace cma
