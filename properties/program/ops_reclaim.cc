#include "properties/program/ops_reclaim.h"

#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {

Task<void> DirectReclaim::perform(World& world, Slot self) const {
  if (order > world.machine().buddy.largest_order()) {
    world.skip(self, "the order is above the largest one");
    co_return;
  }
  ReclaimRequest request;
  request.order = static_cast<unsigned>(order);
  request.nr_to_reclaim = pages;
  request.priority = static_cast<int>(priority);
  const std::uint64_t freed = co_await world.machine().reclaim.try_to_free_pages(request);
  if (freed == 0) world.fail(self, -kENOMEM);
}

Task<void> RunKswapd::perform(World& world, Slot self) const {
  Machine& machine = world.machine();
  if (machine.release() < Release::v4_8) {
    world.skip(self, "kswapd of this release is not modelled");
    co_return;
  }
  if (!machine.geometry().has_node(node) || order > machine.buddy.largest_order()) {
    world.skip(self, "there is no such node, or the order is above the largest one");
    co_return;
  }
  const auto which = static_cast<unsigned>(node);
  if (machine.reclaim.kswapd().running(which)) {
    world.skip(self, "another actor runs it");
    co_return;
  }
  co_await machine.reclaim.kswapd().run(which, static_cast<unsigned>(order));
}

}  // namespace cma
