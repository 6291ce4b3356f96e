// The cost of a page that comes from a per-CPU list and goes back to it, and of a block that is split and merged.

#include <benchmark/benchmark.h>

#include "allocator/machine.h"

namespace cma {
namespace {

std::unique_ptr<Machine> quiet_machine(Release release) {
  Geometry g;
  g.release = release;
  g.memory = {0, 0x8000};
  std::unique_ptr<Machine> machine = make_machine(g);
  machine->trace.set_recording(false);
  return machine;
}

// One item is one allocation or one free.
void page_through_pcp(benchmark::State& state, Release release) {
  const std::unique_ptr<Machine> machine = quiet_machine(release);
  Buddy& buddy = machine->buddy;
  for (auto _ : state) {
    const Pfn pfn = buddy.alloc_pages(kGfpKernel, 0);
    machine->map.edit(pfn).ref = 0;
    buddy.free_now(pfn, 0);
  }
  state.SetItemsProcessed(2 * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(page_through_pcp, v6_1, Release::v6_1);
BENCHMARK_CAPTURE(page_through_pcp, v4_19, Release::v4_19);

// Blocks that per-CPU lists do not hold: split from a largest block and merged back.
void block_of_order_4(benchmark::State& state, Release release) {
  const std::unique_ptr<Machine> machine = quiet_machine(release);
  Buddy& buddy = machine->buddy;
  for (auto _ : state) {
    const Pfn pfn = buddy.alloc_pages(kGfpKernel, 4);
    machine->map.edit(pfn).ref = 0;
    buddy.free_now(pfn, 4);
  }
  state.SetItemsProcessed(2 * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(block_of_order_4, v6_1, Release::v6_1);

}  // namespace
}  // namespace cma
