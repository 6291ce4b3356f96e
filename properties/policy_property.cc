// Promise: pages of areas and of the reserve for atomic requests go only to those that may have them.

#include <fmt/format.h>

#include <algorithm>

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
  // Up to 5.12 a page that could not be moved stayed.
  void reference_taken(Pfn pfn, int /*count*/, bool longterm) override {
    if (longterm && machine_->release() >= Release::v5_13) outside(pfn, 1, "a long-term pin");
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
  programs.scarce = true;
  return programs;
}

PROMISE(AreaPagesPromise, stay_with_no_long_term_pin,
        {.programs = with_pins(), .planted = {{Bug::pin_stays, Release::v6_1}}}) {
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

PROMISE(ReservePromise, serves_atomic_requests_only,
        {.programs = with_a_reserve(), .planted = {{Bug::reserve_to_anyone, Release::v4_19}}}) {
  assert_laws_hold(program, {Law::policy});
}

// Only requests that are urgent and cannot wait make a reserve, and never more than 1 % of a zone and a pageblock.
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
    RC_ASSERT(zone.nr_reserved_highatomic < zone.managed / 100 + block + most_added);
    RC_ASSERT(atomic || zone.nr_reserved_highatomic == 0);
  }
}

}  // namespace
}  // namespace cma
