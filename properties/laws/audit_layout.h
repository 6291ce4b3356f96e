// How the audit cuts a machine's memory, and what boot keeps of it. Worked out once for a machine, from its zones and
// from what was reserved and declared. Included by audit*.cc only. Cost: O(pages).
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/ledger.h"

namespace cma {

// A part of a chunk that lies in one zone: the unit of counting.
struct Stretch {
  Frame begin = 0;
  Frame end = 0;
  std::uint8_t zone = 0;
  bool loose = false;  // the last walk allowed something that may only be while an actor is inside an operation
};

// Fixed until the next lay_out(), but for the stretches' looseness.
struct Layout {
  std::vector<Stretch> stretches;
  std::vector<std::uint32_t> first_of_chunk;  // by chunk: its first stretch; one more at the end
  Pfn word_base = 0;                          // of the first bit in words of Counts
  std::uint64_t first_block = 0;              // number of the first pageblock
  std::vector<std::uint8_t> area_block;       // by pageblock: whether it was given to the allocator as an area's
  std::vector<std::uint8_t> kept;             // by frame: whether boot keeps it
  std::vector<std::int32_t> kept_in_zone;     // by zone: how many it keeps
};

// Replaces `layout` by that of a booted machine. Requires: the ledger has the ranges of areas that the geometry lacks.
void lay_out(Layout& layout, const Machine& machine, const Ledger& ledger);

}  // namespace cma
