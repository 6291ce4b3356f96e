#include "properties/program/text_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/program/text.h"
#include "properties/program/text_gfp.h"

namespace cma {
namespace {

bool looks_like_number(std::string_view text) { return !text.empty() && text.front() >= '0' && text.front() <= '9'; }

// Returns the names that may stand where `what` was expected, for errors.
template <class Map>
std::string known_names(const Map& names, std::string_view what) {
  if (names.empty()) return fmt::format(", and there is no {}", what);
  std::string text;
  for (const auto& [name, id] : names) text += (text.empty() ? "" : ", ") + name;
  return fmt::format(", only {}", text);
}

}  // namespace

void FieldReader::area(AreaRef& area) {
  const Word& word = line_.expect_next("an area");
  constexpr std::string_view kResult = "result:";
  if (word.value.starts_with(kResult)) {
    area = {true, result(word, std::string_view(word.value).substr(kResult.size()), "an area")};
    return;
  }
  if (const auto found = names_.areas.find(word.value); found != names_.areas.end()) {
    area = {false, found->second};
    return;
  }
  const bool known = word.value.starts_with('?') || names_.results.contains(word.value);
  if (!known)
    throw SyntaxError(word.column, fmt::format("expected an area: nothing is named `{}`{}", word.value,
                                               known_names(names_.areas, "area")));
  area = {true, result(word, word.value, "an area")};
}

void FieldReader::operand(OpRef& operand, const OperandSpec& spec) {
  const std::string noun(noun_of(spec.wanted));
  const bool vowel = std::string_view("aeiou").find(noun.front()) != std::string_view::npos;
  const std::string what = spec.wanted == Yields::pages ? "pages" : (vowel ? "an " : "a ") + noun;
  const Word* word = take(spec.name, spec.required, what);
  if (word != nullptr) operand.id = result(*word, word->value, what);
}

void FieldReader::place(Place& place, const PlaceSpec& spec) {
  const Word* word = take(spec.name, spec.required, "a page");
  if (word != nullptr) place = read_place(*word);
}

void FieldReader::number(std::uint64_t& value, const NumberSpec& spec) {
  if (spec.scale == Scale::gfp) {
    value = read_gfp(line_, program_.machine.release);
    return;
  }
  const Word* word = take(spec.name, spec.required, "a number");
  if (word == nullptr) {
    value = spec.fallback;
    return;
  }
  if (!spec.all.empty() && word->value == spec.all) {
    value = spec.max;
    return;
  }
  value = parse_number(word->value, word->value_column);
  const bool inside = value >= spec.min && (spec.all.empty() ? value <= spec.max : value < spec.max);
  // The value of a number that is left out cannot be written if it is none of its values.
  if (inside) return;
  const std::uint64_t last = spec.all.empty() ? spec.max : spec.max - 1;
  const std::string or_all = spec.all.empty() ? "" : fmt::format(", or `{}`", spec.all);
  throw SyntaxError(word->value_column, fmt::format("expected {} to {}{}", spec.min, last, or_all));
}

// Returns the index of the word that stands there; `fallback` if it is optional and none does.
std::size_t FieldReader::word_index(std::size_t fallback, const ChoiceSpec& spec) {
  if (spec.name.empty() && !spec.required) {
    for (std::size_t i = 0; i < spec.words.size(); ++i)
      if (line_.flag(spec.words[i])) fallback = i;
    return fallback;
  }
  const std::string words = fmt::format("{}", fmt::join(spec.words, "|"));
  const Word* word = take(spec.name, spec.required, words);
  if (word == nullptr) return fallback;
  std::string_view text = word->value;
  const bool joins = !spec.joined || text.starts_with('.');
  if (spec.joined && joins) text.remove_prefix(1);
  const auto found = std::find(spec.words.begin(), spec.words.end(), text);
  if (joins && found != spec.words.end()) return static_cast<std::size_t>(found - spec.words.begin());
  throw SyntaxError(word->value_column, fmt::format("expected {}, not `{}`", words, text));
}

void FieldReader::text(std::string& text, const TextSpec& spec) {
  const Word& word = *take(spec.name, true, spec.quoted ? "a text in quotes" : "a word");
  if (spec.quoted && !word.quoted)
    throw SyntaxError(word.value_column, fmt::format("expected a text in quotes, not `{}`", word.value));
  const bool fits =
      spec.words.empty() || std::find(spec.words.begin(), spec.words.end(), word.value) != spec.words.end();
  if (!fits)
    throw SyntaxError(word.value_column, fmt::format("expected {}, not `{}`", fmt::join(spec.words, "|"), word.value));
  text = word.value;
}

void FieldReader::actor(Performer& performer) {
  const Word& word = line_.expect_next("an actor");
  performer = find_actor(program_, word.value, word.column);
}

// Takes the word of a field: the next one, or that of `key=`. nullptr if it is optional and not there.
const Word* FieldReader::take(std::string_view key, bool required, std::string_view what) {
  if (key.empty()) return required ? &line_.expect_next(what) : line_.next();
  return required ? &line_.expect_keyed(key) : line_.keyed(key);
}

// Returns the identifier that `name`, or `?7`, stands for.
OpId FieldReader::result(const Word& word, std::string_view name, std::string_view what) const {
  if (name.starts_with('?')) {
    const std::uint64_t id = parse_number(name.substr(1), word.value_column + 1);
    if (id > 0xffff) throw SyntaxError(word.value_column, "expected an identifier below 65536");
    return static_cast<OpId>(id);
  }
  if (const auto found = names_.results.find(name); found != names_.results.end() && !word.quoted) return found->second;
  std::vector<std::string_view> known;
  for (const auto& [result_name, id] : names_.results) known.push_back(result_name);
  throw SyntaxError(word.value_column,
                    fmt::format("expected {}: nothing is named `{}`{}", what, name, suggestion(name, known)));
}

Place FieldReader::read_place(const Word& word) const {
  const std::string_view text = word.value;
  if (word.quoted) throw SyntaxError(word.value_column, "expected a page, not a text");
  const std::size_t plus = text.find('+');
  const std::string_view offset_text = plus == std::string_view::npos ? std::string_view{} : text.substr(plus + 1);
  const int offset_column = word.value_column + static_cast<int>(plus) + 1;
  const std::uint64_t offset = plus == std::string_view::npos ? 0 : parse_number(offset_text, offset_column);
  const std::string_view head = text.substr(0, plus);
  if (looks_like_number(head)) {
    const std::uint64_t pfn = parse_number(head, word.value_column);
    if (offset > kAnyNumber - pfn) throw SyntaxError(offset_column, "expected a frame number that fits into 64 bits");
    return Place::of_pfn(pfn + offset);
  }
  const bool area_meant = head.starts_with("area:");
  const std::string_view name = area_meant ? head.substr(5) : head;
  const auto area = names_.areas.find(name);
  if (area != names_.areas.end() && (area_meant || !names_.results.contains(name)))
    return Place::of_area({false, area->second}, offset);
  if (area_meant)
    throw SyntaxError(word.value_column, fmt::format("expected an area: nothing is named `{}`{}", name,
                                                     known_names(names_.areas, "area")));
  return Place::of_result(OpRef{result(word, head, "a page")}, offset);
}

Performer find_actor(const Program& program, std::string_view name, int column) {
  for (std::size_t i = 0; i < program.actors.size(); ++i)
    if (program.actors[i].name == name) return Performer::actor(i);
  if (is_actor_word(name) && name[3] - '0' < program.machine.cpus) return Performer::on_cpu(name[3] - '0');
  throw SyntaxError(column,
                    fmt::format("expected an actor: none is named `{0}` (a line `actor {0} cpu=0` adds it)", name));
}

}  // namespace cma
