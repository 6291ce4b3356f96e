// Nodes of a board: `numa-node-id` of the tree's memory nodes.
//
// make_board() (board.h) asks where the kernel has areas for each node. Cost: O(n^2) in memory nodes. No locks; it
// stands on allocator/boot/.
//
// Source: of_numa_parse_memory_nodes of drivers/of/of_numa.c, read at 6.1 and 6.12.
#pragma once

#include <string>

#include "allocator/base/geometry.h"
#include "allocator/boot/boot_tree.h"

namespace cma {

// Cuts the zones of a machine where the tree's memory goes from one node to another. Returns why it does not, as a
// remark; empty if it does, or the tree names no nodes. Then all memory is of node 0.
std::string read_numa_nodes(Geometry& geometry, const BootTree& tree);

}  // namespace cma
