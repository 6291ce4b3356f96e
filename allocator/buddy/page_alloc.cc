// The front half of an allocation, the entry points of freeing, and what boot hands over.

#include <algorithm>

#include "allocator/buddy/buddy.h"

namespace cma {
namespace {

// Flags that a page must not carry when it is freed (PAGE_FLAGS_CHECK_AT_FREE).
constexpr std::uint32_t kBadAtFree = kPageLru | kPageLocked | kPagePrivate | kPageWriteback | kPageReserved |
                                     kPageSlab | kPageActive | kPageUnevictable | kPageMlocked;

}  // namespace

Buddy::Buddy(const Core& core)
    : release_(core.geometry.release),
      pageblock_order_(core.geometry.pageblock_order),
      largest_order_(core.geometry.largest_order),
      thp_(core.geometry.transparent_hugepages),
      move_to_tail_(core.geometry.release >= Release::v5_10),
      pcp_batch_(core.geometry.pcp_batch),
      pcp_high_(core.geometry.pcp_high),
      pcp_high_min_(core.geometry.pcp_high_min),
      pcp_high_max_(core.geometry.pcp_high_max),
      min_free_kbytes_(core.geometry.min_free_kbytes),
      extra_free_kbytes_(core.geometry.extra_free_kbytes),
      core_(core) {
  for (const ZoneSpec& spec : core.geometry.effective_zones()) {
    Zone zone;
    zone.range = spec.range;
    for (Pfn pfn = spec.range.start; pfn < spec.range.end; ++pfn) zone.present += core_.map.present(pfn) ? 1 : 0;
    zones_.push_back(zone);
    zone_names_.push_back(spec.name);
  }
}

void Buddy::copy_from(const Buddy& other) {
  booting_ = other.booting_;
  zones_ = other.zones_;
  drain_mutex_.reset();
}

// --- boot ---

void Buddy::free_boot_range(const PfnRange& range) {
  Pfn pfn = range.start;
  while (pfn < range.end) {
    unsigned order = pfn == 0 ? largest_order_ : std::min(largest_order_, lowest_bit(pfn));
    while (pfn + order_pages(order) > range.end) --order;
    // A block must not span zones.
    while (order > 0 && core_.map.page(pfn).zone != core_.map.page(pfn + order_pages(order) - 1).zone) --order;
    for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
      Page& page = core_.map.edit(p);
      page.flags = 0;
      page.ref = 0;
    }
    Zone& zone = zone_of(pfn);
    zone.managed += order_pages(order);
    // 5.8: boot memory goes to the tail.
    free_one_block(zone, pfn, order, core_.map.pageblock_type(pfn), release_ >= Release::v5_10);
    pfn += order_pages(order);
  }
}

void Buddy::free_cma_pageblock(Pfn pfn) {
  const std::uint64_t pages = order_pages(pageblock_order_);
  for (Pfn p = pfn; p < pfn + pages; ++p) {
    Page& page = core_.map.edit(p);
    page.flags = 0;
    page.ref = 0;
  }
  core_.map.set_pageblock_type(pfn, Migratetype::cma);
  Zone& zone = zone_of(pfn);
  zone.managed += pages;
  free_one_block(zone, pfn, pageblock_order_, Migratetype::cma);
}

void Buddy::free_reserved_page(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  page.flags = 0;
  page.ref = 0;
  ++zone_of(pfn).managed;
  free_now(pfn, 0);
}

// --- freeing ---

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
    return {};
  }
  const Migratetype type = core_.map.pageblock_type(pfn);
  Page& page = core_.map.edit(pfn);
  page.flags = kPageInFlight;
  page.order = static_cast<std::uint8_t>(order);
  page.list_type = type;
  return {pfn, order, type};
}

void Buddy::commit_free(const PendingFree& pending) {
  if (pending.pfn == kNoPfn) [[unlikely]]
    return;
  Zone& zone = zone_of(pending.pfn);
  if (!pcp_allowed_order(pending.order) || pending.type == Migratetype::isolate || booting_)
    free_one_page(zone, pending);
  else
    commit_to_pcp(zone, pending);
}

// Pages in use by their caller alone, with nothing to be cleared or reported.
std::uint64_t Buddy::plain_pages(Pfn pfn, std::uint64_t most) const {
  const Page* page = &core_.map.page(pfn);
  std::uint64_t count = 0;
  while (count < most && page->ref == 1 && page->flags == 0 && page->map == 0 && page->owner == 0) ++count, ++page;
  return count;
}

std::uint64_t Buddy::free_plain_run(Pfn pfn, std::uint64_t most) {
  if (booting_ || core_.engine.watching() || core_.trace.page_events()) return 0;
  const Pfn block_end = core_.map.pageblock_start(pfn) + order_pages(pageblock_order_);
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
    free_run(zone, pfn, pages, type);
  } else {
    push_run_to_pcp(zone, pfn, pages, type);
  }
  return pages;
}

// 3.18 reads it again.
Migratetype Buddy::type_when_freed(Pfn pfn, Migratetype read_before) const {
  const Migratetype now = core_.map.pageblock_type(pfn);
  if (!core_.bugs.active(Bug::free_stale_type)) return now;
  if (now != read_before) core_.bugs.reached(Bug::free_stale_type);
  return read_before;
}

void Buddy::free_one_page(Zone& zone, const PendingFree& pending) {
  SpinGuard zone_lock(core_.engine);
  if (typed_lists()) return split_large_block(zone, pending.pfn, pending.order);
  Migratetype type = pending.type;
  // The type was sampled without the lock: isolation may have begun or ended since.
  if (zone.has_isolate_pageblock() || type == Migratetype::isolate) type = type_when_freed(pending.pfn, type);
  free_one_block(zone, pending.pfn, pending.order, type);
}

Task<void> Buddy::free_unreferenced(Pfn pfn, unsigned order) {
  const PendingFree pending = prepare_free(pfn, order);
  if (pcp_allowed_order(order))
    co_await at(core_.engine, Point::free_page_prepared);
  else
    co_await at(core_.engine, Point::free_block_typed);
  commit_free(pending);
}

Task<void> Buddy::free_pages(Pfn pfn, unsigned order) {
  const bool compound = core_.map.page(pfn).has(kPageHead);
  CMA_ASSERT(core_.map.page(pfn).ref > 0);
  if (--core_.map.edit(pfn).ref == 0) {
    co_await free_unreferenced(pfn, order);
    co_return;
  }
  if (order == 0 || compound) co_return;
  // Somebody else holds the first page. He will free that page alone, so the others are freed here (5.10).
  core_.map.edit(pfn).flags &= ~kPageSplitHead;
  core_.map.edit(pfn).order = 0;
  if (core_.bugs.active(Bug::speculative_leak)) {
    core_.bugs.reached(Bug::speculative_leak);
    co_return;
  }
  for (unsigned piece = order; piece-- > 0;) {
    Page& head = core_.map.edit(pfn + order_pages(piece));
    head.flags |= kPageInFlight;
    head.order = static_cast<std::uint8_t>(piece);
  }
  while (order-- > 0) co_await free_unreferenced(pfn + order_pages(order), order);
}

// --- allocation ---

void Buddy::prepare_new_page(Pfn pfn, unsigned order, Gfp gfp) {
  Page& head = core_.map.edit(pfn);
  CMA_ASSERT(head.ref == 0 && head.map == 0 && !head.has(kPageBuddy | kPagePcp));
  head.ref = 1;
  head.owner = 0;
  head.order = static_cast<std::uint8_t>(order);
  head.flags = 0;
  if (order == 0) return;
  if ((gfp & kGfpComp) == 0) {
    head.flags = kPageSplitHead;
    return;
  }
  prep_compound_page(pfn, order);
}

void Buddy::prep_compound_page(Pfn pfn, unsigned order) {
  Page& head = core_.map.edit(pfn);
  head.flags = kPageHead;
  head.order = static_cast<std::uint8_t>(order);
  for (Pfn tail = pfn + 1; tail < pfn + order_pages(order); ++tail) {
    Page& page = core_.map.edit(tail);
    page.flags = kPageTail;
    page.ref = 0;
  }
}

Pfn Buddy::rmqueue(Zone& zone, Gfp gfp, unsigned order, std::uint32_t flags) {
  const Migratetype type = migratetype_of(gfp);
  const bool v5_9 = release_ >= Release::v5_10;
  const bool v5_17 = release_ >= Release::v6_1;
  // 5.9: the movable list may hold pages of areas.
  if (pcp_allowed_order(order) && (!v5_9 || (flags & kAllocCma) || type != Migratetype::movable)) {
    const Pfn pfn = rmqueue_pcplist(zone, order, type, flags);
    if (pfn != kNoPfn || !v5_17) return pfn;
  }
  SpinGuard zone_lock(core_.engine);
  Pfn pfn = kNoPfn;
  if ((flags & kAllocHarder) && (order > 0 || !v5_9)) pfn = rmqueue_smallest(zone, order, Migratetype::highatomic);
  if (pfn == kNoPfn) pfn = rmqueue_locked(zone, order, type, flags);
  if (pfn == kNoPfn) return kNoPfn;
  if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_alloc_zone_locked, pfn, order, index_of(type), 0);
  if (!typed_lists())
    mod_freepage_state(zone, -static_cast<std::int64_t>(order_pages(order)), core_.map.page(pfn).list_type);
  return pfn;
}

void Buddy::reserve_highatomic_pageblock(Zone& zone, Pfn pfn) {
  // 4.4 brought the reserve. What 3.6 kept instead, at most two pageblocks of a zone, is not modelled.
  if (release_ < Release::v4_9) return;
  const std::uint64_t block = order_pages(pageblock_order_);
  if (zone.nr_reserved_highatomic >= zone.managed / 100 + block) return;
  SpinGuard zone_lock(core_.engine);
  if (!is_mergeable(core_.map.pageblock_type(pfn))) return;
  zone.nr_reserved_highatomic += block;
  core_.map.set_pageblock_type(pfn, Migratetype::highatomic);
  move_freepages_block(zone, pfn, Migratetype::highatomic);
}

std::size_t Buddy::zone_ceiling(Gfp gfp) const {
  const auto rank = [](const std::string& name) {
    if (name == "DMA") return 0;
    if (name == "DMA32") return 1;
    if (name == "Normal") return 2;
    return name == "HighMem" ? 3 : 4;
  };
  int highest = 2;
  if (gfp & kGfpDma)
    highest = 0;
  else if (gfp & kGfpDma32)
    highest = 1;
  else if (gfp & kGfpHighmem)
    highest = (gfp & kGfpMovable) ? 4 : 3;
  std::size_t ceiling = 0;
  for (std::size_t z = 0; z < zones_.size(); ++z)
    if (rank(zone_names_[z]) <= highest) ceiling = z;
  return ceiling;
}

Pfn Buddy::get_page_from_freelist(Gfp gfp, unsigned order, std::uint32_t flags, std::size_t ceiling) {
  for (std::size_t z = ceiling + 1; z-- > 0;) {
    Zone& zone = zones_[z];
    const std::uint64_t mark = zone.watermark[flags & kAllocWmarkMask] + zone.watermark_boost;
    if (!(flags & kAllocNoWatermarks) && !zone_watermark_fast(zone, order, mark, ceiling, flags, gfp)) continue;
    const Pfn pfn = rmqueue(zone, gfp, order, flags);
    if (pfn == kNoPfn) continue;
    prepare_new_page(pfn, order, gfp);
    if (order > 0 && (flags & kAllocHarder)) reserve_highatomic_pageblock(zone, pfn);
    return pfn;
  }
  return kNoPfn;
}

Pfn Buddy::alloc_pages(Gfp gfp, unsigned order) {
  if (order > largest_order_) return kNoPfn;
  const std::size_t ceiling = zone_ceiling(gfp);
  // A task that pins for long gets no pages of areas: 5.1 takes them out of its choice, 5.13 (current_gfp_context)
  // makes its requests immovable.
  const bool v5_13 = release_ >= Release::v6_1;
  if (core_.engine.memalloc_pin() && v5_13) gfp &= ~static_cast<Gfp>(kGfpMovable);
  const bool movable = migratetype_of(gfp) == Migratetype::movable && !core_.engine.memalloc_pin();
  std::uint32_t flags = kAllocWmarkLow | (movable ? kAllocCma : 0U);
  Pfn pfn = get_page_from_freelist(gfp, order, flags, ceiling);
  if (pfn == kNoPfn) {
    // The slow path's first attempt: down to the min watermark, and below it for atomic requests.
    flags = kAllocWmarkMin | (movable ? kAllocCma : 0U);
    if (gfp & kGfpHigh) flags |= kAllocHigh;
    if ((gfp & kGfpAtomicBit) && !(gfp & kGfpNomemalloc)) flags |= kAllocHarder;
    pfn = get_page_from_freelist(gfp, order, flags, ceiling);
  }
  if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_alloc, pfn, order, index_of(migratetype_of(gfp)), gfp);
  return pfn;
}

}  // namespace cma
