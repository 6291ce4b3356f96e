// Walks stretches, pages and blocks, and keeps what they add up to.

#include "properties/laws/auditor.h"

#include <algorithm>

#include <fmt/format.h>

#include "properties/laws/page_lanes.h"

namespace cma {
namespace {

// Flags that show the state of a page. A page without any of them is in use, or lost.
constexpr std::uint32_t kStates = kPageBuddy | kPagePcp | kPageReserved | kPageHole | kPageInFlight | kPageLeaked;

void clear_bits(std::vector<std::uint64_t>& words, std::uint64_t start, std::uint64_t end) {
  for (; start < end && start % 64 != 0; ++start) words[start / 64] &= ~(std::uint64_t{1} << (start % 64));
  for (; start + 64 <= end; start += 64) words[start / 64] = 0;
  for (; start < end; ++start) words[start / 64] &= ~(std::uint64_t{1} << (start % 64));
}

}  // namespace

// --- beginning ---

void Auditor::begin(Machine& machine) {
  if (!(booted_.geometry && *booted_.geometry == machine.geometry())) {
    begin_afresh(machine);
    keep_as_booted(machine.geometry());
    return;
  }
  machine_ = &machine;
  pages_ = machine.map.pages().data();
  entries_ = ledger_.entries();
  back_to_boot();
}

void Auditor::begin_afresh(Machine& machine) {
  booted_.geometry.reset();
  lay_out(machine);
  run_total();
  seen_.leaked = 0;
  for (const Tallies& sum : counts_.zones) seen_.leaked += sum[Counted::leaked];
}

void Auditor::lay_out(Machine& machine) {
  machine_ = &machine;
  const MemoryMap& map = machine.map;
  pages_ = map.pages().data();
  entries_ = ledger_.entries();
  layout_.stretches.clear();
  layout_.first_of_chunk.clear();
  for (std::size_t chunk = 0; chunk < map.chunks(); ++chunk) {
    layout_.first_of_chunk.push_back(static_cast<std::uint32_t>(layout_.stretches.size()));
    const PfnRange range = map.chunk_range(chunk);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      const PfnRange zone = machine.buddy.zone(z).range;
      const Pfn begin = std::max(range.start, zone.start);
      const Pfn end = std::min(range.end, zone.end);
      if (begin >= end) continue;
      layout_.stretches.push_back({map.frame(begin), map.frame(end - 1) + 1, static_cast<std::uint8_t>(z)});
    }
  }
  layout_.first_of_chunk.push_back(static_cast<std::uint32_t>(layout_.stretches.size()));
  counts_.stretches.assign(layout_.stretches.size(), Tallies{});
  counts_.zones.assign(machine.buddy.zones(), Tallies{});
  seen_.free_areas.assign(machine.buddy.zones(), {});
  seen_.pcp.assign(machine.buddy.zones(), {});
  seen_.lru = {};
  loose_.clear();
  walked_.last.assign(map.chunks(), 0);
  walked_.audit = 0;
  walked_.since_boot.clear();
  walked_.is_since_boot.assign(map.chunks(), 0);
  layout_.word_base = align_down(map.range().start, order_pages(map.chunk_order()));
  counts_.available.assign(map.chunks() << (map.chunk_order() - 6), 0);
  counts_.movable = counts_.available;
  layout_.first_block = map.range().start >> map.pageblock_order();
  learn_boot_memory();
}

void Auditor::keep_as_booted(const Geometry& geometry) {
  booted_ = {geometry, counts_, seen_};
  for (std::uint32_t chunk : walked_.since_boot) walked_.is_since_boot[chunk] = 0;
  walked_.since_boot.clear();
}

void Auditor::back_to_boot() {
  const unsigned words_order = machine_->map.chunk_order() - 6;
  for (std::uint32_t chunk : walked_.since_boot) {
    walked_.is_since_boot[chunk] = 0;
    for (std::uint32_t s = layout_.first_of_chunk[chunk]; s < layout_.first_of_chunk[chunk + 1]; ++s) {
      counts_.stretches[s] = booted_.counts.stretches[s];
      layout_.stretches[s].loose = false;
    }
    const std::size_t word = std::size_t{chunk} << words_order;
    for (std::size_t w = word; w < word + (std::size_t{1} << words_order); ++w) {
      counts_.available[w] = booted_.counts.available[w];
      counts_.movable[w] = booted_.counts.movable[w];
    }
  }
  walked_.since_boot.clear();
  loose_.clear();
  counts_.zones = booted_.counts.zones;
  const auto orders = static_cast<std::ptrdiff_t>(machine_->buddy.largest_order()) + 1;
  for (std::size_t z = 0; z < counts_.zones.size(); ++z) {
    std::copy_n(booted_.seen.free_areas[z].begin(), orders, seen_.free_areas[z].begin());
    std::copy_n(booted_.seen.pcp[z].begin(), machine_->engine.cpus(), seen_.pcp[z].begin());
  }
  seen_.lru = {};
  seen_.leaked = 0;
}

// --- running ---

void Auditor::run() {
  strict_ = machine_->engine.at_rest();
  walk_touched();
  if (strict_ && !loose_.empty()) walk_loose();
  compare_sums();
}

void Auditor::run_total() {
  strict_ = machine_->engine.at_rest();
  ++walked_.audit;
  for (std::size_t chunk = 0; chunk < machine_->map.chunks(); ++chunk) walk_chunk(chunk);
  machine_->map.forget_touched();
  ledger_.forget_touched();
  if (strict_) loose_.clear();
  compare_sums();
  walk_all_lists();
}

void Auditor::walk_touched() {
  const std::vector<std::uint32_t>& pages = machine_->map.touched_chunks();
  const std::vector<std::uint32_t>& books = ledger_.touched_chunks();
  ++walked_.audit;
  if (pages.empty() && books.empty()) return;
  for (std::uint32_t chunk : pages) walk_chunk(chunk);
  for (std::uint32_t chunk : books)
    if (walked_.last[chunk] != walked_.audit) walk_chunk(chunk);
  machine_->map.forget_touched();
  ledger_.forget_touched();
}

void Auditor::walk_chunk(std::size_t chunk) {
  walked_.last[chunk] = walked_.audit;
  if (walked_.is_since_boot[chunk] == 0) {
    walked_.is_since_boot[chunk] = 1;
    walked_.since_boot.push_back(static_cast<std::uint32_t>(chunk));
  }
  for (std::uint32_t s = layout_.first_of_chunk[chunk]; s < layout_.first_of_chunk[chunk + 1]; ++s)
    walk(layout_.stretches[s]);
}

// Walks the loose stretches again: what was allowed only because an actor was inside an operation must be gone.
void Auditor::walk_loose() {
  for (std::uint32_t s : loose_)
    if (layout_.stretches[s].loose) walk(layout_.stretches[s]);
  loose_.clear();
}

void Auditor::walk(Stretch& stretch) {
  const auto index = static_cast<std::uint32_t>(&stretch - layout_.stretches.data());
  Walk found;
  walk_pageblocks(stretch, found);
  const Frame offset = static_cast<Frame>(machine_->map.range().start - layout_.word_base);
  clear_bits(counts_.available, stretch.begin + offset, stretch.end + offset);
  clear_bits(counts_.movable, stretch.begin + offset, stretch.end + offset);
  for (Frame frame = stretch.begin; frame < stretch.end;) {
    const Frame plain = plain_buffer_pages(frame, stretch.end);
    found.tallies[Counted::in_use] += static_cast<std::int32_t>(plain);
    frame = plain != 0 ? frame + plain : walk_head(stretch, frame, found);
  }
  counts_.zones[stretch.zone].replace(counts_.stretches[index], found.tallies);
  counts_.stretches[index] = found.tallies;
  if (found.loose && !stretch.loose) loose_.push_back(index);
  stretch.loose = found.loose;
}

// Returns how many pages from here on are one buffer's and unchanged since they were handed out: all of the buffer's in
// this stretch, only this one, or none. Most pages that are neither free nor reserved are such pages.
Frame Auditor::plain_buffer_pages(Frame frame, Frame end) const {
  const Ledger::Entry& first = entries_[frame];
  if (first.hold() != Ledger::Hold::buffer || first.references != 0) return 0;
  Frame last = frame + 1;
  while (last < end && PageLanes::word(entries_[last]) == PageLanes::word(first)) ++last;
  if (PageLanes::differences(pages_ + frame, pages_ + last, 1, 0) == 0) return last - frame;
  return PageLanes::differences(pages_ + frame, pages_ + frame + 1, 1, 0) == 0 ? 1 : 0;
}

void Auditor::walk_pageblocks(const Stretch& stretch, Walk& walk) const {
  const MemoryMap& map = machine_->map;
  const std::uint64_t step = map.pageblock_pages();
  const std::span<const Migratetype> types = map.types();
  const Pfn end = pfn(stretch.end - 1) + 1;
  for (Pfn block = align_down(pfn(stretch.begin), step); block < end; block += step) {
    const std::size_t index = (block >> map.pageblock_order()) - layout_.first_block;
    const Migratetype type = types[index];
    const bool isolated = type == Migratetype::isolate;
    const bool of_area = layout_.area_block[index] != 0;
    if (!isolated && of_area != (type == Migratetype::cma))
      broken(Law::restored,
             fmt::format("pageblock {:#x} of {} area is {}", block, of_area ? "an" : "no", name_of(type)));
    if (!isolated && type != Migratetype::highatomic) continue;
    if (isolated) walk.loose = true;
    if (isolated && strict_)
      broken(Law::restored, fmt::format("pageblock {:#x} is Isolate though no actor is inside an operation", block));
    // A pageblock that two zones share belongs to the zone of its first frame that exists.
    Pfn first = block;
    while (first < block + step && !map.present(first)) ++first;
    if (first < pfn(stretch.begin) || first >= end) continue;
    ++walk.tallies[isolated ? Counted::isolate_blocks : Counted::highatomic_blocks];
  }
}

void Auditor::mark(std::vector<std::uint64_t>& words, Frame frame, std::uint64_t pages) {
  std::uint64_t bit = frame + (machine_->map.range().start - layout_.word_base);
  if (pages < 64) {
    // Blocks are aligned, so a small one lies within one word.
    words[bit / 64] |= ((std::uint64_t{1} << pages) - 1) << (bit % 64);
    return;
  }
  for (const std::uint64_t end = bit + pages; bit < end; bit += 64) words[bit / 64] = ~std::uint64_t{0};
}

Frame Auditor::walk_head(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = pages_[frame];
  switch (page.flags & kStates) {
    case 0: return walk_in_use(stretch, frame, walk);
    case kPageBuddy: return walk_free_block(stretch, frame, walk);
    case kPagePcp: return walk_cached_block(stretch, frame, walk);
    case kPageInFlight: return walk_in_flight(stretch, frame, walk);
    case kPageReserved: return walk_reserved(frame, walk);
    case kPageLeaked: ++walk.tallies[Counted::leaked]; break;
    case kPageHole: break;
    default:
      broken(Law::conserved, fmt::format("page {:#x} is in two states at once (flags {:#x})", pfn(frame), page.flags));
  }
  if (entries_[frame].expected() != 0)
    broken(Law::conserved, fmt::format("page {:#x} is in use by a program, and leaked or missing", pfn(frame)));
  return frame + 1;
}

// Boot's own reference keeps the page; programs may take others.
Frame Auditor::walk_reserved(Frame frame, Walk& walk) const {
  const Page& page = pages_[frame];
  if (layout_.kept[frame] == 0)
    broken(Law::conserved, fmt::format("page {:#x} is reserved, and boot has not kept it", pfn(frame)));
  if (entries_[frame].hold() != Ledger::Hold::none)
    broken(Law::exclusive, fmt::format("page {:#x} is held by a program, and boot keeps it", pfn(frame)));
  check_references(frame, page, 1 + entries_[frame].expected(), walk.loose);
  ++walk.tallies[Counted::reserved];
  return frame + 1;
}

Frame Auditor::walk_free_block(const Stretch& stretch, Frame frame, Walk& walk) {
  check_free_block(stretch, frame, walk.loose);
  const Page& page = pages_[frame];
  const auto pages = static_cast<std::int32_t>(order_pages(page.order));
  ++walk.tallies.free_blocks(page.order);
  walk.tallies[page.list_type == Migratetype::isolate ? Counted::free_isolated : Counted::free_pages] += pages;
  if (page.list_type == Migratetype::cma) walk.tallies[Counted::free_cma] += pages;
  if (page.list_type == Migratetype::highatomic) walk.tallies[Counted::free_highatomic] += pages;
  mark(counts_.available, frame, order_pages(page.order));
  return frame + static_cast<Frame>(pages);
}

Frame Auditor::walk_cached_block(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = pages_[frame];
  const std::uint64_t pages = order_pages(page.order);
  if (!is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::lists, fmt::format("page {:#x} on a per-CPU list has order {}", pfn(frame), page.order));
  if (!interior_is_clean(frame, pages, 0)) dirty_interior(frame, pages, 0);
  check_cached(frame, page);
  walk.tallies[Counted::pcp_pages] += static_cast<std::int32_t>(pages);
  mark(counts_.available, frame, pages);
  return frame + static_cast<Frame>(pages);
}

Frame Auditor::walk_in_flight(const Stretch& stretch, Frame frame, Walk& walk) const {
  const Page& page = pages_[frame];
  const std::uint64_t pages = order_pages(page.order);
  if (page.ref != 0 || !is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::conserved, fmt::format("page {:#x} in a task's hands has {} references and order {}", pfn(frame),
                                       page.ref, page.order));
  if (strict_)
    broken(Law::conserved, fmt::format("page {:#x} (order {}) is in flight though no actor is inside an operation",
                                       pfn(frame), page.order));
  check_interior(frame, page, pages);
  if (page.has(kPageLru)) {
    const unsigned list = lru_list_of(page);
    check_lru_links(frame, page, list);
    walk.tallies.lru(list) += static_cast<std::int32_t>(pages_of(page));
  } else {
    check_links(frame, page, 0);
  }
  walk.tallies[Counted::in_flight] += static_cast<std::int32_t>(pages);
  if (page.has(kPageMlocked)) ++walk.tallies[Counted::mlocked];
  walk.loose = true;
  return frame + static_cast<Frame>(pages);
}

Frame Auditor::walk_in_use(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = pages_[frame];
  const Ledger::Entry& entry = entries_[frame];
  if (page.ref == 0 && page.has(kPageHugetlb)) return walk_pool_page(frame, walk);
  if (page.ref <= 0)
    broken(Law::conserved,
           fmt::format("page {:#x} is lost: {} references, on no list, in no task's hands", pfn(frame), page.ref));
  const std::uint64_t pages = page.has(kPageHead | kPageSplitHead) ? order_pages(page.order) : 1;
  if (page.has(kPageTail) || !is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::conserved, fmt::format("page {:#x} is not the head of its block", pfn(frame)));
  if (pages > 1) check_interior(frame, page, pages);
  std::int64_t known = entry.expected() + page.pagevecs + (page.has(kPagePrivate) ? 1 : 0);
  if (page.has(kPageLru)) {
    const unsigned list = lru_list_of(page);
    check_lru_links(frame, page, list);
    walk.tallies.lru(list) += static_cast<std::int32_t>(pages);
  } else if (page.has(kPageTaskList)) {
    check_links(frame, page, kPageTaskList);
    ++known;
    // Pages of drivers and of the hugetlb pool are in no counter.
    if (!page.has(kPageIsolated | kPageHugetlb))
      walk.tallies[page.has(kPageSwapbacked) ? Counted::task_anon : Counted::task_file] +=
          static_cast<std::int32_t>(pages);
    walk.loose = true;
    if (strict_)
      broken(Law::conserved,
             fmt::format("page {:#x} is on a task's list though no actor is inside an operation", pfn(frame)));
  } else if ((page.next & page.prev) != kNil) {
    broken(Law::lists, fmt::format("page {:#x} is in use and linked into a list", pfn(frame)));
  }
  known += is_huge(page) ? check_huge_page(frame, page) : check_owner(frame, page, walk);
  check_references(frame, page, known, walk.loose);
  if (page.has(kPageLocked)) ++walk.tallies[Counted::locked];
  if (page.has(kPageWriteback)) ++walk.tallies[Counted::writeback];
  if (page.has(kPageMlocked)) ++walk.tallies[Counted::mlocked];
  walk.tallies[Counted::pagevec_slots] += page.pagevecs;
  walk.tallies[Counted::in_use] += static_cast<std::int32_t>(pages);
  if (certain_to_move(page, entry)) mark(counts_.movable, frame, is_huge(page) ? pages : 1);
  return frame + static_cast<Frame>(pages);
}

}  // namespace cma
