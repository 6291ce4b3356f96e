// The cost of requests for pages where there are none: one that is refused at once, and programs of 16 operations on a
// small machine that is full, with all laws.

#include <benchmark/benchmark.h>

#include <vector>

#include "properties/laws/checked_run.h"
#include "properties/program/generator.h"

namespace cma {
namespace {

// One item is a request that may not reclaim.
void refused_at_once(benchmark::State& state, Release release) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(release));
  machine->trace.set_recording(false);
  while (machine->buddy.alloc_pages(kGfpAtomic | kGfpMovable | kGfpNowarn, 0) != kNoPfn) {
  }
  for (auto _ : state)
    if (machine->buddy.alloc_pages(kGfpAtomic | kGfpNowarn, 0) != kNoPfn) state.SkipWithError("a page is free");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(refused_at_once, v4_19, Release::v4_19);
BENCHMARK_CAPTURE(refused_at_once, v6_1, Release::v6_1);

// Returns a program whose first operation takes all but a few pages outside areas.
Program pressure_program(std::uint64_t seed, Release release) {
  constexpr std::size_t kOps = 16;
  const GeneratorOptions options{.min_ops = kOps - 1,
                                 .max_ops = kOps - 1,
                                 .actors = 0,
                                 .release = release,
                                 .shapes = false,
                                 .reclaim = true,
                                 .flags = true};
  Program program = generate(seed, options);
  OwnedPages<PageKind::unmovable> most;
  most.pages = 490;
  Op fill;
  fill.body = most;
  fill.id = program.unused_id();
  fill.scope = ReclaimScope::noreclaim;
  program.ops.insert(program.ops.begin(), std::move(fill));
  program.settle();
  return program;
}

// One item is a program.
void pressure_programs(benchmark::State& state, Release release) {
  std::vector<Program> programs;
  for (std::uint64_t seed = 0; programs.size() < 256; ++seed) {
    Program program = pressure_program(seed, release);
    // Booting is not measured.
    if (!info_of(program.ops[1]).boot) programs.push_back(std::move(program));
  }
  CheckedRun run;
  std::size_t next = 0;
  for (auto _ : state)
    if (run.find(programs[next++ % programs.size()])) state.SkipWithError("a law is broken");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(pressure_programs, v4_19, Release::v4_19)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pressure_programs, v6_1, Release::v6_1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cma
