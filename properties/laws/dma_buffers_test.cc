// Buffers of devices, as programs see them: from which area they come, and where they go back to.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "properties/laws/checked_run.h"
#include "properties/program/program_testing.h"

namespace cma {
namespace {

class DmaPrograms : public testing::TestWithParam<Release> {
 protected:
  // Runs a program on 256 MiB with a default area of 16 MiB and a device's own of 8 MiB, under all laws.
  void run(std::string_view ops) {
    const std::string text = fmt::format(
        "machine release={} pages=0x10000 pageblock_order=9 debug=off\nregion own base=0x4000000 size=0x800000 "
        "shared-dma-pool reusable\nboot main cmdline=\"cma=16M\"\n{}",
        name_of(GetParam()), ops);
    const RunResult result = run_.run(parsed(text));
    EXPECT_FALSE(result.finding) << result.finding->message;
  }
  bool since(Release release) const { return GetParam() >= release; }

  CheckedRun run_;
};

INSTANTIATE_TEST_SUITE_P(Releases, DmaPrograms, testing::ValuesIn(modelled_releases()));

TEST_P(DmaPrograms, TheDefaultAreaServesADeviceWithoutItsOwn) {
  run("b = dma_alloc size=0x100001 gfp=GFP_KERNEL\nexpect b.pfn == main\nexpect b.pages == 257\ndma_free b\nexpect "
      "b.gone\nc = dma_alloc size=0x2000 gfp=GFP_KERNEL\nexpect c.pfn == main\n");
}

TEST_P(DmaPrograms, ADevicesOwnAreaServesItAlone) {
  if (!since(Release::v3_18)) GTEST_SKIP() << "nodes are no areas";
  run("b = dma_alloc size=0x800000 gfp=GFP_KERNEL memory_region=own\nexpect b.pfn == own\nc = dma_alloc size=0x4000 "
      "gfp=GFP_KERNEL memory_region=own\nexpect page c used\nexpect page c type=unmovable\ndma_free c\ndma_free b\n");
}

TEST_P(DmaPrograms, OnePageIsThePageAllocatorsSince5_3) {
  run(fmt::format("b = dma_alloc size=100 gfp=GFP_KERNEL\nexpect page b type={}\ndma_free b\n",
                  since(Release::v5_3) ? "unmovable" : "cma"));
}

TEST_P(DmaPrograms, ARequestThatMayNotSleepAsksNoArea) {
  run("b = dma_alloc size=0x8000 gfp=GFP_ATOMIC\nexpect b.ok\nexpect page b type=unmovable\nfree_pages b\n");
}

TEST_P(DmaPrograms, AFullAreaIsFollowedByThePageAllocator) {
  run("b = dma_alloc size=0x1000000 gfp=GFP_KERNEL\nexpect b.pfn == main\nc = dma_alloc size=0x3000 gfp=GFP_KERNEL\n"
      "expect c.pages == 4\nd = dma_alloc size=0x1000000 gfp=GFP_KERNEL\nexpect d == -ENOMEM\ndma_free b\ndma_free c\n"
      "dma_free c\nexpect skipped == 1\n");
}

TEST_P(DmaPrograms, TheConfigurationBoundsTheAlignment) {
  if (!since(Release::v3_17)) GTEST_SKIP() << "the allocator of areas has the limit";
  run("b = dma_alloc size=0x11000 gfp=GFP_KERNEL cma_alignment=4\nc = dma_alloc size=0x11000 gfp=GFP_KERNEL "
      "cma_alignment=4\nexpect c.pfn == main+32\n");
}

TEST_P(DmaPrograms, ARegionThatIsNoAreaIsPassedOver) {
  if (!since(Release::v3_18)) GTEST_SKIP() << "nodes are no areas";
  const RunResult result = run_.run(parsed(
      fmt::format("machine release={} pages=0x10000 pageblock_order=9 debug=off\nregion own base=0x4100000 "
                  "size=0x80000 shared-dma-pool reusable\nboot main cmdline=\"cma=16M\"\nexpect own == -EINVAL\nb = "
                  "dma_alloc size=0x2000 gfp=GFP_KERNEL memory_region=own\nexpect b.pfn == main\n",
                  name_of(GetParam()))));
  EXPECT_FALSE(result.finding) << result.finding->message;
}

TEST(DmaNodes, AreasOfTheNodeComeFirst) {
  const RunResult result = CheckedRun().run(
      parsed("machine release=6.12 pages=0x10000 pageblock_order=9 debug=off\nzone Normal base=0 pages=0x8000\nzone "
             "Normal base=0x8000 pages=0x8000 node=1\nboot main cmdline=\"numa_cma=1:8M cma=16M\" node_areas\nb = "
             "dma_alloc size=0x2000 gfp=GFP_KERNEL node=1\nexpect b.pfn == 0xf800\nc = dma_alloc size=0x2000 "
             "gfp=GFP_KERNEL|GFP_DMA32 node=1\nexpect c.pfn == main\nd = dma_alloc size=0x2000 gfp=GFP_KERNEL "
             "node=2\nexpect d.skipped\n"));
  EXPECT_FALSE(result.finding) << result.finding->message;
}

}  // namespace
}  // namespace cma
