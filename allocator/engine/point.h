// The catalogue of points: named places inside modelled functions where another actor may run, because the kernel has
// just dropped a lock, sleeps there, or is openly racy. A point is named for its place. The text of programs names one
// in `until=`; `cmacheck points` prints the table. Cost: info_of() O(1), a name is looked for in all points.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cma {

// Name, kernel function, and which lock has just been dropped or why others may run. Schedules and the byte form of
// programs contain the numbers: append only.
#define CMA_POINTS(X)                                                                                                  \
  X(cma_alloc_entry, "cma_alloc", "nothing is held: the request is about to search the bitmap")                        \
  X(cma_bitmap_marked, "cma_alloc", "cma->lock dropped: the bits are set, the pages not owned yet")                    \
  X(cma_mutex_taken, "cma_alloc", "cma_mutex has just been taken")                                                     \
  X(cma_mutex_dropped, "cma_alloc", "cma_mutex dropped: on failure the bits are still set")                            \
  X(cma_bitmap_cleared, "cma_alloc", "cma->lock dropped after a failed window: another task may take the gap")         \
  X(cma_retry, "cma_alloc", "a sweep has ended busy, the task sleeps 100 ms before the next (vendors)")                \
  X(cma_release_pages_freed, "cma_release", "the pages are freed, their bits still set")                               \
  X(isolate_block, "set_migratetype_isolate", "zone->lock dropped after one pageblock was isolated")                   \
  X(isolate_drain, "drain_all_pages", "the drain after an isolated pageblock sleeps (up to 5.10)")                     \
  X(isolate_peek, "isolate_single_pageblock", "free block seen without zone->lock, not split yet (since 5.19)")        \
  X(isolate_done, "start_isolate_page_range", "the whole range is isolated, migration has not started")                \
  X(undo_block, "unset_migratetype_isolate", "zone->lock dropped after one pageblock was restored")                    \
  X(undo_taken, "unset_migratetype_isolate", "a free block is off its list and not freed yet (up to 5.18)")            \
  X(drain_pcp_begin, "drain_all_pages", "pcpu_drain_mutex taken, no CPU examined yet")                                 \
  X(drain_pcp_cpu, "drain_all_pages", "one CPU's per-CPU lists are examined and drained")                              \
  X(drain_lru_begin, "lru_add_drain_all", "the drain mutex is taken, no CPU examined yet")                             \
  X(drain_lru_cpu, "lru_add_drain_all", "one CPU's pagevecs are drained")                                              \
  X(lru_cache_disabled, "lru_cache_disable", "the caches are disabled, the grace period is over (since 5.13)")         \
  X(scan_block, "isolate_migratepages_range", "between pageblocks of the scan")                                        \
  X(scan_batch, "isolate_migratepages_block", "lru_lock dropped every 32 pfns")                                        \
  X(scan_throttle, "isolate_migratepages_block", "too many pages are isolated: the task sleeps 100 ms")                \
  X(scan_page_isolated, "isolate_migratepages_block", "a page is on the migration list, lru_lock may be dropped")      \
  X(reclaim_clean_page, "reclaim_clean_pages_from_list", "before each clean page is dropped")                          \
  X(migrate_page, "migrate_pages", "before each attempt to move a page: voluntary yield")                              \
  X(migrate_locked, "unmap_and_move", "the page is locked, its mappings are still there")                              \
  X(migrate_unmapped, "unmap_and_move", "migration entries are installed, the expected references not tested yet")     \
  X(migrate_moved, "unmap_and_move", "the mapping has moved, the old page is not freed yet")                           \
  X(migrate_target, "alloc_migrate_target", "the target page is allocated")                                            \
  X(contig_migrated, "alloc_contig_range", "migration is over, the range not tested yet")                              \
  X(contig_outer_start, "alloc_contig_range", "the outer start was read without zone->lock")                           \
  X(contig_tested, "test_pages_isolated", "zone->lock dropped after the test, the pages not captured yet")             \
  X(capture_batch, "isolate_freepages_block", "zone->lock dropped every 32 pfns of the capture, or of a compaction")   \
  X(contig_captured, "alloc_contig_range", "the pages are captured, head and tail not given back yet")                 \
  X(free_page_prepared, "free_unref_page", "the pageblock type is sampled, the page not on a per-CPU list yet")        \
  X(free_block_typed, "__free_pages_ok", "the pageblock type is sampled, zone->lock not taken yet")                    \
  X(put_page_dropped, "put_page", "the last reference is gone, the page is not freed yet")                             \
  X(fault_allocated, "do_anonymous_page", "a page is allocated for a fault: in use, neither mapped nor on the LRU")    \
  X(zap_range_done, "zap_pte_range", "page-table lock dropped: pages unmapped, their references still in the batch")   \
  X(zap_unflushed, "tlb_finish_mmu", "everything is unmapped, the batch is not flushed yet")                           \
  X(fork_referenced, "copy_one_pte", "the reference is taken, the map count not yet; read without the locks held")     \
  X(fork_unlocked, "copy_pte_range", "page-table locks dropped after 32 cost units")                                   \
  X(file_page_allocated, "add_to_page_cache_lru", "a page is allocated for a file: in use, not in its cache yet")      \
  X(io_submitted, "submit_bio", "I/O is under way: the page is locked or under writeback, its buffer locked")          \
  X(truncate_locked, "truncate_inode_pages_range", "the page is locked and referenced, still in its cache")            \
  X(truncate_removed, "truncate_inode_pages_range", "the page is out of its cache, still locked and referenced")       \
  X(drop_locked, "invalidate_mapping_pages", "the page is locked and referenced, about to be dropped")                 \
  X(buffer_mapping_moved, "buffer_migrate_page", "the mapping has moved, the buffer is not locked yet (up to 4.20)")   \
  X(buffer_checked, "buffer_migrate_page", "the buffer is locked and unused, the mapping not moved yet (since 5.0)")   \
  X(migrate_writeout, "writeout", "the page was written out and is not locked, migration wants it back")               \
  X(sleep, "msleep", "the actor sleeps for the stated time")                                                           \
  X(huge_fault_allocated, "do_huge_pmd_anonymous_page", "a huge page is allocated, neither mapped nor on the LRU")     \
  X(split_pmd_referenced, "__split_huge_pmd", "a reference a pte is taken, the map counts not yet; read without lock") \
  X(split_unmapped, "split_huge_page_to_list", "migration entries are installed, the references not frozen yet")       \
  X(pin_taken, "__gup_longterm_locked", "the page is pinned; whether it may stay where it is comes next")              \
  X(pin_isolated, "check_and_migrate_cma_pages", "the page is on the task's list and no longer pinned")                \
  X(pin_again, "__gup_longterm_locked", "the page could not be isolated: it will be pinned and looked at again")       \
  X(mlock_walked, "mlock_pte_range", "the lock is dropped; pages of locked memory wait in this CPU's pagevecs")        \
  X(hugetlb_allocated, "alloc_buddy_huge_page", "a huge page for the pool is allocated, hugetlb_lock not held")        \
  X(shared_fault_locked, "__do_fault", "a page of a file or shared memory is locked and referenced, not mapped yet")   \
  X(compact_begin, "compact_zone", "the scanners are placed, nothing is isolated yet")                                 \
  X(compact_block, "isolate_migratepages", "before each pageblock that pages are to be taken from: voluntary yield")   \
  X(compact_target, "isolate_freepages", "before each pageblock that free pages are to be taken from")                 \
  X(compact_isolated, "compact_zone", "pages are off the LRU, on the list of a compaction, not moved yet")             \
  X(compact_migrated, "compact_zone", "some pages did not move and are not put back yet")                              \
  X(compact_drained, "compact_zone", "this CPU's pagevecs and per-CPU lists are empty, where the scanner has passed")  \
  X(compact_release, "compact_zone", "the compaction is over, spare free pages are not given back yet")                \
  X(reclaim_throttle, "shrink_inactive_list", "too many pages are isolated: the reclaimer sleeps")                     \
  X(reclaim_isolated, "shrink_inactive_list", "lru_lock dropped: pages are off an LRU list, on one of reclaim's")      \
  X(reclaim_page, "shrink_page_list", "before each page that reclaim tries: voluntary yield")                          \
  X(reclaim_unmapped, "shrink_page_list", "the page is locked and unmapped, whether it is dirty or used comes next")   \
  X(reclaim_dropped, "shrink_page_list", "pages are out of their caches, without references, and not freed yet")       \
  X(reclaim_active_page, "shrink_active_list", "before each page that may become inactive: voluntary yield")           \
  X(reclaim_lists, "shrink_lruvec", "a batch of each list is scanned, or reclaim of a node goes on: voluntary yield")  \
  X(reclaim_slab, "do_shrink_slab", "a batch of reclaimable objects is dropped: voluntary yield")                      \
  X(reclaim_node, "shrink_node", "the lists of a node are scanned, slabs and decisions come next")                     \
  X(reclaim_priority, "do_try_to_free_pages", "before each priority with which a request reclaims: nothing is held")   \
  X(kswapd_priority, "balance_pgdat", "before each priority with which kswapd reclaims: nothing is held")              \
  X(kswapd_try_to_sleep, "kswapd_try_to_sleep", "kswapd has finished a run and looks whether it may sleep")            \
  X(alloc_reclaim, "__perform_reclaim", "a request has found too little and will reclaim: nothing is held")            \
  X(alloc_reclaimed, "__alloc_pages_direct_reclaim", "pages were freed for a request: another may take them")          \
  X(alloc_compacted, "__alloc_pages_direct_compact", "memory was compacted for a request: another may take a block")   \
  X(alloc_retry, "__alloc_pages_slowpath", "a request that found nothing begins again: voluntary yield")               \
  X(report_part, "warn_alloc", "between two parts of a report on memory, each with the figures of its own moment")

enum class Point : std::uint8_t {
#define CMA_POINT_ENUM(name, function, why) name,
  CMA_POINTS(CMA_POINT_ENUM)
#undef CMA_POINT_ENUM
      kCount
};

inline constexpr unsigned kPoints = static_cast<unsigned>(Point::kCount);

struct PointInfo {
  Point point;
  std::string_view name;
  std::string_view function;
  std::string_view why;
};

// Returns all points, in the order of the enumerators.
std::span<const PointInfo> point_catalogue();
// Returns what the catalogue has of a point. Requires: it is not kCount.
const PointInfo& info_of(Point point);
// Returns the point of that name, nullopt if there is none.
std::optional<Point> point_from_name(std::string_view name);

}  // namespace cma
