#include "properties/program/ops_reference.h"

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// compound_head(): references on any page of a compound page count on its first.
Pfn compound_head(const Machine& machine, Pfn pfn) {
  if (!machine.map.page(pfn).has(kPageTail)) return pfn;
  for (unsigned order = 1; order <= machine.buddy.largest_order(); ++order) {
    const Pfn head = align_down(pfn, order_pages(order));
    if (machine.map.present(head) && machine.map.page(head).has(kPageHead)) return head;
  }
  return pfn;
}

// get_page_unless_zero(): the frame that took the reference, kNoPfn if nobody uses the page.
Pfn try_get(World& world, Pfn pfn) {
  const Pfn head = compound_head(world.machine(), pfn);
  if (world.machine().map.page(head).ref == 0) return kNoPfn;
  world.machine().lru.get_page(head);
  world.observer().reference_taken(head, 1);
  return head;
}

}  // namespace

Task<void> Pin::perform(World& world, Slot self) const {
  const std::optional<Pfn> pfn = world.resolve(page);
  if (!pfn) {
    world.skip(self, "the place it names is gone");
    co_return;
  }
  const Pfn head = try_get(world, *pfn);
  if (head == kNoPfn) {
    world.fail(self, -kENOENT);
    co_return;
  }
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
  const std::optional<Pfn> pfn = world.resolve(page);
  if (!pfn) {
    world.skip(self, "the place it names is gone");
    co_return;
  }
  const Pfn head = try_get(world, *pfn);
  if (head == kNoPfn) {
    world.fail(self, -kENOENT);
    co_return;
  }
  world.got.push_back({head, self});
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
