// The answer about a log as data: a short one, and the evidence for it, each statement with the lines that it rests on
// and how certain it is; as text and as JSON.
//
// Made by explain_log(), printed by `cmacheck explain`. Cost: for output only.
#pragma once

#include <algorithm>
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
  bool in_brief = false;  // the short answer has it, with its lines: where people read both, it is left out
};

struct Section {
  std::string title;
  std::vector<Statement> statements;

  void add(Certainty certainty, std::string text, std::vector<std::uint64_t> lines = {}) {
    statements.push_back({certainty, std::move(text), std::move(lines), false});
  }
  // Returns whether all that it says stands in the short answer.
  bool is_in_brief() const { return !statements.empty() && std::ranges::all_of(statements, &Statement::in_brief); }
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
  std::vector<std::vector<PfnRange>> swept;  // the windows of each sweep as they were asked for
  std::vector<PfnRange> free_blocks;         // that must have been free when a window was tried
  std::optional<PfnRange> got;
  std::uint64_t first_line = 0;
  std::uint64_t last_line = 0;
  bool failed = false;          // the log shows that it failed in the end; false with Culprit::none: it got its pages
  bool of_single_page = false;  // it was for one page, whichever, and each without a buffer could not be moved
  std::vector<PfnRange> tried;  // the windows as they were asked for, in the order of the log
  std::uint64_t unseen = 0;     // windows without a line that must have been tried, at least
  // How certain what is said of each is.
  Certainty align_certainty = Certainty::guess;
  Certainty ending_certainty = Certainty::seen;
  Certainty culprit_certainty = Certainty::follows;
  Certainty tried_certainty = Certainty::fits;
  Certainty unseen_certainty = Certainty::fits;
  Certainty suspects_certainty = Certainty::fits;  // also of "no page is part of all windows"
};

// What a memory report says about a request for pages.
enum class Verdict : std::uint8_t {
  not_about_pages,  // vmalloc's line
  of_cgroup,        // the limit of a control group
  no_report,        // the log has no zone that the request may use
  refused,          // too few usable pages are free in each zone
  no_block,         // enough pages are free, but no block that is large enough and open to it
  granted,          // the printed state would grant it
  not_known,        // what the log has of the blocks does not tell
};
std::string_view word_of(Verdict verdict);

// A request for pages that failed, or a report that has lost its request.
struct PageFailureSummary {
  std::uint64_t line = 0;
  unsigned order = 0;
  std::optional<std::uint64_t> flags;  // as printed; nullopt if the line with them is missing
  Verdict verdict = Verdict::no_report;
  std::string zone;         // the one that decides; empty if the log has none
  std::int64_t usable = 0;  // pages of it that the request may have
  std::int64_t needed = 0;  // usable must be more than these
  bool at_most = false;     // the log does not have all that is kept from it: `usable` may be less
  bool own_report = false;  // the report after it is its own, not an earlier one
};

struct LogAnswer {
  std::uint64_t lines = 0;
  std::uint64_t facts = 0;
  std::string versions;  // of the kernel: "4.15 to 5.12"
  Certainty versions_certainty = Certainty::follows;
  std::uint64_t page_kb = 4;       // the size of a page
  bool page_kb_told = false;       // a line speaks for it; else it is the usual one
  std::string model;               // the modelled release that is nearest
  std::vector<std::string> brief;  // at most three
  std::vector<std::string> cited;  // the same, with the lines of what is a statement
  std::vector<Section> sections;
  std::vector<RequestSummary> requests;
  std::vector<PageFailureSummary> failures;
  std::vector<PfnRange> areas;       // that the log names
  std::vector<std::string> collect;  // what to do to learn more, each a command with its reason

  // Returns the short answer for people.
  const std::vector<std::string>& sentences() const { return cited.empty() ? brief : cited; }
};

// Returns line numbers as people write them: "lines 3, 5-9".
std::string lines_text(std::vector<std::uint64_t> lines);
// Returns the answer for people.
std::string answer_text(const LogAnswer& answer, std::string_view file);

}  // namespace cma::logs
