#include "properties/program/ops_dma.h"

#include <algorithm>
#include <vector>

#include "allocator/base/error.h"
#include "properties/program/ops_area.h"
#include "properties/program/ops_pages.h"
#include "properties/program/world.h"

namespace cma {
DmaRequest request_of(const World& world, const DmaBuffer& op, BugSet& bugs) {
  DmaDevice device;
  const Result* region = world.find(op.memory_region);
  if (region != nullptr && region->state == Result::State::done && region->yields == Yields::area)
    device.area = region->area;
  if (op.node != kNoNode) device.node = static_cast<unsigned>(op.node);
  const DmaAreas* areas = world.boot != nullptr ? &world.boot->boot->dma() : nullptr;
  return dma_request(world.machine().geometry(), bugs, areas, device, op.size, static_cast<Gfp>(op.gfp),
                     static_cast<unsigned>(op.cma_alignment));
}

Task<void> DmaBuffer::perform(World& world, Slot self) const {
  const bool later = memory_region.id != 0 && world.find(memory_region) == nullptr;
  const bool foreign = node != kNoNode && !world.machine().geometry().has_node(node);
  if (later || foreign) {
    world.skip(self, later ? "what it names has not been performed yet" : "the machine has no such node");
    co_return;
  }
  const DmaRequest request = request_of(world, *this, world.machine().bugs);
  for (const AreaId area : request.areas) {
    world.observer().alloc_begins(area, request.pages, request.align);
    const Pfn pfn = co_await world.machine().areas.cma_alloc(area, request.pages, request.align, request.warn);
    if (pfn == kNoPfn) {
      world.observer().alloc_failed(area, request.pages, request.align);
      continue;
    }
    Result& result = world.result(self);
    result.yields = Yields::buffer;
    result.area = area;
    result.pfn = pfn;
    result.pages = request.pages;
    world.pieces.push_back({self, pfn, request.pages});
    world.observer().buffer_allocated(area, pfn, request.pages, request.align);
    co_return;
  }
  co_await allocate_block(world, self, static_cast<Gfp>(gfp), request.order, request.node);
}

namespace {

// Gives all that is left of an area's buffer to the page allocator, and leaves the bits (Bug::dma_free_forgets_area).
Task<void> free_past_the_area(World& world, Slot buffer) {
  while (true) {
    const std::optional<PfnRange> part = world.take_part(buffer, 0, 0);
    if (!part) co_return;
    for (Pfn pfn = part->start; pfn < part->end; ++pfn) co_await world.machine().buddy.free_pages(pfn, 0);
  }
}

}  // namespace

Task<void> DmaFree::perform(World& world, Slot self) const {
  const Result* found = world.find(buffer);
  const bool done = found != nullptr && found->state == Result::State::done;
  const bool of_area = done && !found->gone && found->yields == Yields::buffer;
  if (of_area && world.machine().bugs.fires(Bug::dma_free_forgets_area)) {
    co_await free_past_the_area(world, world.slot_of(*found));
    co_return;
  }
  const bool block = done && found->yields == Yields::block;
  // Named, as g++ 12 loses what a temporary holds.
  const CmaRelease release{.buffer = buffer};
  const FreePages free{.block = buffer};
  if (block)
    co_await free.perform(world, self);
  else
    co_await release.perform(world, self);
}

}  // namespace cma
