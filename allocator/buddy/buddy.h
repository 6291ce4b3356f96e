// The page allocator (mm/page_alloc.c): free lists, merging and splitting, fallback and stealing, per-CPU lists,
// drains, watermarks, the highatomic reserve, and the front half of an allocation.
//
// Order-0 paths are plain functions; a free has two halves, prepare_free() and commit_free(), so that callers which can
// be interrupted put a point in between. Functions named for a release sit side by side where releases differ.
// Cost: a per-CPU list hit is a handful of instructions; a merge step touches one page.
#pragma once

#include <array>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/buddy/zone.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"

namespace cma {

// ALLOC_* of mm/internal.h.
enum AllocFlags : std::uint32_t {
  kAllocWmarkMin = 0,
  kAllocWmarkLow = 1,
  kAllocWmarkHigh = 2,
  kAllocWmarkMask = 3,
  kAllocNoWatermarks = 0x4,
  kAllocOom = 0x8,
  kAllocHarder = 0x10,
  kAllocHigh = 0x20,
  kAllocCma = 0x80,
  kAllocKswapd = 0x800,
};

class Buddy {
 public:
  Buddy(const Core& core);

  // --- zones ---
  std::size_t zones() const { return zones_.size(); }
  const Zone& zone(std::size_t index) const { return zones_[index]; }
  Zone& zone(std::size_t index) { return zones_[index]; }
  Zone& zone_of(Pfn pfn) { return zones_[core_.map.page(pfn).zone]; }
  const Zone& zone_of(Pfn pfn) const { return zones_[core_.map.page(pfn).zone]; }
  const std::string& zone_name(std::size_t index) const { return zone_names_[index]; }
  unsigned largest_order() const { return largest_order_; }

  // --- boot ---
  // Hands a range to the allocator in the largest aligned blocks, ascending (memblock_free_all).
  void free_boot_range(const PfnRange& range);
  // Gives one pageblock of an area to the free lists as CMA (init_cma_reserved_pageblock).
  void free_cma_pageblock(Pfn pfn);
  // Gives a pageblock of an area that could not be activated to the free lists as ordinary memory (5.10+).
  void free_reserved_page(Pfn pfn);
  // Watermarks, lowmem reserves and per-CPU list sizes from what is managed now.
  void set_up_watermarks();

  // --- allocation ---
  // __alloc_pages up to the point where the slow path would reclaim. kNoPfn when nothing may be taken.
  Pfn alloc_pages(Gfp gfp, unsigned order);

  // --- freeing ---
  // A page that passed the free checks and has had its pageblock type sampled, but is on no list yet.
  struct PendingFree {
    Pfn pfn = kNoPfn;  // kNoPfn: the page was bad; it is reported and forgotten
    unsigned order = 0;
    Migratetype type = Migratetype::unmovable;
  };
  // First half of freeing a block whose last reference is gone. The type is read without zone->lock.
  PendingFree prepare_free(Pfn pfn, unsigned order);
  // Second half: onto a per-CPU list or into the free areas.
  void commit_free(const PendingFree& pending);
  // Both halves at once: free_unref_page / __free_pages_ok.
  void free_now(Pfn pfn, unsigned order) { commit_free(prepare_free(pfn, order)); }
  // Frees pages from pfn on, of which the caller holds the only reference, as free_now() would one after the other;
  // stops at the first that needs a closer look, at `most` and at the pageblock's end. Returns how many: none where
  // events or points of single pages are watched.
  std::uint64_t free_plain_run(Pfn pfn, std::uint64_t most);
  // __free_pages: drops one reference; frees the block if it was the last.
  Task<void> free_pages(Pfn pfn, unsigned order);
  // Frees a block whose last reference is gone, with the kernel's window between its two halves.
  Task<void> free_unreferenced(Pfn pfn, unsigned order);

  // --- draining ---
  static constexpr int kAllZones = -1;
  // drain_all_pages: every CPU's lists that are not empty when examined. Sleeps.
  Task<void> drain_all_pages(int zone);
  // The lists of one CPU and zone, at once.
  void drain_pages_zone(int cpu, Zone& zone);

  // --- for isolation, capture and compaction; zone->lock held ---
  struct Moved {
    std::uint64_t pages = 0;     // moved to the list
    std::uint64_t isolated = 0;  // of them, pages that came from Isolate lists
    std::uint64_t movable = 0;   // pages in use that are on the LRU or movable by a driver
  };
  // Moves the free blocks whose head lies in pfn's pageblock to the lists of `type` (move_freepages_block).
  Moved move_freepages_block(Zone& zone, Pfn pfn, Migratetype type);
  // Takes a free block off its list (__isolate_free_page). False when a watermark forbids it.
  bool isolate_free_page(Pfn pfn);
  // __free_one_page: merges and inserts.
  void free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool to_tail = false);
  // Takes a free block off its list without touching any counter but nr_free.
  void take_off_list(Zone& zone, Pfn pfn);
  void mod_freepage_state(Zone& zone, std::int64_t pages, Migratetype type) {
    zone.nr_free_pages += pages;
    if (type == Migratetype::cma) zone.nr_free_cma += pages;
  }
  // Pages of Isolate pageblocks enter or leave the counters of the ordinary ones (set_migratetype_isolate and its
  // undo).
  void count_isolation(Zone& zone, std::int64_t pages, Migratetype type);
  // The head of the free block that covers pfn, pfn itself if none does. The kernel reads it without zone->lock in
  // places.
  Pfn covering_block(Pfn pfn) const;
  // The buddy of a free block of `order`, kNoPfn when it is not a free block of the same order and zone.
  Pfn free_buddy(Pfn pfn, unsigned order) const;
  // Whether an allocation of `type` would take a block of this order from another type, and its pageblock with it
  // (find_suitable_fallback, only_stealable).
  bool can_be_claimed(const FreeArea& area, unsigned order, Migratetype type) const {
    bool can_steal = false;
    return suitable_fallback(area, order, type, can_steal) >= 0 && can_steal;
  }
  // The last zone that a request may be served from.
  std::size_t zone_ceiling(Gfp gfp) const;
  // Turns a block that is on no list into single pages with one reference each (split_map_pages).
  void split_captured(Pfn pfn, unsigned order);
  // Makes pages in the hands of one task, a reference each, a compound page with one reference.
  void prep_compound_page(Pfn pfn, unsigned order);
  // 6.10: frees a block of any order in pieces of at most a pageblock, each as the type of its own pageblock.
  void split_large_block(Zone& zone, Pfn pfn, unsigned order);
  // The list of every free block is that of its pageblock, and counters change with every list operation (6.10).
  bool typed_lists() const { return release_ >= Release::v6_12; }

  // --- watermarks ---
  bool zone_watermark_ok(const Zone& zone, unsigned order, std::uint64_t mark, std::size_t class_zone,
                         std::uint32_t flags, std::int64_t free) const;
  std::uint64_t watermark(const Zone& zone, Watermark mark) const {
    return zone.watermark[static_cast<unsigned>(mark)] + zone.watermark_boost;
  }

  // Orders that per-CPU lists hold on this release.
  bool pcp_allowed_order(unsigned order) const;
  unsigned pcp_lists_in_use() const;
  unsigned pcp_list_order(unsigned list) const;

  void copy_from(const Buddy& other);
  Mutex& drain_mutex() { return drain_mutex_; }

 private:
  // free_lists.cc
  void insert(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool tail);
  bool merge_refused(const Zone& zone, Pfn pfn, Pfn buddy, unsigned order, Migratetype type) const;
  bool parent_merge_likely(Pfn pfn, unsigned order) const;
  void expand(Zone& zone, Pfn pfn, unsigned low, unsigned high, Migratetype type);
  Pfn rmqueue_smallest(Zone& zone, unsigned order, Migratetype type);
  Pfn rmqueue_locked(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags);
  bool rmqueue_fallback(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags);
  Pfn rmqueue_fallback_v3_5(Zone& zone, unsigned order, Migratetype start);
  Pfn rmqueue_fallback_v4_2(Zone& zone, unsigned order, Migratetype start);
  void steal_v4_2(Zone& zone, Pfn pfn, Migratetype start);
  void claim_range(Pfn pfn, unsigned order, Migratetype start);
  void report_fallback(Pfn pfn, unsigned order, unsigned found, Migratetype start, Migratetype fallback);
  int suitable_fallback(const FreeArea& area, unsigned order, Migratetype type, bool& can_steal) const;
  void steal(Zone& zone, Pfn pfn, Migratetype start, bool whole, std::uint32_t flags);
  void move_to_list(Zone& zone, Pfn pfn, Migratetype type);
  void boost_watermark(Zone& zone);
  void recount(Zone& zone, unsigned order, Migratetype from, Migratetype to);
  void retype_range(Pfn pfn, unsigned order, Migratetype type);
  std::uint64_t alike_pages(const Moved& moved, Migratetype start, Migratetype old) const;
  Pfn claim_block_v6_10(Zone& zone, Pfn pfn, unsigned order, Migratetype start);
  Pfn rmqueue_fallback_v6_10(Zone& zone, unsigned order, Migratetype start);
  Moved count_block(const Zone& zone, Pfn pfn) const;
  // pcp.cc
  unsigned pcp_list(Migratetype type, unsigned order) const;
  Pfn rmqueue_pcplist(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags);
  std::uint64_t rmqueue_bulk(Zone& zone, PageList& list, unsigned order, int blocks, Migratetype type,
                             std::uint32_t flags);
  void commit_to_pcp(Zone& zone, const PendingFree& pending);
  std::uint64_t plain_pages(Pfn pfn, std::uint64_t most) const;
  void push_run_to_pcp(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type);
  void overflow(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  std::uint64_t free_tail_run(Zone& zone, PageList& list, std::uint64_t most);
  void free_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type);
  int pcp_free_count_v5_14(PerCpuPages& pcp, bool free_high) const;
  int pcp_limit_v6_6(PerCpuPages& pcp, bool free_high) const;
  int pcp_free_count_v6_6(const PerCpuPages& pcp, int limit, bool free_high) const;
  int pcp_refill_v6_6(PerCpuPages& pcp, unsigned order) const;
  void overflow_v5_14(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  void overflow_v6_6(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  void free_pcppages_bulk_v4(Zone& zone, PerCpuPages& pcp, int count);
  void free_pcppages_bulk_v5_14(Zone& zone, PerCpuPages& pcp, int count, unsigned first_list);
  void free_one_page(Zone& zone, const PendingFree& pending);
  // The type that a free goes by under zone->lock, where the one read before need not be right any more.
  Migratetype type_when_freed(Pfn pfn, Migratetype read_before) const;
  // page_alloc.cc
  Pfn rmqueue(Zone& zone, Gfp gfp, unsigned order, std::uint32_t flags);
  Pfn get_page_from_freelist(Gfp gfp, unsigned order, std::uint32_t flags, std::size_t ceiling);
  void prepare_new_page(Pfn pfn, unsigned order, Gfp gfp);
  void reserve_highatomic_pageblock(Zone& zone, Pfn pfn);
  bool free_checks_pass(Pfn pfn, unsigned order);
  // watermark.cc
  bool blocks_suffice_v3(const Zone& zone, unsigned order, std::int64_t free, std::int64_t min) const;
  bool counts_isolated() const { return core_.bugs.active(Bug::isolated_counted); }
  bool zone_watermark_fast(const Zone& zone, unsigned order, std::uint64_t mark, std::size_t class_zone,
                           std::uint32_t flags, Gfp gfp) const;
  void set_pcp_sizes(Zone& zone);

  Release release_;
  unsigned pageblock_order_;
  unsigned largest_order_;
  bool thp_;
  bool move_to_tail_;  // 5.8: blocks that change lists go to the tail
  bool booting_ = true;
  std::optional<int> pcp_batch_;
  std::optional<int> pcp_high_;
  std::optional<int> pcp_high_min_;
  std::optional<int> pcp_high_max_;
  std::optional<std::uint64_t> min_free_kbytes_;
  std::uint64_t extra_free_kbytes_;
  Core core_;
  std::vector<Zone> zones_;
  std::vector<std::string> zone_names_;
  Mutex drain_mutex_{"pcpu_drain_mutex"};
};

}  // namespace cma
