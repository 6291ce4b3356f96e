#include "allocator/reports/warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::ElementsAre;

TEST(Warning, OfAnAtomicRequestIsThatOfTheRelease) {
  const std::string failed = "wifi@1.0-servic: page allocation failure: order:3, mode:";
  const FailureWarning warning{.task = "wifi@1.0-servic", .order = 3, .gfp = kGfpAtomic | kGfpComp};
  const auto lines = [&](Release release) { return warning_lines(warning, release); };
  EXPECT_THAT(lines(Release::v3_6), ElementsAre(failed + "0x4020"));
  EXPECT_THAT(lines(Release::v4_9), ElementsAre(failed + "0x2084020(GFP_ATOMIC|__GFP_COMP)"));
  EXPECT_THAT(lines(Release::v4_19), ElementsAre(failed + "0x484020(GFP_ATOMIC|__GFP_COMP), nodemask=(null)",
                                                 "wifi@1.0-servic cpuset=/ mems_allowed=0"));
  const std::string nodes = ", nodemask=(null),cpuset=/,mems_allowed=0";
  EXPECT_THAT(lines(Release::v5_10), ElementsAre(failed + "0x40a20(GFP_ATOMIC|__GFP_COMP)" + nodes));
}

// A line of the field.
TEST(Warning, OfARequestForADeviceThatReachesTheFirstGigabyteOnly) {
  const FailureWarning warning{.task = "a.out", .order = 8, .gfp = kGfpKernel | kGfpDma};
  const std::string nodes = "nodemask=(null),cpuset=/,mems_allowed=0";
  EXPECT_THAT(warning_lines(warning, Release::v6_0),
              ElementsAre("a.out: page allocation failure: order:8, mode:0xcc1(GFP_KERNEL|GFP_DMA), " + nodes));
}

// Lines of the field.
TEST(Warning, OfASizeOfZeroSpeaksOfAPageUpTo4_8) {
  const FailureWarning warning{
      .task = "modprobe", .gfp = kGfpKernel, .subject = "vmalloc: allocation failure: 0 bytes"};
  EXPECT_THAT(
      warning_lines(warning, Release::v3_6),
      ElementsAre("vmalloc: allocation failure: 0 bytes", "modprobe: page allocation failure: order:0, mode:0xd0"));
  EXPECT_THAT(warning_lines(warning, Release::v4_9),
              ElementsAre("modprobe: vmalloc: allocation failure: 0 bytes, mode:0x24000c0(GFP_KERNEL)"));
}

TEST(Warning, HasNoWordForFlagsThatAreNotThere) {
  const std::string nodes = "nodemask=(null),cpuset=/,mems_allowed=0-1";
  EXPECT_THAT(warning_lines({.gfp = 0, .mems_allowed = "0-1"}, Release::v6_12),
              ElementsAre("cmacheck: page allocation failure: order:0, mode:0x0(), " + nodes));
}

TEST(Warning, IsCountedAsItIsMade) {
  for (const Release release : modelled_releases())
    for (const FailureWarning& warning : {FailureWarning{}, FailureWarning{.subject = "vmalloc error"}})
      EXPECT_EQ(count_warning_lines(warning, release), warning_lines(warning, release).size()) << release;
}

TEST(Warning, ListsNodesInRanges) {
  EXPECT_EQ(list_of({0}), "0");
  EXPECT_EQ(list_of({0, 1}), "0-1");
  EXPECT_EQ(list_of({0, 2, 3, 4, 6}), "0,2-4,6");
  EXPECT_EQ(list_of({}), "");
}

}  // namespace
}  // namespace cma
