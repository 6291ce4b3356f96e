// CMA areas (mm/cma.c): declaring, activating, allocating and releasing, and writes to the debugfs files of an area.
//
// The top of the model: programs and the DMA layer's users call it, and it calls contig/ for the pages. An allocation
// sweeps the bitmap forward once, window by window; kernels with Geometry::retry_sweeps do so again after -EBUSY.
// Since 3.16 a window's bits are set before its pages are owned and cleared after they are given up; meanwhile others
// see it as used. Up to 3.15 cma_mutex is held throughout instead: bits are set once the pages are had, and cleared
// first. Cost: O(bits of the area) per sweep, and that of the contiguous allocations.
//
// Locks: since 3.16 each area has a lock for its bitmap (a mutex up to 5.12, then a spinlock). cma_mutex serialises the
// contiguous allocations of all areas; up to 3.15 it also protects the bitmaps. No actor holds both at once.
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

// Returns the count that a number written to debugfs `alloc` or `free` becomes: the handlers keep it in an int, and the
// callees see that int extended by its sign (mm/cma_debug.c). 2^31 turns into a huge count: an allocation fails, a free
// releases everything.
constexpr std::uint64_t debugfs_count(std::uint64_t number) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(number))});
}

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
  // Reserves memory and appends an area for it. Returns 0. On failure logs what the kernel logs, which is nothing for
  // size 0, an alignment that is no power of two, or bits that the size does not fill; and returns -ENOSPC, -EINVAL,
  // -EBUSY or -ENOMEM. Requires of all of this section: boot has not finished.
  int declare_contiguous(const DeclareRequest& request);
  // Returns the frames that declare_contiguous() would reserve; nullopt if it would fail. Changes nothing.
  std::optional<PfnRange> place_of(const DeclareRequest& request) const;
  // Appends an area for a range (bytes) that boot has reserved already (cma_init_reserved_mem). Generates a name if
  // that is empty. Up to 3.16 a bit is a page, whatever `order_per_bit`. Returns 0, -ENOSPC (logged) or -EINVAL.
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);
  // Activates the areas in order, as the initcall does. From 3.17 to 5.8 the first that fails ends it. An area that
  // failed can give no pages: since 5.12 all of them are ordinary memory, before, its first pageblocks may be CMA and
  // the others stay reserved.
  void activate_all();
  // Makes activate_all() fail to allocate the bitmap of this area.
  void fail_bitmap_of(AreaId id) { table_.areas[id].fail_bitmap = true; }

  // --- allocating and releasing (cma_steps.h); both sleep ---
  // Allocates `count` pages aligned to 2^align pages (effective_align()). Returns the first pfn: the pages belong to
  // the caller, each with one reference, until cma_release(). Returns kNoPfn on failure. A sweep that failed is logged
  // unless `no_warn` (since 4.11; before, with Geometry::error_line); a request that cannot be tried never is.
  // The caller holds no spinlock.
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  // Releases pages, all or a part of an allocation. Returns false if the range does not begin in the area.
  // Requires: the range ends in the area (a fatal assertion of the kernel), is allocated, and begins and ends on whole
  // bits (2^order_per_bit pages), or at the allocation's end: else bits of pages still held are cleared.
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);

  // --- debugfs (debugfs_writes.cc); area_files.h reads the files ---
  // Writes a number to the file `alloc`: allocates as many pages. Returns 0 or -ENOMEM.
  Task<int> debugfs_alloc(AreaId id, std::uint64_t number);
  // Frees `number` pages of the newest `alloc` allocations; stops without an error at one that cannot be split because
  // a bit stands for several pages. Returns 0.
  Task<int> debugfs_free(AreaId id, std::uint64_t number);
  // Returns the length of the longest run of free bits; the file `maxchunk` has it in pages.
  std::uint64_t largest_free_run(AreaId id) const;

  // --- state ---
  std::size_t size() const { return table_.areas.size(); }
  const Area& area(AreaId id) const { return table_.areas[id]; }
  // Returns the first area of that name, nullopt if there is none. O(areas).
  std::optional<AreaId> find(const std::string& name) const;
  // Returns the area this page belongs to, active or not yet; nullopt if none. An area whose activation failed has no
  // pages (but for Bug::inactive_alloc). O(areas).
  std::optional<AreaId> area_of(Pfn pfn) const;
  // Returns the pages of all areas (totalcma_pages); up to 5.11 with those that failed to be activated.
  std::uint64_t total_pages() const { return table_.total_pages; }
  // For callers that allocate a range as an area would. Not under a spinlock.
  Mutex& cma_mutex() { return table_.cma_mutex; }
  // Return the vm events cma_alloc_success and cma_alloc_fail: up to 5.12 zero; up to 6.8 all calls are counted, since
  // 6.9 those that could be tried.
  std::uint64_t alloc_success() const { return table_.alloc_success; }
  std::uint64_t alloc_fail() const { return table_.alloc_fail; }
  // Returns how many sweeps were begun since boot. For studies and tests.
  std::uint64_t sweeps() const { return table_.sweeps; }
  // Returns whether the actor sleeps between two sweeps of one allocation; it holds no lock then.
  bool between_sweeps(ActorId actor) const;

 private:
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  AreaTable table_;
  std::unique_ptr<CmaSteps> steps_;
};

}  // namespace cma
