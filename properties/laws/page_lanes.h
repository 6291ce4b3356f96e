// Compares many page descriptors at once: a descriptor is four 64-bit lanes, and the differences of a run of pages from
// a pattern are or-ed. The audit uses it for the insides of blocks and for buffers, where nearly all pages are alike;
// compilers make vector instructions of it. A caller that finds a difference looks page by page.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "properties/laws/ledger.h"

namespace cma {

class PageLanes {
 public:
  // Returns the bits in which some page of a run differs from a page with `ref` references, these flags and nothing
  // else: no mapping, list, owner or pagevec. Ignores order, list type, zone and content.
  static std::uint64_t differences(const Page* page, const Page* end, std::int32_t ref, std::uint32_t flags) {
    static_assert(sizeof(Page) == sizeof(Lanes) && std::endian::native == std::endian::little);
    const Lanes pattern = {static_cast<std::uint32_t>(ref), ~std::uint64_t{0}, flags, 0};
    Lanes found = {0, 0, 0, 0};
    for (; page != end; ++page) {
      Lanes lanes;
      std::memcpy(&lanes, page, sizeof lanes);
      found |= lanes ^ pattern;
    }
    return found[0] | found[1] | (found[2] & kFlagsAndPagevecs) | (found[3] & kOwner);
  }
  // Returns the ledger's entries of a run of frames, or-ed: holders in the lower half, references in the upper.
  static std::uint64_t known(const Ledger::Entry* entry, const Ledger::Entry* end) {
    std::uint64_t found = 0;
    for (; entry != end; ++entry) found |= word(*entry);
    return found;
  }
  static std::uint64_t word(const Ledger::Entry& entry) {
    std::uint64_t value = 0;
    std::memcpy(&value, &entry, sizeof value);
    return value;
  }

 private:
  using Lanes = std::uint64_t __attribute__((vector_size(32)));
  static_assert(offsetof(Page, ref) == 0 && offsetof(Page, map) == 4 && offsetof(Page, next) == 8);
  static_assert(offsetof(Page, flags) == 16 && offsetof(Page, pagevecs) == 23 && offsetof(Page, owner) == 24);
  static constexpr std::uint64_t kFlagsAndPagevecs = 0xff000000'ffffffffU;
  static constexpr std::uint64_t kOwner = 0xffffffffU;
};

}  // namespace cma
