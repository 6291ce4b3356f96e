// The cost of building a machine, in time and memory, and of putting it back into its state after boot.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "allocator/machine.h"

namespace cma {
namespace {

std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void boot_4_gib_zone(benchmark::State& state) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, Pfn{1} << 20};
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::size_t before = bytes_in_use();
    const std::unique_ptr<Machine> machine = make_machine(g);
    bytes = bytes_in_use() - before;
  }
  state.counters["MiB"] = static_cast<double>(bytes) / (1 << 20);
}
BENCHMARK(boot_4_gib_zone)->Unit(benchmark::kMillisecond);

void boot_small_machine(benchmark::State& state) {
  const Geometry g = default_small_geometry(Release::v6_1);
  for (auto _ : state) benchmark::DoNotOptimize(make_machine(g));
}
BENCHMARK(boot_small_machine)->Unit(benchmark::kMicrosecond);

// Goes back after a program that allocated one buffer.
void restore_small_machine(benchmark::State& state) {
  const Geometry g = default_small_geometry(Release::v6_1);
  const std::unique_ptr<Machine> boot = make_machine(g);
  const std::unique_ptr<Machine> machine = make_machine(g);
  machine->restore(*boot);
  for (auto _ : state) {
    run_now(machine->areas.cma_alloc(0, 16, 0, Warn::no));
    machine->restore(*boot);
  }
}
BENCHMARK(restore_small_machine)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cma
