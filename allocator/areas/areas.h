// CMA areas (mm/cma.c): declaring, activating, allocating and releasing, and writes to the debugfs files of an area.
//
// An allocation asks contig/ for its pages. It sweeps the bitmap forward once, window by window. Geometry::retry_sweeps
// more sweeps may follow one that ended with -EBUSY, each after a sleep of 100 ms (nullopt: without limit); a fatal
// signal ends them. Since 3.16 a window's bits are set before its pages are owned and cleared after they are given up;
// meanwhile others see it as used. Up to 3.15 cma_mutex is held throughout instead: bits are set once the pages are
// had, and cleared first. Cost: O(bits of the area) per sweep, and that of the contiguous allocations.
//
// Locks: since 3.16 each area has a lock for its bitmap: the kernel's is a mutex up to 5.12, then a spinlock; the
// model's a Mutex, and nothing stops at a point under it. cma_mutex serialises the contiguous allocations of all areas;
// up to 3.15 it also protects the bitmaps. No actor holds both at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "allocator/areas/area.h"
#include "allocator/areas/declaration.h"
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

  // --- boot (declaration.h, activation.h) ---
  // Requires of all of this section: boot has not finished.
  //
  // Reserves memory and appends an area for it. Logs what the kernel logs: for a success where the area lies, for a
  // failure why, unless stated; up to 6.8 with Geometry::cma_debug also each call. Returns 0, or
  //   -ENOSPC: no slot is left;
  //   -EINVAL, not logged: size 0, an alignment that is no power of two, order_per_bit >= 64, a size of not whole bits;
  //   -EINVAL: a fixed base is not aligned (since 4.19), rounding up makes the size 0, the isolation unit is not whole
  //            bits (up to 6.0), limits or zones do not allow it;
  //   -EBUSY: a fixed range is taken (no release looks for an end that wraps round);
  //   -ENOMEM: no place was found.
  // Up to 3.16 alignment and bits are ignored.
  int declare_contiguous(const DeclareRequest& request);
  // Returns the frames that declare_contiguous() would reserve; nullopt if it would fail. Changes nothing.
  std::optional<PfnRange> place_of(const DeclareRequest& request) const;
  // Appends an area for a range (bytes) of which boot has reserved some already, or all: no release asks for all, and
  // callers that do not want the rest handed out twice do (cma_init_reserved_mem). Generates a name if that is empty:
  // "cma0" and so on, with the kernel's newline at its end. Returns 0; -ENOSPC, logged; or -EINVAL: size 0, none of it
  // reserved, order_per_bit >= 64, base or size not in whole isolation units, or up to 6.0 the unit not whole bits. The
  // last is asked though up to 3.16 a bit is a page. Since 6.1 the pages after the last whole bit are in no bit.
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);
  // Activates the areas in order, as the initcall does. From 3.17 to 5.8 the first that fails ends it. An area that
  // failed can give no pages: since 5.12 all of them are ordinary memory, before, its first pageblocks may be CMA and
  // the others stay reserved.
  void activate_all();
  // Makes activate_all() fail to allocate the bitmap of this area.
  void fail_bitmap_of(AreaId id) { table_.areas[id].fail_bitmap = true; }

  // --- allocating and releasing (cma_steps.h). Both sleep: callers hold no spinlock and none of the locks above ---
  // Allocates `count` pages aligned to 2^align pages (effective_align()); with align <= order_per_bit to whole bits
  // from the area's base on, whatever its alignment. Returns the first pfn: the pages belong to the caller, each with
  // one reference, until cma_release(). Returns kNoPfn on failure, also for 0 pages. The failure of a request that
  // swept is reported once, however many sweeps it made, unless `no_warn`: up to 4.10 only with Geometry::error_line,
  // since 5.13 within a rate limit. A line on the bitmap follows: since 6.9 always, before with Geometry::cma_debug,
  // which also logs each call but those on an area that was not activated. A failure without a sweep is never reported.
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  // Releases pages, all or a part of an allocation. Returns false if the range does not begin in the area.
  // Requires: the range ends in the area (a fatal assertion of the kernel), is allocated, and begins and ends on whole
  // bits (2^order_per_bit pages), or at the allocation's end: else bits of pages still held are cleared.
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);

  // --- debugfs (debugfs_writes.cc); area_files.h reads the files ---
  // debugfs_alloc() and debugfs_free() take the number as a user writes it, which debugfs_count() reads as the handler
  // does. They sleep, as cma_alloc() and cma_release() do.
  //
  // Allocates so many pages (file `alloc`). Returns 0 or -ENOMEM.
  Task<int> debugfs_alloc(AreaId id, std::uint64_t number);
  // Frees so many pages of the newest `alloc` allocations (file `free`); stops without an error at one that cannot be
  // split because a bit stands for several pages.
  Task<void> debugfs_free(AreaId id, std::uint64_t number);
  // Returns the length of the longest run of free bits; the file `maxchunk` has it in pages.
  std::uint64_t largest_free_run(AreaId id) const;

  // --- state. Requires: id < size() ---
  std::size_t size() const { return table_.areas.size(); }
  const Area& area(AreaId id) const { return table_.areas[id]; }
  // Returns the first area of that name, nullopt if there is none. O(areas).
  std::optional<AreaId> find(const std::string& name) const;
  // Returns the area this page belongs to, active or not yet; nullopt if none. An area whose activation failed has no
  // pages (but for Bug::inactive_alloc). O(areas).
  std::optional<AreaId> area_of(Pfn pfn) const;
  // Returns all areas, and what is counted over them.
  const AreaTable& table() const { return table_; }
  // For callers that allocate a range as an area would. Not under a spinlock.
  Mutex& cma_mutex() { return table_.cma_mutex; }
  // Returns whether the actor is between two sweeps of one allocation: stopped, asleep, or woken and not yet run. It
  // holds no lock then.
  bool between_sweeps(ActorId actor) const;

 private:
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  AreaTable table_;
  std::unique_ptr<CmaSteps> steps_;
};

}  // namespace cma
