#include "allocator/migration/scan.h"

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

// block_end_pfn: returns the end of the block of 2^order pages that holds pfn.
Pfn block_end(Pfn pfn, int order) { return align_up(pfn + 1, order_pages(static_cast<unsigned>(order))); }

// skip_on_failure (4.7): returns the end of the group of pages that is given up when one of them stays, or kNoPfn.
Pfn first_group_end(const MigrateControl& control, Release release, Pfn low) {
  const Compacting* const compacting = control.compacting;
  if (release < Release::v4_7 || compacting == nullptr) return kNoPfn;
  return compacting->direct && control.mode == MoveMode::async ? block_end(low, compacting->order) : kNoPfn;
}

// Returns whether a scan that begins at `low` asks for the skip hint of its pageblock, and sets it (valid_page of
// isolate_migratepages_block). Since 5.1 only from the first page of the pageblock on; since 6.4 also from the first
// page of a zone, which may lie inside one.
bool keeps_hint(const Core& core, Pfn low) {
  const Geometry& geometry = core.geometry;
  if (geometry.release < Release::v5_1 || core.map.pageblock_start(low) == low) return true;
  if (geometry.release < Release::v6_4) return false;
  const PfnRange& zone = geometry.zones.empty() ? geometry.memory : geometry.zones[core.map.page(low).zone].range;
  return low == zone.start;
}

}  // namespace

// One call of isolate_migratepages_block.
struct MigrateScanner::BlockScan {
  Control& control;
  Pfn start;
  Pfn end;
  // The end of the group of pages, of the order that is wanted, that the scan is in: the group is of no use when one of
  // them stays. kNoPfn where that does not matter.
  Pfn next_skip;
  Pfn low = start;  // the page that is looked at
  // The next pfn at which a group or a batch begins; most pages are before it.
  Pfn attention = start;
  std::uint64_t scanned = 0;
  std::uint64_t taken = 0;
  int error = 0;
  // The page whose skip bit the scan checks and sets: its first page; since 5.1 only if that begins a pageblock. kNoPfn
  // if there is none.
  Pfn valid = kNoPfn;
  bool skip_updated = false;
  bool aborted = false;  // another compaction is at this pageblock, or was in vain

  Compacting* compacting() const { return control.compacting; }
  bool batch_full() const {
    const bool finishes = compacting() != nullptr && compacting()->finish_pageblock;
    return control.nr_pages >= kMigrateBatch && !finishes;
  }
  // Steps to the last page of the block that begins at `low`. 6.4 counts its pages as scanned.
  void pass_over(const Page& head, Release release) {
    const Pfn rest = order_pages(head.order) - 1;
    low += rest;
    if (release >= Release::v6_4) scanned += rest;
  }
};

MigrateScanner::MigrateScanner(const Core& core, Lru& lru, PageLocks& locks, Migration& migration, PageKinds& kinds,
                               HugetlbPages& hugetlb)
    : release_(core.geometry.release),
      core_(core),
      lru_(lru),
      locks_(locks),
      migration_(migration),
      kinds_(kinds),
      hugetlb_(hugetlb),
      hints_(core.geometry) {}

// --- one page ---

// Returns whether the page has more references than mappings, which only users have that migration cannot undo.
bool MigrateScanner::pinned(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageHead) || !core_.bugs.active(Bug::thp_mapcount)) return page.ref > page.map;
  const bool taken_for_pinned = page.ref > kinds_.mapcount_of_first(pfn);
  if (taken_for_pinned && page.ref <= page.map) core_.bugs.reached(Bug::thp_mapcount);
  return taken_for_pinned;
}

// Returns whether the caller's flags have __GFP_FS.
bool MigrateScanner::enters_file_systems(const Control& control) const {
  const bool forgets_flags = control.compacting == nullptr && core_.bugs.active(Bug::contig_nofs);
  return control.may_enter_fs && !forgets_flags;
}

// Returns whether a page on the LRU stays because it has a mapping and the caller must not enter a file system (4.10):
// only anonymous pages move without one.
bool MigrateScanner::leaves_to_file_system(const Control& control, Pfn pfn) {
  if (enters_file_systems(control) || !kinds_.has_mapping(pfn)) return false;
  if (control.may_enter_fs) core_.bugs.reached(Bug::contig_nofs);
  return true;
}

// ISOLATE_ASYNC_MIGRATE: returns whether the page can move without being written and without a wait for its writeback,
// or the scan may wait for that. Since 4.16 its mapping is looked at under its lock.
bool MigrateScanner::may_wait_for(Pfn pfn, const Control& control) {
  const bool waits_if_light = release_ < Release::v4_8;
  if (control.mode == MoveMode::sync || (waits_if_light && control.mode != MoveMode::async)) return true;
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageWriteback)) return false;
  if (!page.has(kPageDirty)) return true;
  const bool needs_lock = release_ >= Release::v4_16;
  return !(needs_lock && page.has(kPageLocked)) && kinds_.moves_dirty(pfn);
}

// test_and_set_skip: compaction claims the pageblock with the first page it takes there. Returns false, and the scan is
// over, when another compaction has it. Up to 6.2 only a page that begins its pageblock claims it.
bool MigrateScanner::claim_block_v5_1(BlockScan& scan, Pfn pfn) {
  if (release_ < Release::v5_1 || scan.skip_updated) return true;
  const bool any_page_claims = release_ >= Release::v6_3;
  if (any_page_claims && scan.valid == kNoPfn) return true;
  scan.skip_updated = true;
  if (scan.compacting()->ignore_skip_hint) return true;
  if (!any_page_claims && core_.map.pageblock_start(pfn) != pfn) return true;
  const bool skipped = hints_.skips(pfn);
  hints_.set_skip(pfn);
  const bool finishes = release_ >= Release::v6_3 && scan.compacting()->finish_pageblock;
  scan.aborted = skipped && !finishes;
  return !scan.aborted;
}

// Returns whether compaction may take this page, which is on the LRU. Locked memory is taken since 4.1.
// Out of line, so that the scan of a contiguous range pays nothing.
[[gnu::noinline]] bool MigrateScanner::suits_compaction(BlockScan& scan, Pfn pfn) {
  if (release_ < Release::v4_1 && core_.map.page(pfn).has(kPageUnevictable)) return false;
  if (release_ < Release::v3_18 && past_unsuitable_v3_5(scan.control, pfn) != pfn) return false;
  // Before 5.11 a page claims its pageblock even if it stays there.
  if (release_ < Release::v5_11) return claim_block_v5_1(scan, pfn) && may_wait_for(pfn, scan.control);
  return may_wait_for(pfn, scan.control) && claim_block_v5_1(scan, pfn);
}

// Returns the page where the scan goes on in a pageblock that holds no movable pages: its last one, `low` itself in
// other pageblocks. Up to 3.17 a scan that must not wait asks this page by page. Pageblock 0 is never passed over.
Pfn MigrateScanner::past_unsuitable_v3_5(const Control& control, Pfn low) const {
  if (control.mode != MoveMode::async || core_.map.pageblock_start(low) == 0) return low;
  const Migratetype type = core_.map.pageblock_type(low);
  if (type == Migratetype::movable || type == Migratetype::cma) return low;
  return align_up(low + core_.map.pageblock_pages(), core_.map.pageblock_pages()) - 1;
}

// Returns whether the scan passes over this page of a compound page. Since 5.7 a contiguous range looks at each page of
// one: a huge page on the LRU is taken whole by its first page; other pages stay. Since 6.9 compaction takes what is
// smaller than a pageblock and than the block that is wanted.
bool MigrateScanner::passes_over_compound(const BlockScan& scan, Pfn pfn) const {
  const Page& page = core_.map.page(pfn);
  CMA_ASSERT(page.has(kPageHead | kPageTail));
  if (release_ < Release::v5_7) return true;
  if (scan.compacting() == nullptr) return false;
  if (release_ < Release::v6_9 || core_.map.page(core_.map.compound_head(pfn)).has(kPageHugetlb)) return true;
  const int order = page.has(kPageHead) ? page.order : 0;
  const int wanted = scan.compacting()->order;
  return (wanted != -1 && order >= wanted) || order >= static_cast<int>(core_.map.pageblock_order());
}

// Takes the page off its list, or from its driver. Returns the reason if it stays.
std::optional<Refusal> MigrateScanner::try_to_isolate(BlockScan& scan, Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageHead | kPageTail) && passes_over_compound(scan, pfn)) return Refusal::compound;
  if (page.ref == 0) return page.has(kPageTail) ? Refusal::tail : Refusal::unreferenced;
  if (!page.has(kPageLru)) {
    // 4.8 brought pages that are on no LRU and move.
    if (release_ < Release::v4_8 || !page.has(kPageMovableOps)) return Refusal::off_lru;
    if (page.has(kPageIsolated)) return Refusal::taken;
    return isolate_movable_page(pfn) ? std::nullopt : std::optional(Refusal::driver);
  }
  // An anonymous page with more references than mappings is pinned; a page cache page may be, and migration finds out.
  // Up to 3.14 migration finds out in any case.
  if (release_ >= Release::v3_15 && !kinds_.has_mapping(pfn) && pinned(pfn)) return Refusal::pinned;
  if (leaves_to_file_system(scan.control, pfn)) return Refusal::file_system;
  if (scan.compacting() != nullptr && !suits_compaction(scan, pfn)) [[unlikely]]
    return Refusal::taken;
  return lru_.listed().isolate(pfn) ? std::nullopt : std::optional(Refusal::taken);
}

// isolate_movable_page: takes a page from its driver. Returns false if the driver refuses or the page is locked.
bool MigrateScanner::isolate_movable_page(Pfn pfn) {
  if (core_.map.page(pfn).ref == 0 || !locks_.try_lock(pfn)) return false;
  const bool taken = kinds_.isolate_movable(pfn);
  if (taken) {
    Page& page = core_.map.edit(pfn);
    ++page.ref;
    page.flags |= kPageIsolated | kPageTaskList;
  }
  locks_.unlock(pfn);
  return taken;
}

// Puts the page at `low`, which was isolated, on the list and steps to its last page. Newest first: a batch is later
// moved in descending order of pfn.
void MigrateScanner::list_page(BlockScan& scan) {
  const std::uint64_t pages = pages_of(core_.map.page(scan.low));
  scan.control.pages.push_front(core_.map, core_.map.frame(scan.low));
  scan.control.nr_pages += static_cast<unsigned>(pages);
  scan.taken += pages;
  if (scan.compacting() != nullptr && scan.compacting()->last_migrated == 0)
    scan.compacting()->last_migrated = scan.low;
  scan.low += pages - 1;
  if (release_ >= Release::v6_0) scan.scanned += pages - 1;
}

// Returns whether anything follows from a page that stays. Most pages of a scan stay, and mostly nothing does.
bool MigrateScanner::refusal_matters(const BlockScan& scan, Refusal why) const {
  return why == Refusal::compound || core_.trace.windows() != nullptr ||
         (scan.compacting() != nullptr && release_ < Release::v3_18);
}

// Records why the page at `low` stays, and steps to the last page that this rules out.
void MigrateScanner::note_refusal(BlockScan& scan, Refusal why) {
  core_.trace.page_refused(core_.bugs.fires(Bug::refusal_misnamed) ? scan.low + 1 : scan.low, why);
  const Page& page = core_.map.page(scan.low);
  if (why == Refusal::compound) {
    if (page.has(kPageHead)) scan.pass_over(page, release_);
  } else if (scan.compacting() != nullptr && release_ < Release::v3_18) {
    scan.low = past_unsuitable_v3_5(scan.control, scan.low);
  }
}

// --- huge pages of the hugetlb pool ---

// Returns whether the page is one of the pool that a contiguous range takes or dissolves.
bool MigrateScanner::meets_hugetlb_v5_13(const BlockScan& scan, const Page& page) const {
  return page.has(kPageHead | kPageTail) && release_ >= Release::v5_13 && scan.compacting() == nullptr &&
         core_.map.page(core_.map.compound_head(scan.low)).has(kPageHugetlb);
}

// Isolates the huge page that holds `low`, or has the pool replace it. Returns true if it was dissolved: `low` is now
// in a free block. Else `low` is the last page it accounts for. On -ENOMEM, in scan.error, all pages are put back. Met
// after its first page, a huge page counts as one page up to 6.4, and the next page is refused; 6.5 counts it whole.
Task<bool> MigrateScanner::scan_hugetlb_v5_13(BlockScan& scan) {
  Control& control = scan.control;
  const Pfn head = core_.map.compound_head(scan.low);
  const std::uint64_t pages = pages_of(core_.map.page(head));
  const std::uint64_t of_this = scan.low == head ? pages : 1;
  const int error = co_await hugetlb_.isolate_or_dissolve(head, control.pages);
  if (error < 0) {
    core_.trace.page_refused(scan.low, Refusal::hugetlb, error);
    scan.low += of_this - 1;
    if (release_ >= Release::v6_4) scan.scanned += of_this - 1;
    if (error != -kENOMEM) co_return false;
    // The caller ends: no pages are moved any more.
    co_await migration_.putback(control);
    control.nr_pages = 0;
    scan.taken = 0;
    scan.error = error;
    co_return false;
  }
  if (!core_.map.page(head).has(kPageHugetlb)) co_return true;
  control.hugetlb = true;
  const std::uint64_t counted = release_ >= Release::v6_5 ? pages : of_this;
  control.nr_pages += static_cast<unsigned>(counted);
  scan.taken += counted;
  scan.scanned += counted - 1;
  scan.low += counted - 1;
  co_await at(core_.engine, Point::scan_page_isolated);
  co_return false;
}

// --- one pageblock ---

// Returns the error of a throttled scan that holds pages. Up to 5.12 the same "no next pfn" as for a fatal signal.
int MigrateScanner::throttled_v5_10() { return core_.bugs.fires(Bug::throttle_is_signal) ? -kEINTR : -kEAGAIN; }

// Waits while too many pages are isolated. Returns 0 or the reason to end the scan: asynchronous callers, and those
// that hold pages, get -EAGAIN at once. The latter move their pages first: nothing else puts them back.
Task<int> MigrateScanner::throttle(const Control& control) {
  while (lru_.lists().too_many_isolated(enters_file_systems(control))) {
    core_.engine.turn();
    if (control.nr_pages > 0 && !core_.bugs.fires(Bug::throttle_own_pages)) co_return throttled_v5_10();
    if (control.mode == MoveMode::async) co_return -kEAGAIN;
    co_await at(core_.engine, Point::scan_throttle);
    co_await sleep_for(core_.engine, kThrottleSleep);
    if (core_.engine.flags().fatal_signal || core_.engine.flags().given_up) co_return -kEINTR;
  }
  co_return 0;
}

// Enters the next group of pages if `low` is after the last one. Returns false if the group that ends here was taken
// whole, so that it is moved at once.
bool MigrateScanner::enter_group(BlockScan& scan) const {
  if (scan.low >= scan.next_skip) {
    if (scan.taken != 0) return false;
    scan.next_skip = block_end(scan.low, scan.compacting()->order);
  }
  scan.attention = std::min(align_up(scan.low + 1, kScanBatch), scan.next_skip);
  return true;
}

// Returns whether the scan goes on at a pfn that needs attention: not after a fatal signal, and not in a pageblock that
// compaction has visited in vain. 5.3 gives the scan up on a signal, earlier releases only stop it short.
bool MigrateScanner::attend(BlockScan& scan) const {
  Compacting* const compacting = scan.compacting();
  const bool ignores = compacting == nullptr && core_.bugs.active(Bug::signal_ignored);
  if (scan.low % kScanBatch == 0 && core_.engine.flags().fatal_signal && !ignores) {
    if (release_ >= Release::v5_3) scan.error = -kEINTR;
    if (compacting != nullptr) compacting->contended = true;
    return false;
  }
  const bool asks_hint = scan.low == scan.start && scan.valid == scan.low && release_ >= Release::v5_1 &&
                         compacting != nullptr && !compacting->ignore_skip_hint;
  if (!asks_hint || !hints_.skips(scan.low)) return true;
  ++scan.scanned;
  scan.valid = kNoPfn;
  scan.low = scan.end;
  return false;
}

// Puts back what was taken of the group, as one of its pages stays, and steps to its end.
Task<void> MigrateScanner::give_up_group(BlockScan& scan) {
  if (scan.taken != 0) {
    co_await migration_.putback(scan.control);
    scan.control.nr_pages = 0;
    scan.compacting()->last_migrated = 0;
    scan.taken = 0;
  }
  if (scan.low < scan.next_skip) {
    scan.low = scan.next_skip - 1;
    scan.next_skip += order_pages(static_cast<unsigned>(scan.compacting()->order));
  }
}

// Records for others what the scan has found, once it has reached the pageblock's end. Contiguous ranges record
// nothing, but from 5.1 to 6.2 the skip bit of a pageblock in which they took nothing.
void MigrateScanner::note_scanned(const BlockScan& scan) {
  const Compacting* const compacting = scan.compacting();
  if (release_ < Release::v3_7 || scan.low != scan.end) return;
  const bool since_5_1 = release_ >= Release::v5_1;
  const bool finished = since_5_1 && compacting != nullptr && compacting->finish_pageblock;
  if (scan.taken != 0 && !finished) return;
  const bool hints_ignored = compacting == nullptr || (compacting->ignore_skip_hint && release_ < Release::v4_15);
  if (!since_5_1 && hints_ignored && !core_.bugs.fires(Bug::range_sets_hints)) return;
  const bool may_set = compacting != nullptr || release_ < Release::v6_3;
  if (may_set && scan.valid != kNoPfn && !scan.skip_updated) hints_.set_skip(scan.valid);
  if (compacting == nullptr || (!since_5_1 && scan.valid == kNoPfn)) return;
  // Since 5.1 the end of the pageblock after the one that was scanned.
  const Pfn reached = since_5_1 ? core_.map.pageblock_start(scan.low) + core_.map.pageblock_pages() : scan.valid;
  ScannerPositions& positions = hints_.edit_zone(core_.map.page(scan.start).zone);
  positions.migrate[0] = std::max(positions.migrate[0], reached);
  if (scan.control.mode != MoveMode::async) positions.migrate[1] = std::max(positions.migrate[1], reached);
}

// Ends the scan: sets the control's next pfn, leaves hints, and traces. Returns the scan's error.
int MigrateScanner::finish_scan(BlockScan& scan) {
  if (scan.aborted && release_ >= Release::v6_5) scan.low = scan.end;
  scan.low = std::min(scan.low, scan.end);
  scan.control.next = scan.low;
  if (scan.error != 0 && scan.error != -kENOMEM) return scan.error;
  note_scanned(scan);
  core_.trace.emit(Event::isolate_migratepages, scan.start, scan.low, scan.scanned, scan.taken);
  return scan.error;
}

Task<int> MigrateScanner::isolate_block(Control& control, Pfn low, Pfn end) {
  BlockScan scan{control, low, end, first_group_end(control, release_, low)};
  control.next = low;
  if (lru_.lists().too_many_isolated(enters_file_systems(control))) scan.error = co_await throttle(control);
  if (scan.error != 0) co_return scan.error;
  if (keeps_hint(core_, low)) scan.valid = low;
  for (; scan.low < end; ++scan.low) {
    core_.engine.turn();
    if (scan.low >= scan.attention) {
      if (!enter_group(scan)) break;
      if (scan.low % kScanBatch == 0) co_await at(core_.engine, Point::scan_batch);
      if (!attend(scan)) break;
    }
    const Page& page = core_.map.page(scan.low);
    if (page.has(kPageHole)) continue;
    ++scan.scanned;
    if (meets_hugetlb_v5_13(scan, page)) {
      const bool dissolved = co_await scan_hugetlb_v5_13(scan);
      if (scan.error != 0) break;
      if (scan.batch_full()) {
        ++scan.low;
        break;
      }
      if (!dissolved) continue;
    }
    if (page.has(kPageBuddy)) {
      scan.pass_over(page, release_);
      continue;
    }
    const std::optional<Refusal> refusal = try_to_isolate(scan, scan.low);
    if (refusal) {
      if (refusal_matters(scan, *refusal)) note_refusal(scan, *refusal);
      if (scan.aborted) break;
      if (scan.next_skip != kNoPfn) co_await give_up_group(scan);
      continue;
    }
    list_page(scan);
    co_await at(core_.engine, Point::scan_page_isolated);
    if (scan.batch_full()) {
      ++scan.low;
      break;
    }
  }
  co_return finish_scan(scan);
}

// --- a range ---

// Up to 3.17 scans over pageblocks in one go: the throttle is asked once a batch.
Task<int> MigrateScanner::isolate_range_v3_5(Control& control, Pfn start, Pfn end) {
  const int error = co_await isolate_block(control, start, end);
  co_await at(core_.engine, Point::scan_block);
  co_return error;
}

Task<int> MigrateScanner::isolate_range(Control& control, Pfn start, Pfn end) {
  if (release_ < Release::v3_18) co_return co_await isolate_range_v3_5(control, start, end);
  Pfn pfn = start;
  control.next = start;
  Pfn block_end = core_.map.pageblock_start(start) + core_.map.pageblock_pages();
  while (pfn < end) {
    core_.engine.turn();
    const Pfn stop = std::min(block_end, end);
    const int error = co_await isolate_block(control, pfn, stop);
    if (error != 0) co_return error;
    if (control.nr_pages >= kMigrateBatch) break;
    pfn = stop;
    block_end = pfn + core_.map.pageblock_pages();
    // Up to 5.2 a signal stops the scan short; it goes on with the next pageblock, which stops at once as well.
    control.next = pfn;
    co_await at(core_.engine, Point::scan_block);
  }
  co_return 0;
}

}  // namespace cma
