#include "allocator/base/migratetype.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(Migratetype, ValuesLettersAndNamesAreTheKernels) {
  const std::string_view names[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"};
  const std::string_view letters = "UMEHCI";
  for (unsigned index = 0; index < kMigratetypes; ++index) {
    const Migratetype type = migratetype_at(index);
    EXPECT_EQ(index_of(type), index);
    EXPECT_EQ(name_of(type), names[index]);
    EXPECT_EQ(letter_of(type), letters[index]);
  }
}

TEST(Migratetype, OnlyTypesOfPerCpuListsMergeAcrossPageblocks) {
  EXPECT_TRUE(is_mergeable(Migratetype::unmovable));
  EXPECT_TRUE(is_mergeable(Migratetype::movable));
  EXPECT_TRUE(is_mergeable(Migratetype::reclaimable));
  EXPECT_FALSE(is_mergeable(Migratetype::highatomic));
  EXPECT_FALSE(is_mergeable(Migratetype::cma));
  EXPECT_FALSE(is_mergeable(Migratetype::isolate));
}

}  // namespace
}  // namespace cma
