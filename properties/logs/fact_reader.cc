#include "properties/logs/fact_reader.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace cma::logs {
namespace {

// Terminals and mail programs break lines at less; a longer line is none that goes on.
constexpr std::size_t kLongestBroken = 512;
// A console puts one line into another, not more.
constexpr std::size_t kMostStamps = 3;

// What stands before the text of the kernel is shorter.
constexpr std::size_t kLongestPrefix = 256;

// A place where the text has what a form begins with.
struct Place {
  std::size_t at;
  std::size_t form;
};

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Returns the places of all forms, in the order of the text.
std::vector<Place> places_in(std::string_view text, std::size_t from) {
  std::vector<Place> places;
  const auto forms = all_forms();
  for (std::size_t form = 0; form < forms.size(); ++form) {
    const std::string_view head = head_of(forms[form].pattern);
    for (std::size_t at = text.find(head, from); at != std::string_view::npos; at = text.find(head, at + head.size())) {
      const bool inside_word = at > 0 && is_alphanumeric(text[at - 1]) && is_alphanumeric(head[0]);
      // "Command line" and "Manufacturer" begin with either letter, and "CMA:" may follow "cma: ".
      if (!inside_word || head[0] == 'o' || head[0] == 'a') places.push_back({at, form});
    }
  }
  std::ranges::sort(places, {}, [](const Place& place) { return std::tuple(place.at, place.form); });
  return places;
}

// Returns whether a line has a time of its own, so that it continues no other.
bool has_stamp(std::string_view text) { return origin_of(text.substr(0, 80)).clock != Clock::none; }

// Returns where the text of a line ends into which a console has put another one, with a time stamp: before that stamp.
// Returns npos unless a form begins before it and goes on up to it.
std::size_t cut_by_other(std::string_view text, std::size_t from) {
  text = text.substr(0, std::min(text.size(), from + kLongestBroken));
  std::size_t stamps = 0;
  for (std::size_t at = text.find('[', from); at != std::string_view::npos; at = text.find('[', at + 1)) {
    Match match;
    if (match_pattern("[{seconds:u}.{micros:u}]", text, at, match) != Fit::whole) continue;
    // The line's own stamp comes first.
    if (++stamps > kMostStamps) break;
    const std::string_view head = text.substr(0, at);
    for (const Place& place : places_in(head, from))
      if (match_pattern(all_forms()[place.form].pattern, head, place.at, match) == Fit::begins) return at;
  }
  return std::string_view::npos;
}

// Returns the text without the blanks and quotation marks of a mail that it begins with.
std::string_view without_margin(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" >|"), text.size()));
  return text;
}

}  // namespace

const FieldValue* Fact::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &FieldValue::name);
  return found == fields.end() ? nullptr : &*found;
}

std::uint64_t Fact::number(std::string_view name) const {
  const FieldValue* value = field(name);
  return value == nullptr ? 0 : value->number;
}

std::string Fact::text(std::string_view name) const {
  const FieldValue* value = field(name);
  return value == nullptr ? std::string() : value->text;
}

std::string printed_text(const Fact& fact) {
  std::string text;
  std::string_view pattern = fact.form->pattern;
  for (const FieldValue& value : fact.fields) {
    text += head_of(pattern);
    text += value.text;
    pattern.remove_prefix(pattern.find('}') + 1);
  }
  return text += pattern;
}

std::optional<std::int64_t> time_between(const Origin& from, const Origin& to) {
  if (from.clock != to.clock || from.clock == Clock::none || from.epoch != to.epoch) return std::nullopt;
  if (to.micros < from.micros) return std::nullopt;
  return to.micros - from.micros;
}

FactReader::FactReader(Source source) : needles_(log_needles()), reader_(std::move(source), needles_) {}

bool FactReader::next(Fact& fact) {
  Line line;
  while (facts_.empty())
    if (reader_.next(line))
      read_line(line);
    else
      return false;
  fact = std::move(facts_.front());
  facts_.pop_front();
  if (fact.origin.clock == Clock::delta) sum_up(fact);
  return true;
}

// Makes the time since the line before one since the first of several lines that follow each other.
void FactReader::sum_up(Fact& fact) {
  if (fact.line > delta_line_ + 1) {
    delta_time_ = 0;
    delta_epoch_ = fact.line;
  } else if (fact.line != delta_line_) {
    delta_time_ += fact.origin.micros;
  }
  delta_line_ = fact.line;
  fact.origin.micros = delta_time_;
  fact.origin.epoch = delta_epoch_;
}

void FactReader::read_line(const Line& line) {
  const std::string text = plain_text(line.text);
  const bool follows = !broken_.empty() && line.number == last_line_ + 1;
  last_line_ = line.number;
  std::size_t from = 0;
  if (follows && !has_stamp(text)) {
    if (const auto taken = join(text)) {
      from = *taken;
    } else if (line.number - broken_line_ < kLinesAfter) {
      // It may have been broken twice.
      if (!line.matters && lengthen(text)) return;
    }
  }
  broken_.clear();
  if (!line.matters) return;
  const std::size_t end = facts_of(text, from, line.number);
  if (const std::size_t cut = cut_by_other(text, from); cut != std::string::npos) {
    broken_ = text.substr(from, cut - from);
    broken_line_ = line.number;
    return;
  }
  if (end < text.size() && text.size() - end <= kLongestBroken) {
    broken_ = text.substr(end);
    broken_line_ = line.number;
  }
}

// Reads the facts of a text from a position on. Returns the end of the last one.
std::size_t FactReader::facts_of(std::string_view text, std::size_t from, std::uint64_t number) {
  std::size_t end = from;
  for (const Place& place : places_in(text, from)) {
    if (place.at < end) continue;
    const Form& form = all_forms()[place.form];
    Match match;
    if (match_pattern(form.pattern, text, place.at, match) != Fit::whole) continue;
    const std::string_view before = text.substr(end, place.at - end);
    const Origin origin = origin_of(text.substr(0, std::min(place.at, kLongestPrefix)));
    facts_.push_back({&form, number, origin, std::string(before), std::move(match.fields)});
    end = match.end;
  }
  return end;
}

// Appends a text to the broken line; returns whether a form goes on through all of it.
bool FactReader::lengthen(std::string_view text) {
  for (const bool blank : {false, true}) {
    const std::string joined = broken_ + (blank ? " " : "") + std::string(without_margin(text));
    for (const Place& place : places_in(joined, 0)) {
      Match match;
      if (match_pattern(all_forms()[place.form].pattern, joined, place.at, match) != Fit::begins) continue;
      broken_ = joined;
      return true;
    }
  }
  return false;
}

// Reads a fact that begins in the broken line and ends in this text. Returns where in the text it ends.
std::optional<std::size_t> FactReader::join(std::string_view text) {
  const std::string_view rest = without_margin(text);
  const std::size_t margin = text.size() - rest.size();
  for (const bool blank : {false, true}) {
    const std::string joined = broken_ + (blank ? " " : "") + std::string(rest);
    const std::size_t border = broken_.size() + (blank ? 1 : 0);
    for (const Place& place : places_in(joined, 0)) {
      if (place.at >= broken_.size()) break;
      const Form& form = all_forms()[place.form];
      Match match;
      if (match_pattern(form.pattern, joined, place.at, match) != Fit::whole || match.end <= border) continue;
      facts_.push_back({&form, broken_line_, origin_of(std::string_view(joined).substr(0, place.at)),
                        joined.substr(0, place.at), std::move(match.fields)});
      return margin + match.end - border;
    }
  }
  return std::nullopt;
}

}  // namespace cma::logs
