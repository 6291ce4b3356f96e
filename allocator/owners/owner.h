// Records of the pages that have an owner: what kind a page is, where it lies, and what else its owner knows of it.
//
// Plain data. The parts of owners/ write it by OwnerRecords (owner_records.h); all others read.
//
// Each kind's references at rest, its mappings, how OwnerMoves moves it, the call of Owners that makes it, and the
// calls that it takes besides Owners::write_content(), leave_to_kernel() and release(), which all but `none` take:
//
// | kind         | references          | mapped by          | moves              | made by         | takes            |
// | ------------ | ------------------- | ------------------ | ------------------ | --------------- | ---------------- |
// | unmovable    | driver's            | -                  | never              | adopt           | -                |
// | movable_ops  | driver's            | -                  | by its driver      | adopt           | refuse           |
// | anonymous    | ptes'               | ptes               | by move_mapping    | adopt_anonymous | ptes             |
// |  in a huge   | ptes' and pmds', on | ptes, and pmds of  | whole, or is split | adopt_huge      | ptes, pmds, huge |
// |  page        | its first page      | the whole          | before             |                 | (no release)     |
// | shmem        | cache's, ptes'      | ptes               | by move_mapping    | adopt           | ptes, remove     |
// | block_device | cache's, buffer's   | -                  | by its FileMethod  | adopt           | cache            |
// | file         | cache's, buffer's,  | ptes, unless it is | by its FileMethod  | adopt_file_page | ptes, cache      |
// |              | ptes'               | a block device's   |                    |                 |                  |
// | hugetlb      | pte's               | one pte            | by move_mapping    | adopt_hugetlb   | -                |
//
// - ptes: the calls of ReverseMap for ptes; unmap_for_good() not for a page of a huge page.
// - pmds: those for pmds, by the first page. huge: page_mapcount(), most_mapped() and Owners::huge_page().
// - cache: all calls of PageCache. remove: of those only remove_from_cache().
//
// Every kind is right for ReverseMap::counted_at() and mapped_locked(), PageCache::has_mapping(), and the calls of
// OwnerMoves, which name a page by its number.
#pragma once

#include <cstdint>
#include <string_view>

#include "allocator/buffers/buffers.h"
#include "allocator/frames/page.h"
#include "allocator/owners/address_spaces.h"

namespace cma {

enum class PageKind : std::uint8_t {
  none,
  unmovable,     // a driver's, a slab's, a page table's: one reference, no owner that the kernel could ask to move it
  movable_ops,   // a non-LRU page whose driver moves it, or refuses
  anonymous,     // private memory, mapped by one pte or, after fork, by several; on the LRU
  shmem,         // page cache of shared memory: swap-backed, on the LRU
  block_device,  // page cache of a RAM disk (writes complete at once), with a buffer head once it was looked up
  file,          // page cache of a file (files.h)
  hugetlb,       // private memory in a huge page of the hugetlb pool, mapped by one entry
};

// Private memory: its references are its mappings, and without one the kernel cannot find it.
constexpr bool is_private(PageKind kind) { return kind == PageKind::anonymous || kind == PageKind::hugetlb; }

// What the kernel uses an unmovable page for, as far as reports count it.
enum class KernelUse : std::uint8_t {
  other,             // a driver's and all that no report counts
  slab,              // objects that are not given back for reclaim
  reclaimable_slab,  // objects that are
  page_table,
  stack,  // of a task, in the kernel
};

// Pages of a file in the widest sense: on the file LRU, with a mapping, droppable when clean.
constexpr bool is_file(PageKind kind) { return kind == PageKind::block_device || kind == PageKind::file; }

// Pages of a page cache, shared memory included.
constexpr bool is_cached(PageKind kind) { return is_file(kind) || kind == PageKind::shmem; }

// Pages that ptes map.
constexpr bool is_mappable(PageKind kind) {
  return is_private(kind) || kind == PageKind::shmem || kind == PageKind::file;
}

// The migratepage method of a file's address space, by which its pages move.
enum class FileMethod : std::uint8_t {
  ordered,       // ext4 ordered and writeback, ext2: buffer_migrate_page
  journalled,    // ext4 data=journal: none, so fallback_migrate_page; since 6.4 buffer_migrate_folio_norefs
  block_device,  // metadata of a file system: fallback; since 5.0 buffer_migrate_page_norefs
};

// Number of a file; 0 is none.
using FileId = std::uint32_t;

// Number of a huge page; 0 is none.
using HugeId = std::uint32_t;

// A transparent huge page (reverse_map_huge.cc). Each of its pages has an owner record of its own, one after the other.
struct HugePage {
  OwnerId first = 0;  // record of its first page
  unsigned order = 0;
  PteId first_pmd = 0;             // head of the chain of pmds and their migration entries for it
  std::uint32_t pmds = 0;          // pmds that map it
  std::uint32_t entries = 0;       // pmds, ptes and migration entries of it and of any of its pages
  std::uint32_t pages_mapped = 0;  // pages that a pte maps
  bool partially_mapped = false;   // lost the mapping of some of its pages, and was not split yet
  std::uint64_t pages() const { return order_pages(order); }
  // Returns the record of its page number `i`.
  OwnerId record(std::uint64_t i) const { return static_cast<OwnerId>(first + i); }
  // Records that some pages have lost their mapping and others have not (__folio_remove_rmap).
  void note_partial() {
    if (pmds == 0 && pages_mapped > 0 && pages_mapped < pages()) partially_mapped = true;
  }
  friend bool operator==(const HugePage&, const HugePage&) = default;
};

std::string_view name_of(PageKind kind);

struct Owner {
  PageKind kind = PageKind::none;
  KernelUse use = KernelUse::other;              // unmovable
  Pfn pfn = kNoPfn;                              // the page's place now; kNoPfn once the owner has let go
  std::uint32_t token = 0;                       // the content the page must have
  PteId first_pte = 0;                           // head of the chain of ptes and migration entries for this page
  std::uint32_t mapped = 0;                      // ptes that map it (not migration entries)
  std::int64_t refusals = 0;                     // movable_ops: how many attempts to move are refused; negative: all
  int refusal_error = 0;                         // with this error
  bool handed_out = true;                        // a program holds it by a handle of its own
  Pfn moving_from = kNoPfn;                      // while migration entries stand for its ptes: the page they point at
  BufferId buffer = 0;                           // pages of files: its buffer head, 0 for none
  FileId file = 0;                               // file
  FileMethod method = FileMethod::block_device;  // pages of files
  HugeId huge = 0;                               // anonymous: the huge page it is part of, until that is split
  bool slow = false;                             // file: writes finish only when Device::complete_one() is called
  friend bool operator==(const Owner&, const Owner&) = default;
};

}  // namespace cma
