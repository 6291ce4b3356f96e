#include "allocator/areas/bit_arithmetic.h"

namespace cma {
namespace {

constexpr std::uint64_t kAllOnes = ~std::uint64_t{0};

}  // namespace

std::uint64_t bitmap_aligned_mask(unsigned align, unsigned order_per_bit, BugSet& bugs) {
  if (align <= order_per_bit) return 0;
  const unsigned shift = align - order_per_bit;
  if (bugs.active(Bug::mask_exponent)) [[unlikely]] {
    // (1 << (align >> order_per_bit)) - 1
    if ((align >> order_per_bit) != shift) bugs.reached(Bug::mask_exponent);
    return (align >> order_per_bit) >= 64 ? kAllOnes : (std::uint64_t{1} << (align >> order_per_bit)) - 1;
  }
  return shift >= 64 ? kAllOnes : (std::uint64_t{1} << shift) - 1;
}

std::uint64_t bitmap_aligned_offset(Pfn base, unsigned align, unsigned order_per_bit, BugSet& bugs) {
  const std::uint64_t unit = align >= 64 ? 0 : std::uint64_t{1} << align;
  if (bugs.active(Bug::offset_upward)) [[unlikely]] {
    // The distance from the base up to the next aligned frame.
    const std::uint64_t upward = unit == 0 ? 0 : align_up(base, unit) - base;
    if (upward != (base & (unit - 1)) && align > order_per_bit) bugs.reached(Bug::offset_upward);
    return align <= order_per_bit ? 0 : upward >> order_per_bit;
  }
  return (base & (unit - 1)) >> order_per_bit;
}

}  // namespace cma
