// Device-tree blobs (.dtb): the parts that boot reads, copied out of a file that may be hostile.
//
// `cmacheck boot` and the fuzz target of boots read blobs with it; the model sees a BootTree only. libfdt checks the
// whole blob before anything is read from it, and stays in tree_blob.cc. Cost: linear in the blob. No locks; it stands
// on allocator/boot/.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "allocator/boot/boot_tree.h"

namespace cma {

// The most nodes that /reserved-memory may have below it. Kernels have room for 64 of them; boards have a dozen.
inline constexpr std::size_t kMostRegionNodes = 1024;

// Reads a blob. Fails with the place and the reason: the blob is damaged or cut off, widths of the root's addresses or
// sizes are none that a kernel can read (1 or 2 cells), or there are too many nodes.
std::expected<BootTree, std::string> read_boot_tree(std::string_view blob);

}  // namespace cma
