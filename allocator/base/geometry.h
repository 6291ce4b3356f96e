// The shape of one simulated machine, as a value: release, memory, zones, holes, CPUs, areas, sizes of per-CPU lists.
// Programs name it, generators choose it, and a machine is built from it. Small shapes, which find bugs, and real ones
// (pageblock order 9, gigabytes) run the same code.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/bug.h"
#include "allocator/base/pfn.h"
#include "allocator/base/release.h"

namespace cma {

inline constexpr int kMaxCpus = 8;
inline constexpr unsigned kMaxZones = 8;
inline constexpr unsigned kMaxNodes = 4;

// A zone. Zones are listed in ascending order of address, and those of a node in that of the kernel's zone index.
struct ZoneSpec {
  std::string name = "Normal";  // no other zone of its node has it
  PfnRange range;
  unsigned node = 0;
  friend bool operator==(const ZoneSpec&, const ZoneSpec&) = default;
};

// An area that boot reserves at exactly this place and activates.
struct AreaSpec {
  std::string name;
  Pfn base = 0;
  std::uint64_t pages = 0;
  unsigned order_per_bit = 0;
  friend bool operator==(const AreaSpec&, const AreaSpec&) = default;
};

struct Geometry {
  Release release = Release::v4_19;
  BugSet bugs;                 // in force; empty for `bugs=repaired`
  PfnRange memory{0, 0x8000};  // spanned by the memory map
  unsigned pageblock_order = 9;
  unsigned largest_order = 10;  // MAX_ORDER - 1 in the kernels up to 6.3
  std::uint64_t page_size = 4096;
  unsigned phys_addr_bits = 64;  // width of phys_addr_t
  // BITS_PER_LONG, which is the width of a pointer too. nullopt: phys_addr_bits. 32 beside addresses of 64 bits: a
  // 32-bit kernel with large addresses (LPAE, PAE).
  std::optional<unsigned> long_bits;
  int cpus = 1;
  std::vector<ZoneSpec> zones;     // empty: one zone "Normal" over all memory
  std::vector<PfnRange> holes;     // frames that do not exist
  std::vector<PfnRange> reserved;  // frames that boot keeps for itself
  std::vector<AreaSpec> areas;
  unsigned max_areas = 8;  // MAX_CMA_AREAS

  // Overrides of what the kernel computes from the amount of memory (pages).
  std::optional<int> pcp_batch;
  std::optional<int> pcp_high;
  // Since 6.6: the bounds between which the kernel adapts `high` itself, beginning at pcp_high.
  std::optional<int> pcp_high_min;
  std::optional<int> pcp_high_max;
  std::optional<std::uint64_t> min_free_kbytes;
  std::uint64_t extra_free_kbytes = 0;  // Android: added to the low and high watermarks
  // vm.watermark_scale_factor, since 4.6: what lies between two watermarks at least, in 1/10,000 of the zone.
  std::uint64_t watermark_scale_factor = 10;
  // vm.watermark_boost_factor, since 5.0: the most by which fallbacks raise them, in 1/10,000 of the high watermark.
  std::uint64_t watermark_boost_factor = 15000;
  // Pages by which they are raised when boot has ended, in each zone no more than fallbacks could raise them.
  std::uint64_t watermark_boost = 0;
  // vm.lowmem_reserve_ratio of the zones DMA, DMA32, Normal and HighMem.
  std::optional<std::array<std::uint16_t, 4>> lowmem_reserve_ratio;

  bool transparent_hugepages = false;  // CONFIG_TRANSPARENT_HUGEPAGE; since 6.1 per-CPU lists hold such blocks too
  bool cma_debug = true;               // CONFIG_CMA_DEBUG: debug lines and the bitmap report
  bool rate_limits = true;             // printk rate limits are in force
  // A process is killed where nothing else makes memory free. Otherwise such a request fails in silence.
  bool oom_kills = false;
  // Android's enumeration of the types of pageblocks: areas come before the reserve for atomic requests, so reports
  // name their letter first. Per-CPU lists are as in other kernels.
  bool cma_before_highatomic = false;

  // What vendors' kernels do, and no mainline kernel.
  // Sweeps after a first one that ended busy, each after a sleep of 100 ms. nullopt: without limit (a flag that
  // mainline refused).
  std::optional<std::uint64_t> retry_sweeps = 0;
  bool error_line = false;   // releases before 4.11 print a line when an allocation failed
  bool error_names = false;  // the line names the area
  bool bh_revoke = false;    // dropping a page's buffers takes them out of the per-CPU buffer slots first

  std::uint64_t pageblock_pages() const { return order_pages(pageblock_order); }
  unsigned page_shift() const { return lowest_bit(page_size); }
  unsigned bits_per_long() const { return long_bits.value_or(phys_addr_bits); }
  // Returns the largest physical address.
  std::uint64_t phys_mask() const { return ~std::uint64_t{0} >> (64 - phys_addr_bits); }
  // Returns the order of a transparent huge page: what a page of page-table entries maps, which is 2 MiB with pages of
  // 4 KiB, 32 MiB with 16 KiB and 512 MiB with 64 KiB. It shrinks with small pageblocks, so that a huge page never
  // reaches across the end of a pageblock, as on real machines.
  unsigned huge_page_order() const { return std::min(pageblock_order, huge_page_order_of(page_size)); }
  // Returns the same, whatever the pageblocks are. A page-table entry has 8 bytes. Requires: page_size is not 0.
  static unsigned huge_page_order_of(std::uint64_t page_size) { return lowest_bit(page_size) - 3; }
  std::uint64_t largest_pages() const { return order_pages(largest_order); }
  // Returns the unit in which alloc_contig_range isolates and to which areas are aligned, in pages: the pageblock since
  // 5.19, before that the largest block if it is larger.
  std::uint64_t isolation_unit() const;
  // Returns whether zones lie on several nodes.
  bool several_nodes() const;
  // Returns whether a zone lies on the node: it is online.
  bool has_node(std::uint64_t node) const;
  // Returns the zones, with the default filled in.
  std::vector<ZoneSpec> effective_zones() const;

  // Returns the rule that this geometry breaks, as a sentence; nullopt if a machine can be built from it.
  std::optional<std::string> impossible() const;

  friend bool operator==(const Geometry&, const Geometry&) = default;
};

// Sets the orders that kernels have by default with pages of this size: pageblocks of 9, 11 and 13, largest blocks of
// 10, 11 and 13 (arch/arm64/Kconfig: FORCE_MAX_ZONEORDER 11, 12 and 14 with transparent huge pages; since 6.4
// ARCH_FORCE_MAX_ORDER, one less). Other sizes get those of 4 KiB.
void set_page_size(Geometry& geometry, std::uint64_t page_size);

// Returns the machine of the fuzzers and of all speed figures: 1024 pages, pageblock order 4, largest order 6, two
// CPUs, two areas of 256 pages with order_per_bit 0 and 1, pcp batch 2 and high 6 (the kernel's formulas would switch
// per-CPU lists off on a machine this small). As many pages must stay free whatever their size.
Geometry default_small_geometry(Release release, std::uint64_t page_size = 4096);

}  // namespace cma
