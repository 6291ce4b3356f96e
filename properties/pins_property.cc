// Promise: a page on which the program holds a reference is never given to another holder, and its data does not move.
//
// The kernel's exceptions. A page that was in the hands of a task when the reference was taken, on its way to a new
// holder or to the free lists, may still get there: once. A page whose driver moves it (non-LRU movable) moves if the
// driver says so, whatever references it has; the old frame then belongs to the reference alone. And its owner may
// let a page go (unmap, truncate, free): the frame, and what is in it, stay with the reference.

#include <map>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

class PinnedPages final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    pins_.clear();
    held_.assign(machine.map.range().pages(), false);
  }

  // --- who holds what ---
  void buffer_allocated(AreaId, Pfn pfn, std::uint64_t count, unsigned) override { handed_out(pfn, count); }
  void buffer_releasing(AreaId, Pfn pfn, std::uint64_t count) override { hold(pfn, count, false); }
  void pages_allocated(Pfn pfn, unsigned order, Gfp) override { handed_out(pfn, order_pages(order)); }
  void pages_freeing(Pfn pfn, unsigned order) override { hold(pfn, order_pages(order), false); }
  void range_allocated(Pfn pfn, std::uint64_t count) override { handed_out(pfn, count); }
  void range_freeing(Pfn pfn, std::uint64_t count) override { hold(pfn, count, false); }
  void reference_taken(Pfn pfn, int count, bool) override {
    const Page& page = machine_->map.page(pfn);
    const bool first = !pins_.contains(pfn);
    Pinned& pin = pins_[pfn];
    pin.references += count;
    if (!first) return;
    pin.pages = pages_of(page);
    pin.owner = page.owner;
    pin.under_way = page.owner == 0 && !held_[machine_->map.frame(pfn)] && !page.has(kPageReserved);
  }
  void reference_dropping(Pfn pfn, int count) override {
    Pinned& pin = pins_[pfn];
    pin.references -= count;
    if (pin.references == 0) pins_.erase(pfn);
  }

  // --- what is looked at between any two steps of different actors, and after each operation ---
  void control_changes(Machine&) override { look(); }
  void op_performed(Machine&, std::size_t) override { look(); }
  void program_ended(Machine&) override { look(); }

 private:
  struct Pinned {
    std::int64_t references = 0;
    std::uint64_t pages = 1;  // of the compound page that the reference keeps
    OwnerId owner = 0;        // when it was pinned
    bool under_way = false;   // it was in the hands of a task then
  };

  void hold(Pfn pfn, std::uint64_t count, bool held) {
    for (Pfn p = pfn; p < pfn + count; ++p) held_[machine_->map.frame(p)] = held;
  }
  void handed_out(Pfn pfn, std::uint64_t count) {
    hold(pfn, count, true);
    for (auto& [pinned, pin] : pins_) {
      if (pinned + pin.pages <= pfn || pinned >= pfn + count) continue;
      claim(pin.under_way, fmt::format("page {:#x} is handed out while a reference keeps it", pinned));
      pin.under_way = false;
    }
  }
  void look() {
    for (auto& [pfn, pin] : pins_) look_at(pfn, pin);
  }
  void look_at(Pfn pfn, Pinned& pin) {
    const Page& page = machine_->map.page(pfn);
    claim(page.ref >= pin.references && !page.has(kPageBuddy | kPagePcp),
          fmt::format("page {:#x} has {} references, the program alone holds {}", pfn, page.ref, pin.references));
    if (pin.under_way && page.owner != 0) {
      pin.owner = page.owner;
      pin.under_way = false;
    }
    claim(page.owner == pin.owner || page.owner == 0,
          fmt::format("page {:#x} was owner {}'s when it was pinned, and is owner {}'s", pfn, pin.owner, page.owner));
    if (pin.owner == 0) return;
    const Owner& owner = machine_->owners.owner(pin.owner);
    if (owner.kind == PageKind::movable_ops && owner.pfn != pfn) return;
    claim(owner.pfn == pfn || owner.pfn == kNoPfn,
          fmt::format("page {:#x} is pinned, and its data moved to {:#x}", pfn, owner.pfn));
    claim(page.token == owner.token, fmt::format("page {:#x} is pinned, and its data is gone", pfn));
  }

  Machine* machine_ = nullptr;
  std::map<Pfn, Pinned> pins_;
  std::vector<bool> held_;  // by frame: a buffer, a block or a range of the program
};

PROMISE(PinsPromise, a_pinned_page_stays_the_pinners_and_keeps_its_data, {.planted = {Bug::frees_pinned}}) {
  PinnedPages pinned;
  run_checked(program, &pinned);
  pinned.assert_all_held();
}

// The same where pages that can move are pinned, and areas, ranges and compactions want their place.
KindSet kinds_that_move_or_pin() {
  return kinds_of<Pin, GetPage, PinLongterm, OwnedPages<PageKind::anonymous>, OwnedPages<PageKind::shmem>, Spawn,
                  MmapAnon, OpenFile, ReadFile, AllocRange, Compact>();
}

PROMISE(PinsPromise, a_pinned_page_that_is_in_the_way_stays_there,
        {.programs = {.options = {.kinds = kinds_that_move_or_pin(), .compaction = true}},
         .planted = {Bug::moves_pinned}}) {
  PinnedPages pinned;
  run_checked(program, &pinned);
  pinned.assert_all_held();
}

}  // namespace
}  // namespace cma
