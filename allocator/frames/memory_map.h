// The memory map: page descriptors and pageblock types of one machine, in flat arrays indexed by pfn. Every layer above
// reads and changes pages here.
//
// Every change of a page or a pageblock type goes through the calls below, which note the chunk (one largest free
// block, or 64 pages if that is more). The notes make two things cheap: an audit recounts only the chunks that an
// operation touched, and a return to the state after boot copies only the chunks touched since. Access is O(1), a
// search of the head at most one look for each order; a change of a chunk noted before costs a branch more. zone->lock
// protects free pages and pageblock types (buddy/zone.h); what protects a page in use is stated where it is used.
#pragma once

#include <span>
#include <vector>

#include "allocator/base/assert.h"
#include "allocator/base/geometry.h"
#include "allocator/frames/page.h"

namespace cma {

class MemoryMap {
 public:
  // Makes the map as it is before boot: all frames that exist are reserved, with one reference, in Movable pageblocks.
  // Requires: the geometry is possible (Geometry::impossible).
  explicit MemoryMap(const Geometry& geometry);

  // --- frames ---
  // Returns the frames from the machine's first to its last, holes included.
  const PfnRange& range() const { return range_; }
  // Returns whether the frame lies inside the map; it may be a hole.
  bool valid(Pfn pfn) const { return pfn - range_.start < range_.pages(); }
  // Returns whether the frame exists (pfn_valid and online).
  bool present(Pfn pfn) const { return valid(pfn) && !page(pfn).has(kPageHole); }

  // Convert between frame number and index. Require: the frame lies in the map, as all functions on pages do.
  Frame frame(Pfn pfn) const {
    CMA_ASSERT(valid(pfn));
    return static_cast<Frame>(pfn - range_.start);
  }
  Pfn pfn(Frame frame) const { return range_.start + frame; }

  // --- pages ---
  const Page& page(Pfn pfn) const { return pages_[frame(pfn)]; }
  const Page& at(Frame frame) const {
    CMA_ASSERT(frame < pages_.size());
    return pages_[frame];
  }
  // Returns the first page of the compound page that this one is part of, or the page itself (compound_head). Requires:
  // a tail has a head, as it has unless a compound page is being made or taken apart.
  Pfn compound_head(Pfn pfn) const { return page(pfn).has(kPageTail) ? head_of_tail(pfn) : pfn; }
  // Returns whether the page is on the LRU, or part of a compound page that is (PageLRU). Requires: as compound_head().
  bool on_lru(Pfn pfn) const {
    const Page& own = page(pfn);
    return (own.has(kPageTail) ? page(head_of_tail(pfn)) : own).has(kPageLru);
  }
  // Return a page to edit at once, and note its chunk. The reference is good for changes until the notes are forgotten.
  Page& edit(Pfn pfn) { return edit_at(frame(pfn)); }
  Page& edit_at(Frame frame) {
    CMA_ASSERT(frame < pages_.size());
    touch(frame);
    return pages_[frame];
  }
  // Returns several pages to edit, and notes their chunks once. Requires: at least one page, all in the map.
  std::span<Page> edit_run(Pfn pfn, std::uint64_t pages) {
    const Frame first = frame(pfn);
    CMA_ASSERT(pages > 0 && pages <= pages_.size() - first);
    const auto last = static_cast<Frame>(first + pages - 1);
    for (std::size_t chunk = chunk_of(first); chunk <= chunk_of(last); ++chunk)
      if (touched_[chunk] != (kForAudit | kForRestore)) [[unlikely]]
        note(chunk);
    return {&pages_[first], pages};
  }

  // --- pageblocks ---
  unsigned pageblock_order() const { return pageblock_order_; }
  std::uint64_t pageblock_pages() const { return order_pages(pageblock_order_); }
  Pfn pageblock_start(Pfn pfn) const { return align_down(pfn, pageblock_pages()); }
  // Returns the type stored for the pageblock of pfn. The kernel reads it without a lock in places, and changes it,
  // once boot is over, only under zone->lock.
  Migratetype pageblock_type(Pfn pfn) const { return types_[block_index(pfn)]; }
  void set_pageblock_type(Pfn pfn, Migratetype type) {
    touch(frame(pfn));
    types_[block_index(pfn)] = type;
  }
  // Sets the type of each pageblock of a block of 2^order pages. Requires: the block is at least a pageblock, and
  // aligned to its order.
  void set_pageblock_types(Pfn pfn, unsigned order, Migratetype type) {
    for (Pfn block = pfn; block < pfn + order_pages(order); block += pageblock_pages()) set_pageblock_type(block, type);
  }
  std::size_t pageblocks() const { return types_.size(); }

  // --- chunks that were touched ---
  unsigned chunk_order() const { return chunk_order_; }
  std::size_t chunks() const { return touched_.size(); }
  // Returns the frames of a chunk, cut to the map. Requires: chunk < chunks().
  PfnRange chunk_range(std::size_t chunk) const;
  // Returns the chunks touched since forget_touched(), in the order in which they were. For one reader, the audit.
  const std::vector<std::uint32_t>& touched_chunks() const { return touched_list_; }
  // Begins the list of touched chunks anew.
  void forget_touched();

  // --- the whole map ---
  // Makes this map equal to `boot` by copying back the chunks touched since it last was; forgets what was touched.
  // Requires: `boot` is of the same geometry, and this map was equal to it when its own boot ended, or at the
  // last restore().
  void restore(const MemoryMap& boot);

  // Returns the size of descriptors and types.
  std::size_t bytes() const { return pages_.size() * sizeof(Page) + types_.size(); }
  std::span<const Page> pages() const { return pages_; }
  std::span<const Migratetype> types() const { return types_; }

 private:
  // Returns the head of a tail. Requires: it has one.
  Pfn head_of_tail(Pfn pfn) const;

  static constexpr std::uint8_t kForAudit = 1;
  static constexpr std::uint8_t kForRestore = 2;

  std::size_t block_index(Pfn pfn) const {
    CMA_ASSERT(valid(pfn));
    return (pfn >> pageblock_order_) - first_block_;
  }
  std::size_t chunk_of(Frame frame) const { return (frame + chunk_offset_) >> chunk_order_; }
  void touch(Frame frame) {
    const std::size_t chunk = chunk_of(frame);
    if (touched_[chunk] != (kForAudit | kForRestore)) [[unlikely]]
      note(chunk);
  }
  void note(std::size_t chunk);

  PfnRange range_;
  unsigned pageblock_order_;
  unsigned chunk_order_;
  std::uint64_t first_block_;
  Frame chunk_offset_;  // distance of the first frame from a chunk boundary
  std::vector<Page> pages_;
  std::vector<Migratetype> types_;
  std::vector<std::uint8_t> touched_;        // by chunk: the lists that it is on
  std::vector<std::uint32_t> touched_list_;  // kForAudit: since forget_touched()
  std::vector<std::uint32_t> restore_list_;  // kForRestore: since the last restore()
};

}  // namespace cma
