// The answer about a log as data: a short one, and the evidence for it, each statement with the lines that it rests on
// and how certain it is; as text and as JSON.
//
// Made by explain_log(), printed by `cmacheck explain`. Cost: for output only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/pfn.h"

namespace cma::logs {

// How certain a statement is. README.md explains the words.
enum class Certainty : std::uint8_t {
  seen,     // a line says it
  follows,  // it follows from lines and from how the kernel works
  fits,     // it explains the lines; something else may too
  guess,    // it is usual
};
std::string_view word_of(Certainty certainty);

struct Statement {
  Certainty certainty = Certainty::seen;
  std::string text;
  std::vector<std::uint64_t> lines;
};

struct Section {
  std::string title;
  std::vector<Statement> statements;

  void add(Certainty certainty, std::string text, std::vector<std::uint64_t> lines = {}) {
    statements.push_back({certainty, std::move(text), std::move(lines)});
  }
};

// What kept a request from its pages.
enum class Culprit : std::uint8_t {
  unknown,
  no_room,            // no run of free bits is long enough: the area is full or fragmented
  page_in_the_way,    // a page of each window could not be moved
  no_room_or_page,    // the log does not tell which of the two
  no_memory_to_move,  // there was no memory to move pages to
  signal,             // the task was killed
  none,               // it got its pages
};
std::string_view word_of(Culprit culprit);

// One request, or several that failed alike.
struct RequestSummary {
  std::uint64_t count = 1;
  std::uint64_t pages = 0;
  bool pages_certain = false;
  std::optional<unsigned> align;
  std::string area;
  std::optional<int> error;
  Culprit culprit = Culprit::unknown;
  std::uint64_t windows = 0;
  std::vector<PfnRange> suspects;
  std::vector<Pfn> stopped_at;
  std::uint64_t first_line = 0;
  std::uint64_t last_line = 0;
};

struct LogAnswer {
  std::uint64_t lines = 0;
  std::uint64_t facts = 0;
  std::string versions;            // of the kernel: "4.15 to 5.12"
  std::string model;               // the modelled release that is nearest
  std::vector<std::string> brief;  // at most three
  std::vector<Section> sections;
  std::vector<RequestSummary> requests;
  std::vector<std::string> collect;  // what to do to learn more, each a command with its reason
};

// Returns line numbers as people write them: "lines 3, 5-9".
std::string lines_text(std::vector<std::uint64_t> lines);
// Returns the answer for people.
std::string answer_text(const LogAnswer& answer, std::string_view file);

}  // namespace cma::logs
