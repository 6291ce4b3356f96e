// Reads the facts that a log holds: the lines of known forms, their fields, and where each comes from.
//
// A fact may stand anywhere in a line, whatever a logger has put before it; a line may hold several. One that was
// broken over two or three lines is joined, if the lines after it have no time stamp of their own. Used by explain_log.
// Cost: for lines that matter, a search for each form of the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "properties/logs/forms.h"
#include "properties/logs/line_reader.h"
#include "properties/logs/origin.h"
#include "properties/logs/pattern.h"

namespace cma::logs {

struct Fact {
  const Form* form = nullptr;
  std::uint64_t line = 0;
  Origin origin;
  std::string before;  // what stands before it in its line
  std::vector<FieldValue> fields;

  Says says() const { return form->says; }
  // Returns a field of the form; nullptr if it has no such one.
  const FieldValue* field(std::string_view name) const;
  // Returns its number, 0 if there is no such field.
  std::uint64_t number(std::string_view name) const;
  // Returns its text, empty if there is no such field.
  std::string text(std::string_view name) const;
};

// Returns the fact's own text, as it stands in the log.
std::string printed_text(const Fact& fact);
// Returns the time from one fact to a later one, in microseconds; nullopt if it is not known.
std::optional<std::int64_t> time_between(const Origin& from, const Origin& to);

class FactReader {
 public:
  explicit FactReader(Source source);
  // Gives the next fact; returns false at the end.
  bool next(Fact& fact);
  std::uint64_t lines() const { return reader_.lines(); }

 private:
  void sum_up(Fact& fact);
  void read_line(const Line& line);
  std::size_t facts_of(std::string_view text, std::size_t from, std::uint64_t number);
  bool lengthen(std::string_view text);
  std::optional<std::size_t> join(std::string_view text);

  NeedleSet needles_;
  LineReader reader_;
  std::deque<Fact> facts_;
  // A line whose last fact may go on in the next one.
  std::string broken_;
  std::uint64_t broken_line_ = 0;
  std::uint64_t last_line_ = 0;
  // Of the lines with times since the line before.
  std::uint64_t delta_line_ = 0;
  std::int64_t delta_time_ = 0;
  std::uint64_t delta_epoch_ = 0;
};

}  // namespace cma::logs
