// Promise: the frames of an area whose bitmap could not be allocated, so that it was not activated, are accounted for.
//
// Since 5.12 the kernel gives all of them to the page allocator, as ordinary memory. Before, it kept them reserved for
// good; where zones differ, it kept those that it had not given as memory of the area already.

#include <fmt/format.h>

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

// Returns whether boot fails to activate an area of the machine. From 3.17 to 5.8 all areas after the first that fails
// were left out.
bool fails(const Program& program, std::size_t area) {
  const Release release = program.machine.release;
  const bool first_failure_ends = release >= Release::v3_17 && release < Release::v5_9;
  for (const std::uint16_t failing : program.failing_bitmaps)
    if (failing == area || (first_failure_ends && failing < area)) return true;
  return false;
}

// Requires that each frame of the area is reserved, or that none is.
void assert_all_reserved(const Machine& machine, const AreaSpec& area, bool reserved) {
  for (Pfn pfn = area.base; pfn < area.base + area.pages; ++pfn)
    if (machine.map.present(pfn) && machine.map.page(pfn).has(kPageReserved) != reserved)
      RC_FAIL(fmt::format("page {:#x} of area {}, which could not be activated, is {}reserved", pfn, area.name,
                          reserved ? "not " : ""));
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
    claim(!fails(program_, area), fmt::format("area {} has no bitmap, and hands out a buffer", area));
  }

 private:
  const Program& program_;
};

PROMISE(FailedAreaPromise, gives_back_every_frame_or_keeps_every_frame,
        {.programs = with_a_failing_area(),
         .planted = {{Bug::failed_area_loses_frame, Release::v6_1}, {Bug::failed_area_loses_frame, Release::v6_12}}}) {
  RC_PRE(!program.failing_bitmaps.empty());
  DeadAreas dead_areas(program);
  run_checked(program, &dead_areas);
  dead_areas.assert_all_held();
  const Machine& machine = last_run().machine();
  RC_PRE(machine.booted());
  const std::vector<AreaSpec>& areas = program.machine.areas;
  for (std::size_t id = 0; id < areas.size(); ++id)
    if (fails(program, id)) assert_all_reserved(machine, areas[id], machine.release() < Release::v5_12);
  assert_zones_manage_all_but_the_reserved(machine);
}

PROMISE(FailedAreaPromise, leaves_each_frame_in_one_state_and_no_pageblock_behind,
        {.programs = with_a_failing_area(),
         .planted = {{Bug::failed_area_loses_frame, Release::v6_1}, {Bug::failed_area_loses_frame, Release::v6_12}}}) {
  RC_PRE(!program.failing_bitmaps.empty());
  assert_laws_hold(program, {Law::conserved, Law::restored});
}

}  // namespace
}  // namespace cma
