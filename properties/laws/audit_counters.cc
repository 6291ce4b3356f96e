// Comparing sums with the machine's counters: zones, LRU lists, pagevecs, owners, locks, what was leaked, and what must
// hold when no actor is inside an operation.

#include <algorithm>

#include <fmt/format.h>

#include "properties/laws/audit_sums.h"

namespace cma {

void SumChecks::compare_counters() const {
  for (std::size_t z = 0; z < counts().zones.size(); ++z) compare_zone(z);
  compare_reserves();
  compare_globals();
}

void SumChecks::compare_zone(std::size_t z) const {
  const Zone& zone = machine().buddy.zone(z);
  const Tallies& sum = counts().zones[z];
  const std::string name = machine().buddy.zone_title(z);
  if (zone.nr_free_pages != sum[Counted::free_pages])
    broken(Law::counters, fmt::format("zone {}: nr_free_pages is {}, a recount gives {}", name, zone.nr_free_pages,
                                      sum[Counted::free_pages]));
  if (zone.nr_free_cma != sum[Counted::free_cma])
    broken(Law::counters, fmt::format("zone {}: nr_free_cma is {}, a recount gives {}", name, zone.nr_free_cma,
                                      sum[Counted::free_cma]));
  if (zone.nr_isolate_pageblock != static_cast<std::uint64_t>(sum[Counted::isolate_blocks]))
    broken(Law::counters, fmt::format("zone {}: nr_isolate_pageblock is {}, a recount gives {}", name,
                                      zone.nr_isolate_pageblock, sum[Counted::isolate_blocks]));
  for (unsigned order = 0; order <= machine().buddy.largest_order(); ++order)
    if (zone.free_by_order[order].nr_free != static_cast<std::uint64_t>(sum.free_blocks(order)))
      broken(Law::counters, fmt::format("zone {}: nr_free of order {} is {}, a recount gives {}", name, order,
                                        zone.free_by_order[order].nr_free, sum.free_blocks(order)));
  compare_lru_of_zone(z, name);
  std::int64_t cached = 0;
  for (int cpu = 0; cpu < machine().engine.cpus(); ++cpu) cached += zone.pcp[static_cast<unsigned>(cpu)].count;
  if (cached != sum[Counted::pcp_pages])
    broken(Law::counters, fmt::format("zone {}: per-CPU lists count {} pages, a recount gives {}", name, cached,
                                      sum[Counted::pcp_pages]));
  const std::int64_t managed = std::int64_t{sum[Counted::free_pages]} + sum[Counted::free_isolated] +
                               sum[Counted::pcp_pages] + sum[Counted::in_use] + sum[Counted::in_flight] +
                               sum[Counted::leaked];
  if (static_cast<std::int64_t>(zone.managed) != managed)
    broken(Law::conserved,
           fmt::format("zone {}: {} pages are managed, {} are in some state", name, zone.managed, managed));
  if (sum[Counted::reserved] != layout().kept_in_zone[z])
    broken(Law::conserved, fmt::format("zone {}: {} pages are reserved, boot has kept {}", name, sum[Counted::reserved],
                                       layout().kept_in_zone[z]));
}

// Compares what the LRU lists count of a zone. On a machine with one zone that is what they count in all.
void SumChecks::compare_lru_of_zone(std::size_t z, const std::string& name) const {
  const LruLists& lists = machine().lru.lists();
  const Tallies& sum = counts().zones[z];
  if (counts().zones.size() == 1) return;
  for (unsigned list = 0; list < kLruLists; ++list)
    if (lists.size_in_zone(static_cast<LruList>(list), z) != static_cast<std::uint64_t>(sum.lru(list)))
      broken(Law::counters, fmt::format("zone {}: LRU list {} counts {} pages, a recount gives {}", name, list,
                                        lists.size_in_zone(static_cast<LruList>(list), z), sum.lru(list)));
  const std::int64_t anon = lists.isolated_anon_in_zone(z);
  const std::int64_t file = lists.isolated_file_in_zone(z);
  if (anon != sum[Counted::task_anon] || file != sum[Counted::task_file])
    broken(Law::counters, fmt::format("zone {}: NR_ISOLATED_ANON/FILE are {}/{}, a recount gives {}/{}", name, anon,
                                      file, sum[Counted::task_anon], sum[Counted::task_file]));
}

// Compares the reserve for atomic requests with its pageblocks. A pageblock that two zones share may be either's, so
// zones are compared one by one only if their borders cut none.
void SumChecks::compare_reserves() const {
  const std::uint64_t block = machine().map.pageblock_pages();
  std::uint64_t all_counted = 0;
  std::uint64_t all_found = 0;
  for (std::size_t z = 0; z < counts().zones.size(); ++z) {
    const Zone& zone = machine().buddy.zone(z);
    const std::string name = machine().buddy.zone_title(z);
    const std::uint64_t counted = zone.nr_reserved_highatomic;
    const std::uint64_t found =
        static_cast<std::uint64_t>(counts().zones[z][Counted::highatomic_blocks]) * block + zone.lost_highatomic;
    const bool cut = !is_aligned(zone.range.start, block) || !is_aligned(zone.range.end, block);
    if (counted != found && !cut)
      broken(Law::counters, fmt::format("zone {}: nr_reserved_highatomic is {}, a recount gives {}, {} of them lost",
                                        name, counted, found, zone.lost_highatomic));
    all_counted += counted;
    all_found += found;
    if (counted != 0) check_reserve_size(zone, name);
    const std::int64_t free = counts().zones[z][Counted::free_highatomic];
    if (machine().release() >= Release::v6_10 && zone.nr_free_highatomic != free)
      broken(Law::counters,
             fmt::format("zone {}: nr_free_highatomic is {}, a recount gives {}", name, zone.nr_free_highatomic, free));
  }
  if (all_counted != all_found)
    broken(Law::counters,
           fmt::format("nr_reserved_highatomic is {} in all zones, a recount gives {}", all_counted, all_found));
}

// Checks that a reserve has not grown beyond its limit: its last pageblock came while it was below 1 % of the zone, up
// to 6.7 with a pageblock more. Since 6.10 a block of several pageblocks adds all of them.
void SumChecks::check_reserve_size(const Zone& zone, const std::string& name) const {
  const Release release = machine().release();
  const std::uint64_t block = machine().map.pageblock_pages();
  const std::uint64_t share = zone.managed / 100;
  const std::uint64_t largest = std::max(block, order_pages(machine().buddy.largest_order()));
  const std::uint64_t most_added = release >= Release::v6_10 ? largest : block;
  bool fits = zone.nr_reserved_highatomic < share + block + most_added;
  if (release >= Release::v6_8)
    fits = share >= block && zone.nr_reserved_highatomic + block <= align_up(share, block) + most_added;
  if (!fits)
    broken(Law::counters, fmt::format("zone {}: {} pages are reserved for atomic requests, of {} that it manages", name,
                                      zone.nr_reserved_highatomic, zone.managed));
}

void SumChecks::compare_globals() const {
  const Lru& lru = machine().lru;
  Tallies all;
  if (counts().zones.size() > 1)
    for (const Tallies& zone : counts().zones) all.add(zone);
  const Tallies& sum = counts().zones.size() > 1 ? all : counts().zones[0];
  for (unsigned list = 0; list < kLruLists; ++list)
    if (lru.lists().size(static_cast<LruList>(list)) != static_cast<std::uint64_t>(sum.lru(list)))
      broken(Law::counters, fmt::format("LRU list {} counts {} pages, a recount gives {}", list,
                                        lru.lists().size(static_cast<LruList>(list)), sum.lru(list)));
  if (lru.lists().isolated_anon() != sum[Counted::task_anon] || lru.lists().isolated_file() != sum[Counted::task_file])
    broken(Law::counters,
           fmt::format("NR_ISOLATED_ANON/FILE are {}/{}, a recount gives {}/{}", lru.lists().isolated_anon(),
                       lru.lists().isolated_file(), sum[Counted::task_anon], sum[Counted::task_file]));
  if (lru.lists().mlocked() != sum[Counted::mlocked])
    broken(Law::counters,
           fmt::format("NR_MLOCK is {}, a recount gives {}", lru.lists().mlocked(), sum[Counted::mlocked]));
  std::int64_t slots = 0;
  for (int cpu = 0; cpu < machine().engine.cpus(); ++cpu) slots += static_cast<std::int64_t>(lru.drain().parked(cpu));
  // A drain empties the slots first, then drops their references one by one.
  if (strict() ? slots != sum[Counted::pagevec_slots] : slots > sum[Counted::pagevec_slots])
    broken(Law::counters,
           fmt::format("pagevecs hold {} pages, {} references are theirs", slots, sum[Counted::pagevec_slots]));
  const auto owned = static_cast<std::uint64_t>(sum[Counted::owned]);
  // A page may have an owner before the program knows of it, and still after the program let go.
  if (strict() ? owned != ledger().live_owners() : owned < ledger().live_owners())
    broken(Law::content, fmt::format("{} owners live, {} pages belong to one: an owner has lost its page",
                                     ledger().live_owners(), owned));
  if (sum[Counted::locked] != static_cast<std::int64_t>(machine().page_locks.held()) ||
      sum[Counted::writeback] != static_cast<std::int64_t>(machine().writebacks.held()))
    broken(Law::locks,
           fmt::format("{} pages are locked and {} under writeback, {} and {} are known to be", sum[Counted::locked],
                       sum[Counted::writeback], machine().page_locks.held(), machine().writebacks.held()));
}

void SumChecks::compare_leaks() {
  std::int64_t leaked = 0;
  for (const Tallies& sum : counts().zones) leaked += sum[Counted::leaked];
  if (leaked == reported_leaks_) return;
  std::string log;
  for (const Record& record : machine().trace.records())
    if (record.event == Event::log_text) log += machine().trace.format(record) + "\n";
  for (Frame frame = 0; frame < machine().map.pages().size(); ++frame) {
    if (!page_at(frame).has(kPageLeaked) || (frame > 0 && page_at(frame - 1).has(kPageLeaked))) continue;
    const std::string report = fmt::format("pfn:{:05x}", pfn(frame));
    if (log.find(report) == std::string::npos)
      broken(Law::conserved, fmt::format("page {:#x} was leaked without a report", pfn(frame)));
  }
  reported_leaks_ = leaked;
}

void SumChecks::compare_at_rest() const {
  if (machine().lru.drain().disable_count() != 0)
    broken(Law::balanced, fmt::format("the LRU caches are disabled {} times", machine().lru.drain().disable_count()));
  if (machine().areas.table().cma_mutex.held())
    broken(Law::locks, "cma_mutex is held though no actor is inside an operation");
  if (machine().buddy.per_cpu().drain_mutex().held())
    broken(Law::locks, "pcpu_drain_mutex is held though no actor is inside an operation");
  if (!machine().page_locks.none_held_by_actors())
    broken(Law::locks, "a page lock is held though no actor is inside an operation");
  if (!machine().buffers.locks().none_held_by_actors())
    broken(Law::locks, "a buffer lock is held though no actor is inside an operation");
  for (AreaId id = 0; id < machine().areas.size(); ++id)
    if (machine().areas.area(id).lock.held())
      broken(Law::locks, fmt::format("cma->lock of area {} is held though no actor is inside an operation", id));
  // From 5.1 to 6.2 a contiguous range sets the skip bit of a pageblock in which it takes nothing.
  const bool ranges_set_hints = machine().release() >= Release::v5_1 && machine().release() < Release::v6_3;
  if (machine().scanner.hints().touched() && machine().compaction.runs() == 0 && !ranges_set_hints)
    broken(Law::hints, "a pageblock has a skip bit, or a scanner a position, though nothing was compacted");
}

}  // namespace cma
