// Historical faults that can be switched on, one switch a fault.
//
// A Bug is the mechanism that really was wrong (or a planted mutant, marked so), not its symptom. Each knows in which
// releases it was present. Code asks `bugs.active(Bug::x)` where right and wrong part ways, and says
// `bugs.reached(Bug::x)` when the state is one in which they differ; "reached" and "a law fired" are counted apart,
// because the gap between the two measures the laws.
//
// Machines run with none of them (`bugs=repaired`, the default), with those their release shipped with
// (`bugs=as-shipped`), and with single ones added by name.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "allocator/base/release.h"

namespace cma {

enum class Bug : std::uint8_t {
  mask_exponent,          // A1: alignment mask shifts the exponent instead of subtracting it
  offset_upward,          // A4: aligned offset is the distance up to the next boundary
  count_truncated,        // A5: a request above 32 bits is truncated for the bitmap search
  debug_bitmap_size,      // A7: the debugfs getters take pages for bits and walk past the bitmap
  inactive_alloc,         // B1: an area whose activation failed still allocates
  merge_into_isolated,    // C4: the merge check looks at the freed block only, not at its buddy
  success_reported_busy,  // D1: range obtained, but the busy code of the migration is returned
  undo_counts_twice,      // undoing isolation counts blocks that are on a restored list already
  steal_ends_isolation,   // claiming a large free block retypes pageblocks of it that are being isolated
  throttle_own_pages,     // D5: a scan sleeps until pages are put back that only it can put back
  speculative_leak,       // E14: a multi-page free loses its tail when somebody holds a momentary reference
  region_relative,        // A2: alignment counts from the area's base, not from address zero
  isolated_counted,       // C5: free pages of isolated pageblocks count as free
  local_drain_only,       // G3: only this CPU's pagevec is emptied before pages are migrated
  watermark_with_areas,   // F1: area pages count as free for requests that may not have them
  two_isolators,          // C8: isolating a pageblock that somebody else has isolated succeeds
  steal_takes_reserve,    // claiming a pageblock takes one that is kept for atomic requests
  throttle_is_signal,     // a throttled scan that holds pages ends the request as a fatal signal would
  bitmap_forgets_bit,     // planted mutant: cma_alloc leaves the last bit of a window clear
  // Planted mutants that only the comparison with a real kernel can tell.
  head_for_tail,         // a freed block is inserted at the head where the tail is its place
  retry_step_short,      // a sweep goes on mask pages behind a busy window, not mask + 1
  drain_left_out,        // a range is tested while its pages are still on per-CPU lists
  merge_among_equals,    // blocks of a pageblock and more do not merge even where their types agree
  outer_start_is_start,  // the range is tested from its own start, not from that of the free block across it
  thp_mapcount,          // G12: the references of a huge page are compared with the mappings of its first page
  failed_start_undoes,   // an isolation that was refused un-isolates what others have isolated in its range
  area_given_away,       // an area's pageblock is isolated for somebody else, who gives it back as Movable
  undo_skips_hole,       // C9: a refused isolation leaves pageblocks isolated that begin with a hole
  merge_from_isolated,   // C3: blocks of isolated and other pageblocks merge
  free_stale_type,       // C1: a block is freed to the list of the type that was read before the lock was taken
  kCount
};

inline constexpr unsigned kBugs = static_cast<unsigned>(Bug::kCount);

struct BugInfo {
  Bug bug;
  std::string_view name;      // as written in programs: `bug merge-into-isolated`
  std::string_view bank_id;   // a lasting name that says more; empty for defects found while modelling, "planted"
  std::string_view sentence;  // what is wrong, one sentence
  // Present in releases first <= r <= last; nullopt for a planted mutant and for faults that lie between the modelled
  // releases.
  std::optional<Release> first;
  std::optional<Release> last;
  // Present once more from this release on.
  std::optional<Release> again = std::nullopt;
};

std::span<const BugInfo> bug_catalogue();
const BugInfo& info_of(Bug bug);
// Whether a release shipped with it.
bool shipped_in(const BugInfo& info, Release release);
std::optional<Bug> bug_from_name(std::string_view name);

// The bugs in force on one machine, and how often each was reached.
class BugSet {
 public:
  BugSet() = default;
  // Everything `release` shipped with.
  static BugSet as_shipped(Release release);

  void switch_on(Bug bug) { on_.set(static_cast<unsigned>(bug)); }
  bool active(Bug bug) const { return on_[static_cast<unsigned>(bug)]; }
  bool any() const { return on_.any(); }

  // Whether the bug is on where right and wrong part ways; records that it was reached if so.
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
