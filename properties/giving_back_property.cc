// Promise: a release gives back what was taken, whatever happened in between.
//
// What else stays. Huge pages that the program gave the hugetlb pool stay the pool's. A page whose buffer was in use
// when its file was truncated has no owner any more, and stays until reclaim finds it. A page that was
// freed in a bad state is reported in the log and never used again. A pageblock outside areas keeps the type of the
// requests that were served from it.

#include <algorithm>

#include <fmt/format.h>

#include "properties/arbitrary/give_back_testing.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Compares the hugetlb pool, whenever nothing is inside an operation, with what operations have given it: a page that
// was lent for a migration, or that waits for its last reference to return, is none of the pool's.
class PoolPages final : public Witness {
 public:
  void op_performed(Machine& machine, std::size_t op) override {
    performed_ = op + 1;
    if (machine.booted() && machine.engine.at_rest()) look(machine);
  }

 private:
  void look(const Machine& machine) {
    const World& world = last_plain_run().world();
    std::uint64_t given = 0;
    for (std::size_t op = 0; op < performed_; ++op)
      if (world.program().ops[op].body.index() == kind_of<HugetlbGrow>())
        given += world.result(static_cast<Slot>(op)).finished;
    const auto in_pool = [](const Page& page) {
      return page.has(kPageHugetlb) && page.has(kPageHead) && !page.has(kPageHugetlbTemporary);
    };
    const auto found = static_cast<std::uint64_t>(std::ranges::count_if(machine.map.pages(), in_pool));
    claim(found == given, fmt::format("the hugetlb pool has {} pages, and was given {}", found, given));
  }
  std::size_t performed_ = 0;
};

// Begins with a page of the pool that is in use in an area, and a request for the whole area.
void move_a_page_of_the_pool(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  const AreaSpec& area = program.machine.areas.front();
  const std::uint64_t huge = order_pages(program.machine.huge_page_order());
  Story story(program);
  const std::uint64_t count = 1 + random.below(2);
  story.add(HugetlbGrow{.count = count, .at = Place::of_pfn(align_up(area.base, huge))});
  story.add(HugetlbPagesUsed{.count = count});
  story.add(CmaAlloc{.area = {.id = 0}, .pages = area.pages});
}

PROMISE(GivingBackPromise, of_huge_pages_leaves_the_pool_what_the_program_gave_it,
        {.programs = {.options = {.release = {},
                                  .shapes = false,
                                  .kinds = kinds_of<HugetlbGrow, HugetlbPagesUsed, FreeOwned, AllocPages, FreePages>(),
                                  .huge_pages = true},
                      .faults = false,
                      .interleaved = false,
                      .prepare = move_a_page_of_the_pool},
         .planted = {{Bug::lent_page_stays, Release::v6_1}, {Bug::lent_page_stays, Release::v6_12}}}) {
  PoolPages pool;
  run_plainly(program, &pool);
  pool.assert_all_held();
}

// The pageblock types that boot left.
class AtBoot final : public Observer {
 public:
  void program_begins(Machine& machine) override {
    if (machine.booted()) booted(machine);
  }
  void booted(Machine& machine) override { types.assign(machine.map.types().begin(), machine.map.types().end()); }

  std::vector<Migratetype> types;
};

// Returns whether a truncation left the page with its buffer.
bool is_orphan(const Page& page) { return page.ref == 1 && page.owner == 0 && page.has(kPagePrivate); }

// What a walk over all pages finds.
struct Found {
  std::int64_t free = 0;
  std::int64_t free_in_areas = 0;
  std::int64_t excused = 0;  // the header of this file says why
};

// Walks the pages of a zone. Fails the property at a page that is neither free nor boot's nor excused.
Found walk(const Machine& machine, std::size_t zone) {
  Found found;
  const MemoryMap& map = machine.map;
  const PfnRange range = machine.buddy.zone(zone).range;
  for (Pfn pfn = range.start; pfn < range.end;) {
    const Page& page = map.page(pfn);
    const bool free = page.has(kPageBuddy);
    const bool excused = page.has(kPageHugetlb | kPageLeaked) || is_orphan(page);
    const std::uint64_t pages = free ? order_pages(page.order) : pages_of(page);
    if (!free && !excused && !page.has(kPageReserved | kPageHole))
      RC_FAIL(fmt::format("page {:#x} is not free: {} references, flags {:#x}", pfn, page.ref, page.flags));
    const auto counted = static_cast<std::int64_t>(pages);
    if (free) found.free += counted;
    if (free && map.pageblock_type(pfn) == Migratetype::cma) found.free_in_areas += counted;
    if (excused) found.excused += counted;
    pfn += pages;
  }
  return found;
}

void assert_all_is_free(const Machine& machine) {
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    const Found found = walk(machine, z);
    RC_ASSERT(found.free + found.excused == static_cast<std::int64_t>(zone.managed));
    RC_ASSERT(zone.nr_free_pages == found.free);
    RC_ASSERT(zone.nr_free_cma == found.free_in_areas);
    RC_ASSERT(zone.nr_isolate_pageblock == 0U);
  }
}

void assert_areas_have_their_pageblocks(const Machine& machine, const AtBoot& boot) {
  for (std::size_t block = 0; block < boot.types.size(); ++block) {
    const Migratetype now = machine.map.types()[block];
    RC_ASSERT((now == Migratetype::cma) == (boot.types[block] == Migratetype::cma));
    RC_ASSERT(now != Migratetype::isolate);
  }
}

// Buffers may have been released in parts: these add up.
void assert_areas_are_empty(const Machine& machine) {
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(id);
    for (std::uint64_t bit = 0; bit < area.bitmap.size(); ++bit) RC_ASSERT(!area.bitmap.test(bit));
    if (machine.release() >= Release::v5_13) RC_ASSERT(area.nr_pages_released == area.nr_pages_succeeded);
  }
}

// Returns whether a page lies in an area that stays there: one of the hugetlb pool, or one that a truncation left with
// its buffer, which to a migration (since 3.15) looks like a pinned page.
bool has_excused_pages(const Machine& machine, const Area& area) {
  for (Pfn pfn = area.base; pfn < area.base + area.pages; ++pfn) {
    const Page& page = machine.map.page(machine.map.compound_head(pfn));
    if (page.has(kPageHugetlb) || is_orphan(page)) return true;
  }
  return false;
}

Task<void> take_and_release(Machine& machine, AreaId id, Pfn* got) {
  *got = co_await machine.areas.cma_alloc(id, machine.areas.area(id).pages, /*align=*/0, Warn::no);
  if (*got != kNoPfn) co_await machine.areas.cma_release(id, *got, machine.areas.area(id).pages);
  co_await empty_caches(machine);
}

PROMISE(GivingBackPromise, of_everything_leaves_all_memory_free_and_areas_empty,
        {.planted = {Bug::release_keeps_bit,
                     Bug::undo_stops_short,
                     {Bug::merge_from_isolated, Release::v3_6},
                     {Bug::area_given_away, Release::v5_10}}}) {
  AtBoot boot;
  const Machine* machine = run_and_give_back(program, boot);
  RC_PRE(machine != nullptr);
  assert_areas_are_empty(*machine);
  assert_all_is_free(*machine);
  assert_areas_have_their_pageblocks(*machine, boot);
}

PROMISE(GivingBackPromise, of_everything_lets_each_area_give_its_whole_range_again,
        {.planted = {Bug::release_keeps_bit, Bug::undo_stops_short, {Bug::isolated_counted, Release::v3_6}}}) {
  AtBoot boot;
  Machine* machine = run_and_give_back(program, boot);
  RC_PRE(machine != nullptr);
  for (AreaId id = 0; id < machine->areas.size(); ++id) {
    const Area& area = machine->areas.area(id);
    if (!area.active() || has_excused_pages(*machine, area)) continue;
    Pfn got = kNoPfn;
    perform_alone(*machine, take_and_release(*machine, id, &got));
    RC_ASSERT(got == area.base);
  }
  assert_areas_are_empty(*machine);
  assert_all_is_free(*machine);
}

// Inside operations as well: pageblocks of areas and of isolators, and caches that are enabled as often as disabled.
PROMISE(GivingBackPromise, a_caller_that_isolates_pageblocks_or_disables_caches_restores_them_itself,
        {.planted = {Bug::undo_stops_short, {Bug::caches_stay_off, Release::v6_1}}}) {
  assert_laws_hold(program, {Law::restored, Law::balanced});
}

}  // namespace
}  // namespace cma
