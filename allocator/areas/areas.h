// CMA areas (mm/cma.c): declaring, activating, allocating and releasing, and the files an engineer looks at.
//
// Each area has a bitmap under its own lock (a mutex up to 5.12, a spinlock since); cma_mutex serialises the contiguous
// allocations of all areas. An allocation sweeps the bitmap forward once, window by window; between marking a window
// and owning its pages, and between giving a window up and clearing its bits, other actors see it as used.
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

// CONFIG_CMA_ALIGNMENT: the largest alignment (an order) that the DMA layer asks for. In 3.6 it is the allocator.
inline constexpr unsigned kCmaAlignment = 8;
constexpr unsigned effective_align(unsigned align, Release release) {
  return release < Release::v4_9 && align > kCmaAlignment ? kCmaAlignment : align;
}

struct Area {
  std::string name;
  Pfn base = 0;
  std::uint64_t pages = 0;  // the kernel's cma->count; zero once activation has failed
  unsigned order_per_bit = 0;
  Bitmap bitmap;             // empty until activated
  bool fail_bitmap = false;  // injected: its bitmap cannot be allocated
  Mutex lock{"cma->lock"};
  // 5.13: pages asked for in calls that succeeded and failed.
  std::uint64_t nr_pages_succeeded = 0;
  std::uint64_t nr_pages_failed = 0;
  std::uint64_t nr_pages_released = 0;  // 6.10
  // debugfs: allocations made through the `alloc` file, newest last.
  std::vector<std::pair<Pfn, std::uint64_t>> debugfs_buffers;

  bool active() const { return bitmap.size() != 0; }
  bool contains(Pfn pfn) const { return pfn >= base && pfn - base < pages; }
};

// cma_declare_contiguous: addresses and sizes in bytes, as the kernel takes them.
struct DeclareRequest {
  std::string name;
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;
  std::uint64_t alignment = 0;
  unsigned order_per_bit = 0;
  bool fixed = false;
};

// The count that a number written to debugfs `alloc` or `free` becomes: the handlers keep it in an int, and what takes
// it from there sees that extended by its sign (mm/cma_debug.c). So 2^31 pages are an impossible request, and freeing
// as many frees all.
constexpr std::uint64_t debugfs_count(std::uint64_t number) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(number))});
}

class Areas {
 public:
  Areas(const Core& core, Memblock& memblock, Buddy& buddy, Contig& contig);

  // --- boot ---
  // 0 and the area is the last one, or -ENOSPC, -EINVAL, -EBUSY, -ENOMEM with the kernel's log line.
  int declare_contiguous(const DeclareRequest& request);
  // cma_init_reserved_mem: an area over a range that boot has reserved already (bytes). An empty name is generated.
  int init_reserved_mem(std::uint64_t base, std::uint64_t size, unsigned order_per_bit, const std::string& name);
  // The initcall: activates the areas in order. From 3.17 to 5.8 the first that fails ends it.
  void activate_all();
  // Makes the bitmap of this area impossible to allocate.
  void fail_bitmap_of(AreaId id) { areas_[id].fail_bitmap = true; }

  // --- running ---
  // First pfn of a buffer of `count` pages aligned to 2^align pages, kNoPfn on failure. Sleeps.
  Task<Pfn> cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  // False when the range does not begin in the area. Releasing beyond its end is a fatal assertion of the kernel.
  Task<bool> cma_release(AreaId id, Pfn pfn, std::uint64_t count);
  // Writing a number to debugfs `alloc` and `free`. 0, -ENOMEM.
  Task<int> debugfs_alloc(AreaId id, std::uint64_t number);
  Task<int> debugfs_free(AreaId id, std::uint64_t number);

  std::size_t size() const { return areas_.size(); }
  const Area& area(AreaId id) const { return areas_[id]; }
  std::optional<AreaId> find(const std::string& name) const;
  // Length of the longest run of free bits, as debugfs has it.
  std::uint64_t largest_free_run(AreaId id) const;
  // The area this page belongs to, active or not.
  std::optional<AreaId> area_of(Pfn pfn) const;
  std::uint64_t total_pages() const { return total_pages_; }
  // Searches over areas so far. And whether an actor sleeps between two of them, and holds nothing.
  std::uint64_t sweeps() const { return sweeps_; }
  bool between_sweeps(ActorId actor) const;
  Mutex& cma_mutex() { return cma_mutex_; }
  // Vm events cma_alloc_success and cma_alloc_fail (5.13).
  std::uint64_t alloc_success() const { return alloc_success_; }
  std::uint64_t alloc_fail() const { return alloc_fail_; }

  void copy_from(const Areas& other);

 private:
  bool activate_v4(AreaId id);
  bool activate_v5_13(AreaId id);
  bool make_bitmap(Area& area);
  bool in_one_zone(Pfn block, std::uint64_t pages, std::uint8_t zone) const;
  void activation_failed(Area& area);
  std::optional<int> check_declaration(const DeclareRequest& request, std::uint64_t alignment, std::uint64_t base,
                                       std::uint64_t size, std::uint64_t limit);
  int reserve(DeclareRequest& request, std::uint64_t alignment, Pfn& base);

  struct Window {
    std::uint64_t count;  // pages asked for
    unsigned align;       // order, pages
    std::uint64_t bits;
    std::uint64_t mask;
    std::uint64_t offset;
    Pfn pfn = kNoPfn;  // the last window tried
  };
  std::optional<Window> request_window(const Area& area, std::uint64_t count, unsigned align);
  Task<Pfn> cma_alloc_v3_5(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<int> sweep_v3_5(AreaId id, Window& window);
  Task<bool> cma_release_v3_5(AreaId id, Pfn pfn, std::uint64_t count);
  int declare_v3_5(const DeclareRequest& asked);
  Task<Pfn> cma_alloc_v3_17(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> cma_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<Pfn> cma_alloc_v6_12(AreaId id, std::uint64_t count, unsigned align, bool no_warn);
  Task<int> sweep(AreaId id, Window& window);
  Task<int> sweep_and_retry(AreaId id, Window& window);
  bool says_failures() const;
  Task<void> clear_bits(AreaId id, Pfn pfn, std::uint64_t bits);
  void report_failure(AreaId id, const Window& window, int error);

  Release release_;
  std::uint64_t unit_;
  unsigned max_areas_;
  bool debug_;
  std::optional<std::uint64_t> retry_sweeps_;
  bool error_line_;
  bool error_names_;
  Core core_;
  Memblock& memblock_;
  Buddy& buddy_;
  Contig& contig_;
  std::vector<Area> areas_;
  std::uint64_t total_pages_ = 0;
  std::uint64_t sweeps_ = 0;
  std::vector<ActorId> between_sweeps_;
  std::uint64_t alloc_success_ = 0;
  std::uint64_t alloc_fail_ = 0;
  Mutex cma_mutex_{"cma_mutex"};
};

// "number of available pages: 3@125+20@172=> 23 free of 4096 total pages": the runs of free bits.
std::string bitmap_report(const Area& area);

}  // namespace cma
