// Why windows failed: for each contiguous allocation of a run that did not get its range, the pages in the way, and for
// each page its kind, its holders, the step that refused it and the error.
//
// The recorder is the observer of a run, and from program_begins() on the watcher of the machine's windows. The facts
// are the machine's at the moment of the refusal, the names those of the program's results. Used by `cmacheck run
// --why`. Cost: a walk over each failed window, and over the results for each refused page; none for other runs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "properties/program/interpreter.h"

namespace cma {

// One page that was in the way, or a pageblock none of whose pages could be isolated.
struct StoppedPage {
  Pfn pfn = kNoPfn;
  bool pageblock = false;            // it stands for a pageblock, which begins at `pfn`
  std::string what;                  // "anonymous page of n: 2 references, 1 mapping"
  std::vector<std::string> holders;  // besides what its kind shows: "pin k", "the lru_add pagevec of CPU 1"
  std::string refused;               // "isolate_migratepages_block: not on the LRU"
  // Returns whether all but the place is equal.
  bool same_facts(const StoppedPage& other) const {
    return what == other.what && holders == other.holders && refused == other.refused;
  }
  friend bool operator==(const StoppedPage&, const StoppedPage&) = default;
};

// One window that failed.
struct FailedWindow {
  Slot op = 0;  // the operation that tried it
  PfnRange range;
  int error = 0;
  std::vector<StoppedPage> pages;  // those in the way, ascending; empty if there was none
};

class WhyRecorder final : public Observer, public WindowWatcher {
 public:
  // Makes a recorder of the runs of this interpreter, which must outlive it. Each run begins anew.
  explicit WhyRecorder(const Interpreter& interpreter) : interpreter_(interpreter) {}
  ~WhyRecorder() override;
  WhyRecorder(const WhyRecorder&) = delete;
  WhyRecorder& operator=(const WhyRecorder&) = delete;

  // Returns the windows that failed in the last run, in the order in which they ended.
  const std::vector<FailedWindow>& failed() const { return failed_; }
  // Returns the report as text; `op_text` formats an operation. Consecutive windows of one operation that failed on the
  // same pages are merged. "no window failed" if none did.
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
  // A page or pageblock that was refused at least once.
  struct Seen {
    StoppedPage page;
    unsigned attempts = 0;    // to migrate it
    bool in_the_way = false;  // for certain; otherwise it is if it is still there when the window ends untested
  };
  // A window whose allocation is under way.
  struct Window {
    PfnRange range;
    std::map<Pfn, Seen> pages;
    std::map<Pfn, Seen> lost;  // pageblocks whose isolation another request has ended
    bool tested = false;       // test_pages_isolated has refused it, and named the pages
  };

  void refuse_pageblock(Window& window, Pfn block, Refusal why) const;
  std::string op_of_actor(ActorId actor) const;
  Pfn in_range(const Window& window, Pfn pfn) const;

  const Interpreter& interpreter_;
  Machine* machine_ = nullptr;
  std::map<ActorId, Window> open_;  // by the actor that allocates
  std::vector<FailedWindow> failed_;
};

}  // namespace cma
