// The state of one zone, and the zones of a machine.
//
// A Zone is plain data, copied and compared as such: free blocks, counters, watermarks and per-CPU lists. buddy/ writes
// it. Of other layers isolation/ writes nr_isolate_pageblock and the counters, compaction/ reorders lists of free
// blocks, and kswapd lowers watermark_boost.
//
// Locks: zone->lock protects everything but the per-CPU lists. Those belong to their CPU: interrupts are off
// while it uses them, and since 6.0 pcp->lock is held.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/migratetype.h"
#include "allocator/base/release.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_list.h"

namespace cma {

enum class Watermark : std::uint8_t { min, low, high };

// The kinds of zones, in the kernel's order. `other` is a zone with a name that the kernel does not know.
enum class ZoneKind : std::uint8_t { dma, dma32, normal, high_mem, movable, other };
// Returns the kind of a zone from its name: "DMA32".
ZoneKind zone_kind_from_name(const std::string& name);

// The free blocks of one order (the kernel's struct free_area).
struct BlocksOfOrder {
  std::array<PageList, kMigratetypes> lists;  // by type
  std::uint64_t nr_free = 0;                  // blocks on all lists
  friend bool operator==(const BlocksOfOrder&, const BlocksOfOrder&) = default;
};

// Up to 5.13 lists 0..2 are in use: one per type, order 0. Since 5.14 list 3 * order + type holds blocks of orders
// 0..3. With transparent huge pages there are lists for blocks of the pageblock's order: 12 + type, or since 6.10 (and
// in the long-term series of 6.1 and 6.6) 12 (unmovable, reclaimable) and 13 (movable).
inline constexpr unsigned kPcpLists = 15;
// Largest order that per-CPU lists hold since 5.14, huge pages aside.
inline constexpr unsigned kPcpLargestOrder = kCostlyOrder;

// The lists of one CPU and zone (struct per_cpu_pages). Counts are in pages.
struct PerCpuPages {
  int count = 0;        // over all lists
  int high = 0;         // from which count on, at the latest, a free makes the lists overflow
  int batch = 1;        // of one refill or overflow; releases since 5.14 scale it
  int free_factor = 0;  // since 5.14: consecutive overflows double what one overflow frees
  // Since 6.7 `high` adapts between two bounds, to recent frees and refills.
  int high_min = 0;
  int high_max = 0;
  int free_count = 0;             // freed lately: each allocation halves it
  int alloc_factor = 0;           // consecutive refills double what one refill takes
  bool freed_high_order = false;  // the last free was of an order above 0, and of no huge page
  std::array<PageList, kPcpLists> lists;
  friend bool operator==(const PerCpuPages&, const PerCpuPages&) = default;
};

// Returns whether every free block lies on the list of its pageblock's type, whatever happens to the pageblock (6.10).
// Before, it may stay on the list of the type that the pageblock had when it was freed.
constexpr bool has_typed_lists(Release release) { return release >= Release::v6_10; }

struct Zone {
  PfnRange range;
  ZoneKind kind = ZoneKind::normal;
  unsigned node = 0;
  std::uint64_t present = 0;  // frames that exist
  std::uint64_t managed = 0;  // frames given to the allocator
  std::uint64_t cma = 0;      // frames of areas that were activated
  std::array<BlocksOfOrder, kOrderLimit> free_by_order;
  // Exact, unlike the kernel's per-CPU batched counters. Pages in Isolate blocks are in neither.
  std::int64_t nr_free_pages = 0;
  std::int64_t nr_free_cma = 0;
  std::uint64_t nr_isolate_pageblock = 0;
  std::uint64_t nr_reserved_highatomic = 0;
  // Pages that nr_reserved_highatomic counts though their pageblock became another type: by an isolation, up to 5.17 by
  // a claim of several pageblocks, up to 6.9 by the other zone that it lies in. The kernel has no such counter.
  std::uint64_t lost_highatomic = 0;
  // Pageblocks that left the reserve since 5.18 and may not have merged with their buddies: a free of theirs or beside
  // them makes them do so, and ends their entry. The kernel has no such list.
  std::vector<Pfn> left_highatomic;
  std::int64_t nr_free_highatomic = 0;                    // since 6.10: free pages on HighAtomic lists
  std::array<std::uint64_t, 3> watermark{};               // by Watermark, in pages
  std::uint64_t watermark_boost = 0;                      // pages by which all of them are raised, since 5.0
  std::array<std::uint64_t, kMaxZones> lowmem_reserve{};  // pages kept from requests, by the zone that is their ceiling
  std::array<PerCpuPages, kMaxCpus> pcp;                  // by CPU

  bool has_isolate_pageblock() const { return nr_isolate_pageblock > 0; }
  bool contains(Pfn pfn) const { return range.contains(pfn); }
  PerCpuPages& pcp_of(int cpu) { return pcp[static_cast<unsigned>(cpu)]; }
  // Counts free pages of `type` in or, if negative, out.
  void mod_freepage_state(std::int64_t pages, Migratetype type) {
    nr_free_pages += pages;
    if (type == Migratetype::cma) nr_free_cma += pages;
    if (type == Migratetype::highatomic) nr_free_highatomic += pages;
  }
  friend bool operator==(const Zone&, const Zone&) = default;
};

// The zones that may serve a request, in the order in which they are tried; for each of them the request's ceiling on
// its node, against which the zone keeps a lowmem reserve.
struct ZoneList {
  struct Entry {
    std::uint8_t zone = 0;
    std::uint8_t ceiling = 0;
  };
  std::array<Entry, kMaxZones> entries;
  std::size_t size = 0;

  const Entry* begin() const { return entries.data(); }
  const Entry* end() const { return entries.data() + size; }
};

// The zones of a machine, in ascending order of address. Cost: of() and what takes an index O(1), all else linear in
// the zones.
class Zones {
 public:
  // Makes the zones as they are before boot: nothing is managed, and no block is free.
  explicit Zones(const Core& core);

  std::size_t size() const { return zones_.size(); }
  const Zone& operator[](std::size_t index) const { return zones_[index]; }
  Zone& operator[](std::size_t index) { return zones_[index]; }
  // Return the zone of a page. Require: it lies in the memory map.
  Zone& of(Pfn pfn) { return zones_[map_.page(pfn).zone]; }
  const Zone& of(Pfn pfn) const { return zones_[map_.page(pfn).zone]; }
  // Returns the kernel's name of a zone: "Normal".
  const std::string& name(std::size_t index) const { return names_[index]; }
  // Returns the name that no other zone has: "Normal", on a machine of several nodes "Normal of node 1".
  std::string title(std::size_t index) const;
  // Returns one more than the last node's number.
  unsigned nodes() const { return nodes_; }
  // Returns whether the machine has more than one node with memory.
  bool several_nodes() const { return several_nodes_; }

  auto begin() { return zones_.begin(); }
  auto end() { return zones_.end(); }
  auto begin() const { return zones_.begin(); }
  auto end() const { return zones_.end(); }

  // Returns the kind of the last zone that may serve a request (gfp_zone); `other` if all may.
  ZoneKind gfp_zone(Gfp gfp) const;
  // Returns the index of the last zone that may serve a request on this node. Of a node without such a zone
  // that is its first zone if the machine has no other node, else kNone.
  std::size_t ceiling(Gfp gfp, unsigned node) const;
  static constexpr std::size_t kNone = ~std::size_t{0};
  // Returns the zones for a request that prefers this node: its own from the ceiling down, then those of the nodes
  // after it, then those of the nodes before it (find_next_best_node, with equal distances). Its own only, and perhaps
  // none, for a request with __GFP_THISNODE.
  ZoneList zonelist(Gfp gfp, unsigned node) const;

  // Takes the state of the zones of another machine. Requires: of the same geometry.
  void copy_from(const Zones& other) { zones_ = other.zones_; }

 private:
  bool has(ZoneKind kind) const;

  const MemoryMap& map_;
  BugSet& bugs_;
  std::vector<Zone> zones_;
  std::vector<std::string> names_;
  unsigned nodes_ = 1;  // one more than the last node's number
  bool several_nodes_ = false;
};

}  // namespace cma
