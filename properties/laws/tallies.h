// What the audit counts in a stretch of memory: one number for each kind of page, block or list entry. Kept per stretch
// and summed per zone, so that a change costs a difference. Plain arrays, which compilers add with vector instructions.
#pragma once

#include <array>
#include <cstdint>

#include "allocator/base/pfn.h"
#include "allocator/lru/lru.h"

namespace cma {

enum class Counted : std::uint8_t {
  free_blocks,                  // one number for each order
  free_pages = kOrderLimit,     // in blocks on lists other than Isolate
  free_cma,                     // in blocks on CMA lists
  free_highatomic,              // in blocks on HighAtomic lists
  free_isolated,                // in blocks on Isolate lists
  pcp_pages,                    // on per-CPU lists
  in_use,                       // with a reference, and the rest of blocks that have one
  in_flight,                    // in the hands of a task
  reserved,                     // kept by boot
  leaked,                       // freed in a bad state
  isolate_blocks,               // pageblocks of type Isolate
  highatomic_blocks,            // pageblocks of type HighAtomic
  lru,                          // pages on LRU lists, one number for each list
  task_anon = lru + kLruLists,  // on tasks' private lists, as NR_ISOLATED_ANON counts them
  task_file,                    // NR_ISOLATED_FILE
  owned,                        // pages that an owner record points to
  pagevec_slots,                // references held by pagevecs
  locked,                       // page locks
  writeback,                    // pages under writeback
  mlocked,                      // pages of locked memory
  kCount
};

// Padded to whole vectors.
inline constexpr unsigned kTallies = (static_cast<unsigned>(Counted::kCount) + 7) / 8 * 8;

struct Tallies {
  std::array<std::int32_t, kTallies> count{};

  std::int32_t& operator[](Counted tally) { return count[static_cast<unsigned>(tally)]; }
  std::int32_t operator[](Counted tally) const { return count[static_cast<unsigned>(tally)]; }
  std::int32_t& free_blocks(unsigned order) { return count[order]; }
  std::int32_t free_blocks(unsigned order) const { return count[order]; }
  std::int32_t& lru(unsigned list) { return count[static_cast<unsigned>(Counted::lru) + list]; }
  std::int32_t lru(unsigned list) const { return count[static_cast<unsigned>(Counted::lru) + list]; }

  // Replaces the contribution of `old` by that of `now`.
  void replace(const Tallies& old, const Tallies& now) {
    for (unsigned i = 0; i < kTallies; ++i) count[i] += now.count[i] - old.count[i];
  }
  void add(const Tallies& other) {
    for (unsigned i = 0; i < kTallies; ++i) count[i] += other.count[i];
  }
  friend bool operator==(const Tallies&, const Tallies&) = default;
};

}  // namespace cma
