// The cost of the laws: an allocation and its release on the default small machine, without laws, with an audit after
// each of the two operations, and with total audits. Half the difference to the first is the cost of one audit and its
// ledger entries. Also the cost of going back to the booted machine, as before every program.

#include <benchmark/benchmark.h>

#include <memory>

#include "properties/laws/laws.h"

namespace cma {
namespace {

enum class Watch : std::uint8_t { none, incremental, total };

constexpr std::uint64_t kPages = 20;

void alloc_and_release(benchmark::State& state, Release release, Watch watch) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(release));
  machine->trace.set_recording(false);
  Laws laws;
  laws.set_total_audits(watch == Watch::total);
  laws.program_begins(*machine);
  for (auto _ : state) {
    if (watch != Watch::none) laws.alloc_begins(0, kPages, 0);
    const Pfn pfn = run_now(machine->areas.cma_alloc(0, kPages, 0, Warn::no));
    if (pfn == kNoPfn) return state.SkipWithError("an empty area has no room");
    if (watch != Watch::none) {
      laws.buffer_allocated(0, pfn, kPages, 0);
      laws.op_performed(*machine, 0);
      laws.buffer_releasing(0, pfn, kPages);
    }
    run_now(machine->areas.cma_release(0, pfn, kPages));
    if (watch != Watch::none) {
      laws.buffer_released(0, pfn, kPages);
      laws.op_performed(*machine, 1);
    }
  }
  state.SetItemsProcessed(2 * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(alloc_and_release, v6_1_no_laws, Release::v6_1, Watch::none);
BENCHMARK_CAPTURE(alloc_and_release, v6_1, Release::v6_1, Watch::incremental);
BENCHMARK_CAPTURE(alloc_and_release, v6_1_total, Release::v6_1, Watch::total);
BENCHMARK_CAPTURE(alloc_and_release, v4_19_no_laws, Release::v4_19, Watch::none);
BENCHMARK_CAPTURE(alloc_and_release, v4_19, Release::v4_19, Watch::incremental);

// One page allocated and freed through a per-CPU list: the smallest operation there is.
void alloc_and_free_page(benchmark::State& state, Watch watch) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  machine->trace.set_recording(false);
  Laws laws;
  laws.program_begins(*machine);
  for (auto _ : state) {
    const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel, 0);
    if (watch != Watch::none) {
      laws.pages_allocated(pfn, 0, kGfpKernel);
      laws.op_performed(*machine, 0);
      laws.pages_freeing(pfn, 0);
    }
    run_now(machine->buddy.free_pages(pfn, 0));
    if (watch != Watch::none) laws.op_performed(*machine, 1);
  }
  state.SetItemsProcessed(2 * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(alloc_and_free_page, no_laws, Watch::none);
BENCHMARK_CAPTURE(alloc_and_free_page, laws, Watch::incremental);

// An operation that touched nothing.
void idle_operation(benchmark::State& state) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  Laws laws;
  laws.program_begins(*machine);
  for (auto _ : state) laws.op_performed(*machine, 0);
}
BENCHMARK(idle_operation);

// A program of one operation: going back to boot, and beginning.
void restart(benchmark::State& state, Watch watch) {
  const Geometry geometry = default_small_geometry(Release::v6_1);
  const std::unique_ptr<Machine> boot = make_machine(geometry);
  const std::unique_ptr<Machine> machine = make_machine(geometry);
  Laws laws;
  for (auto _ : state) {
    machine->restore(*boot);
    if (watch != Watch::none) laws.program_begins(*machine);
    const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel, 0);
    if (watch == Watch::none) continue;
    laws.pages_allocated(pfn, 0, kGfpKernel);
    laws.op_performed(*machine, 0);
  }
}
BENCHMARK_CAPTURE(restart, no_laws, Watch::none);
BENCHMARK_CAPTURE(restart, laws, Watch::incremental);

}  // namespace
}  // namespace cma
