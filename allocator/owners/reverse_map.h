// The reverse map (mm/rmap.c): which ptes and pmds map a page, and the counts that follow from them.
//
// owners/, files/ and processes/ map and unmap through it; owner_moves.h puts migration entries in the place of
// mappings and back. Each record heads the chain of its ptes, each huge page that of its pmds (address_spaces.h); a
// migration entry keeps its place there and counts as no mapping. Only map counts change here: an entry's reference is
// its caller's to take and to put, except where a function states otherwise. A private owner or huge page is released,
// its pfn becoming kNoPfn, when no entry leads to it any more. Cost: O(1); unlinking and searching: O(entries of the
// page); split_pmd(), most_mapped(), and clearing the last entry of a huge page: O(pages of the huge page).
//
// Locks: an entry is `guarded` if the caller holds the page-table lock of its space, or, for one that fork fills in, of
// the parent's. Entries of space 0 need no lock.
#pragma once

#include <cstdint>

#include "allocator/frames/core.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/address_spaces.h"
#include "allocator/owners/owner.h"
#include "allocator/owners/owner_records.h"

namespace cma {

class ReverseMap {
 public:
  // Refers to its arguments, which outlive it.
  ReverseMap(const Core& core, Lru& lru, AddressSpaces& spaces, OwnerRecords& records);
  ReverseMap(const ReverseMap&) = delete;
  ReverseMap& operator=(const ReverseMap&) = delete;

  // --- ptes ---
  // Makes the pte map the page: neither writable, dirty nor young; that is for the caller to set.
  // Requires: the pte is empty and guarded; the page is of a kind that ptes map (is_mappable). The caller has taken the
  // reference, which becomes the pte's.
  void map_pte(PteId pte, OwnerId page);
  // Makes the pte a migration entry for the page, as clean as map_pte() leaves it: neither references nor mappings
  // change.
  // Requires: the pte is empty and guarded; the page has another migration entry, of a pte or pmd.
  void copy_migration_entry(PteId pte, OwnerId page);
  // Puts a migration entry in the place of the mapping. The caller gets the pte's reference. Up to 6.0 it is forgotten
  // that the page was used by the pte.
  // Requires: the pte is present and guarded; the page is locked.
  void set_migration_entry(PteId pte);
  // Puts a mapping of the page, where it is now, in the place of the migration entry: writable, dirty and young as
  // that. Requires: the pte is a guarded migration entry; the page is locked. The caller has taken the reference, which
  // becomes the pte's.
  void remove_migration_entry(PteId pte);
  // Clears the pte. If it mapped a page, the page's map count falls, the caller gets the pte's reference, and the page
  // that counts it is returned (of a huge page the first); else kNoPfn, also for a migration entry, which has no
  // reference to give, and for an empty pte. The owner of private memory is released (pfn kNoPfn) with its last entry;
  // for a page of a huge page as zap_pmd() states. Since 5.18 the caller of a zap of locked memory must unlock the
  // page, by MlockPages::munlock_when_unmapped().
  // Requires: the pte is guarded.
  Pfn zap_pte(PteId pte);
  // Makes the next write through each pte of the page fault, and so ask the file first, and forgets that the page was
  // written through them (page_mkclean).
  // Requires: the page is locked.
  void write_protect(OwnerId id);
  // Removes every pte of the page and puts their references: unmap_mapping_range, or a private page that the test
  // device lets go (space 0). A page of a cache is marked accessed (Pagevecs::mark_accessed) for each pte through which
  // it was used. Drains this CPU's pagevecs before and after each, and waits for page-table locks. Of a migration entry
  // only the entry goes. Requires: the page is not part of a huge page, which pmds may map; the caller holds no
  // page-table lock.
  Task<void> unmap_for_good(OwnerId id);
  // Returns a pte or pmd of a page, from `first` of its chain on, in this state, that unmapping or remapping may touch;
  // 0 if there is none: anonymous pages of exec's stack stay mapped until it is in its final place.
  PteId find_entry(PteId first, Pte::State state) const;
  // Returns whether a pte of locked memory maps the page; migration entries and pmds do not count.
  bool mapped_locked(OwnerId id) const;

  // --- pmds (reverse_map_huge.cc); `first` is the record of a huge page's first page ---
  // Makes the pmd map the huge page: not writable; that is for the caller to set.
  // Requires: the pmd is empty and guarded. The caller has taken the reference, which becomes the pmd's.
  void map_pmd(PteId pmd, OwnerId first);
  // Makes the pmd a migration entry for the huge page, not writable: neither references nor mappings change.
  // Requires: the pmd is empty and guarded; the huge page has another migration entry.
  void copy_migration_pmd(PteId pmd, OwnerId first);
  // Puts a migration entry in the place of the mapping. The caller gets the pmd's reference.
  // Requires: the pmd is present and guarded; the huge page is locked.
  void set_migration_pmd(PteId pmd);
  // Puts a mapping of the huge page, where it is now, in the place of the migration entry: writable as that.
  // Requires: the pmd is a guarded migration entry; the huge page is locked. The caller has taken the reference, which
  // becomes the pmd's.
  void remove_migration_pmd(PteId pmd);
  // Clears the pmd. If it mapped a huge page, the map count falls, the caller gets the pmd's reference, and the first
  // page is returned; else kNoPfn. The owners of its pages are released (pfn kNoPfn) with the last pte, pmd or entry.
  // Requires: the pmd is guarded.
  Pfn zap_pmd(PteId pmd);
  // Puts ptes in the place of the pmd (__split_huge_pmd): dirty, and writable as the pmd was. For a mapping takes the
  // references that they need, and then passes a point; for a migration entry does neither.
  // Requires: the pmd is not empty, and guarded up to the return.
  Task<void> split_pmd(PteId pmd);

  // --- counts ---
  // Returns the page that counts references and mappings for this one: itself, or the first of its huge page.
  Pfn counted_at(const Owner& owner) const {
    return owner.huge == 0 ? owner.pfn : records_.owner(records_.huge_page(owner.huge).first).pfn;
  }
  // Returns page_mapcount() of one page of a huge page: its ptes and the pmds.
  // Requires: the page is part of a huge page.
  std::uint32_t page_mapcount(const Owner& owner) const { return owner.mapped + records_.huge_page(owner.huge).pmds; }
  // Returns the largest page_mapcount() of its pages (page_trans_huge_mapcount).
  std::uint32_t most_mapped(HugeId id) const;

 private:
  void count_pte(Owner& owner);
  void uncount_pte(Owner& owner);
  void count_pmd(HugePage& huge);
  void uncount_pmd(HugePage& huge);
  void link_pte(PteId pte, OwnerId page, Pte::State state);
  void link_pmd(PteId pmd, OwnerId first, Pte::State state);
  void unlink(PteId entry);
  void entry_gone(HugeId id);

  Release release_;
  Core core_;
  Lru& lru_;
  AddressSpaces& spaces_;
  OwnerRecords& records_;
};

}  // namespace cma
