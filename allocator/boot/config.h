// What boot's code depends on besides the machine: architecture and kernel configuration. Plain data.
//
// boot.h takes one. No costs, no locks; it stands on nothing.
#pragma once

#include <cstdint>

namespace cma {

// The architectures whose order of steps is modelled (boot.cc).
enum class Architecture : std::uint8_t { arm, arm64, riscv };

struct BootConfig {
  Architecture architecture = Architecture::arm64;

  // How the default area's size is chosen where the command line has no cma= (CONFIG_CMA_SIZE_SEL_*).
  enum class SizeSelection : std::uint8_t { mbytes, percentage, min, max };
  SizeSelection selection = SizeSelection::mbytes;
  std::uint64_t size_mbytes = 16;      // CONFIG_CMA_SIZE_MBYTES
  std::uint64_t size_percentage = 10;  // CONFIG_CMA_SIZE_PERCENTAGE, of memory

  // Areas for each node: CONFIG_DMA_PERNUMA_CMA since 5.10, since 6.6 CONFIG_DMA_NUMA_CMA.
  bool node_areas = false;
  // Nodes that the machine may have. Those without memory are offline. 0: as many as have memory.
  unsigned possible_nodes = 0;

  // Regions without `reusable` are pools of coherent memory (CONFIG_DMA_DECLARE_COHERENT).
  bool coherent_pools = true;
};

}  // namespace cma
