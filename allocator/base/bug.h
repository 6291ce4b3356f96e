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
  inactive_alloc,         // an area whose activation failed still allocates
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

  bool planted() const { return !present; }
  bool shipped_in(Release release) const {
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
