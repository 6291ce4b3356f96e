#include "properties/program/passed_points.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace cma {
namespace {

// Enters, loops, and leaves; one in ten meets a page in between, and moves it.
constexpr auto kRow = std::to_array<PassedPoint>({
    {Point::cma_alloc_entry, 100},
    {Point::isolate_block, 90, 80, 60},
    {Point::drain_pcp_begin, 90, 80, 60},
    {Point::migrate_page, 10, 5},
    {Point::migrate_moved, 10, 5},
    {Point::cma_mutex_dropped, 90},
});

TEST(PassedPoints, KindsWithoutRowsPassNothing) {
  EXPECT_TRUE(passed_points({kind_of<Cat>(), Prospect::plain, Release::v6_1}).empty());
  EXPECT_TRUE(passed_points({kOpKinds, Prospect::plain, Release::v6_1}).empty());
}

TEST(PassedPoints, ARowHoldsFromItsReleaseOn) {
  const auto passes = [](Release release, Point point) {
    return share_stopped(passed_points({kind_of<CmaAlloc>(), Prospect::plain, release}), {.point = point}) > 50;
  };
  // 3.6 has no mark in its bitmap before it takes cma_mutex; the pageblocks at the ends are split since 5.19.
  EXPECT_FALSE(passes(Release::v3_6, Point::cma_bitmap_marked));
  EXPECT_TRUE(passes(Release::v4_9, Point::cma_bitmap_marked));
  EXPECT_FALSE(passes(Release::v5_10, Point::lru_cache_disabled));
  EXPECT_TRUE(passes(Release::v6_1, Point::lru_cache_disabled));
}

TEST(PassedPoints, AStopIsReachedAsOftenAsItsPointIsPassed) {
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 1}), 90U);
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 2}), 80U);
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 4}), 60U);
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 5}), 30U);
  EXPECT_EQ(share_stopped(kRow, {Point::fork_unlocked, 1}), 0U);
}

TEST(PassedPoints, WhereAnOperationStandsDecidesWhatItComesTo) {
  // One that has met a page may move it, and leaves.
  EXPECT_EQ(share_stopped(kRow, {Point::migrate_moved, 1}, Point::migrate_page), 55U);
  EXPECT_EQ(share_stopped(kRow, {Point::migrate_moved, 1}, Point::isolate_block), 10U);
  EXPECT_EQ(share_stopped(kRow, {Point::cma_mutex_dropped, 1}, Point::migrate_page), 90U);
  // It does not come back to where it began.
  EXPECT_EQ(share_stopped(kRow, {Point::cma_alloc_entry, 1}, Point::isolate_block), 0U);
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 1}, Point::drain_pcp_begin), 84U) << "it is in a loop";
  EXPECT_EQ(share_stopped(kRow, {Point::isolate_block, 1}, Point::cma_mutex_dropped), 0U) << "it has left the loop";
}

TEST(PassedPoints, WhatLiesAheadIsLaterOrInTheSameLoop) {
  EXPECT_TRUE(lies_ahead(kRow, Point::kCount, Point::cma_alloc_entry));
  EXPECT_TRUE(lies_ahead(kRow, Point::cma_alloc_entry, Point::isolate_block));
  EXPECT_FALSE(lies_ahead(kRow, Point::isolate_block, Point::cma_alloc_entry));
  EXPECT_TRUE(lies_ahead(kRow, Point::drain_pcp_begin, Point::isolate_block));
  EXPECT_FALSE(lies_ahead(kRow, Point::migrate_page, Point::isolate_block));
  EXPECT_FALSE(lies_ahead(kRow, Point::kCount, Point::fork_unlocked));
}

TEST(LikelyStop, IsWhatMostPassAndNowAndThenWhatFewDo) {
  std::map<Point, int> drawn;
  Random random(1);
  for (int i = 0; i < 10'000; ++i) ++drawn[likely_stop(random, kRow).point];
  EXPECT_GT(drawn[Point::cma_alloc_entry], 1500);
  EXPECT_GT(drawn[Point::migrate_page], 20);
  EXPECT_LT(drawn[Point::migrate_page], 200);
  EXPECT_GT(drawn[Point::fork_unlocked], 0) << "any point, three times in a hundred";
}

TEST(LikelyStop, LiesAheadOfWhereAnOperationStands) {
  std::map<Point, int> drawn;
  Random random(1);
  for (int i = 0; i < 10'000; ++i) ++drawn[likely_stop(random, kRow, Point::migrate_page).point];
  EXPECT_GT(drawn[Point::migrate_moved], 300);
  EXPECT_GT(drawn[Point::cma_mutex_dropped], 3000);
  EXPECT_LT(drawn[Point::cma_alloc_entry], 400);
}

}  // namespace
}  // namespace cma
