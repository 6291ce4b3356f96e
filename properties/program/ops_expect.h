// Expectations: what must be true at this place of a program. They change nothing, and do not finish boot.
//
// perform() throws ExpectationUnmet (world.h) with what was found; the interpreter makes a finding of law `expect` of
// it, or ignores it if the run's options say so. An expectation about a result whose operation has not been performed
// is not met. Words stand in the order of the enumerators that they spell.
#pragma once

#include "properties/program/fields.h"
#include "properties/program/law.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

// How two figures are compared in an expectation.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
inline constexpr std::string_view kCompareWords[] = {"==", "!=", "<", "<=", ">", ">="};

// How an operation ended: `gone` was obtained and given back since, `inside` has not ended.
inline constexpr std::string_view kStateWords[] = {"ok", "failed", "skipped", "inside", "gone"};
enum class StateWord : std::uint8_t { ok, failed, skipped, inside, gone };

// `expect b.failed`. A result that is gone is `ok` too: it was obtained.
struct ExpectState {
  static constexpr OpInfo kInfo{
      .verb = "expect", .performed = Performed::without_actor, .any_time = true, .help = "how an operation ended"};
  OpRef result;
  StateWord state = StateWord::ok;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.result, {});
    visit.choice(self.state, {.words = kStateWords, .joined = true});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectState&, const ExpectState&) = default;
};

inline constexpr std::string_view kFigureWords[] = {"pfn", "pages"};
enum class FigureWord : std::uint8_t { pfn, pages };

// `expect b.pfn == main+0x10`, `expect b.pages == 4`. A place stands for its frame, a bare number for itself. Not met
// if the result has no frame, or the place no page.
struct ExpectFigure {
  static constexpr OpInfo kInfo{.verb = "expect",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "where a result lies, or its size; the value may be a number"};
  OpRef result;
  FigureWord figure = FigureWord::pfn;
  Compare compare = Compare::eq;
  Place value = Place::of_pfn(0);
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.result, {});
    visit.choice(self.figure, {.words = kFigureWords, .joined = true});
    visit.choice(self.compare, {.words = kCompareWords});
    visit.place(self.value, {.decimal = self.figure == FigureWord::pages});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectFigure&, const ExpectFigure&) = default;
};

inline constexpr std::string_view kErrorWords[] = {"0",       "-EINTR", "-EIO",    "-ENOENT", "-EAGAIN", "-ENOMEM",
                                                   "-EFAULT", "-EBUSY", "-EINVAL", "-ENOSPC", "-ENOSYS"};
enum class ErrorWord : std::uint8_t { none, eintr, eio, enoent, eagain, enomem, efault, ebusy, einval, enospc, enosys };

// `expect b == -ENOMEM`; 0 is no error. Not met by an operation that was skipped or has not ended.
struct ExpectError {
  static constexpr OpInfo kInfo{.verb = "expect",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "the error that an operation returned"};
  OpRef result;
  Compare compare = Compare::eq;
  ErrorWord error = ErrorWord::none;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.result, {});
    visit.choice(self.compare, {.words = kCompareWords});
    visit.choice(self.error, {.words = kErrorWords});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectError&, const ExpectError&) = default;
};

inline constexpr std::string_view kCounterWords[] = {"free_cma", "free_pages", "skipped", "time"};
enum class CounterWord : std::uint8_t { free_cma, free_pages, skipped, time };

// `expect free_cma == 508`: a counter over all zones, the operations skipped, or the microseconds since boot.
struct ExpectCounter {
  static constexpr OpInfo kInfo{.verb = "expect",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "a counter of the machine or of the run"};
  CounterWord counter = CounterWord::free_cma;
  Compare compare = Compare::eq;
  std::uint64_t value = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.choice(self.counter, {.words = kCounterWords});
    visit.choice(self.compare, {.words = kCompareWords});
    visit.number(self.value, {.required = true});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectCounter&, const ExpectCounter&) = default;
};

// Figures of a zone in pages, as /proc/zoneinfo and the memory report have them: the watermarks with the boost.
inline constexpr std::string_view kZoneWords[] = {
    "free", "boost", "min", "low", "high", "spanned", "present", "managed", "cma", "free_cma", "reserved_highatomic"};
enum class ZoneWord : std::uint8_t {
  free,
  boost,
  min,
  low,
  high,
  spanned,
  present,
  managed,
  cma,
  free_cma,
  reserved_highatomic
};

// `expect zone DMA.min == 2607`. Not met if the machine has no zone of that name.
struct ExpectZone {
  static constexpr OpInfo kInfo{.verb = "expect zone",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "a figure of a zone, in pages; the watermarks include the boost"};
  std::string zone = "Normal";
  ZoneWord figure = ZoneWord::free;
  Compare compare = Compare::eq;
  std::uint64_t value = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.zone, {.quoted = false});
    visit.choice(self.figure, {.words = kZoneWords, .joined = true});
    visit.choice(self.compare, {.words = kCompareWords});
    visit.number(self.value, {.required = true});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectZone&, const ExpectZone&) = default;
};

// ExpectLine::times of an expectation that names no number: one line or more.
inline constexpr std::uint64_t kAnyTimes = kAnyNumber;

enum class LineSource : std::uint8_t { log, trace };

// `expect log "is busy, retrying" times=2`: the lines so far that contain the text. With `next` the search begins after
// the line that the last `next` of this source found: a list of them checks an order.
template <LineSource Source>
struct ExpectLine {
  static constexpr OpInfo kInfo{
      .verb = Source == LineSource::log ? "expect log" : "expect trace",
      .performed = Performed::without_actor,
      .any_time = true,
      .help = "lines contain a text: at least one, `times`, or none; `next` searches after the last one it found"};
  std::string text;
  bool next = false;
  bool never = false;
  std::uint64_t times = kAnyTimes;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.flag(self.next, "next");
    visit.text(self.text, {});
    visit.flag(self.never, "never");
    visit.number(self.times, {.name = "times", .fallback = kAnyTimes, .max = kAnyTimes - 1});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectLine&, const ExpectLine&) = default;
};

// `expect cat cma/main/used "148"`: one of the file's lines equals this, apart from blanks at the ends.
struct ExpectCat {
  static constexpr OpInfo kInfo{.verb = "expect cat",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "a line of a file equals this"};
  std::string path;
  std::string line;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.path, {.quoted = false});
    visit.text(self.line, {});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectCat&, const ExpectCat&) = default;
};

// `free` is on a free list (`buddy`) or on a per-CPU list (`pcp`); where no page is, there is a `hole`.
inline constexpr std::string_view kPageStateWords[] = {"any", "free", "buddy", "pcp", "used", "hole"};
enum class PageStateWord : std::uint8_t { any, free, buddy, pcp, used, hole };
inline constexpr std::string_view kBlockTypeWords[] = {"any",        "unmovable", "movable", "reclaimable",
                                                       "highatomic", "cma",       "isolate"};
enum class BlockTypeWord : std::uint8_t { any, unmovable, movable, reclaimable, highatomic, cma, isolate };

// `expect page main+0x50 buddy order=4 type=cma`, `expect page main+3 used ref=2 owner=u`. Compares only the fields
// that are given. `type` is that of the pageblock; `owner` names the result that the page's owner is part of.
struct ExpectPage {
  static constexpr OpInfo kInfo{
      .verb = "expect page", .performed = Performed::without_actor, .any_time = true, .help = "the state of a page"};
  Place page = Place::of_pfn(0);
  PageStateWord state = PageStateWord::any;
  std::uint64_t order = kAnyNumber;
  std::uint64_t ref = kAnyNumber;
  BlockTypeWord type = BlockTypeWord::any;
  OpRef owner;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.page, {});
    visit.choice(self.state, {.words = kPageStateWords, .required = false});
    visit.number(self.order, {.name = "order", .fallback = kAnyNumber, .max = kAnyNumber - 1, .scale = Scale::order});
    visit.number(self.ref, {.name = "ref", .fallback = kAnyNumber, .max = kAnyNumber - 1, .scale = Scale::times});
    visit.choice(self.type, {.name = "type", .words = kBlockTypeWords, .required = false});
    visit.operand(self.owner, {.name = "owner", .wanted = Yields::pages, .required = false});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectPage&, const ExpectPage&) = default;
};

// `expect finding law=bitmap`: the run must break this law. Interpreter::run() checks it when the run has ended,
// wherever the line stands; perform() does nothing.
struct ExpectFinding {
  static constexpr OpInfo kInfo{.verb = "expect finding",
                                .performed = Performed::without_actor,
                                .any_time = true,
                                .help = "the run breaks this law"};
  std::string law;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.law, {.name = "law", .quoted = false, .words = law_names()});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const ExpectFinding&, const ExpectFinding&) = default;
};

}  // namespace cma
