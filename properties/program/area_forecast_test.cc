#include "properties/program/area_forecast.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

constexpr AreaRef kFirst{false, 0};

AreaForecast::Piece buffer(OpId owner, std::uint64_t start, std::uint64_t pages) {
  return {.owner = owner, .area = kFirst, .start = start, .pages = pages};
}

TEST(AreaForecast, TheFirstPagesThatAreFreeAreTaken) {
  const Geometry machine = default_small_geometry(Release::v6_1);
  AreaForecast areas(machine);
  EXPECT_EQ(areas.window(kFirst, 4), 0U);
  areas.take(buffer(1, 0, 4));
  areas.take(buffer(2, 6, 2));
  EXPECT_EQ(areas.window(kFirst, 2), 4U);
  EXPECT_EQ(areas.window(kFirst, 3), 8U);
  EXPECT_EQ(areas.window(kFirst, 1, /*align=*/4), 16U);
  EXPECT_EQ(areas.window(kFirst, machine.areas[0].pages), std::nullopt);
}

TEST(AreaForecast, BitsAreTakenWhole) {
  Geometry machine = default_small_geometry(Release::v6_1);
  machine.areas[0].order_per_bit = 2;
  AreaForecast areas(machine);
  areas.take(buffer(1, 0, 3));
  EXPECT_EQ(areas.window(kFirst, 1), 4U);
}

TEST(AreaForecast, WhatMayHaveFailedIsInNoOthersWay) {
  const Geometry machine = default_small_geometry(Release::v6_1);
  AreaForecast areas(machine);
  AreaForecast::Piece doubtful = buffer(1, 0, 4);
  doubtful.sure = false;
  areas.take(doubtful);
  EXPECT_EQ(areas.window(kFirst, 4), 0U);
}

TEST(AreaForecast, APartOfABufferThatIsReleasedIsFree) {
  const Geometry machine = default_small_geometry(Release::v6_1);
  AreaForecast areas(machine);
  areas.take(buffer(1, 0, 8));
  EXPECT_TRUE(areas.release(1, 2, 3));
  EXPECT_EQ(areas.window(kFirst, 3), 2U);
  EXPECT_FALSE(areas.is_free(kFirst, 4, 2));
  EXPECT_TRUE(areas.release(1, 4, 2)) << "a part that is not held as a whole stays";
  EXPECT_FALSE(areas.is_free(kFirst, 5, 1));
  EXPECT_FALSE(areas.release(1, 0, 0)) << "all that is left";
  EXPECT_EQ(areas.window(kFirst, 8), 0U);
}

TEST(AreaForecast, DebugfsGivesBackItsLastPagesFirst) {
  const Geometry machine = default_small_geometry(Release::v6_1);
  AreaForecast areas(machine);
  areas.take(buffer(0, 0, 4));
  areas.take(buffer(0, 4, 4));
  areas.free_debugfs(kFirst, 6);
  EXPECT_EQ(areas.window(kFirst, 2), 0U) << "of the first ones, the pages at their beginning";
  EXPECT_FALSE(areas.is_free(kFirst, 2, 2));
  EXPECT_TRUE(areas.is_free(kFirst, 4, 4));
}

TEST(AreaForecast, FramesOfAnAreaAreItsPages) {
  const Geometry machine = default_small_geometry(Release::v6_1);
  const AreaForecast areas(machine);
  const auto page = areas.page_at(Place::of_pfn(machine.areas[1].base + 3));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->area, (AreaRef{false, 1}));
  EXPECT_EQ(page->start, 3U);
  EXPECT_FALSE(areas.page_at(Place::of_pfn(machine.areas[0].base - 1)).has_value());
}

}  // namespace
}  // namespace cma
