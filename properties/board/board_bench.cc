// The cost of boots: of a large machine, and of many small ones as a fuzzer makes them, with laws and rules.

#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <string>

#include "properties/board/board.h"
#include "properties/board/boot_rules.h"
#include "properties/laws/laws.h"

namespace cma {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Returns a tree with areas that the kernel places.
BootTree tree_with(unsigned areas, std::uint32_t size) {
  BootTree tree;
  tree.reserved_memory = reserved_memory_node(tree.address_cells, tree.size_cells);
  for (unsigned i = 0; i < areas; ++i)
    tree.regions.push_back({fmt::format("area{}", i),
                            1,
                            {{"compatible", std::string("shared-dma-pool\0", 16)},
                             {"reusable", ""},
                             {"size", cells_of(size, tree.size_cells)}}});
  return tree;
}

// Seven areas of nodes and the default one.
void boot_16_gib_with_8_areas(benchmark::State& state) {
  BoardSettings settings;
  settings.memory = {{0, 16384 * kMiB}};
  settings.cmdline = "cma=256M";
  const auto board = make_board(tree_with(7, 64 << 20), settings);
  if (!board) return state.SkipWithError(board.error().c_str());
  for (auto _ : state) {
    const BoardRun run(*board);
    if (run.machine().areas.size() != 8) state.SkipWithError("there are not 8 areas");
  }
}
BENCHMARK(boot_16_gib_with_8_areas)->Unit(benchmark::kMillisecond);

// As the fuzz target of boots does it: 16 MiB, a node and a command line. Items are boots.
void boot_configurations(benchmark::State& state) {
  BoardSettings settings;
  settings.memory = {{0, 16 * kMiB}};
  settings.cmdline = "cma=4M";
  const auto board = make_board(tree_with(1, 2 << 20), settings);
  if (!board) return state.SkipWithError(board.error().c_str());
  Laws laws;
  for (auto _ : state) {
    const BoardRun run(*board, &laws);
    if (!broken_rule(run).empty()) state.SkipWithError("a rule is broken");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(boot_configurations)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cma
