#include "allocator/base/bug.h"

#include "allocator/base/assert.h"

namespace cma {
namespace {

constexpr std::array<BugInfo, kBugs> kCatalogue = {{
    {Bug::mask_exponent, "mask-exponent", "A1-MASK-EXPONENT",
     "The alignment mask shifts the exponent by order_per_bit instead of subtracting it.", std::nullopt, std::nullopt},
    {Bug::offset_upward, "offset-upward", "A4-OFFSET-UPWARD",
     "The aligned offset is the distance from the base up to the next boundary instead of the remainder below it.",
     Release::v4_9, Release::v4_9},
    {Bug::count_truncated, "count-truncated", "A5-COUNT-TRUNCATED",
     "The bitmap search takes a 32-bit count, so a huge request matches a small hole.", Release::v3_6, Release::v3_6},
    {Bug::debug_bitmap_size, "debug-bitmap-size", "A7-DEBUG-BITMAP-SIZE",
     "The largest free chunk in debugfs is looked for in as many bits as the area has pages.", std::nullopt,
     std::nullopt},
    {Bug::inactive_alloc, "inactive-alloc", "B1-INACTIVE-ALLOC",
     "An area whose bitmap could not be had keeps its size, so allocation goes on to a bitmap that is not there.",
     Release::v4_9, Release::v4_9},
    {Bug::merge_into_isolated, "merge-into-isolated", "C4-MERGE-INTO-ISOLATED",
     "The merge check asks whether the freed block is isolated, not whether its buddy is.", std::nullopt, std::nullopt},
    {Bug::success_reported_busy, "success-reported-busy", "D1-SUCCESS-REPORTED-BUSY",
     "A range that was captured is reported busy because migration had said so before.", Release::v4_9, Release::v4_9},
    {Bug::undo_counts_twice, "undo-counts-twice", "",
     "Free blocks that change lists while a range is isolated or given back pageblock by pageblock are counted by the "
     "type of their pageblock, not by the list they were on: some of them twice.",
     Release::v4_9, Release::v6_1},
    {Bug::steal_ends_isolation, "steal-ends-isolation", "",
     "Claiming a free block for another type retypes pageblocks of it that are being isolated, so that the zone counts "
     "an isolated pageblock for ever.",
     Release::v4_9, Release::v6_1},
    {Bug::throttle_own_pages, "throttle-own-pages", "D5-THROTTLE-OWN-PAGES",
     "While too many pages are isolated a scan sleeps, even if it holds all of them and nobody else can put them back.",
     Release::v3_6, Release::v4_19},
    {Bug::speculative_leak, "speculative-leak", "E14-SPECULATIVE-LEAK",
     "Freeing a non-compound block while somebody else holds its first page loses the other pages.", Release::v3_6,
     Release::v4_19},
    {Bug::region_relative, "region-relative", "A2-REGION-RELATIVE",
     "Buffers are aligned to the area's first page instead of to physical address zero.", Release::v3_6, Release::v3_6},
    {Bug::isolated_counted, "isolated-counted", "C5-ISOLATED-COUNTED",
     "Free pages of isolated pageblocks go on being counted as free.", Release::v3_6, Release::v3_6},
    {Bug::local_drain_only, "local-drain-only", "G3-LOCAL-DRAIN-ONLY",
     "Before pages are migrated only the pagevec of this CPU is emptied.", Release::v3_6, Release::v3_6},
    {Bug::watermark_with_areas, "watermark-with-areas", "F1-WMARK-IGNORES-AREA",
     "Pages of areas count as free for requests that may not have them.", Release::v3_6, Release::v3_6},
    {Bug::two_isolators, "two-isolators", "C8-TWO-ISOLATORS",
     "A pageblock that somebody has isolated is isolated once more, and given back by whoever is done first.",
     Release::v3_6, Release::v4_9},
    {Bug::steal_takes_reserve, "steal-takes-reserve", "",
     "Claiming a pageblock for another type takes one that is reserved for atomic requests, which stays counted.",
     Release::v4_9, Release::v4_9},
    {Bug::throttle_is_signal, "throttle-is-signal", "",
     "A scan that stops because too many pages are isolated, its own among them, looks like one ended by a fatal "
     "signal, "
     "and the request fails with -EINTR.",
     Release::v5_10, Release::v5_10},
    {Bug::bitmap_forgets_bit, "bitmap-forgets-bit", "planted",
     "cma_alloc leaves the last bit of the window it marks clear.", std::nullopt, std::nullopt},
    {Bug::head_for_tail, "head-for-tail", "planted",
     "A freed block whose parent will soon be whole goes to the head of its list instead of the tail.", std::nullopt,
     std::nullopt},
    {Bug::retry_step_short, "retry-step-short", "planted",
     "After a busy window the sweep steps on by the alignment mask instead of one more.", std::nullopt, std::nullopt},
    {Bug::drain_left_out, "drain-left-out", "planted",
     "A contiguous allocation does not drain the per-CPU lists before it tests its range.", std::nullopt, std::nullopt},
    {Bug::merge_among_equals, "merge-among-equals", "planted",
     "Free blocks of a pageblock and more never merge, even where their types agree.", std::nullopt, std::nullopt},
    {Bug::outer_start_is_start, "outer-start-is-start", "planted",
     "A range is tested and captured from its own start instead of from the free block that reaches into it.",
     std::nullopt, std::nullopt},
    {Bug::thp_mapcount, "thp-mapcount", "G12-THP-MAPCOUNT",
     "A huge page whose pages are mapped one by one looks pinned, because only the mappings of its first page are set "
     "against its references.",
     Release::v5_10, Release::v5_10},
    {Bug::failed_start_undoes, "failed-start-undoes", "",
     "A request for a range whose isolation was refused gives back every isolated pageblock of the range, as its own "
     "type, whoever has isolated it.",
     Release::v3_6, Release::v3_6, Release::v6_1},
    {Bug::area_given_away, "area-given-away", "",
     "A pageblock of an area is isolated for somebody who asks for ordinary memory, and given back as Movable.",
     Release::v3_6, Release::v4_19},
    {Bug::undo_skips_hole, "undo-skips-hole", "C9-UNDO-SKIPS-HOLE",
     "An isolation that is refused does not give back those of its pageblocks that begin with a hole.", Release::v4_19,
     Release::v5_10},
    {Bug::merge_from_isolated, "merge-from-isolated", "C3-MERGE-FROM-ISOLATED",
     "A free block of an isolated pageblock merges with one of a pageblock that is not, and changes sides uncounted.",
     Release::v3_6, Release::v3_6},
    {Bug::free_stale_type, "free-stale-type", "C1-FREE-STALE-TYPE",
     "A block is freed to the list of the type its pageblock had before zone->lock was taken.", Release::v3_6,
     Release::v3_6},
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

bool shipped_in(const BugInfo& info, Release release) {
  if (info.again && release >= *info.again) return true;
  return info.first && *info.first <= release && release <= *info.last;
}

BugSet BugSet::as_shipped(Release release) {
  BugSet bugs;
  for (const BugInfo& info : kCatalogue)
    if (shipped_in(info, release)) bugs.switch_on(info.bug);
  return bugs;
}

}  // namespace cma
