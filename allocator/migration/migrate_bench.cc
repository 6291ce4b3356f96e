// The cost of moving one page: it is found, unmapped, moved and mapped again, and its old frame is free.

#include <benchmark/benchmark.h>

#include "allocator/machine.h"

namespace cma {
namespace {

// Drives one page out of its frame, again and again.
void migrate_one_page(benchmark::State& state, Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 0x8000};
  const std::unique_ptr<Machine> machine = make_machine(g);
  machine->trace.set_recording(false);
  // With fewer pages on the LRU 4.19 would wait for its own isolated one.
  for (int i = 0; i < 64; ++i) {
    const Pfn other = machine->buddy.alloc_pages(kGfpHighuserMovable, 0);
    run_now(machine->owners.adopt_anonymous(other));
  }
  const Pfn first = machine->buddy.alloc_pages(kGfpHighuserMovable, 0);
  const OwnerId owner = run_now(machine->owners.adopt_anonymous(first));
  run_now(machine->lru.drain().add_drain_all());
  MigrateControl control;
  for (auto _ : state) {
    const Pfn at = machine->owners.owner(owner).pfn;
    run_now(machine->scanner.isolate_range(control, at, at + 1));
    const Moved moved = run_now(machine->migration.migrate_pages(control));
    run_now(machine->lru.drain().add_drain(0));
    if (!moved.all() || machine->owners.owner(owner).pfn == at) return state.SkipWithError("the page did not move");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(migrate_one_page, v6_1, Release::v6_1);
BENCHMARK_CAPTURE(migrate_one_page, v4_19, Release::v4_19);

}  // namespace
}  // namespace cma
