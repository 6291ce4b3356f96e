#include "properties/program/ops_area.h"

#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {

Task<void> CmaAlloc::perform(World& world, Slot self) const {
  const std::optional<AreaId> id = world.area(area);
  if (!id) {
    world.skip(self, "there is no such area");
    co_return;
  }
  const auto order = static_cast<unsigned>(align);
  world.observer().alloc_begins(*id, pages, order);
  const Pfn pfn = co_await world.machine().areas.cma_alloc(*id, pages, order, nowarn ? Warn::no : Warn::yes);
  if (pfn == kNoPfn) {
    // The kernel's function returns NULL; its callers return -ENOMEM then.
    world.observer().alloc_failed(*id, pages, order);
    world.fail(self, -kENOMEM);
    co_return;
  }
  Result& result = world.result(self);
  result.yields = Yields::buffer;
  result.area = *id;
  result.pfn = pfn;
  result.pages = pages;
  world.pieces.push_back({self, pfn, pages});
  world.observer().buffer_allocated(*id, pfn, pages, order);
}

Task<void> CmaRelease::perform(World& world, Slot self) const {
  const Result* held = world.operand(self, buffer, Yields::buffer);
  if (held == nullptr) co_return;
  const Slot slot = world.slot_of(*held);
  const AreaId id = held->area;
  bool any = false;
  while (!any || pages == 0) {
    const std::optional<PfnRange> part = world.take_part(slot, from, pages);
    if (!part) break;
    any = true;
    const std::uint64_t count = part->pages();
    world.observer().buffer_releasing(id, part->start, count);
    const bool released = co_await world.machine().areas.cma_release(id, part->start, count);
    CMA_ASSERT(released);
    world.observer().buffer_released(id, part->start, count);
  }
  if (!any) world.skip(self, "that part is not held as a whole, or does not begin and end with a bit of the area");
}

}  // namespace cma
