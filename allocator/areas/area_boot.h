// How boot makes areas: declares them in reserved memory, or makes them of memory that is reserved already, and
// activates them.
//
// A part of Areas, which hands it out (Areas::boot()). Declaration and Activation do the work. Cost: that of the search
// in memblock/ for a declaration, for place_of() also copies of memblock and of all areas; O(pages of the areas) to
// activate them. Locks: none, as boot runs alone.
//
// Requires of all calls but place_of(): boot has not finished.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "allocator/areas/area.h"
#include "allocator/areas/declaration.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/memblock/memblock.h"

namespace cma {

class AreaBoot {
 public:
  // Refers to its arguments, which outlive it.
  AreaBoot(const Core& core, Memblock& memblock, Buddy& buddy, AreaTable& table);

  // Reserves memory and appends an area for it (cma_declare_contiguous; up to 3.16 dma_declare_contiguous). Logs what
  // the kernel logs: for a success where the area lies, for a failure why, unless stated; up to 6.8 with
  // Geometry::cma_debug also each call. Returns 0, or
  //   -ENOSPC: no slot is left;
  //   -EINVAL, not logged: size 0, an alignment that is no power of two, order_per_bit >= 64, a size of not whole bits;
  //   -EINVAL: a fixed base is not aligned (since 4.19), rounding up makes the size 0, the isolation unit is not whole
  //            bits (up to 5.14), limits or zones do not allow it;
  //   -EBUSY: a fixed range is taken (no release looks for an end that wraps round);
  //   -ENOMEM: no place was found.
  // Up to 3.16 alignment and bits are ignored.
  int declare_contiguous(const DeclareRequest& request);
  // Returns the frames that declare_contiguous() would reserve; nullopt if it would fail. Changes nothing.
  std::optional<PfnRange> place_of(const DeclareRequest& request) const;
  // Appends an area for a range (bytes) of which boot has reserved some already, or all: no release asks for all, and
  // callers that do not want the rest handed out twice do (cma_init_reserved_mem). Generates a name if that is empty:
  // "cma0" and so on, with the kernel's newline at its end. Returns 0, or
  //   -ENOSPC, logged: no slot is left;
  //   -EINVAL: size 0, none of it reserved, order_per_bit >= 64, base or size not in whole isolation units, the unit
  //            not whole bits (up to 5.14, and asked though up to 3.16 a bit is a page).
  // Since 5.15 an area may end inside a bit: the pages after the last whole one are never handed out.
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);

  // Activates the areas in order, as the initcall does (cma_init_reserved_areas). From 3.17 to 5.8 the first that fails
  // ends it. An area that failed can give no pages: since 5.12 all of them are ordinary memory, before, its first
  // pageblocks may be CMA and the others stay reserved.
  void activate_all();
  // Makes activate_all() fail to allocate the bitmap of this area. Requires: the area has been made.
  void fail_bitmap_of(AreaId id) { table_.areas[id].fail_bitmap = true; }

 private:
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  AreaTable& table_;
};

}  // namespace cma
