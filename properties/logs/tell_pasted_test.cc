#include "properties/logs/tell_pasted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string told_of_files(const std::string& log) { return whole_text(explain_log(text_source(log))); }

constexpr const char* kArea =
    "/sys/kernel/debug/cma/cma-linux,cma/base_pfn:360448\n"
    "/sys/kernel/debug/cma/cma-linux,cma/bitmap:4294967295 4294967295\n"
    "/sys/kernel/debug/cma/cma-linux,cma/count:163840\n"
    "/sys/kernel/debug/cma/cma-linux,cma/maxchunk:4210\n"
    "/sys/kernel/debug/cma/cma-linux,cma/order_per_bit:0\n"
    "/sys/kernel/debug/cma/cma-linux,cma/used:63530\n";

TEST(TellPasted, AnAreasFilesAreEvidence) {
  const std::string text = told_of_files(std::string("# grep . /sys/kernel/debug/cma/*/*\n") + kArea);
  EXPECT_THAT(text, HasSubstr("area linux,cma: 163840 pages (640 MiB) from frame 0x58000 (lines 2, 4)"));
  EXPECT_THAT(text, HasSubstr("buffers have 63530 pages (248.2 MiB), 100310 pages (391.8 MiB) are without a buffer"));
  EXPECT_THAT(text, HasSubstr("the longest run without a buffer has 4210 pages (16.4 MiB) (line 5)"));
}

TEST(TellPasted, TheLongestRunSaysWhetherThereWasRoom) {
  const std::string failed = "cma: cma_alloc: linux,cma: alloc failed, req-size: ";
  EXPECT_THAT(told_of_files(failed + "5063 pages, ret: -12\n" + kArea),
              HasSubstr("no run has room for the 5063 pages"));
  EXPECT_THAT(told_of_files(failed + "1024 pages, ret: -12\n" + kArea),
              HasSubstr("a run is long enough for the 1024 pages"));
  EXPECT_THAT(
      told_of_files("cma: cma_alloc: other: alloc failed, req-size: 5063 pages, ret: -12\n" + std::string(kArea)),
      Not(HasSubstr("no run has room")));
}

TEST(TellPasted, CountersSinceBootSayThatRequestsFailed) {
  const std::string text = told_of_files(
      "cma_alloc_success 4123\n"
      "cma_alloc_fail 17\n"
      "/sys/kernel/mm/cma/reserved/alloc_pages_fail:34816\n");
  EXPECT_THAT(text, HasSubstr("Since boot 17 requests to areas failed, 4123 got their pages."));
  EXPECT_THAT(text, HasSubstr("area reserved: since boot requests for 34816 pages together failed (line 3)"));
  EXPECT_THAT(told_of_files("cma_alloc_success 4123\ncma_alloc_fail 0\n"), Not(HasSubstr("requests to areas failed")));
}

TEST(TellPasted, FreeBlocksAreThoseOfZonesAndOfAreas) {
  const std::string text = told_of_files(
      "Node 0, zone      DMA   1532   1201    800    501    212    100     55     33     21     11    222 \n"
      "Node    0, zone      DMA, type    Unmovable    100     80     50     20     10      5      2      1      0\n"
      "Node    0, zone      DMA, type          CMA    832    621      0      0      0      0      0      0      0\n"
      "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"
      "Node 0, zone      DMA           50          400           10            0          320            0 \n");
  EXPECT_THAT(text,
              HasSubstr("zone Node 0 DMA: 263814 pages (1030.5 MiB) are free in blocks, the largest have order 10 "
                        "(222 of them) (line 1)"));
  EXPECT_THAT(text,
              HasSubstr("2074 pages (8.1 MiB) are free in blocks of areas, the largest have order 1 (621 of them)"));
  EXPECT_THAT(text, Not(HasSubstr("line 5")));
}

TEST(TellPasted, ABitOfAnAreaStandsForAPowerOfTwoPages) {
  EXPECT_THAT(told_of_files("/sys/kernel/debug/cma/cma-a/order_per_bit:4\n"), HasSubstr("a bit stands for 16 pages"));
}

}  // namespace
}  // namespace cma::logs
