// Page frame numbers, orders and the arithmetic on them: alignment, buddies, logarithms.
// The lowest header of the model; everything includes it. All functions are constexpr and branch little.
#pragma once

#include <bit>
#include <cstdint>

namespace cma {

// A page frame number. The arithmetic is 64 bits wide; a machine's memory map holds pfns below 2^32 (Geometry).
using Pfn = std::uint64_t;

// "No frame": what the kernel's cma_alloc trace point prints as ffffffffffffffff.
inline constexpr Pfn kNoPfn = ~Pfn{0};

// One more than the largest order any geometry may use: the arrays of free areas have this size.
// Kernels go up to 13 (arm64 with 64 KiB pages); 15 leaves room for odd configurations.
inline constexpr unsigned kOrderLimit = 16;

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageShift;

// Number of pages in a block of this order.
constexpr std::uint64_t order_pages(unsigned order) { return std::uint64_t{1} << order; }

// `unit` is a power of two. Wraps round at 2^64, as the kernel's macros do.
constexpr std::uint64_t align_down(std::uint64_t x, std::uint64_t unit) { return x & ~(unit - 1); }
constexpr std::uint64_t align_up(std::uint64_t x, std::uint64_t unit) { return (x + unit - 1) & ~(unit - 1); }
constexpr bool is_aligned(std::uint64_t x, std::uint64_t unit) { return (x & (unit - 1)) == 0; }
constexpr bool is_power_of_two(std::uint64_t x) { return x != 0 && (x & (x - 1)) == 0; }

// Index of the highest set bit; x != 0.
constexpr unsigned floor_log2(std::uint64_t x) { return 63U - static_cast<unsigned>(std::countl_zero(x)); }
// Index of the lowest set bit; x != 0.
constexpr unsigned lowest_bit(std::uint64_t x) { return static_cast<unsigned>(std::countr_zero(x)); }

// The only block that a block of `order` at `pfn` can merge with (mm/internal.h __find_buddy_pfn).
constexpr Pfn buddy_pfn(Pfn pfn, unsigned order) { return pfn ^ order_pages(order); }

// Half-open range of frames.
struct PfnRange {
  Pfn start = 0;
  Pfn end = 0;
  constexpr std::uint64_t pages() const { return end - start; }
  constexpr bool contains(Pfn pfn) const { return start <= pfn && pfn < end; }
  constexpr bool overlaps(const PfnRange& other) const { return start < other.end && other.start < end; }
  friend constexpr bool operator==(const PfnRange&, const PfnRange&) = default;
};

}  // namespace cma
