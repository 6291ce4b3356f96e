// What a program's `boot` operation made: the tree of its `device_tree` and `region` operations, the configuration, and
// boot itself. Later operations ask it which area a device allocates from.
//
// World keeps one, by pointer: boot refers to the other members, so it never moves. Plain data; no costs, no locks. It
// stands on allocator/boot/.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "allocator/boot/boot.h"
#include "properties/program/slot.h"

namespace cma {

struct ProgramBoot {
  BootConfig config;
  BootTree tree;
  // By index in tree.regions: the operation, unless the node is one of `device_tree`.
  std::vector<std::optional<Slot>> regions;
  std::optional<Boot> boot;  // empty until it runs

  // Returns the region of the node of that name which asks for an area; nullptr if there is none, or boot passed it
  // over. Requires: boot has run.
  const ReservedRegion* region_named(std::string_view name) const {
    const auto& memory = boot->reserved_memory();
    if (!memory) return nullptr;
    for (const ReservedRegion& region : memory->regions())
      if (tree.regions[region.node].name == name && tree.regions[region.node].asks_for_area()) return &region;
    return nullptr;
  }
};

}  // namespace cma
