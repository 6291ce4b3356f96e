// An answer to "why did it fail?" as data: one operation, the short answer, and the evidence for it; and its two forms,
// text for people and JSON.
//
// A piece of evidence has a sentence and the figures in it, so both forms say the same. Made by the recorder (why.h)
// and the explanations of each kind of operation (why_kinds.h), printed by `cmacheck run --why`. Cost: for output only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "allocator/base/pfn.h"
#include "properties/program/slot.h"

namespace cma {

// How many runs, holders or ranges an answer lists; the others are summed up.
inline constexpr std::size_t kListed = 8;

// One page that was in the way (a compound page by its first), or a pageblock none of whose pages could be isolated.
struct StoppedPage {
  Pfn pfn = kNoPfn;
  std::uint64_t pages = 1;           // of a compound page
  bool pageblock = false;            // it stands for a pageblock, which begins at `pfn`
  std::string what;                  // "anonymous page of n: 2 references, 1 mapping"
  std::vector<std::string> holders;  // besides what its kind shows: "pin k", "the lru_add pagevec of CPU 1"
  std::string refused;               // "isolate_migratepages_block: not on the LRU"
  bool in_slots_only = false;        // its holders are slots of buffer heads
  // Returns whether it was refused for the same reason, though perhaps held by others.
  bool same_reason(const StoppedPage& other) const {
    return what == other.what && refused == other.refused && pageblock == other.pageblock && pages == other.pages;
  }
  friend bool operator==(const StoppedPage&, const StoppedPage&) = default;
};

// One window that failed.
struct FailedWindow {
  Slot op = 0;  // the operation that tried it
  PfnRange range;
  int error = 0;
  std::vector<StoppedPage> pages;  // those in the way, ascending; empty if there was none
  std::string note;                // why it failed, if no page was in the way and that is known
  Pfn tested_from = kNoPfn;        // the start that a line of the log has, if that is another one
  std::uint64_t to_move = 0;       // pages that were still in use in it when memory ran out; 0 if it did not
};

// A number or text of a piece of evidence, by its name in JSON.
struct Figure {
  std::string_view name;
  std::variant<std::uint64_t, std::int64_t, std::string> value;
};

// What a piece of evidence is about. Its word stands at the left of its line, and under "kind" in JSON.
enum class About : std::uint8_t {
  wanted,  // what the operation needed
  found,   // what there was
  got,     // how far it came
  run,     // a run of free bits of an area
  held,    // the holder of a part of an area or of memory
  zone,    // a zone, and why it gave no page
  page,    // a page that decided, and its holders
  window,  // the window that a request got
  moved,   // pages that made room for it
  would,   // what would have helped
  area,    // an area that could not be activated
  left,    // what the operation left behind
  log,     // why the log has no line
  bug,     // a bug of the machine that changed what happened
  next,    // what the kernel does next, where the model ends
  ended,   // the operation inside which it ended, if that is a later one
};
std::string_view word_of(About about);

struct Evidence {
  About about = About::found;
  std::string text;
  std::vector<Figure> figures;
  bool of_request = false;      // by this remedy the one request that was refused would pass
  bool of_operation = false;    // it is about all that the operation wants, not about the request that was refused
  std::string as_request = {};  // what `text` is of one request, where it is of the next of many
};

// How the operation ended.
enum class Ending : std::uint8_t { failed, succeeded, skipped, not_ended };
std::string_view word_of(Ending ending);

struct Answer {
  Slot op = 0;
  std::string_view heading;  // of an answer about something else than its operation: "the end of boot, before "
  Ending ending = Ending::failed;
  int error = 0;  // 0 or negative errno, as the operation returned it
  // Of a request to an area that failed: the error of its last sweep, which the log has and the caller does not get.
  int sweep_error = 0;
  bool in_log = false;           // that error is in a line of the log
  bool busy_is_limited = false;  // lines about busy windows fall to a rate limit (4.13)
  std::string brief;             // the short answer, without the error
  std::string subject;           // what was asked, if the same facts mean another thing for another one: "area a"
  std::vector<Evidence> evidence;
  std::vector<FailedWindow> windows;  // those that it tried in vain, in order
  std::vector<Evidence> fallback;     // about what it asked for when these had failed

  void add(About about, std::string text, std::vector<Figure> figures = {}) {
    evidence.push_back({about, std::move(text), std::move(figures)});
  }
};

// Returns the answer as text, without the text of the operation. Windows that failed for the same reasons are merged,
// and so are the pages of a window.
std::string answer_text(const Answer& answer);
// Returns the answers as text, each below its operation, which `op_text` formats. An answer that differs from an
// earlier one in nothing or in a few lines refers to that: those lines follow.
std::string answers_text(const std::vector<Answer>& answers, const std::function<std::string(Slot)>& op_text);
// Returns the answer as a JSON object, without the text of the operation.
nlohmann::json answer_json(const Answer& answer);

}  // namespace cma
