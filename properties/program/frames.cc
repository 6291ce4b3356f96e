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

// `pages` frames of one pageblock, each with one reference.
Task<int> take_frames(Machine& machine, Pfn first, std::uint64_t pages) {
  if (!machine.map.present(first) || !unit_in_one_zone(machine, first)) co_return -kEINVAL;
  Mutex& cma_mutex = machine.areas.cma_mutex();
  co_await cma_mutex.lock(machine.engine);
  const bool area_block = machine.map.pageblock_type(first) == Migratetype::cma;
  const Migratetype type = area_block ? Migratetype::cma : Migratetype::movable;
  const int error = co_await machine.contig.alloc_contig_range(first, first + pages, type);
  cma_mutex.unlock(machine.engine);
  co_return error;
}

}  // namespace

Task<int> take_frame(Machine& machine, Pfn pfn) { return take_frames(machine, pfn, 1); }

Task<int> take_huge_frame(Machine& machine, Pfn head) {
  const unsigned order = machine.processes.huge_order();
  const std::uint64_t pages = order_pages(order);
  if (!is_aligned(head, pages)) co_return -kEINVAL;
  const int error = co_await take_frames(machine, head, pages);
  if (error != 0) co_return error;
  // Somebody may have taken a reference of his own meanwhile.
  std::uint64_t ours = 0;
  while (ours < pages && machine.map.page(head + ours).ref == 1) ++ours;
  if (ours < pages) {
    for (Pfn pfn = head; pfn < head + pages; ++pfn) co_await machine.buddy.free_pages(pfn, 0);
    co_return -kEBUSY;
  }
  machine.buddy.prep_compound_page(head, order);
  co_return 0;
}

}  // namespace cma
