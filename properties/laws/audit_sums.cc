// Comparing: sums with counters, ends of lists, bitmaps with the ledger, and what must hold when nobody is inside.

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "properties/laws/auditor.h"

namespace cma {
namespace {

// Whether two values of plain numbers without padding are the same.
template <class Value>
bool same(const Value& a, const Value& b) {
  static_assert(std::has_unique_object_representations_v<Value>);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

void Auditor::compare_sums() {
  for (std::size_t z = 0; z < sums_.size(); ++z) compare_zone(z);
  compare_globals();
  compare_list_ends();
  compare_bitmaps();
  if (machine_->buffers.size() != 0) compare_buffers();
  if (machine_->hugetlb.free_pages() != 0) compare_pool();
  compare_leaks();
  if (!machine_->isolation.held().empty()) compare_isolators();
  if (strict_) compare_at_rest();
}

// B4. Who has isolated a pageblock relies on it until he gives it back himself.
void Auditor::compare_isolators() const {
  const std::vector<Isolation::Held>& held = machine_->isolation.held();
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (machine_->map.pageblock_type(held[i].block) != Migratetype::isolate)
      broken("restored", fmt::format("pageblock {:#x} is {}, and somebody has isolated it and not given it back",
                                     held[i].block, name_of(machine_->map.pageblock_type(held[i].block))));
    if (machine_->isolation.isolator(held[i].block) != held[i].actor)
      broken("restored", fmt::format("pageblock {:#x} has been isolated by two at once", held[i].block));
  }
}

void Auditor::compare_zone(std::size_t z) const {
  const Zone& zone = machine_->buddy.zone(z);
  const Tallies& sum = sums_[z];
  const std::string& name = machine_->buddy.zone_name(z);
  if (zone.nr_free_pages != sum[Tally::free_pages])
    broken("counters", fmt::format("zone {}: nr_free_pages is {}, a recount says {}", name, zone.nr_free_pages,
                                   sum[Tally::free_pages]));
  if (zone.nr_free_cma != sum[Tally::free_cma])
    broken("counters",
           fmt::format("zone {}: nr_free_cma is {}, a recount says {}", name, zone.nr_free_cma, sum[Tally::free_cma]));
  if (zone.nr_isolate_pageblock != static_cast<std::uint64_t>(sum[Tally::isolate_blocks]))
    broken("counters", fmt::format("zone {}: nr_isolate_pageblock is {}, a recount says {}", name,
                                   zone.nr_isolate_pageblock, sum[Tally::isolate_blocks]));
  for (unsigned order = 0; order <= machine_->buddy.largest_order(); ++order)
    if (zone.area[order].nr_free != static_cast<std::uint64_t>(sum.free_blocks(order)))
      broken("counters", fmt::format("zone {}: nr_free of order {} is {}, a recount says {}", name, order,
                                     zone.area[order].nr_free, sum.free_blocks(order)));
  std::int64_t cached = 0;
  for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu) cached += zone.pcp[static_cast<unsigned>(cpu)].count;
  if (cached != sum[Tally::pcp_pages])
    broken("counters", fmt::format("zone {}: per-CPU lists count {} pages, a recount says {}", name, cached,
                                   sum[Tally::pcp_pages]));
  // C14.
  const std::int64_t managed = std::int64_t{sum[Tally::free_pages]} + sum[Tally::free_isolated] +
                               sum[Tally::pcp_pages] + sum[Tally::in_use] + sum[Tally::in_flight] + sum[Tally::leaked];
  if (static_cast<std::int64_t>(zone.managed) != managed)
    broken("conserved",
           fmt::format("zone {}: {} pages are managed, {} are in some state", name, zone.managed, managed));
}

void Auditor::compare_globals() const {
  const Lru& lru = machine_->lru;
  Tallies all;
  if (sums_.size() > 1)
    for (const Tallies& zone : sums_) all.add(zone);
  const Tallies& sum = sums_.size() > 1 ? all : sums_[0];
  for (unsigned list = 0; list < kLruLists; ++list)
    if (lru.size(static_cast<LruList>(list)) != static_cast<std::uint64_t>(sum.lru(list)))
      broken("counters", fmt::format("LRU list {} counts {} pages, a recount says {}", list,
                                     lru.size(static_cast<LruList>(list)), sum.lru(list)));
  if (lru.isolated_anon() != sum[Tally::task_anon] || lru.isolated_file() != sum[Tally::task_file])
    broken("counters", fmt::format("NR_ISOLATED_ANON/FILE are {}/{}, a recount says {}/{}", lru.isolated_anon(),
                                   lru.isolated_file(), sum[Tally::task_anon], sum[Tally::task_file]));
  if (lru.mlocked() != sum[Tally::mlocked])
    broken("counters", fmt::format("NR_MLOCK is {}, a recount says {}", lru.mlocked(), sum[Tally::mlocked]));
  std::int64_t slots = 0;
  for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu) slots += static_cast<std::int64_t>(lru.parked(cpu));
  // A drain empties the slots first and drops their references one by one.
  if (strict_ ? slots != sum[Tally::pagevec_slots] : slots > sum[Tally::pagevec_slots])
    broken("counters",
           fmt::format("pagevecs hold {} pages, {} references are theirs", slots, sum[Tally::pagevec_slots]));
  const auto owned = static_cast<std::uint64_t>(sum[Tally::owned]);
  // A page may be adopted before the program hears of it, and linger after it let go.
  if (strict_ ? owned != ledger_.live_owners() : owned < ledger_.live_owners())
    broken("content", fmt::format("{} owners live, {} pages belong to one: an owner has lost its page",
                                  ledger_.live_owners(), owned));
  if (sum[Tally::locked] != static_cast<std::int64_t>(machine_->page_locks.held()) ||
      sum[Tally::writeback] != static_cast<std::int64_t>(machine_->writebacks.held()))
    broken("locks",
           fmt::format("{} pages are locked and {} under writeback, {} and {} are known to be", sum[Tally::locked],
                       sum[Tally::writeback], machine_->page_locks.held(), machine_->writebacks.held()));
}

void Auditor::compare_at_rest() const {
  Machine& machine = *machine_;
  if (machine.lru.disable_count() != 0)
    broken("balanced", fmt::format("the LRU caches are disabled {} times", machine.lru.disable_count()));
  if (machine.areas.cma_mutex().held()) broken("locks", "cma_mutex is held though nobody is inside an operation");
  if (machine.buddy.drain_mutex().held())
    broken("locks", "pcpu_drain_mutex is held though nobody is inside an operation");
  if (!machine.page_locks.none_held_by_actors())
    broken("locks", "a page lock is held though nobody is inside an operation");
  if (!machine.buffers.locks().none_held_by_actors())
    broken("locks", "a buffer lock is held though nobody is inside an operation");
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    if (machine.areas.area(id).lock.held())
      broken("locks", fmt::format("cma->lock of area {} is held though nobody is inside an operation", id));
  // From 5.1 to 6.2 a contiguous range that takes nothing sets the skip bit all the same.
  const bool shipped = machine.release() == Release::v5_10 || machine.release() == Release::v6_1;
  if (machine.migration.hints().touched() && machine.compaction.runs() == 0 && !shipped)
    broken("hints", "a pageblock has a skip bit, or a scanner a position, though nothing was compacted");
}

// --- buffers ---

// G1, G2, G4, G5. What slots, programs and journals hold must be there; at rest nothing else may be.
void Auditor::compare_buffers() {
  const Buffers& buffers = machine_->buffers;
  buffer_slots_.assign(buffers.size() + 1, 0);
  for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu) {
    const std::vector<BufferId>& slots = buffers.lru_slots(cpu);
    if (slots.size() > buffers.slots())
      broken("content", fmt::format("CPU {} has {} buffers in its slots", cpu, slots.size()));
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (std::find(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(i), slots[i]) !=
          slots.begin() + static_cast<std::ptrdiff_t>(i))
        broken("content", fmt::format("buffer {} is in two slots of CPU {}", slots[i], cpu));
      ++buffer_slots_[slots[i]];
    }
  }
  for (BufferId id = 1; id <= buffers.size(); ++id) {
    const Buffer& buffer = buffers.buffer(id);
    const bool attached = buffer.pfn != kNoPfn;
    if (!attached && buffer.count == 0 && !buffer.locked) continue;
    if (!attached || !machine_->map.page(buffer.pfn).has(kPagePrivate))
      broken("content", fmt::format("buffer {} is used and attached to no page", id));
    const int known = buffer_slots_[id] + ledger_.buffer_counts(id) + machine_->files.journal_holds(id);
    if (buffer.count < known || (strict_ && buffer.count != known))
      broken("content", fmt::format("the buffer of page {:#x} has a count of {}, and {} are accounted for", buffer.pfn,
                                    buffer.count, known));
  }
}

// --- bitmaps ---

void Auditor::compare_bitmaps() const {
  const auto areas = static_cast<AreaId>(std::min(machine_->areas.size(), ledger_.areas()));
  for (AreaId id = 0; id < areas; ++id) compare_bitmap(id);
  if (machine_->release() < Release::v6_1) return;
  // A11: each call counts its pages once, as a success or as a failure.
  for (AreaId id = 0; id < areas; ++id) {
    const Area& area = machine_->areas.area(id);
    const Ledger::AreaBook& book = ledger_.area(id);
    if (area.nr_pages_succeeded != book.succeeded || area.nr_pages_failed != book.failed)
      broken("views",
             fmt::format("area {} counts {} and {} pages of calls that succeeded and failed, there were {} and {}", id,
                         area.nr_pages_succeeded, area.nr_pages_failed, book.succeeded, book.failed));
    if (strict_ && area.nr_pages_released != book.released)
      broken("views",
             fmt::format("area {} counts {} pages released, there were {}", id, area.nr_pages_released, book.released));
  }
}

// A1, A2, A9. Beyond live buffers, bits are set for releases that have not come to their end, and for one window of
// each request under way.
void Auditor::compare_bitmap(AreaId id) const {
  const std::vector<std::uint64_t>& words = machine_->areas.area(id).bitmap.words();
  const Ledger::AreaBook& book = ledger_.area(id);
  if (words.empty()) return;
  std::uint64_t extra = 0;
  std::uint64_t excused = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (std::size_t w = 0; w < words.size(); ++w) {
    excused += static_cast<std::uint64_t>(std::popcount(words[w] & book.releasing[w]));
    const std::uint64_t missing = book.live[w] & ~words[w];
    const std::uint64_t more = words[w] & ~book.live[w] & ~book.releasing[w];
    if (missing != 0) {
      const std::uint64_t bit = w * 64 + static_cast<std::uint64_t>(std::countr_zero(missing));
      broken("bitmap", fmt::format("area {}: bit {} of a live buffer is clear (page {:#x})", id, bit,
                                   book.base + (bit << book.order_per_bit)));
    }
    if (more == 0) continue;
    if (extra == 0) first = w * 64 + static_cast<std::uint64_t>(std::countr_zero(more));
    last = w * 64 + 63 - static_cast<std::uint64_t>(std::countl_zero(more));
    extra += static_cast<std::uint64_t>(std::popcount(more));
  }
  if (extra == 0) return;
  std::uint64_t windows = 0;
  for (const Ledger::Request& request : book.allocating) windows += request.bits;
  // 3.6 clears the bits of a buffer before its release is over: some of the window's bits may be those.
  const bool one_run = last - first < windows && extra <= windows && windows <= extra + excused;
  const bool one_window = book.allocating.size() == 1 && one_run;
  if (last >= book.size || !(one_window || (book.allocating.size() > 1 && extra <= windows)))
    broken("bitmap", fmt::format("area {}: {} bits are set that belong to no buffer, the first is {} (page {:#x})", id,
                                 extra, first, book.base + (first << book.order_per_bit)));
}

// --- ends of lists ---

void Auditor::compare_list_ends() {
  const auto cpus = static_cast<unsigned>(machine_->engine.cpus());
  for (std::size_t z = 0; z < sums_.size(); ++z) {
    const Zone& zone = machine_->buddy.zone(z);
    if (!same(seen_areas_[z], zone.area))
      for (unsigned order = 0; order <= machine_->buddy.largest_order(); ++order)
        if (!same(seen_areas_[z][order], zone.area[order])) compare_free_ends(z, order);
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      PerCpuPages& seen = seen_pcp_[z][cpu];
      if (seen.count == zone.pcp[cpu].count && same(seen.lists, zone.pcp[cpu].lists)) continue;
      compare_pcp(z, cpu);
      seen = zone.pcp[cpu];
    }
  }
  for (unsigned list = 0; list < kLruLists; ++list)
    if (!(machine_->lru.list(static_cast<LruList>(list)) == seen_lru_[list])) compare_lru_ends(list);
}

// Both the blocks that are at the ends now and those that were must agree with where the ends are.
void Auditor::compare_free_ends(std::size_t z, unsigned order) {
  const FreeArea& area = machine_->buddy.zone(z).area[order];
  FreeArea& seen = seen_areas_[z][order];
  const std::size_t frames = machine_->map.pages().size();
  for (unsigned type = 0; type < kMigratetypes; ++type) {
    const PageList& now = area.lists[type];
    const PageList& then = seen.lists[type];
    if (now == then) continue;
    for (const Frame end : {now.first, now.last, then.first, then.last})
      if (end < frames && !just_walked(end) && pages_[end].has(kPageBuddy)) judge_free_links(end, pages_[end]);
    if (now.first == kNil && now.last == kNil) continue;
    for (const Frame end : {now.first, now.last}) {
      const bool fits = end < frames && pages_[end].has(kPageBuddy) && pages_[end].order == order &&
                        index_of(pages_[end].list_type) == type && pages_[end].zone == z;
      if (!fits)
        broken("lists", fmt::format("the list of order {} and type {} ends in no block of its own", order,
                                    name_of(migratetype_at(type))));
    }
  }
  seen = area;
}

void Auditor::compare_lru_ends(unsigned list) {
  const PageList& now = machine_->lru.list(static_cast<LruList>(list));
  const std::size_t frames = machine_->map.pages().size();
  for (const Frame end : {seen_lru_[list].first, seen_lru_[list].last})
    if (end < frames && pages_[end].has(kPageLru) && lru_list_of(pages_[end]) == list)
      judge_lru_links(end, pages_[end], list);
  const auto fits = [&](Frame end) {
    return end < frames && pages_[end].has(kPageLru) && lru_list_of(pages_[end]) == list;
  };
  if (!(now.first == kNil && now.last == kNil) && (!fits(now.first) || !fits(now.last)))
    broken("lists", fmt::format("LRU list {} ends in no page of its own", list));
  seen_lru_[list] = now;
}

// One CPU's lists from their heads: D1 and D4.
void Auditor::compare_pcp(std::size_t z, unsigned cpu) const {
  const Buddy& buddy = machine_->buddy;
  const PerCpuPages& pcp = buddy.zone(z).pcp[cpu];
  const std::size_t frames = machine_->map.pages().size();
  std::int64_t pages = 0;
  const unsigned lists = buddy.pcp_lists_in_use();
  for (unsigned list = 0; list < lists; ++list) {
    if (pcp.lists[list].first == kNil && pcp.lists[list].last == kNil) continue;
    const unsigned order = buddy.pcp_list_order(list);
    Frame prev = kNil;
    for (Frame frame = pcp.lists[list].first; frame != kNil; frame = pages_[frame].next) {
      const bool there = frame < frames && pages_[frame].has(kPagePcp) && pages_[frame].prev == prev;
      if (!there || pages_[frame].order != order || pages_[frame].zone != z)
        broken("lists", fmt::format("list {} of CPU {} holds something else than pages of order {}", list, cpu, order));
      judge_pcp_list(frame, list, cpu);
      pages += static_cast<std::int64_t>(order_pages(order));
      prev = frame;
    }
    if (pcp.lists[list].last != prev)
      broken("lists", fmt::format("list {} of CPU {} does not end where it says", list, cpu));
  }
  if (pages != pcp.count)
    broken("counters", fmt::format("CPU {} counts {} pages on its lists, a recount says {}", cpu, pcp.count, pages));
}

// D4: the list is that of the cached type, and Movable's for types that have none. Since 6.10 a refill takes another
// type's page as it is, so that only pages of areas say which list they belong on.
void Auditor::judge_pcp_list(Frame frame, unsigned list, unsigned cpu) const {
  const Migratetype type = pages_[frame].list_type;
  if (list >= kPcpTypes * (kPcpLargestOrder + 1)) return;
  if (machine_->buddy.typed_lists() && type != Migratetype::cma) return;
  const Migratetype wanted = index_of(type) < kPcpTypes ? type : Migratetype::movable;
  if (list % kPcpTypes != index_of(wanted))
    broken("lists",
           fmt::format("page {:#x}, cached as {}, is on list {} of CPU {}", pfn(frame), name_of(type), list, cpu));
}

// A total audit goes along every list: what neighbours cannot show is a ring that no list leads to.
void Auditor::walk_all_lists() const {
  std::vector<std::array<std::array<std::uint64_t, kMigratetypes>, kOrderLimit>> blocks(sums_.size());
  for (const Page& page : machine_->map.pages())
    if (page.has(kPageBuddy)) ++blocks[page.zone][page.order][index_of(page.list_type)];
  for (std::size_t z = 0; z < sums_.size(); ++z)
    for (unsigned order = 0; order <= machine_->buddy.largest_order(); ++order)
      for (unsigned type = 0; type < kMigratetypes; ++type) {
        std::uint64_t listed = 0;
        const PageList& list = machine_->buddy.zone(z).area[order].lists[type];
        for (Frame frame = list.first; frame != kNil && listed <= blocks[z][order][type]; frame = pages_[frame].next)
          ++listed;
        if (listed != blocks[z][order][type])
          broken("lists", fmt::format("{} blocks of order {} and type {} are listed, {} are there", listed, order,
                                      name_of(migratetype_at(type)), blocks[z][order][type]));
      }
  for (std::size_t z = 0; z < sums_.size(); ++z)
    for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu) compare_pcp(z, static_cast<unsigned>(cpu));
  for (unsigned l = 0; l < kLruLists; ++l) {
    const auto list = static_cast<LruList>(l);
    std::uint64_t listed = 0;
    for (Frame frame = machine_->lru.list(list).first; frame != kNil && listed <= machine_->lru.size(list);
         frame = pages_[frame].next)
      listed += pages_of(pages_[frame]);
    if (listed != machine_->lru.size(list))
      broken("lists", fmt::format("LRU list {} has {} pages and counts {}", l, listed, machine_->lru.size(list)));
  }
}

// A page that was leaked because it was freed in a bad state must have been reported: each stretch of such pages begins
// with one that the log names.
void Auditor::compare_leaks() {
  std::int64_t leaked = 0;
  for (const Tallies& sum : sums_) leaked += sum[Tally::leaked];
  if (leaked == seen_leaked_) return;
  seen_leaked_ = leaked;
  std::string log;
  for (const Record& record : machine_->trace.records())
    if (record.event == Event::log_text) log += machine_->trace.format(record) + "\n";
  for (Frame frame = 0; frame < machine_->map.pages().size(); ++frame) {
    if (!pages_[frame].has(kPageLeaked) || (frame > 0 && pages_[frame - 1].has(kPageLeaked))) continue;
    const std::string report = fmt::format("pfn:{:05x}", pfn(frame));
    if (log.find(report) == std::string::npos)
      broken("conserved", fmt::format("page {:#x} was leaked without a report", pfn(frame)));
  }
}

}  // namespace cma
