// CMA areas (mm/cma.c): declaring, activating, allocating and releasing, and writes to the debugfs files of an area.
//
// The top of the model: programs and the DMA layer's users call it, and it calls contig/ for the pages. An allocation
// sweeps the bitmap forward once, window by window. A window's bits are set before its pages are owned and cleared
// after they are given up; meanwhile others see it as used. Cost: O(bits of the area) per sweep, and that of the
// contiguous allocations.
//
// Locks: since 3.16 each area has a lock for its bitmap (a mutex up to 5.12, then a spinlock). cma_mutex serialises the
// contiguous allocations of all areas; up to 3.15 it also protects the bitmaps. No actor holds both at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/bitmap/bitmap.h"
#include "allocator/contig/contig.h"
#include "allocator/frames/core.h"
#include "allocator/memblock/memblock.h"

namespace cma {

using AreaId = std::uint32_t;

// CONFIG_CMA_ALIGNMENT: the largest alignment (an order) that the DMA layer asks for.
inline constexpr unsigned kCmaAlignment = 8;
// Returns the alignment that an allocation uses. Up to 3.16 the DMA layer is the allocator, and so its limit applies.
constexpr unsigned effective_align(unsigned align, Release release) {
  return release < Release::v3_17 && align > kCmaAlignment ? kCmaAlignment : align;
}

// An area, as the kernel's struct cma.
struct Area {
  std::string name;
  Pfn base = 0;
  std::uint64_t pages = 0;     // the kernel's cma->count; zero once activation has failed
  unsigned order_per_bit = 0;  // a bit stands for 2^order_per_bit pages
  Bitmap bitmap;               // empty until activated
  bool fail_bitmap = false;    // injected: its bitmap cannot be allocated
  Mutex lock{"cma->lock"};
  // Pages asked for in calls that succeeded and failed (5.13), and pages released (6.9).
  std::uint64_t nr_pages_succeeded = 0;
  std::uint64_t nr_pages_failed = 0;
  std::uint64_t nr_pages_released = 0;
  // Allocations made through the debugfs file `alloc`, newest last.
  std::vector<std::pair<Pfn, std::uint64_t>> debugfs_buffers;

  bool active() const { return bitmap.size() != 0; }
  // Returns whether the page lies in the area, active or not.
  bool contains(Pfn pfn) const { return pfn >= base && pfn - base < pages; }
};

// The arguments of cma_declare_contiguous: addresses and sizes in bytes, as the kernel takes them.
struct DeclareRequest {
  std::string name;
  std::uint64_t base = 0;  // where the search begins; the place itself if `fixed`
  std::uint64_t size = 0;
  std::uint64_t limit = 0;      // the largest end that the area may have; 0: none
  std::uint64_t alignment = 0;  // at least that of the isolation unit is used
  unsigned order_per_bit = 0;
  bool fixed = false;
};

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
  // Copies areas and counters of a machine of the same geometry. Requires: no actor of either is inside an operation.
  void copy_from(const Areas& other);

  // --- boot (declare.cc) ---
  // Reserves memory and appends an area for it. Returns 0. On failure logs the kernel's line and returns -ENOSPC,
  // -EINVAL, -EBUSY or -ENOMEM. Requires of all of this section: boot has not finished.
  int declare_contiguous(const DeclareRequest& request);
  // Appends an area for a range (bytes) that boot has reserved already (cma_init_reserved_mem). Generates a name if
  // that is empty. Returns 0, -ENOSPC or -EINVAL.
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);
  // Activates the areas in order, as the initcall does. From 3.17 to 5.8 the first that fails ends it.
  void activate_all();
  // Makes activate_all() fail to allocate the bitmap of this area.
  void fail_bitmap_of(AreaId id) { areas_[id].fail_bitmap = true; }

  // --- allocating and releasing (cma_alloc.cc, cma_alloc_v3_5.cc); both sleep ---
  // Allocates `count` pages aligned to 2^align pages. Returns the first pfn; kNoPfn on failure, which is logged unless
  // `no_warn`. The pages belong to the caller, each with one reference, until cma_release.
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  // Releases pages, all or a part of an allocation. Returns false if the range does not begin in the area.
  // Requires: the range ends in the area (a fatal assertion of the kernel) and is allocated.
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);

  // --- debugfs (debugfs_writes.cc); area_files.h reads the files ---
  // Writes a number to the file `alloc`: allocates as many pages. Returns 0 or -ENOMEM.
  Task<int> debugfs_alloc(AreaId id, std::uint64_t number);
  // Frees `number` pages of the newest `alloc` allocations; stops without an error at one that cannot be split because
  // a bit stands for several pages. Returns 0.
  Task<int> debugfs_free(AreaId id, std::uint64_t number);
  // Returns the length of the longest run of free bits, as the file `maxchunk` has it.
  std::uint64_t largest_free_run(AreaId id) const;

  // --- state ---
  std::size_t size() const { return areas_.size(); }
  const Area& area(AreaId id) const { return areas_[id]; }
  std::optional<AreaId> find(const std::string& name) const;
  // Returns the area this page belongs to, active or not; nullopt if none. O(areas).
  std::optional<AreaId> area_of(Pfn pfn) const;
  // Returns the pages of all areas (totalcma_pages).
  std::uint64_t total_pages() const { return total_pages_; }
  Mutex& cma_mutex() { return cma_mutex_; }
  // Return the vm events cma_alloc_success and cma_alloc_fail (5.13).
  std::uint64_t alloc_success() const { return alloc_success_; }
  std::uint64_t alloc_fail() const { return alloc_fail_; }
  // Returns how many sweeps were begun since boot. For studies and tests.
  std::uint64_t sweeps() const { return sweeps_; }
  // Returns whether the actor sleeps between two sweeps of one allocation; it holds no lock then.
  bool between_sweeps(ActorId actor) const;

 private:
  // One allocation: what is searched for in the bitmap, and how far the search has come.
  struct Window {
    std::uint64_t count;   // pages asked for
    unsigned align;        // order, pages
    std::uint64_t bits;    // to find in a row
    std::uint64_t mask;    // of the alignment, in bits
    std::uint64_t offset;  // of the area's first bit from an aligned one
    Pfn pfn = kNoPfn;      // the last window tried
  };

  // --- boot ---
  int declare_v3_5(const DeclareRequest& asked);
  bool table_full();
  std::optional<int> check_declaration(const DeclareRequest& asked, const DeclareRequest& rounded,
                                       std::uint64_t alignment);
  int failed_to_reserve(int error, std::uint64_t bytes);
  Pfn high_memory(Pfn otherwise) const;
  int reserve(DeclareRequest& request, std::uint64_t alignment, Pfn& base);
  bool activate_v3_5(AreaId id);
  bool activate_v5_12(AreaId id);
  bool make_bitmap(Area& area);
  bool in_one_zone(Pfn block, std::uint64_t pages, std::uint8_t zone) const;
  void activation_failed(Area& area);

  // --- allocating: one function per era, oldest first ---
  Task<Pfn> cma_alloc_v3_5(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> cma_alloc_v3_17(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> cma_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> try_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> cma_alloc_v6_9(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<int> sweep_v3_5(AreaId id, Window& window);
  Task<int> sweep_v3_16(AreaId id, Window& window);
  Task<bool> cma_release_v3_5(AreaId id, Pfn pfn, std::uint64_t count);

  // --- allocating: the steps that they share ---
  bool usable(AreaId id) const;
  std::optional<Window> request_window(const Area& area, std::uint64_t count, unsigned align);
  Task<int> sweep_and_retry(AreaId id, Window& window);
  Task<void> clear_bits(AreaId id, Pfn pfn, std::uint64_t bits);
  bool reports_failures() const;
  void report_failure(AreaId id, const Window& window, int error);
  void trace_finish(AreaId id, const Window& window, int error);
  void account(AreaId id, std::uint64_t count, Pfn result);

  // Settings of the machine.
  Release release_;
  std::uint64_t unit_;                         // pages in which areas are aligned
  unsigned max_areas_;                         // CONFIG_CMA_AREAS
  bool debug_;                                 // CONFIG_CMA_DEBUG, where it prints lines (up to 6.8)
  std::optional<std::uint64_t> retry_sweeps_;  // further sweeps after -EBUSY; nullopt: without limit
  bool error_line_;                            // failures are logged on any release
  bool error_names_;                           // and the area is named
  // The layers below.
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  Contig& contig_;
  // State.
  std::vector<Area> areas_;
  std::uint64_t total_pages_ = 0;
  std::uint64_t alloc_success_ = 0;
  std::uint64_t alloc_fail_ = 0;
  Mutex cma_mutex_{"cma_mutex"};
  // Statistics of sweeps; no decision of the model depends on them.
  std::uint64_t sweeps_ = 0;
  std::vector<ActorId> between_sweeps_;  // actors that sleep between two sweeps
};

// Formats the runs of free bits: "number of available pages: 3@125+20@172=> 23 free of 4096 total pages".
std::string bitmap_report(const Area& area);

}  // namespace cma
