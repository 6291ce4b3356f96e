#include "allocator/areas/area.h"

namespace cma {

void AreaTable::copy_from(const AreaTable& other) {
  areas = other.areas;
  total_pages = other.total_pages;
  alloc_success = other.alloc_success;
  alloc_fail = other.alloc_fail;
  cma_mutex.reset();
  for (Area& area : areas) area.lock.reset();
  sweeps = 0;
  between_sweeps.clear();
}

std::string bitmap_report(const Area& area) {
  std::string report = "number of available pages: ";
  std::uint64_t total = 0;
  const std::uint64_t bits = area.bitmap.size();
  for (std::uint64_t start = area.bitmap.next_zero(0, bits); start < bits;) {
    const std::uint64_t end = area.bitmap.next_set(start, bits);
    const std::uint64_t pages = (end - start) << area.order_per_bit;
    if (total != 0) report += '+';
    report += std::to_string(pages) + "@" + std::to_string(start);
    total += pages;
    start = area.bitmap.next_zero(end, bits);
  }
  return report + "=> " + std::to_string(total) + " free of " + std::to_string(area.pages) + " total pages";
}

}  // namespace cma
