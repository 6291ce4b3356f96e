// compact_zone and its two scanners: one goes upwards for pages to move, a pageblock or 32 pages at a time, the other
// downwards for free pages to move them to, until they meet.

#include "allocator/compaction/zone_compaction.h"

#include <algorithm>
#include <utility>

#include "allocator/base/error.h"

namespace cma {
namespace {

// COMPACT_CLUSTER_MAX: how far the free scanner steps at most where it finds nothing and must not wait.
constexpr Pfn kLongestStride = 32;

bool is_movable(Migratetype type) { return type == Migratetype::movable || type == Migratetype::cma; }

}  // namespace

ZoneCompaction::ZoneCompaction(Compaction& compaction, std::size_t zone, const CompactRequest& request)
    : c_(compaction), zone_(zone), request_(request), compacting_{*this}, search_order_(request.order) {
  compacting_.order = request.order;
  compacting_.direct = request.direct;
  compacting_.ignore_skip_hint = request.ignore_skip_hint;
  control_.mode = request.mode;
  control_.compacting = &compacting_;
}

// pageblock_pfn_to_page: both ends of the part of a pageblock are pages of this zone.
bool ZoneCompaction::in_zone(Pfn start, Pfn end) const {
  const MemoryMap& map = c_.core_.map;
  return map.present(start) && map.present(end - 1) && map.page(start).zone == zone_ && map.page(end - 1).zone == zone_;
}

// suitable_migration_source. Who must not wait moves pages of the type wanted only.
bool ZoneCompaction::suitable_source(Pfn pfn) const {
  const bool v5_1 = c_.release_ >= Release::v5_10;
  const bool v4_12 = c_.release_ >= Release::v4_19;
  if (v5_1 && skip_persistent(pfn)) return false;
  if (sync() || !request_.direct) return true;
  const Migratetype type = c_.core_.map.pageblock_type(pfn);
  return !v4_12 || request_.type == Migratetype::movable ? is_movable(type) : type == request_.type;
}

// suitable_migration_target. A pageblock that is free as a whole is what compaction is for: it stays so.
bool ZoneCompaction::suitable_target(Pfn pfn) const {
  const Page& page = c_.core_.map.page(pfn);
  const Migratetype type = c_.core_.map.pageblock_type(pfn);
  if (c_.release_ < Release::v4_9) {
    if (type == Migratetype::isolate) return false;
    return (page.has(kPageBuddy) && page.order >= c_.core_.map.pageblock_order()) || is_movable(type);
  }
  const bool v6_5 = c_.release_ >= Release::v6_12;
  const unsigned large =
      v6_5 && request_.order > 0 ? static_cast<unsigned>(request_.order) : c_.core_.map.pageblock_order();
  if (page.has(kPageBuddy) && page.order >= large) return false;
  return request_.ignore_block_suitable || is_movable(type);
}

// !isolation_suitable: the pageblock was visited in vain before.
bool ZoneCompaction::asks_skip_hint(Pfn pfn) const {
  return !request_.ignore_skip_hint && c_.migration_.hints().skips(pfn);
}

// --- sources ---

Task<ZoneCompaction::Isolated> ZoneCompaction::isolate_migratepages_v3_5() {
  const Pfn low = std::max(migrate_pfn_, zone().range.start);
  const Pfn end = align_up(low + block_pages(), block_pages());
  if (end > free_pfn_ || !c_.core_.map.present(low)) {
    migrate_pfn_ = end;
    co_return Isolated::none;
  }
  const int error = co_await c_.migration_.isolate_block(control_, low, end);
  if (error != 0) co_return Isolated::abort;
  migrate_pfn_ = control_.next;
  co_return Isolated::some;
}

// Scans the first pageblock that may hold pages to move, or what is left of it.
Task<ZoneCompaction::Isolated> ZoneCompaction::isolate_migratepages() {
  if (c_.release_ < Release::v4_9) co_return co_await isolate_migratepages_v3_5();
  const bool v5_1 = c_.release_ >= Release::v5_10;
  const bool v6_4 = c_.release_ >= Release::v6_12;
  Pfn low = v5_1 ? fast_find_migrateblock() : migrate_pfn_;
  Pfn start = std::max(block_start(low), zone().range.start);
  Pfn end = block_end(low);
  bool fast_found = v5_1 && low != migrate_pfn_ && fast_search_fail_ == 0;
  bool scanned = false;
  for (; end <= free_pfn_; fast_found = false, low = start = migrate_pfn_ = end, end += block_pages()) {
    co_await at(c_.core_.engine, Point::compact_block);
    if (!in_zone(start, end)) continue;
    const bool first_look = !v5_1 || block_aligned(low) || (v6_4 && low == zone().range.start);
    if (first_look && !fast_found && asks_skip_hint(start)) continue;
    if (!suitable_source(start)) {
      note_source_unsuitable(end);
      continue;
    }
    const int error = co_await c_.migration_.isolate_block(control_, low, end);
    if (error != 0 || compacting_.contended) co_return Isolated::abort;
    low = migrate_pfn_ = control_.next;
    scanned = true;
    break;
  }
  // 5.13 leaves the scanner where it was when a quick search led beyond the free scanner.
  if (!scanned && c_.release_ < Release::v6_1) migrate_pfn_ = low;
  co_return control_.nr_pages != 0 ? Isolated::some : Isolated::none;
}

// --- targets ---

Task<void> ZoneCompaction::isolate_freepages_v3_5() {
  const Pfn low = migrate_pfn_ + block_pages();
  const bool partial = request_.order > 0;
  const Pfn zone_end = zone().range.end;
  Pfn pfn = free_pfn_;
  Pfn high = std::min(low, pfn);
  for (; pfn > low && control_.nr_pages > nr_free_; pfn -= block_pages()) {
    co_await at(c_.core_.engine, Point::compact_target);
    if (partial && (!wrapped_ || cached().free > start_free_)) pfn = std::min(pfn, cached().free);
    if (!c_.core_.map.present(pfn) || c_.core_.map.page(pfn).zone != zone_ || !suitable_target(pfn)) continue;
    FreeScan scan;
    scan.start = pfn;
    scan.end = std::min(pfn + block_pages(), zone_end);
    scan.lists = free_blocks_.data();
    scan.held = nr_free_;
    const std::uint64_t taken = co_await c_.free_scanner_.isolate_block(scan);
    nr_free_ = scan.held;
    if (taken == 0) continue;
    high = std::max(high, pfn);
    if (partial && wrapped_) edit_cached().free = high;
  }
  free_pfn_ = high;
  if (partial && !wrapped_ && cached().free == block_start(zone_end)) edit_cached().free = high;
}

// isolate_freepages without its short cut: pageblock by pageblock downwards, until as many pages are in hand as are to
// be moved or the other scanner is met.
Task<void> ZoneCompaction::scan_targets() {
  const bool v5_1 = c_.release_ >= Release::v5_10;
  Pfn start = free_pfn_;
  Pfn block = block_start(start);
  Pfn end = std::min(block + block_pages(), zone().range.end);
  const Pfn low = block_end(migrate_pfn_);
  Pfn stride = v5_1 && !sync() ? kLongestStride : 1;
  for (; block >= low; end = block, block -= block_pages(), start = block) {
    co_await at(c_.core_.engine, Point::compact_target);
    if (!in_zone(block, end) || !suitable_target(block) || asks_skip_hint(block)) continue;
    FreeScan scan;
    scan.start = start;
    scan.end = end;
    scan.lists = free_blocks_.data();
    scan.by_order = by_order();
    scan.stride = stride;
    scan.wanted = control_.nr_pages;
    scan.held = nr_free_;
    const std::uint64_t taken = co_await c_.free_scanner_.isolate_block(scan);
    nr_free_ = scan.held;
    compacting_.contended = compacting_.contended || scan.contended;
    if (scan.reached == end) note_target_scanned(v5_1 ? block : scan.start, taken);
    start = scan.reached;
    if (nr_free_ >= control_.nr_pages || (!v5_1 && compacting_.contended)) {
      if (start >= end) start = block - block_pages();
      break;
    }
    if (start < end) break;
    if (v5_1) stride = taken != 0 ? 1 : std::min(kLongestStride, stride << 1);
  }
  free_pfn_ = start;
}

// split_map_pages: single pages, the last one first.
void ZoneCompaction::split_free_pages() {
  PageList& blocks = free_blocks_[0];
  while (!blocks.empty()) {
    const Frame frame = blocks.pop_front(c_.core_.map);
    const Pfn head = c_.core_.map.pfn(frame);
    const std::uint64_t pages = order_pages(c_.core_.map.at(frame).order);
    c_.buddy_.split_captured(head, c_.core_.map.at(frame).order);
    for (Pfn pfn = head; pfn < head + pages; ++pfn) free_pages_.push_back(pfn);
  }
}

Task<void> ZoneCompaction::isolate_freepages() {
  if (c_.release_ < Release::v4_9) {
    co_await isolate_freepages_v3_5();
  } else {
    if (c_.release_ >= Release::v5_10) co_await fast_isolate_freepages();
    if (nr_free_ == 0) co_await scan_targets();
  }
  if (!by_order()) split_free_pages();
}

// compaction_alloc of 6.11: the smallest block that is large enough is split.
Task<Pfn> ZoneCompaction::take_v6_11(unsigned order) {
  unsigned from = order;
  for (bool searched = false;; searched = true) {
    from = order;
    while (from < kOrderLimit && free_blocks_[from].empty()) ++from;
    if (from < kOrderLimit) break;
    if (searched) co_return kNoPfn;
    co_await isolate_freepages();
  }
  MemoryMap& map = c_.core_.map;
  const Pfn pfn = map.pfn(free_blocks_[from].pop_front(map));
  while (from > order) {
    --from;
    Page& half = map.edit(pfn + order_pages(from));
    half.flags = kPageInFlight;
    half.order = static_cast<std::uint8_t>(from);
    free_blocks_[from].push_front(map, map.frame(pfn + order_pages(from)));
  }
  Page& page = map.edit(pfn);
  page.flags = 0;
  page.order = static_cast<std::uint8_t>(order);
  page.owner = 0;
  page.ref = 1;
  if (order != 0) c_.buddy_.prep_compound_page(pfn, order);
  nr_free_ -= order_pages(order);
  control_.nr_pages -= static_cast<unsigned>(order_pages(order));
  co_return pfn;
}

Task<Pfn> ZoneCompaction::take(Pfn source) {
  const Page& page = c_.core_.map.page(source);
  const unsigned order = page.has(kPageHead) ? page.order : 0;
  if (by_order()) co_return co_await take_v6_11(order);
  CMA_ASSERT(order == 0);
  if (free_pages_.empty()) co_await isolate_freepages();
  if (free_pages_.empty()) co_return kNoPfn;
  --nr_free_;
  const Pfn target = free_pages_.back();
  free_pages_.pop_back();
  co_return target;
}

Task<void> ZoneCompaction::give_back(Pfn target) {
  MemoryMap& map = c_.core_.map;
  if (!by_order()) {
    free_pages_.push_back(target);
    ++nr_free_;
    co_return;
  }
  Page& page = map.edit(target);
  const unsigned order = page.has(kPageHead) ? page.order : 0;
  control_.nr_pages += static_cast<unsigned>(order_pages(order));
  // Somebody else has found it meanwhile, and will free it.
  if (--page.ref != 0) co_return;
  for (Page& tail : map.edit_run(target, order_pages(order))) tail.flags = 0;
  page.flags = kPageInFlight;
  free_blocks_[order].push_front(map, map.frame(target));
  nr_free_ += order_pages(order);
}

// release_freepages: nothing stays in hand, and the next compaction begins where something was given back.
Task<void> ZoneCompaction::release_free_pages() {
  if (nr_free_ == 0) co_return;
  co_await at(c_.core_.engine, Point::compact_release);
  Pfn highest = 0;
  for (; !free_pages_.empty(); free_pages_.pop_back()) {
    highest = std::max(highest, free_pages_.back());
    co_await c_.buddy_.free_pages(free_pages_.back(), 0);
  }
  for (unsigned order = 0; order < kOrderLimit; ++order) {
    PageList& list = free_blocks_[order];
    while (!list.empty()) {
      const Pfn pfn = c_.core_.map.pfn(list.pop_front(c_.core_.map));
      highest = std::max(highest, pfn);
      Page& page = c_.core_.map.edit(pfn);
      page.flags = order != 0 ? kPageSplitHead : 0U;
      page.ref = 1;
      page.owner = 0;
      co_await c_.buddy_.free_pages(pfn, order);
    }
  }
  nr_free_ = 0;
  if (c_.release_ < Release::v4_9) co_return;
  if (block_start(highest) > cached().free) edit_cached().free = block_start(highest);
}

// --- the zone ---

// Since 6.3 a pageblock that a page could not leave is scanned to its end, so that no quick search comes back to it.
bool ZoneCompaction::rescans_after_failure_v6_3() const {
  return c_.release_ >= Release::v6_12 && !block_aligned(migrate_pfn_) && !request_.ignore_skip_hint &&
         !compacting_.finish_pageblock && request_.mode != MoveMode::sync;
}

// Pages freed behind the scanner wait on this CPU's lists, where they merge with nothing: once it has left a block of
// the order wanted they are flushed.
Task<void> ZoneCompaction::drain_behind() {
  const bool v5_1 = c_.release_ >= Release::v5_10;
  Pfn& last = v5_1 ? last_migrated_ : compacting_.last_migrated;
  if (c_.release_ < Release::v4_9 || request_.order <= 0 || last == 0) co_return;
  if (last >= align_down(migrate_pfn_, order_pages(static_cast<unsigned>(request_.order)))) co_return;
  last = 0;
  const int cpu = c_.core_.engine.cpu();
  co_await c_.lru_.add_drain(cpu);
  c_.buddy_.drain_pages_zone(cpu, c_.buddy_.zone(zone_));
  co_await at(c_.core_.engine, Point::compact_drained);
}

// Moves what was isolated and puts back what stays.
Task<ZoneCompaction::Migrated> ZoneCompaction::migrate() {
  co_await at(c_.core_.engine, Point::compact_isolated);
  const int error = co_await c_.migration_.migrate_pages(control_);
  control_.nr_pages = 0;
  if (error == 0) co_return Migrated::all;
  co_await at(c_.core_.engine, Point::compact_migrated);
  co_await c_.migration_.putback(control_);
  co_return error == -kENOMEM && !scanners_met() ? Migrated::out_of_targets : Migrated::some;
}

// One turn: what isolate_migratepages finds is moved. False: compaction is to be given up.
Task<bool> ZoneCompaction::turn(bool& update_cached) {
  const bool v5_1 = c_.release_ >= Release::v5_10;
  const bool v6_3 = c_.release_ >= Release::v6_12;
  const Pfn begin = migrate_pfn_;
  compacting_.finish_pageblock = v5_1 && block_start(last_migrated_) == block_start(begin);
  while (true) {
    const Isolated isolated = co_await isolate_migratepages();
    if (isolated == Isolated::abort) {
      co_await c_.migration_.putback(control_);
      control_.nr_pages = 0;
      co_return false;
    }
    if (isolated == Isolated::none) {
      if (update_cached) edit_cached().migrate[1] = cached().migrate[0];
      co_return true;
    }
    update_cached = false;
    last_migrated_ = v6_3 ? std::max(zone().range.start, block_start(migrate_pfn_ - 1)) : begin;
    const Migrated migrated = co_await migrate();
    if (migrated == Migrated::out_of_targets) co_return false;
    if (migrated == Migrated::all) co_return true;
    if (rescans_after_failure_v6_3()) {
      compacting_.finish_pageblock = true;
      if (request_.order == static_cast<int>(c_.huge_page_order_)) last_migrated_ = 0;
      continue;
    }
    const bool v4_8 = c_.release_ >= Release::v4_9;
    if (v4_8 && !v6_3 && request_.direct && !sync()) {
      const std::uint64_t group = order_pages(static_cast<unsigned>(request_.order));
      migrate_pfn_ = align_up(migrate_pfn_, group);
      last_migrated_ = compacting_.last_migrated = 0;
    }
    co_return true;
  }
}

Task<CompactResult> ZoneCompaction::run() {
  const CompactResult before = suitable();
  if (before != CompactResult::go_on) co_return before;
  if (request_.restarting) co_await reset_isolation_suitable();
  if (c_.release_ >= Release::v4_9) {
    place_scanners();
  } else {
    migrate_pfn_ = zone().range.start;
    start_free_ = free_pfn_ = request_.order > 0 ? cached().free : block_start(zone().range.end);
  }
  bool update_cached = c_.release_ >= Release::v5_10 && !sync() && cached().migrate[0] == cached().migrate[1];
  co_await c_.lru_.add_drain(c_.core_.engine.cpu());
  co_await at(c_.core_.engine, Point::compact_begin);
  CompactResult result = CompactResult::go_on;
  while (true) {
    result = finished();
    if (result != CompactResult::go_on) break;
    if (!co_await turn(update_cached)) {
      result = CompactResult::contended;
      break;
    }
    co_await drain_behind();
  }
  co_await release_free_pages();
  CMA_ASSERT(control_.pages.empty() && control_.nr_pages == 0);
  co_return result;
}

}  // namespace cma
