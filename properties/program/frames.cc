#include "properties/program/frames.h"

#include "allocator/base/error.h"

namespace cma {
namespace {

// Whether the unit that a contiguous allocation of this frame isolates lies in the frame's zone: the kernel asks that
// of its callers.
bool unit_in_one_zone(const Machine& machine, Pfn pfn) {
  const std::uint64_t unit = machine.geometry().isolation_unit();
  const PfnRange zone = machine.buddy.zone_of(pfn).range;
  return align_down(pfn, unit) >= zone.start && align_down(pfn, unit) + unit <= zone.end;
}

}  // namespace

Task<int> take_frame(Machine& machine, Pfn pfn) {
  if (!machine.map.present(pfn) || !unit_in_one_zone(machine, pfn)) co_return -kEINVAL;
  Mutex& cma_mutex = machine.areas.cma_mutex();
  co_await cma_mutex.lock(machine.engine);
  const bool area_block = machine.map.pageblock_type(pfn) == Migratetype::cma;
  const Migratetype type = area_block ? Migratetype::cma : Migratetype::movable;
  const int error = co_await machine.contig.alloc_contig_range(pfn, pfn + 1, type);
  cma_mutex.unlock(machine.engine);
  co_return error;
}

}  // namespace cma
