// The areas of gigantic pages at boot: hugetlb_cma= on the command line, since 5.7.
//
// Boot makes one (boot.h) and calls it in the order of the architecture. Cost: that of declaring an area for each node.
// Boot has one task: no locks. It stands on areas/ and dma_areas.h.
//
// Sources: hugetlb_cma_reserve and hugetlb_cma_check of mm/hugetlb.c, read at 6.1 and 6.12, 5.10 from the patches
// between; arm64_hugetlb_cma_reserve of arch/arm64/mm/hugetlbpage.c; setup_bootmem of arch/riscv/mm/init.c.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "allocator/areas/areas.h"
#include "allocator/boot/config.h"
#include "allocator/boot/dma_areas.h"
#include "allocator/boot/parameters.h"

namespace cma {

class HugetlbAreas {
 public:
  // Refers to the machine and the configuration.
  HugetlbAreas(const BootMachine& machine, const BootConfig& config, const BootParameters& parameters);

  // Declares the areas, and reports each; nothing in releases before 5.7, and on arm, which has no gigantic pages.
  // Failures are printed and kept in attempts(); boot goes on.
  void reserve();
  // Reports words that had no effect because the architecture has no such areas (hugetlb_init, long after boot).
  void check() const;

  // Returns the area of the node; nullopt if there is none.
  std::optional<AreaId> area(unsigned node) const;
  // Returns the declarations so far, in their order.
  const std::vector<AreaAttempt>& attempts() const { return attempts_; }
  // Returns the order of a gigantic page: 1 GiB, or with pages of 64 KiB 16 GiB (CONT_PMD of arm64).
  unsigned gigantic_order() const;

 private:
  bool modelled() const;
  bool check_nodes();
  std::uint64_t per_node();
  void declare(unsigned node, std::uint64_t size);
  std::uint64_t gigantic_bytes() const { return machine_.geometry.page_size << gigantic_order(); }
  void log(const std::string& text) const { machine_.trace.log("hugetlb_cma: " + text); }

  BootMachine machine_;
  const BootConfig& config_;
  std::uint64_t size_;
  std::array<std::uint64_t, kMaxNodesOfKernel> node_sizes_;
  std::array<std::optional<AreaId>, kMaxNodes> areas_;
  std::vector<AreaAttempt> attempts_;
};

}  // namespace cma
