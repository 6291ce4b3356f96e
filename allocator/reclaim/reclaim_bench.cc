// The cost of reclaiming all of a zone of 1 GiB that is full of clean pages of a file.

#include <benchmark/benchmark.h>

#include "allocator/machine.h"

namespace cma {
namespace {

void reclaim_a_zone(benchmark::State& state, Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 0x40000};
  std::uint64_t pages = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::unique_ptr<Machine> machine = make_machine(g);
    machine->trace.set_recording(false);
    const FileId file = machine->files.open(FileMethod::ordered, /*slow=*/false);
    for (std::uint64_t i = 0; i < 0x3e000; ++i) run_now(machine->files.read(file, i, /*readahead=*/true));
    run_now(machine->lru.drain().add_drain(0));
    ReclaimRequest request;
    request.nr_to_reclaim = 0x40000;
    state.ResumeTiming();
    const std::uint64_t freed = run_now(machine->reclaim.try_to_free_pages(request));
    if (freed < 0x3d000) return state.SkipWithError("not all pages were freed");
    pages += freed;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(pages));
}
BENCHMARK_CAPTURE(reclaim_a_zone, v4_19, Release::v4_19)->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK_CAPTURE(reclaim_a_zone, v6_1, Release::v6_1)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace cma
