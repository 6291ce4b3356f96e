// The lists about releases agree with the model: with its list of releases, and with the versions its conditions name.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "properties/logs/versions.h"
#include "properties/releases/changes.h"
#include "properties/releases/standing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;

TEST(Standings, HaveARowForEachModelledRelease) {
  std::vector<Release> listed;
  for (const Standing& standing : standings()) listed.push_back(standing.release);
  EXPECT_EQ(listed, releases_by_age());
  for (const Standing& standing : standings())
    EXPECT_THAT((std::vector<std::string_view>{"judged", "recorded", "read", "recalled"}),
                ::testing::Contains(standing.truth));
}

TEST(Changes, AreInTheOrderOfVersions) {
  EXPECT_TRUE(std::ranges::is_sorted(changes(), {}, &Change::since));
  for (const Change& change : changes()) {
    EXPECT_GT(change.since, Release::v3_5) << change.sentence;
    EXPECT_TRUE(change.sentence.ends_with('.')) << change.sentence;
  }
}

// A version that a condition names, and the oldest of the long-term series that took the change over; without since(),
// the version itself.
struct Named {
  std::string version;
  std::string series;
  auto operator<=>(const Named&) const = default;
};

// Returns the versions that conditions of a file name, each with the line where it does.
std::map<Named, std::string> versions_in(const std::filesystem::path& path) {
  static const std::regex condition(R"((<|>|<=|>=) Release::v(\d+)_(\d+))");
  static const std::regex taken_over(R"(since\([\w.]+, Release::v(\d+)_(\d+), \{Release::v(\d+)_(\d+))");
  std::ifstream file(path);
  std::map<Named, std::string> versions;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string place = path.string() + ":" + std::to_string(++number);
    for (std::sregex_iterator it(line.begin(), line.end(), condition), end; it != end; ++it) {
      const std::string version = (*it)[2].str() + "." + (*it)[3].str();
      versions.emplace(Named{version, version}, place);
    }
    for (std::sregex_iterator it(line.begin(), line.end(), taken_over), end; it != end; ++it)
      versions.emplace(Named{(*it)[1].str() + "." + (*it)[2].str(), (*it)[3].str() + "." + (*it)[4].str()}, place);
  }
  return versions;
}

bool is_model(const std::filesystem::path& path) {
  static const std::regex other(R"(_(test|testing|property|bench)\.(cc|h)$)");
  const std::string name = path.string();
  return (name.ends_with(".cc") || name.ends_with(".h")) && !std::regex_search(name, other);
}

TEST(Changes, HaveARowForEachVersionThatAConditionOfTheModelNames) {
  std::set<std::string> listed;
  for (const Change& change : changes()) listed.insert(name_of(change.since));
  std::size_t conditions = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("allocator")) {
    if (!is_model(entry.path())) continue;
    for (const auto& [named, place] : versions_in(entry.path())) {
      ++conditions;
      EXPECT_TRUE(listed.contains(named.version) || listed.contains(named.series))
          << place << " names " << named.version << ", of which changes.cc has nothing";
    }
  }
  EXPECT_GT(conditions, 200U);
}

TEST(Nearest, OfAModelledReleaseIsItself) {
  for (const Release release : modelled_releases()) {
    const Neighbour neighbour = nearest(release);
    EXPECT_EQ(neighbour.modelled, release);
    EXPECT_TRUE(neighbour.between.empty());
  }
}

// What the kernel lacks, or the model: 5.6 does not move huge pages yet, as 5.10 does; 6.18 has areas of ranges.
TEST(Nearest, HasTheChangesThatLieBetween) {
  const Neighbour older = nearest(Release::v5_6);
  EXPECT_EQ(older.modelled, Release::v5_10);
  EXPECT_TRUE(older.modelled_is_newer);
  for (const Change* change : older.between) {
    EXPECT_GT(change->since, Release::v5_6);
    EXPECT_LE(change->since, Release::v5_10);
  }
  const Neighbour newer = nearest(Release::v6_18);
  EXPECT_EQ(newer.modelled, Release::v6_12);
  EXPECT_FALSE(newer.modelled_is_newer);
  ASSERT_FALSE(newer.between.empty());
  EXPECT_THAT(std::string(newer.between[1]->sentence), HasSubstr("up to eight ranges"));
}

TEST(Nearest, EachVersionHasOne) {
  for (const Release version : logs::all_versions()) {
    const Neighbour neighbour = nearest(version);
    EXPECT_EQ(neighbour.modelled_is_newer, neighbour.modelled > version);
    EXPECT_TRUE(neighbour.modelled != version || neighbour.between.empty());
  }
}

}  // namespace
}  // namespace cma
