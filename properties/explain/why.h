// Why windows failed: for each contiguous allocation of a run that did not get its range, the pages in the way, what
// kind of page each was, who held it, and which step refused it with what.
//
// Listens to a run as an observer and to the machine as the watcher of windows; the machine gives facts, names are
// those of the program's results. Used by `cmacheck run --why`. Costs a walk over each failed window and over the
// results for each page in the way; a run without it pays nothing.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "properties/program/interpreter.h"

namespace cma {

// One page that was in the way, or a pageblock of which none could be had.
struct StoppedPage {
  Pfn pfn = kNoPfn;
  bool pageblock = false;
  std::string what;                  // "anonymous page of n: 2 references, 1 mapping"
  std::vector<std::string> holders;  // who holds it beyond what it is: "pin k", "the lru_add pagevec of CPU 1"
  std::string refused;               // "isolate_migratepages_block: not on the LRU"
  bool says_the_same(const StoppedPage& other) const {
    return what == other.what && holders == other.holders && refused == other.refused;
  }
  friend bool operator==(const StoppedPage&, const StoppedPage&) = default;
};

// One window that failed.
struct FailedWindow {
  Slot op = 0;  // the operation on whose behalf it was tried
  PfnRange range;
  int error = 0;
  std::vector<StoppedPage> pages;  // ascending; empty where no page was to blame
};

class WhyRecorder final : public Observer, public WindowWatcher {
 public:
  // The interpreter whose run is listened to.
  explicit WhyRecorder(const Interpreter& interpreter) : interpreter_(interpreter) {}
  ~WhyRecorder() override;
  WhyRecorder(const WhyRecorder&) = delete;
  WhyRecorder& operator=(const WhyRecorder&) = delete;

  const std::vector<FailedWindow>& failed() const { return failed_; }
  // All of it to be read; `op_text` tells an operation. Windows of one operation with the same pages in the way are
  // told together.
  std::string text(const std::function<std::string(Slot)>& op_text) const;

  // --- Observer ---
  void program_begins(Machine& machine) override;

  // --- WindowWatcher ---
  void window_begins(Pfn start, Pfn end) override;
  void page_refused(Pfn pfn, Refusal why, int error) override;
  void isolation_lost(Pfn block) override;
  void test_failed(Pfn outer_start, Pfn end, Pfn fin) override;
  void window_ended(int error) override;

 private:
  struct Seen {
    StoppedPage page;
    unsigned attempts = 0;  // to migrate it
    bool in_the_way = false;
  };
  struct Window {
    PfnRange range;
    std::map<Pfn, Seen> pages;
    std::map<Pfn, Seen> lost;  // pageblocks that somebody else has given back
    bool tested = false;
  };

  void refuse_pageblock(Window& window, Pfn block, Refusal why) const;
  std::string op_of_actor(ActorId actor) const;
  Pfn in_range(const Window& window, Pfn pfn) const;

  const Interpreter& interpreter_;
  Machine* machine_ = nullptr;
  std::map<ActorId, Window> open_;
  std::vector<FailedWindow> failed_;
};

}  // namespace cma
