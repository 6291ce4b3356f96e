#include "allocator/base/release.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(Release, NamesStandAtTheirReleasesIndexAndReadBack) {
  unsigned index = 0;
  for (const auto& [release, name] : kReleaseNames) {
    EXPECT_EQ(static_cast<unsigned>(release), index++);
    EXPECT_EQ(name_of(release), name);
    EXPECT_EQ(release_from_name(name), release);
  }
}

TEST(Release, AnUnknownNameIsNoRelease) {
  for (const char* name : {"", "4", "4.1", "4.190", "6.1 ", "v6.1"})
    EXPECT_EQ(release_from_name(name), std::nullopt) << name;
}

TEST(Release, ComparisonFollowsTime) {
  EXPECT_LT(Release::v3_6, Release::v4_9);
  EXPECT_LT(Release::v4_19, Release::v5_10);
  EXPECT_LT(Release::v5_10, Release::v6_1);
  EXPECT_LT(kModelledReleases[0], kModelledReleases[1]);
}

}  // namespace
}  // namespace cma
