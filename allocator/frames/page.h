// A page descriptor: the model's struct page, in 32 bytes. Every layer above reads and writes it.
//
// Plain data; links are indices, not pointers, so a memory map can be copied, compared and hashed.
#pragma once

#include <cstdint>

#include "allocator/base/migratetype.h"
#include "allocator/base/pfn.h"

namespace cma {

// Index of a frame within its memory map (pfn - first pfn). kNil ends a list.
using Frame = std::uint32_t;
inline constexpr Frame kNil = ~Frame{0};

// The machine's hash contains the bits: never reorder.
enum PageFlag : std::uint32_t {
  kPageBuddy = 1U << 0,     // heads a free block: `order` and `list_type` say on which list
  kPagePcp = 1U << 1,       // heads a block of `order` on a per-CPU list
  kPageReserved = 1U << 2,  // kept by boot
  kPageHole = 1U << 3,      // no such frame exists
  kPageInFlight = 1U << 4,  // without references, held by a task that moves it between two lists
  kPageLeaked = 1U << 5,    // freed in a bad state: reported, and lost from then on
  kPageLocked = 1U << 6,
  kPageLru = 1U << 7,
  kPageActive = 1U << 8,
  kPageUnevictable = 1U << 9,
  kPageReferenced = 1U << 10,
  kPageDirty = 1U << 11,
  kPageWriteback = 1U << 12,
  kPagePrivate = 1U << 13,
  kPageSwapbacked = 1U << 14,
  kPageMlocked = 1U << 15,
  kPageMovableOps = 1U << 16,  // non-LRU movable: its driver can move it
  kPageIsolated = 1U << 17,    // such a page, isolated by a migration
  kPageHead = 1U << 18,        // first page of a compound page of `order`
  kPageTail = 1U << 19,
  kPageSlab = 1U << 20,
  kPageUptodate = 1U << 21,
  kPageTaskList = 1U << 22,   // LRU page on a task's private list, which holds a reference
  kPageAnon = 1U << 24,       // its mapping is anonymous; freeing the page clears the flag
  kPageSplitHead = 1U << 23,  // first page of a non-compound block of `order` that was allocated as one
  kPageReclaim = 1U << 25,    // PG_reclaim: to be reclaimed when its writeback ends
  kPageHugetlb = 1U << 26,    // first page of a huge page of the hugetlb pool; free there if it has no references
  kPageHugetlbTemporary = 1U << 27,  // such a page, made for a migration: freed as memory with its last reference
};

struct Page {
  std::int32_t ref = 0;
  // Number of ptes that map it (the kernel stores this minus one). The first page of a compound page counts for all:
  // ptes of any of its pages, and pmds of the whole.
  std::int32_t map = 0;
  Frame next = kNil;  // on the page's only list: a free list, a per-CPU list, one of the LRU or a task's
  Frame prev = kNil;
  std::uint32_t flags = 0;
  std::uint8_t order = 0;  // of the free block, the per-CPU block or the allocated block it heads
  // Of a free block the list it is on, of a per-CPU page the cached pageblock type, otherwise meaningless.
  Migratetype list_type = Migratetype::unmovable;
  std::uint8_t zone = 0;
  std::uint8_t pagevecs = 0;  // slots of pagevecs, of any kind and CPU, that hold a reference
  // The page's owner as the owners layer numbers them; 0 if it has none (a driver's private page, a free page).
  std::uint32_t owner = 0;
  // Stands for the page's content: it has to follow the data to each new frame.
  std::uint32_t token = 0;

  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  friend bool operator==(const Page&, const Page&) = default;
};

// Returns the number of pages that a page on a list stands for: a compound page is on it by its first page.
inline std::uint64_t pages_of(const Page& page) { return page.has(kPageHead) ? order_pages(page.order) : 1; }

static_assert(sizeof(Page) == 32, "the memory map of a 4 GiB zone must stay below 64 MiB");

}  // namespace cma
