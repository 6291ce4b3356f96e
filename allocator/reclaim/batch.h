// One batch of isolated pages: which are dropped, which are kept, and why (shrink_page_list, since 5.19
// shrink_folio_list; mm/vmscan.c).
//
// A part of Reclaim, which isolates the pages and puts back those that stay. What only a page's owner knows comes from
// OwnerReclaim. A point is passed before each page, after it was unmapped, before the dropped pages are freed, and
// wherever I/O is waited for. Cost: O(pages and their mappings).
//
// Locks: callers hold none. Each page is tried under its lock, for which this never waits.
#pragma once

#include <vector>

#include "allocator/frames/core.h"
#include "allocator/frames/page_list.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/owner_reclaim.h"
#include "allocator/reclaim/scan_control.h"

namespace cma {

class BatchReclaim {
 public:
  // Refers to its arguments, which outlive it.
  BatchReclaim(const Core& core, Lru& lru, PageLocks& locks, OwnerReclaim& owners, ReclaimEvents& events);

  // Tries the pages of a list, last page first, and frees those that can be dropped. Returns how many. The others stay
  // on the list, those tried last in front; some are active now. Adds to `control` and `counts`. Pages that are freed
  // are no longer counted as isolated; the others still are.
  // Requires: the pages are single, inactive, evictable when they were isolated, and of the node.
  Task<std::uint64_t> shrink(PageList& pages, ScanControl& control, const NodeState& node, BatchCounts& counts);

 private:
  // What becomes of a page.
  enum class Fate : std::uint8_t {
    keep,         // it stays; it is not locked any more
    keep_locked,  // it stays
    activate,     // it stays, and becomes active
    cull,         // it goes back at once: it is locked memory (up to 4.5)
    drop,         // it has no reference and no owner any more
  };
  // page_check_references.
  enum class Use : std::uint8_t { none, once_in_file, keep, activate };
  // What the batch has in common.
  struct Run {
    ScanControl& control;
    const NodeState& node;
    BatchCounts& counts;
  };

  Task<Fate> try_page(Run run, Pfn pfn);
  Task<Fate> try_locked(Run run, Pfn pfn);
  Task<Fate> drop_unused(Run run, Pfn pfn, Use use);
  Fate anon_without_swap(Run run, const Page& page) const;
  void count_dirty(Run run, const Page& page) const;
  Fate under_writeback(Run run, Pfn pfn);
  Task<Use> use_of(Pfn pfn);
  Task<std::optional<Fate>> unmap(Run run, Pfn pfn);
  bool defers_write(Run run, const Page& page) const;
  Task<std::optional<Fate>> write(Run run, Pfn pfn, Use use);
  Fate drop(Pfn pfn);
  void settle(Run run, Pfn pfn, Fate fate);
  Task<void> free_dropped(std::vector<Pfn>& dropped);

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  OwnerReclaim& owners_;
  ReclaimEvents& events_;
};

}  // namespace cma
