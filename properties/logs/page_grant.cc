#include "properties/logs/page_grant.h"

#include <algorithm>
#include <vector>

#include "allocator/base/pfn.h"

namespace cma::logs {
namespace {

// Returns kB as pages; figures that only a damaged line has are cut.
std::int64_t in_pages(std::uint64_t kb, const PageRequest& request) {
  return static_cast<std::int64_t>(std::min(kb, std::uint64_t{1} << 50) / request.page_kb);
}

// Returns the place of a zone in the kernel's order; the name may have a node before it.
unsigned zone_rank(std::string_view name) {
  name.remove_prefix(name.rfind(' ') == std::string_view::npos ? 0 : name.rfind(' ') + 1);
  if (name == "DMA") return 0;
  if (name == "DMA32") return 1;
  if (name == "HighMem") return 3;
  if (name == "Movable") return 4;
  return 2;
}

// Returns the rank of the highest zone that the flags allow (gfp_zone).
unsigned ceiling_of(Gfp flags) {
  if ((flags & kGfpHighmem) != 0) return (flags & kGfpMovable) != 0 ? 4 : 3;
  if ((flags & kGfpDma) != 0) return 0;
  return (flags & kGfpDma32) != 0 ? 1 : 2;
}

// Returns the ranks of the zones that the kernel was configured with, as far as their number tells.
std::vector<unsigned> configured_zones(std::size_t zones, std::string_view name, bool high_memory) {
  switch (zones) {
    case 2: return {2, 4};
    case 3:
      if (high_memory) return {2, 3, 4};
      return {zone_rank(name) == 0 ? 0U : 1U, 2, 4};
    case 4: return high_memory ? std::vector<unsigned>{0, 2, 3, 4} : std::vector<unsigned>{0, 1, 2, 4};
    case 5: return {0, 1, 2, 4, 5};
    default: return {};
  }
}

// Returns what the zone keeps from the request, which might use higher ones.
std::int64_t reserve_for(const ZoneReport& zone, Gfp flags, bool high_memory) {
  const std::vector<unsigned> zones = configured_zones(zone.reserve.size(), zone.name, high_memory);
  std::int64_t reserve = 0;
  for (std::size_t i = 0; i < zones.size(); ++i)
    if (zones[i] <= ceiling_of(flags))
      reserve = static_cast<std::int64_t>(std::min(zone.reserve[i], std::uint64_t{1} << 48));
  return reserve;
}

bool is_urgent(const PageRequest& request) { return (request.flags & kGfpHigh) != 0; }

// Returns whether the request may go below the mark because it cannot wait.
bool cannot_wait(const PageRequest& request) {
  if (request.release < Release::v4_4 || request.release >= Release::v6_3)
    return (request.flags & kGfpDirectReclaim) == 0;
  return (request.flags & kGfpAtomicBit) != 0;
}

// Returns whether pages kept for urgent requests are open to it.
bool may_use_highatomic(const PageRequest& request) {
  // Single pages come from the per-CPU lists; since 6.3 from that reserve where those find none.
  if (request.release >= Release::v6_3) return cannot_wait(request) && (is_urgent(request) || request.order == 0);
  return cannot_wait(request) && request.order != 0;
}

// Returns whether those pages count for it, which since 6.3 they do for more requests than may have them.
bool counts_highatomic(const PageRequest& request) {
  if (request.release >= Release::v6_3) return is_urgent(request) || cannot_wait(request);
  return cannot_wait(request);
}

// Returns whether the release does not tell if those pages count: the long-term series of 5.15 and 6.1 took the rules
// of 6.3 over at some time.
bool may_count_highatomic(const PageRequest& request) {
  if (request.release != Release::v5_15 && request.release != Release::v6_1) return false;
  PageRequest newer = request;
  newer.release = Release::v6_3;
  return counts_highatomic(newer) != counts_highatomic(request);
}

// Finds the smallest block that the request may take.
void find_block(const ZoneReport& zone, const PageRequest& request, GrantTest& test) {
  const std::string letters = usable_letters(request);
  test.blocks_known = zone.blocks.size() > request.order && zone.blocks_sum.has_value();
  for (std::size_t order = request.order; order < zone.blocks.size(); ++order) {
    const BlocksLine& blocks = zone.blocks[order];
    if (blocks.count == 0) continue;
    if (blocks.letters.empty()) test.blocks_known = false;
    if (blocks.letters.find_first_of(letters) == std::string::npos) {
      if (blocks.letters == "C") test.blocks_of_areas += blocks.count;
      if (blocks.letters == "H") test.blocks_kept += blocks.count;
      if (blocks.letters == "HC" || blocks.letters == "CH") test.blocks_of_either += blocks.count;
    } else if (!test.block_order) {
      test.block_order = static_cast<unsigned>(order);
    }
  }
}

}  // namespace

bool may_use_zone(Gfp flags, std::string_view zone) { return zone_rank(zone) <= ceiling_of(flags); }

std::string_view zone_asked(Gfp flags) {
  if ((flags & kGfpHighmem) != 0) return {};
  if ((flags & kGfpDma) != 0) return "DMA";
  return (flags & kGfpDma32) != 0 ? "DMA32" : "";
}

bool may_use_areas(Gfp flags) { return (flags & kGfpMovable) != 0; }

bool goes_below_mark(const PageRequest& request) {
  return is_urgent(request) || (cannot_wait(request) && request.release < Release::v6_3);
}

std::string usable_letters(const PageRequest& request) {
  std::string letters = "UME";
  if (may_use_highatomic(request)) letters += 'H';
  if (may_use_areas(request.flags)) letters += 'C';
  return letters;
}

GrantTest test_grant(const ZoneReport& zone, const PageRequest& request, bool high_memory) {
  GrantTest test;
  test.free = in_pages(zone.free, request);
  if (!may_use_areas(request.flags)) test.of_areas = in_pages(zone.of_areas.value_or(0), request);
  // Kernels that print how many of them are free (6.13, and stable ones before) leave out only those.
  const bool reserve_may_count = may_count_highatomic(request);
  if (!counts_highatomic(request) && !reserve_may_count)
    test.highatomic = in_pages(zone.free_highatomic ? *zone.free_highatomic : zone.highatomic.value_or(0), request);
  test.areas_unknown = !may_use_areas(request.flags) && !zone.of_areas;
  test.highatomic_unknown = !counts_highatomic(request) && !zone.highatomic && request.release >= Release::v4_4;
  test.at_most =
      test.areas_unknown || test.highatomic_unknown || (reserve_may_count && zone.highatomic.value_or(1) != 0);
  test.block = static_cast<std::int64_t>(order_pages(request.order)) - 1;
  test.mark = in_pages(zone.min, request);
  if (is_urgent(request)) test.mark -= test.mark / 2;
  if (cannot_wait(request) && (is_urgent(request) || request.release < Release::v6_3)) test.mark -= test.mark / 4;
  test.reserve = request.flags_assumed ? 0 : reserve_for(zone, request.flags, high_memory);
  // Who frees memory by taking some may take the last page.
  if ((request.flags & kGfpMemalloc) != 0 && (request.flags & kGfpNomemalloc) == 0) test.mark = test.reserve = 0;
  test.enough = test.usable() > test.needed();
  find_block(zone, request, test);
  return test;
}

}  // namespace cma::logs
