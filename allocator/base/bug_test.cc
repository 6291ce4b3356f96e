#include "allocator/base/bug.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <vector>

#include "allocator/base/assert.h"

namespace cma {
namespace {

using ::testing::UnorderedElementsAreArray;
using enum Release;

TEST(BugCatalogue, EveryBugStandsAtItsIndexWithANameOfItsOwn) {
  std::set<std::string_view> names;
  ASSERT_EQ(bug_catalogue().size(), kBugs);
  for (unsigned index = 0; index < kBugs; ++index) {
    const BugInfo& info = bug_catalogue()[index];
    EXPECT_EQ(static_cast<unsigned>(info.bug), index);
    EXPECT_EQ(&info_of(info.bug), &info);
    EXPECT_EQ(bug_from_name(info.name), info.bug);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.sentence.ends_with('.')) << info.name;
  }
}

TEST(BugCatalogue, ABugComesBackOnlyAfterItWasRepaired) {
  for (const BugInfo& info : bug_catalogue()) {
    if (info.present && info.present->last) {
      EXPECT_LE(info.present->first, *info.present->last) << info.name;
    }
    if (info.again) {
      ASSERT_TRUE(info.present && info.present->last) << info.name;
      EXPECT_GT(info.again->first, *info.present->last) << info.name;
    }
  }
}

TEST(BugCatalogue, AnUnknownNameIsNoBug) { EXPECT_EQ(bug_from_name("mask_exponent"), std::nullopt); }

// --- which version was shipped with what ---

struct Shipped {
  Release release;
  std::vector<std::string_view> bugs;
};

const Shipped kShipped[] = {
    {v3_6,
     {"count-truncated", "throttle-own-pages", "speculative-leak", "region-relative", "isolated-counted",
      "local-drain-only", "watermark-with-areas", "two-isolators", "failed-start-undoes", "area-given-away",
      "merge-from-isolated", "free-stale-type"}},
    {v4_9,
     {"offset-upward", "inactive-alloc", "never-activated", "success-reported-busy", "undo-counts-twice",
      "steal-ends-isolation", "throttle-own-pages", "speculative-leak", "two-isolators", "steal-takes-reserve",
      "area-given-away"}},
    {v4_19,
     {"undo-counts-twice", "steal-ends-isolation", "throttle-own-pages", "speculative-leak", "area-given-away",
      "undo-skips-hole", "never-activated"}},
    {v5_10,
     {"undo-counts-twice", "steal-ends-isolation", "throttle-is-signal", "thp-mapcount", "undo-skips-hole",
      "head-read-late"}},
    {v5_15, {"undo-counts-twice", "steal-ends-isolation", "undo-skips-hole", "head-read-late"}},
    {v6_1, {"undo-counts-twice", "steal-ends-isolation", "failed-start-undoes", "head-read-late"}},
    {v6_6, {"undo-counts-twice", "steal-ends-isolation", "failed-start-undoes"}},
    {v6_12, {"failed-start-undoes"}},
};

TEST(BugSet, AsShippedIsWhatEachModelledReleaseWasShippedWith) {
  for (const auto& [release, bugs] : kShipped) {
    std::vector<std::string_view> active;
    for (const BugInfo& info : bug_catalogue())
      if (BugSet::as_shipped(release).active(info.bug)) active.push_back(info.name);
    EXPECT_THAT(active, UnorderedElementsAreArray(bugs)) << name_of(release);
  }
}

struct Boundary {
  std::string_view bug;
  Release without;  // the neighbour of `with`, before or after it
  Release with;
};

// Most of these lie between two modelled releases.
constexpr Boundary kBoundaries[] = {
    {"mask-exponent", v3_16, v3_17},       {"mask-exponent", v3_18, v3_17},
    {"debug-bitmap-size", v4_0, v4_1},     {"debug-bitmap-size", v4_2, v4_1},
    {"merge-into-isolated", v3_17, v3_18}, {"merge-into-isolated", v4_6, v4_5},
    {"offset-upward", v3_18, v3_19},       {"offset-upward", v4_13, v4_12},
    {"inactive-alloc", v4_19, v4_18},      {"inactive-alloc", v4_19, v4_20},
    {"inactive-alloc", v5_2, v5_1},        {"two-isolators", v4_17, v4_16},
    {"throttle-is-signal", v5_13, v5_12},  {"thp-mapcount", v5_6, v5_7},
    {"thp-mapcount", v5_15, v5_16},        {"undo-skips-hole", v4_12, v4_13},
    {"undo-skips-hole", v5_16, v5_15},     {"undo-counts-twice", v6_10, v6_9},
    {"head-read-late", v5_9, v5_10},       {"head-read-late", v6_2, v6_1},
    {"failed-start-undoes", v3_8, v3_7},   {"failed-start-undoes", v5_18, v5_19},
    {"steal-takes-reserve", v4_10, v4_9},  {"huge-pages-mixed", v6_1, v6_0},
    {"huge-pages-mixed", v6_1, v6_2},      {"atomic-page-refused", v6_12, v6_11},
    {"watermark-areas-twice", v3_6, v3_7}, {"watermark-areas-twice", v3_10, v3_9},
    {"nocma-slow-path-only", v5_9, v5_8},  {"never-activated", v3_16, v3_17},
    {"never-activated", v5_9, v5_8},       {"contig-nofs", v4_9, v4_10},
    {"contig-nofs", v4_11, v4_10},
};

TEST(BugSet, PresenceIsKnownForVersionsThatNoMachineRuns) {
  for (const auto& [name, without, with] : kBoundaries) {
    const BugInfo& info = info_of(bug_from_name(name).value());
    EXPECT_FALSE(info.shipped_in(without)) << name << " " << name_of(without);
    EXPECT_TRUE(info.shipped_in(with)) << name << " " << name_of(with);
  }
}

TEST(BugSet, WhatMainlineHasNotRepairedIsInTheNewestVersion) {
  EXPECT_TRUE(BugSet::as_shipped(v7_3).active(Bug::failed_start_undoes));
}

TEST(BugSet, NoReleaseWasShippedWithAPlantedBug) {
  for (const BugInfo& info : bug_catalogue()) {
    if (!info.planted()) continue;
    EXPECT_TRUE(info.id.empty()) << info.name;
    for (const Release release : modelled_releases()) EXPECT_FALSE(info.shipped_in(release)) << info.name;
  }
  EXPECT_TRUE(info_of(Bug::bitmap_forgets_bit).planted());
  EXPECT_FALSE(info_of(Bug::mask_exponent).planted());
}

// --- the switches of one machine ---

TEST(BugSet, AMachineRunsWithoutBugsUnlessAsked) {
  const BugSet bugs;
  EXPECT_FALSE(bugs.any());
  for (const BugInfo& info : bug_catalogue()) EXPECT_FALSE(bugs.active(info.bug));
}

TEST(BugSet, ReachingIsCountedAndIsNoPartOfIdentity) {
  BugSet a;
  a.switch_on(Bug::mask_exponent);
  BugSet b = a;
  a.reached(Bug::mask_exponent);
  a.reached(Bug::mask_exponent);
  EXPECT_EQ(a.times_reached(Bug::mask_exponent), 2U);
  EXPECT_EQ(b.times_reached(Bug::mask_exponent), 0U);
  EXPECT_EQ(a, b);
  b.switch_on(Bug::offset_upward);
  EXPECT_FALSE(a == b);
}

TEST(BugSet, ABugFiresWhereItIsActiveAndIsReachedThen) {
  BugSet bugs;
  EXPECT_FALSE(bugs.fires(Bug::offset_upward));
  EXPECT_EQ(bugs.times_reached(Bug::offset_upward), 0U);
  bugs.switch_on(Bug::offset_upward);
  EXPECT_TRUE(bugs.fires(Bug::offset_upward));
  EXPECT_EQ(bugs.times_reached(Bug::offset_upward), 1U);
}

}  // namespace
}  // namespace cma
