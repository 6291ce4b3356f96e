// Short cuts since 5.1: instead of scanning pageblock by pageblock, compaction looks at a few blocks of the free lists
// to find a pageblock to empty, or free pages to move to. Blocks it looked at in vain go to the list's far end.

#include <algorithm>

#include "allocator/compaction/zone_compaction.h"

namespace cma {
namespace {

// Returns the distance between the scanners divided by 2^shift. The kernel's numbers wrap around as these do.
Pfn part_of(Pfn distance, unsigned shift) { return distance >> shift; }

}  // namespace

// freelist_scan_limit: returns how many blocks of a list are looked at; one after six searches in vain.
unsigned ZoneCompaction::freelist_scan_limit() const {
  return static_cast<unsigned>(std::uint64_t{kMigrateBatch} >> std::min(63U, fast_search_fail_)) + 1;
}

// reinit_migrate_pfn: returns the lowest page that quick searches have found, where scanning begins if they find no
// more; the scanner's position if there is none.
Pfn ZoneCompaction::reinit_migrate_pfn() {
  if (fast_start_ == 0 || fast_start_ == kNoPfn) return migrate_pfn_;
  migrate_pfn_ = fast_start_;
  fast_start_ = kNoPfn;
  return migrate_pfn_;
}

// Returns whether a quick search for a source pageblock is allowed.
bool ZoneCompaction::may_search_source() const {
  if (request_.ignore_skip_hint) return false;
  if (release_ >= Release::v6_3 && compacting_.finish_pageblock) return false;
  if (migrate_pfn_ != zone().range.start && !block_aligned(migrate_pfn_)) return false;
  if (request_.order <= kCostly) return false;
  return !request_.direct || request_.type == Migratetype::movable;
}

// Searches one order of the free lists for a block below `high` whose pageblock is not to be skipped. Returns the start
// of its pageblock, or kNoPfn.
Pfn ZoneCompaction::find_source_of_order(unsigned order, Pfn high, unsigned limit, unsigned& scanned) {
  BlocksOfOrder& blocks = buddy_.zone(zone_).free_by_order[order];
  if (blocks.nr_free == 0) return kNoPfn;
  SpinGuard zone_lock(core_.engine);
  PageList& list = blocks.lists[index_of(Migratetype::movable)];
  const auto to_back = [&](Frame frame) {
    if (list.last != frame) list.rotate_to_front(core_.map, core_.map.at(frame).next);
  };
  for (Frame frame = list.first; frame != kNil; frame = core_.map.at(frame).next) {
    core_.engine.turn();
    if (scanned++ >= limit) {
      to_back(frame);
      return kNoPfn;
    }
    const Pfn pfn = core_.map.pfn(frame);
    if (pfn >= high) continue;
    // Before 5.12, and 5.10.20, the first block of the list ended the search of it.
    if (scanner_.hints().skips(pfn)) continue;
    to_back(frame);
    if (fast_start_ != kNoPfn) fast_start_ = fast_start_ == 0 ? pfn : std::min(fast_start_, pfn);
    fast_search_fail_ = 0;
    if (release_ < Release::v6_3) scanner_.hints().set_skip(pfn);
    return std::max(block_start(pfn), zone().range.start);
  }
  return kNoPfn;
}

// fast_find_migrateblock: returns where to take pages from: a pageblock that has a large free block already, not too
// far from the zone's beginning; the scanner's position if there is none.
Pfn ZoneCompaction::fast_find_migrateblock() {
  const Pfn begin = migrate_pfn_;
  if (!may_search_source()) return begin;
  Pfn distance = part_of(free_pfn_ - migrate_pfn_, 1);
  if (begin != zone().range.start) distance = part_of(distance, 2);
  const Pfn high = block_start(begin + distance);
  const unsigned limit = freelist_scan_limit();
  unsigned scanned = 0;
  Pfn found = kNoPfn;
  for (int order = request_.order - 1; order >= kCostly && found == kNoPfn && scanned < limit; --order)
    found = find_source_of_order(static_cast<unsigned>(order), high, limit, scanned);
  // Before 5.12, and 5.10.20, the pageblock of the scanner's position counted as none.
  if (found != kNoPfn) return found;
  ++fast_search_fail_;
  return reinit_migrate_pfn();
}

// next_search_order: returns the order to search next, in turn from the one that last had a block; -1 after the last.
int ZoneCompaction::next_search_order(int order) {
  --order;
  if (order < 0) order = request_.order - 1;
  if (order != search_order_) return order;
  --search_order_;
  if (search_order_ < 0) search_order_ = request_.order - 1;
  return -1;
}

// fast_isolate_around: takes the other free pages of the pageblock in which a page was found.
Task<void> ZoneCompaction::fast_isolate_around(Pfn pfn) {
  if (nr_free_ >= control_.nr_pages || (request_.direct && !sync())) co_return;
  const Pfn start = std::max(block_start(pfn), zone().range.start);
  const Pfn end = std::min(block_end(pfn), zone().range.end);
  if (!in_zone(start, end)) co_return;
  FreeScan scan = free_scan(start, end);
  co_await free_scanner_.isolate_block(scan);
  account(scan);
  const bool exhausted = release_ >= Release::v6_4 ? scan.reached == scan.end : nr_free_ < control_.nr_pages;
  if (exhausted) scanner_.hints().set_skip(pfn);
}

// A quick search for free pages.
struct ZoneCompaction::FastSearch {
  Pfn low;      // a free page in the last quarter between the scanners is as good as any
  Pfn min;      // one in the second half will do
  Pfn highest;  // pageblock seen
  unsigned limit;
  bool stop;
};

// Searches one order of the free lists, from the tail, and takes what it finds. Returns the first page of the block;
// kNoPfn if none was found, or if it could not be taken (search.stop).
Pfn ZoneCompaction::fast_search_order(FastSearch& search, int order) {
  BlocksOfOrder& blocks = buddy_.zone(zone_).free_by_order[static_cast<unsigned>(order)];
  PageList& list = blocks.lists[index_of(Migratetype::movable)];
  SpinGuard zone_lock(core_.engine);
  Pfn found = kNoPfn;
  Pfn second = 0;
  unsigned scanned = 0;
  Frame frame = list.last;
  for (; frame != kNil; frame = core_.map.at(frame).prev) {
    core_.engine.turn();
    const Pfn pfn = core_.map.pfn(frame);
    ++scanned;
    if (pfn >= search.highest) search.highest = std::max(block_start(pfn), zone().range.start);
    if (pfn >= search.low) {
      fast_search_fail_ = 0;
      search_order_ = order;
      found = pfn;
      break;
    }
    if (pfn >= search.min && pfn > second) {
      second = pfn;
      search.limit >>= 1;
    }
    if (scanned >= search.limit) break;
  }
  if (found == kNoPfn && second != 0) {
    found = second;
    frame = core_.map.frame(second);
  }
  if (frame != kNil) list.rotate_to_front(core_.map, frame);
  if (found != kNoPfn) {
    if (buddy_.pageblock_types().isolate_free_page(found)) {
      free_blocks_[by_order() ? static_cast<std::size_t>(order) : 0].push_back(core_.map, core_.map.frame(found));
      nr_free_ += order_pages(static_cast<unsigned>(order));
    } else {
      search.stop = true;
      found = kNoPfn;
    }
  }
  if (scanned >= search.limit) search.limit = least_limit(search.limit >> 1);
  return found;
}

// Returns the limit, but at least 1. 5.1 to 5.11 took the smaller of the two instead of the larger.
unsigned ZoneCompaction::least_limit(unsigned limit) const {
  return release_ >= Release::v5_12 ? std::max(1U, limit) : std::min(1U, limit);
}

// fast_isolate_freepages: takes one block from the free lists and the free pages around it. If there is none, it may
// still move the free scanner.
Task<void> ZoneCompaction::fast_isolate_freepages() {
  if (request_.order <= 0) co_return;
  FastSearch search{0, 0, 0, least_limit(freelist_scan_limit() >> 1), false};
  const bool scan_start = free_pfn_ >= cached().init_free;
  if (scan_start) search.limit = static_cast<unsigned>(block_pages() >> 1);
  const Pfn distance = free_pfn_ - migrate_pfn_;
  search.low = block_start(free_pfn_ - part_of(distance, 2));
  search.min = block_start(free_pfn_ - part_of(distance, 1));
  search_order_ = std::min(search_order_, request_.order - 1);
  Pfn found = kNoPfn;
  for (int order = search_order_; found == kNoPfn && order >= 0; order = next_search_order(order)) {
    core_.engine.turn();
    if (zone().free_by_order[static_cast<unsigned>(order)].nr_free == 0) continue;
    found = fast_search_order(search, order);
    if (search.stop) order = search_order_ + 1;
    search.stop = false;
    if (release_ >= Release::v6_5 && nr_free_ >= control_.nr_pages) break;
  }
  if (found == kNoPfn) {
    ++fast_search_fail_;
    // 5.19 goes on in a pageblock that it has seen only if that lies in the second half.
    const bool suits = release_ >= Release::v5_19 ? search.highest >= search.min : search.highest != 0;
    if (scan_start && suits) {
      found = free_pfn_ = search.highest;
    } else if (scan_start && request_.direct && core_.map.present(search.min)) {
      const bool whole = in_zone(search.min, std::min(block_end(search.min), zone().range.end)) || zone_contiguous();
      const bool unsuitable = release_ >= Release::v6_8 && !suitable_target(search.min);
      if (whole && !unsuitable) found = search.min;
      free_pfn_ = search.min;
    }
  }
  if (search.highest != 0 && search.highest >= cached().free) edit_cached().free = search.highest - block_pages();
  if (found != kNoPfn) co_await fast_isolate_around(found);
}

}  // namespace cma
