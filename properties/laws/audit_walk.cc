// Walks stretches, pages and blocks, and keeps what they add up to.

#include "properties/laws/audit_walk.h"

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

void AuditWalk::begin(Machine& machine) {
  if (!(booted_.geometry && *booted_.geometry == machine.geometry())) {
    begin_afresh(machine);
    keep_as_booted();
    return;
  }
  look_at(machine);
  back_to_boot();
}

void AuditWalk::begin_afresh(Machine& machine) {
  booted_.geometry.reset();
  look_at(machine);
  lay_out_afresh();
  run_total();
}

void AuditWalk::look_at(Machine& machine) {
  state_.machine = &machine;
  state_.pages = machine.map.pages().data();
  state_.entries = state_.ledger.entries();
}

void AuditWalk::lay_out_afresh() {
  const MemoryMap& map = machine().map;
  lay_out(state_.layout, machine(), ledger());
  state_.counts.stretches.assign(layout().stretches.size(), Tallies{});
  state_.counts.zones.assign(machine().buddy.zones(), Tallies{});
  state_.counts.available.assign(map.chunks() << (map.chunk_order() - 6), 0);
  state_.counts.movable = state_.counts.available;
  state_.walked.audit = 0;
  state_.walked.last.assign(map.chunks(), 0);
  state_.walked.since_boot.clear();
  state_.walked.is_since_boot.assign(map.chunks(), 0);
  lists_.begin_afresh();
  loose_.clear();
}

void AuditWalk::keep_as_booted() {
  booted_ = {machine().geometry(), counts()};
  lists_.keep_as_booted();
  for (std::uint32_t chunk : state_.walked.since_boot) state_.walked.is_since_boot[chunk] = 0;
  state_.walked.since_boot.clear();
}

void AuditWalk::back_to_boot() {
  Layout& layout = state_.layout;
  Counts& counts = state_.counts;
  const unsigned words_order = machine().map.chunk_order() - 6;
  for (std::uint32_t chunk : state_.walked.since_boot) {
    state_.walked.is_since_boot[chunk] = 0;
    for (std::uint32_t s = layout.first_of_chunk[chunk]; s < layout.first_of_chunk[chunk + 1]; ++s) {
      counts.stretches[s] = booted_.counts.stretches[s];
      layout.stretches[s].loose = false;
    }
    const std::size_t word = std::size_t{chunk} << words_order;
    for (std::size_t w = word; w < word + (std::size_t{1} << words_order); ++w) {
      counts.available[w] = booted_.counts.available[w];
      counts.movable[w] = booted_.counts.movable[w];
    }
  }
  state_.walked.since_boot.clear();
  loose_.clear();
  counts.zones = booted_.counts.zones;
  lists_.back_to_boot();
  sums_.forget_leaks();
}

// --- running ---

void AuditWalk::run() {
  state_.strict = machine().engine.at_rest();
  walk_touched();
  if (strict() && !loose_.empty()) walk_loose();
  compare_sums();
}

void AuditWalk::run_total() {
  state_.strict = machine().engine.at_rest();
  sums_.forget_leaks();
  ++state_.walked.audit;
  for (std::size_t chunk = 0; chunk < machine().map.chunks(); ++chunk) walk_chunk(chunk);
  state_.machine->map.forget_touched();
  state_.ledger.forget_touched();
  if (strict()) loose_.clear();
  compare_sums();
  lists_.walk_all_lists();
}

void AuditWalk::walk_touched() {
  const std::vector<std::uint32_t>& pages = machine().map.touched_chunks();
  const std::vector<std::uint32_t>& books = ledger().touched_chunks();
  ++state_.walked.audit;
  if (pages.empty() && books.empty()) return;
  for (std::uint32_t chunk : pages) walk_chunk(chunk);
  for (std::uint32_t chunk : books)
    if (state_.walked.last[chunk] != state_.walked.audit) walk_chunk(chunk);
  state_.machine->map.forget_touched();
  state_.ledger.forget_touched();
}

void AuditWalk::walk_chunk(std::size_t chunk) {
  state_.walked.last[chunk] = state_.walked.audit;
  if (state_.walked.is_since_boot[chunk] == 0) {
    state_.walked.is_since_boot[chunk] = 1;
    state_.walked.since_boot.push_back(static_cast<std::uint32_t>(chunk));
  }
  for (std::uint32_t s = layout().first_of_chunk[chunk]; s < layout().first_of_chunk[chunk + 1]; ++s)
    walk(state_.layout.stretches[s]);
}

// Walks the loose stretches again: what was allowed only because an actor was inside an operation must be gone.
void AuditWalk::walk_loose() {
  for (std::uint32_t s : loose_)
    if (layout().stretches[s].loose) walk(state_.layout.stretches[s]);
  loose_.clear();
}

void AuditWalk::walk(Stretch& stretch) {
  const auto index = static_cast<std::uint32_t>(&stretch - layout().stretches.data());
  Walk found;
  walk_pageblocks(stretch, found);
  const Frame offset = static_cast<Frame>(machine().map.range().start - layout().word_base);
  clear_bits(state_.counts.available, stretch.begin + offset, stretch.end + offset);
  clear_bits(state_.counts.movable, stretch.begin + offset, stretch.end + offset);
  for (Frame frame = stretch.begin; frame < stretch.end;) {
    const Frame plain = plain_buffer_pages(frame, stretch.end);
    found.tallies[Counted::in_use] += static_cast<std::int32_t>(plain);
    frame = plain != 0 ? frame + plain : walk_head(stretch, frame, found);
  }
  state_.counts.zones[stretch.zone].replace(state_.counts.stretches[index], found.tallies);
  state_.counts.stretches[index] = found.tallies;
  if (found.loose && !stretch.loose) loose_.push_back(index);
  stretch.loose = found.loose;
}

// Returns how many pages from here on are one buffer's and unchanged since they were handed out: all of the buffer's in
// this stretch, only this one, or none. Most pages that are neither free nor reserved are such pages.
Frame AuditWalk::plain_buffer_pages(Frame frame, Frame end) const {
  const Ledger::Entry& first = entry_at(frame);
  if (first.hold() != Ledger::Hold::buffer || first.references != 0) return 0;
  Frame last = frame + 1;
  while (last < end && PageLanes::word(entry_at(last)) == PageLanes::word(first)) ++last;
  if (PageLanes::differences(&page_at(frame), &page_at(frame) + (last - frame), 1, 0) == 0) return last - frame;
  return PageLanes::differences(&page_at(frame), &page_at(frame) + 1, 1, 0) == 0 ? 1 : 0;
}

void AuditWalk::walk_pageblocks(const Stretch& stretch, Walk& walk) const {
  const MemoryMap& map = machine().map;
  const std::uint64_t step = map.pageblock_pages();
  const std::span<const Migratetype> types = map.types();
  const Pfn end = pfn(stretch.end - 1) + 1;
  for (Pfn block = align_down(pfn(stretch.begin), step); block < end; block += step) {
    const std::size_t index = (block >> map.pageblock_order()) - layout().first_block;
    const Migratetype type = types[index];
    const bool isolated = type == Migratetype::isolate;
    const bool of_area = layout().area_block[index] != 0;
    if (!isolated && of_area != (type == Migratetype::cma))
      broken(Law::restored,
             fmt::format("pageblock {:#x} of {} area is {}", block, of_area ? "an" : "no", name_of(type)));
    if (!isolated && type != Migratetype::highatomic) continue;
    if (isolated) walk.loose = true;
    if (isolated && strict())
      broken(Law::restored, fmt::format("pageblock {:#x} is Isolate though no actor is inside an operation", block));
    // A pageblock that two zones share belongs to the zone of its first frame that exists.
    Pfn first = block;
    while (first < block + step && !map.present(first)) ++first;
    if (first < pfn(stretch.begin) || first >= end) continue;
    ++walk.tallies[isolated ? Counted::isolate_blocks : Counted::highatomic_blocks];
  }
}

void AuditWalk::mark(std::vector<std::uint64_t>& words, Frame frame, std::uint64_t pages) {
  std::uint64_t bit = frame + (machine().map.range().start - layout().word_base);
  if (pages < 64) {
    // Blocks are aligned, so a small one lies within one word.
    words[bit / 64] |= ((std::uint64_t{1} << pages) - 1) << (bit % 64);
    return;
  }
  for (const std::uint64_t end = bit + pages; bit < end; bit += 64) words[bit / 64] = ~std::uint64_t{0};
}

Frame AuditWalk::walk_head(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = page_at(frame);
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
  if (entry_at(frame).expected() != 0)
    broken(Law::conserved, fmt::format("page {:#x} is in use by a program, and leaked or missing", pfn(frame)));
  return frame + 1;
}

// Boot's own reference keeps the page; programs may take others.
Frame AuditWalk::walk_reserved(Frame frame, Walk& walk) const {
  const Page& page = page_at(frame);
  if (layout().kept[frame] == 0)
    broken(Law::conserved, fmt::format("page {:#x} is reserved, and boot has not kept it", pfn(frame)));
  if (entry_at(frame).hold() != Ledger::Hold::none)
    broken(Law::exclusive, fmt::format("page {:#x} is held by a program, and boot keeps it", pfn(frame)));
  checks_.check_references(frame, page, 1 + entry_at(frame).expected(), walk.loose);
  ++walk.tallies[Counted::reserved];
  return frame + 1;
}

Frame AuditWalk::walk_free_block(const Stretch& stretch, Frame frame, Walk& walk) {
  checks_.check_free_block(stretch, frame, walk.loose);
  const Page& page = page_at(frame);
  const auto pages = static_cast<std::int32_t>(order_pages(page.order));
  ++walk.tallies.free_blocks(page.order);
  walk.tallies[page.list_type == Migratetype::isolate ? Counted::free_isolated : Counted::free_pages] += pages;
  if (page.list_type == Migratetype::cma) walk.tallies[Counted::free_cma] += pages;
  if (page.list_type == Migratetype::highatomic) walk.tallies[Counted::free_highatomic] += pages;
  mark(state_.counts.available, frame, order_pages(page.order));
  return frame + static_cast<Frame>(pages);
}

Frame AuditWalk::walk_cached_block(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = page_at(frame);
  const std::uint64_t pages = order_pages(page.order);
  if (!is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::lists, fmt::format("page {:#x} on a per-CPU list has order {}", pfn(frame), page.order));
  if (!checks_.interior_is_clean(frame, pages, 0)) checks_.dirty_interior(frame, pages, 0);
  checks_.check_cached(frame, page);
  walk.tallies[Counted::pcp_pages] += static_cast<std::int32_t>(pages);
  mark(state_.counts.available, frame, pages);
  return frame + static_cast<Frame>(pages);
}

Frame AuditWalk::walk_in_flight(const Stretch& stretch, Frame frame, Walk& walk) const {
  const Page& page = page_at(frame);
  const std::uint64_t pages = order_pages(page.order);
  if (page.ref != 0 || !is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::conserved, fmt::format("page {:#x} in a task's hands has {} references and order {}", pfn(frame),
                                       page.ref, page.order));
  if (strict())
    broken(Law::conserved, fmt::format("page {:#x} (order {}) is in flight though no actor is inside an operation",
                                       pfn(frame), page.order));
  checks_.check_interior(frame, page, pages);
  if (page.has(kPageLru)) {
    const unsigned list = lru_list_of(page);
    checks_.check_lru_links(frame, page, list);
    walk.tallies.lru(list) += static_cast<std::int32_t>(pages_of(page));
  } else {
    checks_.check_links(frame, page, 0);
  }
  walk.tallies[Counted::in_flight] += static_cast<std::int32_t>(pages);
  if (page.has(kPageMlocked)) ++walk.tallies[Counted::mlocked];
  walk.loose = true;
  return frame + static_cast<Frame>(pages);
}

Frame AuditWalk::walk_in_use(const Stretch& stretch, Frame frame, Walk& walk) {
  const Page& page = page_at(frame);
  const Ledger::Entry& entry = entry_at(frame);
  if (page.ref == 0 && page.has(kPageHugetlb)) return checks_.walk_pool_page(frame, walk);
  if (page.ref <= 0)
    broken(Law::conserved,
           fmt::format("page {:#x} is lost: {} references, on no list, in no task's hands", pfn(frame), page.ref));
  const std::uint64_t pages = page.has(kPageHead | kPageSplitHead) ? order_pages(page.order) : 1;
  if (page.has(kPageTail) || !is_aligned(pfn(frame), pages) || frame + pages > stretch.end)
    broken(Law::conserved, fmt::format("page {:#x} is not the head of its block", pfn(frame)));
  if (pages > 1) checks_.check_interior(frame, page, pages);
  std::int64_t known = entry.expected() + page.pagevecs + (page.has(kPagePrivate) ? 1 : 0);
  if (page.has(kPageLru)) {
    const unsigned list = lru_list_of(page);
    checks_.check_lru_links(frame, page, list);
    walk.tallies.lru(list) += static_cast<std::int32_t>(pages);
  } else if (page.has(kPageTaskList)) {
    checks_.check_links(frame, page, kPageTaskList);
    ++known;
    // Pages of drivers and of the hugetlb pool are in no counter.
    if (!page.has(kPageIsolated | kPageHugetlb))
      walk.tallies[page.has(kPageSwapbacked) ? Counted::task_anon : Counted::task_file] +=
          static_cast<std::int32_t>(pages);
    walk.loose = true;
    if (strict())
      broken(Law::conserved,
             fmt::format("page {:#x} is on a task's list though no actor is inside an operation", pfn(frame)));
  } else if ((page.next & page.prev) != kNil) {
    broken(Law::lists, fmt::format("page {:#x} is in use and linked into a list", pfn(frame)));
  }
  known += checks_.is_huge(page) ? checks_.check_huge_page(frame, page) : checks_.check_owner(frame, page, walk);
  checks_.check_references(frame, page, known, walk.loose);
  if (page.has(kPageLocked)) ++walk.tallies[Counted::locked];
  if (page.has(kPageWriteback)) ++walk.tallies[Counted::writeback];
  if (page.has(kPageMlocked)) ++walk.tallies[Counted::mlocked];
  walk.tallies[Counted::pagevec_slots] += page.pagevecs;
  walk.tallies[Counted::in_use] += static_cast<std::int32_t>(pages);
  if (checks_.certain_to_move(page, entry)) mark(state_.counts.movable, frame, checks_.is_huge(page) ? pages : 1);
  return frame + static_cast<Frame>(pages);
}

// --- sums ---

void AuditWalk::compare_sums() {
  sums_.compare_counters();
  lists_.compare_list_ends();
  sums_.compare_areas();
  if (machine().buffers.size() != 0) sums_.compare_buffers();
  if (machine().hugetlb.free_pages() != 0) checks_.compare_pool();
  sums_.compare_leaks();
  if (!machine().isolation.isolators().held().empty()) sums_.compare_isolators();
  if (strict()) sums_.compare_at_rest();
}

}  // namespace cma
