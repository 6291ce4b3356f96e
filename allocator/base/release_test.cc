#include "allocator/base/release.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace cma {
namespace {

TEST(Release, EveryModelledOneHasItsIndexAndANameThatReadsBack) {
  std::size_t index = 0;
  for (const Release release : modelled_releases()) {
    EXPECT_EQ(index_of(release), index++);
    EXPECT_EQ(release_from_name(name_of(release)), release);
  }
}

TEST(Release, ANameIsTheKernelsVersion) {
  EXPECT_EQ(name_of(Release::v3_6), "3.6");
  EXPECT_EQ(name_of(Release::v4_20), "4.20");
  EXPECT_EQ(name_of(Release::v6_12), "6.12");
}

// Runs from the repository's root, as all tests do.
TEST(Release, TheReadmeNamesThoseThatAreModelled) {
  const std::vector<Release> releases = releases_by_age();
  std::string names = name_of(releases.front());
  for (std::size_t i = 1; i < releases.size(); ++i)
    names += (i + 1 == releases.size() ? " and " : ", ") + name_of(releases[i]);
  std::ifstream file("README.md");
  const std::string readme((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_NE(readme.find("The model covers Linux " + names + "."), std::string::npos) << names;
}

// Saved bytes hold the index.
TEST(Release, TheListOfModelledOnesGrowsAtItsEndOnly) {
  const std::vector<Release> first = {Release::v3_6,  Release::v4_9, Release::v4_19,
                                      Release::v5_10, Release::v6_1, Release::v6_12};
  ASSERT_GE(modelled_releases().size(), first.size());
  EXPECT_TRUE(std::equal(first.begin(), first.end(), modelled_releases().begin()));
}

TEST(Release, ANameThatIsNotModelledIsNoRelease) {
  for (const char* name : {"", "4", "4.1", "4.190", "6.1 ", "v6.1", "6.01", "5.13"})
    EXPECT_EQ(release_from_name(name), std::nullopt) << name;
}

TEST(Release, ComparisonIsByAgeModelledOrNot) {
  EXPECT_LT(Release::v3_6, Release::v3_18);
  EXPECT_LT(Release::v4_9, Release::v4_20);
  EXPECT_LT(Release::v4_20, Release::v5_0);
  EXPECT_LT(Release::v5_10, Release::v5_13);
  EXPECT_LT(Release::v6_1, Release::v6_12);
}

// As 6.3 changed who may use the reserves, and 6.1 took it over.
TEST(Release, AChangeThatASeriesTookOverIsInItAndInMainlineAndNotBetween) {
  const auto has_it = [](Release release) { return since(release, Release::v6_3, {Release::v5_15, Release::v6_1}); };
  EXPECT_FALSE(has_it(Release::v5_10));
  EXPECT_TRUE(has_it(Release::v5_15));
  EXPECT_FALSE(has_it(Release::v5_16));
  EXPECT_TRUE(has_it(Release::v6_1));
  EXPECT_FALSE(has_it(Release::v6_2));
  EXPECT_TRUE(has_it(Release::v6_3));
  EXPECT_TRUE(has_it(Release::v7_3));
}

TEST(ReleaseRange, BothEndsBelongToItAndWithoutLastItHasNoEnd) {
  constexpr ReleaseRange range{Release::v3_19, Release::v4_12};
  EXPECT_FALSE(range.contains(Release::v3_18));
  EXPECT_TRUE(range.contains(Release::v3_19));
  EXPECT_TRUE(range.contains(Release::v4_12));
  EXPECT_FALSE(range.contains(Release::v4_13));
  constexpr ReleaseRange open{Release::v5_19};
  EXPECT_FALSE(open.contains(Release::v5_18));
  EXPECT_TRUE(open.contains(Release::v7_3));
}

}  // namespace
}  // namespace cma
