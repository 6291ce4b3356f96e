// CMA areas (mm/cma.c): allocating from them and releasing. The face of this folder: declaring and activating areas and
// writes to their debugfs files are parts of their own, which Areas hands out.
//
// An allocation sweeps the bitmap of its area forward once, window by window, and asks contig/ for the pages of each.
// Geometry::retry_sweeps more sweeps may follow one that ended with -EBUSY, each after a sleep of 100 ms (nullopt:
// without limit); a fatal signal ends them. Cost per sweep: O(words of the bitmap), for each window tried
// O(words of its bits), and what contig/ costs.
//
// cma_mutex serialises the contiguous allocations of all areas. What keeps the bitmaps:
// - Since 3.16 a lock of each area, and no actor holds both. A window's bits are set before its pages are owned and
//   cleared after they are given up; meanwhile others see it as used. The kernel's lock is a mutex up to 5.12, then a
//   spinlock; the model's is a Mutex, under which nothing stops at a point.
// - Up to 3.15 cma_mutex, which is held throughout a sweep. Bits are set once the pages are had, and cleared first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "allocator/areas/area.h"
#include "allocator/areas/area_boot.h"
#include "allocator/areas/debugfs.h"
#include "allocator/contig/contig.h"
#include "allocator/frames/core.h"
#include "allocator/memblock/memblock.h"

namespace cma {

class CmaSteps;

class Areas {
 public:
  // Refers to the layers below, which must outlive it.
  Areas(const Core& core, Memblock& memblock, Buddy& buddy, Contig& contig);
  ~Areas();
  Areas(const Areas&) = delete;
  Areas& operator=(const Areas&) = delete;
  // Copies areas and counters of a machine of the same geometry. Requires: no actor of either is inside an operation.
  void copy_from(const Areas& other) { table_.copy_from(other.table_); }

  // --- parts ---
  // Declares and activates areas.
  AreaBoot& boot() { return boot_; }
  const AreaBoot& boot() const { return boot_; }
  // Takes what users write to the debugfs files of an area.
  AreaDebugfs& debugfs() { return debugfs_; }
  const AreaDebugfs& debugfs() const { return debugfs_; }

  // --- allocating and releasing (cma_steps.h). All sleep: callers hold no spinlock and none of the locks above ---
  // Both require: id < size().
  // Allocates `count` pages aligned to 2^align pages (effective_align()). Returns the first pfn: the pages belong to
  // the caller, each with one reference, until cma_release(). Returns kNoPfn on failure, also for 0 pages and for an
  // area that was not activated. Windows begin on whole bits, counted from the area's base: with align <= order_per_bit
  // that is all, whatever the base is aligned to.
  // - The failure of a request that swept is reported once, however many sweeps it made, if `warn` is yes: up to 4.10
  //   only with Geometry::error_line, since 5.13 within a rate limit. A failure without a sweep is never reported.
  // - A line on the bitmap follows the report, also one that the limit keeps back: since 6.9 always, before with
  //   Geometry::cma_debug.
  // - Up to 6.8 Geometry::cma_debug also logs each call, but for those on an area that was not activated.
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn);
  // Releases pages, all or a part of an allocation. Returns false if the range does not begin in the area.
  // Requires: the range ends in the area (a fatal assertion of the kernel), is allocated, and begins and ends on whole
  // bits (2^order_per_bit pages), or at the allocation's end: else bits of pages still held are cleared.
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);

  // Takes [first, first + pages) as an area's allocation would, under cma_mutex, but sets no bits. No kernel does that;
  // programs get frames of their choice so. They belong to the caller, each with one reference.
  // Returns 0 or the error of Contig::alloc_contig_range(). The range has to meet what that requires, for
  // Migratetype::cma if the pageblock of `first` is CMA now, else for Movable. Sleeps, as the two above do.
  Task<int> take_range(Pfn first, std::uint64_t pages);

  // --- state. Requires: id < size() ---
  std::size_t size() const { return table_.areas.size(); }
  const Area& area(AreaId id) const { return table_.areas[id]; }
  // Returns the first area of that name, nullopt if there is none. O(areas).
  std::optional<AreaId> find(const std::string& name) const;
  // Returns the area this page belongs to, active or not yet; nullopt if none. An area whose activation failed has no
  // pages (but for Bug::inactive_alloc). O(areas).
  std::optional<AreaId> area_of(Pfn pfn) const;
  // Returns all areas, their cma_mutex, and what is counted over them.
  const AreaTable& table() const { return table_; }
  // Returns whether the actor is between two sweeps of one allocation: stopped, asleep, or woken and not yet run. It
  // holds no lock then.
  bool between_sweeps(ActorId actor) const;

 private:
  Core core_;
  Contig& contig_;
  AreaTable table_;
  std::unique_ptr<CmaSteps> steps_;
  AreaBoot boot_;
  AreaDebugfs debugfs_;
};

}  // namespace cma
