// The page allocator (mm/page_alloc.c): the front half of an allocation, the entry points of freeing, and what boot
// hands over.
//
// Buddy is the face of the folder and composes its parts: Watermarks (whether a request may take pages), FreeLists
// (blocks, merged and split), Fallback (what a request takes when the lists of its type are empty) and PerCpuLists
// (pages that a CPU keeps for itself). A free has two halves, prepare_free() and commit_free(), so that a caller which
// can be interrupted puts a point in between.
//
// Cost: a hit on a per-CPU list is a handful of instructions.
//
// Thread safety: zone->lock is taken inside, except where a section says that it is held.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/buddy/fallback.h"
#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/pcp.h"
#include "allocator/buddy/watermark.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class Buddy {
 public:
  using Moved = FreeLists::Moved;

  explicit Buddy(const Core& core);

  // --- zones ---
  std::size_t zones() const { return zones_.size(); }
  const Zone& zone(std::size_t index) const { return zones_[index]; }
  Zone& zone(std::size_t index) { return zones_[index]; }
  Zone& zone_of(Pfn pfn) { return zones_.of(pfn); }
  const Zone& zone_of(Pfn pfn) const { return zones_.of(pfn); }
  const std::string& zone_name(std::size_t index) const { return zones_.name(index); }
  // Returns the index of the last zone that may serve a request.
  std::size_t zone_ceiling(Gfp gfp) const { return zones_.ceiling(gfp); }
  unsigned largest_order() const { return largest_order_; }

  // --- boot ---
  // Hands a range to the allocator in the largest aligned blocks, ascending (memblock_free_all).
  void free_boot_range(const PfnRange& range);
  // Gives one pageblock of an area to the free lists as CMA (init_cma_reserved_pageblock).
  void free_cma_pageblock(Pfn pfn);
  // Gives a page of an area that could not be activated to the free lists as ordinary memory (5.10).
  void free_reserved_page(Pfn pfn);
  // Sets watermarks, lowmem reserves and sizes of per-CPU lists from what is managed now. Ends boot.
  void set_up_watermarks();

  // --- allocation ---
  // Allocates a block; kNoPfn where the kernel's slow path would begin to reclaim (__alloc_pages).
  Pfn alloc_pages(Gfp gfp, unsigned order);
  // Turns a block that is on no list into single pages with one reference each (split_map_pages).
  void split_captured(Pfn pfn, unsigned order);
  // Turns pages in the hands of one task, a reference each, into a compound page with one reference.
  void prep_compound_page(Pfn pfn, unsigned order);

  // --- freeing ---
  // A block that passed the free checks and whose pageblock type has been sampled, but that is on no list yet.
  struct PendingFree {
    Pfn pfn = kNoPfn;  // kNoPfn: the page was bad; it is reported and forgotten
    unsigned order = 0;
    Migratetype type = Migratetype::unmovable;
  };
  // First half of freeing a block whose last reference is gone. Reads the type without zone->lock.
  PendingFree prepare_free(Pfn pfn, unsigned order);
  // Second half: puts the block on a per-CPU list or a free list.
  void commit_free(const PendingFree& pending);
  // Both halves at once: free_unref_page / __free_pages_ok.
  void free_now(Pfn pfn, unsigned order) { commit_free(prepare_free(pfn, order)); }
  // Frees pages from pfn on, of which the caller holds the only reference, as free_now() would one after the other;
  // stops at the first that needs a closer look, at `most` and at the pageblock's end. Returns how many: none where
  // events or points of single pages are watched.
  std::uint64_t free_plain_run(Pfn pfn, std::uint64_t most);
  // Drops one reference, and frees the block if it was the last (__free_pages).
  Task<void> free_pages(Pfn pfn, unsigned order);
  // Frees a block whose last reference is gone, with the kernel's window between its two halves.
  Task<void> free_unreferenced(Pfn pfn, unsigned order);

  // --- per-CPU lists: see PerCpuLists ---
  static constexpr int kAllZones = PerCpuLists::kAllZones;
  Task<void> drain_all_pages(int zone) { return pcp_.drain_all_pages(zone); }
  void drain_pages_zone(int cpu, Zone& zone) { pcp_.drain_pages_zone(cpu, zone); }
  bool pcp_allowed_order(unsigned order) const { return pcp_.allowed_order(order); }
  unsigned pcp_lists_in_use() const { return pcp_.lists_in_use(); }
  unsigned pcp_list_order(unsigned list) const { return pcp_.list_order(list); }
  Mutex& drain_mutex() { return pcp_.drain_mutex(); }

  // --- free lists, for isolation, capture and compaction, which hold zone->lock: see FreeLists and Fallback ---
  bool typed_lists() const { return free_lists_.typed_lists(); }
  Moved move_freepages_block(Zone& zone, Pfn pfn, Migratetype type) {
    return free_lists_.move_freepages_block(zone, pfn, type);
  }
  bool isolate_free_page(Pfn pfn) { return free_lists_.isolate_free_page(pfn); }
  void free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool to_tail = false) {
    free_lists_.free_one_block(zone, pfn, order, type, to_tail);
  }
  void split_large_block(Zone& zone, Pfn pfn, unsigned order) { free_lists_.split_large_block(zone, pfn, order); }
  void take_off_list(Zone& zone, Pfn pfn) { free_lists_.take_off_list(zone, pfn); }
  void mod_freepage_state(Zone& zone, std::int64_t pages, Migratetype type) { zone.mod_freepage_state(pages, type); }
  void count_isolation(Zone& zone, std::int64_t pages, Migratetype type) {
    free_lists_.count_isolation(zone, pages, type);
  }
  Pfn covering_block(Pfn pfn) const { return free_lists_.covering_block(pfn); }
  Pfn free_buddy(Pfn pfn, unsigned order) const { return free_lists_.free_buddy(pfn, order); }
  bool can_be_claimed(const FreeArea& area, unsigned order, Migratetype type) const {
    return fallback_.can_be_claimed(area, order, type);
  }

  // --- watermarks: see Watermarks ---
  bool zone_watermark_ok(const Zone& zone, unsigned order, std::uint64_t mark, std::size_t class_zone,
                         std::uint32_t flags, std::int64_t free) const {
    return watermarks_.zone_watermark_ok(zone, order, mark, class_zone, flags, free);
  }
  std::uint64_t watermark(const Zone& zone, Watermark mark) const { return Watermarks::watermark(zone, mark); }

  void copy_from(const Buddy& other);

 private:
  bool free_checks_pass(Pfn pfn, unsigned order);
  void free_one_page(Zone& zone, const PendingFree& pending);
  std::uint64_t plain_pages(Pfn pfn, std::uint64_t most) const;
  Pfn rmqueue(Zone& zone, Gfp gfp, unsigned order, std::uint32_t flags);
  Pfn get_page_from_freelist(Gfp gfp, unsigned order, std::uint32_t flags, std::size_t ceiling);
  void prepare_new_page(Pfn pfn, unsigned order, Gfp gfp);
  void reserve_highatomic_pageblock(Zone& zone, Pfn pfn);

  Release release_;
  unsigned pageblock_order_;
  unsigned largest_order_;
  Core core_;
  Zones zones_;
  Watermarks watermarks_;
  FreeLists free_lists_;
  Fallback fallback_;
  PerCpuLists pcp_;
};

}  // namespace cma
