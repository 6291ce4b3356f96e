// Faults that can be switched on in a machine: real ones of the kernel's history, and planted ones.
//
// A Bug is the mechanism that was wrong, not its symptom. Where faulty and correct code differ, it asks
// `bugs.fires(Bug::x)`, which also records that the fault was reached. "Reached" and "a law was broken" are counted
// apart: faults that were reached and broke no law show what the laws miss.
//
// A machine runs with none of them (`bugs=repaired`, the default), with those that its release was shipped with
// (`bugs=as-shipped`), and with single ones added by name. Cost of asking: a bit test.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "allocator/base/release.h"

namespace cma {

// The byte form of programs writes the number: append only.
enum class Bug : std::uint8_t {
  mask_exponent,          // the alignment mask shifts the exponent instead of subtracting from it
  offset_upward,          // the aligned offset is the distance up to the next boundary
  count_truncated,        // the bitmap search takes the lower 32 bits of a request
  debug_bitmap_size,      // debugfs takes pages for bits and reads past the end of the bitmap
  inactive_alloc,         // an area whose bitmap could not be allocated still allocates
  merge_into_isolated,    // the merge check looks at the freed block only, not at its buddy
  success_reported_busy,  // a range is captured, and the -EBUSY of an earlier step is returned
  undo_counts_twice,      // undoing an isolation counts blocks that are on a restored list already
  steal_ends_isolation,   // claiming a large free block retypes those of its pageblocks that are isolated
  throttle_own_pages,     // a scan sleeps until pages are put back that only the scan itself can put back
  speculative_leak,       // freeing a block loses all but its first page, if that has a momentary reference
  region_relative,        // alignment counts from the area's base, not from address zero
  isolated_counted,       // free pages of isolated pageblocks count as free
  local_drain_only,       // only this CPU's pagevec is emptied before pages are migrated
  watermark_with_areas,   // pages of areas count as free for requests that may not have them
  two_isolators,          // isolating a pageblock succeeds although another actor has isolated it
  steal_takes_reserve,    // claiming a pageblock takes one that is kept for atomic requests
  throttle_is_signal,     // a throttled scan that holds pages ends the request as a fatal signal would
  bitmap_forgets_bit,     // planted: cma_alloc leaves the last bit of a window clear
  // Planted ones that only the comparison with a real kernel can find.
  head_for_tail,         // a freed block is inserted at the head of its list instead of the tail
  retry_step_short,      // after a busy window a sweep steps on by mask pages, not by mask + 1
  drain_left_out,        // a range is tested while its pages are still on per-CPU lists
  merge_among_equals,    // blocks of a pageblock and more do not merge even where their types agree
  outer_start_is_start,  // the range is tested from its own start, not from that of the free block across it
  thp_mapcount,          // the references of a huge page are compared with the mappings of its first page
  failed_start_undoes,   // an isolation that was refused undoes those of other actors in its range
  area_given_away,       // an area's pageblock is isolated for another caller, and given back as Movable
  undo_skips_hole,       // a refused isolation leaves pageblocks isolated that begin with a hole
  merge_from_isolated,   // blocks of isolated and other pageblocks merge
  free_stale_type,       // a block is freed to the list of the type that was read before the lock was taken
  head_read_late,        // freeing a block looks whether it is compound after its reference was dropped
  // Planted ones.
  buffer_stays_behind,      // a page of a file moves without its buffer
  failed_area_loses_frame,  // one frame of an area that could not be activated stays reserved
  drain_stays_on_list,      // a drain of the per-CPU lists looks at the same empty list again and again
  watermark_areas_twice,    // free pages of areas are subtracted a second time with their blocks
  nocma_slow_path_only,     // the scope without pages of areas does not bind an allocation's first attempt
  nocma_from_pcp,           // a request in that scope takes pages of areas from the per-CPU lists
  huge_pages_mixed,         // per-CPU lists keep huge pages of all types on one list
  atomic_page_refused,      // single atomic pages do not get at the reserve for atomic requests
  reserve_to_anyone,        // planted: every request of several pages takes from that reserve first
  pin_stays,                // planted: a page that is pinned for long stays in an area
  reserve_without_limit,    // planted: the reserve for atomic requests grows with every block
  moves_pinned,             // a page moves though it has more references than the move accounts for
  frees_pinned,             // releasing a range frees pages that have other references
  data_left_behind,         // a page takes its owner along, but not its data
  sweep_keeps_lock,         // a sweep that finds no window returns with cma->lock held
  caches_stay_off,          // a migration that fails leaves the LRU caches disabled
  range_sets_hints,         // a contiguous range sets skip bits as a compaction does
  release_keeps_bit,        // cma_release leaves the last bit of what it releases set
  retry_tries_twice,        // after a busy window a sweep tries the same window once more
  undo_stops_short,         // giving a range back leaves its last pageblock isolated
  putback_left_out,         // pages that a failed migration took off the LRU are not put back
  free_takes_neighbour,     // freeing a contiguous range frees the page after it
  last_page_untested,       // a range is tested and captured without its last page
  capture_counts_twice,     // a captured block has two references on its first page
  busy_keeps_bit,           // after a busy window its last bit stays set
  busy_ends_sweep,          // a busy window ends the sweep
  busy_window_misnamed,     // the tracepoint of a retry names the page after the window's first
  fin_is_start,             // the test of a range reports its start as the first page in the way
  release_clears_more,      // releasing a part of a buffer clears one bit too many
  overflow_late,            // per-CPU lists overflow one page late
  drain_misses_cpu,         // a drain of all CPUs leaves out the last one
  pcp_list_mixed,           // a reclaimable page goes to the per-CPU list of unmovable ones
  slot_hit_stays,           // a buffer that is found in a slot keeps its place there
  slot_evicts_second,       // the second newest buffer falls out of full slots instead of the oldest
  truncate_keeps_first,     // a truncation leaves the first page that it should remove
  write_stays_clean,        // a write changes a page's data and leaves page and buffer clean
  release_truncates,        // a release takes an address of 32 bits
  names_cut_short,          // an area's files are found by the first two letters of its name
  size_of_last_area,        // a request is compared with the size of the area declared last
  shared_search_hint,       // a sweep begins where the last request of any area ended
  slots_outlast_drain,      // nothing empties the buffer slots for a migration
  retry_once_more,          // a bounded retry sweeps once more than it may
  endless_retry_ends,       // a retry without limit gives up after its second sweep
  exhausted_is_busy,        // a request that finds no window reports -EBUSY, as kernels since 6.15 do
  reserve_uncounted,        // planted: a pageblock joins the reserve for atomic requests and is not counted
  lazyfree_drops_written,   // reclaim drops pages that were written to after MADV_FREE
  entry_forgets_write,      // a migration entry forgets that its pte was written through
  move_forgets_dirty,       // a page that moves leaves its dirty flag behind
  fork_entry_writable,      // fork copies a writable migration entry as it is
  fork_keeps_child,         // a fork that fails leaves the child with the mappings made so far
  bread_always_movable,     // bread() takes movable memory though unmovable memory was asked for
  compaction_idle,          // a compaction gives up before it looks at the first page
  pin_gives_up,             // a long-term pin gives up though its page has left the area
  hugetlb_stays,            // free pages of the hugetlb pool are never dissolved
  waiter_gives_back,        // a cma_alloc that had to wait for cma_mutex gives its window back and reports -EBUSY
  moved_range_fails,        // a contiguous range that moved pages gives them back and reports -EBUSY
  signal_ignored,           // a contiguous range goes on although a fatal signal is pending
  atomic_unlimited,         // no watermark binds requests that cannot wait
  fixed_over_reserved,      // a fixed area takes its place whether that is reserved or not
  limit_ignored,            // the search for an area's place goes past its limit
  busy_line_misnamed,       // the line of a busy range names its last page as its end
  release_line_misnamed,    // the line of a release names the page after its first
  refusal_misnamed,         // the scan reports the page after the one that stays
  foreign_release_frees,    // cma_release frees the first page of a range that is not the area's
  area_share_ignored,       // movable requests take ordinary memory first, however much is free in areas
  fallbacks_swapped,        // a request takes from the second of the types that it falls back to
  smallest_stolen,          // a fallback breaks the smallest block of another type
  never_activated,          // areas after one that could not be activated keep their size and have no bitmap
  contig_nofs,              // a contiguous range passes over pages of files, as a caller that must not enter one does
  ordered_page_stays,       // a page of a file in ordered mode never moves
  dirty_page_stays,         // a dirty page of a file never moves
  huge_page_stays,          // a huge page never moves as a whole
  fork_shares_pinned,       // fork shares a page that is pinned for long
  compact_order_idle,       // a compaction for an order gives up before it looks at the first zone
  compacts_to_unmovable,    // compaction moves pages into pageblocks of unmovable memory
  never_boosted,            // mixing types in a pageblock does not boost the watermarks
  lowmem_unreserved,        // a zone keeps nothing back from requests for higher zones
  min_mark_halved,          // the min watermark is half of what min_free_kbytes asks for
  move_unlocks,             // a locked page that moves is locked no more
  move_deactivates,         // an active page that moves is active no more
  move_unreferences,        // a referenced page that moves is referenced no more
  lazyfree_drops_locked,    // reclaim drops pages that were locked after MADV_FREE
  success_counts_pages,     // the event cma_alloc_success counts pages
  failure_uncounted,        // the event cma_alloc_fail leaves out requests that found no window
  start_swaps_fields,       // cma_alloc_start reports alignment and count in each other's place
  finish_align_lost,        // cma_alloc_finish reports an alignment of 0
  report_cuts_holes,        // the report of free bits ends each hole one bit early
  busy_is_enomem,           // a contiguous range that is busy reports -ENOMEM
  pin_stays_in_movable,     // a page that is pinned for long stays in a Movable zone
  pcp_high_fixed,           // the limit of per-CPU lists does not follow the frees
  noio_enters_files,        // a contiguous range of a noio scope moves pages of files
  tries_carried_over,       // a contiguous range has five calls of migration in all, not five for each batch
  any_drain_will_do,        // a drain of one zone is left out while another drain is under way
  lazyfree_reads_early,     // reclaim reads the pte of a page given up before it has the page-table lock
  reserve_falls_short,      // the reserve for atomic requests ends a pageblock below its limit
  mark_counts_orders,       // a block that is taken for compaction counts as its order in pages
  half_is_too_little,       // a fallback claims a pageblock only if more than half of it suits
  lent_page_stays,          // a huge page that was lent for a migration stays in the pool
  munlock_from_start,       // unmapping a part of locked memory unlocks the first pages of the mapping
  lone_mapper_writable,     // a write out of a page with one mapping leaves its pte writable
  pin_scope_kept,           // a long-term pin that fails leaves its task in the scope of pins
  full_area_is_silent,      // a request that finds no window prints no line
  zones_not_compared,       // an area that lies in two zones is activated
  noreclaim_like_others,    // a task with PF_MEMALLOC leaves the min watermark
  realtime_like_others,     // a real-time task leaves the min watermark
  nomemalloc_ignored,       // __GFP_NOMEMALLOC does not keep a request from the last pages
  thisnode_ignored,         // a request with __GFP_THISNODE gets pages of other nodes
  fragments_first,          // a request mixes types in a pageblock before it tries the zone DMA32
  victim_like_others,       // a victim of the OOM killer leaves the min watermark
  nowarn_ignored,           // a request for pages that fails is reported though it asked for silence
  costly_failure_silent,    // a request for a block of an order above 3 that fails is not reported
  report_counts_isolated,   // the report of the memory counts free pages of isolated pageblocks as free
  report_hides_areas,       // the report of the memory leaves out which free blocks are areas'
  reclaim_spares_clean,     // reclaim keeps clean unused pages of files, as if each were used
  reclaim_drops_held,       // reclaim drops a page of a file though others refer to it
  kswapd_counts_areas,      // free pages of areas count when kswapd asks whether a zone has enough
  // Planted ones of requests for pages that find too little.
  request_reclaims_nothing,  // none reclaims
  freed_page_not_tried,      // none tries again right after pages were freed for it
  progress_ends_request,     // one ends with the first turn that freed too few pages
  noretry_retries,           // one with __GFP_NORETRY is repeated
  costly_retried,            // one for a large block is repeated though it does not ask for that
  vain_turns_uncounted,      // turns in which no page was freed are repeated without limit
  reserve_outlasts_request,  // one fails while the reserve for atomic requests has free blocks
  reclaim_rights_kept,       // its task keeps the rights of reclaim afterwards
  nofail_fails,              // one that must not fail fails
  atomic_reclaims,           // one that cannot wait reclaims
  dropped_stays_isolated,    // a page that reclaim drops is counted as isolated from then on
  // Planted ones of boot, and of buffers of devices.
  region_unreserved,      // a region of reserved memory is placed, and the place stays free
  alloc_ranges_ignored,   // a region of reserved memory is placed anywhere
  failed_region_kept,     // a region of which nothing could be made stays reserved
  node_before_cmdline,    // a node is the default area though the command line asks for one
  cmdline_limit_ignored,  // the default area may lie beyond the limit of cma=
  device_area_ignored,    // a device with an area of its own uses the default one
  default_area_first,     // the default area is asked before the areas of the device's node
  single_page_from_area,  // the default area is asked for a single page
  atomic_from_area,       // areas are asked by a request that may not sleep
  dma_free_forgets_area,  // dma_free frees the pages of an area's buffer, and the bits stay
  oom_kills_smallest,     // for memory the process is killed that has the fewest pages
  victim_keeps_memory,    // a process that is killed for memory never ends
  victim_unnoticed,       // a request under way does not learn that its task was chosen to be killed
  last_process_spared,    // for memory the kernel panics rather than to kill the last process
  kCount
};

inline constexpr unsigned kBugs = static_cast<unsigned>(Bug::kCount);

struct BugInfo {
  Bug bug;
  std::string_view name;      // as written in programs: `bug merge-into-isolated`
  std::string_view id;        // lasting id of a fault known from the kernel's history; else empty
  std::string_view sentence;  // what is wrong, one sentence
  // The mainline versions that were shipped with the fault; nullopt if it is planted.
  std::optional<ReleaseRange> present;
  // Those in which it was back after a repair.
  std::optional<ReleaseRange> again = std::nullopt;
  // Modelled releases among them whose long-term series was repaired. A machine follows the series.
  std::array<std::optional<Release>, 2> repaired = {};

  bool planted() const { return !present; }
  bool shipped_in(Release release) const {
    for (const std::optional<Release>& series : repaired)
      if (series == release) return false;
    return (present && present->contains(release)) || (again && again->contains(release));
  }
};

// Returns all bugs, in the order of the enumerators.
std::span<const BugInfo> bug_catalogue();
const BugInfo& info_of(Bug bug);
// Returns the bug of that name, nullopt if there is none.
std::optional<Bug> bug_from_name(std::string_view name);

// The bugs in force on one machine, and how often each was reached. Equal if the same bugs are in force.
class BugSet {
 public:
  BugSet() = default;
  // Returns everything that `release` was shipped with.
  static BugSet as_shipped(Release release);

  void switch_on(Bug bug) { on_.set(static_cast<unsigned>(bug)); }
  bool active(Bug bug) const { return on_[static_cast<unsigned>(bug)]; }
  bool any() const { return on_.any(); }

  // Returns whether the bug is active, and records that it was reached if so. To be asked only where the machine goes
  // wrong with the bug and right without it; else ask active(), and call reached() where that is known.
  bool fires(Bug bug) {
    if (!active(bug)) return false;
    reached(bug);
    return true;
  }
  // Records that an active bug changed what the machine does from here on.
  void reached(Bug bug) { ++reached_[static_cast<unsigned>(bug)]; }
  std::uint64_t times_reached(Bug bug) const { return reached_[static_cast<unsigned>(bug)]; }

  friend bool operator==(const BugSet& a, const BugSet& b) { return a.on_ == b.on_; }

 private:
  std::bitset<kBugs> on_;
  std::array<std::uint64_t, kBugs> reached_{};
};

}  // namespace cma
