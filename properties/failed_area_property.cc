// Promise: the frames of an area that was not activated, because its bitmap could not be allocated or it lies in two
// zones, are accounted for.
//
// Since 5.12 the kernel gives all of them to the page allocator, as ordinary memory. Before, it kept them reserved for
// good; where zones differ, it kept those that it had not given as memory of the area already.

#include <fmt/format.h>

#include <algorithm>

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Programs on machines that have no memory for the bitmap of one of their areas.
Programs with_a_failing_area() {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) {
    if (program.failing_bitmaps.empty() && !program.machine.areas.empty())
      program.failing_bitmaps = {static_cast<std::uint16_t>(random.below(program.machine.areas.size()))};
  };
  return programs;
}

// Programs on machines of two zones, with the border at a pageblock inside an area.
Programs with_an_area_across_zones() {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) {
    Geometry& machine = program.machine;
    if (machine.areas.empty()) return;
    const AreaSpec& area = machine.areas[random.below(machine.areas.size())];
    const std::uint64_t pageblocks = area.pages / machine.pageblock_pages();
    if (pageblocks < 2) return;
    const Pfn border = area.base + (1 + random.below(pageblocks - 1)) * machine.pageblock_pages();
    machine.zones = {{.name = "DMA", .range = {machine.memory.start, border}},
                     {.name = "Normal", .range = {border, machine.memory.end}}};
  };
  return programs;
}

// Returns where the second zone of an area begins; the area's end if it has none.
Pfn border_in(const Geometry& machine, const AreaSpec& area) {
  const Pfn end = area.base + area.pages;
  for (const ZoneSpec& zone : machine.effective_zones())
    if (zone.range.start > area.base && zone.range.start < end) return zone.range.start;
  return end;
}

bool crosses_zones(const Geometry& machine, const AreaSpec& area) {
  return border_in(machine, area) < area.base + area.pages;
}

bool lacks_bitmap(const Program& program, std::size_t area) {
  return std::ranges::find(program.failing_bitmaps, area) != program.failing_bitmaps.end();
}

bool fails_itself(const Program& program, std::size_t area) {
  return lacks_bitmap(program, area) || crosses_zones(program.machine, program.machine.areas[area]);
}

// Returns whether boot ends with an area before this one: from 3.17 to 5.8 the first that failed was the last.
bool left_out(const Program& program, std::size_t area) {
  if (program.machine.release < Release::v3_17 || program.machine.release >= Release::v5_9) return false;
  for (std::size_t before = 0; before < area; ++before)
    if (fails_itself(program, before)) return true;
  return false;
}

bool fails(const Program& program, std::size_t area) { return fails_itself(program, area) || left_out(program, area); }

// Returns from which frame on boot has kept an area that fails. Before 5.12 it gives one pageblock after the other to
// the area, until it meets one of another zone.
Pfn first_kept(const Program& program, std::size_t id) {
  const AreaSpec& area = program.machine.areas[id];
  if (program.machine.release >= Release::v5_12) return area.base + area.pages;
  if (left_out(program, id) || lacks_bitmap(program, id)) return area.base;
  return border_in(program.machine, area);
}

// Requires that boot has kept the frames of a failed area from `kept` on, and none before.
void assert_kept_from(const Machine& machine, const AreaSpec& area, Pfn kept) {
  for (Pfn pfn = area.base; pfn < area.base + area.pages; ++pfn)
    if (machine.map.present(pfn) && machine.map.page(pfn).has(kPageReserved) != (pfn >= kept))
      RC_FAIL(fmt::format("page {:#x} of area {}, which could not be activated, is {}reserved", pfn, area.name,
                          pfn >= kept ? "not " : ""));
}

// Requires that zones manage exactly the frames that exist and are not reserved.
void assert_zones_manage_all_but_the_reserved(const Machine& machine) {
  std::uint64_t managed = 0;
  for (std::size_t zone = 0; zone < machine.buddy.zones(); ++zone) managed += machine.buddy.zone(zone).managed;
  std::uint64_t unreserved = 0;
  for (const Page& page : machine.map.pages()) unreserved += page.has(kPageHole | kPageReserved) ? 0 : 1;
  RC_ASSERT(managed == unreserved);
}

// No request gets a page of an area that could not be activated.
class DeadAreas final : public Witness {
 public:
  explicit DeadAreas(const Program& program) : program_(program) {}
  void buffer_allocated(AreaId area, Pfn, std::uint64_t, unsigned) override {
    const bool dead = area < program_.machine.areas.size() && fails(program_, area);
    claim(!dead, fmt::format("area {} could not be activated, and hands out a buffer", area));
  }

 private:
  const Program& program_;
};

// Runs a program and requires that each area which fails hands out nothing, and that its frames are where they belong.
void assert_failed_areas_are_accounted_for(const Program& program) {
  DeadAreas dead_areas(program);
  run_checked(program, &dead_areas);
  dead_areas.assert_all_held();
  const Machine& machine = last_run().machine();
  RC_PRE(machine.booted());
  const std::vector<AreaSpec>& areas = program.machine.areas;
  for (std::size_t id = 0; id < areas.size(); ++id)
    if (fails(program, id)) assert_kept_from(machine, areas[id], first_kept(program, id));
  assert_zones_manage_all_but_the_reserved(machine);
}

PROMISE(FailedAreaPromise, gives_back_every_frame_or_keeps_every_frame,
        {.programs = with_a_failing_area(),
         .planted = {{Bug::failed_area_loses_frame, Release::v6_1}, {Bug::failed_area_loses_frame, Release::v6_12}}}) {
  RC_PRE(!program.failing_bitmaps.empty());
  assert_failed_areas_are_accounted_for(program);
}

PROMISE(FailedAreaPromise, is_none_in_two_zones_but_for_the_pageblocks_before_the_border,
        {.programs = with_an_area_across_zones(),
         .planted = {{Bug::zones_not_compared, Release::v4_9},
                     {Bug::zones_not_compared, Release::v6_1},
                     {Bug::failed_area_loses_frame, Release::v6_12}}}) {
  const auto crosses = [&](const AreaSpec& area) { return crosses_zones(program.machine, area); };
  RC_PRE(std::ranges::any_of(program.machine.areas, crosses));
  assert_failed_areas_are_accounted_for(program);
}

PROMISE(FailedAreaPromise, leaves_each_frame_in_one_state_and_no_pageblock_behind,
        {.programs = with_a_failing_area(),
         .planted = {{Bug::failed_area_loses_frame, Release::v6_1}, {Bug::failed_area_loses_frame, Release::v6_12}}}) {
  RC_PRE(!program.failing_bitmaps.empty());
  assert_laws_hold(program, {Law::conserved, Law::restored});
}

}  // namespace
}  // namespace cma
