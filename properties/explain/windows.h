// What became of each window that alloc_contig_range was asked for: of one that failed the pages in the way, of one
// that was given the pages that made room for it.
//
// The watcher of a machine's windows during one run. The facts are the machine's at the moment of the refusal, the
// names those of the program's results. Part of the recorder (why.h). Cost: a walk over each window, and over the
// results for each refused page.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// Pages of one result that made room for windows of one operation.
struct MadeRoom {
  std::string name;     // of the result; the kind of page if it has none
  bool moved = false;   // otherwise dropped, or freed by its owner meanwhile
  bool cached = false;  // the pages were of a file or a block device
  std::uint64_t pages = 0;
  Pfn from = kNoPfn;  // the first of them, where it was
  Pfn to = kNoPfn;    // and, if moved, where it is now
};

// The windows that one operation was given.
struct GivenWindows {
  std::vector<PfnRange> ranges;
  std::vector<MadeRoom> made_room;
};

// The pages that an operation which asks for no window could not move.
struct StoppedPages {
  std::set<Pfn> all;               // compound pages by their first page
  std::vector<StoppedPage> pages;  // the first of them, in the order of the last attempts
};

class WindowRecorder final : public WindowWatcher {
 public:
  WindowRecorder() = default;
  ~WindowRecorder() override;
  WindowRecorder(const WindowRecorder&) = delete;
  WindowRecorder& operator=(const WindowRecorder&) = delete;

  // Forgets everything, and watches the windows of this machine. The world names the results.
  void watch(Machine& machine, const World& world);

  // Returns all windows that failed, in the order in which they ended.
  const std::vector<FailedWindow>& failed() const { return failed_; }
  // Returns those of one operation.
  std::vector<FailedWindow> failed_of(Slot op) const;
  // Returns the windows that an operation was given; nullptr if it was given none.
  const GivenWindows* given_to(Slot op) const;
  // Returns the pages that an operation which asks for no window could not move; nullptr if there are none.
  const StoppedPages* stopped_by(Slot op) const;
  // Returns the window that the actor tries now; nullopt if it tries none.
  std::optional<PfnRange> tried_by(ActorId actor) const;

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
    std::size_t in_call = 0;  // the calls of migrate_pages that had ended at the last attempt to migrate it
    std::size_t batch = 0;    // and those that had ended at the first one
    unsigned passes = 0;      // attempts within the last call
    bool in_the_way = false;  // for certain; otherwise it is if it is still there when the window ends untested
  };
  // A page in a window that had an owner when the window began; of the hugetlb pool, a huge page.
  struct OwnedPage {
    OwnerId owner = 0;
    Pfn from = kNoPfn;
    std::uint64_t pages = 1;
  };
  // A window whose allocation is under way.
  struct Window {
    PfnRange range;
    std::size_t first_record = 0;  // of the trace
    std::vector<OwnedPage> owned;
    std::map<Pfn, Seen> pages;
    std::map<Pfn, Seen> lost;  // pageblocks whose isolation another request has ended
    bool tested = false;       // test_pages_isolated has refused it, and named the pages
    Pfn tested_from = kNoPfn;  // the start of that test
  };

  void refuse_pageblock(Window& window, Pfn block, Refusal why) const;
  void refuse_free_page(Window& window, Pfn pfn, Pfn free_block) const;
  void window_given(Slot op, const Window& window);
  MadeRoom& room_of(GivenWindows& given, const std::string& name, bool moved, bool cached) const;
  std::string op_of_actor(ActorId actor) const;
  ActorId isolator_of(Pfn pfn) const;
  void refused_outside(Pfn pfn, Refusal why, int error);
  void count_attempt(Seen& seen, const Window& window) const;
  Pfn scanned_to(const Window& window) const;

  Machine* machine_ = nullptr;
  const World* world_ = nullptr;
  std::map<ActorId, Window> open_;  // by the actor that allocates
  std::vector<FailedWindow> failed_;
  std::map<Slot, GivenWindows> given_;
  std::map<Slot, StoppedPages> stopped_;
};

}  // namespace cma
