#include "properties/reproduction/scene.h"

#include <gtest/gtest.h>

namespace cma::reproduction {
namespace {

// Returns whether each window has a page in the way, and is printed as it is wanted.
bool explains(const Scene& scene, const std::vector<WantedWindow>& windows) {
  for (const WantedWindow& window : windows) {
    bool busy = false;
    for (const Pfn pfn : scene.busy) busy = busy || (window.range.start <= pfn && pfn < window.range.end);
    if (!busy || (window.head && printed_head(scene, window.range.start) != *window.head)) return false;
  }
  return scene.explains;
}

TEST(Scene, ABlockIsPrintedByItsHead) {
  const Scene scene{{0x2c200, 0x2d800}, {0x2d050}, true};
  EXPECT_EQ(printed_head(scene, 0x2c200), 0x2c200U);
  EXPECT_EQ(printed_head(scene, 0x2c300), 0x2c200U);
  EXPECT_EQ(printed_head(scene, 0x2c700), 0x2c400U);
  EXPECT_EQ(printed_head(scene, 0x2d050), 0x2d050U);
  EXPECT_EQ(printed_head(scene, 0x2d051), 0x2d051U);
}

TEST(Scene, OnePageIsEnoughForWindowsThatHaveOneInCommon) {
  const std::vector<WantedWindow> windows = {
      {{0x2c200, 0x2d200}, 0x2c200, {}}, {{0x2c300, 0x2d300}, 0x2c200, {}}, {{0x2c700, 0x2d700}, 0x2c400, {}}};
  const Scene scene = scene_of(windows, {0x2c200, 0x2d800}, 0x2cc00);
  EXPECT_TRUE(explains(scene, windows));
  EXPECT_EQ(scene.busy.size(), 1U);
  EXPECT_LT(scene.busy[0], 0x2cc00U);
}

TEST(Scene, StartsThatNoBlockReachesOverHavePagesBeforeThem) {
  const std::vector<WantedWindow> windows = {{{0x2f100, 0x2f20a}, 0x2f100, {}}, {{0x2f200, 0x2f30a}, 0x2f200, {}}};
  const Scene scene = scene_of(windows, {0x2f100, 0x2f30a}, 0x30000);
  EXPECT_TRUE(explains(scene, windows));
}

TEST(Scene, APageThatATestStoppedAtIsTheFirst) {
  const std::vector<WantedWindow> windows = {{{0xc3dc0, 0xc3de4}, 0xc3dc0, 0xc3dc2}};
  const Scene scene = scene_of(windows, {0xc3dc0, 0xc3e24}, ~Pfn{0});
  EXPECT_TRUE(explains(scene, windows));
  EXPECT_EQ(scene.busy, std::vector<Pfn>{0xc3dc2});
}

TEST(Scene, HeadsThatContradictEachOtherAreNotExplained) {
  // A block that begins at 0x2c400 covers the second start, so the first is covered by it as well.
  const std::vector<WantedWindow> windows = {{{0x2c500, 0x2d000}, 0x2c500, {}}, {{0x2c600, 0x2d100}, 0x2c400, {}}};
  EXPECT_FALSE(scene_of(windows, {0x2c400, 0x2d100}, ~Pfn{0}).explains);
}

}  // namespace
}  // namespace cma::reproduction
