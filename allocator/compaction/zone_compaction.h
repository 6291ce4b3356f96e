// One call of compact_zone: its two scanners, the pages it has isolated, and the free pages it holds.
//
// An object lives as long as the call. Used by compaction.cc only. It isolates and moves pages through migration/, and
// takes free pages through free_scan.h. Sleeps and yields; each is a point. Cost: O(pages of the zone).
#pragma once

#include <array>
#include <vector>

#include "allocator/compaction/compaction.h"
#include "allocator/migration/control.h"

namespace cma {

// Orders are signed here: that of all memory is -1.
constexpr int kCostly = static_cast<int>(kCostlyOrder);

// A request to compact one zone (struct compact_control).
struct CompactRequest {
  int order = -1;  // -1: the zone as a whole
  Migratetype type = Migratetype::unmovable;
  MoveMode mode = MoveMode::sync;
  bool direct = false;                 // for an allocation
  bool whole_zone = false;             // every pageblock is looked at: the scanners begin at the zone's ends
  bool ignore_skip_hint = false;       // pageblocks with a skip bit are looked at, too
  bool ignore_block_suitable = false;  // pages may move to pageblocks of every type
  bool may_enter_fs = true;            // pages with a mapping are moved: of files and of shared memory
  bool restarting = false;  // compaction_restarting(): the hints are cleared first if the scanners have met before
  std::uint32_t alloc_flags = 0;  // the allocation's, for watermarks
  std::size_t class_zone = 0;     // the highest zone that the allocation may use
};

// The layers that compaction works with.
struct CompactingLayers {
  const Core& core;
  Buddy& buddy;
  Lru& lru;
  MigrateScanner& scanner;
  Migration& migration;
  FreeScanner& free_scanner;
  EndlessTurns& endless;
};

class ZoneCompaction final : public MigrationTargets {
 public:
  // Refers to the layers, which outlive it.
  ZoneCompaction(const CompactingLayers& layers, std::size_t zone, const CompactRequest& request);

  // compact_zone. When it returns, this call holds no pages.
  Task<CompactResult> run();
  // compaction_suitable: returns go_on if it is worth while to begin, success if an allocation would succeed as it is,
  // else skipped.
  CompactResult suitable() const;
  // Returns whether there is room for targets, and for as many pages that are freed late, with so many pages free.
  bool has_room(std::int64_t free) const;

  // --- MigrationTargets ---
  // compaction_alloc: sends the free scanner on if no free page is left.
  Task<Pfn> take(Pfn source) override;
  // compaction_free: keeps a target that was not needed.
  Task<void> give_back(Pfn target) override;

 private:
  enum class Isolated : std::uint8_t { abort, none, some };
  enum class Migrated : std::uint8_t { all, some, out_of_targets };

  // suitable.cc: whether to begin, and whether to go on.
  CompactResult suitable_v3_5() const;
  int fragmentation_index() const;
  CompactResult finished();
  CompactResult finished_v3_5();
  bool suitable_page(bool& claimed) const;
  bool scanners_met() const;
  // positions.cc: where scanners begin, and the hints.
  void place_scanners_v3_5();
  void place_scanners();
  void reset_cached_positions();
  bool skip_persistent(Pfn pfn) const;
  bool reset_skip_v5_1(Pfn pfn, bool source, bool target);
  Task<void> reset_isolation_suitable();
  Task<void> reset_isolation_suitable_v5_1();
  void note_target_scanned(Pfn block, std::uint64_t taken);
  void note_source_unsuitable(Pfn end);
  // fast_search.cc: short cuts along the free lists.
  unsigned freelist_scan_limit() const;
  int next_search_order(int order);
  bool may_search_source() const;
  Pfn find_source_of_order(unsigned order, Pfn high, unsigned limit, unsigned& scanned);
  Pfn fast_find_migrateblock();
  Pfn reinit_migrate_pfn();
  struct FastSearch;
  Pfn fast_search_order(FastSearch& search, int order);
  unsigned least_limit(unsigned limit) const;
  Task<void> fast_isolate_freepages();
  Task<void> fast_isolate_around(Pfn pfn);
  // zone_compaction.cc
  bool in_zone(Pfn start, Pfn end) const;
  bool zone_contiguous() const;
  bool suitable_source(Pfn pfn) const;
  bool takes_pages(Migratetype type) const;
  bool suitable_target(Pfn pfn) const;
  bool skips_block(Pfn pfn) const;
  bool begins_block(Pfn low) const;
  Task<Isolated> isolate_migratepages();
  Task<Isolated> isolate_migratepages_v3_5();
  Task<void> isolate_freepages();
  Task<void> isolate_freepages_v3_5();
  FreeScan free_scan(Pfn start, Pfn end);
  void account(const FreeScan& scan);
  Task<void> scan_targets();
  void split_free_pages();
  Task<Pfn> take_v6_9(unsigned order);
  Task<Migrated> migrate();
  Task<bool> turn(bool& update_cached);
  bool goes_round(Pfn begin, std::uint64_t moved_before);
  std::uint64_t locals();
  Task<void> endless_turn();
  Task<void> drain_freed();
  Task<void> release_free_pages();
  bool rescans_after_failure_v6_3() const;

  const Zone& zone() const { return buddy_.zone(zone_); }
  Pfn block_pages() const { return core_.map.pageblock_pages(); }
  Pfn block_start(Pfn pfn) const { return core_.map.pageblock_start(pfn); }
  Pfn block_end(Pfn pfn) const { return block_start(pfn) + block_pages(); }
  bool block_aligned(Pfn pfn) const { return block_start(pfn) == pfn; }
  bool sync() const { return request_.mode != MoveMode::async; }
  // Whether targets are of the order of their sources.
  bool by_order() const { return release_ >= Release::v6_9; }
  const ScannerPositions& cached() const { return scanner_.hints().zone(zone_); }
  ScannerPositions& edit_cached() { return scanner_.hints().edit_zone(zone_); }

  Release release_;
  unsigned huge_page_order_;  // COMPACTION_HPAGE_ORDER
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  MigrateScanner& scanner_;
  Migration& migration_;
  FreeScanner& free_scanner_;
  EndlessTurns& endless_;
  std::size_t zone_;
  CompactRequest request_;
  Compacting compacting_;
  MigrateControl control_;
  Pfn migrate_pfn_ = 0;
  Pfn free_pfn_ = 0;
  // The free pages that are held, as blocks as they were free: on the first list; since 6.9 on one list an order.
  std::array<PageList, kOrderLimit> free_blocks_;
  // Up to 6.8 these are split at once: single pages with a reference each, the next one to take last.
  std::vector<Pfn> free_pages_;
  std::uint64_t nr_free_ = 0;
  std::uint64_t moved_ = 0;       // the targets that were taken and not given back
  std::uint64_t in_vain_ = 0;     // turns that led back, since a page moved
  Pfn last_migrated_ = 0;         // since 5.1
  bool finishing_block_ = false;  // 4.12 to 5.0: goes on to the pageblock's end, for a request that is not movable
  // Since 5.1.
  int search_order_;
  unsigned fast_search_fail_ = 0;
  Pfn fast_start_ = 0;  // the lowest page that quick searches have found; kNoPfn once it was used
  // Up to 3.6.
  bool wrapped_ = false;
  Pfn start_free_ = 0;
};

}  // namespace cma
