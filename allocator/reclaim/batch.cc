#include "allocator/reclaim/batch.h"

#include <algorithm>

namespace cma {
namespace {

// FOLL_PIN's share of a page's references: a page with so many is taken for pinned.
constexpr int kPinBias = 1024;

// Returns whether the page is on the file lists by right: no memory that MADV_FREE gave up.
bool is_files(const Page& page) { return !page.has(kPageSwapbacked) && !page.has(kPageAnon); }

}  // namespace

BatchReclaim::BatchReclaim(const Core& core, Lru& lru, PageLocks& locks, OwnerReclaim& owners, ReclaimEvents& events)
    : release_(core.geometry.release), core_(core), lru_(lru), locks_(locks), owners_(owners), events_(events) {}

Task<std::uint64_t> BatchReclaim::shrink(PageList& pages, ScanControl& control, const NodeState& node,
                                         BatchCounts& counts) {
  const Run run{control, node, counts};
  // Since 6.9 a batch of dropped pages is freed when it is full, first page first; before, all at the end, last first.
  const bool frees_batches = release_ >= Release::v6_9;
  PageList kept;
  std::vector<Pfn> dropped;
  std::uint64_t reclaimed = 0;
  while (!pages.empty()) {
    core_.engine.turn();
    co_await at(core_.engine, Point::reclaim_page);
    const Pfn pfn = core_.map.pfn(pages.pop_back(core_.map));
    const Fate fate = co_await try_page(run, pfn);
    settle(run, pfn, fate);
    if (fate == Fate::drop) {
      ++reclaimed;
      dropped.push_back(pfn);
      if (frees_batches && dropped.size() == pagevec_size(release_)) co_await free_dropped(dropped);
    } else if (fate == Fate::cull) {
      co_await lru_.listed().putback(pfn);
    } else {
      kept.push_front(core_.map, core_.map.frame(pfn));
    }
  }
  if (!frees_batches) std::reverse(dropped.begin(), dropped.end());
  co_await free_dropped(dropped);
  pages = kept;
  co_return reclaimed;
}

// Unlocks a page and marks it as its fate says.
void BatchReclaim::settle(Run run, Pfn pfn, Fate fate) {
  Page& page = core_.map.edit(pfn);
  switch (fate) {
    case Fate::keep: return;
    case Fate::keep_locked:
    case Fate::cull: break;
    case Fate::activate:
      if (page.has(kPageMlocked)) break;
      page.flags |= kPageActive;
      ++(page.has(kPageSwapbacked) ? run.counts.activated_anon : run.counts.activated_file);
      ++events_.pgactivate;
      break;
    case Fate::drop:
      if (core_.bugs.fires(Bug::dropped_stays_isolated))
        page.flags &= ~kPageTaskList;
      else
        lru_.listed().let_go(pfn);
      page.flags = (page.flags & ~kPageReferenced) | kPageInFlight;
      break;
  }
  locks_.unlock(pfn);
}

// Frees the pages (free_unref_page_list), and forgets them.
Task<void> BatchReclaim::free_dropped(std::vector<Pfn>& dropped) {
  if (dropped.empty()) co_return;
  std::vector<Pfn> pages;
  pages.swap(dropped);
  co_await at(core_.engine, Point::reclaim_dropped);
  co_await lru_.references().free_together(std::move(pages));
}

// --- one page ---

Task<BatchReclaim::Fate> BatchReclaim::try_page(Run run, Pfn pfn) {
  CMA_ASSERT(!core_.map.page(pfn).has(kPageActive | kPageHead | kPageTail | kPageLru));
  if (!locks_.try_lock(pfn)) co_return Fate::keep;
  ++run.control.nr_scanned;
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageMlocked)) co_return release_ < Release::v4_6 ? Fate::cull : Fate::activate;
  // Doubles the slabs' share for pages that are mapped, but for memory that MADV_FREE gave up.
  if (release_ < Release::v5_4 && page.map > 0 && (page.has(kPageSwapbacked) || !page.has(kPageAnon)))
    ++run.control.nr_scanned;
  co_return co_await try_locked(run, pfn);
}

// The questions in their order, for a page that is locked and evictable.
Task<BatchReclaim::Fate> BatchReclaim::try_locked(Run run, Pfn pfn) {
  if (release_ >= Release::v3_11) count_dirty(run, core_.map.page(pfn));
  if (core_.map.page(pfn).has(kPageWriteback)) co_return under_writeback(run, pfn);
  const Use use = co_await use_of(pfn);
  if (use == Use::activate) co_return Fate::activate;
  if (use == Use::keep) {
    ++run.counts.ref_keep;
    co_return Fate::keep_locked;
  }
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageAnon) && page.has(kPageSwapbacked)) co_return anon_without_swap(run, page);
  if (is_files(page) && !page.has(kPageDirty) && core_.bugs.fires(Bug::reclaim_spares_clean))
    co_return Fate::keep_locked;
  if (page.map > 0) {
    const std::optional<Fate> stays = co_await unmap(run, pfn);
    if (stays) co_return *stays;
  }
  co_return co_await drop_unused(run, pfn, use);
}

// Goes on with a page that is not mapped: writes it if it is dirty, and takes it from its cache.
Task<BatchReclaim::Fate> BatchReclaim::drop_unused(Run run, Pfn pfn, Use use) {
  const Page& page = core_.map.page(pfn);
  if (release_ >= Release::v6_1 && page.ref >= kPinBias) co_return Fate::activate;
  // Shared memory has no other copy. Private memory that has none is not tried so far.
  CMA_ASSERT(!page.has(kPageSwapbacked) || !page.has(kPageAnon));
  const bool shared_memory = page.has(kPageSwapbacked);
  if (page.has(kPageDirty) || shared_memory) {
    const std::optional<Fate> stays = co_await write(run, pfn, use);
    if (stays) co_return *stays;
  }
  co_return drop(pfn);
}

// Returns what becomes of private memory that would have to be written to swap: there is none (add_to_swap
// fails). 5.11, and 5.10.9, do not even try that with pinned memory.
BatchReclaim::Fate BatchReclaim::anon_without_swap(Run run, const Page& page) const {
  if ((run.control.gfp & kGfpIo) == 0) return Fate::keep_locked;
  return release_ >= Release::v5_10 && page.ref >= kPinBias ? Fate::keep_locked : Fate::activate;
}

// Counts a page of a file that is dirty or under writeback (page_check_dirty_writeback).
void BatchReclaim::count_dirty(Run run, const Page& page) const {
  if (!is_files(page)) return;
  const bool writeback = page.has(kPageWriteback);
  if (page.has(kPageDirty) || writeback) ++run.counts.dirty;
  if (page.has(kPageDirty) && !writeback) ++run.counts.unqueued_dirty;
  if (writeback && page.has(kPageReclaim)) ++run.counts.congested;
}

// Marks a page under writeback to be reclaimed when that is over. kswapd counts those that have the mark already while
// the node has too many. Since 4.11 they are out of the way on the active list.
BatchReclaim::Fate BatchReclaim::under_writeback(Run run, Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const bool too_many = release_ >= Release::v3_11 && run.control.kswapd && run.node.writeback;
  if (too_many && page.has(kPageReclaim)) {
    ++run.counts.immediate;
  } else {
    page.flags |= kPageReclaim;
    ++run.counts.writeback;
  }
  return release_ >= Release::v4_11 ? Fate::activate : Fate::keep_locked;
}

// Returns how the page was used since it was last looked at (page_check_references). A page that is used by one pte
// stays once, as its first use is the fault that mapped it.
Task<BatchReclaim::Use> BatchReclaim::use_of(Pfn pfn) {
  const OwnerReclaim::Referenced used = co_await owners_.referenced(pfn);
  Page& page = core_.map.edit(pfn);
  const bool marked = page.has(kPageReferenced);
  page.flags &= ~kPageReferenced;
  // Up to 5.17 the attempt to unmap it finds the locked memory.
  if (used.locked) co_return release_ >= Release::v5_18 ? Use::activate : Use::none;
  if (used.ptes == 0) co_return marked && !page.has(kPageSwapbacked) ? Use::once_in_file : Use::none;
  if (page.has(kPageSwapbacked) && release_ < Release::v5_9) co_return Use::activate;
  page.flags |= kPageReferenced;
  if (marked || used.ptes > 1) co_return Use::activate;
  co_return used.executable && !page.has(kPageSwapbacked) ? Use::activate : Use::keep;
}

// Unmaps a page. Returns what becomes of it if that fails.
Task<std::optional<BatchReclaim::Fate>> BatchReclaim::unmap(Run run, Pfn pfn) {
  const bool was_swapbacked = core_.map.page(pfn).has(kPageSwapbacked);
  const bool unmapped = co_await owners_.unmap(pfn);
  if (unmapped) {
    co_await at(core_.engine, Point::reclaim_unmapped);
    co_return std::nullopt;
  }
  ++run.counts.unmap_fail;
  if (!was_swapbacked && core_.map.page(pfn).has(kPageSwapbacked)) ++run.counts.lazyfree_fail;
  co_return Fate::activate;
}

// --- dirty pages ---

// Returns whether a dirty page of a file is left to the flushers: always, but for kswapd under pressure.
bool BatchReclaim::defers_write(Run run, const Page& page) const {
  if (page.has(kPageSwapbacked)) return false;
  if (!run.control.kswapd) return true;
  if (release_ < Release::v3_11) return run.control.priority >= kDefPriority - 2;
  return !run.node.dirty || (release_ >= Release::v4_11 && !page.has(kPageReclaim));
}

// Writes a dirty page, if reclaim does that at all. Returns what becomes of it, unless it is clean and locked now.
Task<std::optional<BatchReclaim::Fate>> BatchReclaim::write(Run run, Pfn pfn, Use use) {
  if (release_ < Release::v3_11) ++run.counts.dirty;
  if (defers_write(run, core_.map.page(pfn))) {
    ++events_.nr_vmscan_immediate_reclaim;
    core_.map.edit(pfn).flags |= kPageReclaim;
    co_return release_ >= Release::v4_11 ? Fate::activate : Fate::keep_locked;
  }
  const bool may_enter_fs = (run.control.gfp & kGfpFs) != 0;
  if (use == Use::once_in_file || !may_enter_fs || !run.control.may_writepage) co_return Fate::keep_locked;
  const OwnerReclaim::Written written = co_await owners_.page_out(pfn);
  switch (written) {
    case OwnerReclaim::Written::keep:
      if (release_ < Release::v3_11) ++run.counts.congested;
      co_return Fate::keep_locked;
    case OwnerReclaim::Written::activate: co_return Fate::activate;
    case OwnerReclaim::Written::submitted: break;
  }
  ++run.counts.pageout;
  ++events_.nr_vmscan_write;
  if (core_.map.page(pfn).has(kPageWriteback | kPageDirty)) co_return Fate::keep;
  if (!locks_.try_lock(pfn)) co_return Fate::keep;
  if (core_.map.page(pfn).has(kPageWriteback | kPageDirty)) co_return Fate::keep_locked;
  co_return std::nullopt;
}

// --- the end ---

// Frees the page's buffers, and takes it from its cache. Keeps it if others use either.
BatchReclaim::Fate BatchReclaim::drop(Pfn pfn) {
  const bool orphan = core_.map.page(pfn).owner == 0;
  if (core_.map.page(pfn).has(kPagePrivate)) {
    if (!owners_.release_buffers(pfn)) return Fate::activate;
    if (orphan && owners_.take_orphan(pfn)) return Fate::drop;
  }
  if (orphan || !owners_.remove_mapping(pfn)) return Fate::keep_locked;
  if (core_.map.page(pfn).has(kPageAnon)) ++events_.pglazyfreed;
  return Fate::drop;
}

}  // namespace cma
