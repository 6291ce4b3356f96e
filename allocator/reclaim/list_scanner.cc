#include "allocator/reclaim/list_scanner.h"

#include <algorithm>

namespace cma {
namespace {

// How long a caller waits while too many pages are isolated: HZ / 10, since 5.16 HZ / 50.
constexpr Time kIsolatedWait = 100 * kMillisecond;
constexpr Time kIsolatedWaitSince5_16 = 20 * kMillisecond;

constexpr Gfp kIoAndFs = kGfpIo | kGfpFs;

// Returns the largest number whose square is not above `value` (int_sqrt).
std::uint64_t int_sqrt(std::uint64_t value) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= value) root += bit;
  return root;
}

}  // namespace

bool inactive_is_low(std::uint64_t inactive, std::uint64_t active, unsigned page_shift) {
  const std::uint64_t gib = (inactive + active) >> (30 - page_shift);
  const std::uint64_t ratio = gib == 0 ? 1 : int_sqrt(10 * gib);
  return inactive * ratio < active;
}

ListScanner::ListScanner(const Core& core, Lru& lru, PageLocks& locks, OwnerReclaim& owners, LruVecs& vecs,
                         ReclaimEvents& events)
    : release_(core.geometry.release),
      core_(core),
      lru_(lru),
      locks_(locks),
      owners_(owners),
      vecs_(vecs),
      events_(events),
      batch_(core, lru, locks, owners, events) {}

bool ListScanner::inactive_file_is_low(LruVec vec, const ScanControl& control) const {
  const bool eligible_only = release_ >= Release::v4_8 && release_ < Release::v5_5;
  const std::size_t ceiling = eligible_only ? control.ceiling : LruVecs::kAllZones;
  const std::uint64_t inactive = vecs_.size(vec, LruList::inactive_file, ceiling);
  const std::uint64_t active = vecs_.size(vec, LruList::active_file, ceiling);
  if (release_ < Release::v4_7) return active > inactive;
  return inactive_is_low(inactive, active, core_.geometry.page_shift());
}

// --- isolating ---

// Takes pages from the list's tail. Passes over those of zones above the ceiling, which go to the head of the list
// (4.8), as do pages that are being freed.
ListScanner::Isolated ListScanner::isolate(std::uint64_t most, LruVec vec, const ScanControl& control, LruList list) {
  Isolated found;
  std::vector<Pfn> skipped;
  std::vector<Pfn> busy;
  std::uint64_t scan = 0;
  std::uint64_t skipped_pages = 0;
  // All pages of a huge page count as scanned in 5.10.
  const bool counts_all = release_ >= Release::v5_10;
  Frame frame = lru_.lists().list(list).last;
  while (frame != kNil && scan < most && (counts_all || found.taken < most)) {
    core_.engine.turn();
    const Page& page = core_.map.at(frame);
    const Pfn pfn = core_.map.pfn(frame);
    frame = page.prev;
    if (!vecs_.contains(vec, page.zone)) continue;
    const std::uint64_t pages = pages_of(page);
    if (page.zone > control.ceiling) {
      skipped.push_back(pfn);
      skipped_pages += counts_all ? pages : 1;
      continue;
    }
    scan += counts_all ? pages : 1;
    if (lru_.listed().isolate(pfn)) {
      found.pages.push_front(core_.map, core_.map.frame(pfn));
      found.taken += pages;
    } else {
      busy.push_back(pfn);
    }
  }
  // At the head of the list busy pages would be met again and again until enough are scanned.
  if (frame == kNil && !busy.empty() && (counts_all || found.taken < most)) scan = std::max(scan, most);
  const bool exhausted = frame == kNil && busy.empty();
  for (const Pfn pfn : busy) lru_.listed().move_to_head(pfn);
  for (const Pfn pfn : skipped) lru_.listed().move_to_head(pfn);
  events_.pgscan_skip += skipped_pages;
  found.scanned = count_scanned(scan, skipped_pages, exhausted);
  return found;
}

// Returns what a scan counts as scanned. Up to 4.10 skipped pages count for a quarter, and whole if the list has no
// other page left; later as any.
std::uint64_t ListScanner::count_scanned(std::uint64_t scan, std::uint64_t skipped, bool exhausted) const {
  if (release_ < Release::v4_11 && !exhausted) return scan + skipped / 4;
  return scan + skipped;
}

// --- throttling ---

// Returns whether more pages are isolated than are left on the inactive list. Callers that may enter file systems and
// start I/O leave room for those that may not (3.8): an eighth of the list counts.
bool ListScanner::too_many_isolated(LruVec vec, bool file, const ScanControl& control) const {
  if (control.kswapd) return false;
  std::uint64_t inactive = vecs_.size(vec, file ? LruList::inactive_file : LruList::inactive_anon);
  if (release_ >= Release::v3_8 && (control.gfp & kIoAndFs) == kIoAndFs) inactive /= 8;
  return vecs_.isolated(vec, file) > inactive;
}

// Returns whether no zone up to the ceiling has a batch of pages on the list (inactive_reclaimable_pages, 4.8 to 4.10).
bool ListScanner::too_short_v4_8(LruVec vec, bool file, const ScanControl& control) const {
  if (release_ < Release::v4_8 || release_ >= Release::v4_11) return false;
  const LruList list = file ? LruList::inactive_file : LruList::inactive_anon;
  for (std::size_t zone = vec.first_zone; zone <= control.ceiling; ++zone)
    if (vecs_.contains(vec, zone) && lru_.lists().size_in_zone(list, zone) >= kSwapClusterMax) return false;
  return true;
}

// Waits until fewer pages are isolated. Up to 4.13 as long as it takes, later once.
Task<ListScanner::Throttled> ListScanner::throttle(LruVec vec, bool file, const ScanControl& control) {
  const Time wait = release_ >= Release::v5_16 ? kIsolatedWaitSince5_16 : kIsolatedWait;
  for (bool waited = false; too_many_isolated(vec, file, control); waited = true) {
    core_.engine.turn();
    if (waited && release_ >= Release::v4_14) co_return Throttled::give_up;
    co_await at(core_.engine, Point::reclaim_throttle);
    co_await sleep_for(core_.engine, wait);
    if (core_.engine.flags().fatal_signal) co_return Throttled::dying;
    if (core_.engine.flags().given_up) co_return Throttled::give_up;
  }
  co_return Throttled::go_on;
}

// --- inactive lists ---

Task<std::uint64_t> ListScanner::shrink_inactive(std::uint64_t most, LruVec vec, ScanControl& control, LruList list) {
  CMA_ASSERT(most > 0 && most <= kSwapClusterMax);
  CMA_ASSERT(list == LruList::inactive_file || list == LruList::inactive_anon);
  const bool file = list == LruList::inactive_file;
  if (too_short_v4_8(vec, file, control)) co_return 0;
  const Throttled throttled = co_await throttle(vec, file, control);
  if (throttled != Throttled::go_on) co_return throttled == Throttled::dying ? kSwapClusterMax : 0;
  co_await lru_.drain().add_drain(core_.engine.cpu());
  Isolated batch = isolate(most, vec, control, list);
  (control.kswapd ? events_.pgscan_kswapd : events_.pgscan_direct) += batch.scanned;
  if (batch.taken == 0) co_return 0;
  co_await at(core_.engine, Point::reclaim_isolated);
  BatchCounts counts;
  const std::uint64_t reclaimed = co_await batch_.shrink(batch.pages, control, vecs_.state(vec), counts);
  (control.kswapd ? events_.pgsteal_kswapd : events_.pgsteal_direct) += reclaimed;
  std::vector<Pfn> dead;
  co_await put_back(batch.pages, dead);
  co_await free_dead(std::move(dead));
  co_await note_batch(vec, control, counts, batch.taken, file);
  co_return reclaimed;
}

// Puts pages at the heads of their lists, last page first; locked memory by way of the pagevec. Collects those whose
// last reference was the list's. Returns how many pages are on a list again.
Task<std::uint64_t> ListScanner::put_back(PageList& pages, std::vector<Pfn>& dead) {
  std::uint64_t moved = 0;
  while (!pages.empty()) {
    core_.engine.turn();
    const Pfn pfn = core_.map.pfn(pages.pop_back(core_.map));
    if (core_.map.page(pfn).has(kPageMlocked)) {
      co_await lru_.listed().putback(pfn);
      continue;
    }
    const std::uint64_t size = pages_of(core_.map.page(pfn));
    if (lru_.listed().put_on_list(pfn))
      moved += size;
    else
      dead.push_back(pfn);
  }
  co_return moved;
}

// Frees pages that others let go meanwhile: last page first, since 6.9 first page first.
Task<void> ListScanner::free_dead(std::vector<Pfn> dead) {
  if (dead.empty()) co_return;
  if (release_ < Release::v6_9) std::reverse(dead.begin(), dead.end());
  co_await lru_.references().free_together(std::move(dead));
}

void ListScanner::add(BatchCounts& sums, const BatchCounts& counts) {
  sums.dirty += counts.dirty;
  sums.unqueued_dirty += counts.unqueued_dirty;
  sums.congested += counts.congested;
  sums.writeback += counts.writeback;
  sums.immediate += counts.immediate;
  sums.pageout += counts.pageout;
  sums.activated_anon += counts.activated_anon;
  sums.activated_file += counts.activated_file;
  sums.ref_keep += counts.ref_keep;
  sums.unmap_fail += counts.unmap_fail;
  sums.lazyfree_fail += counts.lazyfree_fail;
}

// Draws conclusions from a batch: since 4.11 wakes the flushers if all of it waits for them. Up to 4.16 each batch sets
// the node's flags by itself; later its counts are added, and the scan of the node decides.
Task<void> ListScanner::note_batch(LruVec vec, ScanControl& control, const BatchCounts& counts, std::uint64_t taken,
                                   bool file) {
  if (release_ >= Release::v4_11 && counts.unqueued_dirty == taken) ++events_.flusher_wakeups;
  add(control.sums.counts, counts);
  control.sums.taken += taken;
  if (file) control.sums.file_taken += taken;
  if (release_ >= Release::v4_17) co_return;
  NodeState& state = vecs_.state(vec);
  if (counts.dirty != 0 && counts.dirty == counts.congested) state.congested = true;
  if (release_ < Release::v3_11) co_return;
  if (counts.writeback != 0 && counts.writeback == taken) state.writeback = true;
  if (counts.unqueued_dirty == taken) state.dirty = true;
  if (counts.immediate != 0) co_await sleep_for(core_.engine, kWritebackWait);
}

// --- active lists ---

Task<void> ListScanner::shrink_active(std::uint64_t most, LruVec vec, ScanControl& control, LruList list) {
  CMA_ASSERT(most > 0 && most <= kSwapClusterMax);
  co_await lru_.drain().add_drain(core_.engine.cpu());
  Isolated hold = isolate(most, vec, control, list);
  events_.pgrefill += hold.scanned;
  if (hold.taken == 0) co_return;
  co_await at(core_.engine, Point::reclaim_isolated);
  PageList active;
  PageList inactive;
  while (!hold.pages.empty()) {
    core_.engine.turn();
    co_await at(core_.engine, Point::reclaim_active_page);
    const Pfn pfn = core_.map.pfn(hold.pages.pop_back(core_.map));
    if (core_.map.page(pfn).has(kPageMlocked)) {
      co_await lru_.listed().putback(pfn);
      continue;
    }
    const bool stays = co_await stays_active(pfn);
    if (!stays) core_.map.edit(pfn).flags &= ~kPageActive;
    (stays ? active : inactive).push_front(core_.map, core_.map.frame(pfn));
  }
  std::vector<Pfn> dead;
  co_await put_back(active, dead);
  const std::uint64_t deactivated = co_await put_back(inactive, dead);
  events_.pgdeactivate += deactivated;
  co_await free_dead(std::move(dead));
}

// Asks the page's ptes, which are unused from then on. Returns whether it is a file's and was used by an executable
// mapping. A page of a file that is locked by others is not asked.
Task<bool> ListScanner::stays_active(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.map == 0 || page.has(kPageHead)) co_return false;
  const bool anonymous = page.has(kPageAnon);
  if (!anonymous && !locks_.try_lock(pfn)) co_return false;
  const OwnerReclaim::Referenced used = co_await owners_.referenced(pfn);
  if (!anonymous) locks_.unlock(pfn);
  co_return used.executable && !core_.map.page(pfn).has(kPageSwapbacked);
}

}  // namespace cma
