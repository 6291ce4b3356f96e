#include "properties/arbitrary/give_back_testing.h"

namespace cma {
namespace {

// Keeps the machine that programs run on, which it learns from the run.
class Passing final : public Observer {
 public:
  explicit Passing(Observer& to) : to_(to) {}
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    to_.program_begins(machine);
  }
  void booted(Machine& machine) override { to_.booted(machine); }
  Machine* machine() const { return machine_; }

 private:
  Observer& to_;
  Machine* machine_ = nullptr;
};

// Gives back what keeps pages in their place: references, counts on buffers, and those of the journals.
Task<void> drop_references(Machine& machine, const World& world) {
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& pin = world.result(slot);
    if (pin.yields != Yields::pin || pin.gone) continue;
    if (pin.references == 1)
      co_await machine.lru.references().put_page(pin.pfn);
    else
      co_await machine.processes.unpin_longterm(pin.pfn);
  }
  for (const World::Got& got : world.got) co_await machine.lru.references().put_page(got.pfn);
  for (const World::HeldCount& held : world.held_buffers) machine.buffers.put(held.buffer);
  for (FileId file = 1; file <= machine.files.count(); ++file) machine.files.commit(file);
  machine.buffers.invalidate_all();
}

// Ends processes, truncates files, and makes all other owners let their pages go.
Task<void> free_owned_pages(Machine& machine) {
  for (SpaceId process = 1; process < machine.processes.count(); ++process)
    if (machine.processes.alive(process)) co_await machine.processes.exit(process);
  for (FileId file = 1; file <= machine.files.count(); ++file) co_await machine.files.truncate(file, 0);
  for (OwnerId id = 1; id <= machine.owners.size(); ++id)
    if (!machine.owners.released(id)) co_await machine.owners.release(id);
}

// Releases buffers of areas, those of the debugfs files among them, blocks and ranges.
Task<void> release_memory(Machine& machine, const World& world) {
  for (const World::Piece& piece : world.pieces)
    co_await machine.areas.cma_release(world.result(piece.slot).area, piece.start, piece.pages);
  constexpr std::uint64_t kAll = 0x7fffffff;
  for (AreaId id = 0; id < machine.areas.size(); ++id) co_await machine.areas.debugfs().free(id, kAll);
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot) {
    const Result& held = world.result(slot);
    if (held.gone) continue;
    if (held.yields == Yields::block) co_await machine.buddy.free_pages(held.pfn, held.order);
    if (held.yields == Yields::range) co_await machine.contig.free_contig_range(held.pfn, held.pages);
  }
}

Task<void> give_back(Machine& machine, const World& world) {
  co_await drop_references(machine, world);
  co_await free_owned_pages(machine);
  co_await release_memory(machine, world);
  co_await empty_caches(machine);
}

}  // namespace

void perform_alone(Machine& machine, Task<void> task) {
  Engine& engine = machine.engine;
  engine.flags(kMainActor) = {};
  engine.set_step_budget(Engine::kNoLimit);
  engine.begin(kMainActor, std::move(task));
  engine.resume(kMainActor);
  while (!engine.at_rest()) {
    if (!machine.device.pending().empty()) {
      run_now(machine.device.complete_one());
    } else {
      const ActorId sleeper = engine.next_sleeper();
      CMA_ASSERT(sleeper != kNoActor);
      engine.advance_to(engine.look(sleeper).wake_time);
    }
    for (ActorId woken = engine.take_woken(); woken != kNoActor; woken = engine.take_woken()) engine.resume(woken);
  }
}

Task<void> empty_caches(Machine& machine) {
  machine.buffers.invalidate_all();
  co_await machine.lru.drain().add_drain_all();
  co_await machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones);
}

Machine* run_and_give_back(const Program& program, Observer& observer) {
  static Interpreter interpreter;
  Passing passing(observer);
  const RunOptions options{.expectations = false};
  if (interpreter.run(program, &passing, options).finding) return nullptr;
  perform_alone(*passing.machine(), give_back(*passing.machine(), interpreter.world()));
  return passing.machine();
}

}  // namespace cma
