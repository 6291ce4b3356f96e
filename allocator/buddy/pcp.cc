// Per-CPU lists: refill, overflow, drain. They belong to their CPU; zone->lock is taken inside for bulk transfers.

#include <algorithm>

#include "allocator/buddy/buddy.h"

namespace cma {
namespace {

// 6.1.y frees at most batch << 5 pages under one hold of zone->lock while draining (CONFIG_PCP_BATCH_SCALE_MAX).
constexpr int kBatchScaleMax = 5;
// No limit to a run but its pageblock.
constexpr std::uint64_t kPcpRunLimit = ~std::uint64_t{0};

}  // namespace

bool Buddy::pcp_allowed_order(unsigned order) const {
  if (release_ < Release::v6_1) return order == 0;
  return order <= kPcpLargestOrder || (thp_ && order == pageblock_order_);
}

unsigned Buddy::pcp_lists_in_use() const {
  if (release_ < Release::v6_1) return kPcpTypes;
  return kPcpTypes * (kPcpLargestOrder + 1) + (thp_ ? 2 : 0);
}

unsigned Buddy::pcp_list_order(unsigned list) const {
  return list >= kPcpTypes * (kPcpLargestOrder + 1) ? pageblock_order_ : list / kPcpTypes;
}

unsigned Buddy::pcp_list(Migratetype type, unsigned order) const {
  // CMA and HighAtomic pages ride on the movable list.
  const unsigned index = index_of(type) < kPcpTypes ? index_of(type) : index_of(Migratetype::movable);
  if (order > kPcpLargestOrder) return kPcpTypes * (kPcpLargestOrder + 1) + (index == 1 ? 1 : 0);
  return kPcpTypes * order + index;
}

std::uint64_t Buddy::rmqueue_bulk(Zone& zone, PageList& list, unsigned order, int blocks, Migratetype type,
                                  std::uint32_t flags) {
  SpinGuard zone_lock(core_.engine);
  std::uint64_t taken = 0;
  for (int i = 0; i < blocks; ++i) {
    const Pfn pfn = rmqueue_locked(zone, order, type, flags);
    if (pfn == kNoPfn) break;
    Page& page = core_.map.edit(pfn);
    page.flags |= kPagePcp;
    page.order = static_cast<std::uint8_t>(order);
    if (!typed_lists() && page.list_type == Migratetype::cma)
      zone.nr_free_cma -= static_cast<std::int64_t>(order_pages(order));
    if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_alloc_zone_locked, pfn, order, index_of(type), 1);
    list.push_back(core_.map, core_.map.frame(pfn));
    ++taken;
  }
  // Lowered once for the whole refill, so that the balance test of the next block sees the old figure; 6.10 counts
  // each.
  if (!typed_lists()) zone.nr_free_pages -= static_cast<std::int64_t>(taken << order);
  return taken;
}

Pfn Buddy::rmqueue_pcplist(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags) {
  PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(core_.engine.cpu())];
  const bool v5_14 = release_ >= Release::v6_1;
  if (v5_14) pcp.free_factor >>= 1;
  pcp.free_count >>= 1;
  PageList& list = pcp.lists[pcp_list(type, order)];
  if (list.empty()) {
    int blocks = pcp.batch;
    if (typed_lists()) blocks = pcp_refill_v6_6(pcp, order);
    if (v5_14 && blocks > 1) blocks = order == 0 && typed_lists() ? blocks : std::max(blocks >> order, 2);
    const std::uint64_t taken = rmqueue_bulk(zone, list, order, blocks, type, flags);
    pcp.count += static_cast<int>(taken << order);
    if (list.empty()) return kNoPfn;
  }
  const Frame frame = list.pop_front(core_.map);
  core_.map.edit_at(frame).flags &= ~kPagePcp;
  pcp.count -= static_cast<int>(order_pages(order));
  CMA_ASSERT(pcp.count >= 0);
  return core_.map.pfn(frame);
}

void Buddy::commit_to_pcp(Zone& zone, const PendingFree& pending) {
  PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(core_.engine.cpu())];
  Page& page = core_.map.edit(pending.pfn);
  page.flags = (page.flags & ~kPageInFlight) | kPagePcp;
  page.order = static_cast<std::uint8_t>(pending.order);
  const unsigned list = pcp_list(pending.type, pending.order);
  pcp.lists[list].push_front(core_.map, core_.map.frame(pending.pfn));
  pcp.count += static_cast<int>(order_pages(pending.order));
  overflow(zone, pcp, pending.order, list);
}

// Single pages one after the other: in one go up to the next that overflows the lists.
void Buddy::push_run_to_pcp(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type) {
  PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(core_.engine.cpu())];
  const unsigned list = pcp_list(type, 0);
  while (pages > 0) {
    // 6.6 keeps account of every single free.
    const int room = typed_lists() ? 1 : std::max(pcp.high - pcp.count, 1);
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

void Buddy::overflow(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  if (typed_lists())
    overflow_v6_6(zone, pcp, order, list);
  else if (release_ >= Release::v6_1)
    overflow_v5_14(zone, pcp, order, list);
  else if (pcp.count >= pcp.high)
    free_pcppages_bulk_v4(zone, pcp, pcp.batch);
}

void Buddy::overflow_v5_14(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  const bool free_high = pcp.free_factor != 0 && order != 0 && order <= kPcpLargestOrder;
  if (pcp.count < (free_high ? 0 : pcp.high)) return;
  free_pcppages_bulk_v5_14(zone, pcp, pcp_free_count_v5_14(pcp, free_high), list);
}

void Buddy::overflow_v6_6(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list) {
  pcp.alloc_factor >>= 1;
  const bool high_order = order != 0 && order <= kPcpLargestOrder;
  const bool free_high = high_order && pcp.free_count >= pcp.batch && pcp.freed_high_order;
  pcp.freed_high_order = high_order;
  if (pcp.free_count < pcp.batch << kBatchScaleMax) pcp.free_count += static_cast<int>(order_pages(order));
  const int limit = pcp_limit_v6_6(pcp, free_high);
  if (pcp.count < limit) return;
  free_pcppages_bulk_v5_14(zone, pcp, pcp_free_count_v6_6(pcp, limit, free_high), list);
}

// nr_pcp_high of 6.6: `high` grows while frees keep overflowing.
int Buddy::pcp_limit_v6_6(PerCpuPages& pcp, bool free_high) const {
  pcp.high = std::clamp(pcp.high, pcp.high_min, pcp.high_max);
  const int high = pcp.high;
  if (high == 0) return 0;
  if (free_high) {
    pcp.high = std::max(high - (pcp.batch << kBatchScaleMax), pcp.high_min);
    return 0;
  }
  const int needed = pcp.free_count + pcp.batch;
  if (pcp.high_min != pcp.high_max && pcp.count >= high && high < needed)
    pcp.high = std::clamp(needed, pcp.high_min, pcp.high_max);
  return high;
}

int Buddy::pcp_free_count_v6_6(const PerCpuPages& pcp, int limit, bool free_high) const {
  if (free_high) return std::min(pcp.count, pcp.batch << kBatchScaleMax);
  if (limit < pcp.batch) return 1;
  return std::min(std::max(pcp.free_count, pcp.batch), limit - pcp.batch);
}

// nr_pcp_alloc of 6.6: pages of one refill; consecutive refills of single pages double.
int Buddy::pcp_refill_v6_6(PerCpuPages& pcp, unsigned order) const {
  pcp.high = std::clamp(pcp.high, pcp.high_min, pcp.high_max);
  if (pcp.high < pcp.batch) return 1;
  int pages = order != 0 ? pcp.batch : pcp.batch << pcp.alloc_factor;
  if (pcp.high_min != pcp.high_max) pcp.high = std::min(pcp.high + pages, pcp.high_max);
  if (order != 0) return pages;
  const int most = std::max(pcp.high - pcp.count - pcp.batch, pcp.batch);
  if (pages <= most && pcp.alloc_factor < kBatchScaleMax) ++pcp.alloc_factor;
  return std::min(pages, most);
}

int Buddy::pcp_free_count_v5_14(PerCpuPages& pcp, bool free_high) const {
  if (free_high) return pcp.count;
  if (pcp.high < pcp.batch) return 1;
  const int most = pcp.high - pcp.batch;
  const int wanted = pcp.batch << pcp.free_factor;
  if (wanted < most && pcp.free_factor < kBatchScaleMax) ++pcp.free_factor;
  // clamp() of the kernel takes the lower bound first, the upper one last.
  return std::min(std::max(wanted, pcp.batch), most);
}

// 4.19: round robin over the lists, starting with the one after Unmovable. Lists found empty make the next burst
// longer; after all three were visited in one search, the rest comes from the list that was found.
void Buddy::free_pcppages_bulk_v4(Zone& zone, PerCpuPages& pcp, int count) {
  SpinGuard zone_lock(core_.engine);
  PageList detached;  // the first to be freed last
  unsigned list = 0;
  int burst = 0;
  count = std::min(count, pcp.count);
  while (count > 0) {
    do {
      ++burst;
      list = (list + 1) % kPcpTypes;
    } while (pcp.lists[list].empty());
    if (burst == static_cast<int>(kPcpTypes)) burst = count;
    do {
      detached.push_front(core_.map, pcp.lists[list].pop_back(core_.map));
      --pcp.count;
    } while (--count > 0 && --burst > 0 && !pcp.lists[list].empty());
  }
  while (!detached.empty()) free_tail_run(zone, detached, kPcpRunLimit);
}

// Frees the last block of a list, and with single pages those that follow it in memory and on the list: at most `most`
// pages, but one block at least. Returns the pages freed.
std::uint64_t Buddy::free_tail_run(Zone& zone, PageList& list, std::uint64_t most) {
  const Pfn pfn = core_.map.pfn(list.last);
  const unsigned order = core_.map.at(list.last).order;
  const bool typed = zone.has_isolate_pageblock() || typed_lists();
  const Migratetype cached = core_.map.at(list.last).list_type;
  const Migratetype type = typed ? type_when_freed(pfn, cached) : cached;
  if (order > 0 || core_.trace.page_events()) {
    list.pop_back(core_.map);
    if (core_.trace.page_events()) core_.trace.emit(Event::mm_page_pcpu_drain, pfn, order, index_of(type));
    free_one_block(zone, pfn, order, type);
    return order_pages(order);
  }
  const Pfn end = core_.map.pageblock_start(pfn) + order_pages(pageblock_order_);
  std::uint64_t pages = list.ascending_tail(core_.map, std::min(most, end - pfn));
  // Where cached types decide, a run ends with its type.
  const bool by_cached = !typed || core_.bugs.active(Bug::free_stale_type);
  for (std::uint64_t i = 1; by_cached && i < pages; ++i)
    if (core_.map.page(pfn + i).list_type != type) pages = i;
  list.cut_ascending_tail(core_.map, pages);
  free_run(zone, pfn, pages, type);
  return pages;
}

// 5.18: each visited list is emptied before the next one, beginning with the list just freed to.
void Buddy::free_pcppages_bulk_v5_14(Zone& zone, PerCpuPages& pcp, int count, unsigned first_list) {
  SpinGuard zone_lock(core_.engine);
  const unsigned lists = pcp_lists_in_use();
  count = std::min(count, pcp.count);
  unsigned list = first_list;
  while (count > 0) {
    while (pcp.lists[list].empty()) list = (list + 1) % lists;
    do {
      const auto freed = static_cast<int>(free_tail_run(zone, pcp.lists[list], static_cast<std::uint64_t>(count)));
      count -= freed;
      pcp.count -= freed;
    } while (count > 0 && !pcp.lists[list].empty());
  }
}

void Buddy::drain_pages_zone(int cpu, Zone& zone) {
  PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(cpu)];
  if (release_ < Release::v6_1) {
    if (pcp.count > 0) free_pcppages_bulk_v4(zone, pcp, pcp.count);
    return;
  }
  while (pcp.count > 0) free_pcppages_bulk_v5_14(zone, pcp, std::min(pcp.count, pcp.batch << kBatchScaleMax), 0);
}

Task<void> Buddy::drain_all_pages(int zone) {
  // 4.11 brought the workers and the mutex; before, interrupts drained the zone asked for, and in 3.6 all of them.
  const bool v4_11 = release_ >= Release::v4_19;
  if (v4_11 && !drain_mutex_.try_lock(core_.engine)) {
    // Another drain is under way: good enough for callers that name no zone.
    if (zone == kAllZones) co_return;
    co_await drain_mutex_.lock(core_.engine);
  }
  co_await at(core_.engine, Point::drain_pcp_begin);
  std::uint32_t selected = 0;
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu)
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if ((zone == kAllZones || static_cast<std::size_t>(zone) == z) &&
          zones_[z].pcp[static_cast<unsigned>(cpu)].count > 0)
        selected |= 1U << cpu;
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu) {
    if ((selected & (1U << cpu)) == 0) continue;
    // Up to 5.19 a worker on each CPU drains all of its zones, whatever zone was asked for.
    for (std::size_t z = 0; z < zones_.size(); ++z)
      if (release_ < Release::v4_9 || (v4_11 && release_ < Release::v6_1) || zone == kAllZones ||
          static_cast<std::size_t>(zone) == z)
        drain_pages_zone(cpu, zones_[z]);
    co_await at(core_.engine, Point::drain_pcp_cpu);
  }
  if (v4_11) drain_mutex_.unlock(core_.engine);
}

}  // namespace cma
