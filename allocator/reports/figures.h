// The figures that the kernel prints of its memory: of the machine, of each node and of each zone. What the text of a
// report is made of (memory_text.h), and what gather.h reads off a machine.
//
// Plain data. A field is a number of pages unless it states otherwise, and 0 where nothing counts it. The kernel takes
// the figures of the machine, its nodes and its zones at different moments, so they need not agree.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/migratetype.h"
#include "allocator/base/release.h"
#include "allocator/buddy/zone.h"

namespace cma {

// The counters of the machine, of a node or of a zone (enum zone_stat_item, node_stat_item), and of a zone its marks.
struct PageFigures {
  // On the LRU lists, and isolated from them.
  std::uint64_t active_anon = 0;
  std::uint64_t inactive_anon = 0;
  std::uint64_t active_file = 0;
  std::uint64_t inactive_file = 0;
  std::uint64_t unevictable = 0;
  std::uint64_t isolated_anon = 0;
  std::uint64_t isolated_file = 0;
  std::uint64_t mlocked = 0;
  // Page cache and private memory.
  std::uint64_t cached = 0;   // NR_FILE_PAGES: all page caches, shared memory included
  std::uint64_t buffers = 0;  // of them, those of block devices
  std::uint64_t mapped = 0;   // NR_FILE_MAPPED: pages of caches that are mapped
  std::uint64_t shmem = 0;
  std::uint64_t anon_mapped = 0;
  std::uint64_t dirty = 0;
  std::uint64_t writeback = 0;
  std::uint64_t writepending = 0;
  std::uint64_t unstable = 0;
  std::uint64_t writeback_tmp = 0;
  // Huge pages, in single pages.
  std::uint64_t shmem_thp = 0;
  std::uint64_t shmem_pmdmapped = 0;
  std::uint64_t anon_thp = 0;
  // The kernel's own.
  std::uint64_t slab_reclaimable = 0;
  std::uint64_t slab_unreclaimable = 0;
  std::uint64_t pagetables = 0;
  std::uint64_t sec_pagetables = 0;
  std::uint64_t bounce = 0;
  std::uint64_t misc_reclaimable = 0;
  std::uint64_t kernel_stack_kb = 0;  // KiB
  std::uint64_t pages_scanned = 0;
  // Free pages.
  std::uint64_t free = 0;
  std::uint64_t free_pcp = 0;
  std::uint64_t local_pcp = 0;
  std::uint64_t free_cma = 0;
  // Of a zone.
  std::uint64_t boost = 0;
  std::uint64_t min = 0;
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint64_t reserved_highatomic = 0;
  std::uint64_t present = 0;
  std::uint64_t managed = 0;

  friend bool operator==(const PageFigures&, const PageFigures&) = default;
};

struct NodeFigures {
  unsigned node = 0;
  PageFigures pages;
  bool all_unreclaimable = false;
  // The pool of huge pages: their numbers.
  std::uint64_t hugepages_total = 0;
  std::uint64_t hugepages_free = 0;
  std::uint64_t hugepages_surplus = 0;
};

struct ZoneFigures {
  std::string name;
  unsigned node = 0;
  PageFigures pages;
  bool all_unreclaimable = false;
  std::vector<std::uint64_t> lowmem_reserve;  // for each zone of the kernel
  // Free blocks by order: their number, and the types whose lists have some, a bit each.
  std::array<std::uint64_t, kOrderLimit> blocks{};
  std::array<std::uint8_t, kOrderLimit> types{};
  // The per-CPU lists, which reports up to 4.1 print.
  struct PerCpu {
    int high = 0;
    int batch = 0;
    int count = 0;
  };
  std::vector<PerCpu> per_cpu;
};

struct MemoryFigures {
  // The kernel: its release, and what of its configuration decides which lines there are.
  Release release = Release::v4_19;
  std::uint64_t page_size = 4096;
  unsigned largest_order = 10;
  bool numa = false;            // CONFIG_NUMA: zones are named with their node
  bool highmem = false;         // CONFIG_HIGHMEM
  bool thp = false;             // CONFIG_TRANSPARENT_HUGEPAGE
  bool memory_failure = false;  // CONFIG_MEMORY_FAILURE
  bool arm = false;             // up to 4.1 the architecture prints the last lines itself
  bool cma_per_cpu = false;     // Android's: areas have per-CPU lists, so that their type stands before HighAtomic

  PageFigures pages;  // of the machine
  std::vector<NodeFigures> nodes;
  std::vector<ZoneFigures> zones;  // those with memory
  std::uint64_t hugepage_kb = 0;   // size of a page of the pool, in KiB; 0: there is no pool

  std::uint64_t swapcache = 0;
  std::uint64_t swapcache_added = 0;
  std::uint64_t swapcache_deleted = 0;
  std::uint64_t swapcache_found = 0;
  std::uint64_t swapcache_looked_up = 0;
  std::uint64_t swap_free = 0;
  std::uint64_t swap_total = 0;

  std::uint64_t ram = 0;
  std::uint64_t ram_high = 0;
  std::uint64_t reserved = 0;
  std::uint64_t cma = 0;
  std::uint64_t hwpoisoned = 0;
  std::uint64_t low_of_empty_zones = 0;  // low watermarks of the kernel's zones without memory
  std::uint64_t pages_of_thp = 512;      // single pages of a transparent huge page
  // The events of areas: requests that got a window, and that got none.
  std::uint64_t cma_alloc_success = 0;
  std::uint64_t cma_alloc_fail = 0;
  // Of frames that are not reserved: references beyond the first, and frames with just one (up to 3.12).
  std::uint64_t shared = 0;
  std::uint64_t nonshared = 0;
};

// Returns a number that two reports share if all their figures are equal.
std::uint64_t digest_of(const MemoryFigures& memory);

// Returns whether the kernel counts the zone as high memory (is_highmem): one that is called so, and a zone Movable
// that is cut from it.
bool is_high(const MemoryFigures& memory, const ZoneFigures& zone);

}  // namespace cma
