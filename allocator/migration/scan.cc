// Collecting pages to migrate: isolate_migratepages_range and isolate_migratepages_block, synchronous mode.

#include <algorithm>
#include <optional>

#include "allocator/base/error.h"
#include "allocator/migration/migration.h"

namespace cma {
namespace {

// congestion_wait / reclaim_throttle: up to HZ/10.
constexpr Time kThrottleSleep = 100 * kMillisecond;
// Locks are dropped and signals looked at every SWAP_CLUSTER_MAX pfns.
constexpr Pfn kScanBatch = 32;
// A free page of the hugetlb pool has become a free block.
constexpr int kDissolved = 1;

}  // namespace

Migration::Migration(const Geometry& geometry, BugSet& bugs, Engine& engine, Trace& trace, MemoryMap& map, Buddy& buddy,
                     Lru& lru, PageLocks& locks, Writebacks& writebacks)
    : release_(geometry.release),
      huge_pages_(geometry.transparent_hugepages ? order_pages(geometry.huge_page_order()) : 0),
      bugs_(bugs),
      engine_(engine),
      trace_(trace),
      map_(map),
      buddy_(buddy),
      lru_(lru),
      locks_(locks),
      writebacks_(writebacks) {}

void Migration::list_page(Control& control, Pfn pfn) {
  // Newest first: a batch is later moved in descending order of pfn.
  control.pages.push_front(map_, map_.frame(pfn));
  control.nr_pages += static_cast<unsigned>(pages_of(map_.page(pfn)));
}

// More references than mappings, which only users have that migration cannot undo.
bool Migration::pinned(Pfn pfn) {
  const Page& page = map_.page(pfn);
  if (!page.has(kPageHead) || !bugs_.active(Bug::thp_mapcount)) return page.ref > page.map;
  const bool taken_for_pinned = page.ref > kinds_->mapcount_of_first(pfn);
  if (taken_for_pinned && page.ref <= page.map) bugs_.reached(Bug::thp_mapcount);
  return taken_for_pinned;
}

// Takes the page off its list, or from its driver: why not, if it cannot be had.
std::optional<Refusal> Migration::try_to_isolate(Pfn pfn) {
  const Page& page = map_.page(pfn);
  if (page.ref == 0) return page.has(kPageTail) ? Refusal::tail : Refusal::unreferenced;
  if (!page.has(kPageLru)) {
    // 4.8 brought pages that are on no LRU and move.
    if (release_ < Release::v4_9 || !page.has(kPageMovableOps)) return Refusal::off_lru;
    if (page.has(kPageIsolated)) return Refusal::taken;
    return isolate_movable_page(pfn) ? std::nullopt : std::optional(Refusal::driver);
  }
  // An anonymous page with more references than mappings is pinned; a page cache page may be, and migration finds out.
  // 3.6 lets migration find out in any case.
  const bool v3_15 = release_ >= Release::v4_9;
  if (v3_15 && !kinds_->has_mapping(pfn) && pinned(pfn)) return Refusal::pinned;
  return lru_.isolate(pfn) ? std::nullopt : std::optional(Refusal::taken);
}

bool Migration::isolate_movable_page(Pfn pfn) {
  if (map_.page(pfn).ref == 0 || !locks_.try_lock(pfn)) return false;
  const bool taken = kinds_->isolate_movable(pfn);
  if (taken) {
    Page& page = map_.edit(pfn);
    ++page.ref;
    page.flags |= kPageIsolated | kPageTaskList;
  }
  locks_.unlock(pfn);
  return taken;
}

// What the throttle tells a caller that holds pages. Up to 5.12 it was the same "no next pfn" as for a fatal signal.
int Migration::throttled_v5_10() {
  if (!bugs_.active(Bug::throttle_is_signal)) return -kEAGAIN;
  bugs_.reached(Bug::throttle_is_signal);
  return -kEINTR;
}

// `low` is a page of a huge page of the pool. 0: it was isolated, and `low` is its last page; or kDissolved, -EBUSY,
// -ENOMEM. Come upon behind its first page, 6.1 counts one page and goes on with the next, which is refused, and 6.12
// steps on by a whole huge page.
Task<int> Migration::isolate_hugetlb_v5_13(Control& control, Pfn& low, std::uint64_t& scanned, std::uint64_t& taken) {
  const bool v6_12 = release_ >= Release::v6_12;
  const Pfn head = map_.compound_head(low);
  const std::uint64_t pages = pages_of(map_.page(head));
  const std::uint64_t of_this = low == head ? pages : 1;
  const int error = co_await hugetlb_->isolate_or_dissolve(head, control.pages);
  if (error < 0) {
    trace_.page_refused(low, Refusal::hugetlb, error);
    low += of_this - 1;
    if (v6_12) scanned += of_this - 1;
    co_return error;
  }
  if (!map_.page(head).has(kPageHugetlb)) co_return kDissolved;
  control.hugetlb = true;
  const std::uint64_t counted = v6_12 ? pages : of_this;
  control.nr_pages += static_cast<unsigned>(counted);
  taken += counted;
  scanned += counted - 1;
  low += counted - 1;
  co_await at(engine_, Point::scan_page_isolated);
  co_return 0;
}

Task<int> Migration::isolate_block(Control& control, Pfn low, Pfn end) {
  const bool v5_7 = release_ >= Release::v5_10;
  const bool v5_13 = release_ >= Release::v6_1;
  const Pfn start = low;
  control.next = low;
  while (lru_.too_many_isolated()) {
    if (control.nr_pages > 0) {
      // Whoever holds pages goes and moves them first: others may wait for them, and nobody else puts them back.
      if (!bugs_.active(Bug::throttle_own_pages)) co_return throttled_v5_10();
      bugs_.reached(Bug::throttle_own_pages);
    }
    co_await at(engine_, Point::scan_throttle);
    co_await sleep_for(engine_, kThrottleSleep);
    if (engine_.fatal_signal_pending()) co_return -kEINTR;
  }
  std::uint64_t scanned = 0;
  std::uint64_t taken = 0;
  int error = 0;
  for (; low < end; ++low) {
    if (low % kScanBatch == 0) {
      co_await at(engine_, Point::scan_batch);
      if (engine_.fatal_signal_pending()) {
        // 5.3 gives the scan up, earlier releases only stop it short.
        error = v5_7 ? -kEINTR : 0;
        break;
      }
    }
    const Page& page = map_.page(low);
    if (page.has(kPageHole)) continue;
    ++scanned;
    if (page.has(kPageHead | kPageTail) && v5_13 && map_.page(map_.compound_head(low)).has(kPageHugetlb)) {
      const int hugetlb = co_await isolate_hugetlb_v5_13(control, low, scanned, taken);
      if (hugetlb == -kENOMEM) {
        // Nobody moves what was isolated before.
        co_await putback(control);
        control.nr_pages = 0;
        taken = 0;
        error = hugetlb;
        break;
      }
      if (control.nr_pages >= kMigrateBatch) {
        ++low;
        break;
      }
      if (hugetlb != kDissolved) continue;
    }
    if (page.has(kPageBuddy)) {
      if (page.order > 0) {
        const Pfn rest = order_pages(page.order) - 1;
        low += rest;
        if (release_ >= Release::v6_12) scanned += rest;
      }
      continue;
    }
    // 5.7 looks at each page of a compound page: a huge page on the LRU is taken whole by its first page, others and
    // what begins before the range are not.
    if (page.has(kPageHead | kPageTail) && !v5_7) {
      trace_.page_refused(low, Refusal::compound);
      if (page.has(kPageHead)) low += order_pages(page.order) - 1;
      continue;
    }
    const std::optional<Refusal> refusal = try_to_isolate(low);
    if (refusal) {
      trace_.page_refused(low, *refusal);
      continue;
    }
    list_page(control, low);
    const std::uint64_t pages = pages_of(map_.page(low));
    taken += pages;
    low += pages - 1;
    if (v5_13) scanned += pages - 1;
    co_await at(engine_, Point::scan_page_isolated);
    if (control.nr_pages >= kMigrateBatch) {
      ++low;
      break;
    }
  }
  low = std::min(low, end);
  control.next = low;
  if (error == 0 || error == -kENOMEM) trace_.emit(Event::isolate_migratepages, start, low, scanned, taken);
  co_return error;
}

// Over pageblocks in one go: the throttle is asked once a batch.
Task<int> Migration::isolate_range_v3_5(Control& control, Pfn start, Pfn end) {
  const int error = co_await isolate_block(control, start, end);
  co_await at(engine_, Point::scan_block);
  co_return error;
}

Task<int> Migration::isolate_range(Control& control, Pfn start, Pfn end) {
  if (release_ < Release::v4_9) co_return co_await isolate_range_v3_5(control, start, end);
  Pfn pfn = start;
  control.next = start;
  Pfn block_end = map_.pageblock_start(start) + map_.pageblock_pages();
  while (pfn < end) {
    const Pfn stop = std::min(block_end, end);
    const int error = co_await isolate_block(control, pfn, stop);
    if (error != 0) co_return error;
    if (control.nr_pages >= kMigrateBatch) break;
    pfn = stop;
    block_end = pfn + map_.pageblock_pages();
    // 4.19 stops the scan short on a signal and goes on with the next pageblock, which stops at once as well.
    control.next = pfn;
    co_await at(engine_, Point::scan_block);
  }
  co_return 0;
}

Task<void> Migration::reclaim_clean(Control& control) {
  PageList kept;
  for (Frame frame = control.pages.first; frame != kNil;) {
    const Pfn pfn = map_.pfn(frame);
    const Page& page = map_.at(frame);
    const Frame next = page.next;
    // Anonymous and shared memory is swap-backed: without swap it must move. Drivers' pages are not reclaim's.
    if (!page.has(kPageSwapbacked | kPageDirty | kPageMovableOps | kPageIsolated | kPageUnevictable | kPageHugetlb)) {
      control.pages.remove(map_, frame);
      map_.edit(pfn).flags &= ~kPageActive;
      co_await at(engine_, Point::reclaim_clean_page);
      const bool locked = locks_.try_lock(pfn);
      bool reclaimed = false;
      if (locked) {
        reclaimed = co_await kinds_->reclaim_clean(pfn);
        locks_.unlock(pfn);
      }
      if (reclaimed) {
        lru_.forget_isolated(pfn);
        --control.nr_pages;
        map_.edit(pfn).flags &= ~(kPageTaskList | kPageActive);
        co_await buddy_.free_unreferenced(pfn, 0);
      } else {
        kept.push_front(map_, frame);
      }
    }
    frame = next;
  }
  // Kept pages come back in front, in the order shrink_page_list leaves them.
  while (!kept.empty()) control.pages.push_front(map_, kept.pop_back(map_));
}

}  // namespace cma
