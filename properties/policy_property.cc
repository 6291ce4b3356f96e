// Promise: pages of areas and of the reserve for atomic requests go only to those that may have them, and a request
// takes from its own type, from areas and from other types in the order of its release.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "properties/arbitrary/promise_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Which pages programs got outside areas, by the geometry of the areas alone.
class OutsideAreas final : public Witness {
 public:
  void program_begins(Machine& machine) override { machine_ = &machine; }
  void pages_allocated(Pfn pfn, unsigned order, Gfp gfp) override {
    if (migratetype_of(gfp) != Migratetype::movable) outside(pfn, order_pages(order), "a request that is not movable");
  }
  void range_allocated(Pfn pfn, std::uint64_t count) override { outside(pfn, count, "a range"); }
  // Up to 5.0 a page stayed, and up to 5.12 a Movable zone was no reason to move it. Up to 5.18 a page of an area stays
  // that is being emptied.
  void reference_taken(Pfn pfn, int /*count*/, bool longterm) override {
    if (!longterm || machine_->release() < Release::v5_1) return;
    const bool emptied = machine_->map.pageblock_type(pfn) == Migratetype::isolate;
    if (!emptied || machine_->release() >= Release::v5_19) outside(pfn, 1, "a long-term pin");
    claim(machine_->release() < Release::v5_13 || machine_->buddy.zone_of(pfn).kind != ZoneKind::movable,
          fmt::format("a long-term pin has page {:#x} of a Movable zone", pfn));
  }

 private:
  void outside(Pfn pfn, std::uint64_t count, const char* holder) {
    for (Pfn page = pfn; page < pfn + count; ++page) {
      const std::optional<AreaId> area = machine_->areas.area_of(page);
      claim(!area || !machine_->areas.area(*area).active(),
            fmt::format("{} has page {:#x} of area {}", holder, page, area.value_or(0)));
    }
  }
  Machine* machine_ = nullptr;
};

PROMISE(AreaPagesPromise, go_to_no_kernel_memory_and_no_range, {.planted = {{Bug::area_given_away, Release::v4_19}}}) {
  OutsideAreas witness;
  run_plainly(program, &witness);
  witness.assert_all_held();
}

// Where the pages lie that buffered reads add to the cache, at the end of each read that asks for unmovable memory.
class UnmovableReads final : public Witness {
 public:
  explicit UnmovableReads(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { owners_ = machine.owners.size(); }
  void op_performed(Machine& machine, std::size_t op) override {
    const auto* read = std::get_if<BufferRead>(&program_.ops[op].body);
    // Up to 3.17 no caller could ask for it. A test device takes the frames that the program names.
    if (read != nullptr && read->unmovable && read->at.kind == Place::Kind::none && machine.release() >= Release::v3_18)
      check(machine);
    owners_ = machine.owners.size();
  }

 private:
  void check(const Machine& machine) {
    for (OwnerId id = static_cast<OwnerId>(owners_ + 1); id <= machine.owners.size(); ++id) {
      const Pfn pfn = machine.owners.owner(id).pfn;
      if (pfn == kNoPfn) continue;
      const std::optional<AreaId> area = machine.areas.area_of(pfn);
      const bool in_area = area && machine.areas.area(*area).active();
      claim(!in_area && machine.buddy.zone_of(pfn).kind != ZoneKind::movable,
            fmt::format("a read that asks for unmovable memory gets page {:#x} of an area or a Movable zone", pfn));
    }
  }
  const Program& program_;
  std::size_t owners_ = 0;  // before the operation
};

Programs with_buffered_reads() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, OpenFile, BufferRead, OwnedPages<PageKind::anonymous>>();
  programs.interleaved = false;
  programs.scarce = true;
  return programs;
}

PROMISE(AreaPagesPromise, go_to_no_buffered_read_that_asks_for_unmovable_memory,
        {.programs = with_buffered_reads(), .planted = {{Bug::bread_always_movable, Release::v6_1}}}) {
  UnmovableReads reads(program);
  run_plainly(program, &reads);
  reads.assert_all_held();
}

// Faults of tasks that pin for the long term: a page that is shared since a fork is copied then.
Programs with_pins() {
  Programs programs;
  programs.options.kinds = kinds_of<Spawn, MmapAnon, Fork, PinLongterm, MappingOp<MappingVerb::munmap>, ExitProcess>();
  programs.options.min_ops = 30;
  programs.scarce = true;
  return programs;
}

PROMISE(AreaPagesPromise, stay_with_no_long_term_pin,
        {.programs = with_pins(), .planted = {{Bug::pin_stays, Release::v6_1}}}) {
  OutsideAreas witness;
  run_plainly(program, &witness);
  witness.assert_all_held();
}

// Gives machines a Movable zone above their first area.
void add_movable_zone(Random&, Program& program) {
  Geometry machine = program.machine;
  if (machine.areas.empty() || machine.several_nodes()) return;
  const Pfn border = machine.areas.front().base + machine.areas.front().pages;
  machine.areas.resize(1);
  machine.zones = {{"Normal", {machine.memory.start, border}}, {"Movable", {border, machine.memory.end}}};
  if (!machine.impossible()) program.machine = machine;
}

Programs with_pins_and_a_movable_zone() {
  Programs programs = with_pins();
  programs.scarce = false;
  programs.options.shapes = false;
  programs.prepare = add_movable_zone;
  return programs;
}

PROMISE(MovableZonePromise, has_no_page_that_is_pinned_for_long,
        {.programs = with_pins_and_a_movable_zone(),
         .planted = {{Bug::pin_stays_in_movable, Release::v6_1}, {Bug::pin_stays_in_movable, Release::v6_12}}}) {
  OutsideAreas witness;
  run_plainly(program, &witness);
  witness.assert_all_held();
}

PROMISE(AreaPagesPromise, go_to_no_fault_and_no_migration_of_a_long_term_pin,
        {.programs = with_pins(),
         .planted = {{Bug::nocma_slow_path_only, Release::v5_10}, {Bug::nocma_from_pcp, Release::v5_10}}}) {
  assert_laws_hold(program, {Law::policy});
}

Programs with_huge_pages() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, FreePages, Spawn, MmapHuge, ExitProcess>();
  programs.options.huge_pages = true;
  programs.scarce = true;
  return programs;
}

PROMISE(AreaPagesPromise, reach_no_other_request_through_a_per_cpu_list,
        {.programs = with_huge_pages(), .planted = {{Bug::huge_pages_mixed, Release::v6_1}}}) {
  assert_laws_hold(program, {Law::policy});
}

// --- where a block comes from ---

// The types that a request falls back to, by its own type, in order.
std::vector<Migratetype> fallbacks_of(Migratetype type, Release release) {
  std::vector<Migratetype> types;
  // Up to 4.0 memory of areas was a fallback like another.
  if (type == Migratetype::movable && release < Release::v4_1) types.push_back(Migratetype::cma);
  if (type != Migratetype::reclaimable) types.push_back(Migratetype::reclaimable);
  if (type != Migratetype::unmovable) types.push_back(Migratetype::unmovable);
  if (type != Migratetype::movable) types.push_back(Migratetype::movable);
  return types;
}

// Compares where each block comes from with the free lists from before the attempt. Silent on requests that the per-CPU
// lists may serve, and on those with a right to the reserve.
class Sources final : public Witness, public AllocationWatcher {
 public:
  Sources() = default;
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;
  ~Sources() override {
    if (machine_ != nullptr) machine_->trace.watch_allocations(nullptr);
  }
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_allocations(this);
  }
  void attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned node) override;
  void attempt_ended(Pfn pfn) override;

 private:
  // A block on a free list.
  struct Block {
    Pfn head = 0;
    unsigned order = 0;
    Migratetype type = Migratetype::movable;
  };
  // The block that a fallback breaks, and whether the request claims its pageblock.
  struct Broken {
    Block block;
    bool claimed = false;
  };
  bool per_cpu_lists_have(unsigned order) const;
  bool has_block(const Zone& zone, Migratetype type) const;
  std::optional<Block> first_block(const Zone& zone, unsigned order) const;
  std::optional<Block> block_of(Pfn pfn) const;
  std::vector<Block> fallbacks(const Zone& zone) const;
  void check_fallback(const Zone& zone, Pfn pfn);
  Migratetype type_of_pageblock(Pfn pfn) const {
    return types_[(pfn >> machine_->map.pageblock_order()) -
                  (machine_->map.range().start >> machine_->map.pageblock_order())];
  }
  bool may_claim(const Block& block) const;
  bool is_worth_claiming(const Zone& zone, const Block& block) const;
  std::optional<Broken> broken_block(const Zone& zone) const;
  void check_claim(const Zone& zone);

  Machine* machine_ = nullptr;
  bool judged_ = false;
  Migratetype type_ = Migratetype::movable;
  unsigned order_ = 0;
  bool may_have_areas_ = false;
  // From before the attempt.
  std::vector<Zone> zones_;
  std::vector<Page> pages_;
  std::vector<Migratetype> types_;  // of pageblocks
};

bool Sources::per_cpu_lists_have(unsigned order) const {
  if (machine_->release() < Release::v5_14) return order == 0;
  const Geometry& geometry = machine_->geometry();
  return order <= kPcpLargestOrder || (geometry.transparent_hugepages && order == geometry.pageblock_order);
}

void Sources::attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned /*node*/) {
  const bool pins = machine_->engine.flags().memalloc_pin;
  const bool realtime = machine_->engine.flags().scope == ReclaimScope::realtime;
  const bool urgent = realtime || (gfp & kGfpHigh) != 0 || (gfp & kGfpDirectReclaim) == 0;
  const bool has_reserves = attempt > AllocAttempt::reserves;
  judged_ = !urgent && !pins && !has_reserves && !per_cpu_lists_have(order);
  if (!judged_) return;
  type_ = migratetype_of(gfp);
  order_ = order;
  may_have_areas_ = type_ == Migratetype::movable;
  zones_.clear();
  for (std::size_t z = 0; z < machine_->buddy.zones(); ++z) zones_.push_back(machine_->buddy.zone(z));
  pages_.assign(machine_->map.pages().begin(), machine_->map.pages().end());
  types_.assign(machine_->map.types().begin(), machine_->map.types().end());
}

bool Sources::has_block(const Zone& zone, Migratetype type) const {
  for (unsigned order = order_; order <= machine_->buddy.largest_order(); ++order)
    if (!zone.free_by_order[order].lists[index_of(type)].empty()) return true;
  return false;
}

// Returns the first block of this order of the types that the request falls back to.
std::optional<Sources::Block> Sources::first_block(const Zone& zone, unsigned order) const {
  for (const Migratetype type : fallbacks_of(type_, machine_->release())) {
    const PageList& list = zone.free_by_order[order].lists[index_of(type)];
    if (!list.empty()) return Block{machine_->map.pfn(list.first), order, type};
  }
  return std::nullopt;
}

// Returns the block that the page was part of before the request.
std::optional<Sources::Block> Sources::block_of(Pfn pfn) const {
  for (unsigned order = order_; order <= machine_->buddy.largest_order(); ++order) {
    const Pfn head = align_order(pfn, order);
    if (!machine_->map.valid(head)) continue;
    const Page& page = pages_[machine_->map.frame(head)];
    if (page.has(kPageBuddy) && page.order == order) return Block{head, order, page.list_type};
  }
  return std::nullopt;
}

// Returns the blocks one of which a request without blocks of its own type breaks. Up to 6.9 that is the largest; since
// 4.12 the smallest if the request is movable and the largest is below half a pageblock's order. Since 6.10 a pageblock
// is claimed only if enough of it is free, and the next smaller block is looked at if not.
std::vector<Sources::Block> Sources::fallbacks(const Zone& zone) const {
  std::vector<Block> blocks;
  for (unsigned order = machine_->buddy.largest_order() + 1; order-- > order_;)
    if (const std::optional<Block> block = first_block(zone, order)) blocks.push_back(*block);
  if (blocks.empty() || machine_->release() >= Release::v6_10) return blocks;
  const bool small = blocks.front().order < machine_->map.pageblock_order() / 2;
  const bool takes_smallest = machine_->release() >= Release::v4_12 && type_ == Migratetype::movable && small;
  return {takes_smallest ? blocks.back() : blocks.front()};
}

// Since 4.12 what is free in the pageblock comes to the request's lists as well, and may serve it better.
void Sources::check_fallback(const Zone& zone, Pfn pfn) {
  const std::vector<Block> blocks = fallbacks(zone);
  const unsigned pageblock = machine_->release() >= Release::v4_12 ? machine_->map.pageblock_order() : 0;
  const bool expected = std::ranges::any_of(blocks, [&](const Block& block) {
    const std::uint64_t pages = order_pages(std::max(block.order, pageblock));
    return align_down(pfn, pages) == align_down(block.head, pages);
  });
  const auto from = block_of(pfn);
  if (!expected)
    claim(false,
          fmt::format("a {} request of order {} falls back to {} page {:#x}, and should to {} page {:#x}",
                      name_of(type_), order_, from ? name_of(from->type) : "no", pfn,
                      blocks.empty() ? "no" : name_of(blocks.front().type), blocks.empty() ? 0 : blocks.front().head));
}

void Sources::attempt_ended(Pfn pfn) {
  if (!std::exchange(judged_, false) || pfn == kNoPfn) return;
  const Zone& zone = zones_[machine_->map.page(pfn).zone];
  const Release release = machine_->release();
  const bool areas_serve = may_have_areas_ && release >= Release::v4_1 && has_block(zone, Migratetype::cma);
  const bool areas_first = areas_serve && release >= Release::v5_8 && 2 * zone.nr_free_cma > zone.nr_free_pages;
  const auto expect = [&](Migratetype type, const char* why) {
    const auto from = block_of(pfn);
    if (!from || from->type != type)
      claim(false, fmt::format("a {} request of order {} gets {} page {:#x}, though {}", name_of(type_), order_,
                               from ? name_of(from->type) : "no", pfn, why));
  };
  if (areas_first) return expect(Migratetype::cma, "more than half of the free pages are of areas");
  if (has_block(zone, type_)) return expect(type_, "there is a block of its own type");
  if (areas_serve) return expect(Migratetype::cma, "areas have a block");
  check_fallback(zone, pfn);
  check_claim(zone);
}

// --- which pageblock a fallback claims ---

// Returns whether a request that breaks the block may claim its pageblock: a movable one if the block is half as high.
bool Sources::may_claim(const Block& block) const {
  return type_ != Migratetype::movable || block.order >= machine_->map.pageblock_order() / 2;
}

// Returns whether half of the block's pageblock is free or in use by its like, from before the request: for a movable
// request by pages that move, for another in a movable pageblock by those that do not. Up to 4.11 only free pages
// count. A pageblock that reaches out of its zone is left alone.
bool Sources::is_worth_claiming(const Zone& zone, const Block& block) const {
  const MemoryMap& map = machine_->map;
  const Pfn start = map.pageblock_start(block.head);
  const std::uint64_t pages = map.pageblock_pages();
  if (start < zone.range.start || start + pages > zone.range.end) return false;
  std::uint64_t free = 0;
  std::uint64_t movable = 0;
  for (Pfn pfn = start; pfn < start + pages;) {
    const Page& page = pages_[map.frame(pfn)];
    if (page.has(kPageBuddy))
      free += order_pages(page.order);
    else if (page.has(kPageLru | kPageMovableOps))
      ++movable;
    pfn += page.has(kPageBuddy) ? order_pages(page.order) : 1;
  }
  std::uint64_t alike = 0;
  if (type_ == Migratetype::movable)
    alike = movable;
  else if (type_of_pageblock(start) == Migratetype::movable)
    alike = pages - free - movable;
  return 2 * (free + (machine_->release() < Release::v4_12 ? 0 : alike)) >= pages;
}

// Returns the block that a fallback breaks: up to 6.9 the one that fallbacks() names. Since 6.10 the largest whose
// pageblock can be claimed; if none can, the smallest, which leaves its pageblock alone.
std::optional<Sources::Broken> Sources::broken_block(const Zone& zone) const {
  const std::vector<Block> blocks = fallbacks(zone);
  const auto claims = [&](const Block& block) {
    const bool whole = block.order >= machine_->map.pageblock_order();
    return whole || (may_claim(block) && is_worth_claiming(zone, block));
  };
  if (blocks.empty()) return std::nullopt;
  if (machine_->release() < Release::v6_10) return Broken{blocks.front(), claims(blocks.front())};
  for (const Block& block : blocks) {
    if (!may_claim(block)) break;
    if (claims(block)) return Broken{block, true};
  }
  return Broken{blocks.back(), false};
}

// Since 4.1. Reserved, isolated and area pageblocks are claimed by nothing, whatever lists their blocks are on.
void Sources::check_claim(const Zone& zone) {
  if (machine_->release() < Release::v4_1) return;
  const std::optional<Broken> broken = broken_block(zone);
  if (!broken) return;
  const Migratetype old = type_of_pageblock(broken->block.head);
  if (!is_mergeable(old) || old == type_) return;
  const Migratetype now = machine_->map.pageblock_type(broken->block.head);
  if (now != (broken->claimed ? type_ : old))
    claim(false, fmt::format("a {} request of order {} breaks a block of order {} in a {} pageblock, which is {} then",
                             name_of(type_), order_, broken->block.order, name_of(old), name_of(now)));
}

Programs with_blocks_of_all_types() {
  Programs programs;
  programs.options.kinds = kinds_of<AllocPages, FreePages, CmaAlloc, DrainOp<DrainKind::pages>>();
  programs.options.min_ops = 30;
  programs.scarce = true;
  return programs;
}

PROMISE(AreaPagesPromise, serve_movable_requests_first_once_they_are_most_of_what_is_free,
        {.programs = with_blocks_of_all_types(),
         .planted = {{Bug::area_share_ignored, Release::v5_10},
                     {Bug::area_share_ignored, Release::v6_1},
                     {Bug::area_share_ignored, Release::v6_12}}}) {
  Sources sources;
  run_plainly(program, &sources);
  sources.assert_all_held();
}

PROMISE(FallbackPromise, breaks_the_block_that_its_release_prefers,
        {.programs = with_blocks_of_all_types(),
         .planted = {{Bug::fallbacks_swapped, Release::v4_9},
                     {Bug::fallbacks_swapped, Release::v5_10},
                     {Bug::fallbacks_swapped, Release::v4_19},
                     {Bug::smallest_stolen, Release::v4_19},
                     {Bug::smallest_stolen, Release::v5_10}}}) {
  Sources sources;
  run_plainly(program, &sources);
  sources.assert_all_held();
}

// Begins on a machine of which about half of each pageblock is in use by pages that move, with requests of other types:
// these are larger than what per-CPU lists keep, and smaller than a pageblock.
void fill_half_of_each_pageblock(Random& random, Program& program) {
  Geometry& machine = program.machine;
  program.ops.clear();
  program.failing_bitmaps.clear();
  machine.areas.clear();
  machine.pageblock_order = 6;
  machine.largest_order = 8;
  machine.memory.end = machine.memory.start + machine.largest_pages();
  Story story(program);
  const std::uint64_t all = machine.pageblock_pages();
  // Memory is handed out from its beginning on, page by page.
  std::vector<OpRef> upper;
  for (Pfn block = machine.memory.start; block < machine.memory.end; block += all) {
    const std::uint64_t half = all / 2 - 1 + random.below(3);
    story.add(OwnedPages<PageKind::anonymous>{.at = {}, .pages = half});
    upper.push_back(story.add(OwnedPages<PageKind::anonymous>{.at = {}, .pages = all - half}));
  }
  story.add(DrainOp<DrainKind::lru>{});
  for (const OpRef pages : upper) story.add(FreeOwned{pages});
  story.add(DrainOp<DrainKind::everything>{});
  for (std::uint64_t blocks = 4 + random.below(8); blocks > 0; --blocks)
    story.add(AllocPages{.order = 4, .type = random.chance(50) ? TypeWord::unmovable : TypeWord::reclaimable});
}

Programs with_half_used_pageblocks() {
  Programs programs;
  programs.options.shapes = false;
  programs.faults = false;
  programs.interleaved = false;
  programs.prepare = fill_half_of_each_pageblock;
  return programs;
}

PROMISE(FallbackPromise, claims_a_pageblock_of_which_half_is_free_or_alike,
        {.programs = with_half_used_pageblocks(),
         .planted = {{Bug::half_is_too_little, Release::v4_19},
                     {Bug::half_is_too_little, Release::v5_10},
                     {Bug::half_is_too_little, Release::v6_1},
                     {Bug::half_is_too_little, Release::v6_12}}}) {
  Sources sources;
  run_plainly(program, &sources);
  sources.assert_all_held();
}

// --- the reserve for atomic requests ---

// Returns whether the program may have isolated memory outside areas: a reserved pageblock that was isolated comes back
// as another type, and goes on being counted.
bool asks_for_ranges(const Program& program) {
  const std::string text = print(program);
  return text.find("alloc_range") != std::string::npos || text.find(" at=") != std::string::npos;
}

std::uint64_t reserved_pages(const Machine& machine) {
  const std::span<const Migratetype> types = machine.map.types();
  return static_cast<std::uint64_t>(std::ranges::count(types, Migratetype::highatomic)) * machine.map.pageblock_pages();
}

// Urgent requests while memory is scarce: they make the reserve.
Programs with_a_reserve() {
  Programs programs;
  programs.options.min_ops = 40;
  programs.options.kinds = kinds_of<AllocPages, FreePages, DrainOp<DrainKind::pages>>();
  programs.scarce = true;
  return programs;
}

PROMISE(ReservePromise, counts_its_pageblocks, {.programs = with_a_reserve(), .planted = {{Bug::reserve_uncounted}}}) {
  run_plainly(program);
  const Machine& machine = last_plain_run().machine();
  std::uint64_t counted = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) counted += machine.buddy.zone(z).nr_reserved_highatomic;
  RC_ASSERT(counted >= reserved_pages(machine));
  // Up to 5.17 a free block may begin before a reserved pageblock, and be claimed with it.
  const bool merges =
      machine.release() < Release::v5_18 && machine.geometry().pageblock_order < machine.geometry().largest_order;
  if (!asks_for_ranges(program) && !merges) RC_ASSERT(counted == reserved_pages(machine));
  assert_laws_hold(program, {Law::counters});
}

PROMISE(ReservePromise, gets_the_pageblock_of_each_urgent_block_until_it_has_its_size,
        {.programs = with_a_reserve(),
         .planted = {{Bug::reserve_falls_short, Release::v4_19},
                     {Bug::reserve_falls_short, Release::v5_10},
                     {Bug::reserve_falls_short, Release::v6_1}}}) {
  assert_laws_hold(program, {Law::policy});
}

PROMISE(ReservePromise, serves_atomic_requests_only,
        {.programs = with_a_reserve(), .planted = {{Bug::reserve_to_anyone, Release::v4_19}}}) {
  assert_laws_hold(program, {Law::policy});
}

// Only requests that are urgent and cannot wait make a reserve. Its last pageblock joins it while it is below 1 % of
// its zone and a pageblock, since 6.8 below 1 % in whole pageblocks.
PROMISE(ReservePromise, stays_small_and_is_made_by_atomic_requests_only,
        {.programs = with_a_reserve(), .planted = {{Bug::reserve_without_limit}}}) {
  run_plainly(program);
  const Machine& machine = last_plain_run().machine();
  const std::uint64_t block = machine.map.pageblock_pages();
  // Since 6.10 a block of several pageblocks adds all of them.
  const std::uint64_t largest = std::max(block, order_pages(machine.buddy.largest_order()));
  const std::uint64_t most_added = machine.release() >= Release::v6_10 ? largest : block;
  const bool atomic = print(program).find(" atomic") != std::string::npos;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    const std::uint64_t share = zone.managed / 100;
    const bool none = machine.release() >= Release::v6_8 && share < block;
    const std::uint64_t limit = machine.release() >= Release::v6_8 ? align_up(share, block) : share + block;
    RC_ASSERT(zone.nr_reserved_highatomic < (none ? 1 : limit + most_added));
    RC_ASSERT(atomic || zone.nr_reserved_highatomic == 0);
  }
}

}  // namespace
}  // namespace cma
