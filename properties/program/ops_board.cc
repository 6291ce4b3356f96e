#include "properties/program/ops_board.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "allocator/base/error.h"
#include "allocator/boot/unsafe_area.h"
#include "properties/program/program_boot.h"
#include "properties/program/tree_text.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Returns the node of a region, with numbers as wide as those of the tree.
TreeNode node_of(const Region& region, std::string name, const BootTree& tree) {
  TreeNode node{std::move(name), 1, {}};
  const auto range = [&](std::uint64_t base, std::uint64_t size) {
    return cells_of(base, tree.address_cells) + cells_of(size, tree.size_cells);
  };
  const auto add = [&](bool wanted, const char* property, std::string value) {
    if (wanted) node.properties.push_back({property, std::move(value)});
  };
  const bool fixed = region.base != kNotGiven;
  add(region.shared_dma_pool, "compatible", std::string("shared-dma-pool\0", 16));
  add(region.reusable, "reusable", "");
  add(region.no_map, "no-map", "");
  add(region.cma_default, "linux,cma-default", "");
  add(fixed, "reg", range(region.base, region.size));
  add(!fixed, "size", cells_of(region.size, tree.size_cells));
  add(region.alignment != 0, "alignment", cells_of(region.alignment, tree.address_cells));
  add(region.alloc_base != kNotGiven, "alloc-ranges", range(region.alloc_base, region.alloc_size));
  return node;
}

// Returns the tree that the program has so far, without its regions: the last one, or one whose numbers have two cells.
BootTree tree_of(const World& world, Slot self) {
  BootTree tree;
  tree.address_cells = tree.size_cells = 2;
  for (Slot slot = 0; slot < self; ++slot) {
    const auto* op = std::get_if<DeviceTree>(&world.program().ops[slot].body);
    if (op == nullptr || world.result(slot).state != Result::State::done) continue;
    if (auto read = read_tree_text(op->source)) tree = std::move(*read);
  }
  return tree;
}

// Adds the regions that the program has so far to its tree. Without any, there is no /reserved-memory but the tree's.
void add_regions(const World& world, Slot self, ProgramBoot& made) {
  const Program& program = world.program();
  made.tree = tree_of(world, self);
  made.regions.assign(made.tree.regions.size(), std::nullopt);
  for (Slot slot = 0; slot < self; ++slot) {
    const Op& op = program.ops[slot];
    const auto* region = std::get_if<Region>(&op.body);
    if (region == nullptr || world.result(slot).state != Result::State::done) continue;
    made.tree.regions.push_back(node_of(*region, program.name_of(op), made.tree));
    made.regions.emplace_back(slot);
  }
  if (made.regions.empty() || made.tree.reserved_memory) return;
  made.tree.reserved_memory = reserved_memory_node(made.tree.address_cells, made.tree.size_cells);
}

BootConfig config_of(const RunBoot& op) {
  BootConfig config;
  config.architecture = op.arch == ArchWord::arm     ? Architecture::arm
                        : op.arch == ArchWord::riscv ? Architecture::riscv
                                                     : Architecture::arm64;
  config.selection = static_cast<BootConfig::SizeSelection>(op.size_sel);
  config.size_mbytes = op.size_mbytes;
  config.size_percentage = op.size_percentage;
  config.node_areas = op.node_areas;
  config.possible_nodes = static_cast<unsigned>(op.possible_nodes);
  return config;
}

void run_boot(Machine& machine, const RunBoot& op, ProgramBoot& made) {
  const BootMachine parts{machine.geometry(), machine.trace, machine.memblock, machine.areas, machine.bugs};
  made.boot.emplace(parts, made.config, &made.tree, op.cmdline);
  made.boot->run(op.limit);
}

// Returns why the machine must not boot that way, for users; nullptr if it may. Tries it on another machine: a boot
// cannot be undone.
const char* why_not(const Machine& machine, const RunBoot& op, const ProgramBoot& made) {
  Machine twin(machine.geometry());
  twin.bugs = machine.bugs;
  twin.trace.copy_from(machine.trace);
  twin.memblock = machine.memblock;
  twin.areas.copy_from(machine.areas);
  ProgramBoot trial{made.config, made.tree, made.regions, std::nullopt};
  run_boot(twin, op, trial);
  if (!trial.boot->parameters().null_pointer.empty()) return "a word without a value stops the kernel: a null pointer";
  const std::optional<UnsafeArea> unsafe = unsafe_area(twin.memblock, twin.areas);
  if (!unsafe) return nullptr;
  switch (unsafe->why) {
    case UnsafeArea::Why::outside: return "an area would lie outside memory, which this kernel does not check";
    case UnsafeArea::Why::given_back: return "memory of an area would be given back with a region that overlaps it";
    case UnsafeArea::Why::shared: break;
  }
  return "two areas would have the same memory, which no kernel checks";
}

// Returns the error of a region that is no area; 0 if it has none that an operation sees.
int error_of(const TreeNode& node, const ReservedRegion& region) {
  const bool to_be_area = node.has("reusable") && node.compatible_with("shared-dma-pool");
  // The kernel asks those that look after pools next, whose error says less.
  if (to_be_area && region.area_error != 0) return region.area_error;
  if (region.error != 0 && region.error != -kENOENT) return region.error;
  return region.saved ? 0 : -kENOSPC;
}

// Records what became of a region: its area, or the error.
void record_region(World& world, Slot slot, const TreeNode& node, const ReservedRegion& region) {
  Result& result = world.result(slot);
  if (region.area) {
    result.yields = Yields::area;
    result.area = *region.area;
  } else if (const int error = error_of(node, region); error != 0) {
    world.fail(slot, error);
  }
}

}  // namespace

void Region::perform(World& world, Slot self) const {
  if (world.boot != nullptr) world.skip(self, "boot has read the tree already");
}

void DeviceTree::perform(World& world, Slot self) const {
  if (world.boot != nullptr)
    world.skip(self, "boot has read the tree already");
  else if (!read_tree_text(source))
    world.skip(self, "the text is no device tree that boot reads");
}

void BootArea::perform(World& world, Slot self) const {
  if (world.boot == nullptr) {
    world.skip(self, "boot has not reserved its areas yet");
    return;
  }
  if (const std::optional<AreaId> found = world.machine().areas.find(area)) {
    world.result(self).yields = Yields::area;
    world.result(self).area = *found;
    return;
  }
  if (const AreaAttempt* asked = world.boot->boot->attempt(area)) {
    world.fail(self, asked->error);
    return;
  }
  const ReservedRegion* region = world.boot->region_named(area);
  const int error = region == nullptr ? 0 : error_of(world.boot->tree.regions[region->node], *region);
  if (error != 0)
    world.fail(self, error);
  else
    world.skip(self, "boot was not asked for an area of that name");
}

void RunBoot::perform(World& world, Slot self) const {
  if (world.boot != nullptr) {
    world.skip(self, "boot has reserved its areas already");
    return;
  }
  auto made = std::make_unique<ProgramBoot>();
  made->config = config_of(*this);
  add_regions(world, self, *made);
  if (const char* why = why_not(world.machine(), *this, *made)) {
    world.skip(self, why);
    return;
  }
  run_boot(world.machine(), *this, *made);
  if (const auto& memory = made->boot->reserved_memory())
    for (const ReservedRegion& region : memory->regions())
      if (const std::optional<Slot> slot = made->regions[region.node])
        record_region(world, *slot, made->tree.regions[region.node], region);
  const DmaAreas& dma = made->boot->dma();
  if (const std::optional<AreaId> area = dma.default_area()) {
    world.result(self).yields = Yields::area;
    world.result(self).area = *area;
  } else if (!dma.attempts().empty() && dma.attempts().back().error != 0) {
    world.fail(self, dma.attempts().back().error);
  }
  world.boot = std::move(made);
}

}  // namespace cma
