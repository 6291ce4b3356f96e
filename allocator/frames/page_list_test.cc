#include "allocator/frames/page_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PageListTest : public ::testing::Test {
 protected:
  std::vector<Frame> forwards() const {
    std::vector<Frame> frames;
    for (Frame frame = list.first; frame != kNil; frame = map.at(frame).next) frames.push_back(frame);
    return frames;
  }
  std::vector<Frame> backwards() const {
    std::vector<Frame> frames;
    for (Frame frame = list.last; frame != kNil; frame = map.at(frame).prev) frames.push_back(frame);
    return frames;
  }

  static Geometry geometry() {
    Geometry g;
    g.memory = {0, 1024};
    return g;
  }
  MemoryMap map{geometry()};
  PageList list;
};

TEST_F(PageListTest, FrontAndBackAreTheTwoEnds) {
  EXPECT_TRUE(list.empty());
  list.push_back(map, 5);
  list.push_front(map, 3);
  list.push_back(map, 9);
  EXPECT_THAT(forwards(), ElementsAre(3, 5, 9));
  EXPECT_THAT(backwards(), ElementsAre(9, 5, 3));
}

TEST_F(PageListTest, RemovingKeepsTheOrderOfTheOthers) {
  for (Frame removed = 0; removed < 4; ++removed) {
    list = {};
    std::vector<Frame> expected;
    for (Frame frame = 0; frame < 4; ++frame) {
      list.push_back(map, frame);
      if (frame != removed) expected.push_back(frame);
    }
    list.remove(map, removed);
    EXPECT_EQ(forwards(), expected);
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(backwards(), expected);
    EXPECT_EQ(map.at(removed).next, kNil);
    EXPECT_EQ(map.at(removed).prev, kNil);
  }
}

TEST_F(PageListTest, PoppingEmptiesItFromEitherEnd) {
  for (Frame frame : {1U, 2U, 3U}) list.push_back(map, frame);
  EXPECT_EQ(list.pop_back(map), 3U);
  EXPECT_EQ(list.pop_front(map), 1U);
  EXPECT_EQ(list.pop_front(map), 2U);
  EXPECT_TRUE(list.empty());
  EXPECT_THAT(backwards(), IsEmpty());
}

TEST_F(PageListTest, AFrameOfAnotherListIsNotRemoved) {
  PageList other;
  other.push_back(map, 7);
  list.push_back(map, 8);
  EXPECT_THROW(list.remove(map, 7), AssertionFailure);
}

TEST_F(PageListTest, FrameZeroIsAFrameLikeAnyOther) {
  list.push_back(map, 0);
  EXPECT_FALSE(list.empty());
  EXPECT_EQ(list.pop_front(map), 0U);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace cma
