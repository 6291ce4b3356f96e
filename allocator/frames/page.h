// One page descriptor: what the kernel's struct page says about a frame, in 32 bytes.
// Plain data; links are frame indices, so a memory map can be copied, compared and hashed.
#pragma once

#include <cstdint>

#include "allocator/base/migratetype.h"
#include "allocator/base/pfn.h"

namespace cma {

// Index of a frame within its memory map (pfn - first pfn). kNil ends a list.
using Frame = std::uint32_t;
inline constexpr Frame kNil = ~Frame{0};

enum PageFlag : std::uint32_t {
  kPageBuddy = 1U << 0,     // heads a free block in a free area; `order` and `list_type` say which
  kPagePcp = 1U << 1,       // on a per-CPU list (heads a block of `order`)
  kPageReserved = 1U << 2,  // boot keeps it
  kPageHole = 1U << 3,      // there is no such frame
  kPageInFlight = 1U << 4,  // referenced by nobody, in the hands of a task between two lists
  kPageLeaked = 1U << 5,    // was freed in a bad state; the kernel reports and forgets it
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
  kPageMovableOps = 1U << 16,  // non-LRU movable: a driver knows how to move it
  kPageIsolated = 1U << 17,    // such a page, taken by a migration
  kPageHead = 1U << 18,        // first page of a compound page of `order`
  kPageTail = 1U << 19,
  kPageSlab = 1U << 20,
  kPageUptodate = 1U << 21,
  kPageTaskList = 1U << 22,   // LRU page on a task's private list: the list holds a reference
  kPageAnon = 1U << 24,       // the mapping is an anonymous one; freeing the page clears it
  kPageSplitHead = 1U << 23,  // first page of a non-compound block of `order` handed out as one
  kPageReclaim = 1U << 25,    // PG_reclaim: to be reclaimed as soon as its writeback ends
  kPageHugetlb = 1U << 26,    // first page of a huge page of the hugetlb pool; without references it is free there
  kPageHugetlbTemporary = 1U << 27,  // such a page, lent for a migration: its last user gives it back as memory
};

struct Page {
  std::int32_t ref = 0;
  // Number of ptes that map it (the kernel stores this minus one). Of a compound page the first page counts for all:
  // ptes of any of its pages, and pmds of the whole.
  std::int32_t map = 0;
  Frame next = kNil;  // the one list the page is on: free area, per-CPU list, LRU list, a task's list
  Frame prev = kNil;
  std::uint32_t flags = 0;
  std::uint8_t order = 0;  // of the free block, the per-CPU block or the allocated block it heads
  // Free block: the list it is on. Per-CPU page: the cached pageblock type. Otherwise meaningless.
  Migratetype list_type = Migratetype::unmovable;
  std::uint8_t zone = 0;
  std::uint8_t pagevecs = 0;  // slots of pagevecs, of any kind and CPU, that hold a reference
  // Who the page belongs to, as the owners layer numbers them; 0 for nobody (a driver's private page, a free page).
  std::uint32_t owner = 0;
  // Stands for the page's content: it must follow the data wherever it moves.
  std::uint32_t token = 0;

  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  friend bool operator==(const Page&, const Page&) = default;
};

// Base pages that the page at hand stands for: a compound page is on lists by its first page.
inline std::uint64_t pages_of(const Page& page) { return page.has(kPageHead) ? order_pages(page.order) : 1; }

static_assert(sizeof(Page) == 32, "the memory map of a 4 GiB zone must stay below 64 MiB");

}  // namespace cma
