#include "allocator/buddy/buddy.h"

#include <algorithm>

namespace cma {
namespace {

// Flags that a page must not carry when it is freed (PAGE_FLAGS_CHECK_AT_FREE).
constexpr std::uint32_t kBadAtFree = kPageLru | kPageLocked | kPagePrivate | kPageWriteback | kPageReserved |
                                     kPageSlab | kPageActive | kPageUnevictable | kPageMlocked;

}  // namespace

Buddy::Buddy(const Core& core)
    : core_(core),
      zones_(core),
      watermarks_(core),
      watermark_setup_(core),
      free_lists_(core),
      pageblock_types_(core, zones_, watermarks_, free_lists_),
      fallback_(core, watermark_setup_, free_lists_, pageblock_types_),
      pcp_(core, free_lists_, pageblock_types_, fallback_, zones_),
      requests_(core, {zones_, watermarks_, free_lists_, pageblock_types_, fallback_, pcp_}) {}

void Buddy::copy_from(const Buddy& other) {
  zones_.copy_from(other.zones_);
  free_lists_.copy_from(other.free_lists_);
  pcp_.drain_mutex().reset();
}

// --- boot ---

void Buddy::free_boot_range(const PfnRange& range) {
  CMA_ASSERT(free_lists_.booting());
  Pfn pfn = range.start;
  while (pfn < range.end) {
    core_.engine.turn();
    unsigned order = pfn == 0 ? core_.largest_order : std::min(core_.largest_order, lowest_bit(pfn));
    for (; pfn + order_pages(order) > range.end; --order) {
    }
    // A block must not span zones.
    for (; order > 0 && core_.map.page(pfn).zone != core_.map.page(pfn + order_pages(order) - 1).zone; --order) {
    }
    for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
      Page& page = core_.map.edit(p);
      page.flags = 0;
      page.ref = 0;
    }
    Zone& zone = zone_of(pfn);
    zone.managed += order_pages(order);
    free_lists_.free_one_block(zone, pfn, order, core_.map.pageblock_type(pfn),
                               core_.release >= Release::v5_10 ? FreeTo::tail : FreeTo::head);
    pfn += order_pages(order);
  }
}

void Buddy::free_cma_pageblock(Pfn pfn) {
  CMA_ASSERT(free_lists_.booting());
  const std::uint64_t pages = order_pages(core_.pageblock_order);
  for (Pfn p = pfn; p < pfn + pages; ++p) {
    Page& page = core_.map.edit(p);
    page.flags = 0;
    page.ref = 0;
  }
  pageblock_types_.set_type(pfn, Migratetype::cma);
  Zone& zone = zone_of(pfn);
  zone.managed += pages;
  zone.cma += pages;
  free_lists_.free_one_block(zone, pfn, core_.pageblock_order, Migratetype::cma);
}

void Buddy::free_reserved_page(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  page.flags = 0;
  page.ref = 0;
  ++zone_of(pfn).managed;
  free_now(pfn, 0);
}

void Buddy::set_up_watermarks() {
  CMA_ASSERT(free_lists_.booting());
  watermark_setup_.set_up(zones_);
  for (Zone& zone : zones_) pcp_.set_sizes(zone);
  free_lists_.end_boot();
}

// --- freeing ---

// Returns whether the pages carry nothing that a free page must not; clears what they may.
bool Buddy::free_checks_pass(Pfn pfn, unsigned order) {
  bool good = true;
  // Markers of anonymous and movable-ops pages are cleared first; those of tails are the head's.
  const bool marked = core_.map.page(pfn).has(kPageMovableOps | kPageAnon);
  for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
    Page& page = core_.map.edit(p);
    if (marked && (p == pfn || page.has(kPageTail))) page.owner = 0;
    good = good && page.map == 0 && page.ref == 0 && page.owner == 0 && !page.has(kBadAtFree);
    page.flags &= kBadAtFree;
    page.token = 0;
  }
  return good;
}

Buddy::PendingFree Buddy::prepare_free(Pfn pfn, unsigned order) {
  CMA_ASSERT(!core_.map.page(pfn).has(kPageBuddy | kPagePcp));
  if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_free, pfn, order);
  if (!free_checks_pass(pfn, order)) [[unlikely]] {
    // bad_page(): reported and never freed.
    for (Pfn p = pfn; p < pfn + order_pages(order); ++p) core_.map.edit(p).flags |= kPageLeaked;
    core_.trace.log("BUG: Bad page state in process cmacheck  pfn:" +
                    std::string(5 - std::min<std::size_t>(5, hex(pfn).size()), '0') + hex(pfn));
    return PendingFree(kNoPfn, 0, Migratetype::unmovable);
  }
  const Migratetype type = core_.map.pageblock_type(pfn);
  Page& page = core_.map.edit(pfn);
  page.flags = kPageInFlight;
  page.order = static_cast<std::uint8_t>(order);
  page.list_type = type;
  return PendingFree(pfn, order, type);
}

void Buddy::commit_free(PendingFree pending) {
  if (pending.pfn_ == kNoPfn) [[unlikely]]
    return;
  Zone& zone = zone_of(pending.pfn_);
  if (!pcp_.allowed_order(pending.order_) || pending.type_ == Migratetype::isolate || free_lists_.booting())
    free_one_page(zone, pending);
  else
    pcp_.push(zone, pending.pfn_, pending.order_, pending.type_);
}

// Returns how many pages from pfn on are in use by the caller alone, with nothing to be cleared or reported.
std::uint64_t Buddy::plain_pages(Pfn pfn, std::uint64_t most) const {
  const Page* page = &core_.map.page(pfn);
  std::uint64_t count = 0;
  for (; count < most && page->ref == 1 && page->flags == 0 && page->map == 0 && page->owner == 0; ++page) ++count;
  return count;
}

std::uint64_t Buddy::free_plain_run(Pfn pfn, std::uint64_t most) {
  if (free_lists_.booting() || core_.engine.watching() || core_.trace.page_events()) return 0;
  const Pfn block_end = core_.map.pageblock_start(pfn) + order_pages(core_.pageblock_order);
  const std::uint64_t pages = plain_pages(pfn, std::min(most, block_end - pfn));
  if (pages == 0) return 0;
  for (Page& page : core_.map.edit_run(pfn, pages)) {
    page.ref = 0;
    page.order = 0;
    page.token = 0;
  }
  Zone& zone = zone_of(pfn);
  const Migratetype type = core_.map.pageblock_type(pfn);
  if (type == Migratetype::isolate) {
    SpinGuard zone_lock(core_.engine);
    free_lists_.free_run(zone, pfn, pages, type);
  } else {
    pcp_.push_run(zone, pfn, pages, type);
  }
  return pages;
}

// Frees a block to the free lists. Its type was sampled without the lock: isolation may have begun or ended since.
void Buddy::free_one_page(Zone& zone, const PendingFree& pending) {
  SpinGuard zone_lock(core_.engine);
  if (has_typed_lists(core_.release)) return free_lists_.free_in_pageblocks(zone, pending.pfn_, pending.order_);
  Migratetype type = pending.type_;
  if (zone.has_isolate_pageblock() || type == Migratetype::isolate)
    type = pageblock_types_.type_when_freed(pending.pfn_, type);
  free_lists_.free_one_block(zone, pending.pfn_, pending.order_, type);
}

Task<void> Buddy::free_unreferenced(Pfn pfn, unsigned order) {
  PendingFree pending = prepare_free(pfn, order);
  if (pcp_.allowed_order(order))
    co_await at(core_.engine, Point::free_page_prepared);
  else
    co_await at(core_.engine, Point::free_block_typed);
  commit_free(std::move(pending));
}

Task<void> Buddy::free_pages(Pfn pfn, unsigned order) {
  bool compound = core_.map.page(pfn).has(kPageHead);
  CMA_ASSERT(core_.map.page(pfn).ref > 0);
  if (--core_.map.edit(pfn).ref == 0) {
    co_await free_unreferenced(pfn, order);
    co_return;
  }
  if (compound && core_.bugs.active(Bug::head_read_late)) {
    // The reference is gone, and the other holder may free the block here.
    co_await at(core_.engine, Point::put_page_dropped);
    compound = core_.map.page(pfn).has(kPageHead);
    if (!compound) core_.bugs.reached(Bug::head_read_late);
  }
  if (order == 0 || compound) co_return;
  // Another holder has a reference on the first page, and will free that page alone: the others are freed here.
  if (Page& first = core_.map.edit(pfn); first.has(kPageSplitHead)) {
    first.flags &= ~kPageSplitHead;
    first.order = 0;
  }
  if (core_.bugs.fires(Bug::speculative_leak)) co_return;
  for (unsigned piece = order; piece-- > 0;) {
    Page& head = core_.map.edit(pfn + order_pages(piece));
    head.flags |= kPageInFlight;
    head.order = static_cast<std::uint8_t>(piece);
  }
  for (unsigned piece = order; piece-- > 0;) co_await free_unreferenced(pfn + order_pages(piece), piece);
}

// --- allocation ---

Pfn Buddy::alloc_pages(Gfp gfp, unsigned order, unsigned node) {
  PageRequest request = requests_.begin(gfp, order, node);
  Pfn pfn = kNoPfn;
  if (order <= core_.largest_order) {
    pfn = requests_.attempt(request, AllocAttempt::low);
    if (pfn == kNoPfn && !requests_.ends_at_first_attempt(request.gfp))
      pfn = requests_.attempts_before_reclaim(request);
  }
  if (pfn == kNoPfn) requests_.report_failure(request);
  requests_.end(request, pfn);
  return pfn;
}

}  // namespace cma
