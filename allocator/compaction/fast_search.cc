// Short cuts of 5.1 and later: instead of scanning pageblock by pageblock, a look at a few blocks of the free lists
// finds a pageblock to empty, or free pages to move to. What was looked at in vain is turned to the list's far end.

#include <algorithm>

#include "allocator/compaction/zone_compaction.h"

namespace cma {
namespace {

// Half of the pages from one scanner to the other and so on are left out; the kernel's numbers wrap around as these do.
Pfn part_of(Pfn distance, unsigned shift) { return distance >> shift; }

}  // namespace

unsigned ZoneCompaction::freelist_scan_limit() const {
  // Of a long in the kernel: after six searches in vain one block is looked at.
  return static_cast<unsigned>(std::uint64_t{kMigrateBatch} >> std::min(63U, fast_search_fail_)) + 1;
}

// reinit_migrate_pfn: the lowest page a quick search has found is where scanning begins once it finds no more.
Pfn ZoneCompaction::reinit_migrate_pfn() {
  if (fast_start_ == 0 || fast_start_ == kNoPfn) return migrate_pfn_;
  migrate_pfn_ = fast_start_;
  fast_start_ = kNoPfn;
  return migrate_pfn_;
}

// Where to take pages from: a pageblock that has a large free block already, not too far from the zone's beginning.
Pfn ZoneCompaction::fast_find_migrateblock() {
  const Pfn begin = migrate_pfn_;
  const bool v6_3 = c_.release_ >= Release::v6_12;
  if (request_.ignore_skip_hint || (v6_3 && compacting_.finish_pageblock)) return begin;
  if (begin != zone().range.start && !block_aligned(begin)) return begin;
  if (request_.order <= kCostlyOrder) return begin;
  if (request_.direct && request_.type != Migratetype::movable) return begin;
  Pfn distance = part_of(free_pfn_ - migrate_pfn_, 1);
  if (begin != zone().range.start) distance = part_of(distance, 2);
  const Pfn high = block_start(begin + distance);
  const unsigned limit = freelist_scan_limit();
  unsigned scanned = 0;
  Pfn found = kNoPfn;
  for (int order = request_.order - 1; order >= kCostlyOrder && found == kNoPfn && scanned < limit; --order) {
    FreeArea& area = c_.buddy_.zone(zone_).area[static_cast<unsigned>(order)];
    if (area.nr_free == 0) continue;
    SpinGuard zone_lock(c_.core_.engine);
    PageList& list = area.lists[index_of(Migratetype::movable)];
    for (Frame frame = list.first; frame != kNil; frame = c_.core_.map.at(frame).next) {
      const Pfn pfn = c_.core_.map.pfn(frame);
      const auto to_back = [&] {
        if (list.last != frame) list.rotate_to_front(c_.core_.map, c_.core_.map.at(frame).next);
      };
      if (scanned++ >= limit) {
        to_back();
        break;
      }
      if (pfn >= high) continue;
      if (c_.migration_.hints().skips(pfn)) {
        // Up to 5.11 the first block of the list ends the search of it.
        if (c_.release_ < Release::v6_1 && frame == list.first) break;
        continue;
      }
      to_back();
      if (fast_start_ != kNoPfn) fast_start_ = fast_start_ == 0 ? pfn : std::min(fast_start_, pfn);
      found = std::max(block_start(pfn), zone().range.start);
      fast_search_fail_ = 0;
      if (!v6_3) c_.migration_.hints().set_skip(pfn);
      break;
    }
  }
  // Up to 5.12 the pageblock one stands at counts as none.
  if (found != kNoPfn && (c_.release_ >= Release::v6_1 || found != begin)) return found;
  ++fast_search_fail_;
  return reinit_migrate_pfn();
}

// Orders are searched in turn, from the one that was last found to have something.
int ZoneCompaction::next_search_order(int order) {
  --order;
  if (order < 0) order = request_.order - 1;
  if (order != search_order_) return order;
  --search_order_;
  if (search_order_ < 0) search_order_ = request_.order - 1;
  return -1;
}

// Takes what else is free around a page that was found.
Task<void> ZoneCompaction::fast_isolate_around(Pfn pfn) {
  if (nr_free_ >= control_.nr_pages || (request_.direct && !sync())) co_return;
  FreeScan scan;
  scan.start = std::max(block_start(pfn), zone().range.start);
  scan.end = std::min(block_end(pfn), zone().range.end);
  if (!in_zone(scan.start, scan.end)) co_return;
  scan.lists = free_blocks_.data();
  scan.by_order = by_order();
  scan.wanted = control_.nr_pages;
  scan.held = nr_free_;
  co_await c_.free_scanner_.isolate_block(scan);
  nr_free_ = scan.held;
  compacting_.contended = compacting_.contended || scan.contended;
  const bool v6_4 = c_.release_ >= Release::v6_12;
  const bool full = v6_4 ? scan.reached == scan.end : nr_free_ < control_.nr_pages;
  if (full) c_.migration_.hints().set_skip(pfn);
}

// One order of the free lists, from the tail. What it found and where, kNoPfn for nothing.
struct ZoneCompaction::FastSearch {
  Pfn low;      // a free page in the last quarter between the scanners is as good as any
  Pfn min;      // one in the second half will do
  Pfn highest;  // of the pageblocks seen
  unsigned limit;
  bool stop;
};

Pfn ZoneCompaction::fast_search_order(FastSearch& search, int order) {
  FreeArea& area = c_.buddy_.zone(zone_).area[static_cast<unsigned>(order)];
  PageList& list = area.lists[index_of(Migratetype::movable)];
  SpinGuard zone_lock(c_.core_.engine);
  Pfn found = kNoPfn;
  Pfn second = 0;
  unsigned scanned = 0;
  Frame frame = list.last;
  for (; frame != kNil; frame = c_.core_.map.at(frame).prev) {
    const Pfn pfn = c_.core_.map.pfn(frame);
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
    frame = c_.core_.map.frame(second);
  }
  if (frame != kNil) list.rotate_to_front(c_.core_.map, frame);
  if (found != kNoPfn) {
    if (c_.buddy_.isolate_free_page(found)) {
      free_blocks_[by_order() ? static_cast<std::size_t>(order) : 0].push_back(c_.core_.map, c_.core_.map.frame(found));
      nr_free_ += order_pages(static_cast<unsigned>(order));
    } else {
      search.stop = true;
      found = kNoPfn;
    }
  }
  if (scanned >= search.limit) search.limit = least_limit(search.limit >> 1);
  return found;
}

// 5.1 to 5.11 took the smaller of the two where the larger was meant.
unsigned ZoneCompaction::least_limit(unsigned limit) const {
  return c_.release_ >= Release::v6_1 ? std::max(1U, limit) : std::min(1U, limit);
}

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
    if (zone().area[static_cast<unsigned>(order)].nr_free == 0) continue;
    found = fast_search_order(search, order);
    if (search.stop) order = search_order_ + 1;
    search.stop = false;
    if (by_order() && nr_free_ >= control_.nr_pages) break;
  }
  if (found == kNoPfn) {
    ++fast_search_fail_;
    if (scan_start && search.highest >= search.min) {
      found = free_pfn_ = search.highest;
    } else if (scan_start && request_.direct && c_.core_.map.present(search.min)) {
      const bool whole = in_zone(search.min, std::min(block_end(search.min), zone().range.end));
      if (whole && !(by_order() && !suitable_target(search.min))) found = search.min;
      free_pfn_ = search.min;
    }
  }
  if (search.highest != 0 && search.highest >= cached().free) edit_cached().free = search.highest - block_pages();
  if (found != kNoPfn) co_await fast_isolate_around(found);
}

}  // namespace cma
