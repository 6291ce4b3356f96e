#include "allocator/base/bug.h"

#include <gtest/gtest.h>

#include <set>

#include "allocator/base/assert.h"

namespace cma {
namespace {

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

TEST(BugCatalogue, PresenceIsARangeOfReleasesOrNone) {
  for (const BugInfo& info : bug_catalogue()) {
    EXPECT_EQ(info.first.has_value(), info.last.has_value()) << info.name;
    if (info.first) {
      EXPECT_LE(*info.first, *info.last) << info.name;
    }
    if (info.again) {
      ASSERT_TRUE(info.last) << info.name;
      EXPECT_GT(*info.again, *info.last) << info.name;
    }
    if (info.bank_id == "planted") {
      EXPECT_FALSE(info.first) << info.name;
    }
  }
}

TEST(BugCatalogue, AnUnknownNameIsNoBug) { EXPECT_EQ(bug_from_name("mask_exponent"), std::nullopt); }

TEST(BugSet, AMachineRunsWithoutBugsUnlessAsked) {
  const BugSet bugs;
  EXPECT_FALSE(bugs.any());
  for (const BugInfo& info : bug_catalogue()) EXPECT_FALSE(bugs.active(info.bug));
}

TEST(BugSet, AsShippedHasWhatTheReleaseHad) {
  for (const Release release : modelled_releases()) {
    const BugSet shipped = BugSet::as_shipped(release);
    for (const BugInfo& info : bug_catalogue()) {
      EXPECT_EQ(shipped.active(info.bug), shipped_in(info, release)) << name_of(release) << " " << info.name;
    }
  }
}

TEST(BugSet, Release419CountsTwiceWhileItUndoesAndLeaksSpeculatively) {
  const BugSet shipped = BugSet::as_shipped(Release::v4_19);
  EXPECT_TRUE(shipped.active(Bug::undo_counts_twice));
  EXPECT_TRUE(shipped.active(Bug::speculative_leak));
  EXPECT_FALSE(shipped.active(Bug::bitmap_forgets_bit));
  EXPECT_TRUE(BugSet::as_shipped(Release::v6_1).active(Bug::undo_counts_twice));
}

// The failed start gave back in 3.6, did not from 3.8 to 5.18, and does again since 5.19.
TEST(BugSet, ABugMayComeBack) {
  for (const Release release : modelled_releases()) {
    const bool present = release == Release::v3_6 || release >= Release::v6_1;
    EXPECT_EQ(BugSet::as_shipped(release).active(Bug::failed_start_undoes), present) << name_of(release);
  }
}

TEST(BugSet, Release510NoLongerThrottlesItself) {
  EXPECT_TRUE(BugSet::as_shipped(Release::v4_19).active(Bug::throttle_own_pages));
  EXPECT_FALSE(BugSet::as_shipped(Release::v5_10).active(Bug::throttle_own_pages));
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

}  // namespace
}  // namespace cma
