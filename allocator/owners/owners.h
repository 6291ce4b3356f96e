// Who holds a page, and what it takes to move it: pages a driver holds, pages a driver knows how to move, anonymous
// pages of a process, pages of shared memory, pages of files.
//
// An owner is a numbered record; a page names its owner. Pages that can move are found through their record, so a
// program that holds a handle follows the data wherever it goes. Every owned page carries a token that stands for its
// content. Cost: O(1) an operation; records are never reused within a run, so a number means one thing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "allocator/buffers/buffers.h"
#include "allocator/buffers/device.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"
#include "allocator/owners/address_spaces.h"

namespace cma {

enum class PageKind : std::uint8_t {
  none,
  unmovable,     // nobody can move it (a driver's, a slab's, a page table's): one reference, no owner the kernel knows
  movable_ops,   // a non-LRU page whose driver moves it, or refuses
  anonymous,     // private memory, mapped by one pte or, after fork, by several; on the LRU
  shmem,         // page cache of shared memory: unmapped, swap-backed, on the LRU
  block_device,  // page cache of a RAM disk (writes complete at once), with a buffer head once it was looked up
  file,          // page cache of a file (files.h)
  hugetlb,       // private memory in a huge page of the hugetlb pool, mapped by one entry
};

// Private memory: its references are its mappings, and nobody can find it without one.
constexpr bool is_private(PageKind kind) { return kind == PageKind::anonymous || kind == PageKind::hugetlb; }

// Pages of a file in the widest sense: on the file LRU, with a mapping, droppable when clean.
constexpr bool is_file(PageKind kind) { return kind == PageKind::block_device || kind == PageKind::file; }

// How pages of a file move: the migratepage method of its address space.
enum class FileMethod : std::uint8_t {
  ordered,       // ext4 ordered and writeback, ext2: buffer_migrate_page
  journalled,    // ext4 data=journal: none, so fallback_migrate_page; since 6.4 buffer_migrate_folio_norefs
  block_device,  // metadata of a file system: fallback; since 5.0 buffer_migrate_page_norefs
};

// Number of a file; 0 is none.
using FileId = std::uint32_t;

// Number of a huge page; 0 is none.
using HugeId = std::uint32_t;

// A transparent huge page (huge_pages.cc). Each of its pages has an owner record of its own, one after the other.
struct HugePage {
  OwnerId first = 0;  // record of its first page
  unsigned order = 0;
  PteId first_pmd = 0;             // of the pmds and their migration entries that name it
  std::uint32_t pmds = 0;          // pmds that map it
  std::uint32_t entries = 0;       // pmds, ptes and migration entries of it and of any of its pages
  std::uint32_t pages_mapped = 0;  // pages that a pte maps
  bool partially_mapped = false;   // lost the mapping of some of its pages, and was not split yet
  std::uint64_t pages() const { return order_pages(order); }
  friend bool operator==(const HugePage&, const HugePage&) = default;
};

std::string_view name_of(PageKind kind);

struct Owner {
  PageKind kind = PageKind::none;
  Pfn pfn = kNoPfn;           // where the page is now; kNoPfn once the owner has let go
  std::uint32_t token = 0;    // the content the page must have
  PteId first_pte = 0;        // of the ptes and migration entries that name it
  std::uint32_t mapped = 0;   // anonymous: a pte maps it (not a migration entry)
  std::int64_t refusals = 0;  // movable_ops: how many attempts to move are refused; negative: all
  int refusal_error = 0;      // with this error
  bool handed_out = true;     // a program holds it by a handle of its own
  Pfn moving_from = kNoPfn;   // while migration entries stand for its ptes: the page they point at
  BufferId buffer = 0;        // pages of files: its buffer head, 0 for none
  FileId file = 0;            // file
  FileMethod method = FileMethod::block_device;
  HugeId huge = 0;    // anonymous: the huge page it is part of, until that is split
  bool slow = false;  // the file's I/O completes when somebody says so
  friend bool operator==(const Owner&, const Owner&) = default;
};

// Sees every attempt to move a movable-ops page at the moment its driver is asked: what a real driver would see.
class MoveWatcher {
 public:
  virtual ~MoveWatcher() = default;
  // `error` is the driver's answer: 0, or why it refuses.
  virtual void move_tried(Pfn pfn, int error) = 0;
};

class Owners final : public PageKinds {
 public:
  Owners(const Core& core, Lru& lru, PageLocks& locks, Buffers& buffers, Writebacks& writebacks, Device& device,
         AddressSpaces& spaces);

  // Makes a freshly allocated single page (one reference, no list) a page of `kind`. LRU kinds go through this CPU's
  // pagevec. The caller's reference becomes the owner's.
  // Anonymous pages are mapped by `pte`; without one, by a pte of their own that no process has.
  Task<OwnerId> adopt(Pfn pfn, PageKind kind, PteId pte = 0);
  // The same for a page of a file, which is not up to date yet. The caller has locked it.
  // Makes a page of the hugetlb pool that was just taken from it, with one reference, private memory of a process.
  OwnerId adopt_hugetlb(Pfn head);
  // Makes a fresh compound page with one reference a huge page that `pmd` maps; the record of its first page. The
  // caller's reference becomes the pmd's.
  Task<OwnerId> adopt_huge(Pfn head, PteId pmd);
  Task<OwnerId> adopt_file_page(Pfn pfn, FileId file, FileMethod method, bool slow);
  // The owner lets go: unmaps, drops from the cache, or just puts its reference. The page may live on by other
  // references.
  Task<void> release(OwnerId id);
  // The record is a process's or a file's affair: programs hold no handle of it.
  void leave_to_kernel(OwnerId id) { record(id).handed_out = false; }
  // unmap_mapping_range, or the unmapping of private memory by who made it: every mapping of the page goes, and with it
  // the mappings' references.
  Task<void> unmap_for_good(OwnerId id);
  // The page's data changes.
  void write_content(OwnerId id);
  bool released(OwnerId id) const { return owner(id).pfn == kNoPfn; }
  // The next `times` attempts to move the page answer `error` (-EAGAIN, or a permanent one); negative: all.
  void refuse(OwnerId id, std::int64_t times, int error);

  // --- page tables; the lock of the pte's space is held ---
  // The pte maps the page from now on; its reference has been taken before.
  void map_pte(PteId pte, OwnerId id);
  // A migration entry is copied to another pte: neither references nor mappings change.
  void copy_migration_entry(PteId pte, OwnerId id);
  // The pte is cleared and the page's map count falls; the pte's reference passes to the caller: of a huge page's, on
  // its first page. kNoPfn: it held none. Of locked memory since 5.18, the caller has the page unlocked (Lru::munlock).
  Pfn zap_pte(PteId pte);
  // Locked memory maps the page.
  bool mapped_locked(OwnerId id) const;

  // --- huge pages (huge_pages.cc) ---
  const HugePage& huge_page(HugeId id) const { return huge_[id - 1]; }
  // The frame that counts references and mappings for this page: its own, or the first of its huge page.
  Pfn counted_at(const Owner& owner) const {
    return owner.huge == 0 ? owner.pfn : owners_[huge_[owner.huge - 1].first - 1].pfn;
  }
  // page_mapcount() of one page of a huge page: its ptes and the pmds.
  std::uint32_t page_mapcount(const Owner& owner) const { return owner.mapped + huge_page(owner.huge).pmds; }
  // The largest page_mapcount() of its pages (page_trans_huge_mapcount).
  std::uint32_t most_mapped(HugeId id) const;
  // As the three above, for a pmd.
  void map_pmd(PteId pmd, OwnerId first);
  void copy_migration_pmd(PteId pmd, OwnerId first);
  Pfn zap_pmd(PteId pmd);
  // __split_huge_pmd: ptes take the place of the pmd, which is not empty. The page-table lock is held.
  Task<void> split_pmd(PteId pmd);

  void set_move_watcher(MoveWatcher* watcher) { watcher_ = watcher; }

  // --- pages of files (file_pages.cc) ---
  // The buffer of the page, made when it is looked up first.
  BufferId buffer_of(OwnerId id);
  // Another count on the buffer; of a block device's page by way of this CPU's slots.
  void hold_buffer(OwnerId id);
  // The page's data and its buffer become dirty.
  void make_dirty(OwnerId id);
  // try_to_release_page: true if the page has no buffer left. The page is locked.
  bool release_buffer(OwnerId id);
  // block_write_full_page: the dirty page, which is locked, goes under writeback and is unlocked.
  Task<void> write_page(OwnerId id);
  // invalidate_complete_page: the page, which is locked and referenced once by the caller, leaves its cache if it is
  // clean and nobody else uses it. The cache's reference passes to the caller.
  bool try_to_drop(OwnerId id);
  // truncate_complete_page: the page, which is locked and not under writeback, leaves its cache. The cache's reference
  // passes to the caller. A buffer in use keeps the page as an orphan.
  Task<void> remove_from_cache(OwnerId id);

  const Owner& owner(OwnerId id) const { return owners_[id - 1]; }
  std::size_t size() const { return owners_.size(); }
  // References the owner itself accounts for: ptes, page cache or driver.
  // The reference of attached buffers comes on top, and stays when the owner lets go of a page whose buffer is busy.
  static int own_references(const Owner& owner) {
    return static_cast<int>(owner.mapped) + (is_private(owner.kind) ? 0 : 1);
  }

  // --- PageKinds ---
  bool has_mapping(Pfn pfn) const override;
  bool moves_dirty(Pfn pfn) const override;
  bool isolate_movable(Pfn pfn) override;
  Task<void> unmap(Pfn pfn) override;
  Task<void> remap(Pfn old, Pfn target) override;
  Task<bool> reclaim_clean(Pfn pfn) override;
  void drop_orphaned_buffers(Pfn pfn) override;
  Task<int> move(Pfn old, Pfn target, MoveMode mode) override;
  std::int32_t mapcount_of_first(Pfn head) const override;
  bool partially_mapped(Pfn head) const override;
  Task<int> split(Pfn head, PageList* list) override;

  void copy_from(const Owners& other) {
    owners_ = other.owners_;
    huge_ = other.huge_;
  }

 private:
  // Flags that describe content and history: they follow the data to its new page.
  static constexpr std::uint32_t kMovingFlags =
      kPageActive | kPageUnevictable | kPageReferenced | kPageDirty | kPageSwapbacked | kPageUptodate | kPageAnon;

  Owner& record(OwnerId id) { return owners_[id - 1]; }
  OwnerId add_record(Pfn pfn, PageKind kind);
  int move_movable_ops(Owner& owner, Pfn old, Pfn target);
  void take_over(Owner& owner, Pfn old, Pfn target);
  int move_mapping(OwnerId id, Pfn old, Pfn target, int expected);
  Task<int> move_file_page(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> fallback_move(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> buffer_move_v4(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> buffer_move_v5(OwnerId id, Pfn old, Pfn target, MoveMode mode, bool norefs);
  bool reclaim_orphan(Pfn pfn);
  Task<bool> discard_lazyfree(OwnerId id, Pfn pfn);
  Task<void> release_cached(OwnerId id);
  Task<void> release_driver_page(OwnerId id);
  Task<void> reclaim_mappings(OwnerId id, Pfn pfn);
  void write_protect(OwnerId id);
  void unlink_pte(PteId id);
  void count_mapping(Owner& owner);
  void uncount_mapping(Owner& owner);
  void uncount_pmd(HugePage& huge);
  void note_partial(HugePage& huge);
  Task<void> unmap_ptes(OwnerId id, Pfn counted);
  Task<void> remap_ptes(OwnerId id, Pfn counted);
  HugePage& huge(HugeId id) { return huge_[id - 1]; }
  void entry_gone(HugeId id);
  Task<void> unmap_pmds(HugeId id);
  Task<void> unmap_huge(HugeId id);
  Task<void> remap_huge(HugeId id, Pfn head);
  int move_huge(HugeId id, Pfn old, Pfn target);
  bool may_split(Pfn head) const;
  Task<void> split_pmds(HugeId id);
  void split_into_pages(HugeId id, Pfn head, PageList* list);
  void split_records(HugeId id);
  Task<void> remap_split(OwnerId first, Pfn head, std::uint64_t pages);
  // Of a page's ptes or pmds, from `first` on, one in this state that unmapping or remapping may touch; 0 for none.
  PteId find_entry(PteId first, Pte::State state) const;

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Buffers& buffers_;
  Writebacks& writebacks_;
  Device& device_;
  AddressSpaces& spaces_;
  MoveWatcher* watcher_ = nullptr;
  std::vector<Owner> owners_;
  std::vector<HugePage> huge_;
};

}  // namespace cma
