// The same mixes of operations on the model and on a real kernel, for `ci/bench --kernel`: in each turn one of sixteen
// places is emptied if it is full, else filled. The kernel's side is the operations `mix` and `mixp` of its driver,
// which take the time inside the kernel, without the pipes.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <string>

#include "allocator/machine.h"
#include "properties/judge/kernel_process.h"

namespace cma::judge {
namespace {

constexpr std::uint64_t kMemoryPages = 0x10000;
constexpr Pfn kAreaBase = 0x4000;
constexpr std::uint64_t kAreaPages = 0x1000;  // 16 MiB
constexpr std::int64_t kTurns = 20'000;

// The driver's generator.
class MixRandom {
 public:
  std::size_t place() {
    state_ = state_ * 1664525 + 1013904223;
    return state_ >> 28;
  }
  std::uint64_t below(std::uint64_t bound) const { return (state_ >> 8 & 0xffff) % bound; }

 private:
  std::uint32_t state_ = 1;
};

// What one of the sixteen places holds; kNoPfn if nothing.
struct Held {
  Pfn pfn = kNoPfn;
  std::uint64_t size = 0;
};
using Places = std::array<Held, 16>;

std::unique_ptr<Machine> quiet_machine(Release release) {
  Geometry machine;
  machine.release = release;
  machine.memory = {0, kMemoryPages};
  machine.areas = {{"a", kAreaBase, kAreaPages, 0}};
  auto made = make_machine(machine);
  made->trace.set_recording(false);
  return made;
}

void range_mix(Machine& machine, std::uint64_t largest, unsigned align) {
  MixRandom random;
  Places places{};
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    Held& held = places[random.place()];
    if (held.pfn != kNoPfn) {
      run_now(machine.areas.cma_release(0, held.pfn, held.size));
      held.pfn = kNoPfn;
      continue;
    }
    held.size = 1 + random.below(largest);
    held.pfn = run_now(machine.areas.cma_alloc(0, held.size, align, Warn::no));
  }
  for (const Held& held : places)
    if (held.pfn != kNoPfn) run_now(machine.areas.cma_release(0, held.pfn, held.size));
}

void free_block(Machine& machine, const Held& held) {
  machine.map.edit(held.pfn).ref = 0;
  machine.buddy.free_now(held.pfn, static_cast<unsigned>(held.size));
}

void block_mix(Machine& machine, unsigned orders) {
  MixRandom random;
  Places places{};
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    Held& held = places[random.place()];
    if (held.pfn != kNoPfn) {
      free_block(machine, held);
      held.pfn = kNoPfn;
      continue;
    }
    held.size = random.below(orders);
    held.pfn = machine.buddy.alloc_pages(kGfpHighuserMovable, static_cast<unsigned>(held.size));
  }
  for (const Held& held : places)
    if (held.pfn != kNoPfn) free_block(machine, held);
}

// Returns the kernel's own measure of one mix, in nanoseconds; nullopt if it did not answer.
std::optional<std::int64_t> nanoseconds_of(KernelProcess& kernel, const std::string& op) {
  const KernelAnswer answer = kernel.ask(op);
  if (!answer.complete || answer.lines.empty()) return std::nullopt;
  const std::string& line = answer.lines.back();
  const std::size_t at = line.find(" ns=");
  if (at == std::string::npos) return std::nullopt;
  return std::stoll(line.substr(at + 4));
}

void on_kernel(benchmark::State& state, Release release, const std::string& op) {
  const auto program = cached_kernel({release, 9});
  if (!program) return state.SkipWithError(missing_kernel_reason({release, 9}).c_str());
  KernelOptions options;
  options.program = *program;
  options.memory_pages = kMemoryPages;
  options.areas = {{"a", kAreaBase, kAreaPages, 0}};
  KernelProcess kernel(options);
  for (auto _ : state) {
    const auto taken = nanoseconds_of(kernel, op);
    if (!taken) return state.SkipWithError("the kernel does not answer");
    state.SetIterationTime(static_cast<double>(*taken) * 1e-9);
  }
  state.SetItemsProcessed(state.iterations() * kTurns);
}

void model_ranges(benchmark::State& state, Release release) {
  const auto machine = quiet_machine(release);
  for (auto _ : state)
    range_mix(*machine, static_cast<std::uint64_t>(state.range(0)), static_cast<unsigned>(state.range(1)));
  state.SetItemsProcessed(state.iterations() * kTurns);
}

void kernel_ranges(benchmark::State& state, Release release) {
  on_kernel(
      state, release,
      "mix a " + std::to_string(kTurns) + " " + std::to_string(state.range(0)) + " " + std::to_string(state.range(1)));
}

void model_blocks(benchmark::State& state, Release release) {
  const auto machine = quiet_machine(release);
  for (auto _ : state) block_mix(*machine, static_cast<unsigned>(state.range(0)));
  state.SetItemsProcessed(state.iterations() * kTurns);
}

void kernel_blocks(benchmark::State& state, Release release) {
  on_kernel(state, release, "mixp " + std::to_string(kTurns) + " " + std::to_string(state.range(0)));
}

// Largest size in pages, alignment order.
void range_arguments(benchmark::internal::Benchmark* mix) {
  mix->ArgNames({"pages", "align"})->Args({1, 0})->Args({16, 0})->Args({300, 0})->Args({300, 8});
}

void block_arguments(benchmark::internal::Benchmark* mix) { mix->ArgNames({"orders"})->Arg(1)->Arg(4)->Arg(10); }

// Registers a benchmark "NAME/v6_1" and so on, for each release that has a kernel to compare with.
benchmark::internal::Benchmark* register_mix(const char* name, Release release,
                                             void (*run)(benchmark::State& state, Release release)) {
  std::string version = name_of(release);
  std::ranges::replace(version, '.', '_');
  return benchmark::RegisterBenchmark((std::string(name) + "/v" + version).c_str(),
                                      [run, release](benchmark::State& state) { run(state, release); });
}

bool register_all() {
  for (const Release release : judged_releases()) {
    register_mix("model_ranges", release, model_ranges)->Apply(range_arguments);
    register_mix("kernel_ranges", release, kernel_ranges)->Apply(range_arguments)->UseManualTime();
  }
  for (const Release release : judged_releases()) {
    register_mix("model_blocks", release, model_blocks)->Apply(block_arguments);
    register_mix("kernel_blocks", release, kernel_blocks)->Apply(block_arguments)->UseManualTime();
  }
  return true;
}
[[maybe_unused]] const bool registered = register_all();

}  // namespace
}  // namespace cma::judge
