#include "properties/program/ops_boot.h"

#include <algorithm>

#include "properties/program/world.h"

namespace cma {
namespace {

// Records how the declaration of an area ended: with an error, or with the newest area.
void record_declaration(World& world, Slot self, int error) {
  if (error != 0) {
    world.fail(self, error);
    return;
  }
  Result& result = world.result(self);
  result.yields = Yields::area;
  result.area = static_cast<AreaId>(world.machine().areas.size() - 1);
}

}  // namespace

void Reserve::perform(World& world, Slot self) const {
  const PfnRange memory = world.machine().memblock.memory();
  if (pages == 0 || base < memory.start || base >= memory.end || pages > memory.end - base) {
    world.skip(self, "not within memory");
    return;
  }
  world.machine().memblock.reserve({base, base + pages});
}

namespace {

// Returns whether the caller asks for a place where there is no memory, and the kernel does not check that. It would
// reserve the place, and follow page descriptors that do not exist when it activates the area.
bool beyond_memory(const DeclareRequest& request, const Machine& machine) {
  const Release release = machine.release();
  // The check came with 5.2; 4.19 has it since its stable releases.
  const bool kernel_checks = release >= Release::v4_19;
  // Before 3.17 every base was fixed, and there was no alignment to ask for.
  const bool fixed = release < Release::v3_17 || request.fixed;
  if (kernel_checks || !fixed || request.base == 0 || request.size == 0) return false;
  const std::uint64_t asked = release < Release::v3_17 ? 0 : request.alignment;
  if (asked != 0 && !is_power_of_two(asked)) return false;
  const std::uint64_t unit = machine.geometry().isolation_unit() << kPageShift;
  const std::uint64_t alignment = std::max(unit, asked);
  const std::uint64_t end = machine.geometry().memory.end << kPageShift;
  if (request.base > end || request.size > end) return true;
  return align_up(request.base, alignment) + align_up(request.size, alignment) > end;
}

}  // namespace

void Declare::perform(World& world, Slot self) const {
  DeclareRequest request;
  request.name = world.program().name_of(world.program().ops[self]);
  request.base = base;
  request.size = size;
  request.limit = limit;
  request.alignment = alignment;
  request.order_per_bit = static_cast<unsigned>(order_per_bit);
  request.fixed = fixed;
  if (beyond_memory(request, world.machine())) {
    world.skip(self, "the place is beyond memory, which this kernel does not check");
    return;
  }
  record_declaration(world, self, world.machine().areas.declare_contiguous(request));
}

// Skips memory that is another area's: the kernel does not check that, and would hand the memory out twice.
void InitReservedMem::perform(World& world, Slot self) const {
  const PfnRange range{base >> kPageShift, (base + size) >> kPageShift};
  const Areas& areas = world.machine().areas;
  for (AreaId id = 0; id < areas.size(); ++id) {
    const PfnRange other{areas.area(id).base, areas.area(id).base + areas.area(id).pages};
    if (!range.overlaps(other)) continue;
    world.skip(self, "the memory is another area's, which the kernel does not check");
    return;
  }
  const std::string name = world.program().name_of(world.program().ops[self]);
  const auto order = static_cast<unsigned>(order_per_bit);
  record_declaration(world, self, world.machine().areas.init_reserved_mem(base, size, order, name));
}

void Activate::perform(World& world, Slot) const { world.finish_boot(); }

}  // namespace cma
