#include "allocator/base/bug.h"

#include "allocator/base/assert.h"

namespace cma {
namespace {

using enum Release;

// Versions are mainline's: the first that had the fault and the last. A long-term series may have been repaired
// earlier; a comment marks where the model follows it.
constexpr std::array<BugInfo, kBugs> kCatalogue = {{
    {Bug::mask_exponent, "mask-exponent", "A1-MASK-EXPONENT",
     "The alignment mask shifts the exponent by order_per_bit instead of subtracting it.", ReleaseRange{v3_17, v3_17}},
    {Bug::offset_upward, "offset-upward", "A4-OFFSET-UPWARD",
     "The aligned offset is the distance from the base up to the next boundary instead of the remainder below it.",
     ReleaseRange{v3_19, v4_12}},
    {Bug::count_truncated, "count-truncated", "A5-COUNT-TRUNCATED",
     "The bitmap search takes a 32-bit count, so a huge request matches a small hole.", ReleaseRange{v3_5, v4_8}},
    {Bug::debug_bitmap_size, "debug-bitmap-size", "A7-DEBUG-BITMAP-SIZE",
     "The largest free chunk in debugfs is looked for in as many bits as the area has pages.",
     ReleaseRange{v4_1, v4_1}},
    // A machine of 4.19 has the repair of 5.2, as its long-term series does.
    {Bug::inactive_alloc, "inactive-alloc", "B1-INACTIVE-ALLOC",
     "An area whose bitmap could not be allocated keeps its size, so requests go on to a bitmap that is not there.",
     ReleaseRange{v3_17, v4_18}, ReleaseRange{v4_20, v5_1}},
    {Bug::merge_into_isolated, "merge-into-isolated", "C4-MERGE-INTO-ISOLATED",
     "The merge check asks whether the freed block is isolated, not whether its buddy is.", ReleaseRange{v3_18, v4_5}},
    {Bug::success_reported_busy, "success-reported-busy", "D1-SUCCESS-REPORTED-BUSY",
     "A range that was captured is reported busy because migration had reported that before.",
     ReleaseRange{v4_5, v4_14}},
    {Bug::undo_counts_twice, "undo-counts-twice", "",
     "Free blocks that change lists while a range is isolated or given back pageblock by pageblock are counted by the "
     "type of their pageblock, not by the list they were on: some of them twice.",
     ReleaseRange{v3_7, v6_9}},
    {Bug::steal_ends_isolation, "steal-ends-isolation", "",
     "Claiming a free block for another type retypes those of its pageblocks that are being isolated, so the zone's "
     "count of isolated pageblocks never returns to zero.",
     ReleaseRange{v3_18, v6_9}},
    {Bug::throttle_own_pages, "throttle-own-pages", "D5-THROTTLE-OWN-PAGES",
     "While too many pages are isolated a scan sleeps, even if it holds all of them itself.", ReleaseRange{v3_5, v5_9}},
    {Bug::speculative_leak, "speculative-leak", "E14-SPECULATIVE-LEAK",
     "Freeing a non-compound block while another task has a reference to its first page loses the other pages.",
     ReleaseRange{v3_5, v5_9}},
    {Bug::region_relative, "region-relative", "A2-REGION-RELATIVE",
     "Buffers are aligned to the area's first page instead of to physical address zero.", ReleaseRange{v3_5, v3_18}},
    {Bug::isolated_counted, "isolated-counted", "C5-ISOLATED-COUNTED",
     "Free pages of isolated pageblocks go on being counted as free.", ReleaseRange{v3_5, v3_6}},
    {Bug::local_drain_only, "local-drain-only", "G3-LOCAL-DRAIN-ONLY",
     "Before pages are migrated only the pagevec of this CPU is emptied.", ReleaseRange{v3_5, v3_7}},
    {Bug::watermark_with_areas, "watermark-with-areas", "F1-WMARK-IGNORES-AREA",
     "Pages of areas count as free for requests that may not have them.", ReleaseRange{v3_5, v3_6}},
    {Bug::two_isolators, "two-isolators", "C8-TWO-ISOLATORS",
     "A pageblock that one caller has isolated is isolated for another too; the first to finish gives it back.",
     ReleaseRange{v3_5, v4_16}},
    {Bug::steal_takes_reserve, "steal-takes-reserve", "",
     "Claiming a pageblock for another type takes one that is reserved for atomic requests, which stays counted.",
     ReleaseRange{v4_4, v4_9}},
    {Bug::throttle_is_signal, "throttle-is-signal", "",
     "A scan that stops because too many pages are isolated, its own among them, looks like one ended by a fatal "
     "signal, and the request fails with -EINTR.",
     ReleaseRange{v5_10, v5_12}},
    {Bug::bitmap_forgets_bit, "bitmap-forgets-bit", "", "cma_alloc leaves the last bit of the window it marks clear.",
     std::nullopt},
    {Bug::head_for_tail, "head-for-tail", "",
     "A freed block whose parent will soon be whole goes to the head of its list instead of the tail.", std::nullopt},
    {Bug::retry_step_short, "retry-step-short", "",
     "After a busy window the sweep steps on by the alignment mask instead of one more.", std::nullopt},
    {Bug::drain_left_out, "drain-left-out", "",
     "A contiguous allocation does not drain the per-CPU lists before it tests its range.", std::nullopt},
    {Bug::merge_among_equals, "merge-among-equals", "",
     "Free blocks of a pageblock and more never merge, even where their types agree.", std::nullopt},
    {Bug::outer_start_is_start, "outer-start-is-start", "",
     "A range is tested and captured from its own start instead of from the free block that reaches into it.",
     std::nullopt},
    {Bug::thp_mapcount, "thp-mapcount", "G12-THP-MAPCOUNT",
     "A huge page whose pages are mapped one by one looks pinned, because its references are compared with the "
     "mappings of its first page only.",
     ReleaseRange{v5_7, v6_0}},
    {Bug::failed_start_undoes, "failed-start-undoes", "",
     "A request for a range whose isolation was refused gives back every isolated pageblock of the range, those of "
     "other callers included, as its own type.",
     ReleaseRange{v3_5, v3_7}, ReleaseRange{v5_19}},
    {Bug::area_given_away, "area-given-away", "",
     "A pageblock of an area is isolated for a caller that asks for ordinary memory, and given back as Movable.",
     ReleaseRange{v3_5, v5_0}},
    {Bug::undo_skips_hole, "undo-skips-hole", "C9-UNDO-SKIPS-HOLE",
     "An isolation that is refused does not give back those of its pageblocks that begin with a hole.",
     ReleaseRange{v4_13, v5_15}},
    {Bug::merge_from_isolated, "merge-from-isolated", "C3-MERGE-FROM-ISOLATED",
     "A free block of an isolated pageblock merges with one of a pageblock that is not, and changes sides uncounted.",
     ReleaseRange{v3_5, v3_17}},
    {Bug::free_stale_type, "free-stale-type", "C1-FREE-STALE-TYPE",
     "A block is freed to the list of the type its pageblock had before zone->lock was taken.",
     ReleaseRange{v3_5, v3_17}},
    // The stable releases 5.10.169 and 6.1.13 have the repair of 6.2.
    {Bug::head_read_late, "head-read-late", "",
     "Whether a block is compound is read after its reference was dropped, when another holder may have freed it: the "
     "pages after the first are freed twice.",
     ReleaseRange{v5_10, v6_1}},
    {Bug::buffer_stays_behind, "buffer-stays-behind", "",
     "A page of a file moves, and its buffer stays with the page that it has left.", std::nullopt},
    {Bug::failed_area_loses_frame, "failed-area-loses-frame", "",
     "Of the frames of an area that could not be activated the first stays reserved (since 5.12).", std::nullopt},
    {Bug::drain_stays_on_list, "drain-stays-on-list", "",
     "A drain of the per-CPU lists does not go on to the next list where one is empty.", std::nullopt},
    {Bug::watermark_areas_twice, "watermark-areas-twice", "",
     "For a request of several pages that may not have pages of areas, these are subtracted twice: in total, and with "
     "the small blocks that do not count.",
     ReleaseRange{v3_7, v3_9}},
    {Bug::nocma_slow_path_only, "nocma-slow-path-only", "",
     "The first attempt of an allocation gives pages of areas to a task that pins pages for the long term.",
     ReleaseRange{v5_1, v5_8}},
    {Bug::nocma_from_pcp, "nocma-from-pcp", "",
     "A movable request that may not have pages of areas takes one from the per-CPU list of movable pages.",
     std::nullopt},
    // A machine of 6.1 has the repair of 6.10, as its long-term series does.
    {Bug::huge_pages_mixed, "huge-pages-mixed", "E2-THP-PCP-MIXED",
     "Per-CPU lists keep huge pages of all types on one list, so any request may get one of an area.",
     ReleaseRange{v5_19, v6_0}, ReleaseRange{v6_2, v6_9}},
    // A machine of 6.1 has the repair of 6.12, as its long-term series does.
    {Bug::atomic_page_refused, "atomic-page-refused", "E5-ATOMIC-RESERVE",
     "A request for a single page that cannot wait fails though the reserve for atomic requests has free pages.",
     ReleaseRange{v6_0, v6_0}, ReleaseRange{v6_2, v6_11}},
    {Bug::reserve_to_anyone, "reserve-to-anyone", "",
     "A request of several pages takes from the reserve for atomic requests, whether it has a right to or not.",
     std::nullopt},
    {Bug::pin_stays, "pin-stays", "", "A page that is pinned for the long term stays in an area.", std::nullopt},
    {Bug::reserve_without_limit, "reserve-without-limit", "",
     "The reserve for atomic requests grows with every block that one of them gets.", std::nullopt},
    {Bug::moves_pinned, "moves-pinned", "",
     "A page moves to another frame though it has more references than the move accounts for.", std::nullopt},
    {Bug::frees_pinned, "frees-pinned", "", "Releasing a range frees its pages even if others hold references to them.",
     std::nullopt},
    {Bug::data_left_behind, "data-left-behind", "", "A page that moves takes its owner along, but not its data.",
     std::nullopt},
    {Bug::sweep_keeps_lock, "sweep-keeps-lock", "", "A sweep that finds no window returns with cma->lock held.",
     std::nullopt},
    {Bug::caches_stay_off, "caches-stay-off", "", "A migration that fails leaves the LRU caches disabled.",
     std::nullopt},
    {Bug::range_sets_hints, "range-sets-hints", "", "A contiguous range sets skip bits as a compaction does.",
     std::nullopt},
    {Bug::release_keeps_bit, "release-keeps-bit", "", "cma_release leaves the last bit of several set.", std::nullopt},
    {Bug::retry_tries_twice, "retry-tries-twice", "", "After a busy window the sweep tries it once more.",
     std::nullopt},
    {Bug::undo_stops_short, "undo-stops-short", "",
     "Giving back an isolated range of several pageblocks leaves the last of them isolated.", std::nullopt},
    {Bug::putback_left_out, "putback-left-out", "",
     "Pages that a contiguous range took off the LRU are not put back when their migration fails.", std::nullopt},
    {Bug::free_takes_neighbour, "free-takes-neighbour", "",
     "Freeing a contiguous range drops a reference on the page after it, if that is in use.", std::nullopt},
    {Bug::last_page_untested, "last-page-untested", "",
     "A contiguous range is tested and captured without its last page.", std::nullopt},
    {Bug::capture_counts_twice, "capture-counts-twice", "",
     "The first page of each captured free block is handed out with two references.", std::nullopt},
    {Bug::busy_keeps_bit, "busy-keeps-bit", "", "cma_alloc leaves the last bit of a busy window set.", std::nullopt},
    {Bug::busy_ends_sweep, "busy-ends-sweep", "",
     "A busy window ends the sweep instead of sending it on to the next window.", std::nullopt},
    {Bug::busy_window_misnamed, "busy-window-misnamed", "",
     "The tracepoint of a busy window names the page after the window's first.", std::nullopt},
    {Bug::fin_is_start, "fin-is-start", "",
     "The tracepoint of a range that is not free names its start instead of the first page in the way.", std::nullopt},
    {Bug::release_clears_more, "release-clears-more", "",
     "A release of a part of a buffer clears one bit more than the part has.", std::nullopt},
    {Bug::overflow_late, "overflow-late", "",
     "The lists of a CPU overflow when they hold more than their limit, not when they reach it.", std::nullopt},
    {Bug::drain_misses_cpu, "drain-misses-cpu", "", "A drain of all CPUs leaves out the last one.", std::nullopt},
    {Bug::pcp_list_mixed, "pcp-list-mixed", "",
     "A free page of a Reclaimable pageblock goes to the per-CPU list of Unmovable ones.", std::nullopt},
    {Bug::slot_hit_stays, "slot-hit-stays", "",
     "A buffer that is found in a slot stays there instead of moving to the first.", std::nullopt},
    {Bug::slot_evicts_second, "slot-evicts-second", "",
     "The second newest buffer falls out of full slots instead of the oldest.", std::nullopt},
    {Bug::truncate_keeps_first, "truncate-keeps-first", "", "A truncation leaves the first page that it should remove.",
     std::nullopt},
    {Bug::write_stays_clean, "write-stays-clean", "", "A write changes a page's data and leaves page and buffer clean.",
     std::nullopt},
    {Bug::release_truncates, "release-truncates", "",
     "A release takes an address of 32 bits, so it does not find buffers above 4 GiB in their area.", std::nullopt},
    {Bug::names_cut_short, "names-cut-short", "", "An area's files are found by the first two letters of its name.",
     std::nullopt},
    {Bug::size_of_last_area, "size-of-last-area", "",
     "A request is compared with the size of the area declared last, not with that of its own.", std::nullopt},
    {Bug::shared_search_hint, "shared-search-hint", "",
     "A sweep begins at the bit where the last request ended, whichever area that was made of.", std::nullopt},
    {Bug::slots_outlast_drain, "slots-outlast-drain", "",
     "The per-CPU buffer slots are neither emptied nor closed for a migration.", std::nullopt},
    {Bug::retry_once_more, "retry-once-more", "", "A bounded retry sweeps once more than its policy says.",
     std::nullopt},
    {Bug::endless_retry_ends, "endless-retry-ends", "", "A retry without limit gives up after its second sweep.",
     std::nullopt},
    {Bug::exhausted_is_busy, "exhausted-is-busy", "",
     "A request that finds no window reports -EBUSY, as kernels since 6.15 do.", std::nullopt},
    {Bug::reserve_uncounted, "reserve-uncounted", "",
     "A pageblock joins the reserve for atomic requests without being counted.", std::nullopt},
    {Bug::waiter_gives_back, "waiter-gives-back", "",
     "cma_alloc gives its window back and reports -EBUSY if it had to wait for cma_mutex.", std::nullopt},
    {Bug::moved_range_fails, "moved-range-fails", "",
     "A contiguous range out of which pages were moved is given back and reported busy.", std::nullopt},
    {Bug::signal_ignored, "signal-ignored", "", "A contiguous range goes on although a fatal signal is pending.",
     std::nullopt},
    {Bug::atomic_unlimited, "atomic-unlimited", "", "Requests that cannot wait are granted below any watermark.",
     std::nullopt},
    {Bug::fixed_over_reserved, "fixed-over-reserved", "",
     "An area with a fixed base is placed over memory that is reserved already.", std::nullopt},
    {Bug::limit_ignored, "limit-ignored", "",
     "The search for the place of an area goes up to the end of memory, past its limit.", std::nullopt},
    {Bug::busy_line_misnamed, "busy-line-misnamed", "",
     "The line of a busy contiguous range names its last page as its end, not the one after it.", std::nullopt},
    {Bug::release_line_misnamed, "release-line-misnamed", "",
     "The line and the tracepoint of a release name the page after its first.", std::nullopt},
    {Bug::refusal_misnamed, "refusal-misnamed", "",
     "The scan of a contiguous range reports the page after the one that cannot be moved.", std::nullopt},
    {Bug::foreign_release_frees, "foreign-release-frees", "",
     "cma_release of a range that is not the area's frees the first page all the same.", std::nullopt},
    {Bug::area_share_ignored, "area-share-ignored", "",
     "Movable requests take ordinary memory first, however much of what is free is memory of areas.", std::nullopt},
    {Bug::fallbacks_swapped, "fallbacks-swapped", "",
     "A request takes from the second of the types that it falls back to, where both have blocks.", std::nullopt},
    {Bug::smallest_stolen, "smallest-stolen", "",
     "A request that falls back to another type breaks the smallest block instead of the largest.", std::nullopt},
}};

}  // namespace

std::span<const BugInfo> bug_catalogue() { return kCatalogue; }

const BugInfo& info_of(Bug bug) {
  const BugInfo& info = kCatalogue[static_cast<unsigned>(bug)];
  CMA_ASSERT(info.bug == bug);
  return info;
}

std::optional<Bug> bug_from_name(std::string_view name) {
  for (const BugInfo& info : kCatalogue)
    if (info.name == name) return info.bug;
  return std::nullopt;
}

BugSet BugSet::as_shipped(Release release) {
  BugSet bugs;
  for (const BugInfo& info : kCatalogue)
    if (info.shipped_in(release)) bugs.switch_on(info.bug);
  return bugs;
}

}  // namespace cma
