// Where the scanners begin, what they leave for the next compaction, and how that is forgotten again.

#include <algorithm>

#include "allocator/compaction/zone_compaction.h"

namespace cma {
namespace {

// PAGE_ALLOC_COSTLY_ORDER: one page in so many is looked at for a sample of a pageblock.
constexpr Pfn kSampleStep = Pfn{1} << 3;

}  // namespace

// Positions that do not lie within the zone are those of a zone that was never compacted.
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
  const bool v5_1 = c_.release_ >= Release::v5_10;
  request_.whole_zone = v5_1 ? migrate_pfn_ <= cached().init_migrate : migrate_pfn_ == range.start;
}

void ZoneCompaction::reset_cached_positions() {
  const PfnRange& range = zone().range;
  ScannerPositions& positions = edit_cached();
  positions.migrate = {range.start, range.start};
  positions.free = block_start(range.end - 1);
}

// pageblock_skip_persistent: part of a compound page that fills its pageblock, or more (4.15).
bool ZoneCompaction::skip_persistent(Pfn pfn) const {
  if (c_.release_ < Release::v4_19 || !c_.core_.map.page(pfn).has(kPageHead | kPageTail)) return false;
  return c_.core_.map.page(c_.core_.map.compound_head(pfn)).order >= c_.core_.map.pageblock_order();
}

// __reset_isolation_pfn: whether the pageblock is worth a visit, as a source or as a target; if it is, its bit goes.
bool ZoneCompaction::reset_skip_v5_1(Pfn pfn, bool source, bool target) {
  CompactionHints& hints = c_.migration_.hints();
  const MemoryMap& map = c_.core_.map;
  if (!map.present(pfn) || map.page(pfn).zone != zone_ || skip_persistent(pfn)) return false;
  if (source && target && !hints.skips(pfn)) return true;
  if (!source && target && map.pageblock_type(pfn) != Migratetype::movable) return false;
  const Pfn last = std::min(block_end(pfn), zone().range.end) - 1;
  for (Pfn sample = std::max(block_start(pfn), zone().range.start); sample <= last; sample += kSampleStep) {
    const Page& page = map.page(sample);
    if ((source && page.has(kPageLru)) || (target && page.has(kPageBuddy))) {
      hints.set_skip(pfn, false);
      return true;
    }
  }
  return false;
}

// From both ends of the zone towards its middle.
Task<void> ZoneCompaction::reset_isolation_suitable_v5_1() {
  Pfn migrate = zone().range.start;
  Pfn free = zone().range.end - 1;
  Pfn first_source = free;
  Pfn last_target = migrate;
  bool source_set = false;
  bool target_set = false;
  for (; migrate < free; migrate += block_pages(), free -= block_pages()) {
    co_await at(c_.core_.engine, Point::compact_block);
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

// __reset_isolation_suitable: forgets the hints, if the scanners have met since that was last done.
Task<void> ZoneCompaction::reset_isolation_suitable() {
  if (c_.release_ < Release::v4_9 || !cached().flush) co_return;
  edit_cached().flush = false;
  if (c_.release_ >= Release::v5_10) {
    co_await reset_isolation_suitable_v5_1();
    co_return;
  }
  for (Pfn pfn = zone().range.start; pfn < zone().range.end; pfn += block_pages()) {
    co_await at(c_.core_.engine, Point::compact_block);
    if (c_.core_.map.present(pfn) && !skip_persistent(pfn)) c_.migration_.hints().set_skip(pfn, false);
  }
  reset_cached_positions();
}

// update_pageblock_skip for a target: the free scanner has reached the end of the pageblock `block` begins. Up to 5.0
// only one without free pages is remembered; 6.4 lets the next scan begin below it.
void ZoneCompaction::note_target_scanned(Pfn block, std::uint64_t taken) {
  if (c_.release_ < Release::v4_9) return;
  const bool v5_1 = c_.release_ >= Release::v5_10;
  const bool v4_13 = c_.release_ >= Release::v4_19;
  if (!v5_1 && (taken != 0 || (!v4_13 && request_.ignore_skip_hint))) return;
  c_.migration_.hints().set_skip(block);
  const bool v6_4 = c_.release_ >= Release::v6_12;
  const Pfn reached = v6_4 ? block - block_pages() : block;
  ScannerPositions& positions = edit_cached();
  positions.free = std::min(positions.free, reached);
}

// update_cached_migrate, for a pageblock that no page is to be taken from.
void ZoneCompaction::note_source_unsuitable(Pfn end) {
  if (c_.release_ < Release::v5_10) return;
  ScannerPositions& positions = edit_cached();
  positions.migrate[0] = std::max(positions.migrate[0], block_end(end));
  if (sync()) positions.migrate[1] = std::max(positions.migrate[1], block_end(end));
}

}  // namespace cma
