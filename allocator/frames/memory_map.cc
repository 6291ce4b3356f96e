#include "allocator/frames/memory_map.h"

#include <algorithm>

namespace cma {
namespace {

// A chunk is at least 64 pages, so that there are few notes on machines with a tiny largest order.
constexpr unsigned kMinChunkOrder = 6;

}  // namespace

MemoryMap::MemoryMap(const Geometry& geometry)
    : range_(geometry.memory),
      pageblock_order_(geometry.pageblock_order),
      chunk_order_(std::max(geometry.largest_order, kMinChunkOrder)),
      first_block_(range_.start >> pageblock_order_),
      chunk_offset_(static_cast<Frame>(range_.start - align_order(range_.start, chunk_order_))),
      pages_(range_.pages()),
      types_(((range_.end - 1) >> pageblock_order_) - first_block_ + 1, Migratetype::movable),
      touched_(((range_.pages() - 1 + chunk_offset_) >> chunk_order_) + 1, 0) {
  for (Page& page : pages_) page.flags = kPageHole;
  const std::vector<ZoneSpec> zones = geometry.effective_zones();
  for (std::size_t zone = 0; zone < zones.size(); ++zone)
    for (Pfn pfn = zones[zone].range.start; pfn < zones[zone].range.end; ++pfn) {
      Page& page = pages_[frame(pfn)];
      // memmap_init_zone: every frame starts reserved with one reference; freeing it to the allocator is boot's work.
      page.flags = kPageReserved;
      page.ref = 1;
      page.zone = static_cast<std::uint8_t>(zone);
    }
  for (const PfnRange& hole : geometry.holes)
    for (Pfn pfn = hole.start; pfn < hole.end; ++pfn) {
      pages_[frame(pfn)].flags = kPageHole;
      pages_[frame(pfn)].ref = 0;
    }
}

PfnRange MemoryMap::chunk_range(std::size_t chunk) const {
  const Pfn base = align_order(range_.start, chunk_order_) + (static_cast<Pfn>(chunk) << chunk_order_);
  return {std::max(base, range_.start), std::min(base + order_pages(chunk_order_), range_.end)};
}

Pfn MemoryMap::head_of_tail(Pfn pfn) const {
  for (unsigned order = 1; order < kOrderLimit; ++order) {
    const Pfn head = align_order(pfn, order);
    if (valid(head) && page(head).has(kPageHead)) return head;
  }
  CMA_ASSERT(false && "a tail has a head");
  return pfn;
}

// Puts a chunk on the lists that it is not on. That of the audit is always one: it alone is emptied without the other.
void MemoryMap::note(std::size_t chunk) {
  touched_list_.push_back(static_cast<std::uint32_t>(chunk));
  if ((touched_[chunk] & kForRestore) == 0) restore_list_.push_back(static_cast<std::uint32_t>(chunk));
  touched_[chunk] = kForAudit | kForRestore;
}

void MemoryMap::forget_touched() {
  for (std::uint32_t chunk : touched_list_) touched_[chunk] &= static_cast<std::uint8_t>(~kForAudit);
  touched_list_.clear();
}

void MemoryMap::restore(const MemoryMap& boot) {
  CMA_ASSERT(boot.range_ == range_ && boot.types_.size() == types_.size());
  for (std::uint32_t chunk : restore_list_) {
    const PfnRange range = chunk_range(chunk);
    const Frame first = frame(range.start);
    std::copy_n(boot.pages_.begin() + first, range.pages(), pages_.begin() + first);
    const std::size_t block = block_index(range.start);
    const std::size_t last = block_index(range.end - 1);
    std::copy(boot.types_.begin() + static_cast<std::ptrdiff_t>(block),
              boot.types_.begin() + static_cast<std::ptrdiff_t>(last) + 1,
              types_.begin() + static_cast<std::ptrdiff_t>(block));
    touched_[chunk] = 0;
  }
  restore_list_.clear();
  touched_list_.clear();
}

}  // namespace cma
