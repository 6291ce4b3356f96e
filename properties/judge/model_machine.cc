#include "properties/judge/model_machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/judge/fit.h"
#include "properties/judge/process_pool.h"

namespace cma::judge {
namespace {

// Nodes of the trees of all files that a program may have, if a node has sixteen places.
constexpr std::uint64_t kWarmNodes = kMostJudgedFiles * (kMostFileIndex / 16 + kMostFileIndex / 256 + 2);

// Returns whether the kernel has to get ready for files and reclaim.
bool reads_files(const Program& program) {
  return std::any_of(program.ops.begin(), program.ops.end(), [](const Op& op) {
    return std::holds_alternative<OpenFile>(op.body) || std::holds_alternative<DirectReclaim>(op.body) ||
           std::holds_alternative<RunKswapd>(op.body);
  });
}

// All memory but the areas and the arena.
std::vector<PfnRange> around(const Geometry& machine, const PfnRange& arena) {
  std::vector<PfnRange> used{arena};
  for (const AreaSpec& area : machine.areas) used.push_back({area.base, area.base + area.pages});
  std::sort(used.begin(), used.end(), [](const PfnRange& a, const PfnRange& b) { return a.start < b.start; });
  std::vector<PfnRange> rest;
  Pfn pfn = machine.memory.start;
  for (const PfnRange& range : used) {
    if (pfn < range.start) rest.push_back({pfn, range.start});
    pfn = range.end;
  }
  if (pfn < machine.memory.end) rest.push_back({pfn, machine.memory.end});
  return rest;
}

}  // namespace

Geometry model_machine(const Program& fitted_program, const KernelFigures& figures) {
  const Geometry& fitted = fitted_program.machine;
  Geometry machine = fitted;
  machine.pcp_batch = figures.pcp_batch;
  machine.pcp_high = figures.pcp_high;
  // Whether a request falls back to another type's blocks depends on the kernel's own memory.
  if (reads_files(fitted_program)) machine.watermark_boost_factor = 0;
  if (machine.release >= Release::v6_7) {
    machine.pcp_high_min = figures.pcp_high_min;
    machine.pcp_high_max = figures.pcp_high_max;
  }
  if (const auto arena = arena_of(fitted_program)) {
    machine.reserved = around(fitted, *arena);
    return machine;
  }
  // What the kernel has for itself, so that as much is free on both sides.
  const std::uint64_t taken = machine.memory.pages() - std::min(machine.memory.pages(), figures.free_pages);
  machine.reserved = edges_of(fitted);
  std::uint64_t elsewhere = taken;
  for (const PfnRange& edge : machine.reserved) elsewhere -= std::min(elsewhere, edge.pages());
  if (elsewhere != 0) machine.reserved.insert(machine.reserved.begin(), {0, elsewhere});
  return machine;
}

std::vector<std::string> setup_of(const Program& program) {
  bool anonymous = false;
  bool files = false;
  ProcessNeeds processes;
  for (const Op& op : program.ops) {
    anonymous = anonymous || std::holds_alternative<OwnedPages<PageKind::anonymous>>(op.body);
    files = files || std::holds_alternative<Cat>(op.body) || std::holds_alternative<DebugfsAlloc>(op.body) ||
            std::holds_alternative<DebugfsFree>(op.body);
    processes.add(op);
  }
  std::vector<std::string> setup{"ev 3", "log 1", "lazy 1"};
  if (files) setup.emplace_back("prepare files");
  if (anonymous) setup.emplace_back("prepare anon");
  if (reads_files(program)) setup.push_back(fmt::format("prepare reading {} {}", kWarmNodes, kMostReadPages));
  if (const auto pool = processes.pool(); pool && pool->processes != 0) setup.push_back(prepare_line(*pool));
  const auto arena = arena_of(program);
  if (arena) setup.emplace_back("prepare compaction");
  for (const PfnRange& edge : edges_of(program.machine))
    setup.push_back(fmt::format("keep {} {}", edge.start, edge.pages()));
  if (arena) setup.push_back(fmt::format("arena {} {}", arena->start, arena->pages()));
  setup.emplace_back("calm");
  return setup;
}

}  // namespace cma::judge
