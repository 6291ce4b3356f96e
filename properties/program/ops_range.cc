#include "properties/program/ops_range.h"

#include "allocator/base/error.h"
#include "properties/program/test_device.h"
#include "properties/program/world.h"

namespace cma {

Task<void> AllocRange::perform(World& world, Slot self) const {
  const std::optional<Pfn> first = world.resolve(at);
  if (!first) {
    world.skip(self, "the place it names is gone");
    co_return;
  }
  world.result(self).chosen = *first;
  Machine& machine = world.machine();
  int error = -kEINVAL;
  if (contig_may_be_asked(machine, *first, pages))
    error = co_await machine.contig.alloc_contig_range(*first, *first + pages, Migratetype::movable);
  if (error != 0) {
    world.fail(self, error);
    co_return;
  }
  Result& result = world.result(self);
  result.yields = Yields::range;
  result.pfn = *first;
  result.pages = pages;
  world.observer().range_allocated(*first, pages);
}

Task<void> FreeRange::perform(World& world, Slot self) const {
  Result* held = world.operand(self, range, Yields::range);
  if (held == nullptr) co_return;
  held->gone = true;
  world.observer().range_freeing(held->pfn, held->pages);
  co_await world.machine().contig.free_contig_range(held->pfn, held->pages);
}

}  // namespace cma
