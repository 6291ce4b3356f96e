#include "properties/judge/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma::judge {
namespace {

using ::testing::Contains;

// Two areas of one pageblock each, which make up a largest block.
std::unique_ptr<Machine> machine_with_two_areas_in_a_block() {
  Geometry geometry;
  geometry.release = Release::v6_1;
  geometry.memory = {0, 0x8000};
  geometry.areas = {{"a", 0x4000, 0x200, 0}, {"b", 0x4200, 0x200, 0}};
  return make_machine(geometry);
}

TEST(DumpOfAnArea, ShowsTheFreeBlockThatReachesIntoIt) {
  const auto machine = machine_with_two_areas_in_a_block();
  EXPECT_THAT(dump_area(*machine, 0, true), Contains("bd 0:10"));
  EXPECT_THAT(dump_area(*machine, 1, true), Contains("bd -512:10"));
  EXPECT_THAT(dump_area(*machine, 1, true), Contains("pg")) << "no page of that block is in use";
}

TEST(DumpOfAnArea, ShowsWhatFollowsThatBlock) {
  const auto machine = machine_with_two_areas_in_a_block();
  const Pfn first = run_now(machine->areas.cma_alloc(1, 3, 0, Warn::no));
  ASSERT_EQ(first, Pfn{0x4200});
  EXPECT_THAT(dump_area(*machine, 0, true), Contains("bd 0:9"));
  EXPECT_THAT(dump_area(*machine, 1, true), Contains("pg 0+3:a1"));
}

}  // namespace
}  // namespace cma::judge
