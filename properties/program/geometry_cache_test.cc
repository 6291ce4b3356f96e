#include "properties/program/geometry_cache.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

Geometry machine_of(std::uint64_t pages) {
  Geometry geometry;
  geometry.memory = {0, pages};
  return geometry;
}

class GeometryCacheTest : public ::testing::Test {
 protected:
  int& find(std::uint64_t pages) {
    return cache_.find(machine_of(pages), [this] { return std::make_unique<int>(++made_); });
  }

  GeometryCache<int> cache_;
  int made_ = 0;
};

TEST_F(GeometryCacheTest, MakesOneValueAGeometry) {
  EXPECT_EQ(find(1024), 1);
  EXPECT_EQ(find(2048), 2);
  EXPECT_EQ(find(1024), 1);
  EXPECT_EQ(find(2048), 2);
  EXPECT_EQ(made_, 2);
}

TEST_F(GeometryCacheTest, IsEmptiedBeforeItHoldsTooManyEntries) {
  for (std::uint64_t pages = 1; pages <= 64; ++pages) find(pages);
  EXPECT_EQ(find(1), 1) << "64 fit";
  find(65);
  EXPECT_EQ(find(1), 66);
}

TEST_F(GeometryCacheTest, IsEmptiedBeforeItHoldsTooManyPages) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 21;
  find(kHalf);
  find(kHalf - 1);
  EXPECT_EQ(find(kHalf), 1) << "both fit";
  find(2);
  EXPECT_EQ(find(kHalf), 4);
  EXPECT_EQ(find(2), 3);
}

TEST_F(GeometryCacheTest, KeepsOneMachineThatIsTooLarge) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 23;
  EXPECT_EQ(find(kLarge), 1);
  EXPECT_EQ(find(kLarge), 1);
}

}  // namespace
}  // namespace cma
