#include "properties/program/ops_boot.h"

#include <algorithm>

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
    world.skip(self, "not within memory");
    return;
  }
  world.machine().memblock.reserve({base, base + pages});
}

namespace {

// Before the checks of 5.2 the kernel reserves a named place whether there is memory or not, and follows page
// descriptors that do not exist when it activates the area: its caller's error.
bool beyond_memory(const DeclareRequest& request, const Machine& machine) {
  const bool named = machine.release() < Release::v4_9 || request.fixed;
  if (machine.release() >= Release::v4_19 || !named || request.base == 0 || request.size == 0) return false;
  // 3.6 takes no alignment.
  const std::uint64_t asked = machine.release() < Release::v4_9 ? 0 : request.alignment;
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
    world.skip(self, "the kernel would not look, and this place is beyond memory");
    return;
  }
  declared(world, self, world.machine().areas.declare_contiguous(request));
}

// Memory that is another area's already is its caller's error: the kernel does not look, and would hand it out twice.
void InitReservedMem::perform(World& world, Slot self) const {
  const PfnRange range{base >> kPageShift, (base + size) >> kPageShift};
  const Areas& areas = world.machine().areas;
  for (AreaId id = 0; id < areas.size(); ++id) {
    const PfnRange other{areas.area(id).base, areas.area(id).base + areas.area(id).pages};
    if (!range.overlaps(other)) continue;
    world.skip(self, "the kernel would not look, and this is another area's memory");
    return;
  }
  const std::string name = world.program().name_of(world.program().ops[self]);
  const auto order = static_cast<unsigned>(order_per_bit);
  declared(world, self, world.machine().areas.init_reserved_mem(base, size, order, name));
}

void Activate::perform(World& world, Slot) const { world.finish_boot(); }

}  // namespace cma
