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
     ReleaseRange{v4_4, v4_11}},
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
