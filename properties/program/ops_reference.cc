#include "properties/program/ops_reference.h"

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Returns the frame on which references of the page count: compound_head().
Pfn compound_head(const Machine& machine, Pfn pfn) {
  if (!machine.map.page(pfn).has(kPageTail)) return pfn;
  for (unsigned order = 1; order <= machine.buddy.largest_order(); ++order) {
    const Pfn head = align_down(pfn, order_pages(order));
    if (machine.map.present(head) && machine.map.page(head).has(kPageHead)) return head;
  }
  return pfn;
}

// Takes a reference on the page that an operation names, as get_page_unless_zero() does. Returns the frame that has it.
// kNoPfn if there is none: the operation at `self` is skipped if the place is gone, and fails if the page is free.
Pfn take_reference(World& world, Slot self, const Place& place) {
  const std::optional<Pfn> pfn = world.resolve(place);
  if (!pfn) {
    world.skip(self, "the place it names is gone");
    return kNoPfn;
  }
  const Pfn head = compound_head(world.machine(), *pfn);
  if (world.machine().map.page(head).ref == 0) {
    world.fail(self, -kENOENT);
    return kNoPfn;
  }
  world.machine().lru.get_page(head);
  world.observer().reference_taken(head, 1);
  return head;
}

}  // namespace

Task<void> Pin::perform(World& world, Slot self) const {
  const Pfn head = take_reference(world, self, page);
  if (head == kNoPfn) co_return;
  Result& result = world.result(self);
  result.yields = Yields::pin;
  result.pfn = head;
  result.pages = 1;
}

Task<void> Unpin::perform(World& world, Slot self) const {
  Result* held = world.operand(self, pin, Yields::pin);
  if (held == nullptr) co_return;
  held->gone = true;
  world.observer().reference_dropping(held->pfn, held->references);
  if (held->references == 1)
    co_await world.machine().lru.put_page(held->pfn);
  else
    co_await world.machine().processes.unpin_longterm(held->pfn);
}

Task<void> GetPage::perform(World& world, Slot self) const {
  const Pfn head = take_reference(world, self, page);
  if (head != kNoPfn) world.got.push_back({head, self});
  co_return;
}

Task<void> PutPage::perform(World& world, Slot self) const {
  const std::optional<Pfn> pfn = world.resolve(page);
  const Pfn head = pfn ? compound_head(world.machine(), *pfn) : kNoPfn;
  const auto held = std::ranges::find(world.got, head, &World::Got::pfn);
  if (held == world.got.end()) {
    world.skip(self, "no get_page of this program holds that frame");
    co_return;
  }
  world.got.erase(held);
  world.observer().reference_dropping(head, 1);
  co_await world.machine().lru.put_page(head);
}

}  // namespace cma
