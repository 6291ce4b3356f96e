#include "allocator/boot/kernel_sort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace cma {
namespace {

using ::testing::ElementsAre;

int by_value(int a, int b) { return a < b ? -1 : a > b ? 1 : 0; }
int all_equal(int, int) { return 0; }

std::vector<int> counted(int count) {
  std::vector<int> entries;
  for (int i = 0; i < count; ++i) entries.push_back(i);
  return entries;
}

class SortTest : public ::testing::TestWithParam<Release> {};

INSTANTIATE_TEST_SUITE_P(Releases, SortTest, ::testing::Values(Release::v5_1, Release::v5_2));

TEST_P(SortTest, SortsAnyOrderOfTheEntries) {
  for (int count = 0; count <= 7; ++count) {
    std::vector<int> entries = counted(count);
    do {
      std::vector<int> sorted = entries;
      kernel_sort(sorted, GetParam(), by_value);
      ASSERT_EQ(sorted, counted(count));
    } while (std::next_permutation(entries.begin(), entries.end()));
  }
}

// Worked by hand from the algorithms: nothing moves but by the exchange that takes the root out of the heap.
TEST_P(SortTest, OfEqualEntriesTheFirstComesLast) {
  for (const auto& [count, expected] : std::vector<std::pair<int, std::vector<int>>>{
           {2, {1, 0}}, {3, {1, 2, 0}}, {4, {1, 2, 3, 0}}, {5, {1, 2, 3, 4, 0}}}) {
    std::vector<int> entries = counted(count);
    kernel_sort(entries, GetParam(), all_equal);
    EXPECT_EQ(entries, expected);
  }
}

TEST_P(SortTest, AGreaterEntryChangesTheOrderOfEqualOnes) {
  const auto by_tens = [](int a, int b) { return by_value(a / 10, b / 10); };
  std::vector<int> three = {1, 2, 50};
  kernel_sort(three, GetParam(), by_tens);
  EXPECT_THAT(three, ElementsAre(2, 1, 50));
  std::vector<int> four = {1, 2, 3, 50};
  kernel_sort(four, GetParam(), by_tens);
  EXPECT_THAT(four, ElementsAre(1, 3, 2, 50));
}

}  // namespace
}  // namespace cma
