#include "properties/program/test_device.h"
#include "allocator/buddy/compound.h"

#include "allocator/base/error.h"

namespace cma {

std::optional<Pfn> divided_unit(const Machine& machine, Pfn first, std::uint64_t pages) {
  const std::uint64_t unit = machine.geometry().isolation_unit();
  for (Pfn start = align_down(first, unit); start < first + pages; start += unit) {
    bool areas = false;
    bool others = false;
    for (Pfn block = start; block < start + unit; block += machine.map.pageblock_pages()) {
      const Migratetype type = machine.map.pageblock_type(block);
      areas = areas || type == Migratetype::cma;
      others = others || (type != Migratetype::cma && type != Migratetype::isolate);
    }
    if (areas && others) return start;
  }
  return std::nullopt;
}

bool contig_may_be_asked(const Machine& machine, Pfn first, std::uint64_t pages) {
  if (!machine.map.present(first) || pages == 0 || pages > machine.map.range().end - first) return false;
  const std::uint64_t unit = machine.geometry().isolation_unit();
  const PfnRange zone = machine.buddy.zone_of(first).range;
  if (align_down(first, unit) < zone.start || align_up(first + pages, unit) > zone.end) return false;
  for (Pfn pfn = first; pfn < first + pages; ++pfn)
    if (!machine.map.present(pfn)) return false;
  return !divided_unit(machine, first, pages);
}

namespace {

// Takes frames of one pageblock, each with one reference.
Task<int> take_frames(Machine& machine, Pfn first, std::uint64_t pages) {
  if (!contig_may_be_asked(machine, first, pages)) co_return -kEINVAL;
  co_return co_await machine.areas.take_range(first, pages);
}

}  // namespace

Task<int> take_frame(Machine& machine, Pfn pfn) { return take_frames(machine, pfn, 1); }

Task<int> take_huge_frame(Machine& machine, Pfn head) {
  const unsigned order = machine.processes.huge_order();
  const std::uint64_t pages = order_pages(order);
  if (!is_aligned(head, pages)) co_return -kEINVAL;
  const int error = co_await take_frames(machine, head, pages);
  if (error != 0) co_return error;
  // Another actor may have taken a reference meanwhile.
  std::uint64_t ours = 0;
  while (ours < pages && machine.map.page(head + ours).ref == 1) ++ours;
  if (ours < pages) {
    for (Pfn pfn = head; pfn < head + pages; ++pfn) co_await machine.buddy.free_pages(pfn, 0);
    co_return -kEBUSY;
  }
  prep_compound_page(machine.map, head, order);
  co_return 0;
}

}  // namespace cma
