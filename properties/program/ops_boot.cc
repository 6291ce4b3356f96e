#include "properties/program/ops_boot.h"

#include "properties/program/world.h"

namespace cma {
namespace {

// Settles the result of an operation that declares an area: the last one if it succeeded.
void declared(World& world, Slot self, int error) {
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
    world.skip(self);
    return;
  }
  world.machine().memblock.reserve({base, base + pages});
}

void Declare::perform(World& world, Slot self) const {
  DeclareRequest request;
  request.name = world.program().name_of(world.program().ops[self]);
  request.base = base;
  request.size = size;
  request.limit = limit;
  request.alignment = alignment;
  request.order_per_bit = static_cast<unsigned>(order_per_bit);
  request.fixed = fixed;
  declared(world, self, world.machine().areas.declare_contiguous(request));
}

// Memory that is another area's already is its caller's error: the kernel does not look, and would hand it out twice.
void InitReservedMem::perform(World& world, Slot self) const {
  const PfnRange range{base >> kPageShift, (base + size) >> kPageShift};
  const Areas& areas = world.machine().areas;
  for (AreaId id = 0; id < areas.size(); ++id) {
    const PfnRange other{areas.area(id).base, areas.area(id).base + areas.area(id).pages};
    if (!range.overlaps(other)) continue;
    world.skip(self);
    return;
  }
  const std::string name = world.program().name_of(world.program().ops[self]);
  const auto order = static_cast<unsigned>(order_per_bit);
  declared(world, self, world.machine().areas.init_reserved_mem(base, size, order, name));
}

void Activate::perform(World& world, Slot) const { world.finish_boot(); }

}  // namespace cma
