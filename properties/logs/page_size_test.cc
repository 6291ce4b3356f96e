#include "properties/logs/page_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;

LogAnswer sized(const std::string& log) { return explain_log(text_source(log)); }

TEST(PageSize, IsLargerWhereOnlySoTheWindowsLieInAnArea) {
  const std::string window = "alloc_contig_range: [10000, 10200) PFNs busy\n";
  const LogAnswer answer = sized("cma: Reserved 64 MiB at 0x0000000040000000\n" + window);
  EXPECT_EQ(answer.page_kb, 16U);
  EXPECT_THAT(answer_text(answer, "log"), HasSubstr("512 pages (8 MiB)"));
  EXPECT_EQ(sized("cma: Reserved 64 MiB at 0x0000000010000000\n" + window).page_kb, 4U);
  EXPECT_EQ(sized("cma: Reserved 64 MiB at 0x0000000090000000\n" + window).page_kb, 4U);
}

TEST(PageSize, IsThatOfTheSmallestFreeBlocks) {
  EXPECT_EQ(sized("Node 0 DMA: 3*64kB (UM) 1*128kB (U) 0*256kB\n").page_kb, 64U);
  EXPECT_EQ(sized("Node 0 DMA: 3*16kB (UM) 1*32kB (U) 0*64kB\n").page_kb, 16U);
  EXPECT_EQ(sized("Node 0 DMA: 3*4kB (UM) 1*8kB (U) 0*16kB 2*32kB (U) 1*64kB (M)\n").page_kb, 4U);
}

TEST(PageSize, FollowsFromTheSizeOfAllAreasAndTheirPages) {
  const std::string size =
      "Memory: 8125920K/8384512K available (12096K kernel code, 188032K reserved, 65536K cma-reserved)\n";
  EXPECT_EQ(sized(size + "4096 pages cma reserved\n").page_kb, 16U);
  EXPECT_EQ(sized(size + "16384 pages cma reserved\n").page_kb, 4U);
}

TEST(PageSize, IsThatWithWhichAnAreaHasAsManyPagesAsItsFreeRunsAreOf) {
  const std::string log =
      "Reserved memory: created CMA memory pool at 0x000000003a000000, size 64 MiB\n"
      "cma: cma_alloc: linux,cma: alloc failed, req-size: 1013 pages, ret: -12\n";
  EXPECT_EQ(sized(log + "cma: number of available pages: 120@776+980@2000=> 1100 free of 4096 total pages\n").page_kb,
            16U);
  EXPECT_EQ(sized(log + "cma: number of available pages: 120@776+980@2000=> 1100 free of 16384 total pages\n").page_kb,
            4U);
}

TEST(PageSize, IsThatWithWhichADriverAskedForAsManyPages) {
  const std::string log = "cma: cma_alloc: linux,cma: alloc failed, req-size: 1013 pages, ret: -12\n";
  EXPECT_EQ(sized(log + "pispbe 1000880000.pisp_be: dma alloc of size 16588800 failed\n").page_kb, 16U);
  EXPECT_EQ(sized(log + "pispbe 1000880000.pisp_be: dma alloc of size 4149248 failed\n").page_kb, 4U);
  EXPECT_EQ(sized(log + "other: dma alloc of size 12345 failed\n").page_kb, 4U);
}

TEST(PageSize, IsTheUsualOneWhereSeveralFit) {
  // With 16 and with 64 KiB the window lies in the area.
  const std::string areas = "cma: Reserved 1024 MiB at 0x0000000010000000\n";
  const LogAnswer answer = sized(areas + "alloc_contig_range: [4400, 4500) PFNs busy\n");
  EXPECT_EQ(answer.page_kb, 4U);
  EXPECT_FALSE(answer.page_kb_told);
  EXPECT_TRUE(sized(areas + "alloc_contig_range: [20000, 20200) PFNs busy\n").page_kb_told);
}

TEST(PageSize, IsToldByLinesOfWhichNoneAloneTellsIt) {
  const std::string log =
      "cma: Reserved 1024 MiB at 0x0000000010000000\n"
      "alloc_contig_range: [4400, 47f5) PFNs busy\n"
      "cma: cma_alloc: linux,cma: alloc failed, req-size: 1013 pages, ret: -16\n";
  EXPECT_EQ(sized(log).page_kb, 4U);
  EXPECT_EQ(sized(log + "pispbe 1000880000.pisp_be: dma alloc of size 16588800 failed\n").page_kb, 16U);
}

}  // namespace
}  // namespace cma::logs
