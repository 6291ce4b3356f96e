// Boot, as far as areas come to exist in it: command line, regions of reserved memory, areas of nodes and the default
// area, in the order of the architecture.
//
// `cmacheck boot` and tests run one on a machine that has not finished booting; Machine::finish_boot() activates the
// areas afterwards. Cost: that of reserved_memory.h and dma_areas.h. Boot has one task: no locks. It stands on areas/,
// memblock/ and trace/.
//
// Sources: arm_memblock_init of arch/arm/mm/init.c, arm64_memblock_init and bootmem_init of arch/arm64/mm/init.c,
// setup_bootmem of arch/riscv/mm/init.c, and setup_arch of each, read at 6.1 and 6.12.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "allocator/boot/boot_tree.h"
#include "allocator/boot/config.h"
#include "allocator/boot/dma_areas.h"
#include "allocator/boot/hugetlb_areas.h"
#include "allocator/boot/parameters.h"
#include "allocator/boot/reserved_memory.h"

namespace cma {

class Boot {
 public:
  // Reads the command line. Refers to all of its arguments but that, which must outlive it. `tree`: nullptr for a
  // machine without a device tree.
  Boot(const BootMachine& machine, const BootConfig& config, const BootTree* tree, std::string_view cmdline);
  Boot(const Boot&) = delete;
  Boot& operator=(const Boot&) = delete;

  // Reserves all that boot reserves, with the default area below `limit` (0: none), which the architecture takes from
  // what its devices can address. Does nothing if the command line has stopped the kernel
  // (BootParameters::null_pointer). Requires: it has not run before.
  void run(std::uint64_t limit);

  const BootParameters& parameters() const { return parameters_; }
  const DmaAreas& dma() const { return dma_; }
  const HugetlbAreas& hugetlb() const { return hugetlb_; }
  // Returns the regions of reserved memory; nullopt without a tree.
  const std::optional<ReservedMemory>& reserved_memory() const { return reserved_memory_; }

  // Returns the areas that the DMA layer and gigantic pages were to have, those of gigantic pages first.
  std::vector<AreaAttempt> attempts() const;
  // Returns the one of that name; nullptr if there is none.
  const AreaAttempt* attempt(std::string_view name) const;

 private:
  const BootConfig& config_;
  BootParameters parameters_;
  DmaAreas dma_;
  HugetlbAreas hugetlb_;
  std::optional<ReservedMemory> reserved_memory_;
  bool run_ = false;
};

}  // namespace cma
