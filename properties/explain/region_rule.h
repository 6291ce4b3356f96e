// The rule by which boot made nothing of a region of reserved memory, or not what its node says.
//
// What tells of regions asks here: the answers of programs (why_board.h) and those of boards (board/losses.h), so that
// they agree. Cost: that of the text. No locks. It stands on allocator/boot/, whose reserved_memory.h and dma_areas.h
// name the kernel's functions.
#pragma once

#include <string>

#include "allocator/boot/boot_tree.h"
#include "allocator/boot/config.h"
#include "allocator/boot/reserved_memory.h"
#include "allocator/machine.h"

namespace cma {

// The boot that read a region.
struct RegionBoot {
  const Machine& machine;
  const BootTree& tree;
  const BootConfig& config;
  const ReservedMemory& memory;
};

// Returns the rule as a sentence without its end; empty if the region is what its node says.
// Requires: the boot has run.
std::string region_rule(const RegionBoot& boot, const ReservedRegion& region);

// Returns whether the node of a region allows memory at `place`: it lies within the node's `reg` or one of its
// `alloc-ranges`, or the node has neither.
bool node_allows(const RegionBoot& boot, const ReservedRegion& region, const ByteRange& place);

// Returns what refuses an area of a device tree or of the command line with -ENOSPC.
std::string no_slots_text(const Geometry& geometry);

}  // namespace cma
