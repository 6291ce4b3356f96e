#include "allocator/buddy/request_steps.h"

#include <algorithm>

#include "allocator/buddy/compound.h"
#include "allocator/engine/gfp_scope.h"

namespace cma {
namespace {

// A request that can wait is not atomic in the slow path, whatever it says.
Gfp flags_in_slow_path(Gfp gfp) { return (gfp & kGfpDirectReclaim) != 0 ? gfp & ~Gfp{kGfpAtomicBit} : gfp; }

void prepare_new_page(MemoryMap& map, Pfn pfn, unsigned order, Gfp gfp) {
  Page& head = map.edit(pfn);
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
  prep_compound_page(map, pfn, order);
}

}  // namespace

// --- beginning and ending ---

PageRequest RequestSteps::begin(Gfp gfp, unsigned order, unsigned node) {
  if (AllocationWatcher* const watcher = core_.trace.allocations()) watcher->allocation_begins(gfp, order, node);
  PageRequest request;
  request.asked = gfp;
  request.order = order;
  request.node = node;
  // A task that pins for long gets no pages of areas: since 5.1 they are out of its choice. 5.13 (current_gfp_context)
  // makes its requests immovable, so that they do not get pages of a Movable zone either.
  const bool pins = core_.engine.flags().memalloc_pin;
  if (pins && core_.release >= Release::v5_13) gfp &= ~static_cast<Gfp>(kGfpMovable);
  request.gfp = core_.release >= Release::v5_13 ? in_scope(gfp) : gfp;
  request.zonelist = parts_.zones.zonelist(gfp, node);
  request.areas = migratetype_of(gfp) == Migratetype::movable && !pins ? kAllocCma : 0U;
  return request;
}

bool RequestSteps::reports(const PageRequest& request) const {
  return failed_requests_ != nullptr && request.order <= core_.largest_order;
}

void RequestSteps::report_failure(const PageRequest& request) {
  if (reports(request)) failed_requests_->request_failed(flags_in_slow_path(request.gfp), request.order);
}

Task<void> RequestSteps::report_failure_in_parts(const PageRequest& request) {
  if (core_.engine.spinlocks().any_held()) {
    report_failure(request);
    co_return;
  }
  if (!reports(request)) co_return;
  co_await failed_requests_->request_failed_in_parts(flags_in_slow_path(request.gfp), request.order);
}

void RequestSteps::end(const PageRequest& request, Pfn pfn) {
  const Gfp gfp = request.gfp;
  const bool possible = request.order <= core_.largest_order;
  if (possible && core_.trace.page_events())
    core_.trace.emit(Event::mm_page_alloc, pfn, request.order, index_of(migratetype_of(gfp)), gfp);
  if (AllocationWatcher* const watcher = core_.trace.allocations())
    watcher->allocation_ended(request.asked, request.order, pfn);
}

// --- the flags of an attempt ---

// Returns kAllocNoFragment where a zone Normal comes first and DMA32 is the next (alloc_flags_nofragment). 5.0 has the
// function, and never sets the flag. A machine without a zone DMA32 is one of a kernel without CONFIG_ZONE_DMA32.
std::uint32_t RequestSteps::fragment_flags(const ZoneList& zonelist) const {
  if (core_.release < Release::v5_1 || zonelist.size == 0) return 0;
  const Zone& first = parts_.zones[zonelist.entries[0].zone];
  if (first.kind != ZoneKind::normal) return 0;
  const auto comes_next = [&](const Zone& zone) { return zone.kind == ZoneKind::dma32 && zone.node == first.node; };
  const bool spreads = std::any_of(parts_.zones.begin(), parts_.zones.end(), comes_next);
  return spreads && !core_.bugs.fires(Bug::fragments_first) ? kAllocNoFragment : 0U;
}

// Returns the flags of the slow path's first attempt (gfp_to_alloc_flags): down to the min watermark, and below it for
// urgent and atomic requests (the latter up to 4.3 known by a missing __GFP_WAIT) and for real-time tasks. These count
// as atomic up to 6.2, whatever else their request says; since then as urgent, if it can wait.
std::uint32_t RequestSteps::slow_path_flags(Gfp gfp, unsigned order) const {
  const bool rules_v6_3 = Watermarks::has_rules_v6_3(core_.release);
  const bool can_wait = (gfp & kGfpDirectReclaim) != 0;
  const bool by_reclaim = rules_v6_3 || core_.release < Release::v4_4;
  const bool cannot_wait = !can_wait && (by_reclaim || (gfp & kGfpAtomicBit) != 0);
  const bool realtime = core_.engine.flags().scope == ReclaimScope::realtime && !cannot_wait &&
                        !core_.bugs.fires(Bug::realtime_like_others);
  const bool high = (gfp & kGfpHigh) != 0 || (realtime && rules_v6_3);
  const bool harder = (cannot_wait && (gfp & kGfpNomemalloc) == 0) || (realtime && !rules_v6_3);
  std::uint32_t flags = kAllocWmarkMin;
  if (high) flags |= kAllocHigh;
  if (harder) flags |= kAllocHarder;
  if (harder && order > 0 && (high || !rules_v6_3)) flags |= kAllocHighatomic;
  return flags;
}

Gfp RequestSteps::in_scope(Gfp gfp) const { return gfp_in_scope(gfp, core_.engine.flags().scope); }

// Returns the flags of an attempt at the reserves (__gfp_pfmemalloc_flags), 0 if the request has no right to them. Its
// caller is about to free memory, and may have the last page; or is a victim of the OOM killer, which up to 4.13 may,
// too, and since then half of what must stay.
std::uint32_t RequestSteps::reserve_flags(Gfp gfp) const {
  const TaskFlags& task = core_.engine.flags();
  const bool reclaims = task.scope == ReclaimScope::noreclaim && !core_.bugs.fires(Bug::noreclaim_like_others);
  const bool victim = task.is_oom_victim() && !core_.bugs.fires(Bug::victim_like_others);
  const bool frees = (gfp & kGfpMemalloc) != 0 || reclaims;
  if (!frees && !victim) return 0;
  if ((gfp & kGfpNomemalloc) != 0 && !core_.bugs.fires(Bug::nomemalloc_ignored)) return 0;
  return frees || core_.release < Release::v4_14 ? kAllocNoWatermarks : kAllocOom;
}

bool RequestSteps::ends_at_first_attempt(Gfp gfp) const {
  constexpr Gfp kSlabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
  return core_.release < Release::v4_1 && parts_.zones.several_nodes() && (gfp & kSlabs) == kSlabs;
}

std::uint32_t RequestSteps::last_attempt_flags(Gfp gfp, unsigned order) const {
  if (ends_at_first_attempt(gfp)) return kAllocWmarkLow;
  const std::uint32_t reserves = reserve_flags(gfp);
  return reserves != 0 ? reserves : slow_path_flags(flags_in_slow_path(in_scope(gfp)), order);
}

// An attempt at the reserves has no other flags up to 5.8, and so does not count areas.
std::uint32_t RequestSteps::attempt_flags(const PageRequest& request, AllocAttempt attempt) const {
  const bool movable = migratetype_of(request.gfp) == Migratetype::movable;
  switch (attempt) {
    case AllocAttempt::low: {
      const bool unscoped = movable && request.areas == 0 && core_.bugs.fires(Bug::nocma_slow_path_only);
      return kAllocWmarkLow | fragment_flags(request.zonelist) | (unscoped ? kAllocCma : request.areas);
    }
    case AllocAttempt::min: return slow_path_flags(flags_in_slow_path(request.gfp), request.order) | request.areas;
    case AllocAttempt::reserves:
      return reserve_flags(request.gfp) | (core_.release < Release::v5_9 ? 0 : request.areas);
    case AllocAttempt::high: return kAllocWmarkHigh;
    case AllocAttempt::helped:
      if (Watermarks::has_rules_v6_3(core_.release)) return kAllocHigh;
      return kAllocHarder | (request.order > 0 ? kAllocHighatomic : 0U);
    case AllocAttempt::last_page: return kAllocNoWatermarks;
  }
  return 0;
}

// --- attempts ---

Pfn RequestSteps::attempt(PageRequest& request, AllocAttempt attempt) {
  CMA_ASSERT(request.order <= core_.largest_order);
  // Up to 5.12 only the slow path asks for the scope.
  const bool slow = attempt != AllocAttempt::low;
  if (slow) request.gfp = in_scope(request.gfp);
  const Gfp gfp = slow ? flags_in_slow_path(request.gfp) : request.gfp;
  const std::uint32_t flags = attempt_flags(request, attempt);
  AllocationWatcher* const watcher = core_.trace.allocations();
  if (watcher == nullptr) return get_page_from_freelist(gfp, request.order, flags, request.zonelist);
  watcher->attempt_begins(attempt, request.asked, request.order, request.node);
  const Pfn pfn = get_page_from_freelist(gfp, request.order, flags, request.zonelist);
  watcher->attempt_ended(pfn);
  return pfn;
}

Pfn RequestSteps::attempts_before_reclaim(PageRequest& request) {
  const Pfn pfn = attempt(request, AllocAttempt::min);
  if (pfn != kNoPfn || !may_use_reserves(request.gfp)) return pfn;
  return attempt(request, AllocAttempt::reserves);
}

// Returns a block of the first zone of the list that has one above its watermark.
Pfn RequestSteps::try_zones(Gfp gfp, unsigned order, std::uint32_t flags, const ZoneList& zonelist) {
  for (const ZoneList::Entry& entry : zonelist) {
    core_.engine.turn();
    const WatermarkRequest request = {.order = order, .class_zone = entry.ceiling, .flags = flags, .gfp = gfp};
    Zone& zone = parts_.zones[entry.zone];
    const std::uint64_t mark = zone.watermark[flags & kAllocWmarkMask] + zone.watermark_boost;
    const bool cannot_wait = (gfp & kGfpDirectReclaim) == 0;
    if (!(flags & kAllocNoWatermarks) && !parts_.watermarks.zone_watermark_fast(zone, mark, request) &&
        !(cannot_wait && core_.bugs.fires(Bug::atomic_unlimited)))
      continue;
    const Pfn pfn = rmqueue(zone, gfp, order, flags);
    if (pfn == kNoPfn) continue;
    prepare_new_page(core_.map, pfn, order, gfp);
    if (flags & kAllocHighatomic) reserve_highatomic_pageblock(zone, pfn, order);
    return pfn;
  }
  return kNoPfn;
}

// Tries the zones of the first zone's node before it mixes types in a pageblock, if the flags say so; then all.
Pfn RequestSteps::get_page_from_freelist(Gfp gfp, unsigned order, std::uint32_t flags, const ZoneList& zonelist) {
  if ((flags & kAllocNoFragment) == 0) return try_zones(gfp, order, flags, zonelist);
  ZoneList local = zonelist;
  const unsigned node = parts_.zones[zonelist.entries[0].zone].node;
  const ZoneList::Entry* other = std::find_if(zonelist.begin(), zonelist.end(), [&](const ZoneList::Entry& entry) {
    return parts_.zones[entry.zone].node != node;
  });
  local.size = static_cast<std::size_t>(other - zonelist.begin());
  const Pfn pfn = try_zones(gfp, order, flags, local);
  return pfn != kNoPfn ? pfn : try_zones(gfp, order, flags & ~std::uint32_t{kAllocNoFragment}, zonelist);
}

// Takes a block from a zone, by way of the per-CPU lists where they hold its order.
Pfn RequestSteps::rmqueue(Zone& zone, Gfp gfp, unsigned order, std::uint32_t flags) {
  const Migratetype type = migratetype_of(gfp);
  // The movable list may hold pages of areas: since 5.9 requests that must not have them pass it by.
  const bool list_suits = core_.release < Release::v5_9 || (flags & kAllocCma) || type != Migratetype::movable ||
                          core_.bugs.fires(Bug::nocma_from_pcp);
  if ((gfp & kGfpCold) != 0 && core_.release < Release::v4_15) flags |= kAllocCold;
  if (parts_.per_cpu.allowed_order(order) && list_suits) {
    const Pfn pfn = parts_.per_cpu.rmqueue_pcplist(zone, order, type, flags);
    if (pfn != kNoPfn || core_.release < Release::v6_0) return pfn;
  }
  SpinGuard zone_lock(core_.engine);
  Pfn pfn = kNoPfn;
  const bool from_reserve = (flags & kAllocHighatomic) || (order > 0 && core_.bugs.fires(Bug::reserve_to_anyone));
  if (from_reserve) pfn = parts_.free_lists.rmqueue_smallest(zone, order, Migratetype::highatomic);
  if (pfn == kNoPfn) pfn = parts_.fallback.rmqueue(zone, order, type, flags);
  if (pfn == kNoPfn && takes_reserve_last(zone, order, flags))
    pfn = parts_.free_lists.rmqueue_smallest(zone, order, Migratetype::highatomic);
  if (pfn == kNoPfn) return kNoPfn;
  if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_alloc_zone_locked, pfn, order, index_of(type), 0);
  return pfn;
}

// Returns whether a request that found nothing else has a right to the reserve, and the reserve has a block for it. Up
// to 5.19 such requests ended at the per-CPU lists.
bool RequestSteps::takes_reserve_last(const Zone& zone, unsigned order, std::uint32_t flags) {
  if (core_.release < Release::v6_0 || (flags & (kAllocHarder | kAllocOom)) == 0) return false;
  for (unsigned o = order; o <= core_.largest_order; ++o)
    if (!zone.free_by_order[o].lists[index_of(Migratetype::highatomic)].empty())
      return !core_.bugs.fires(Bug::atomic_page_refused);
  return false;
}

// --- the reserve for atomic requests ---

// Returns from which size on the reserve of a zone does not grow: 1 % of the zone, and up to 6.7 a pageblock more.
// Since then a zone of which 1 % is less than a pageblock has no reserve.
std::uint64_t RequestSteps::most_reserved(const Zone& zone) const {
  const std::uint64_t block = order_pages(core_.pageblock_order);
  const std::uint64_t share = zone.managed / 100;
  if (core_.release < Release::v6_8) return core_.bugs.active(Bug::reserve_falls_short) ? share : share + block;
  return share < block ? 0 : align_up(share, block);
}

// Keeps the pageblock of an atomic block for others of its kind. What releases before 4.4 kept, at most two pageblocks
// of a zone, is not modelled.
void RequestSteps::reserve_highatomic_pageblock(Zone& zone, Pfn pfn, unsigned order) {
  if (core_.release < Release::v4_4) return;
  if (zone.nr_reserved_highatomic >= most_reserved(zone) && !core_.bugs.fires(Bug::reserve_without_limit)) return;
  SpinGuard zone_lock(core_.engine);
  parts_.pageblock_types.reserve(pfn, order);
}

bool RequestSteps::unreserve_highatomic(const PageRequest& request, bool force) {
  if (core_.release < Release::v4_4) return false;
  const Migratetype type = migratetype_of(request.gfp);
  for (const ZoneList::Entry& entry : request.zonelist) {
    Zone& zone = parts_.zones[entry.zone];
    if (!force && zone.nr_reserved_highatomic <= order_pages(core_.pageblock_order)) continue;
    SpinGuard zone_lock(core_.engine);
    for (unsigned order = 0; order <= core_.largest_order; ++order) {
      const PageList& list = zone.free_by_order[order].lists[index_of(Migratetype::highatomic)];
      if (list.empty()) continue;
      const bool moved = parts_.pageblock_types.unreserve(core_.map.pfn(list.first), type);
      if (moved || core_.release < Release::v4_10) return moved;
    }
  }
  return false;
}

}  // namespace cma
