#include "allocator/areas/area.h"

namespace cma {

void AreaTable::copy_from(const AreaTable& other) {
  areas = other.areas;
  total_pages = other.total_pages;
  alloc_success = other.alloc_success;
  alloc_fail = other.alloc_fail;
  last_bit = other.last_bit;
  cma_mutex.reset();
  for (Area& area : areas) area.lock.reset();
  sweeps = 0;
  between_sweeps.clear();
}

std::string bitmap_report(const Area& area, BugSet& bugs) {
  std::string report = "number of available pages: ";
  std::uint64_t total = 0;
  const std::uint64_t bits = area.bitmap.size();
  std::uint64_t end = 0;
  for (std::uint64_t start = area.bitmap.next_zero(0, bits); start < bits; start = area.bitmap.next_zero(end, bits)) {
    end = area.bitmap.next_set(start, bits);
    const bool cuts = end - start > 1 && bugs.fires(Bug::report_cuts_holes);
    const std::uint64_t pages = (end - start - (cuts ? 1 : 0)) << area.order_per_bit;
    if (total != 0) report += '+';
    report += std::to_string(pages) + "@" + std::to_string(start);
    total += pages;
  }
  return report + "=> " + std::to_string(total) + " free of " + std::to_string(area.pages) + " total pages";
}

}  // namespace cma
