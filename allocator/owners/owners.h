// Owners of pages: drivers, private memory, shared memory, files. Makes their records, and lets their pages go.
//
// An owner is a numbered record; a page names its owner. A page that moves is found through its record, so a handle of
// a program follows the data. Every owned page carries a token that stands for its content. owner.h has a table of the
// kinds, and of the calls that each takes. Programs, files/ and processes/ make records here; reverse_map.h maps the
// pages, page_cache.h has those of caches, owner_moves.h moves them. Cost: O(1) per page;
// release(): O(entries of the page).
//
// Invariants: a record is never reused within a run, so a number means one thing. At rest, a page's references are
// those of own_references(), one for its buffers, one for each pagevec slot (Page::pagevecs), and those of holders that
// the kernel does not know.
//
// Locks. A page changes or loses its place
// - in a cache, or as a driver's that can move: under its page lock;
// - as private memory: by a move under the page lock; with its last entry under the page-table lock, or under none if
//   no process has that pte;
// - as an unmovable page: in release(), under none.
// write_content() takes no lock and asks for none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/owner.h"
#include "allocator/owners/owner_parts.h"

namespace cma {

class Owners {
 public:
  // Refers to its arguments, which outlive it.
  Owners(const Core& core, Lru& lru, PageLocks& locks, Writebacks& writebacks, const OwnerParts& parts);
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;

  // --- records, which others only read ---
  // Returns a record, valid until another is made.
  // Requires: 1 <= id <= size().
  const Owner& owner(OwnerId id) const { return records_.owner(id); }
  std::size_t size() const { return records_.size(); }
  // Returns whether the owner has let its page go.
  bool released(OwnerId id) const { return owner(id).pfn == kNoPfn; }
  // Requires: `id` is Owner::huge of a record, and not 0.
  const HugePage& huge_page(HugeId id) const { return records_.huge_page(id); }
  // Returns the references that the owner itself accounts for: ptes, page cache or driver. The reference of attached
  // buffers comes on top, and stays when the owner lets go of a page whose buffer is busy. Of a page of a huge page
  // returns its ptes, whose references are on the first page.
  // Requires: not released.
  static int own_references(const Owner& owner) {
    return static_cast<int>(owner.mapped) + (is_private(owner.kind) ? 0 : 1);
  }

  // --- taking pages. Each returns the number of the record that it makes ---
  // Makes a page private memory, mapped by `pte`; without one, by a pte of its own that no process has. The page counts
  // as used by the pte, as after a fault. The caller's reference becomes the pte's. The page goes through this CPU's
  // pagevec, or if `pte` is of locked memory by MlockPages::mlock_new(). Requires: a freshly allocated single page on
  // no list; `pte` is empty and guarded (reverse_map.h).
  Task<OwnerId> adopt_anonymous(Pfn pfn, PteId pte = 0);
  // Makes a page a driver's (unmovable, movable_ops) or one of a cache (shmem, block_device). The caller's reference
  // becomes the owner's. Pages of caches go through this CPU's pagevec.
  // Requires: one of these kinds; a freshly allocated single page on no list.
  Task<OwnerId> adopt(Pfn pfn, PageKind kind);
  // Records what the kernel uses the page for, for reports. Requires: it is unmovable.
  void set_use(OwnerId id, KernelUse use);
  // Makes a page one of a file; `slow` as Owner::slow. The caller's reference becomes the cache's. The page goes
  // through this CPU's pagevec. Requires: a freshly allocated single page, locked by the caller and not up to date yet.
  Task<OwnerId> adopt_file_page(Pfn pfn, FileId file, FileMethod method, bool slow);
  // Makes a compound page a huge page that `pmd` maps; returns the record of its first page. The caller's reference
  // becomes the pmd's. The page goes through this CPU's pagevec. O(its pages).
  // Requires: a freshly allocated page of at most a pageblock; the pmd is empty and guarded.
  Task<OwnerId> adopt_huge(Pfn head, PteId pmd);
  // Makes a page of the hugetlb pool private memory, mapped by a pte that no process of a program has. The caller's
  // reference becomes the pte's.
  // Requires: the page was just taken from the pool.
  OwnerId adopt_hugetlb(Pfn head);

  // --- owned pages ---
  // Records that the page belongs to a process or a file: programs hold no handle of it. adopt_file_page() and
  // adopt_huge() do so themselves.
  void leave_to_kernel(OwnerId id) { records_.edit(id).handed_out = false; }
  // Changes the page's data. Does not make it dirty.
  // Requires: not released.
  void write_content(OwnerId id);
  // Makes the next `times` attempts to move the page answer `error` (-EAGAIN, or a permanent one); negative: all. Has
  // no effect on kinds other than movable_ops.
  void refuse(OwnerId id, std::int64_t times, int error);
  // Lets the page go: unmaps it, drops it from the cache, or just puts the owner's reference. Other references keep the
  // page allocated. Waits for the page lock, writeback and page-table locks.
  // Requires: not released, and not part of a huge page. The caller holds no lock of the page or of its ptes.
  Task<void> release(OwnerId id);

 private:
  OwnerId add_record(Pfn pfn, PageKind kind);
  OwnerId add_fresh(Pfn pfn, PageKind kind, std::uint32_t flags);
  Task<void> release_cached(OwnerId id);
  Task<void> release_driver_page(OwnerId id);

  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  AddressSpaces& spaces_;
  OwnerRecords& records_;
  ReverseMap& reverse_map_;
  PageCache& page_cache_;
};

}  // namespace cma
