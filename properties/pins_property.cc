// Promise: a page on which the program holds a reference is never given to another holder, and its data does not move.
//
// The kernel's exceptions. A page that was in the hands of a task when the reference was taken, on its way to a new
// holder or to the free lists, may still get there: once. A page whose driver moves it (non-LRU movable) moves if the
// driver says so, whatever references it has; the old frame then belongs to the reference alone. And its owner may
// let a page go (unmap, truncate, free): the frame, and what is in it, stay with the reference.

#include <map>
#include <utility>
#include <vector>

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

PROMISE(PinsPromise, a_pinned_page_is_never_handed_out_again_and_keeps_its_data,
        {.programs = {.options = {.min_ops = 20, .release = {}}}, .planted = {Bug::frees_pinned}}) {
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

// Where each long-term pin of the program found its page: there the process finds the same page for as long as it has
// the mapping, so it and the device see what the other writes.
class PinnedMappings final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    pins_.clear();
  }
  void reference_taken(Pfn pfn, int, bool longterm) override {
    const Processes& processes = machine_->processes;
    const OwnerId pinned = machine_->map.page(pfn).owner;
    if (!longterm || pinned == 0) return;
    std::vector<Pinned> found;
    for (SpaceId space = 0; space < processes.count(); ++space)
      for (MappingId mapping = 0; processes.alive(space) && processes.has_mapping(space, mapping); ++mapping)
        for (std::uint64_t page = 0; page < processes.pages_of(space, mapping); ++page)
          if (processes.page_at(space, mapping, page) == pinned) found.push_back({pfn, space, mapping, page});
    if (found.size() == 1) pins_.push_back(found.front());
  }
  void reference_dropping(Pfn pfn, int) override {
    std::erase_if(pins_, [&](const Pinned& pin) { return pin.pfn == pfn; });
  }
  void op_performed(Machine&, std::size_t) override {
    std::erase_if(pins_, [this](const Pinned& pin) { return page_of(pin) == 0; });
    for (const Pinned& pin : pins_) {
      const Pfn now = machine_->owners.owner(page_of(pin)).pfn;
      claim(now == pin.pfn, fmt::format("process {} pinned page {:#x} for a device, and writes to page {:#x} now",
                                        pin.process, pin.pfn, now));
    }
  }

 private:
  struct Pinned {
    Pfn pfn = kNoPfn;
    SpaceId process = 0;
    MappingId mapping = 0;
    std::uint64_t page = 0;
  };
  // Returns what the process finds there; 0 once it has unmapped it.
  OwnerId page_of(const Pinned& pin) const {
    const Processes& processes = machine_->processes;
    return processes.alive(pin.process) ? processes.page_at(pin.process, pin.mapping, pin.page) : 0;
  }

  Machine* machine_ = nullptr;
  std::vector<Pinned> pins_;
};

// Makes each process that pins fork, and write to what it pinned.
void add_forks_after_pins(Random&, Program& program) {
  std::vector<Op> ops;
  std::map<OpId, OpId> process_of;  // by mapping
  for (const Op& op : std::exchange(program.ops, {})) {
    ops.push_back(op);
    if (const auto* made = std::get_if<MmapAnon>(&op.body)) process_of[op.id] = made->process.id;
    const auto* pin = std::get_if<PinLongterm>(&op.body);
    if (pin == nullptr) continue;
    const OpId process = pin->in.id != 0 ? pin->in.id : process_of[pin->mapping.id];
    ops.push_back({.id = 0, .performer = op.performer, .until = {}, .body = Fork{{process}}});
    MappingOp<MappingVerb::write> write{.mapping = pin->mapping, .from = pin->from, .pages = 1, .in = pin->in};
    ops.push_back({.id = 0, .performer = op.performer, .until = {}, .body = write});
  }
  program.ops = std::move(ops);
}

// Since 5.9 fork copies such pages for the child; before, the next write could leave the device with the old page.
PROMISE(PinsPromise, a_process_that_forks_goes_on_writing_to_the_page_that_it_pinned_for_a_device,
        {.programs = {.options = {.kinds = kinds_of<Spawn, MmapAnon, Fork, PinLongterm, Unpin,
                                                    MappingOp<MappingVerb::write>, ExitProcess>()},
                      .faults = false,
                      .interleaved = false,
                      .prepare = add_forks_after_pins},
         .planted = {{Bug::fork_shares_pinned, Release::v5_10},
                     {Bug::fork_shares_pinned, Release::v6_1},
                     {Bug::fork_shares_pinned, Release::v6_12}}}) {
  RC_PRE(program.machine.release >= Release::v5_9);
  PinnedMappings pinned;
  run_plainly(program, &pinned);
  pinned.assert_all_held();
}

}  // namespace
}  // namespace cma
