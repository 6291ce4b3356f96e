// What is answered about regions of a device tree that are no areas, and about the default area.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBoard = "release=6.1 pages=0x10000 pageblock_order=9 debug=off";

TEST(WhyBoard, AnswersForEachWayARegionFails) {
  expect_answers({
      {"no place",
       kBoard,
       "region x size=0x8000000 alloc_base=0 alloc_size=0x4000000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -ENOMEM: no place for 128 MiB that is free and aligned to 2 MiB\n", "[0x0, 0x4000000) free\n"}},
      {"an empty range",
       kBoard,
       "region x size=0x1000000 alloc_base=0x1000000 alloc_size=0\nboot cmdline=\"cma=0\"\n",
       {"16 MiB aligned to 64 bytes in [0x1000000, 0x1000000), an empty range\n"}},
      {"the command line",
       kBoard,
       "region x size=0x800000 shared-dma-pool reusable linux,cma-default\nboot cmdline=\"cma=16M\"\n",
       {"answer failed, -EBUSY: the command line has cma=, which since 5.8 comes before linux,cma-default"}},
      {"no whole units",
       kBoard,
       "region x base=0x1100000 size=0x400000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -EINVAL: [0x1100000, 0x1500000) is not in whole units of 2 MiB\n"}},
      {"no slot",
       "release=6.1 pages=0x10000 pageblock_order=9 debug=off max_areas=1",
       "region x base=0x1000000 size=0x400000 shared-dma-pool reusable\nregion y base=0x2000000 size=0x400000 "
       "shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -ENOSPC: the kernel has room for 1 areas (MAX_CMA_AREAS) and has them all\n"}},
      {"no default area",
       kBoard,
       "boot x cmdline=\"cma=512M\"\n",
       {"answer failed, -EINVAL: [0x0, 0x20000000) ends after the limit 0x10000000\n"}},
  });
}

TEST(WhyBoard, SaysWhereARegionLies) {
  EXPECT_THAT(
      why_text(kBoard, "region x base=0x1000000 size=0x400000 shared-dma-pool reusable\nboot cmdline=\"\"\n", "x"),
      HasSubstr("answer ok: 4 MiB at [0x1000000, 0x1400000), the place that its node names\n"));
  EXPECT_THAT(why_text(kBoard,
                       "region x size=0x400000 alloc_base=0 alloc_size=0x2000000 shared-dma-pool reusable\nboot "
                       "cmdline=\"\"\n",
                       "x"),
              HasSubstr("answer ok: 4 MiB at [0x1c00000, 0x2000000), a free place in [0x0, 0x2000000)\n"));
}

TEST(WhyBoard, SaysWhereTheDefaultAreaComesFrom) {
  EXPECT_THAT(why_text(kBoard, "boot x cmdline=\"cma=16M\"\n", "x"),
              HasSubstr("16 MiB at [0xf000000, 0x10000000), the highest free place"));
  EXPECT_THAT(
      why_text(kBoard, "region n size=0x800000 shared-dma-pool reusable linux,cma-default\nboot x cmdline=\"\"\n", "x"),
      HasSubstr("the region n is the default area"));
  EXPECT_THAT(why_text(kBoard, "boot x cmdline=\"cma=0\"\n", "x"), HasSubstr("neither command line"));
}

TEST(WhyBoard, SaysWhichAreasABufferOfADeviceWasAskedOf) {
  expect_answers({{"full",
                   kBoard,
                   "boot x cmdline=\"cma=16M\"\nb = dma_alloc size=0x1000000 gfp=GFP_KERNEL\nc = dma_alloc "
                   "size=0x1000000 gfp=GFP_KERNEL\n",
                   {"reserved was asked first for 4096 pages, aligned to 2^8, and had none\n"}},
                  {"atomic",
                   kBoard,
                   "boot x cmdline=\"cma=16M\"\nc = dma_alloc size=0x1000000 gfp=GFP_ATOMIC\n",
                   {"no area was asked: the request may not sleep\n"}}});
}

}  // namespace
}  // namespace cma
