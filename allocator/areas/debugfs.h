// The debugfs files of an area that a user writes to, `alloc` and `free`, and the figure of `maxchunk`
// (mm/cma_debug.c). The area remembers what `alloc` has got; `free` gives the newest of it back.
//
// A part of Areas, which hands it out (Areas::debugfs()); area_files.h reads the files. Cost: that of an allocation or
// a release for each buffer. Locks: the tasks sleep, as CmaSteps do.
#pragma once

#include <cstdint>

#include "allocator/areas/area.h"
#include "allocator/frames/core.h"

namespace cma {

class CmaSteps;

// Returns the count that a number written to debugfs `alloc` or `free` becomes: the handlers keep it in an int, and the
// callees see that int extended by its sign. 2^31 turns into a huge count: an allocation fails, a free releases all.
constexpr std::uint64_t debugfs_count(std::uint64_t number) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(number))});
}

class AreaDebugfs {
 public:
  // Refers to its arguments, which outlive it.
  AreaDebugfs(const Core& core, CmaSteps& steps, AreaTable& table) : core_(core), steps_(steps), table_(table) {}

  // Both take the number as a user writes it, and act on debugfs_count() of it.
  //
  // Allocates so many pages (file `alloc`). Returns 0 or -ENOMEM.
  Task<int> alloc(AreaId id, std::uint64_t number);
  // Frees so many pages of the newest allocations of alloc() (file `free`); stops without an error at one that cannot
  // be split because a bit stands for several pages.
  Task<void> free(AreaId id, std::uint64_t number);

  // Returns the length of the longest run of free bits; the file `maxchunk` has it in pages. O(bits).
  std::uint64_t largest_free_run(AreaId id) const;

 private:
  Core core_;
  CmaSteps& steps_;
  AreaTable& table_;
};

}  // namespace cma
