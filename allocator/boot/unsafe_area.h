// Areas whose memory is not theirs alone, which no kernel checks: it activates them all the same, and hands memory out
// twice or follows descriptors of pages that do not exist. The model does not activate them.
//
// Callers of boot.h ask before they finish boot: `cmacheck boot`, programs. Cost: O(areas^2), and a look at memblock
// for each. No locks; it stands on areas/ and memblock/.
#pragma once

#include <cstdint>
#include <optional>

#include "allocator/areas/areas.h"
#include "allocator/memblock/memblock.h"

namespace cma {

struct UnsafeArea {
  enum class Why : std::uint8_t {
    outside,     // a part of it lies outside memory
    given_back,  // a part of its memory is not reserved: a region that overlaps it was given back
    shared,      // it has memory of another area
  };
  Why why = Why::outside;
  AreaId area = 0;
  AreaId other = 0;  // shared: the area that came before
};

// Returns the first area that must not be activated; nullopt if all are safe. Requires: boot has not finished.
std::optional<UnsafeArea> unsafe_area(const Memblock& memblock, const Areas& areas);

}  // namespace cma
