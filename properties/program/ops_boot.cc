#include "properties/program/ops_boot.h"

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

// Returns why a place must not be reserved: there is no memory, and the kernel does not look. It follows descriptors of
// pages that do not exist when it activates the area. memblock_reserve() takes any range; a fixed area that ends beyond
// memory is refused since 3.18 if it begins below its end, or below high memory, and since 5.0 (4.19 has it from its
// stable series) by its limit. No release looks for the start of memory. nullptr: the kernel reserves memory, or fails.
const char* no_memory_there(const Machine& machine, const DeclareRequest& request) {
  const std::optional<PfnRange> place = machine.areas.boot().place_of(request);
  const PfnRange& memory = machine.memblock.memory();
  if (place && place->start < memory.start) return "the place begins before memory, which no kernel checks";
  if (place && place->end > memory.end) return "the place is beyond memory, which this kernel does not check";
  return nullptr;
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
  if (const char* why = no_memory_there(world.machine(), request)) {
    world.skip(self, why);
    return;
  }
  record_declaration(world, self, world.machine().areas.boot().declare_contiguous(request));
}

// Skips memory that is another area's, or is not reserved as a whole: the kernel does not check either, and would hand
// the memory out twice.
void InitReservedMem::perform(World& world, Slot self) const {
  const Geometry& geometry = world.machine().geometry();
  const PfnRange range{(base & geometry.phys_mask()) >> geometry.page_shift(),
                       ((base + size) & geometry.phys_mask()) >> geometry.page_shift()};
  const Areas& areas = world.machine().areas;
  for (AreaId id = 0; id < areas.size(); ++id) {
    const PfnRange other{areas.area(id).base, areas.area(id).base + areas.area(id).pages};
    if (!range.overlaps(other)) continue;
    world.skip(self, "the memory is another area's, which the kernel does not check");
    return;
  }
  const Memblock& memblock = world.machine().memblock;
  const bool whole = range.start >= range.end || memblock.is_region_reserved(range);
  if (!whole && memblock.is_region_intersects_reserved(range)) {
    world.skip(self, "a part of the memory is not reserved, which the kernel does not check");
    return;
  }
  const auto order = static_cast<unsigned>(order_per_bit);
  // Up to 5.14 the kernel refuses such bits itself.
  const bool accepted = geometry.release >= Release::v5_15 && order < 64;
  if (accepted && range.start < range.end && !is_aligned(range.pages(), order_pages(order))) {
    world.skip(self, "the area would end inside a bit, which is not modelled");
    return;
  }
  const std::string name = world.program().name_of(world.program().ops[self]);
  record_declaration(world, self, world.machine().areas.boot().init_reserved_mem(base, size, order, name));
}

void Activate::perform(World& world, Slot) const { world.finish_boot(); }

}  // namespace cma
