// The page allocator (mm/page_alloc.c): allocation up to the point where the kernel would begin to reclaim, the entry
// points of freeing, and what boot hands over. Callers that may sleep ask PageAllocator (pressure/), which asks here.
//
// In use:
//   const Pfn pfn = buddy.alloc_pages(gfp, order);   // the caller has one reference, on the first page
//   co_await buddy.free_pages(pfn, order);           // drops it; the last reference frees the block
// Freeing has two halves, prepare_free() and commit_free(), so that another actor can run between them.
//
// Buddy is the face of the folder and composes its parts: Watermarks (whether a request may take pages) and
// WatermarkSetup (their figures), FreeLists (blocks, merged and split), PageblockTypes (which follow), Fallback (what a
// request takes when the lists of its type are empty), PerCpuLists (pages that a CPU keeps for itself) and RequestSteps
// (the attempts at a request).
//
// Invariant: each page that boot has handed over is in one of these places, as a part of one block.
//   outside      it is in use, or free in the hugetlb pool
//   a list       of free blocks (the first page has kPageBuddy), or of a CPU (kPagePcp)
//   in flight    between the two (kPageInFlight): its last reference is gone, or a task has captured it
//   lost         it was freed in a bad state, and reported (kPageLeaked)
// The parts state what holds of their lists. A bug that is switched on may break it.
//
// Cost: allocating that of an attempt (request_steps.h), or of three; freeing a block is linear in its pages.
//
// Locks: alloc_pages(), the calls that free (prepare_free() takes none) and the drains of per_cpu() take zone->lock
// themselves; callers must not hold it. Of boot only free_reserved_page() takes it. What looks takes none: nothing else
// runs between two points.
#pragma once

#include <utility>

#include "allocator/base/gfp.h"
#include "allocator/buddy/fallback.h"
#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/pageblock_types.h"
#include "allocator/buddy/pcp.h"
#include "allocator/buddy/request_steps.h"
#include "allocator/buddy/watermark.h"
#include "allocator/buddy/watermark_setup.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class Buddy {
 public:
  explicit Buddy(const Core& core);
  Buddy(const Buddy&) = delete;
  Buddy& operator=(const Buddy&) = delete;

  // --- zones: by index, in ascending order of address; zone.h has more of each call ---
  // Returns how many zones there are.
  std::size_t zones() const { return zones_.size(); }
  // Return a zone. Require: index < zones().
  const Zone& zone(std::size_t index) const { return zones_[index]; }
  Zone& zone(std::size_t index) { return zones_[index]; }
  // Return the zone of a page. Require: the page lies in the memory map.
  Zone& zone_of(Pfn pfn) { return zones_.of(pfn); }
  const Zone& zone_of(Pfn pfn) const { return zones_.of(pfn); }
  // Returns the kernel's name of a zone: "Normal". Zones of several nodes share it.
  const std::string& zone_name(std::size_t index) const { return zones_.name(index); }
  // Returns the name that no other zone has (Zones::title).
  std::string zone_title(std::size_t index) const { return zones_.title(index); }
  // Returns the index of the last zone that may serve a request on a node (Zones::ceiling).
  std::size_t zone_ceiling(Gfp gfp, unsigned node = 0) const { return zones_.ceiling(gfp, node); }
  // Returns the kind of that zone, whether the node has it or not (Zones::gfp_zone).
  ZoneKind gfp_zone(Gfp gfp) const { return zones_.gfp_zone(gfp); }
  // Returns the zones that may serve a request, in the order in which they are tried (Zones::zonelist).
  ZoneList zonelist(Gfp gfp, unsigned node = 0) const { return zones_.zonelist(gfp, node); }
  // Returns one more than the last node's number.
  unsigned nodes() const { return zones_.nodes(); }
  // Returns the order of the largest blocks (MAX_ORDER - 1, since 6.4 MAX_ORDER, since 6.8 MAX_PAGE_ORDER).
  unsigned largest_order() const { return core_.largest_order; }
  // Returns how many CPUs have lists of their own.
  int cpus() const { return core_.engine.cpus(); }

  // --- parts that others act by ---
  // Isolates pageblocks, gives them back and takes free blocks: for isolation/ and compaction/.
  PageblockTypes& pageblock_types() { return pageblock_types_; }
  const PageblockTypes& pageblock_types() const { return pageblock_types_; }
  // Drains the lists of CPUs.
  PerCpuLists& per_cpu() { return pcp_; }
  const PerCpuLists& per_cpu() const { return pcp_; }
  // Makes the attempts at a request one by one: for a caller that frees memory between them (pressure/).
  RequestSteps& requests() { return requests_; }
  const RequestSteps& requests() const { return requests_; }

  // --- parts to look at ---
  const FreeLists& free_lists() const { return free_lists_; }
  const Fallback& fallback() const { return fallback_; }
  const Watermarks& watermarks() const { return watermarks_; }
  const WatermarkSetup& watermark_setup() const { return watermark_setup_; }

  // --- boot; asserts that it has not ended, but for free_reserved_page() ---
  // Hands a range to the allocator in the largest aligned blocks, ascending (memblock_free_all).
  void free_boot_range(const PfnRange& range);
  // Gives one pageblock of an area to the free lists as CMA (init_cma_reserved_pageblock).
  void free_cma_pageblock(Pfn pfn);
  // Gives a page of an area that could not be activated to the free lists as ordinary memory (5.12).
  void free_reserved_page(Pfn pfn);
  // Sets watermarks, lowmem reserves and sizes of per-CPU lists from what is managed now. Ends boot.
  void set_up_watermarks();

  // --- allocation ---
  // Allocates 2^order pages aligned to their size (__alloc_pages). The caller owns one reference, on the first page;
  // with kGfpComp the pages are one compound page. A task with memalloc_pin gets no pages of areas (5.1; up to
  // 5.8 it may, from a per-CPU list), and its reclaim scope takes flags away. Returns kNoPfn if order >
  // largest_order(), or where the kernel would begin to reclaim, or fail a request that may not. Zones of `node` are
  // tried first, with kGfpThisnode no others: all CPUs are of node 0. Requires: settled_gfp() leaves the flags as they
  // are, but for those that the release does not know.
  Pfn alloc_pages(Gfp gfp, unsigned order, unsigned node = 0);

  // --- freeing ---
  // A block that passed the free checks and whose pageblock type has been sampled, but that is on no list yet. Can be
  // moved, not copied: a block is freed once.
  class [[nodiscard]] PendingFree {
   public:
    PendingFree(PendingFree&& other) noexcept
        : pfn_(std::exchange(other.pfn_, kNoPfn)), order_(other.order_), type_(other.type_) {}
    PendingFree& operator=(PendingFree&&) = delete;

   private:
    friend class Buddy;
    PendingFree(Pfn pfn, unsigned order, Migratetype type) : pfn_(pfn), order_(order), type_(type) {}

    Pfn pfn_;  // kNoPfn: moved away; or a page was bad, and nothing is left to free
    unsigned order_;
    Migratetype type_;
  };
  // First half of freeing a block whose last reference is gone. Reads the type without zone->lock. A block with a bad
  // page is reported and lost (bad_page). Requires: the block is on no list; commit_free() follows.
  PendingFree prepare_free(Pfn pfn, unsigned order);
  // Second half: puts the block on a per-CPU list or a free list; does nothing for one that is lost. For a free list
  // the pageblock's type is read again while the zone has isolated pageblocks or the sampled type is Isolate; since
  // 6.10 always.
  void commit_free(PendingFree pending);
  // Both halves at once: free_unref_page / __free_pages_ok.
  void free_now(Pfn pfn, unsigned order) { commit_free(prepare_free(pfn, order)); }
  // Frees up to `most` pages in use from pfn on, as dropping the last reference of each and free_now() would. Stops at
  // the pageblock's end and at the first page with another reference, a flag, a mapping or an owner. Passes no point:
  // the caller counts one step a page. Returns the number freed; 0 during boot, and while single-page events or points
  // are watched. Requires: the caller holds a reference on each page.
  std::uint64_t free_plain_run(Pfn pfn, std::uint64_t most);
  // Drops one reference, and frees the block if it was the last (__free_pages). If it was not the last, and the block
  // is larger than a page and not compound, all pages but the first are freed (with Bug::speculative_leak, up to 5.9,
  // they are lost); the other holder frees that one. Requires: the caller has a reference, and allocated the
  // block with this `order`.
  Task<void> free_pages(Pfn pfn, unsigned order);
  // Frees a block whose last reference is gone, with a point between the two halves. Requires: as prepare_free().
  Task<void> free_unreferenced(Pfn pfn, unsigned order);

  // Takes the state of another allocator; the pages themselves are the memory map's. Requires: both are of machines of
  // the same geometry, and no actor of either is inside an operation.
  void copy_from(const Buddy& other);

 private:
  // For tests that put a state together by hand (machine_testing.h).
  friend FreeLists& free_lists_of(Buddy& buddy);

  bool free_checks_pass(Pfn pfn, unsigned order);
  void free_one_page(Zone& zone, const PendingFree& pending);
  std::uint64_t plain_pages(Pfn pfn, std::uint64_t most) const;

  Core core_;
  Zones zones_;
  Watermarks watermarks_;
  WatermarkSetup watermark_setup_;
  FreeLists free_lists_;
  PageblockTypes pageblock_types_;
  Fallback fallback_;
  PerCpuLists pcp_;
  RequestSteps requests_;
};

}  // namespace cma
