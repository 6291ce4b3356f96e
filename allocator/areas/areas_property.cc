// Pages are freed in runs unless a watcher or the trace wants each of them. That must not change what the machine does:
// not the order of any list, not a counter, not a step.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

struct Step {
  unsigned kind;  // allocate, release, release a part, pin or unpin, take pages, drain
  unsigned area;
  std::uint64_t count;
  unsigned align;
  std::size_t choice;
};

rc::Gen<Step> any_step() {
  return rc::gen::construct<Step>(rc::gen::inRange(0U, 9U), rc::gen::inRange(0U, 2U),
                                  rc::gen::inRange<std::uint64_t>(1, 120), rc::gen::inRange(0U, 5U),
                                  rc::gen::inRange<std::size_t>(0, 1000));
}

class PassEveryPoint final : public PointWatcher {
 public:
  bool at_point(Point) override { return false; }
};

// A machine, and the buffers and pins that a history holds.
class Subject {
 public:
  explicit Subject(const Geometry& geometry) : machine(make_machine(geometry)) {}

  void perform(const Step& step) {
    machine->engine.assume(kMainActor);
    switch (step.kind) {
      case 0:
      case 1:
      case 2: return allocate(step);
      case 3:
      case 4: return release(step, false);
      case 5: return release(step, true);
      case 6: return pin_or_unpin(step);
      case 7: return take_pages(step);
      default: run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    }
  }

  std::unique_ptr<Machine> machine;

 private:
  struct Buffer {
    AreaId area;
    Pfn pfn;
    std::uint64_t count;
  };
  void allocate(const Step& step) {
    const Pfn pfn = run_now(machine->areas.cma_alloc(step.area, step.count, step.align, Warn::yes));
    if (pfn != kNoPfn) buffers.push_back({step.area, pfn, step.count});
  }
  void release(const Step& step, bool part) {
    if (buffers.empty()) return;
    const std::size_t index = step.choice % buffers.size();
    Buffer& buffer = buffers[index];
    const std::uint64_t bit = order_pages(machine->areas.area(buffer.area).order_per_bit);
    const std::uint64_t half = align_down(buffer.count / 2, bit);
    const std::uint64_t count = part && half > 0 ? half : buffer.count;
    run_now(machine->areas.cma_release(buffer.area, buffer.pfn, count));
    buffer.pfn += count;
    buffer.count -= count;
    if (buffer.count == 0) buffers.erase(buffers.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void pin_or_unpin(const Step& step) {
    if (!pins.empty() && step.choice % 2 == 0) {
      run_now(machine->lru.references().put_page(pins.back()));
      pins.pop_back();
    } else if (!buffers.empty()) {
      const Buffer& buffer = buffers[step.choice % buffers.size()];
      pins.push_back(buffer.pfn + step.choice % buffer.count);
      machine->lru.references().get_page(pins.back());
    }
  }
  void take_pages(const Step& step) {
    const Pfn pfn = machine->buddy.alloc_pages(step.choice % 2 == 0 ? kGfpKernel : kGfpHighuserMovable, step.align);
    if (pfn != kNoPfn && step.choice % 3 != 0) run_now(machine->buddy.free_pages(pfn, step.align));
  }

  std::vector<Buffer> buffers;
  std::vector<Pfn> pins;
};

void check_equal_pages(const Machine& a, const Machine& b) {
  for (Pfn pfn = a.map.range().start; pfn < a.map.range().end; ++pfn) {
    const Page& x = a.map.page(pfn);
    const Page& y = b.map.page(pfn);
    RC_ASSERT(x.ref == y.ref && x.map == y.map && x.flags == y.flags && x.owner == y.owner && x.token == y.token);
    RC_ASSERT(x.next == y.next && x.prev == y.prev);
    // The order of a page that heads nothing is left over.
    if (x.has(kPageBuddy | kPagePcp)) {
      RC_ASSERT(x.order == y.order && x.list_type == y.list_type);
    }
  }
}

void watching_changes_nothing(Release release) {
  Geometry geometry = default_small_geometry(release);
  geometry.pageblock_order = *rc::gen::inRange(3U, 6U);
  geometry.pcp_batch = *rc::gen::inRange(1, 9);
  geometry.pcp_high = *rc::gen::inRange(0, 80);
  Subject plain(geometry);
  Subject with_events(geometry);
  with_events.machine->trace.set_page_events(true);
  Subject with_watcher(geometry);
  PassEveryPoint watcher;
  with_watcher.machine->engine.set_watcher(&watcher);
  const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
  for (const Step& step : steps) {
    for (Subject* subject : {&plain, &with_events, &with_watcher}) subject->perform(step);
    for (const Subject* other : {&with_events, &with_watcher}) {
      check_equal_pages(*plain.machine, *other->machine);
      RC_ASSERT(plain.machine->buddy.zone(0) == other->machine->buddy.zone(0));
      RC_ASSERT(plain.machine->engine.steps() == other->machine->engine.steps());
    }
    RC_ASSERT(plain.machine->trace.hash() == with_watcher.machine->trace.hash());
  }
}

RC_GTEST_PROP(AreasProperty, WatchingPagesChangesNothingOn419, ()) { watching_changes_nothing(Release::v4_19); }
RC_GTEST_PROP(AreasProperty, WatchingPagesChangesNothingOn61, ()) { watching_changes_nothing(Release::v6_1); }
RC_GTEST_PROP(AreasProperty, WatchingPagesChangesNothingOn612, ()) { watching_changes_nothing(Release::v6_12); }

}  // namespace
}  // namespace cma
