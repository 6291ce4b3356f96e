#include "allocator/buddy/pcp.h"

#include <algorithm>
#include <span>

namespace cma {
namespace {

// Most batches, as a power of two, that are freed or refilled under one hold of zone->lock.
constexpr int kBatchScaleMax = 5;
// A run ends with its pageblock only.
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
// The lists of huge pages follow those of smaller orders.
constexpr unsigned kFirstHugeList = kPcpTypes * (kPcpLargestOrder + 1);

}  // namespace

PerCpuLists::PerCpuLists(const Core& core, FreeLists& free_lists, const PageblockTypes& pageblock_types,
                         Fallback& fallback, Zones& zones)
    : core_(core), free_lists_(free_lists), pageblock_types_(pageblock_types), fallback_(fallback), zones_(zones) {}

void PerCpuLists::set_sizes(Zone& zone) const {
  const Geometry& geometry = core_.geometry;
  const auto cpus = static_cast<std::uint64_t>(core_.engine.cpus());
  std::uint64_t base = std::min<std::uint64_t>(zone.managed / 1024, (1U << 20) / geometry.page_size) / 4;
  base = std::max<std::uint64_t>(base, 1);
  const auto power = static_cast<int>(order_pages(floor_log2(base + base / 2)));
  const int batch = geometry.pcp_batch.value_or(std::max(1, power - 1));
  int high = 6 * (power - 1);
  if (core_.release >= Release::v5_14) high = std::max(static_cast<int>(zone.watermark[1] / cpus), 4 * batch);
  for (PerCpuPages& pcp : zone.pcp) {
    pcp.batch = batch;
    pcp.high = geometry.pcp_high.value_or(high);
    pcp.high_min = geometry.pcp_high_min.value_or(pcp.high);
    const int eighth = static_cast<int>(zone.managed / 8 / cpus);
    // The smallest fraction that vm.percpu_pagelist_high_fraction accepts. Where sizes are given, `high` is fixed.
    pcp.high_max = geometry.pcp_high_max.value_or(
        geometry.pcp_high && !geometry.pcp_high_min ? pcp.high : std::max(eighth, 4 * batch));
  }
}

// --- lists ---

bool PerCpuLists::allowed_order(unsigned order) const {
  if (core_.release < Release::v5_14) return order == 0;
  return order <= kPcpLargestOrder || (core_.geometry.transparent_hugepages && order == core_.pageblock_order);
}

// Returns whether huge pages have one list for movable ones and one for others, before a list for each type.
bool PerCpuLists::has_two_huge_lists() const {
  return since(core_.release, Release::v6_10, {Release::v6_1, Release::v6_6});
}

unsigned PerCpuLists::lists_in_use() const {
  if (core_.release < Release::v5_14) return kPcpTypes;
  if (!core_.geometry.transparent_hugepages) return kFirstHugeList;
  return kFirstHugeList + (has_two_huge_lists() ? 2 : kPcpTypes);
}

unsigned PerCpuLists::list_order(unsigned list) const {
  return list >= kFirstHugeList ? core_.pageblock_order : list / kPcpTypes;
}

unsigned PerCpuLists::list_index(Migratetype type, unsigned order) const {
  // CMA and HighAtomic pages ride on the movable list.
  const unsigned index = index_of(type) < kPcpTypes ? index_of(type) : index_of(Migratetype::movable);
  const bool movable = index == index_of(Migratetype::movable);
  if (order <= kPcpLargestOrder) return kPcpTypes * order + index;
  if (!has_two_huge_lists()) return kFirstHugeList + index;
  return kFirstHugeList + (movable && !core_.bugs.fires(Bug::huge_pages_mixed) ? 1 : 0);
}

// --- allocating ---

// Appends up to `blocks` blocks to a list, in allocation order. Returns how many there were.
std::uint64_t PerCpuLists::rmqueue_bulk(Zone& zone, PageList& list, unsigned order, int blocks, Migratetype type,
                                        std::uint32_t flags) {
  SpinGuard zone_lock(core_.engine);
  std::uint64_t taken = 0;
  for (int i = 0; i < blocks; ++i) {
    const Pfn pfn = fallback_.rmqueue(zone, order, type, flags, taken << order);
    if (pfn == kNoPfn) break;
    Page& page = core_.map.edit(pfn);
    page.flags |= kPagePcp;
    page.order = static_cast<std::uint8_t>(order);
    if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_alloc_zone_locked, pfn, order, index_of(type), 1);
    // The list of a request for a cold page was empty, and is filled from its end.
    if ((flags & kAllocCold) != 0)
      list.push_front(core_.map, core_.map.frame(pfn));
    else
      list.push_back(core_.map, core_.map.frame(pfn));
    ++taken;
  }
  return taken;
}

// Returns the blocks of one refill.
int PerCpuLists::refill_pages(PerCpuPages& pcp, unsigned order) const {
  if (core_.release < Release::v5_14) return pcp.batch;
  const bool adapts = core_.release >= Release::v6_7;
  const int pages = adapts ? refill_v6_7(pcp, order) : pcp.batch;
  if (pages <= 1 || (adapts && order == 0)) return pages;
  return std::max(pages >> order, 2);
}

// Returns whether the kernel adapts the limit of a CPU's lists.
bool PerCpuLists::adapts_high(const PerCpuPages& pcp) const {
  return pcp.high_min != pcp.high_max && !core_.bugs.fires(Bug::pcp_high_fixed);
}

// Returns the pages of one refill (nr_pcp_alloc). Consecutive refills of single pages double.
int PerCpuLists::refill_v6_7(PerCpuPages& pcp, unsigned order) const {
  pcp.high = std::clamp(pcp.high, pcp.high_min, pcp.high_max);
  if (pcp.high < pcp.batch) return 1;
  int pages = order != 0 ? pcp.batch : pcp.batch << pcp.alloc_factor;
  if (adapts_high(pcp)) pcp.high = std::min(pcp.high + pages, pcp.high_max);
  if (order != 0) return pages;
  const int most = std::max(pcp.high - pcp.count - pcp.batch, pcp.batch);
  if (pages <= most && pcp.alloc_factor < kBatchScaleMax) ++pcp.alloc_factor;
  return std::min(pages, most);
}

Pfn PerCpuLists::rmqueue_pcplist(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags) {
  PerCpuPages& pcp = zone.pcp_of(core_.engine.cpu());
  // Each is 0 where the release has no such figure.
  pcp.free_factor >>= 1;
  pcp.free_count >>= 1;
  PageList& list = pcp.lists[list_index(type, order)];
  if (list.empty()) {
    const std::uint64_t taken = rmqueue_bulk(zone, list, order, refill_pages(pcp, order), type, flags);
    pcp.count += static_cast<int>(taken << order);
    if (list.empty()) return kNoPfn;
  }
  const Frame frame = (flags & kAllocCold) != 0 ? list.pop_back(core_.map) : list.pop_front(core_.map);
  core_.map.edit_at(frame).flags &= ~kPagePcp;
  pcp.count -= static_cast<int>(order_pages(order));
  CMA_ASSERT(pcp.count >= 0);
  return core_.map.pfn(frame);
}

// --- freeing ---

void PerCpuLists::push(Zone& zone, Pfn pfn, unsigned order, Migratetype type) {
  PerCpuPages& pcp = zone.pcp_of(core_.engine.cpu());
  Page& page = core_.map.edit(pfn);
  page.flags = (page.flags & ~kPageInFlight) | kPagePcp;
  page.order = static_cast<std::uint8_t>(order);
  unsigned list = list_index(type, order);
  if (type == Migratetype::reclaimable && core_.bugs.fires(Bug::pcp_list_mixed)) [[unlikely]]
    list = list_index(Migratetype::unmovable, order);
  pcp.lists[list].push_front(core_.map, core_.map.frame(pfn));
  pcp.count += static_cast<int>(order_pages(order));
  overflow(zone, pcp, order, list);
}

void PerCpuLists::push_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type) {
  PerCpuPages& pcp = zone.pcp_of(core_.engine.cpu());
  const unsigned list = list_index(type, 0);
  // Since 6.7 every single free counts; before, nothing happens up to the page that overflows the lists.
  const bool one_by_one = core_.release >= Release::v6_7;
  while (pages > 0) {
    core_.engine.turn();
    const int room = one_by_one ? 1 : std::max(pcp.high - pcp.count, 1);
    const std::uint64_t count = std::min(pages, static_cast<std::uint64_t>(room));
    const std::span<Page> run = core_.map.edit_run(pfn, count);
    for (Page& page : run) {
      page.flags = kPagePcp;
      page.list_type = type;
    }
    pcp.lists[list].push_front_ascending(core_.map, core_.map.frame(pfn), run);
    pcp.count += static_cast<int>(count);
    overflow(zone, pcp, 0, list);
    pfn += count;
    pages -= count;
  }
}

// Frees a batch if a free of `order` to `list` made the lists overflow.
void PerCpuLists::overflow(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  if (pcp.count == pcp.high && core_.bugs.fires(Bug::overflow_late)) [[unlikely]]
    return;
  if (core_.release >= Release::v6_7)
    overflow_v6_7(zone, pcp, order, list);
  else if (core_.release >= Release::v5_14)
    overflow_v5_14(zone, pcp, order, list);
  else if (pcp.count >= pcp.high)
    free_pcppages_bulk_v3_5(zone, pcp, pcp.batch);
}

// 5.14 to 5.17 take from the lists in turn, as before.
void PerCpuLists::overflow_v5_14(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  const bool high_order = order != 0 && order <= kPcpLargestOrder;
  const bool free_high = core_.release >= Release::v5_18 && high_order && pcp.free_factor != 0;
  if (pcp.count < (free_high ? 0 : pcp.high)) return;
  const int count = free_count_v5_14(pcp, free_high);
  if (core_.release < Release::v5_18)
    free_pcppages_bulk_v3_5(zone, pcp, count);
  else
    free_pcppages_bulk_v5_18(zone, pcp, count, list);
}

// Returns how many pages an overflow frees (nr_pcp_free). Consecutive overflows double: without limit up to 6.6, but up
// to a factor of 32 in the long-term series of 6.1 and 6.6.
int PerCpuLists::free_count_v5_14(PerCpuPages& pcp, bool free_high) const {
  if (free_high) return pcp.count;
  if (pcp.high < pcp.batch) return 1;
  const int most = pcp.high - pcp.batch;
  const int wanted = pcp.batch << pcp.free_factor;
  const bool limited = since(core_.release, Release::v6_7, {Release::v6_1, Release::v6_6});
  const bool may_double = !limited || pcp.free_factor < kBatchScaleMax;
  if (wanted < most && may_double) ++pcp.free_factor;
  // The kernel's clamp() applies the lower bound first, the upper one last.
  return std::min(std::max(wanted, pcp.batch), most);
}

void PerCpuLists::overflow_v6_7(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  pcp.alloc_factor >>= 1;
  const bool high_order = order != 0 && order <= kPcpLargestOrder;
  const bool free_high = high_order && pcp.free_count >= pcp.batch && pcp.freed_high_order;
  pcp.freed_high_order = high_order;
  if (pcp.free_count < pcp.batch << kBatchScaleMax) pcp.free_count += static_cast<int>(order_pages(order));
  const int limit = limit_v6_7(pcp, free_high);
  if (pcp.count < limit) return;
  free_pcppages_bulk_v5_18(zone, pcp, free_count_v6_7(pcp, limit, free_high), list);
}

// Returns the count from which on pages are freed (nr_pcp_high). `high` grows while frees keep overflowing.
int PerCpuLists::limit_v6_7(PerCpuPages& pcp, bool free_high) const {
  pcp.high = std::clamp(pcp.high, pcp.high_min, pcp.high_max);
  const int high = pcp.high;
  if (high == 0) return 0;
  if (free_high) {
    pcp.high = std::max(high - (pcp.batch << kBatchScaleMax), pcp.high_min);
    return 0;
  }
  const int needed = pcp.free_count + pcp.batch;
  if (pcp.count >= high && high < needed && adapts_high(pcp)) pcp.high = std::clamp(needed, pcp.high_min, pcp.high_max);
  return high;
}

int PerCpuLists::free_count_v6_7(const PerCpuPages& pcp, int limit, bool free_high) const {
  if (free_high) return std::min(pcp.count, pcp.batch << kBatchScaleMax);
  if (limit < pcp.batch) return 1;
  return std::min(std::max(pcp.free_count, pcp.batch), limit - pcp.batch);
}

// --- back to the free lists ---

// Frees blocks from the lists in turn, beginning with the one after Unmovable. Lists found empty make the next burst
// longer; after as many visits as there are lists, the rest comes from the list that was found. The last block may be
// larger than what is left of `count`.
void PerCpuLists::free_pcppages_bulk_v3_5(Zone& zone, PerCpuPages& pcp, int count) {
  SpinGuard zone_lock(core_.engine);
  PageList detached;  // the first to be freed last
  const unsigned lists = lists_in_use();
  unsigned list = 0;
  int burst = 0;
  count = std::min(count, pcp.count);
  while (count > 0) {
    core_.engine.turn();
    do {
      core_.engine.turn();
      ++burst;
      const bool stays = burst > 1 && core_.bugs.fires(Bug::drain_stays_on_list);
      if (!stays) list = (list + 1) % lists;
    } while (pcp.lists[list].empty());
    if (burst == static_cast<int>(lists)) burst = count;
    const auto pages = static_cast<int>(order_pages(list_order(list)));
    do {
      core_.engine.turn();
      detached.push_front(core_.map, pcp.lists[list].pop_back(core_.map));
      pcp.count -= pages;
      count -= pages;
    } while (count > 0 && --burst > 0 && !pcp.lists[list].empty());
  }
  // Blocks of several orders are no runs of pages.
  const std::uint64_t most = lists == kPcpTypes ? kNoLimit : 1;
  while (!detached.empty()) {
    core_.engine.turn();
    free_tail_run(zone, detached, most);
  }
}

// Empties each visited list before the next one, beginning with the list just freed to.
void PerCpuLists::free_pcppages_bulk_v5_18(Zone& zone, PerCpuPages& pcp, int count, unsigned first_list) {
  SpinGuard zone_lock(core_.engine);
  const unsigned lists = lists_in_use();
  count = std::min(count, pcp.count);
  unsigned list = first_list;
  while (count > 0) {
    core_.engine.turn();
    while (pcp.lists[list].empty()) {
      core_.engine.turn();
      if (!core_.bugs.fires(Bug::drain_stays_on_list)) list = (list + 1) % lists;
    }
    do {
      core_.engine.turn();
      const auto freed = static_cast<int>(free_tail_run(zone, pcp.lists[list], static_cast<std::uint64_t>(count)));
      count -= freed;
      pcp.count -= freed;
    } while (count > 0 && !pcp.lists[list].empty());
  }
}

// Frees the last block of a list, and with single pages those that follow it in memory and on the list: at most `most`
// pages, but one block at least. Returns the pages freed.
std::uint64_t PerCpuLists::free_tail_run(Zone& zone, PageList& list, std::uint64_t most) {
  const Pfn pfn = core_.map.pfn(list.last);
  const unsigned order = core_.map.at(list.last).order;
  const bool typed = zone.has_isolate_pageblock() || has_typed_lists(core_.release);
  const Migratetype cached = core_.map.at(list.last).list_type;
  const Migratetype type = typed ? pageblock_types_.type_when_freed(pfn, cached) : cached;
  if (order > 0 || core_.trace.page_events()) {
    list.pop_back(core_.map);
    if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_pcpu_drain, pfn, order, index_of(type));
    free_lists_.free_one_block(zone, pfn, order, type);
    return order_pages(order);
  }
  const Pfn end = core_.map.pageblock_start(pfn) + order_pages(core_.pageblock_order);
  std::uint64_t pages = list.ascending_tail(core_.map, std::min(most, end - pfn));
  // Where cached types decide, a run ends with its type.
  const bool by_cached = !typed || core_.bugs.active(Bug::free_stale_type);
  for (std::uint64_t i = 1; by_cached && i < pages; ++i)
    if (core_.map.page(pfn + i).list_type != type) pages = i;
  list.cut_ascending_tail(core_.map, pages);
  free_lists_.free_run(zone, pfn, pages, type);
  return pages;
}

// --- draining ---

void PerCpuLists::drain_pages_zone(int cpu, Zone& zone) {
  PerCpuPages& pcp = zone.pcp_of(cpu);
  if (core_.release < Release::v5_18) {
    if (pcp.count > 0) free_pcppages_bulk_v3_5(zone, pcp, pcp.count);
    return;
  }
  // In pieces since 6.10, and in stable trees before.
  while (pcp.count > 0) {
    core_.engine.turn();
    free_pcppages_bulk_v5_18(zone, pcp, std::min(pcp.count, pcp.batch << kBatchScaleMax), 0);
  }
}

// Returns whether a drain of the zone `asked` for empties a CPU's lists of `zone`: interrupts emptied all zones up to
// 3.18 and the one asked for since; workers came with 4.11, and know the zone since 5.0 (recalled; 5.15 read).
// Since 6.0 the caller reaches into other CPUs.
bool PerCpuLists::drains_zone(int asked, std::size_t zone) const {
  const bool workers_drain_all = core_.release >= Release::v4_11 && core_.release < Release::v5_0;
  return asked == kAllZones || static_cast<std::size_t>(asked) == zone || core_.release < Release::v3_19 ||
         workers_drain_all;
}

Task<void> PerCpuLists::drain_all_pages(int zone) {
  const bool one_at_a_time = core_.release >= Release::v4_11;
  if (one_at_a_time && !drain_mutex_.try_lock(core_.engine)) {
    // The drain that is under way is good enough for callers that name no zone.
    if (zone == kAllZones || core_.bugs.fires(Bug::any_drain_will_do)) co_return;
    co_await drain_mutex_.lock(core_.engine);
  }
  co_await at(core_.engine, Point::drain_pcp_begin);
  std::uint32_t selected = 0;
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu)
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if ((zone == kAllZones || static_cast<std::size_t>(zone) == z) && zones_[z].pcp_of(cpu).count > 0)
        selected |= 1U << cpu;
  const int last = core_.engine.cpus() - 1;
  if ((selected & (1U << last)) != 0 && core_.bugs.fires(Bug::drain_misses_cpu)) selected &= ~(1U << last);
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu) {
    if ((selected & (1U << cpu)) == 0) continue;
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if (drains_zone(zone, z)) drain_pages_zone(cpu, zones_[z]);
    co_await at(core_.engine, Point::drain_pcp_cpu);
  }
  if (one_at_a_time) drain_mutex_.unlock(core_.engine);
}

}  // namespace cma
