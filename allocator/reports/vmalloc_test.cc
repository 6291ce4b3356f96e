#include "allocator/reports/vmalloc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

std::vector<std::uint64_t> pages_of_steps(std::uint64_t bytes, const Geometry& geometry) {
  std::vector<std::uint64_t> pages;
  for (const VmallocStep& step : vmalloc_steps(bytes, kGfpKernel, geometry)) pages.push_back(step.pages);
  return pages;
}

TEST(Vmalloc, TakesTheArrayOfItsPagesFirst) {
  Geometry geometry = tiny_geometry(Release::v6_1);
  EXPECT_THAT(pages_of_steps(1, geometry), ElementsAre(1U));
  EXPECT_THAT(pages_of_steps(4097, geometry), ElementsAre(2U));
  EXPECT_THAT(pages_of_steps(512 * 4096, geometry), ElementsAre(512U)) << "512 pointers are a page: slab's";
  EXPECT_THAT(pages_of_steps(513 * 4096, geometry), ElementsAre(2U, 513U));
  EXPECT_THAT(pages_of_steps(std::uint64_t{4} << 30, geometry), ElementsAre(4U, 2048U, 1048576U));
  geometry.phys_addr_bits = 32;
  EXPECT_THAT(pages_of_steps(513 * 4096, geometry), ElementsAre(513U)) << "pointers of 4 bytes";
}

TEST(Vmalloc, AsksForAnArrayWithTheRightsOfItsRequest) {
  const std::vector<VmallocStep> steps =
      vmalloc_steps(513 * 4096, kGfpKernel | kGfpHighmem | kGfpNoretry, tiny_geometry(Release::v4_9));
  EXPECT_EQ(steps[0].gfp, kGfpKernel | kGfpNoretry | kGfpZero);
  EXPECT_EQ(steps[0].bytes, 513U * 8);
  EXPECT_EQ(steps[1].gfp, kGfpKernel | kGfpHighmem | kGfpNoretry);
}

TEST(Vmalloc, MayHaveHighMemorySince4_12) {
  EXPECT_EQ(vmalloc_page_gfp(kGfpKernel, Release::v4_9), kGfpKernel | kGfpNowarn);
  EXPECT_EQ(vmalloc_page_gfp(kGfpKernel, Release::v4_19), kGfpKernel | kGfpNowarn | kGfpHighmem);
  EXPECT_EQ(vmalloc_page_gfp(kGfpKernel | kGfpDma32, Release::v4_19), kGfpKernel | kGfpDma32 | kGfpNowarn);
}

TEST(Vmalloc, RefusesWhatNoMemoryHolds) {
  EXPECT_TRUE(vmalloc_refuses(0, 64, 4096));
  EXPECT_FALSE(vmalloc_refuses(1, 64, 4096));
  EXPECT_FALSE(vmalloc_refuses(64 * 4096, 64, 4096));
  EXPECT_TRUE(vmalloc_refuses(64 * 4096 + 1, 64, 4096));
}

TEST(Vmalloc, RefusesASizeInTheWordsOfTheRelease) {
  EXPECT_EQ(vmalloc_refusal(0, Release::v3_6), "vmalloc: allocation failure: 0 bytes");
  EXPECT_EQ(vmalloc_refusal(8192, Release::v5_10), "vmalloc: allocation failure: 8192 bytes");
  EXPECT_EQ(vmalloc_refusal(0, Release::v6_1), std::nullopt);
  EXPECT_EQ(vmalloc_refusal(8192, Release::v6_12), "vmalloc error: size 8192, exceeds total pages");
}

TEST(Vmalloc, NamesWhatItGotInTheWordsOfTheRelease) {
  const auto text = [](Release release) {
    const Geometry geometry = tiny_geometry(release);
    return vmalloc_shortage(vmalloc_steps(16384, kGfpKernel, geometry).back(), 3, geometry);
  };
  EXPECT_EQ(text(Release::v4_19), "vmalloc: allocation failure, allocated 12288 of 20480 bytes");
  EXPECT_EQ(text(Release::v6_1), "vmalloc error: size 12288, page order 0, failed to allocate pages");
  EXPECT_EQ(text(Release::v6_12), "vmalloc error: size 12288, failed to allocate pages");
}

TEST(Vmalloc, BlocksOfTheMemoryMapHaveAWarningOfTheirOwnSince4_14) {
  EXPECT_EQ(vmemmap_shortage(9, Release::v4_9), std::nullopt);
  EXPECT_EQ(vmemmap_shortage(9, Release::v6_1), "vmemmap alloc failure: order:9");
}

TEST(Vmalloc, WarnsUnderTheLimitOfReports) {
  const auto machine = make_machine(tiny_geometry(Release::v4_9));
  for (int request = 0; request < 11; ++request)
    run_now(machine->reports.warn({.gfp = kGfpKernel, .subject = vmalloc_refusal(0, Release::v4_9)}));
  const std::vector<std::string> lines = log_lines(*machine);
  EXPECT_EQ(lines.front(), "cmacheck: vmalloc: allocation failure: 0 bytes, mode:0x24000c0(GFP_KERNEL)");
  EXPECT_EQ(std::ranges::count(lines, lines.front()), 10);
  EXPECT_EQ(std::ranges::count(lines, "Mem-Info:"), 10);
}

}  // namespace
}  // namespace cma
