// Page frame numbers, orders and the arithmetic on them: alignment, buddies, logarithms.
// The lowest header of the model: everything includes it. All functions are constexpr and branch little.
#pragma once

#include <bit>
#include <cstdint>

namespace cma {

// A page frame number. The arithmetic is 64 bits wide; a machine's memory map holds pfns below 2^32 (Geometry).
using Pfn = std::uint64_t;

// No frame. The kernel's cma_alloc tracepoint prints it as ffffffffffffffff.
inline constexpr Pfn kNoPfn = ~Pfn{0};

// One more than the largest order any geometry may use: arrays by order have this size.
// Kernels go up to 13 (arm64 with 64 KiB pages); 15 leaves room for odd configurations.
inline constexpr unsigned kOrderLimit = 16;

// Returns the number of pages in a block of this order.
constexpr std::uint64_t order_pages(unsigned order) { return std::uint64_t{1} << order; }

// Round to a multiple of `unit`, which must be a power of two. They wrap at 2^64, as the kernel's macros do.
constexpr std::uint64_t align_down(std::uint64_t x, std::uint64_t unit) { return x & ~(unit - 1); }
constexpr std::uint64_t align_up(std::uint64_t x, std::uint64_t unit) { return (x + unit - 1) & ~(unit - 1); }
constexpr bool is_aligned(std::uint64_t x, std::uint64_t unit) { return (x & (unit - 1)) == 0; }
// Returns the start of the block of this order that would hold the frame. Requires: order < 64.
constexpr Pfn align_order(Pfn pfn, unsigned order) { return align_down(pfn, order_pages(order)); }
constexpr bool is_power_of_two(std::uint64_t x) { return x != 0 && (x & (x - 1)) == 0; }

// Returns the index of the highest set bit. Requires x != 0.
constexpr unsigned floor_log2(std::uint64_t x) { return 63U - static_cast<unsigned>(std::countl_zero(x)); }
// Returns the index of the lowest set bit. Requires x != 0.
constexpr unsigned lowest_bit(std::uint64_t x) { return static_cast<unsigned>(std::countr_zero(x)); }

// Returns the only block that a block of `order` at `pfn` can merge with (__find_buddy_pfn).
constexpr Pfn buddy_pfn(Pfn pfn, unsigned order) { return pfn ^ order_pages(order); }

// The frames from start up to, and without, end.
struct PfnRange {
  Pfn start = 0;
  Pfn end = 0;
  constexpr std::uint64_t pages() const { return end - start; }
  constexpr bool contains(Pfn pfn) const { return start <= pfn && pfn < end; }
  constexpr bool overlaps(const PfnRange& other) const { return start < other.end && other.start < end; }
  friend constexpr bool operator==(const PfnRange&, const PfnRange&) = default;
};

}  // namespace cma
