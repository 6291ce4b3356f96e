// The five LRU lists of the machine, and the counts of isolated and of mlocked pages (mm/swap.c, mm/mlock.c).
//
// A part of Lru, which shows it for reading: the other parts change it. Pagevecs and MlockPages bring pages here and
// move them from list to list, ListedPages takes them off and puts them back, References takes off those it frees.
//
// Invariant: a page with kPageLru is on the list that its other flags name. Those change only while the page is off its
// list, or by relist().
//
// Cost: O(1) per page; linear in the number of counts of mlocked mappings that are not 0 (none before 5.18) for a page
// that leaves its list, and for mlock_count() and set_mlock_count(); of the totals of isolated pages, O(zones).
//
// Locks: lru_lock is held in the kernel; nothing here stops at a point.
#pragma once

#include <array>
#include <vector>

#include "allocator/base/release.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_list.h"

namespace cma {

enum class LruList : std::uint8_t { inactive_anon, active_anon, inactive_file, active_file, unevictable };
inline constexpr unsigned kLruLists = 5;

// The ends of a list: pages come at its head and are reclaimed from its tail.
enum class LruEnd : std::uint8_t { head, tail };

class LruLists {
 public:
  explicit LruLists(const Core& core) : release_(core.geometry.release), core_(core) {}

  // All counts are of base pages: a compound page counts with all of its pages, but to NR_MLOCK as one.

  // --- lists ---
  // Returns how many pages are on a list (NR_INACTIVE_ANON and the like).
  std::uint64_t size(LruList list) const { return sizes_[static_cast<unsigned>(list)]; }
  // Returns how many of them one zone has (NR_ZONE_INACTIVE_ANON and the like). Requires: the machine has the zone.
  std::uint64_t size_in_zone(LruList list, std::size_t zone) const {
    return zones_[zone].sizes[static_cast<unsigned>(list)];
  }
  // Returns the list, of compound pages the first page.
  const PageList& list(LruList list) const { return lists_[static_cast<unsigned>(list)]; }
  // Puts a page on the list that its flags name. Requires: it is on no list of any kind.
  void add(Pfn pfn, LruEnd end = LruEnd::head);
  // Takes a page off its list. Its count of mlocked mappings is lost. Requires: it is on one, with kPageLru.
  void remove(Pfn pfn);
  // Takes a page off its list, sets and clears flags, and puts it on the list that these name: also if it is the same.
  // Requires: as remove().
  void relist(Pfn pfn, std::uint32_t set, std::uint32_t clear, LruEnd end = LruEnd::head);
  // Puts a page in front of a listed one, on the same list, without counting it: a huge page is counted whole, by its
  // first page, and its tails come here when it is split. Requires: the page is on no list, and `listed` on one.
  void insert_before(Pfn pfn, Pfn listed);

  // --- counts of isolated pages ---
  // Counts a page as isolated in its zone: as anonymous memory's if it has kPageSwapbacked, else as a file's.
  void count_isolated(Pfn pfn);
  // Counts it as isolated no longer. Requires: it was counted, and its flag is as it was then.
  void uncount_isolated(Pfn pfn);
  // Return how many pages are isolated now (NR_ISOLATED_ANON, NR_ISOLATED_FILE).
  std::int64_t isolated_anon() const { return isolated(kAnon); }
  std::int64_t isolated_file() const { return isolated(kFile); }
  // Return how many of them are one zone's. Require: the machine has the zone.
  std::int64_t isolated_anon_in_zone(std::size_t zone) const { return zones_[zone].isolated[kAnon]; }
  std::int64_t isolated_file_in_zone(std::size_t zone) const { return zones_[zone].isolated[kFile]; }
  // Returns whether more pages are isolated than half of those on the lists: then callers must not isolate more, but
  // wait (mm/compaction.c). Since 6.5 callers that may enter a file system count an eighth of the lists.
  bool too_many_isolated(bool may_enter_fs = true) const;

  // --- mlocked memory ---
  // Set or clear kPageMlocked, and count the page in or out. Return whether the flag changed.
  bool set_mlocked(Pfn pfn);
  bool clear_mlocked(Pfn pfn);
  // Returns how many pages have the flag (NR_MLOCK).
  std::int64_t mlocked() const { return mlocked_; }
  // Returns mlock_count, how many mlocked mappings of a page on the unevictable list have been counted; 0 if none has,
  // or it is on another list.
  unsigned mlock_count(Pfn pfn) const;
  // Sets it. Requires: the page is on the unevictable list, or `count` is 0.
  void set_mlock_count(Pfn pfn, unsigned count);

  // Takes the lists' ends and the counts of a machine of the same geometry; the links are the memory map's.
  void copy_from(const LruLists& other);

 private:
  static constexpr unsigned kAnon = 0;
  static constexpr unsigned kFile = 1;

  static unsigned index_of_list(const Page& page);
  std::int64_t isolated(unsigned kind) const;
  std::int64_t& isolated_like(const Page& page) {
    return zones_[page.zone].isolated[page.has(kPageSwapbacked) ? kAnon : kFile];
  }

  // What is counted of the pages of one zone.
  struct ZoneCounts {
    std::array<std::uint64_t, kLruLists> sizes{};
    std::array<std::int64_t, 2> isolated{};  // NR_ISOLATED_ANON, NR_ISOLATED_FILE
  };
  struct MlockCount {
    Pfn pfn;
    unsigned count;
  };

  Release release_;
  Core core_;
  std::array<PageList, kLruLists> lists_;
  std::array<std::uint64_t, kLruLists> sizes_{};
  std::array<ZoneCounts, kMaxZones> zones_{};  // by zone
  std::vector<MlockCount> mlock_counts_;       // those that are not 0
  std::int64_t mlocked_ = 0;
};

}  // namespace cma
