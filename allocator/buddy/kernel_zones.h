// The zones of the machine's kernel: beside those with memory, which are the machine's, some that have none. Files of
// /proc and reports show a figure for each. For those readers only; no decision depends on it.
//
// Cost: linear in the zones, of which there are few. Locks: none, as what is kept back changes at boot only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "allocator/buddy/buddy.h"

namespace cma {

struct KernelZone {
  ZoneKind kind;
  std::string_view name;
  bool always;  // in every kernel, with memory or without; the others where the machine has them
};

// Returns the kinds of zones, in the kernel's order (enum zone_type); at the end those with a name of their own.
std::span<const KernelZone> kernel_zones();
// Returns the index of the first zone of a kind on a node, buddy.zones() if there is none.
std::size_t first_zone_of(const Buddy& buddy, ZoneKind kind, unsigned node);
// Returns whether the machine's kernel has a zone of the kind, on each node.
bool in_kernel(const Buddy& buddy, const KernelZone& kernel);
// Returns lowmem_reserve of zone `z` on this node: the pages that it keeps back from requests for each zone of the
// kernel. For a zone without memory it keeps what it keeps for the one below. buddy.zones() stands for a zone without
// memory, which keeps nothing.
std::vector<std::uint64_t> lowmem_reserves(const Buddy& buddy, std::size_t z, unsigned node);

}  // namespace cma
