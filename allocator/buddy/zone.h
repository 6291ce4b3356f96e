// The state of one zone: free areas, counters, watermarks and per-CPU lists. Plain data, copied and compared as such.
// zone->lock protects everything but the per-CPU lists, which belong to their CPU (interrupts off; 6.0: pcp->lock).
#pragma once

#include <array>

#include "allocator/base/geometry.h"
#include "allocator/base/migratetype.h"
#include "allocator/frames/page_list.h"

namespace cma {

enum class Watermark : std::uint8_t { min, low, high };

struct FreeArea {
  std::array<PageList, kMigratetypes> lists;
  std::uint64_t nr_free = 0;  // blocks on all six lists
  friend bool operator==(const FreeArea&, const FreeArea&) = default;
};

// 4.19 uses lists 0..2 (one a type, order 0). 6.1: list = 3 * order + type for orders 0..3, and with transparent huge
// pages 12 (unmovable, reclaimable) and 13 (movable) for blocks of pageblock order.
inline constexpr unsigned kPcpLists = 14;
// Largest order that 5.14 and later keep on per-CPU lists (PAGE_ALLOC_COSTLY_ORDER).
inline constexpr unsigned kPcpLargestOrder = 3;

struct PerCpuPages {
  int count = 0;  // pages, over all lists
  int high = 0;
  int batch = 1;
  int free_factor = 0;  // 5.14: consecutive overflows double what one overflow frees
  // 6.6 and later adapt `high` between two bounds, and remember recent frees and refills.
  int high_min = 0;
  int high_max = 0;
  int free_count = 0;
  int alloc_factor = 0;
  bool freed_high_order = false;  // the last free was of an order above 0
  std::array<PageList, kPcpLists> lists;
  friend bool operator==(const PerCpuPages&, const PerCpuPages&) = default;
};

struct Zone {
  PfnRange range;
  std::uint64_t present = 0;  // frames that exist
  std::uint64_t managed = 0;  // frames given to the allocator
  std::array<FreeArea, kOrderLimit> area;
  // Exact, unlike the kernel's per-CPU batched counters. Pages in Isolate blocks are in neither.
  std::int64_t nr_free_pages = 0;
  std::int64_t nr_free_cma = 0;
  std::uint64_t nr_isolate_pageblock = 0;
  std::uint64_t nr_reserved_highatomic = 0;
  std::array<std::uint64_t, 3> watermark{};
  std::uint64_t watermark_boost = 0;  // 5.0
  std::array<std::uint64_t, kMaxZones> lowmem_reserve{};
  std::array<PerCpuPages, kMaxCpus> pcp;

  bool has_isolate_pageblock() const { return nr_isolate_pageblock > 0; }
  bool contains(Pfn pfn) const { return range.contains(pfn); }
  friend bool operator==(const Zone&, const Zone&) = default;
};

}  // namespace cma
