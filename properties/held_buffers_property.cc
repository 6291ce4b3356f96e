// Promise: a buffer that a program holds stays with the data that it was read into.

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Makes a program first read four pages of a file into its first area and hold their buffers. The file has one of the
// three methods.
void hold_buffers(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  OpId last = 0;
  for (const Op& op : program.ops) last = std::max(last, op.id);
  constexpr std::size_t kMethods = std::size(kMethodWords);
  constexpr std::uint64_t kPages = 4;
  Op open;
  open.id = last + 1;
  open.body = OpenFile{.method = static_cast<MethodWord>(random.below(kMethods))};
  Op read;
  read.id = last + 2;
  read.body = ReadFile{.file = {open.id}, .pages = kPages, .at = Place::of_area({false, 0}, 0)};
  Op hold;
  hold.body = BufferOp<BufferVerb::hold>{.pages = {read.id}};
  program.ops.insert(program.ops.begin(), {open, read, hold});
}

Programs holding_buffers() {
  Programs programs;
  programs.prepare = hold_buffers;
  return programs;
}

// The buffers that a program holds, and whose page each was under when it was held first: an owner is a number that
// means one page's data for the whole run.
class HeldBuffers final : public Witness {
 public:
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    held_.clear();
  }
  void buffer_held(BufferId id) override {
    Held& held = held_[id];
    if (held.counts++ != 0) return;
    held.under = machine_->buffers.buffer(id).pfn;
    claim(held.under != kNoPfn, fmt::format("buffer {} is held, and under no page", id));
    if (held.under == kNoPfn) return;
    // While a page moves it has left the frame that the buffer is still under.
    held.owner = machine_->map.page(held.under).owner;
    if (held.owner == 0) held.owner = machine_->page_cache.page_with(id);
  }
  void buffer_letting_go(BufferId id) override {
    if (--held_[id].counts == 0) held_.erase(id);
  }
  void control_changes(Machine&) override { look(); }
  void op_performed(Machine&, std::size_t) override { look(); }
  void program_ended(Machine&) override { look(); }
  bool any() const { return seen_; }

 private:
  struct Held {
    int counts = 0;
    OwnerId owner = 0;
    Pfn under = kNoPfn;  // when it was last looked at
  };

  void look() {
    for (auto& [id, held] : held_) look(id, held);
  }
  void look(BufferId id, Held& held) {
    seen_ = true;
    const Pfn under = machine_->buffers.buffer(id).pfn;
    claim(under != kNoPfn, fmt::format("buffer {} is held, and under no page", id));
    if (under == kNoPfn) return;
    const Page& page = machine_->map.page(under);
    claim(page.ref > 0 && page.has(kPagePrivate), fmt::format("held buffer {} is under a page without buffers", id));
    claim(page.owner == held.owner || page.owner == 0, fmt::format("held buffer {} is under a page of another", id));
    const Pfn now = held.owner != 0 ? machine_->owners.owner(held.owner).pfn : kNoPfn;
    // A page that has left its cache does not move any more. While it moves the buffer may be behind it.
    if (now == kNoPfn)
      claim(under == held.under, fmt::format("held buffer {} has left its page, which is in no cache", id));
    else if (machine_->engine.at_rest())
      claim(under == now, fmt::format("held buffer {} is under page {:#x}, its data at {:#x}", id, under, now));
    held.under = under;
  }

  Machine* machine_ = nullptr;
  std::map<BufferId, Held> held_;
  bool seen_ = false;
};

PROMISE(HeldBuffersPromise, stay_with_the_data_that_they_were_read_into,
        {.programs = holding_buffers(), .planted = {Bug::buffer_stays_behind}}) {
  RC_PRE(!program.machine.areas.empty());
  HeldBuffers held;
  run_checked(program, &held);
  RC_CLASSIFY(!held.any(), "no buffer is held");
  held.assert_all_held();
}

PROMISE(HeldBuffersPromise, have_the_counts_that_slots_programs_and_journals_hold,
        {.programs = holding_buffers(), .planted = {Bug::buffer_stays_behind}}) {
  RC_PRE(!program.machine.areas.empty());
  assert_laws_hold(program, {Law::content});
}

}  // namespace
}  // namespace cma
