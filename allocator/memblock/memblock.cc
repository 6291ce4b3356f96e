#include "allocator/memblock/memblock.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// Adds a range to ascending, disjoint ones, and merges those that touch or overlap.
void insert_merged(std::vector<PfnRange>& ranges, PfnRange range) {
  std::vector<PfnRange> merged;
  for (const PfnRange& other : ranges) {
    if (other.end < range.start || range.end < other.start) {
      merged.push_back(other);
    } else {
      range = {std::min(range.start, other.start), std::max(range.end, other.end)};
    }
  }
  merged.push_back(range);
  std::sort(merged.begin(), merged.end(), [](const PfnRange& a, const PfnRange& b) { return a.start < b.start; });
  ranges = std::move(merged);
}

}  // namespace

Memblock::Memblock(const Geometry& geometry) : memory_(geometry.memory) {
  for (const PfnRange& hole : geometry.holes) insert_merged(holes_, hole);
  // Memory outside every zone does not belong to the allocator.
  Pfn covered = memory_.start;
  for (const ZoneSpec& zone : geometry.effective_zones()) {
    if (covered < zone.range.start) insert_merged(holes_, {covered, zone.range.start});
    covered = zone.range.end;
  }
  if (covered < memory_.end) insert_merged(holes_, {covered, memory_.end});
  for (const PfnRange& range : geometry.reserved) reserve(range);
}

bool Memblock::is_region_reserved(const PfnRange& range) const {
  return std::any_of(reserved_.begin(), reserved_.end(),
                     [&](const PfnRange& r) { return r.start <= range.start && range.end <= r.end; });
}

bool Memblock::is_region_intersects_reserved(const PfnRange& range) const {
  return std::any_of(reserved_.begin(), reserved_.end(), [&](const PfnRange& r) { return r.overlaps(range); });
}

bool Memblock::usable(const PfnRange& range) const {
  if (is_region_intersects_reserved(range)) return false;
  return std::none_of(holes_.begin(), holes_.end(), [&](const PfnRange& hole) { return hole.overlaps(range); });
}

void Memblock::reserve(const PfnRange& range) {
  CMA_ASSERT(range.start < range.end);
  insert_merged(reserved_, range);
}

void Memblock::free(const PfnRange& range) {
  std::vector<PfnRange> left;
  for (const PfnRange& r : reserved_) {
    if (!r.overlaps(range)) {
      left.push_back(r);
      continue;
    }
    if (r.start < range.start) left.push_back({r.start, range.start});
    if (range.end < r.end) left.push_back({range.end, r.end});
  }
  reserved_ = std::move(left);
}

Pfn Memblock::alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up) {
  low = std::max(low, memory_.start);
  high = std::min(high, memory_.end);
  if (pages == 0 || low >= high || pages > high - low) return kNoPfn;
  const Pfn lowest = align_up(low, align);
  const Pfn highest = align_down(high - pages, align);
  if (lowest > highest) return kNoPfn;
  for (std::uint64_t step = 0; step <= (highest - lowest) / align; ++step) {
    const Pfn base = bottom_up ? lowest + step * align : highest - step * align;
    if (!usable({base, base + pages})) continue;
    reserve({base, base + pages});
    return base;
  }
  return kNoPfn;
}

std::vector<PfnRange> Memblock::free_ranges() const {
  std::vector<PfnRange> taken = holes_;
  for (const PfnRange& range : reserved_) insert_merged(taken, range);
  std::vector<PfnRange> free;
  Pfn next = memory_.start;
  for (const PfnRange& range : taken) {
    // A reservation may lie beyond memory.
    const Pfn end = std::min(range.start, memory_.end);
    if (next < end) free.push_back({next, end});
    next = std::max(next, range.end);
  }
  if (next < memory_.end) free.push_back({next, memory_.end});
  return free;
}

}  // namespace cma
