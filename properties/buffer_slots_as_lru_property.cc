// The buffer slots of a CPU are its 8 or 16 most recently used buffers. A slot and each user keep a count on a buffer,
// and a buffer without counts that is clean can be freed.

#include <algorithm>
#include <array>
#include <deque>

#include <fmt/format.h>

#include "allocator/machine_testing.h"
#include "properties/arbitrary/state_testing.h"

namespace cma::buffer_slots_as_lru {
namespace {

constexpr std::size_t kCpus = 3;
constexpr unsigned kActors = 4;
// A few more than slots, so that old ones fall out.
constexpr std::size_t kPages = 20;

// The least recently used falls out when there are too many.
struct LeastRecentlyUsed {
  void use(std::size_t page, std::size_t most) {
    drop(page);
    newest_first.push_front(page);
    if (newest_first.size() > most) newest_first.pop_back();
  }
  void drop(std::size_t page) { std::erase(newest_first, page); }
  bool has(std::size_t page) const { return std::ranges::find(newest_first, page) != newest_first.end(); }

  std::deque<std::size_t> newest_first;
};

// What an actor that stopped inside a drain has left to do.
struct Draining {
  bool under_way = false;
  std::size_t next_cpu = 0;
};

struct Model {
  explicit Model(const Geometry& machine)
      : most(machine.release >= Release::v3_18 ? 16 : 8),
        drains_empty_slots(machine.release >= Release::v5_13),
        revokes(machine.bh_revoke) {}

  std::size_t most;
  bool drains_empty_slots;  // 5.13: a drain of the LRU's caches empties the slots, and disabling keeps them empty
  bool revokes;             // vendors: dropping a buffer takes it out of all slots first
  std::array<LeastRecentlyUsed, kCpus> slots;
  std::array<int, kPages> users{};
  std::array<bool, kPages> dirty{};
  int disabled = 0;
  std::array<Draining, kActors + 1> actors{};

  static std::size_t cpu_of(ActorId actor) { return (actor - 1) % kCpus; }
  // A look-up finds the buffer in a slot, or installs it there unless the caches are disabled.
  void look_up(ActorId actor, std::size_t page) {
    LeastRecentlyUsed& cpu = slots[cpu_of(actor)];
    if (cpu.has(page) || !drains_empty_slots || disabled == 0) cpu.use(page, most);
  }
  int count(std::size_t page) const {
    return users[page] + static_cast<int>(std::ranges::count_if(slots, [&](const auto& cpu) { return cpu.has(page); }));
  }
  bool draining() const {
    return std::ranges::any_of(actors, [](const Draining& actor) { return actor.under_way; });
  }
  // An actor drains CPUs from its next one on, until the end or the first that had something.
  void drain(ActorId actor, bool stops_after_one) {
    Draining& draining = actors[actor];
    while (drains_empty_slots && draining.next_cpu < kCpus) {
      LeastRecentlyUsed& cpu = slots[draining.next_cpu++];
      draining.under_way = stops_after_one && !cpu.newest_first.empty();
      cpu.newest_first.clear();
      if (draining.under_way) return;
    }
    draining = {};
  }
};

class Real {
 public:
  explicit Real(const Geometry& geometry) : machine(geometry, kActors) {
    for (std::size_t page = 0; page < kPages; ++page)
      owners.push_back(own_frame(*machine, geometry.areas[0].base + page, PageKind::block_device));
  }
  BufferId buffer(std::size_t page) { return machine->page_cache.buffer_of(owners[page]); }
  bool free_buffer(std::size_t page) {
    const Pfn pfn = machine->owners.owner(owners[page]).pfn;
    RC_ASSERT(machine->page_locks.try_lock(pfn));
    const bool freed = machine->page_cache.release_buffer(owners[page]);
    machine->page_locks.unlock(pfn);
    return freed;
  }

  void compare(const Model& model) const {
    const Buffers& buffers = machine->buffers;
    for (std::size_t cpu = 0; cpu < kCpus; ++cpu) {
      std::deque<std::size_t> held;
      for (const BufferId id : buffers.lru_slots(static_cast<int>(cpu)))
        held.push_back(buffers.buffer(id).pfn - machine->areas.area(0).base);
      RC_ASSERT(held == model.slots[cpu].newest_first);
    }
    for (std::size_t page = 0; page < kPages; ++page) {
      const Owner& owner = machine->owners.owner(owners[page]);
      const Buffer none;
      const Buffer& buffer = owner.buffer == 0 ? none : buffers.buffer(owner.buffer);
      RC_ASSERT(buffer.count == model.count(page));
      RC_ASSERT(buffer.dirty == model.dirty[page]);
      RC_ASSERT(machine->map.page(owner.pfn).ref == 1 + (owner.buffer == 0 ? 0 : 1));
    }
    for (ActorId actor = 1; actor <= kActors; ++actor) RC_ASSERT(machine.idle(actor) == !model.actors[actor].under_way);
  }

  ActingMachine machine;
  std::vector<OwnerId> owners;
};

// --- steps ---

using SlotStep = Step<Model, Real>;

ActorId any_actor() { return *rc::gen::inRange<ActorId>(1, kActors + 1); }
std::size_t any_page() { return *rc::gen::inRange<std::size_t>(0, kPages); }

// Looks buffers up, one after the other.
class Touch final : public SlotStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(!model.actors[actor_].under_way); }
  void apply(Model& model) const override {
    for (std::size_t page = first_; page < first_ + count_; ++page) model.look_up(actor_, page % kPages);
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: touches {} buffers from {} on", actor_, count_, first_);
  }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.assume(actor_);
    for (std::size_t page = first_; page < first_ + count_; ++page)
      real.machine->buffers.touch(real.buffer(page % kPages));
  }

 private:
  ActorId actor_ = any_actor();
  std::size_t first_ = any_page();
  std::size_t count_ = *rc::gen::inRange<std::size_t>(1, 9);
};

// Looks a buffer up and keeps a count on it.
class Hold final : public SlotStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(!model.actors[actor_].under_way); }
  void apply(Model& model) const override {
    model.look_up(actor_, page_);
    ++model.users[page_];
  }
  void show(std::ostream& out) const override { out << fmt::format("{}: holds buffer {}", actor_, page_); }

 protected:
  void perform(const Model&, Real& real) const override {
    real.machine.assume(actor_);
    real.machine->page_cache.hold_buffer(real.owners[page_]);
  }

 private:
  ActorId actor_ = any_actor();
  std::size_t page_ = any_page();
};

class Put final : public SlotStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.users[page_] > 0); }
  void apply(Model& model) const override { --model.users[page_]; }
  void show(std::ostream& out) const override { out << "buffer " << page_ << " is put"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine->buffers.put(real.buffer(page_)); }

 private:
  std::size_t page_ = any_page();
};

class Dirty final : public SlotStep {
 public:
  void apply(Model& model) const override { model.dirty[page_] = !model.dirty[page_]; }
  void show(std::ostream& out) const override { out << "buffer " << page_ << " becomes dirty, or clean"; }

 protected:
  void perform(const Model& model, Real& real) const override {
    real.machine->buffers.set_dirty(real.buffer(page_), !model.dirty[page_]);
  }

 private:
  std::size_t page_ = any_page();
};

class FreeBuffer final : public SlotStep {
 public:
  void apply(Model& model) const override {
    if (!model.revokes) return;
    for (LeastRecentlyUsed& cpu : model.slots) cpu.drop(page_);
  }
  void show(std::ostream& out) const override { out << "buffer " << page_ << " is freed, if it can be"; }

 protected:
  void perform(const Model& model, Real& real) const override {
    const Model after = nextState(model);
    RC_ASSERT(real.free_buffer(page_) == (after.count(page_) == 0 && !after.dirty[page_]));
  }

 private:
  std::size_t page_ = any_page();
};

class InvalidateAll final : public SlotStep {
 public:
  void apply(Model& model) const override {
    for (LeastRecentlyUsed& cpu : model.slots) cpu.newest_first.clear();
  }
  void show(std::ostream& out) const override { out << "all slots are emptied"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine->buffers.invalidate_all(); }
};

// Drains the caches of all CPUs, one after the other; disabling them does so as well.
class DrainAll final : public SlotStep {
 public:
  explicit DrainAll(const Model& model) {
    disables_ = model.drains_empty_slots && *rc::gen::inRange(0, 2) == 1;
    until_ = *rc::gen::element(Point::kCount, Point::drain_lru_begin, Point::drain_lru_cpu);
  }
  void checkPreconditions(const Model& model) const override { RC_PRE(!model.draining()); }
  void apply(Model& model) const override {
    if (disables_) ++model.disabled;
    if (until_ == Point::drain_lru_begin)
      model.actors[actor_].under_way = true;
    else
      model.drain(actor_, until_ == Point::drain_lru_cpu);
  }
  void show(std::ostream& out) const override {
    out << fmt::format("{}: {}{}", actor_, disables_ ? "caches disabled" : "caches drained", until(until_));
  }

 protected:
  void perform(const Model&, Real& real) const override {
    Lru& lru = real.machine->lru;
    real.machine.start(actor_, disables_ ? lru.drain().cache_disable() : lru.drain().add_drain_all(), until_);
  }

 private:
  ActorId actor_ = any_actor();
  bool disables_;
  Point until_;
};

class Resume final : public SlotStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.actors[actor_].under_way); }
  void apply(Model& model) const override { model.drain(actor_, false); }
  void show(std::ostream& out) const override { out << actor_ << ": resume"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine.resume(actor_); }

 private:
  ActorId actor_ = any_actor();
};

class Enable final : public SlotStep {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(model.disabled > 0 && !model.draining()); }
  void apply(Model& model) const override { --model.disabled; }
  void show(std::ostream& out) const override { out << "caches enabled"; }

 protected:
  void perform(const Model&, Real& real) const override { real.machine->lru.drain().cache_enable(); }
};

// --- the property ---

void most_recently_used(const Geometry& small) {
  Geometry machine = small;
  machine.cpus = kCpus;
  machine.bh_revoke = *rc::gen::inRange(0, 3) == 2;
  Real real(machine);
  rc::state::check(Model(machine), real,
                   any_step<Touch, Touch, Touch, Touch, Touch, Touch, Hold, Put, Dirty, FreeBuffer, FreeBuffer,
                            InvalidateAll, DrainAll, Resume, Enable>());
}

const Stateful kMostRecentlyUsed = {
    "BufferSlotsAsLru.most_recently_used", most_recently_used, {Bug::slot_hit_stays, Bug::slot_evicts_second}};
TEST(BufferSlotsAsLru, most_recently_used) { keep(kMostRecentlyUsed); }
TEST(BufferSlotsAsLruBroken, most_recently_used) { notice_planted(kMostRecentlyUsed); }

}  // namespace
}  // namespace cma::buffer_slots_as_lru
