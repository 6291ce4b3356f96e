// Finding pages that can be moved (mm/compaction.c) and moving them (mm/migrate.c), as alloc_contig_range does it:
// synchronous mode, reason contig_range.
//
// The scan collects at most 32 pages on a list of the caller's; moving tries every page up to ten times a call and
// returns how many are left. Each place where the kernel drops a lock, yields or sleeps is a point.
#pragma once

#include <optional>

#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

// COMPACT_CLUSTER_MAX: pages a scan collects before they are moved.
inline constexpr unsigned kMigrateBatch = 32;
// Passes of one migrate_pages call; from the fourth on it waits for page locks and writeback.
inline constexpr int kMigratePasses = 10;

class Migration {
 public:
  // struct compact_control as alloc_contig_range uses it.
  struct Control {
    PageList pages;         // isolated, newest first
    unsigned nr_pages = 0;  // what the list holds, as the kernel counts it
    Pfn next = 0;           // 6.1: where to go on
  };

  Migration(const Geometry& geometry, BugSet& bugs, Engine& engine, Trace& trace, MemoryMap& map, Buddy& buddy,
            Lru& lru, PageLocks& locks, Writebacks& writebacks);
  void set_page_kinds(PageKinds& kinds) { kinds_ = &kinds; }

  // isolate_migratepages_range over [start, end). 4.19: the next pfn to scan, 0 when a fatal signal ended it.
  // 6.1: 0 or -EAGAIN, -EINTR; the next pfn is in the control. Both come back as: error, control.next.
  Task<int> isolate_range(Control& control, Pfn start, Pfn end);
  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them.
  Task<void> reclaim_clean(Control& control);
  // migrate_pages: the number of pages that did not move (still listed since 5.11, put back before when permanent), or
  // -ENOMEM when no target could be had.
  Task<int> migrate_pages(Control& control);
  // putback_movable_pages: what is left on the list goes back where it was.
  Task<void> putback(Control& control);

 private:
  int throttled_v5_10();
  Task<int> isolate_block(Control& control, Pfn low, Pfn end);
  std::optional<Refusal> try_to_isolate(Pfn pfn);
  Task<int> isolate_range_v3_5(Control& control, Pfn start, Pfn end);
  bool isolate_movable_page(Pfn pfn);
  void list_page(Control& control, Pfn pfn);
  Task<int> migrate_pages_v6_5(Control& control);
  struct Batch;
  Task<int> migrate_batch_v6_5(PageList& from, PageList& failed, Batch& batch);
  Task<int> unmap_page_v6_5(PageList& from, PageList& failed, Pfn pfn, bool sync, Pfn& target, bool& was_mapped);
  Task<int> move_page_v6_5(Pfn pfn, Pfn target, bool sync, bool was_mapped);
  Task<int> unmap_locked_v6_5(Pfn pfn, bool sync, bool& was_mapped);
  Task<void> undo_unmapped_v6_5(Pfn pfn, Pfn target, bool was_mapped);
  Task<int> try_to_move(Control& control, PageList& failed, Pfn pfn, bool force);
  Task<int> move_locked(Pfn pfn, Pfn target, bool force);
  Task<void> settle_target(Pfn target, bool lru, bool was_mapped);
  Task<void> release_source(Pfn pfn);
  Task<void> put_back_page(Pfn pfn);

  Release release_;
  BugSet& bugs_;
  Engine& engine_;
  Trace& trace_;
  MemoryMap& map_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  PageKinds* kinds_ = nullptr;
};

}  // namespace cma
