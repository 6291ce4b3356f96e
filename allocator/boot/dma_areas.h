// The areas of the DMA layer at boot: the default area, by the command line or the configuration, areas for each node,
// and what a region of reserved memory becomes.
//
// Boot makes one (boot.h) and calls it in its order; callers ask it later which area is the default one. Cost: that of
// declaring an area. Boot has one task: no locks. It stands on areas/ and memblock/.
//
// Sources: dma_contiguous_reserve, dma_pernuma_cma_reserve, dma_numa_cma_reserve and rmem_cma_setup of
// kernel/dma/contiguous.c (up to 4.19 drivers/base/dma-contiguous.c), read at 3.4, 4.9, 5.10, 6.1 and 6.12;
// rmem_dma_setup of kernel/dma/coherent.c.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "allocator/areas/areas.h"
#include "allocator/boot/boot_tree.h"
#include "allocator/boot/config.h"
#include "allocator/boot/parameters.h"
#include "allocator/memblock/memblock.h"
#include "allocator/trace/trace.h"

namespace cma {

// The parts of a machine that boot works on. They must outlive what is made of them.
struct BootMachine {
  const Geometry& geometry;
  Trace& trace;
  Memblock& memblock;
  Areas& areas;
  BugSet& bugs;
};

// An area of the DMA layer that was asked for, and what became of it.
struct AreaAttempt {
  DeclareRequest request;
  int error = 0;                       // 0 or -errno of the declaration
  std::optional<AreaId> area;          // nullopt if it failed
  std::vector<ByteRange> free_before;  // the free memory that a failed one found
};

class DmaAreas {
 public:
  // Refers to the machine and the configuration.
  DmaAreas(const BootMachine& machine, const BootConfig& config, const BootParameters& parameters);

  // Declares the areas of all nodes that have memory, cma_pernuma= (dma_pernuma_cma_reserve, 5.10 to 6.5, called by
  // arm64 alone). Does nothing in other releases.
  void reserve_pernuma();
  // Declares the default area below `limit` (0: none), as dma_contiguous_reserve does, unless a node of the device tree
  // is that area already or the size is 0. Since 6.6 the areas of nodes come first. Failures are printed and kept in
  // attempts(); boot goes on.
  void reserve(std::uint64_t limit);

  // Makes an area of a region of reserved memory (rmem_cma_setup). Prints what the kernel prints. Returns 0, or
  //   -EBUSY: since 5.6, it is the tree's default area, and the command line has cma=;
  //   -EINVAL: the node has no `reusable` or has `no-map` (not printed), or the region is not in whole isolation units;
  //   the error of AreaBoot::init_reserved_mem().
  // Requires: a release since 3.18, which brought areas of nodes.
  int set_up_node(const TreeNode& node, std::uint64_t base, std::uint64_t size);
  // Makes a pool of coherent memory of such a region (rmem_dma_setup). Returns 0, or -EINVAL: the node has `reusable`,
  // or on arm no `no-map` (printed).
  int set_up_coherent_pool(const TreeNode& node, std::uint64_t base, std::uint64_t size);

  // Returns the area that devices without one of their own allocate from; nullopt if there is none.
  std::optional<AreaId> default_area() const { return default_area_; }
  // Returns the area of the node by cma_pernuma= and by numa_cma=; nullopt if there is none.
  std::optional<AreaId> pernuma_area(unsigned node) const;
  std::optional<AreaId> numa_area(unsigned node) const;
  // Returns the declarations so far, in their order.
  const std::vector<AreaAttempt>& attempts() const { return attempts_; }
  // Returns the mistakes of the machine.
  BugSet& bugs() const { return machine_.bugs; }

  // Returns the size of the default area that the configuration selects, in bytes (cma_early_percent_memory and the
  // four selections).
  std::uint64_t configured_size() const;

 private:
  int declare(const DeclareRequest& request, std::optional<AreaId>& area);
  void reserve_node(unsigned node, std::uint64_t size, const std::string& name, std::optional<AreaId>& area);
  void reserve_numa();
  std::uint64_t percent_of_memory() const;
  void debug(const std::string& text);

  BootMachine machine_;
  const BootConfig& config_;
  BootParameters parameters_;
  std::optional<AreaId> default_area_;
  std::array<std::optional<AreaId>, kMaxNodes> pernuma_areas_;
  std::array<std::optional<AreaId>, kMaxNodes> numa_areas_;
  std::vector<AreaAttempt> attempts_;
};

}  // namespace cma
