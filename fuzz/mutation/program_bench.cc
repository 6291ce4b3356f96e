// Measures the parts of a fuzzer's execution on 16-operation programs on the default small machine: decoding, running
// with and without laws, mutating.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "fuzz/mutation/input.h"
#include "fuzz/mutation/mutator.h"
#include "properties/laws/checked_run.h"

namespace cma {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Returns programs that break no law: a finding ends a hunt, and its text costs time.
const std::vector<Bytes>& inputs() {
  static const std::vector<Bytes> kInputs = [] {
    std::vector<Bytes> made;
    CheckedRun run;
    for (std::uint64_t seed = 1; made.size() < 1000; ++seed) {
      const Program program = generate(seed, {.min_ops = 16, .max_ops = 16, .shapes = false});
      if (!run.find(program)) made.push_back(encode(program));
    }
    return made;
  }();
  return kInputs;
}

std::vector<Program> programs() {
  std::vector<Program> decoded;
  for (const Bytes& input : inputs()) decoded.push_back(decode(input, kFuzzLimits));
  return decoded;
}

void decode_program(benchmark::State& state) {
  const std::vector<Bytes>& all = inputs();
  Program program;
  std::size_t next = 0;
  for (auto _ : state) {
    program_from_input(program, all[next++ % all.size()]);
    benchmark::DoNotOptimize(program.ops.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_program);

void run_without_laws(benchmark::State& state) {
  const std::vector<Program> all = programs();
  Interpreter interpreter;
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(interpreter.run(all[next++ % all.size()]).trace_hash);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(run_without_laws);

void run_with_all_laws(benchmark::State& state) {
  const std::vector<Program> all = programs();
  CheckedRun run;
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(run.run(all[next++ % all.size()]).trace_hash);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(run_with_all_laws);

// Returns whether the operation makes or uses processes, mappings or files.
bool is_about_owners(const Op& op) {
  const OpInfo& info = info_of(op);
  if (info.yields == Yields::process || info.yields == Yields::mapping || info.yields == Yields::file) return true;
  bool about = false;
  struct Look : IgnoreFields {
    explicit Look(bool& flag) : about(flag) {}
    bool& about;
    void operand(const OpRef&, const OperandSpec& spec) {
      const Yields wanted = spec.wanted;
      about = about || wanted == Yields::process || wanted == Yields::mapping || wanted == Yields::file;
    }
  } look(about);
  visit_fields(op.body, look);
  return about;
}

// Runs programs at least half of whose operations are about processes and files.
void run_processes_and_files_with_all_laws(benchmark::State& state) {
  std::vector<Program> some;
  CheckedRun run;
  for (std::uint64_t seed = 1; some.size() < 300; ++seed) {
    Program program = generate(seed, {.min_ops = 16, .max_ops = 16, .shapes = false});
    const auto about = std::count_if(program.ops.begin(), program.ops.end(), is_about_owners);
    if (about >= 8 && !run.find(program)) some.push_back(std::move(program));
  }
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(run.run(some[next++ % some.size()]).trace_hash);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(run_processes_and_files_with_all_laws);

// Does all that the fuzz target does for an input.
void execute_input(benchmark::State& state) {
  const std::vector<Bytes>& all = inputs();
  Program program;
  CheckedRun run;
  std::size_t next = 0;
  for (auto _ : state) {
    program_from_input(program, all[next++ % all.size()]);
    benchmark::DoNotOptimize(run.run(program).trace_hash);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(execute_input);

void mutate_input(benchmark::State& state) {
  const std::vector<Bytes>& all = inputs();
  Bytes buffer(1024);
  std::size_t next = 0;
  for (auto _ : state) {
    const Bytes& input = all[next % all.size()];
    std::copy(input.begin(), input.end(), buffer.begin());
    benchmark::DoNotOptimize(mutate_bytes(buffer.data(), input.size(), buffer.size(), next++));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(mutate_input);

}  // namespace
}  // namespace cma
