// Programs a second: 16 operations on the default small machine, without an observer. Also what a fuzzer does with each
// input besides: decoding it, and restoring the booted machine.

#include "properties/program/interpreter.h"

#include <benchmark/benchmark.h>

#include "properties/program/byte_form.h"
#include "properties/program/generator.h"

namespace cma {
namespace {

constexpr std::size_t kPrograms = 512;

std::vector<Program> programs(Release release, std::size_t actors) {
  const GeneratorOptions options{.min_ops = 16, .max_ops = 16, .actors = actors, .release = release, .shapes = false};
  std::vector<Program> programs;
  for (std::uint64_t seed = 0; programs.size() < kPrograms; ++seed) {
    Program program = generate(seed, options);
    // Booting is not measured.
    if (!info_of(program.ops.front()).boot) programs.push_back(std::move(program));
  }
  return programs;
}

void run_programs(benchmark::State& state, Release release, std::size_t actors) {
  const std::vector<Program> all = programs(release, actors);
  Interpreter interpreter;
  std::size_t i = 0;
  std::uint64_t steps = 0;
  for (auto _ : state) steps += interpreter.run(all[i++ % kPrograms]).steps;
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.counters["steps"] = benchmark::Counter(static_cast<double>(steps) / static_cast<double>(state.iterations()));
}
BENCHMARK_CAPTURE(run_programs, v4_19_one_actor, Release::v4_19, 0);
BENCHMARK_CAPTURE(run_programs, v6_1_one_actor, Release::v6_1, 0);
BENCHMARK_CAPTURE(run_programs, v6_1_two_actors, Release::v6_1, 2);

void decode_programs(benchmark::State& state) {
  std::vector<std::vector<std::uint8_t>> all;
  for (const Program& program : programs(Release::v6_1, 2)) all.push_back(encode(program));
  Program program;
  std::size_t i = 0;
  for (auto _ : state) {
    decode_into(program, all[i++ % kPrograms], kFuzzLimits);
    benchmark::DoNotOptimize(program.ops.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(decode_programs);

void empty_program(benchmark::State& state) {
  Program program;
  Interpreter interpreter;
  for (auto _ : state) benchmark::DoNotOptimize(interpreter.run(program).trace_hash);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(empty_program);

}  // namespace
}  // namespace cma
