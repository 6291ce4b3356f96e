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
    const Pfn head = align_order(pfn, order);
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
  world.machine().lru.references().get_page(head);
  world.observer().reference_taken(head, 1, /*longterm=*/false);
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
    co_await world.machine().lru.references().put_page(held->pfn);
  else
    co_await world.machine().processes.unpin_longterm(held->pfn);
}

Task<void> GetPage::perform(World& world, Slot self) const {
  const Pfn head = take_reference(world, self, page);
  if (head != kNoPfn) world.got.push_back({head, self});
  co_return;
}

// Drops a reference on the frame that is there now. A reference outlives its name: once what was named is released, or
// on its way to be, the same name stands for the frame that a get_page found by it.
Task<void> PutPage::perform(World& world, Slot self) const {
  const std::optional<Pfn> pfn = world.resolve(page);
  const Pfn head = pfn ? compound_head(world.machine(), *pfn) : kNoPfn;
  auto held = std::ranges::find(world.got, head, &World::Got::pfn);
  if (held == world.got.end()) {
    const auto named_alike = [&](const World::Got& got) {
      const auto* get = std::get_if<GetPage>(&world.program().ops[got.slot].body);
      return get != nullptr && get->page == page;
    };
    held = std::ranges::find_if(world.got, named_alike);
  }
  if (held == world.got.end()) {
    world.skip(self, "no get_page of this program holds that frame");
    co_return;
  }
  const Pfn frame = held->pfn;
  world.got.erase(held);
  world.observer().reference_dropping(frame, 1);
  co_await world.machine().lru.references().put_page(frame);
}

}  // namespace cma
