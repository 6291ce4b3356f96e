// compact_zone and its two scanners: one goes up for pages to move, a pageblock or 32 pages at a time, the other down
// for free pages to move them to, until they meet.

#include "allocator/compaction/zone_compaction.h"

#include <algorithm>
#include <utility>

#include "allocator/base/error.h"
#include "allocator/base/hash.h"
#include "allocator/buddy/compound.h"

namespace cma {
namespace {

// COMPACT_CLUSTER_MAX: the longest step of a free scanner that finds nothing and must not wait.
constexpr Pfn kLongestStride = 32;
// An endless turn yields to others without sleeping. Here it sleeps, so that they run.
constexpr Time kEndlessSleep = 100 * kMillisecond;
// More searches in vain make no difference to the next.
constexpr unsigned kMostSearchFails = 63;

bool is_movable(Migratetype type) { return type == Migratetype::movable || type == Migratetype::cma; }

}  // namespace

ZoneCompaction::ZoneCompaction(const CompactingLayers& layers, std::size_t zone, const CompactRequest& request)
    : release_(layers.core.geometry.release),
      huge_page_order_(layers.core.geometry.huge_page_order()),
      core_(layers.core),
      buddy_(layers.buddy),
      lru_(layers.lru),
      scanner_(layers.scanner),
      migration_(layers.migration),
      free_scanner_(layers.free_scanner),
      endless_(layers.endless),
      zone_(zone),
      request_(request),
      compacting_{*this},
      search_order_(request.order) {
  compacting_.order = request.order;
  compacting_.direct = request.direct;
  compacting_.ignore_skip_hint = request.ignore_skip_hint;
  control_.mode = request.mode;
  control_.may_enter_fs = request.may_enter_fs;
  control_.compacting = &compacting_;
}

// pageblock_pfn_to_page: returns whether both ends of [start, end), a part of a pageblock, are pages of this zone.
bool ZoneCompaction::in_zone(Pfn start, Pfn end) const {
  const MemoryMap& map = core_.map;
  return map.present(start) && map.present(end - 1) && map.page(start).zone == zone_ && map.page(end - 1).zone == zone_;
}

// zone->contiguous: returns whether both ends of each pageblock, or of the part that the zone has of it, are the zone's
// pages. Since 4.6 pageblock_pfn_to_page does not look further in such a zone, so that it also returns the first page
// of a pageblock that begins before the zone.
bool ZoneCompaction::zone_contiguous() const {
  if (release_ < Release::v4_6) return false;
  const PfnRange& range = zone().range;
  Pfn end = 0;
  for (Pfn start = range.start; start < range.end; start = end) {
    end = std::min(block_end(start), range.end);
    if (!in_zone(start, end)) return false;
  }
  return true;
}

// suitable_migration_source: returns whether pages of the pageblock are moved. A request that must not wait moves pages
// of the type it wants only; up to 4.11 movable ones.
bool ZoneCompaction::suitable_source(Pfn pfn) const {
  if (release_ >= Release::v5_1 && skip_persistent(pfn)) return false;
  if (sync() || !request_.direct) return true;
  const Migratetype type = core_.map.pageblock_type(pfn);
  const bool by_movability = release_ < Release::v4_12 || request_.type == Migratetype::movable;
  return by_movability ? is_movable(type) : type == request_.type;
}

// Returns whether a pageblock of this type takes pages that move.
bool ZoneCompaction::takes_pages(Migratetype type) const {
  const bool ordinary = type == Migratetype::unmovable || type == Migratetype::reclaimable;
  return is_movable(type) || (ordinary && core_.bugs.fires(Bug::compacts_to_unmovable));
}

// suitable_migration_target: returns whether pages may move to the pageblock. Since 3.15 not if it is free as a whole,
// since 6.9 not if a block of the order wanted is free at its start: compaction is to make such blocks.
bool ZoneCompaction::suitable_target(Pfn pfn) const {
  const Page& page = core_.map.page(pfn);
  const Migratetype type = core_.map.pageblock_type(pfn);
  if (release_ < Release::v3_15) {
    if (type == Migratetype::isolate) return false;
    return (page.has(kPageBuddy) && page.order >= core_.map.pageblock_order()) || takes_pages(type);
  }
  const bool by_request = release_ >= Release::v6_9 && request_.order > 0;
  const unsigned large = by_request ? static_cast<unsigned>(request_.order) : core_.map.pageblock_order();
  if (page.has(kPageBuddy) && page.order >= large) return false;
  return request_.ignore_block_suitable || takes_pages(type);
}

// !isolation_suitable: returns whether the pageblock is skipped because it was visited in vain before.
bool ZoneCompaction::skips_block(Pfn pfn) const { return !request_.ignore_skip_hint && scanner_.hints().skips(pfn); }

// --- sources ---

// Up to 3.17: scans on from the scanner's position to the end of the next pageblock.
Task<ZoneCompaction::Isolated> ZoneCompaction::isolate_migratepages_v3_5() {
  const Pfn low = std::max(migrate_pfn_, zone().range.start);
  const Pfn end = align_up(low + block_pages(), block_pages());
  if (end > free_pfn_ || !core_.map.present(low)) {
    migrate_pfn_ = end;
    co_return Isolated::none;
  }
  const int error = co_await scanner_.isolate_block(control_, low, end);
  if (error != 0) co_return Isolated::abort;
  migrate_pfn_ = control_.next;
  co_return Isolated::some;
}

// Returns whether the scan of a pageblock begins at `low`, so that its skip hint is asked.
bool ZoneCompaction::begins_block(Pfn low) const {
  if (release_ < Release::v5_1 || block_aligned(low)) return true;
  return release_ >= Release::v6_4 && low == zone().range.start;
}

// isolate_migratepages: scans the first pageblock that may hold pages to move, or the rest of it.
Task<ZoneCompaction::Isolated> ZoneCompaction::isolate_migratepages() {
  if (release_ < Release::v3_18) co_return co_await isolate_migratepages_v3_5();
  const bool searches = release_ >= Release::v5_1;
  Pfn low = searches ? fast_find_migrateblock() : migrate_pfn_;
  Pfn start = std::max(block_start(low), zone().range.start);
  Pfn end = block_end(low);
  bool fast_found = searches && low != migrate_pfn_ && fast_search_fail_ == 0;
  bool scanned = false;
  for (; end <= free_pfn_; fast_found = false, low = start = migrate_pfn_ = end, end += block_pages()) {
    co_await at(core_.engine, Point::compact_block);
    if (!in_zone(start, end)) continue;
    if (begins_block(low) && !fast_found && skips_block(start)) continue;
    if (!suitable_source(start)) {
      note_source_unsuitable(end);
      continue;
    }
    const int error = co_await scanner_.isolate_block(control_, low, end);
    if (error != 0 || compacting_.contended) co_return Isolated::abort;
    low = migrate_pfn_ = control_.next;
    scanned = true;
    break;
  }
  // 5.13 leaves the scanner where it was if a quick search led beyond the free scanner.
  if (!scanned && release_ < Release::v5_13) migrate_pfn_ = low;
  co_return control_.nr_pages != 0 ? Isolated::some : Isolated::none;
}

// --- targets ---

// Returns a scan of [start, end) for as many free pages as are to be moved.
FreeScan ZoneCompaction::free_scan(Pfn start, Pfn end) {
  FreeScan scan;
  scan.start = start;
  scan.end = end;
  scan.lists = free_blocks_.data();
  scan.by_order = by_order();
  scan.wanted = control_.nr_pages;
  scan.held = nr_free_;
  return scan;
}

// Takes over the results of a scan for free pages.
void ZoneCompaction::account(const FreeScan& scan) {
  nr_free_ = scan.held;
  compacting_.contended = compacting_.contended || scan.contended;
}

// isolate_freepages up to 3.6.
Task<void> ZoneCompaction::isolate_freepages_v3_5() {
  const Pfn low = migrate_pfn_ + block_pages();
  const bool partial = request_.order > 0;
  const Pfn zone_end = zone().range.end;
  Pfn pfn = free_pfn_;
  Pfn high = std::min(low, pfn);
  for (; pfn > low && control_.nr_pages > nr_free_; pfn -= block_pages()) {
    co_await at(core_.engine, Point::compact_target);
    if (partial && (!wrapped_ || cached().free > start_free_)) pfn = std::min(pfn, cached().free);
    if (!core_.map.present(pfn) || core_.map.page(pfn).zone != zone_ || !suitable_target(pfn)) continue;
    FreeScan scan = free_scan(pfn, std::min(pfn + block_pages(), zone_end));
    const std::uint64_t taken = co_await free_scanner_.isolate_block(scan);
    account(scan);
    if (taken == 0) continue;
    high = std::max(high, pfn);
    if (partial && wrapped_) edit_cached().free = high;
  }
  free_pfn_ = high;
  if (partial && !wrapped_ && cached().free == block_start(zone_end)) edit_cached().free = high;
}

// isolate_freepages without its short cut: takes free pages pageblock by pageblock, downwards, until as many are held
// as are to be moved or the other scanner is met. 5.1 steps ever further over pageblocks without free pages, and a
// fatal signal no longer ends it.
Task<void> ZoneCompaction::scan_targets() {
  const bool strides = release_ >= Release::v5_1;
  Pfn start = free_pfn_;
  Pfn block = block_start(start);
  Pfn end = std::min(block + block_pages(), zone().range.end);
  const Pfn low = block_end(migrate_pfn_);
  Pfn stride = strides && !sync() ? kLongestStride : 1;
  for (; block >= low; end = block, block -= block_pages(), start = block) {
    co_await at(core_.engine, Point::compact_target);
    if (!in_zone(block, end) || !suitable_target(block) || skips_block(block)) continue;
    FreeScan scan = free_scan(start, end);
    scan.stride = stride;
    const std::uint64_t taken = co_await free_scanner_.isolate_block(scan);
    account(scan);
    if (scan.reached == end) note_target_scanned(release_ >= Release::v5_1 ? block : scan.start, taken);
    start = scan.reached;
    const bool interrupted = release_ < Release::v5_1 && compacting_.contended;
    if (nr_free_ >= control_.nr_pages || interrupted) {
      if (start >= end) start = block - block_pages();
      break;
    }
    if (start < end) break;
    if (strides) stride = taken != 0 ? 1 : std::min(kLongestStride, stride << 1);
  }
  free_pfn_ = start;
}

// split_map_pages: splits the free blocks that are held into single pages, the last one first.
void ZoneCompaction::split_free_pages() {
  PageList& blocks = free_blocks_[0];
  while (!blocks.empty()) {
    core_.engine.turn();
    const Frame frame = blocks.pop_front(core_.map);
    const Pfn head = core_.map.pfn(frame);
    const std::uint64_t pages = order_pages(core_.map.at(frame).order);
    split_captured(core_.map, head, core_.map.at(frame).order);
    for (Pfn pfn = head; pfn < head + pages; ++pfn) free_pages_.push_back(pfn);
  }
}

Task<void> ZoneCompaction::isolate_freepages() {
  if (release_ < Release::v3_7) {
    co_await isolate_freepages_v3_5();
  } else {
    if (release_ >= Release::v5_1) co_await fast_isolate_freepages();
    if (nr_free_ == 0) co_await scan_targets();
  }
  if (!by_order()) split_free_pages();
}

// compaction_alloc since 6.9: takes the smallest block that is large enough, and splits it.
Task<Pfn> ZoneCompaction::take_v6_9(unsigned order) {
  unsigned from = order;
  for (bool searched = false;; searched = true) {
    core_.engine.turn();
    from = order;
    for (; from < kOrderLimit && free_blocks_[from].empty(); ++from) {
    }
    if (from < kOrderLimit) break;
    if (searched) co_return kNoPfn;
    co_await isolate_freepages();
  }
  MemoryMap& map = core_.map;
  const Pfn pfn = map.pfn(free_blocks_[from].pop_front(map));
  while (from > order) {
    core_.engine.turn();
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
  if (order != 0) prep_compound_page(core_.map, pfn, order);
  nr_free_ -= order_pages(order);
  control_.nr_pages -= static_cast<unsigned>(order_pages(order));
  co_return pfn;
}

Task<Pfn> ZoneCompaction::take(Pfn source) {
  const Page& page = core_.map.page(source);
  const unsigned order = page.has(kPageHead) ? page.order : 0;
  if (by_order()) {
    const Pfn target = co_await take_v6_9(order);
    if (target != kNoPfn) ++moved_;
    co_return target;
  }
  CMA_ASSERT(order == 0);
  if (free_pages_.empty()) co_await isolate_freepages();
  if (free_pages_.empty()) co_return kNoPfn;
  --nr_free_;
  ++moved_;
  const Pfn target = free_pages_.back();
  free_pages_.pop_back();
  co_return target;
}

Task<void> ZoneCompaction::give_back(Pfn target) {
  MemoryMap& map = core_.map;
  --moved_;
  if (!by_order()) {
    free_pages_.push_back(target);
    ++nr_free_;
    co_return;
  }
  Page& page = map.edit(target);
  const unsigned order = page.has(kPageHead) ? page.order : 0;
  control_.nr_pages += static_cast<unsigned>(order_pages(order));
  // Another holder has found it meanwhile, and will free it.
  if (--page.ref != 0) co_return;
  for (Page& tail : map.edit_run(target, order_pages(order))) tail.flags = 0;
  page.flags = kPageInFlight;
  free_blocks_[order].push_front(map, map.frame(target));
  nr_free_ += order_pages(order);
}

// release_freepages: frees all free pages that are held. Since 3.19 the next compaction begins where they lie.
Task<void> ZoneCompaction::release_free_pages() {
  if (nr_free_ == 0) co_return;
  co_await at(core_.engine, Point::compact_release);
  Pfn highest = 0;
  for (; !free_pages_.empty(); free_pages_.pop_back()) {
    highest = std::max(highest, free_pages_.back());
    co_await buddy_.free_pages(free_pages_.back(), 0);
  }
  for (unsigned order = 0; order < kOrderLimit; ++order) {
    PageList& list = free_blocks_[order];
    while (!list.empty()) {
      core_.engine.turn();
      const Pfn pfn = core_.map.pfn(list.pop_front(core_.map));
      highest = std::max(highest, pfn);
      Page& page = core_.map.edit(pfn);
      page.flags = order != 0 ? kPageSplitHead : 0U;
      page.ref = 1;
      page.owner = 0;
      co_await buddy_.free_pages(pfn, order);
    }
  }
  nr_free_ = 0;
  if (release_ < Release::v3_19) co_return;
  if (block_start(highest) > cached().free) edit_cached().free = block_start(highest);
}

// --- the zone ---

// Returns whether a pageblock that a page could not leave is scanned to its end, so that no quick search comes back to
// it (since 6.3).
bool ZoneCompaction::rescans_after_failure_v6_3() const {
  return release_ >= Release::v6_3 && !block_aligned(migrate_pfn_) && !request_.ignore_skip_hint &&
         !compacting_.finish_pageblock && request_.mode != MoveMode::sync;
}

// Flushes this CPU's lists once the scanner has left a block of the order wanted: pages that it freed wait there, where
// they merge with nothing. Since 3.19.
Task<void> ZoneCompaction::drain_freed() {
  Pfn& last = release_ >= Release::v5_1 ? last_migrated_ : compacting_.last_migrated;
  if (release_ < Release::v3_19 || request_.order <= 0 || last == 0) co_return;
  if (last >= align_order(migrate_pfn_, static_cast<unsigned>(request_.order))) co_return;
  last = 0;
  const int cpu = core_.engine.cpu();
  co_await lru_.drain().add_drain(cpu);
  buddy_.per_cpu().drain_pages_zone(cpu, buddy_.zone(zone_));
  co_await at(core_.engine, Point::compact_drained);
}

// Moves the isolated pages and puts those that stay back.
Task<ZoneCompaction::Migrated> ZoneCompaction::migrate() {
  co_await at(core_.engine, Point::compact_isolated);
  const Moved moved = co_await migration_.migrate_pages(control_);
  if (moved.all()) co_return Migrated::all;
  co_await at(core_.engine, Point::compact_migrated);
  co_await migration_.putback(control_);
  co_return moved.error == -kENOMEM && !scanners_met() ? Migrated::out_of_targets : Migrated::some;
}

// One turn: moves the pages that isolate_migratepages finds. Returns false if compaction is to be given up.
Task<bool> ZoneCompaction::turn(bool& update_cached) {
  const Pfn begin = migrate_pfn_;
  compacting_.finish_pageblock = release_ >= Release::v5_1 && block_start(last_migrated_) == block_start(begin);
  while (true) {
    core_.engine.turn();
    const Isolated isolated = co_await isolate_migratepages();
    if (isolated == Isolated::abort) {
      co_await migration_.putback(control_);
      co_return false;
    }
    if (isolated == Isolated::none) {
      if (update_cached) edit_cached().migrate[1] = cached().migrate[0];
      co_return true;
    }
    update_cached = false;
    const bool by_scan = release_ >= Release::v6_3;
    last_migrated_ = by_scan ? std::max(zone().range.start, block_start(migrate_pfn_ - 1)) : begin;
    const Migrated migrated = co_await migrate();
    if (migrated == Migrated::out_of_targets) co_return false;
    if (migrated == Migrated::all) co_return true;
    if (rescans_after_failure_v6_3()) {
      compacting_.finish_pageblock = true;
      if (request_.order == static_cast<int>(huge_page_order_)) last_migrated_ = 0;
      continue;
    }
    const bool leaves_group = release_ >= Release::v4_7 && release_ < Release::v6_3;
    if (leaves_group && request_.direct && !sync()) {
      const std::uint64_t group = order_pages(static_cast<unsigned>(request_.order));
      migrate_pfn_ = align_up(migrate_pfn_, group);
      last_migrated_ = compacting_.last_migrated = 0;
    }
    co_return true;
  }
}

// Returns whether compaction goes round in circles. Only a quick search leads back. After more turns that do than the
// zone has pageblocks it has come to one of them a second time, with no page moved since.
//
// In the kernel that has no end. A pageblock is marked to be skipped when the first page is taken off the LRU there, or
// when nothing was taken. With a driver's page that refuses to move neither happens, so that the next search finds the
// pageblock again. Up to 6.2, but for 6.1.0 and its first updates, the search itself marks what it finds (compact_zone,
// fast_find_migrateblock and isolate_migratepages_block of mm/compaction.c, read in 6.12, seen on a 6.12 that ran).
bool ZoneCompaction::goes_round(Pfn begin, std::uint64_t moved_before) {
  if (moved_ != moved_before) in_vain_ = 0;
  if (moved_ != moved_before || migrate_pfn_ > begin) return false;
  const std::uint64_t blocks = (zone().range.pages() >> core_.map.pageblock_order()) + 1;
  in_vain_ = std::min(in_vain_ + 1, blocks + 1);
  return in_vain_ > blocks;
}

// Returns a number for what a turn keeps for the next.
std::uint64_t ZoneCompaction::locals() {
  std::uint64_t hash = kHashSeed;
  for (const Pfn pfn : {migrate_pfn_, free_pfn_, last_migrated_, compacting_.last_migrated, fast_start_})
    hash_step(hash, pfn);
  hash_step(hash, std::min(fast_search_fail_, kMostSearchFails));
  hash_step(hash, static_cast<std::uint64_t>(search_order_) << 1 | (compacting_.contended ? 1 : 0));
  hash_step(hash, nr_free_);
  for (const Pfn pfn : free_pages_) hash_step(hash, pfn);
  for (const PageList& list : free_blocks_) hash_step(hash, std::uint64_t{list.first} << 32 | list.last);
  return hash;
}

// Sleeps after a turn of an endless round: until the driver refuses no more, or another frees a block.
Task<void> ZoneCompaction::endless_turn() {
  const ActorId self = core_.engine.current();
  endless_.begin(self, locals(), EndlessTurns::Kind::compaction);
  co_await sleep_for(core_.engine, kEndlessSleep);
  endless_.end(self);
}

Task<CompactResult> ZoneCompaction::run() {
  const CompactResult before = suitable();
  if (before != CompactResult::go_on) co_return before;
  if (request_.restarting) co_await reset_isolation_suitable();
  if (release_ >= Release::v3_7)
    place_scanners();
  else
    place_scanners_v3_5();
  bool update_cached = release_ >= Release::v5_1 && !sync() && cached().migrate[0] == cached().migrate[1];
  co_await lru_.drain().add_drain(core_.engine.cpu());
  co_await at(core_.engine, Point::compact_begin);
  CompactResult result = CompactResult::go_on;
  while (true) {
    core_.engine.turn();
    result = finished();
    if (result != CompactResult::go_on) break;
    const Pfn begin = migrate_pfn_;
    const std::uint64_t moved_before = moved_;
    if (core_.bugs.fires(Bug::compaction_idle) || !co_await turn(update_cached)) {
      result = CompactResult::contended;
      break;
    }
    co_await drain_freed();
    if (!goes_round(begin, moved_before)) continue;
    co_await endless_turn();
    if (!core_.engine.flags().given_up) continue;
    result = CompactResult::contended;
    break;
  }
  co_await release_free_pages();
  CMA_ASSERT(control_.pages.empty() && control_.nr_pages == 0);
  co_return result;
}

}  // namespace cma
