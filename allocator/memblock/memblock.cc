#include "allocator/memblock/memblock.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {
namespace {

using Ranges = std::vector<ByteRange>;

// Adds a range to ascending, disjoint ones, and merges those that touch or overlap.
void insert_merged(Ranges& ranges, ByteRange range) {
  Ranges merged;
  for (const ByteRange& other : ranges) {
    if (other.end < range.start || range.end < other.start) {
      merged.push_back(other);
    } else {
      range = {std::min(range.start, other.start), std::max(range.end, other.end)};
    }
  }
  merged.push_back(range);
  std::sort(merged.begin(), merged.end(), [](const ByteRange& a, const ByteRange& b) { return a.start < b.start; });
  ranges = std::move(merged);
}

// Cuts a range out of ascending, disjoint ones.
void cut_out(Ranges& ranges, const ByteRange& range) {
  if (range.start >= range.end) return;
  Ranges left;
  for (const ByteRange& r : ranges) {
    if (!r.overlaps(range)) {
      left.push_back(r);
      continue;
    }
    if (r.start < range.start) left.push_back({r.start, range.start});
    if (range.end < r.end) left.push_back({range.end, r.end});
  }
  ranges = std::move(left);
}

bool any_overlaps(const Ranges& ranges, const ByteRange& range) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const ByteRange& r) { return r.overlaps(range); });
}

// Returns the highest or the lowest place for the request in one free range, which no other range interrupts. The
// arithmetic is that of the kernel, which rounds before it compares.
std::optional<std::uint64_t> place_in(const ByteRange& free, const BytesWanted& wanted) {
  const std::uint64_t start = std::clamp(free.start, wanted.low, wanted.high);
  const std::uint64_t end = std::clamp(free.end, wanted.low, wanted.high);
  if (wanted.bottom_up) {
    const std::uint64_t place = align_up(start, wanted.align);
    if (place >= start && place < end && end - place >= wanted.size) return place;
    return std::nullopt;
  }
  if (end < wanted.size) return std::nullopt;
  const std::uint64_t place = align_down(end - wanted.size, wanted.align);
  if (place < start) return std::nullopt;
  return place;
}

}  // namespace

Memblock::Memblock(const Geometry& geometry)
    : memory_(geometry.memory), shift_(geometry.page_shift()), phys_mask_(geometry.phys_mask()) {
  for (const PfnRange& hole : geometry.holes) insert_merged(holes_, bytes_of(hole));
  // Memory outside every zone does not belong to the allocator.
  Pfn covered = memory_.start;
  for (const ZoneSpec& zone : geometry.effective_zones()) {
    if (covered < zone.range.start) insert_merged(holes_, bytes_of({covered, zone.range.start}));
    covered = zone.range.end;
    nodes_.emplace_back(zone.node, bytes_of(zone.range));
  }
  if (covered < memory_.end) insert_merged(holes_, bytes_of({covered, memory_.end}));
  for (const PfnRange& range : geometry.reserved) reserve(range);
}

// Returns the first byte of a frame; the largest number for frames that have no address.
std::uint64_t Memblock::address(Pfn pfn) const {
  return pfn > (~std::uint64_t{0} >> shift_) ? ~std::uint64_t{0} : pfn << shift_;
}

// Returns the range, which ends before the largest address.
ByteRange Memblock::capped(std::uint64_t base, std::uint64_t size) const {
  base &= phys_mask_;
  return {base, base + std::min(size, phys_mask_ - base)};
}

// --- frames ---

bool Memblock::is_region_reserved(const PfnRange& range) const {
  const ByteRange bytes = bytes_of(range);
  return std::any_of(reserved_.begin(), reserved_.end(),
                     [&](const ByteRange& r) { return r.start <= bytes.start && bytes.end <= r.end; });
}

bool Memblock::is_region_intersects_reserved(const PfnRange& range) const {
  return any_overlaps(reserved_, bytes_of(range));
}

void Memblock::reserve(const PfnRange& range) {
  CMA_ASSERT(range.start < range.end);
  insert_merged(reserved_, bytes_of(range));
}

void Memblock::free(const PfnRange& range) { cut_out(reserved_, bytes_of(range)); }

Pfn Memblock::alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up,
                          std::optional<unsigned> node) {
  low = std::max(low, memory_.start);
  high = std::min(high, memory_.end);
  if (pages == 0 || low >= high || pages > high - low) return kNoPfn;
  const std::optional<std::uint64_t> place = alloc_bytes({.size = pages << shift_,
                                                          .align = align << shift_,
                                                          .low = address(low),
                                                          .high = address(high),
                                                          .bottom_up = bottom_up,
                                                          .node = node});
  return place ? *place >> shift_ : kNoPfn;
}

// --- bytes ---

void Memblock::reserve_bytes(std::uint64_t base, std::uint64_t size) {
  const ByteRange range = capped(base, size);
  if (range.size() != 0) insert_merged(reserved_, range);
}

void Memblock::free_bytes(std::uint64_t base, std::uint64_t size) { cut_out(reserved_, capped(base, size)); }

bool Memblock::any_reserved(std::uint64_t base, std::uint64_t size) const {
  return any_overlaps(reserved_, capped(base, size));
}

bool Memblock::any_memory(std::uint64_t base, std::uint64_t size) const {
  return any_overlaps(memory_ranges(), capped(base, size));
}

void Memblock::remove(std::uint64_t base, std::uint64_t size) {
  const ByteRange range = capped(base, size);
  for (const ByteRange& memory : memory_ranges()) {
    const ByteRange part{std::max(memory.start, range.start), std::min(memory.end, range.end)};
    if (part.start < part.end) insert_merged(removed_, part);
  }
}

void Memblock::add_again(std::uint64_t base, std::uint64_t size) { cut_out(removed_, capped(base, size)); }

void Memblock::mark_nomap(std::uint64_t base, std::uint64_t size) {
  const ByteRange range = capped(base, size);
  if (range.size() != 0) insert_merged(nomap_, range);
}

void Memblock::clear_nomap(std::uint64_t base, std::uint64_t size) { cut_out(nomap_, capped(base, size)); }

std::optional<std::uint64_t> Memblock::find_bytes(const BytesWanted& asked) const {
  BytesWanted wanted = asked;
  wanted.low = std::max(wanted.low, std::uint64_t{1} << shift_);
  wanted.high = std::max(wanted.low, wanted.high);
  std::vector<ByteRange> free = free_bytes_ranges();
  if (!wanted.bottom_up) std::reverse(free.begin(), free.end());
  for (const ByteRange& range : free) {
    if (!wanted.node) {
      if (const auto place = place_in(range, wanted)) return place;
      continue;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto& [node, bytes] = nodes_[wanted.bottom_up ? i : nodes_.size() - 1 - i];
      const ByteRange part{std::max(bytes.start, range.start), std::min(bytes.end, range.end)};
      if (node != *wanted.node || part.start >= part.end) continue;
      if (const auto place = place_in(part, wanted)) return place;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Memblock::alloc_bytes(const BytesWanted& wanted) {
  const std::optional<std::uint64_t> place = find_bytes(wanted);
  if (place) reserve_bytes(*place, wanted.size);
  return place;
}

// --- contents ---

// Returns the memory, ascending: without holes and without what was taken out.
std::vector<ByteRange> Memblock::memory_ranges() const {
  std::vector<ByteRange> ranges = {bytes_of(memory_)};
  for (const ByteRange& hole : holes_) cut_out(ranges, hole);
  for (const ByteRange& range : removed_) cut_out(ranges, range);
  return ranges;
}

std::uint64_t Memblock::pages_of_ranges() const {
  std::uint64_t pages = 0;
  for (const ByteRange& range : memory_ranges()) {
    const Pfn first = align_up(range.start, std::uint64_t{1} << shift_) >> shift_;
    const Pfn end = range.end >> shift_;
    if (first < end) pages += end - first;
  }
  return pages;
}

std::uint64_t Memblock::pages_of_bytes() const {
  std::uint64_t bytes = 0;
  for (const ByteRange& range : memory_ranges()) bytes += range.size();
  return bytes >> shift_;
}

std::vector<PfnRange> Memblock::reserved() const {
  const std::uint64_t page = std::uint64_t{1} << shift_;
  const std::uint64_t last = ~(page - 1);  // the largest address of a page, and the end of what reaches beyond it
  Ranges kept;
  for (const Ranges* ranges : {&reserved_, &removed_, &nomap_})
    for (const ByteRange& range : *ranges)
      insert_merged(kept, {align_down(range.start, page), range.end > last ? last : align_up(range.end, page)});
  std::vector<PfnRange> pages;
  for (const ByteRange& range : kept) pages.push_back({range.start >> shift_, range.end >> shift_});
  return pages;
}

std::vector<ByteRange> Memblock::free_bytes_ranges() const {
  std::vector<ByteRange> ranges = memory_ranges();
  for (const ByteRange& range : nomap_) cut_out(ranges, range);
  for (const ByteRange& range : reserved_) cut_out(ranges, range);
  return ranges;
}

std::vector<PfnRange> Memblock::free_ranges() const {
  std::vector<PfnRange> pages;
  for (const ByteRange& range : free_bytes_ranges()) {
    const PfnRange whole{align_up(range.start, std::uint64_t{1} << shift_) >> shift_, range.end >> shift_};
    if (whole.start < whole.end) pages.push_back(whole);
  }
  return pages;
}

}  // namespace cma
