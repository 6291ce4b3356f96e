// Collecting pages to migrate: isolate_migratepages_range and isolate_migratepages_block, for contiguous ranges and for
// compaction.

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

// block_end_pfn: the end of the block of 2^order pages that holds pfn.
Pfn block_end(Pfn pfn, int order) { return align_up(pfn + 1, order_pages(static_cast<unsigned>(order))); }

// skip_on_failure (4.8): the end of the group of pages that is given up with the first that stays; kNoPfn for none.
Pfn first_group_end(const Migration::Control& control, Release release, Pfn low) {
  const Compacting* const compacting = control.compacting;
  if (release < Release::v4_9 || compacting == nullptr) return kNoPfn;
  return compacting->direct && control.mode == MoveMode::async ? block_end(low, compacting->order) : kNoPfn;
}

// The scan goes on behind the block that begins at `low`.
void pass_over(const Page& head, Release release, Pfn& low, std::uint64_t& scanned) {
  const Pfn rest = order_pages(head.order) - 1;
  low += rest;
  if (release >= Release::v6_12) scanned += rest;
}

}  // namespace

// One call of isolate_migratepages_block.
struct Migration::BlockScan {
  Pfn start;
  Pfn end;
  // The end of the group of pages, of the order that is wanted, that the scan is in: it is of no use when one of them
  // cannot be had. kNoPfn where that does not matter.
  Pfn next_skip = kNoPfn;
  // Whose skip bit the scan has looked at, and set: the first page; since 5.1 only where it begins a pageblock.
  Pfn valid = kNoPfn;
  bool skip_updated = false;
  bool aborted = false;  // somebody else is at this pageblock, or was in vain
};

Migration::Migration(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Writebacks& writebacks)
    : release_(core.geometry.release),
      huge_pages_(core.geometry.transparent_hugepages ? order_pages(core.geometry.huge_page_order()) : 0),
      core_(core),
      buddy_(buddy),
      lru_(lru),
      locks_(locks),
      writebacks_(writebacks),
      hints_(core.geometry) {}

void Migration::list_page(Control& control, Pfn pfn) {
  // Newest first: a batch is later moved in descending order of pfn.
  control.pages.push_front(core_.map, core_.map.frame(pfn));
  control.nr_pages += static_cast<unsigned>(pages_of(core_.map.page(pfn)));
}

// More references than mappings, which only users have that migration cannot undo.
bool Migration::pinned(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageHead) || !core_.bugs.active(Bug::thp_mapcount)) return page.ref > page.map;
  const bool taken_for_pinned = page.ref > kinds_->mapcount_of_first(pfn);
  if (taken_for_pinned && page.ref <= page.map) core_.bugs.reached(Bug::thp_mapcount);
  return taken_for_pinned;
}

// ISOLATE_ASYNC_MIGRATE: whether the page will move without waiting for its writeback or having to be written. Since
// 4.16 its mapping is looked at under its lock.
bool Migration::may_wait_for(Pfn pfn, const Control& control) {
  const bool v3_7 = release_ >= Release::v4_9;
  if (control.mode == MoveMode::sync || (!v3_7 && control.mode != MoveMode::async)) return true;
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageWriteback)) return false;
  if (!page.has(kPageDirty)) return true;
  const bool v4_16 = release_ >= Release::v4_19;
  return !(v4_16 && page.has(kPageLocked)) && kinds_->moves_dirty(pfn);
}

// test_and_set_skip: compaction claims the pageblock with the first page it takes there. False, and the scan is over,
// when another compaction has it. Up to 6.2 only a page that begins its pageblock counts.
bool Migration::claim_block_v5_1(const Control& control, BlockScan& scan, Pfn pfn) {
  if (release_ < Release::v5_10 || scan.skip_updated) return true;
  const bool v6_3 = release_ >= Release::v6_12;
  if (v6_3 && scan.valid == kNoPfn) return true;
  scan.skip_updated = true;
  if (control.compacting->ignore_skip_hint) return true;
  if (!v6_3 && core_.map.pageblock_start(pfn) != pfn) return true;
  const bool skipped = hints_.skips(pfn);
  hints_.set_skip(pfn);
  scan.aborted = skipped && !(v6_3 && control.compacting->finish_pageblock);
  return !scan.aborted;
}

// Whether compaction may take this page, which is on the LRU. Out of line: the scan of a contiguous range pays nothing.
[[gnu::noinline]] bool Migration::suits_compaction(const Control& control, BlockScan& scan, Pfn pfn) {
  // Locked memory is taken since 4.2.
  const bool v4_2 = release_ >= Release::v4_9;
  if (!v4_2 && (core_.map.page(pfn).has(kPageUnevictable) || past_unsuitable_v3_5(control, pfn) != pfn)) return false;
  return may_wait_for(pfn, control) && claim_block_v5_1(control, scan, pfn);
}

// What the scan leaves for others once it has reached the pageblock's end. Contiguous ranges leave nothing, but for the
// skip bit of a pageblock in which they took nothing from 5.1 to 6.2.
void Migration::note_scanned(const Control& control, const BlockScan& scan, Pfn low, std::uint64_t taken) {
  const Compacting* const compacting = control.compacting;
  if (release_ < Release::v4_9 || low != scan.end) return;
  const bool v5_1 = release_ >= Release::v5_10;
  const bool finished = v5_1 && compacting != nullptr && compacting->finish_pageblock;
  if (taken != 0 && !finished) return;
  if (!v5_1 && (compacting == nullptr || (compacting->ignore_skip_hint && release_ < Release::v4_19))) return;
  const bool may_set = compacting != nullptr || release_ < Release::v6_12;
  if (may_set && scan.valid != kNoPfn && !scan.skip_updated) hints_.set_skip(scan.valid);
  if (compacting == nullptr || (!v5_1 && scan.valid == kNoPfn)) return;
  // The end of the pageblock behind the one that was scanned (5.1).
  const Pfn reached = v5_1 ? core_.map.pageblock_start(low) + core_.map.pageblock_pages() : scan.valid;
  ScannerPositions& positions = hints_.edit_zone(core_.map.page(scan.start).zone);
  positions.migrate[0] = std::max(positions.migrate[0], reached);
  if (control.mode != MoveMode::async) positions.migrate[1] = std::max(positions.migrate[1], reached);
}

// One page of the group cannot be had, so the others may stay as well.
Task<void> Migration::give_up_group(Control& control, BlockScan& scan, Pfn& low, std::uint64_t& taken) {
  if (taken != 0) {
    co_await putback(control);
    control.nr_pages = 0;
    control.compacting->last_migrated = 0;
    taken = 0;
  }
  if (low < scan.next_skip) {
    low = scan.next_skip - 1;
    scan.next_skip += order_pages(static_cast<unsigned>(control.compacting->order));
  }
}

// 6.9 lets compaction move what is smaller than a pageblock and than the block that is wanted.
bool Migration::skips_compound_v6_9(const Control& control, Pfn pfn) const {
  const Page& page = core_.map.page(pfn);
  const int order = page.has(kPageHead) ? page.order : 0;
  if (release_ < Release::v6_12 || core_.map.page(core_.map.compound_head(pfn)).has(kPageHugetlb)) return true;
  if (control.compacting->order != -1 && order >= control.compacting->order) return true;
  return order >= static_cast<int>(core_.map.pageblock_order());
}

// Takes the page off its list, or from its driver: why not, if it cannot be had.
std::optional<Refusal> Migration::try_to_isolate(Control& control, BlockScan& scan, Pfn pfn) {
  const Page& page = core_.map.page(pfn);
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
  if (control.compacting != nullptr && !suits_compaction(control, scan, pfn)) [[unlikely]]
    return Refusal::taken;
  return lru_.isolate(pfn) ? std::nullopt : std::optional(Refusal::taken);
}

bool Migration::isolate_movable_page(Pfn pfn) {
  if (core_.map.page(pfn).ref == 0 || !locks_.try_lock(pfn)) return false;
  const bool taken = kinds_->isolate_movable(pfn);
  if (taken) {
    Page& page = core_.map.edit(pfn);
    ++page.ref;
    page.flags |= kPageIsolated | kPageTaskList;
  }
  locks_.unlock(pfn);
  return taken;
}

// What the throttle tells a caller that holds pages. Up to 5.12 it was the same "no next pfn" as for a fatal signal.
int Migration::throttled_v5_10() {
  if (!core_.bugs.active(Bug::throttle_is_signal)) return -kEAGAIN;
  core_.bugs.reached(Bug::throttle_is_signal);
  return -kEINTR;
}

// `low` is a page of a huge page of the pool. 0: it was isolated, and `low` is its last page; or kDissolved, -EBUSY,
// -ENOMEM. Come upon behind its first page, 6.1 counts one page and goes on with the next, which is refused, and 6.12
// steps on by a whole huge page.
Task<int> Migration::isolate_hugetlb_v5_13(Control& control, Pfn& low, std::uint64_t& scanned, std::uint64_t& taken) {
  const bool v6_12 = release_ >= Release::v6_12;
  const Pfn head = core_.map.compound_head(low);
  const std::uint64_t pages = pages_of(core_.map.page(head));
  const std::uint64_t of_this = low == head ? pages : 1;
  const int error = co_await hugetlb_->isolate_or_dissolve(head, control.pages);
  if (error < 0) {
    core_.trace.page_refused(low, Refusal::hugetlb, error);
    low += of_this - 1;
    if (v6_12) scanned += of_this - 1;
    co_return error;
  }
  if (!core_.map.page(head).has(kPageHugetlb)) co_return kDissolved;
  control.hugetlb = true;
  const std::uint64_t counted = v6_12 ? pages : of_this;
  control.nr_pages += static_cast<unsigned>(counted);
  taken += counted;
  scanned += counted - 1;
  low += counted - 1;
  co_await at(core_.engine, Point::scan_page_isolated);
  co_return 0;
}

// 3.6 looks at the pageblock's type page by page where it must not wait: the last page of the pageblocks that have no
// movable pages, low itself if its own has. Pageblock 0 is never passed over.
Pfn Migration::past_unsuitable_v3_5(const Control& control, Pfn low) const {
  if (control.mode != MoveMode::async || core_.map.pageblock_start(low) == 0) return low;
  const Migratetype type = core_.map.pageblock_type(low);
  if (type == Migratetype::movable || type == Migratetype::cma) return low;
  return align_up(low + core_.map.pageblock_pages(), core_.map.pageblock_pages()) - 1;
}

// Whether the scan may go on to look for pages: 0, or why not. Who may not wait gives up.
Task<int> Migration::throttle(const Control& control) {
  while (lru_.too_many_isolated()) {
    if (control.nr_pages > 0) {
      // Whoever holds pages goes and moves them first: others may wait for them, and nobody else puts them back.
      if (!core_.bugs.active(Bug::throttle_own_pages)) co_return throttled_v5_10();
      core_.bugs.reached(Bug::throttle_own_pages);
    }
    if (control.mode == MoveMode::async) co_return -kEAGAIN;
    co_await at(core_.engine, Point::scan_throttle);
    co_await sleep_for(core_.engine, kThrottleSleep);
    if (core_.engine.fatal_signal_pending()) co_return -kEINTR;
  }
  co_return 0;
}

Task<int> Migration::isolate_block(Control& control, Pfn low, Pfn end) {
  const bool v5_7 = release_ >= Release::v5_10;
  const bool v5_13 = release_ >= Release::v6_1;
  Compacting* const compacting = control.compacting;
  BlockScan scan{low, end, first_group_end(control, release_, low)};
  control.next = low;
  int error = 0;
  if (lru_.too_many_isolated()) error = co_await throttle(control);
  if (error != 0) co_return error;
  if (!v5_7 || core_.map.pageblock_start(low) == low) scan.valid = low;
  std::uint64_t scanned = 0;
  std::uint64_t taken = 0;
  // Where the next of these questions comes up, so that most pages are asked none of them.
  Pfn attention = low;
  for (; low < end; ++low) {
    if (low >= attention) {
      if (low >= scan.next_skip) {
        if (taken != 0) break;
        scan.next_skip = block_end(low, compacting->order);
      }
      attention = std::min(align_up(low + 1, kScanBatch), scan.next_skip);
      if (low % kScanBatch == 0) {
        co_await at(core_.engine, Point::scan_batch);
        if (core_.engine.fatal_signal_pending()) {
          // 5.3 gives the scan up, earlier releases only stop it short.
          error = v5_7 ? -kEINTR : 0;
          if (compacting != nullptr) compacting->contended = true;
          break;
        }
      }
      const bool asks = low == scan.start && v5_7 && compacting != nullptr && !compacting->ignore_skip_hint;
      if (asks && scan.valid == low && hints_.skips(low)) {
        ++scanned;
        scan.valid = kNoPfn;
        low = end;
        break;
      }
    }
    const Page& page = core_.map.page(low);
    if (page.has(kPageHole)) continue;
    ++scanned;
    if (page.has(kPageHead | kPageTail) && v5_13 && compacting == nullptr &&
        core_.map.page(core_.map.compound_head(low)).has(kPageHugetlb)) {
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
      pass_over(page, release_, low, scanned);
      continue;
    }
    // 5.7 looks at each page of a compound page for a contiguous range: a huge page on the LRU is taken whole by its
    // first page, others and what begins before the range are not.
    if (page.has(kPageHead | kPageTail) && (!v5_7 || (compacting != nullptr && skips_compound_v6_9(control, low)))) {
      core_.trace.page_refused(low, Refusal::compound);
      if (page.has(kPageHead)) pass_over(page, release_, low, scanned);
      if (scan.next_skip != kNoPfn) co_await give_up_group(control, scan, low, taken);
      continue;
    }
    const std::optional<Refusal> refusal = try_to_isolate(control, scan, low);
    if (refusal) {
      core_.trace.page_refused(low, *refusal);
      if (compacting == nullptr) continue;
      if (scan.aborted) break;
      if (release_ < Release::v4_9) low = past_unsuitable_v3_5(control, low);
      if (scan.next_skip != kNoPfn) co_await give_up_group(control, scan, low, taken);
      continue;
    }
    list_page(control, low);
    const std::uint64_t pages = pages_of(core_.map.page(low));
    taken += pages;
    if (compacting != nullptr && compacting->last_migrated == 0) compacting->last_migrated = low;
    low += pages - 1;
    if (v5_13) scanned += pages - 1;
    co_await at(core_.engine, Point::scan_page_isolated);
    if (control.nr_pages >= kMigrateBatch && (compacting == nullptr || !compacting->finish_pageblock)) {
      ++low;
      break;
    }
  }
  if (scan.aborted && release_ >= Release::v6_12) low = end;
  low = std::min(low, end);
  control.next = low;
  if (error != 0 && error != -kENOMEM) co_return error;
  note_scanned(control, scan, low, taken);
  core_.trace.emit(Event::isolate_migratepages, scan.start, low, scanned, taken);
  co_return error;
}

// Over pageblocks in one go: the throttle is asked once a batch.
Task<int> Migration::isolate_range_v3_5(Control& control, Pfn start, Pfn end) {
  const int error = co_await isolate_block(control, start, end);
  co_await at(core_.engine, Point::scan_block);
  co_return error;
}

Task<int> Migration::isolate_range(Control& control, Pfn start, Pfn end) {
  if (release_ < Release::v4_9) co_return co_await isolate_range_v3_5(control, start, end);
  Pfn pfn = start;
  control.next = start;
  Pfn block_end = core_.map.pageblock_start(start) + core_.map.pageblock_pages();
  while (pfn < end) {
    const Pfn stop = std::min(block_end, end);
    const int error = co_await isolate_block(control, pfn, stop);
    if (error != 0) co_return error;
    if (control.nr_pages >= kMigrateBatch) break;
    pfn = stop;
    block_end = pfn + core_.map.pageblock_pages();
    // 4.19 stops the scan short on a signal and goes on with the next pageblock, which stops at once as well.
    control.next = pfn;
    co_await at(core_.engine, Point::scan_block);
  }
  co_return 0;
}

Task<void> Migration::reclaim_clean(Control& control) {
  PageList kept;
  for (Frame frame = control.pages.first; frame != kNil;) {
    const Pfn pfn = core_.map.pfn(frame);
    const Page& page = core_.map.at(frame);
    const Frame next = page.next;
    // Anonymous and shared memory is swap-backed: without swap it must move. Drivers' pages are not reclaim's.
    if (!page.has(kPageSwapbacked | kPageDirty | kPageMovableOps | kPageIsolated | kPageUnevictable | kPageHugetlb)) {
      control.pages.remove(core_.map, frame);
      core_.map.edit(pfn).flags &= ~kPageActive;
      co_await at(core_.engine, Point::reclaim_clean_page);
      const bool locked = locks_.try_lock(pfn);
      bool reclaimed = false;
      if (locked) {
        reclaimed = co_await kinds_->reclaim_clean(pfn);
        locks_.unlock(pfn);
      }
      if (reclaimed) {
        lru_.forget_isolated(pfn);
        --control.nr_pages;
        core_.map.edit(pfn).flags &= ~(kPageTaskList | kPageActive);
        co_await buddy_.free_unreferenced(pfn, 0);
      } else {
        kept.push_front(core_.map, frame);
      }
    }
    frame = next;
  }
  // Kept pages come back in front, in the order shrink_page_list leaves them.
  while (!kept.empty()) control.pages.push_front(core_.map, kept.pop_back(core_.map));
}

}  // namespace cma
