#include "allocator/boot/dma_alloc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

class DmaAllocTest : public ::testing::TestWithParam<Release> {
 protected:
  // Boots a board of 256 MiB with a default area of 16 MiB, and an area "own" of 8 MiB for one device.
  void SetUp() override { boot(plain_board(GetParam(), 256), "cma=16M"); }
  void boot(const Geometry& g, std::string_view cmdline) {
    trial = std::make_unique<BootTrial>(g);
    trial->config.node_areas = true;
    const BootTree tree = tree_of({node("own", area_at(0x4000000, 0x800000))});
    booted = &trial->run(&tree, cmdline);
    trial->machine.finish_boot();
    dma = std::make_unique<DmaAlloc>(trial->machine.geometry(), trial->machine.page_allocator, trial->machine.buddy,
                                     trial->machine.areas, booted->dma());
  }
  Pfn alloc(const DmaDevice& device, std::uint64_t size, Gfp gfp = kGfpKernel) {
    return run_now(dma->alloc(device, size, gfp));
  }
  std::string area_of(Pfn pfn) const {
    const auto id = trial->machine.areas.area_of(pfn);
    return id ? trial->machine.areas.area(*id).name : "none";
  }
  // Up to 3.17 nodes are no areas.
  static bool has_own() { return GetParam() >= Release::v3_18; }
  DmaDevice with_own() const { return {.area = trial->machine.areas.find("own"), .node = std::nullopt}; }

  std::unique_ptr<BootTrial> trial;
  const Boot* booted = nullptr;
  std::unique_ptr<DmaAlloc> dma;
};

INSTANTIATE_TEST_SUITE_P(Releases, DmaAllocTest,
                         ::testing::Values(Release::v3_6, Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15,
                                           Release::v6_1, Release::v6_6, Release::v6_12));

TEST_P(DmaAllocTest, ABufferComesFromTheDefaultArea) {
  const Pfn pfn = alloc({}, 5 * kMiB);
  EXPECT_EQ(area_of(pfn), "reserved");
  EXPECT_TRUE(is_aligned(pfn, 256)) << "CONFIG_CMA_ALIGNMENT is 8";
}

TEST_P(DmaAllocTest, ADeviceWithAnAreaUsesNoOther) {
  if (!has_own()) GTEST_SKIP() << "nodes are no areas";
  EXPECT_EQ(area_of(alloc(with_own(), kMiB)), "own");
  EXPECT_EQ(area_of(alloc(with_own(), 12 * kMiB)), "none") << "larger than the area: no block has 16 MiB either";
  EXPECT_EQ(alloc(with_own(), 12 * kMiB), kNoPfn);
}

TEST_P(DmaAllocTest, OnePageComesFromThePageAllocatorSince5_3) {
  EXPECT_EQ(area_of(alloc({}, 100)), GetParam() >= Release::v5_3 ? "none" : "reserved");
  EXPECT_EQ(area_of(alloc({}, 4097)), "reserved");
  if (has_own()) {
    EXPECT_EQ(area_of(alloc(with_own(), 100)), "own") << "unless the area is the device's";
  }
}

TEST_P(DmaAllocTest, ARequestThatMayNotSleepUsesNoArea) { EXPECT_EQ(area_of(alloc({}, 8 * 4096, kGfpAtomic)), "none"); }

TEST_P(DmaAllocTest, WhatTheAreaCannotGiveIsABlockOfThePageAllocator) {
  EXPECT_EQ(area_of(alloc({}, 16 * kMiB)), "reserved");
  const Pfn pfn = alloc({}, 3 * 4096);
  ASSERT_NE(pfn, kNoPfn);
  EXPECT_EQ(area_of(pfn), "none");
  EXPECT_TRUE(is_aligned(pfn, 4)) << "a block of four pages";
}

TEST_P(DmaAllocTest, ASizeThatWrapsRoundHasNoBlock) {
  for (const std::uint64_t size : {~std::uint64_t{0}, ~std::uint64_t{0} - 4094}) {
    const DmaRequest request =
        dma_request(trial->machine.geometry(), trial->machine.bugs, &booted->dma(), {}, size, kGfpKernel);
    EXPECT_EQ(request.pages, 0U);
    EXPECT_EQ(request.order, 52U);
    EXPECT_EQ(alloc({}, size), kNoPfn);
    if (has_own()) {
      EXPECT_EQ(alloc(with_own(), size), kNoPfn);
    }
  }
  EXPECT_EQ(alloc({}, ~std::uint64_t{0} - 4095), kNoPfn) << "the largest size that does not";
}

TEST_P(DmaAllocTest, FreedBuffersGoBackToWhereTheyCameFrom) {
  const Machine& machine = trial->machine;
  const AreaId area = *booted->dma().default_area();
  const Pfn large = alloc({}, 16 * kMiB);
  const Pfn block = alloc({}, 3 * 4096);
  ASSERT_EQ(area_of(large), "reserved");
  ASSERT_EQ(area_of(block), "none");
  EXPECT_EQ(machine.areas.debugfs().largest_free_run(area), 0U);
  run_now(dma->free({}, large, 16 * kMiB));
  EXPECT_EQ(machine.areas.debugfs().largest_free_run(area), 4096U);
  EXPECT_EQ(machine.map.page(block).ref, 1U);
  run_now(dma->free({}, block, 3 * 4096));
  EXPECT_EQ(machine.map.page(block).ref, 0U);
}

TEST_P(DmaAllocTest, ADevicesAreaTakesItsBuffersBack) {
  if (!has_own()) GTEST_SKIP() << "nodes are no areas";
  const AreaId own = *with_own().area;
  const Pfn pfn = alloc(with_own(), 8 * kMiB);
  ASSERT_EQ(area_of(pfn), "own");
  const Pfn other = alloc(with_own(), kMiB);
  ASSERT_EQ(area_of(other), "none") << "the area is full";
  run_now(dma->free(with_own(), other, kMiB));
  EXPECT_EQ(trial->machine.map.page(other).ref, 0U) << "it is asked first, and knows it not";
  run_now(dma->free(with_own(), pfn, 8 * kMiB));
  EXPECT_EQ(trial->machine.areas.debugfs().largest_free_run(own), 2048U);
}

TEST_P(DmaAllocTest, TheAlignmentIsAtMostThatOfTheConfiguration) {
  if (GetParam() < Release::v3_17) GTEST_SKIP() << "the allocator of areas has the limit";
  DmaAlloc fine(trial->machine.geometry(), trial->machine.page_allocator, trial->machine.buddy, trial->machine.areas,
                booted->dma(), 4);
  const Pfn first = run_now(fine.alloc({}, 17 * 4096, kGfpKernel));
  const Pfn second = run_now(fine.alloc({}, 17 * 4096, kGfpKernel));
  EXPECT_EQ(second - first, 32U) << "16 is the alignment, and 17 pages are in use";
}

class NodeBufferTest : public DmaAllocTest {
 protected:
  void SetUp() override {
    Geometry g = plain_board(GetParam(), 256);
    g.zones = {{"Normal", {0, 0x8000}, 0}, {"Normal", {0x8000, 0x10000}, 1}};
    boot(g, "cma=16M cma_pernuma=8M numa_cma=1:4M");
  }
  static constexpr DmaDevice kNear = {.area = std::nullopt, .node = 1};
};

INSTANTIATE_TEST_SUITE_P(Releases, NodeBufferTest,
                         ::testing::Values(Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6,
                                           Release::v6_12));

TEST_P(NodeBufferTest, TheNodesAreasComeFirstSince5_10) {
  EXPECT_EQ(area_of(alloc(kNear, kMiB)), GetParam() >= Release::v5_10 ? "pernuma1" : "reserved");
  EXPECT_EQ(area_of(alloc({}, kMiB)), "reserved") << "a device near no node";
}

TEST_P(NodeBufferTest, ARequestForLowMemoryPassesThemOver) {
  EXPECT_EQ(area_of(alloc(kNear, kMiB, kGfpKernel | kGfpDma32)), "reserved");
}

TEST_P(NodeBufferTest, AFullAreaIsFollowedByTheNext) {
  if (GetParam() < Release::v5_10) GTEST_SKIP() << "there are none";
  EXPECT_EQ(area_of(alloc(kNear, 8 * kMiB)), "pernuma1");
  EXPECT_EQ(area_of(alloc(kNear, 4 * kMiB)), GetParam() >= Release::v6_6 ? "numa1" : "reserved");
  EXPECT_EQ(area_of(alloc(kNear, 8 * kMiB)), "reserved");
}

}  // namespace
}  // namespace cma
