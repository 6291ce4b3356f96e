// What a program's `boot` operation made: the tree of its `device_tree` and `region` operations, the configuration, and
// boot itself. Later operations ask it which area a device allocates from.
//
// World keeps one, by pointer: boot refers to the other members, so it never moves. Plain data; no costs, no locks. It
// stands on allocator/boot/.
#pragma once

#include <optional>
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
};

}  // namespace cma
