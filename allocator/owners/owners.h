// Holders of pages: drivers' pages, anonymous pages of processes, shared memory, files.
//
// An owner is a numbered record; a page names its owner. A page that moves is found through its record, so a handle of
// a program follows the data. Every owned page carries a token that stands for its content. files/ and processes/ make
// records and map them; owner_moves.h moves their pages. Cost: O(1) per operation.
//
// Invariants: a record is never reused within a run, so a number means one thing. A page's references are those of
// own_references(), one for its buffers, and those of holders that the kernel does not know.
//
// Locks: a pte changes under the page-table lock of its space, a page's place and content under its page lock.
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/buffers/buffers.h"
#include "allocator/buffers/device.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/address_spaces.h"
#include "allocator/owners/owner.h"

namespace cma {

class Owners {
 public:
  Owners(const Core& core, Lru& lru, PageLocks& locks, Buffers& buffers, Writebacks& writebacks, Device& device,
         AddressSpaces& spaces);

  void copy_from(const Owners& other) {
    owners_ = other.owners_;
    huge_ = other.huge_;
  }

  // --- records ---
  // Requires: 1 <= id <= size().
  const Owner& owner(OwnerId id) const { return owners_[id - 1]; }
  std::size_t size() const { return owners_.size(); }
  bool released(OwnerId id) const { return owner(id).pfn == kNoPfn; }
  // Returns the references that the owner itself accounts for: ptes, page cache or driver. The reference of attached
  // buffers comes on top, and stays when the owner lets go of a page whose buffer is busy.
  static int own_references(const Owner& owner) {
    return static_cast<int>(owner.mapped) + (is_private(owner.kind) ? 0 : 1);
  }

  // --- taking pages, and letting them go ---
  // Makes a page one of `kind`. The caller's reference becomes the owner's. LRU kinds go through this CPU's pagevec. An
  // anonymous page is mapped by `pte`; without one, by a pte of its own that no process has.
  // Requires: a kind other than none, file and hugetlb, which have calls of their own or none; a freshly allocated
  // single page on no list.
  Task<OwnerId> adopt(Pfn pfn, PageKind kind, PteId pte = 0);
  // Does the same for a page of a file.
  // Requires: the caller has locked the page, which is not up to date yet.
  Task<OwnerId> adopt_file_page(Pfn pfn, FileId file, FileMethod method, bool slow);
  // Makes a compound page a huge page that `pmd` maps; returns the record of its first page. The caller's reference
  // becomes the pmd's.
  // Requires: a freshly allocated page with one reference.
  Task<OwnerId> adopt_huge(Pfn head, PteId pmd);
  // Makes a page of the hugetlb pool private memory of a process.
  // Requires: the page was just taken from the pool, with one reference.
  OwnerId adopt_hugetlb(Pfn head);
  // Lets the page go: unmaps it, drops it from the cache, or just puts the owner's reference. Other references keep the
  // page allocated.
  // Requires: not released.
  Task<void> release(OwnerId id);
  // Records that the page belongs to a process or a file: programs hold no handle of it.
  void leave_to_kernel(OwnerId id) { record(id).handed_out = false; }
  // Changes the page's data.
  void write_content(OwnerId id);
  // Makes the next `times` attempts to move the page answer `error` (-EAGAIN, or a permanent one); negative: all.
  void refuse(OwnerId id, std::int64_t times, int error);

  // page_mapping(page) != NULL: returns whether it is a page cache page (shmem included), not an anonymous one.
  bool has_mapping(Pfn pfn) const;

  // --- reverse map: ptes. Requires: the caller holds the lock of the pte's space, except for unmap_for_good() ---
  // Makes the pte map the page. Its reference has been taken before.
  void map_pte(PteId pte, OwnerId id);
  // Copies a migration entry to another pte: neither references nor mappings change.
  void copy_migration_entry(PteId pte, OwnerId id);
  // Clears the pte. If it mapped a page, the page's map count falls, the caller gets the pte's reference, and the page
  // that counts it is returned (of a huge page the first); else kNoPfn, also for a migration entry, which has no
  // reference to give. A page of private memory loses its record with its last pte. Since 5.18 the caller of a zap of
  // locked memory must unlock the page (MlockPages).
  Pfn zap_pte(PteId pte);
  // Returns whether locked memory maps the page.
  bool mapped_locked(OwnerId id) const;
  // Removes every mapping of the page, and the mappings' references: unmap_mapping_range, or the unmapping of private
  // memory by its process.
  Task<void> unmap_for_good(OwnerId id);

  // --- compound pages (huge_pages.cc) ---
  const HugePage& huge_page(HugeId id) const { return huge_[id - 1]; }
  // Returns the page that counts references and mappings for this one: itself, or the first of its huge page.
  Pfn counted_at(const Owner& owner) const {
    return owner.huge == 0 ? owner.pfn : owners_[huge_[owner.huge - 1].first - 1].pfn;
  }
  // Returns page_mapcount() of one page of a huge page: its ptes and the pmds.
  std::uint32_t page_mapcount(const Owner& owner) const { return owner.mapped + huge_page(owner.huge).pmds; }
  // Returns the largest page_mapcount() of its pages (page_trans_huge_mapcount).
  std::uint32_t most_mapped(HugeId id) const;
  // Map, copy and clear a pmd as map_pte(), copy_migration_entry() and zap_pte() do a pte.
  void map_pmd(PteId pmd, OwnerId first);
  void copy_migration_pmd(PteId pmd, OwnerId first);
  Pfn zap_pmd(PteId pmd);
  // Puts ptes in the place of the pmd (__split_huge_pmd).
  // Requires: the pmd is not empty; the caller holds the lock of its space.
  Task<void> split_pmd(PteId pmd);

  // --- page cache (file_pages.cc). Requires: the page is a file's ---
  // Returns the buffer of the page, which is made when it is looked up first.
  BufferId buffer_of(OwnerId id);
  // Takes another count on the buffer; of a block device's page by way of this CPU's slots.
  void hold_buffer(OwnerId id);
  // Makes the page's data and its buffer dirty.
  void make_dirty(OwnerId id);
  // Frees the page's buffer (try_to_release_page). Returns true if the page has none left.
  // Requires: the page is locked.
  bool release_buffer(OwnerId id);
  // Puts a dirty page under writeback and unlocks it (block_write_full_page).
  // Requires: the page is locked.
  Task<void> write_page(OwnerId id);
  // Removes the page from its cache if it is clean and not in use (invalidate_complete_page); true if so. The cache's
  // reference passes to the caller.
  // Requires: the page is locked, and the caller has one reference.
  bool try_to_drop(OwnerId id);
  // Removes the page from its cache (truncate_complete_page). The cache's reference passes to the caller. A buffer in
  // use keeps the page as an orphan.
  // Requires: the page is locked, and neither mapped nor under writeback.
  Task<void> remove_from_cache(OwnerId id);

 private:
  friend class OwnerMoves;

  // --- records ---
  Owner& record(OwnerId id) { return owners_[id - 1]; }
  HugePage& huge(HugeId id) { return huge_[id - 1]; }
  OwnerId add_record(Pfn pfn, PageKind kind);
  Task<void> release_cached(OwnerId id);
  Task<void> release_driver_page(OwnerId id);

  // --- reverse map ---
  void count_mapping(Owner& owner);
  void uncount_mapping(Owner& owner);
  void uncount_pmd(HugePage& huge);
  void unlink_pte(PteId id);
  void entry_gone(HugeId id);
  void write_protect(OwnerId id);

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Buffers& buffers_;
  Writebacks& writebacks_;
  Device& device_;
  AddressSpaces& spaces_;
  std::vector<Owner> owners_;
  std::vector<HugePage> huge_;
};

}  // namespace cma
