// Where the scanners begin, the hints they leave for the next compaction, and how these are cleared.

#include <algorithm>

#include "allocator/compaction/zone_compaction.h"

namespace cma {
namespace {

// One page in so many is looked at for a sample of a pageblock.
constexpr Pfn kSampleStep = Pfn{1} << kCostly;

}  // namespace

// Places the scanners up to 3.6.
void ZoneCompaction::place_scanners_v3_5() {
  migrate_pfn_ = zone().range.start;
  start_free_ = free_pfn_ = request_.order > 0 ? cached().free : block_start(zone().range.end);
}

// Sets both scanners to where the last compaction left them, or to the zone's ends. Positions outside the zone are
// those of a zone that was never compacted.
void ZoneCompaction::place_scanners() {
  const PfnRange& range = zone().range;
  if (request_.whole_zone) {
    migrate_pfn_ = range.start;
    free_pfn_ = block_start(range.end - 1);
    return;
  }
  migrate_pfn_ = cached().migrate[sync() ? 1 : 0];
  free_pfn_ = cached().free;
  if (!range.contains(free_pfn_)) edit_cached().free = free_pfn_ = block_start(range.end - 1);
  if (!range.contains(migrate_pfn_)) {
    migrate_pfn_ = range.start;
    edit_cached().migrate = {migrate_pfn_, migrate_pfn_};
  }
  request_.whole_zone = release_ >= Release::v5_1 ? migrate_pfn_ <= cached().init_migrate : migrate_pfn_ == range.start;
}

// Lets the next compaction begin at the zone's ends.
void ZoneCompaction::reset_cached_positions() {
  const PfnRange& range = zone().range;
  ScannerPositions& positions = edit_cached();
  positions.migrate = {range.start, range.start};
  positions.free = block_start(range.end - 1);
}

// pageblock_skip_persistent: returns whether the page belongs to a compound page of at least a pageblock (4.15).
bool ZoneCompaction::skip_persistent(Pfn pfn) const {
  if (release_ < Release::v4_15 || !core_.map.page(pfn).has(kPageHead | kPageTail)) return false;
  return core_.map.page(core_.map.compound_head(pfn)).order >= core_.map.pageblock_order();
}

// __reset_isolation_pfn: clears the skip bit of a pageblock that is worth a visit as a source or as a target. Returns
// whether it is.
bool ZoneCompaction::reset_skip_v5_1(Pfn pfn, bool source, bool target) {
  CompactionHints& hints = scanner_.hints();
  const MemoryMap& map = core_.map;
  if (!map.present(pfn) || map.page(pfn).zone != zone_ || skip_persistent(pfn)) return false;
  if (source && target && !hints.skips(pfn)) return true;
  if (!source && target && map.pageblock_type(pfn) != Migratetype::movable) return false;
  const Pfn last = std::min(block_end(pfn), zone().range.end) - 1;
  for (Pfn sample = std::max(block_start(pfn), zone().range.start); sample <= last; sample += kSampleStep) {
    if ((source && map.on_lru(sample)) || (target && map.page(sample).has(kPageBuddy))) {
      hints.set_skip(pfn, false);
      return true;
    }
  }
  return false;
}

// Clears skip bits from both ends of the zone towards its middle.
Task<void> ZoneCompaction::reset_isolation_suitable_v5_1() {
  Pfn migrate = zone().range.start;
  Pfn free = zone().range.end - 1;
  Pfn first_source = free;
  Pfn last_target = migrate;
  bool source_set = false;
  bool target_set = false;
  for (; migrate < free; migrate += block_pages(), free -= block_pages()) {
    co_await at(core_.engine, Point::compact_block);
    if (reset_skip_v5_1(migrate, true, source_set) && migrate < first_source) {
      source_set = true;
      first_source = migrate;
      ScannerPositions& positions = edit_cached();
      positions.init_migrate = migrate;
      positions.migrate = {migrate, migrate};
    }
    if (reset_skip_v5_1(free, target_set, true) && free > last_target) {
      target_set = true;
      last_target = free;
      edit_cached().init_free = edit_cached().free = free;
    }
  }
  if (first_source < last_target) co_return;
  edit_cached().migrate = {migrate, migrate};
  edit_cached().free = free;
}

// __reset_isolation_suitable: clears the hints if the scanners have met since that was last done.
Task<void> ZoneCompaction::reset_isolation_suitable() {
  if (release_ < Release::v3_7 || !cached().flush) co_return;
  edit_cached().flush = false;
  if (release_ >= Release::v5_1) {
    co_await reset_isolation_suitable_v5_1();
    co_return;
  }
  for (Pfn pfn = zone().range.start; pfn < zone().range.end; pfn += block_pages()) {
    co_await at(core_.engine, Point::compact_block);
    if (core_.map.present(pfn) && !skip_persistent(pfn)) scanner_.hints().set_skip(pfn, false);
  }
  reset_cached_positions();
}

// update_pageblock_skip for a target: the free scanner has reached the end of the pageblock that begins at `block`. Up
// to 5.0 only a pageblock without free pages is recorded; 6.4 lets the next scan begin below it.
void ZoneCompaction::note_target_scanned(Pfn block, std::uint64_t taken) {
  if (release_ < Release::v3_7) return;
  const bool ignored = release_ < Release::v4_15 && request_.ignore_skip_hint;
  if (release_ < Release::v5_1 && (taken != 0 || ignored)) return;
  scanner_.hints().set_skip(block);
  const Pfn reached = release_ >= Release::v6_4 ? block - block_pages() : block;
  ScannerPositions& positions = edit_cached();
  positions.free = std::min(positions.free, reached);
}

// update_cached_migrate, for a pageblock from which no page is taken.
void ZoneCompaction::note_source_unsuitable(Pfn end) {
  if (release_ < Release::v5_1) return;
  ScannerPositions& positions = edit_cached();
  positions.migrate[0] = std::max(positions.migrate[0], block_end(end));
  if (sync()) positions.migrate[1] = std::max(positions.migrate[1], block_end(end));
}

}  // namespace cma
