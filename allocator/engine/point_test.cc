#include "allocator/engine/point.h"

#include <gtest/gtest.h>

#include <set>

namespace cma {
namespace {

TEST(PointCatalogue, EveryPointStandsAtItsIndexWithANameOfItsOwn) {
  std::set<std::string_view> names;
  ASSERT_EQ(point_catalogue().size(), kPoints);
  for (unsigned index = 0; index < kPoints; ++index) {
    const PointInfo& info = point_catalogue()[index];
    EXPECT_EQ(static_cast<unsigned>(info.point), index);
    EXPECT_EQ(&info_of(info.point), &info);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(point_from_name(info.name), info.point);
    EXPECT_FALSE(info.function.empty()) << info.name;
    EXPECT_FALSE(info.why.empty()) << info.name;
  }
}

TEST(PointCatalogue, AnUnknownNameIsNoPoint) {
  EXPECT_EQ(point_from_name(""), std::nullopt);
  EXPECT_EQ(point_from_name("kCount"), std::nullopt);
  EXPECT_EQ(point_from_name("migrate_page "), std::nullopt);
}

}  // namespace
}  // namespace cma
