// The cost of an allocation and a release of an area, without laws and without recording.

#include <benchmark/benchmark.h>

#include <deque>
#include <random>

#include "allocator/machine.h"

namespace cma {
namespace {

constexpr std::uint64_t kAreaPages = 4096;  // 16 MiB

Geometry area_of_16_mib(Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 0x8000};
  g.areas = {{"main", 0x4000, kAreaPages, 0}};
  return g;
}

// Returns the sizes a run asks for, drawn before the clock starts.
std::vector<std::uint64_t> mixed_sizes(std::uint64_t largest) {
  std::mt19937 random(1);
  std::vector<std::uint64_t> sizes(1024);
  for (std::uint64_t& size : sizes) size = 1 + random() % largest;
  return sizes;
}

// Buffers of 1 to 300 pages, oldest released first, about half of the area in use. An item is one allocation or one
// release of a buffer.
void allocate_and_release(benchmark::State& state, Release release) {
  const std::unique_ptr<Machine> machine = make_machine(area_of_16_mib(release));
  machine->trace.set_recording(false);
  Areas& areas = machine->areas;
  const std::vector<std::uint64_t> sizes = mixed_sizes(300);
  std::deque<std::pair<Pfn, std::uint64_t>> live;
  std::uint64_t used = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    if (used > kAreaPages / 2) {
      const auto [pfn, count] = live.front();
      live.pop_front();
      used -= count;
      benchmark::DoNotOptimize(run_now(areas.cma_release(0, pfn, count)));
      continue;
    }
    const std::uint64_t count = sizes[next++ % sizes.size()];
    const Pfn pfn = run_now(areas.cma_alloc(0, count, 0, Warn::no));
    if (pfn == kNoPfn) return state.SkipWithError("a half empty area has no room for 300 pages");
    live.emplace_back(pfn, count);
    used += count;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(allocate_and_release, v6_1, Release::v6_1);
BENCHMARK_CAPTURE(allocate_and_release, v4_19, Release::v4_19);

}  // namespace
}  // namespace cma
