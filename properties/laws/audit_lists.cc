// Comparing lists: where they end, what per-CPU lists hold, and in a total audit every list from its head.

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "properties/laws/audit_lists.h"

namespace cma {
namespace {

// Returns whether two values of plain numbers without padding are the same.
template <class Value>
bool same(const Value& a, const Value& b) {
  static_assert(std::has_unique_object_representations_v<Value>);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

void ListChecks::begin_afresh() {
  seen_.free_blocks.assign(machine().buddy.zones(), {});
  seen_.pcp.assign(machine().buddy.zones(), {});
  seen_.lru = {};
}

void ListChecks::back_to_boot() {
  const auto orders = static_cast<std::ptrdiff_t>(machine().buddy.largest_order()) + 1;
  for (std::size_t z = 0; z < seen_.free_blocks.size(); ++z) {
    std::copy_n(booted_.free_blocks[z].begin(), orders, seen_.free_blocks[z].begin());
    std::copy_n(booted_.pcp[z].begin(), machine().engine.cpus(), seen_.pcp[z].begin());
  }
  seen_.lru = {};
}

void ListChecks::compare_list_ends() {
  const auto cpus = static_cast<unsigned>(machine().engine.cpus());
  for (std::size_t z = 0; z < counts().zones.size(); ++z) {
    const Zone& zone = machine().buddy.zone(z);
    if (!same(seen_.free_blocks[z], zone.free_by_order))
      for (unsigned order = 0; order <= machine().buddy.largest_order(); ++order)
        if (!same(seen_.free_blocks[z][order], zone.free_by_order[order])) compare_free_ends(z, order);
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      PerCpuPages& seen = seen_.pcp[z][cpu];
      if (seen.count == zone.pcp[cpu].count && same(seen.lists, zone.pcp[cpu].lists)) continue;
      compare_pcp(z, cpu);
      seen = zone.pcp[cpu];
    }
  }
  for (unsigned list = 0; list < kLruLists; ++list)
    if (!(machine().lru.lists().list(static_cast<LruList>(list)) == seen_.lru[list])) compare_lru_ends(list);
}

// Checks where lists end: both the blocks that are at the ends now and those that were there before must agree.
void ListChecks::compare_free_ends(std::size_t z, unsigned order) {
  const BlocksOfOrder& blocks = machine().buddy.zone(z).free_by_order[order];
  BlocksOfOrder& seen = seen_.free_blocks[z][order];
  const std::size_t frames = machine().map.pages().size();
  for (unsigned type = 0; type < kMigratetypes; ++type) {
    const PageList& now = blocks.lists[type];
    const PageList& then = seen.lists[type];
    if (now == then) continue;
    for (const Frame end : {now.first, now.last, then.first, then.last})
      if (end < frames && !just_walked(end) && page_at(end).has(kPageBuddy))
        checks_.check_free_links(end, page_at(end));
    if (now.first == kNil && now.last == kNil) continue;
    for (const Frame end : {now.first, now.last}) {
      const bool fits = end < frames && page_at(end).has(kPageBuddy) && page_at(end).order == order &&
                        index_of(page_at(end).list_type) == type && page_at(end).zone == z;
      if (!fits)
        broken(Law::lists, fmt::format("the list of order {} and type {} ends in no block of its own", order,
                                       name_of(migratetype_at(type))));
    }
  }
  seen = blocks;
}

void ListChecks::compare_lru_ends(unsigned list) {
  const PageList& now = machine().lru.lists().list(static_cast<LruList>(list));
  const std::size_t frames = machine().map.pages().size();
  for (const Frame end : {seen_.lru[list].first, seen_.lru[list].last})
    if (end < frames && page_at(end).has(kPageLru) && lru_list_of(page_at(end)) == list)
      checks_.check_lru_links(end, page_at(end), list);
  const auto fits = [&](Frame end) {
    return end < frames && page_at(end).has(kPageLru) && lru_list_of(page_at(end)) == list;
  };
  if (!(now.first == kNil && now.last == kNil) && (!fits(now.first) || !fits(now.last)))
    broken(Law::lists, fmt::format("LRU list {} ends in no page of its own", list));
  seen_.lru[list] = now;
}

// Checks one CPU's lists from their heads: orders, zones, types, links, and the count of pages.
void ListChecks::compare_pcp(std::size_t z, unsigned cpu) const {
  const Buddy& buddy = machine().buddy;
  const PerCpuPages& pcp = buddy.zone(z).pcp[cpu];
  const std::size_t frames = machine().map.pages().size();
  std::int64_t pages = 0;
  const unsigned lists = buddy.per_cpu().lists_in_use();
  for (unsigned list = 0; list < lists; ++list) {
    if (pcp.lists[list].first == kNil && pcp.lists[list].last == kNil) continue;
    const unsigned order = buddy.per_cpu().list_order(list);
    Frame prev = kNil;
    for (Frame frame = pcp.lists[list].first; frame != kNil; frame = page_at(frame).next) {
      const bool there = frame < frames && page_at(frame).has(kPagePcp) && page_at(frame).prev == prev;
      if (!there || page_at(frame).order != order || page_at(frame).zone != z)
        broken(Law::lists,
               fmt::format("list {} of CPU {} holds something else than pages of order {}", list, cpu, order));
      check_pcp_list(frame, list, cpu);
      pages += static_cast<std::int64_t>(order_pages(order));
      prev = frame;
    }
    if (pcp.lists[list].last != prev)
      broken(Law::lists, fmt::format("list {} of CPU {} does not end where its head says", list, cpu));
  }
  if (pages != pcp.count)
    broken(Law::counters,
           fmt::format("CPU {} counts {} pages on its lists, a recount gives {}", cpu, pcp.count, pages));
}

// Checks that the list is the one of the cached type, or Movable's for types that have none. Since 6.10 a refill takes
// pages of other types as they are, so only the pages of areas show which list they belong on.
void ListChecks::check_pcp_list(Frame frame, unsigned list, unsigned cpu) const {
  const Migratetype type = page_at(frame).list_type;
  if (list >= kPcpTypes * (kPcpLargestOrder + 1)) return;
  if (has_typed_lists(machine().release()) && type != Migratetype::cma) return;
  const Migratetype wanted = index_of(type) < kPcpTypes ? type : Migratetype::movable;
  if (list % kPcpTypes != index_of(wanted))
    broken(Law::lists,
           fmt::format("page {:#x}, cached as {}, is on list {} of CPU {}", pfn(frame), name_of(type), list, cpu));
}

void ListChecks::walk_all_lists() const {
  std::vector<std::array<std::array<std::uint64_t, kMigratetypes>, kOrderLimit>> blocks(counts().zones.size());
  for (const Page& page : machine().map.pages())
    if (page.has(kPageBuddy)) ++blocks[page.zone][page.order][index_of(page.list_type)];
  for (std::size_t z = 0; z < counts().zones.size(); ++z)
    for (unsigned order = 0; order <= machine().buddy.largest_order(); ++order)
      for (unsigned type = 0; type < kMigratetypes; ++type) {
        std::uint64_t listed = 0;
        const PageList& list = machine().buddy.zone(z).free_by_order[order].lists[type];
        for (Frame frame = list.first; frame != kNil && listed <= blocks[z][order][type]; frame = page_at(frame).next)
          ++listed;
        if (listed != blocks[z][order][type])
          broken(Law::lists, fmt::format("{} blocks of order {} and type {} are listed, {} are there", listed, order,
                                         name_of(migratetype_at(type)), blocks[z][order][type]));
      }
  for (std::size_t z = 0; z < counts().zones.size(); ++z)
    for (int cpu = 0; cpu < machine().engine.cpus(); ++cpu) compare_pcp(z, static_cast<unsigned>(cpu));
  for (unsigned l = 0; l < kLruLists; ++l) {
    const auto list = static_cast<LruList>(l);
    std::uint64_t listed = 0;
    for (Frame frame = machine().lru.lists().list(list).first;
         frame != kNil && listed <= machine().lru.lists().size(list); frame = page_at(frame).next)
      listed += pages_of(page_at(frame));
    if (listed != machine().lru.lists().size(list))
      broken(Law::lists,
             fmt::format("LRU list {} has {} pages and counts {}", l, listed, machine().lru.lists().size(list)));
  }
}

}  // namespace cma
