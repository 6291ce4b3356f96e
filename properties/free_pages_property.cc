// Promise: every free page is on one list and counted once.

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Walks every free list and per-CPU list of a machine from its head, again and again while a program runs.
class Recount final : public Witness {
 public:
  void control_changes(Machine& machine) override { check_if_touched(machine); }
  void op_performed(Machine& machine, std::size_t) override { check_if_touched(machine); }
  void program_ended(Machine& machine) override { check(machine); }

 private:
  // The laws, which come next, forget what was touched.
  void check_if_touched(Machine& machine) {
    if (!machine.map.touched_chunks().empty()) check(machine);
  }
  void check(Machine& machine) {
    if (!machine.booted()) return;
    map_ = &machine.map;
    pages_ = map_->pages().data();
    at_rest_ = machine.engine.at_rest();
    listed_.assign(map_->pages().size(), 0);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      count_free_blocks(machine.buddy.zone(z), z);
      for (int cpu = 0; cpu < machine.engine.cpus(); ++cpu) count_cached(machine, z, static_cast<unsigned>(cpu));
    }
    const auto frames = static_cast<Frame>(listed_.size());
    for (Frame frame = 0; frame < frames; ++frame) check_state(pages_[frame], frame, listed_[frame] != 0);
    check_isolated(machine);
  }

  // The counters leave out the free pages of isolated pageblocks, which no caller can have.
  void count_free_blocks(const Zone& zone, std::size_t z) {
    std::int64_t free = 0;
    std::int64_t free_cma = 0;
    for (unsigned order = 0; order < kOrderLimit; ++order) {
      std::uint64_t blocks = 0;
      for (unsigned type = 0; type < kMigratetypes; ++type) {
        const std::uint64_t listed = walk(zone.free_by_order[order].lists[type], z, order, kPageBuddy);
        const auto pages = static_cast<std::int64_t>(listed * order_pages(order));
        blocks += listed;
        if (migratetype_at(type) != Migratetype::isolate) free += pages;
        if (migratetype_at(type) == Migratetype::cma) free_cma += pages;
      }
      expect("nr_free of an order", zone.free_by_order[order].nr_free, blocks);
    }
    expect("nr_free_pages", zone.nr_free_pages, free);
    expect("nr_free_cma", zone.nr_free_cma, free_cma);
  }
  void count_cached(const Machine& machine, std::size_t z, unsigned cpu) {
    const PerCpuPages& pcp = machine.buddy.zone(z).pcp[cpu];
    std::uint64_t pages = 0;
    for (unsigned list = 0; list < machine.buddy.per_cpu().lists_in_use(); ++list) {
      const unsigned order = machine.buddy.per_cpu().list_order(list);
      pages += walk(pcp.lists[list], z, order, kPagePcp) * order_pages(order);
    }
    expect("a per-CPU count", pcp.count, pages);
  }

  // Returns the number of blocks on a list, and marks their pages as listed. Every block must be of the list's zone and
  // order, and none of its pages on a list that was walked before.
  std::uint64_t walk(const PageList& list, std::size_t zone, unsigned order, std::uint32_t flag) {
    std::uint64_t blocks = 0;
    Frame last = kNil;
    for (Frame head = list.first; head != kNil; head = pages_[head].next) {
      const bool fits = head < listed_.size() && order_pages(order) <= listed_.size() - head &&
                        map_->pfn(head) % order_pages(order) == 0;
      if (!fits) {
        claim(false, fmt::format("a list of order {} leads to frame {}", order, head));
        return blocks;
      }
      const Page& page = pages_[head];
      if (page.flags != flag || page.order != order || page.zone != zone || page.prev != last)
        claim(false, fmt::format("page {:#x} does not belong on a list of order {}", map_->pfn(head), order));
      for (Frame frame = head; frame < head + order_pages(order); ++frame) {
        if (listed_[frame] != 0) {
          claim(false, fmt::format("page {:#x} is listed twice", map_->pfn(frame)));
          // The list may lead back into itself.
          return blocks;
        }
        listed_[frame] = 1;
      }
      ++blocks;
      last = head;
    }
    claim(list.last == last, "a list does not end where its head says");
    return blocks;
  }

  // Checks that a page is on a list, or in use, or was never given to the allocator.
  void check_state(const Page& page, Frame frame, bool listed) {
    if (page.has(kPageBuddy | kPagePcp) && !listed)
      claim(false, fmt::format("page {:#x} is marked free and on no list", map_->pfn(frame)));
    constexpr std::uint32_t kElsewhere =
        kPageReserved | kPageHole | kPageLeaked | kPageInFlight | kPageTail | kPageHugetlb;
    const bool elsewhere = page.ref != 0 || page.owner != 0 || page.has(kElsewhere);
    if (listed && elsewhere)
      claim(false, fmt::format("page {:#x} is free, and in use or not the allocator's", map_->pfn(frame)));
    if (!listed && !elsewhere && at_rest_ && !in_block_in_use(frame))
      claim(false, fmt::format("page {:#x} is neither free nor in use", map_->pfn(frame)));
  }
  // Returns whether the page is one of a block of several that were allocated together: its first has the references.
  bool in_block_in_use(Frame frame) const {
    const Pfn pfn = map_->pfn(frame);
    for (unsigned order = 1; order < kOrderLimit; ++order) {
      const Pfn head = align_order(pfn, order);
      if (!map_->valid(head)) continue;
      const Page& page = map_->page(head);
      if (page.has(kPageHead | kPageSplitHead) && page.order >= order && page.ref > 0) return true;
    }
    return false;
  }

  void check_isolated(const Machine& machine) {
    std::vector<std::uint64_t> isolated(machine.buddy.zones(), 0);
    const std::uint64_t step = map_->pageblock_pages();
    for (Pfn block = map_->pageblock_start(map_->range().start); block < map_->range().end; block += step) {
      Pfn first = block;
      while (first < block + step && !map_->present(first)) ++first;
      if (map_->present(first) && map_->pageblock_type(first) == Migratetype::isolate)
        ++isolated[map_->page(first).zone];
    }
    for (std::size_t z = 0; z < isolated.size(); ++z)
      expect("nr_isolate_pageblock", machine.buddy.zone(z).nr_isolate_pageblock, isolated[z]);
  }

  template <class Counter, class Number>
  void expect(const char* name, Counter counter, Number recounted) {
    if (static_cast<std::int64_t>(counter) != static_cast<std::int64_t>(recounted))
      claim(false, fmt::format("{} is {}, a recount gives {}", name, counter, recounted));
  }

  const MemoryMap* map_ = nullptr;
  const Page* pages_ = nullptr;
  bool at_rest_ = false;
  std::vector<char> listed_;  // by frame: 1 if it is on a list that was walked
};

PROMISE(FreePagesPromise, are_on_one_list_and_counted_once,
        {.planted = {{Bug::isolated_counted, Release::v3_6},
                     {Bug::merge_from_isolated, Release::v3_6},
                     {Bug::merge_into_isolated, Release::v4_9}}}) {
  Recount recount;
  run_checked(program, &recount);
  recount.assert_all_held();
}

PROMISE(FreePagesPromise, obey_the_laws_lists_conserved_and_counters,
        {.planted = {{Bug::isolated_counted, Release::v3_6},
                     {Bug::merge_from_isolated, Release::v3_6},
                     {Bug::merge_into_isolated, Release::v4_9}}}) {
  assert_laws_hold(program, {Law::lists, Law::conserved, Law::counters});
}

}  // namespace
}  // namespace cma
