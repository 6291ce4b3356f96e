// Operations of drivers that ask the DMA layer for buffers: which area one comes from is the layer's choice
// (allocator/boot/dma_alloc.h), by what the program's `boot` reserved. Sizes are in bytes.
#pragma once

#include "allocator/areas/area.h"
#include "allocator/base/gfp.h"
#include "allocator/boot/dma_alloc.h"
#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

// The value of DmaBuffer::node for a device near no node.
inline constexpr std::uint64_t kNoNode = kAnyNumber;

// A buffer of an area, or a block of the page allocator's. `memory_region` is what the device's property of that name
// points to: if it is no area, the device uses the default one.
struct DmaBuffer {
  static constexpr OpInfo kInfo{.verb = "dma_alloc",
                                .letter = 'b',
                                .yields = Yields::buffer,
                                .help = "a device's buffer (dma_alloc_contiguous), else a block of the page allocator"};
  std::uint64_t size = 4096;
  std::uint64_t gfp = kGfpKernel;
  OpRef memory_region;
  std::uint64_t node = kNoNode;
  std::uint64_t cma_alignment = kCmaAlignment;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.size, {.name = "size", .required = true, .min = 1, .scale = Scale::bytes});
    visit.number(self.gfp, {.name = "gfp", .required = true, .max = 0xffffffff, .scale = Scale::gfp});
    visit.operand(self.memory_region, {.name = "memory_region", .wanted = Yields::area, .required = false});
    visit.number(self.node, {.name = "node", .fallback = kNoNode, .max = kMaxNodes - 1});
    visit.number(self.cma_alignment, {.name = "cma_alignment", .fallback = kCmaAlignment, .max = 12});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DmaBuffer&, const DmaBuffer&) = default;
};

// Returns how the operation asks: the areas in their order, then a block. Without a `boot` there are no areas but the
// device's own. `bugs`: those of the machine, or a copy, in which nothing is counted as reached. Requires: what it
// names has been performed.
DmaRequest request_of(const World& world, const DmaBuffer& op, BugSet& bugs);

// Gives all that is left of a buffer back to where it came from.
struct DmaFree {
  static constexpr OpInfo kInfo{.verb = "dma_free",
                                .help = "dma_free_contiguous: a buffer goes back where it came from"};
  OpRef buffer;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.buffer, {.wanted = Yields::buffer});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DmaFree&, const DmaFree&) = default;
};

}  // namespace cma
