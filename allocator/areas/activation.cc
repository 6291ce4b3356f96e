#include "allocator/areas/activation.h"

namespace cma {

bool Activation::in_one_zone(Pfn block, std::uint64_t pages, std::uint8_t zone) const {
  for (Pfn pfn = block; pfn < block + pages; ++pfn)
    if (!core_.map.present(pfn) || (core_.map.page(pfn).zone != zone && !core_.bugs.fires(Bug::zones_not_compared)))
      return false;
  return true;
}

bool Activation::make_bitmap(Area& area) {
  if (area.fail_bitmap) return false;
  area.bitmap = Bitmap(area.pages >> area.order_per_bit);
  return true;
}

// Leaves the area without bitmap and pages.
void Activation::activation_failed(Area& area) {
  area.bitmap = Bitmap();
  // If zones differ the size is cleared, bug or not.
  if (area.fail_bitmap && core_.bugs.fires(Bug::inactive_alloc)) return;
  area.pages = 0;
}

// Checks and converts one pageblock after the other: a late failure leaves the earlier ones to the allocator, as CMA.
bool Activation::activate_v3_5(Area& area) {
  const auto failed = [&](bool reported) {
    if (reported) core_.trace.log("cma: CMA area " + area.name + " could not be activated");
    activation_failed(area);
    return false;
  };
  if (!make_bitmap(area)) return failed(release_ >= Release::v5_9);
  const std::uint64_t step = core_.map.pageblock_pages();
  const std::uint8_t zone = core_.map.valid(area.base) ? core_.map.page(area.base).zone : std::uint8_t{0};
  for (Pfn block = area.base; block < area.base + area.pages; block += step) {
    // Mainline reports zones that differ since 4.16, recalled; the model since 4.9.
    if (!in_one_zone(block, step, zone)) return failed(release_ >= Release::v4_9);
    buddy_.free_cma_pageblock(block);
  }
  return true;
}

// Checks the whole area first, and gives the pages of an area that fails to the allocator as ordinary memory.
bool Activation::activate_v5_12(Area& area) {
  const std::uint8_t zone = core_.map.valid(area.base) ? core_.map.page(area.base).zone : std::uint8_t{0};
  if (make_bitmap(area) && in_one_zone(area.base, area.pages, zone)) {
    const std::uint64_t step = core_.map.pageblock_pages();
    for (Pfn block = area.base; block < area.base + area.pages; block += step) buddy_.free_cma_pageblock(block);
    return true;
  }
  const Pfn first = area.base + (core_.bugs.fires(Bug::failed_area_loses_frame) ? 1 : 0);
  for (Pfn pfn = first; pfn < area.base + area.pages; ++pfn)
    if (core_.map.present(pfn)) buddy_.free_reserved_page(pfn);
  table_.total_pages -= area.pages;
  core_.trace.log("cma: CMA area " + area.name + " could not be activated");
  activation_failed(area);
  return false;
}

void Activation::activate_all() {
  const bool first_failure_ends =
      (release_ >= Release::v3_17 && release_ < Release::v5_9) || core_.bugs.active(Bug::never_activated);
  for (Area& area : table_.areas) {
    area.activation_tried = true;
    const bool activated = release_ >= Release::v5_12 ? activate_v5_12(area) : activate_v3_5(area);
    if (!activated && first_failure_ends) break;
  }
}

}  // namespace cma
