#include "properties/logs/requests.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "properties/logs/reading.h"

namespace cma::logs {
namespace {

std::vector<Request> requests_of(std::string_view log) {
  FactReader reader(text_source(log));
  RequestFinder finder;
  Fact fact;
  while (reader.next(fact)) finder.add(fact);
  return finder.take();
}

TEST(Requests, OfOneSweepAreOne) {
  const auto requests = requests_of(
      "alloc_contig_range: [c3400, c51aa) PFNs busy\n"
      "alloc_contig_range: [c3400, c52aa) PFNs busy\n"
      "alloc_contig_range: [c3400, c53aa) PFNs busy\n"
      "alloc_contig_range: [c3800, c56aa) PFNs busy\n");
  ASSERT_EQ(requests.size(), 1U);
  const Reading reading = read_request(requests[0]);
  EXPECT_EQ(reading.pages, 7594U);
  EXPECT_FALSE(reading.pages_named);
  EXPECT_EQ(reading.align, 8U);
  EXPECT_TRUE(reading.align_stepped);
  ASSERT_EQ(reading.swept.size(), 1U);
  EXPECT_EQ(reading.swept[0][3].start, 0xc3900U);
  EXPECT_EQ(reading.without_line, 2U);  // 0xc3700, 0xc3800
  EXPECT_EQ(reading.misplaced, 3U);
}

TEST(Requests, InterleavedByTasksAreKeptApart) {
  const auto requests = requests_of(
      "[  1.000000][  T7] alloc_contig_range: [10000, 10500) PFNs busy\n"
      "[  1.000010][  T8] alloc_contig_range: [10000, 10500) PFNs busy\n"
      "[  1.000020][  T8] alloc_contig_range: [10100, 10600) PFNs busy\n"
      "[  1.000030][  T7] alloc_contig_range: [10100, 10600) PFNs busy\n"
      "[  1.000040][  T7] cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].caller, "T7");
  EXPECT_EQ(requests[0].outcome, Outcome::failed);
  EXPECT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(requests[1].outcome, Outcome::unknown);
  EXPECT_EQ(requests[1].windows(), 2U);
}

TEST(Requests, OfOtherSizesAreKeptApartWithoutTasks) {
  const auto requests = requests_of(
      "alloc_contig_range: [10000, 10500) PFNs busy\n"
      "alloc_contig_range: [20000, 20094) PFNs busy\n"
      "alloc_contig_range: [10100, 10600) PFNs busy\n"
      "alloc_contig_range: [20100, 20194) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 148 pages, ret: -16\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 2U);
  for (const Request& request : requests) {
    EXPECT_EQ(request.windows(), 2U);
    EXPECT_EQ(request.outcome, Outcome::failed);
  }
  EXPECT_EQ(requests[0].pages, 1280U);
  EXPECT_EQ(requests[1].pages, 148U);
}

TEST(Requests, AfterASleepSweepAgain) {
  const auto requests = requests_of(
      "[ 3371.081458] alloc_contig_range: [8fa00, 8ff00) PFNs busy\n"
      "[ 3371.081481] alloc_contig_range: [8fa00, 90000) PFNs busy\n"
      "[ 3371.191527] alloc_contig_range: [8f800, 8fd00) PFNs busy\n"
      "[ 3371.191568] alloc_contig_range: [8f900, 8fe00) PFNs busy\n"
      "[ 3371.191619] cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].sweeps.size(), 2U);
  EXPECT_EQ(requests[0].error, -16);
}

TEST(Requests, ThatBeginAgainAtOnceAreOthers) {
  const auto requests = requests_of(
      "[  1.000000] alloc_contig_range: [10000, 10500) PFNs busy\n"
      "[  1.001000] alloc_contig_range: [10000, 10500) PFNs busy\n");
  EXPECT_EQ(requests.size(), 2U);
}

TEST(Requests, LogAndTraceOfAWindowAreOne) {
  const auto requests = requests_of(
      "  cam-7  [000] ....  1.000001: test_pages_isolated: start_pfn=0x10000 end_pfn=0x10500 fin_pfn=0x10010 ret=fail\n"
      "[  1.000002] alloc_contig_range: [10000, 10500) PFNs busy\n");
  ASSERT_EQ(requests.size(), 1U);
  ASSERT_EQ(requests[0].windows(), 1U);
  EXPECT_EQ(requests[0].last_window()->stopped_at, 0x10010U);
}

TEST(Requests, OfTracesHaveTheirTrueStarts) {
  const auto requests = requests_of(
      "  cam-7  [000] ....  1.000001: cma_alloc_start: name=linux,cma count=148 align=8\n"
      "  cam-7  [000] ....  1.000002: test_pages_isolated: start_pfn=0x10000 end_pfn=0x10194 fin_pfn=0x10150 ret=fail\n"
      "  cam-7  [000] ....  1.000003: cma_alloc_busy_retry: name=linux,cma pfn=0x10100 page=00000000abcd0123 count=148 "
      "align=8\n"
      "  cam-7  [000] ....  1.000004: cma_alloc_finish: name=linux,cma pfn=0x10200 page=00000000abcd0999 count=148 "
      "align=8\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].outcome, Outcome::succeeded);
  EXPECT_EQ(requests[0].windows(), 1U);
  EXPECT_TRUE(requests[0].last_window()->exact);
  EXPECT_EQ(requests[0].last_window()->range.start, 0x10100U);
  EXPECT_EQ(requests[0].last_window()->stopped_at, 0x10150U);
  EXPECT_EQ(requests[0].got, (PfnRange{0x10200, 0x10294}));
}

TEST(Requests, WithSeveralLinesAboutTheirEndAreOne) {
  const auto requests = requests_of(
      "cma: cma_alloc(cma (ptrval), count 148, align 8)\n"
      "cma_alloc_start: name=a count=148 align=8\n"
      "test_pages_isolated: start_pfn=0x10000 end_pfn=0x10094 fin_pfn=0x10200 ret=success\n"
      "cma_alloc_finish: name=a pfn=0x10000 page=(ptrval) count=148 align=8\n"
      "cma: cma_alloc(): returned (ptrval)\n"
      "cma_alloc_start: name=a count=256 align=0\n"
      "cma: __cma_alloc: a: alloc failed, req-size: 256 pages, ret: -12\n"
      "cma: number of available pages: 256@0=> 256 free of 256 total pages\n"
      "cma_alloc_finish: name=a pfn=0x200 page=0000000000000000 count=256 align=0\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].outcome, Outcome::succeeded);
  EXPECT_EQ(requests[1].outcome, Outcome::failed);
  EXPECT_EQ(requests[1].error, -12);
  EXPECT_TRUE(requests[1].runs);
}

TEST(Requests, ThatLoseATestedWindowGoOn) {
  const auto requests = requests_of(
      "cma: cma_alloc(cma (ptrval), count 4, align 0)\n"
      "test_pages_isolated: start_pfn=0x204 end_pfn=0x208 fin_pfn=0x208 ret=success\n"
      "cma: cma_alloc(): memory range at (ptrval) is busy, retrying\n"
      "test_pages_isolated: start_pfn=0x200 end_pfn=0x209 fin_pfn=0x240 ret=success\n"
      "cma_alloc: pfn=205 page=(ptrval) count=4 align=0\n"
      "cma: cma_alloc(): returned (ptrval)\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].windows(), 1U);
  EXPECT_EQ(requests[0].got, (PfnRange{0x205, 0x209}));
}

TEST(Requests, WithFreeRunsHaveThem) {
  const auto requests = requests_of(
      "cma: cma_alloc: alloc failed, req-size: 256 pages, ret: -12\n"
      "cma: number of available pages: 4@572+7@585+127@1921=> 138 free of 2048 total pages\n");
  ASSERT_EQ(requests.size(), 1U);
  ASSERT_TRUE(requests[0].runs);
  ASSERT_EQ(requests[0].runs->runs.size(), 3U);
  EXPECT_EQ(requests[0].runs->runs[2].pages, 127U);
  EXPECT_EQ(requests[0].runs->runs[2].bit, 1921U);
}

TEST(Windows, HaveAStartThatABlockCanCover) {
  EXPECT_TRUE(window_fits({{0x2c200, 0x2d200}, false, 1, {}, {}}, 0x1000));
  EXPECT_TRUE(window_fits({{0x2c200, 0x2d300}, false, 1, {}, {}}, 0x1000));   // order 9 at 0x2c200
  EXPECT_FALSE(window_fits({{0x2c300, 0x2d400}, false, 1, {}, {}}, 0x1000));  // no block of order 9 begins there
  EXPECT_FALSE(window_fits({{0x2c200, 0x2d300}, true, 1, {}, {}}, 0x1000));
  EXPECT_FALSE(window_fits({{0x2c200, 0x2d200}, false, 1, {}, {}}, 0x1001));
}

TEST(Requests, AnEndThatFitsSeveralOfThemIsNoCertainEndOfOne) {
  const std::string windows =
      "alloc_contig_range: [5c00, 5ec7) PFNs busy\n"
      "alloc_contig_range: [5d00, 5fc7) PFNs busy\n";
  const std::string end = "cma: cma_alloc: alloc failed, req-size: 711 pages, ret: -16\n";
  const auto one = requests_of(windows + end);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_FALSE(one[0].end_loose);
  EXPECT_FALSE(one[0].pages_loose);
  const auto two = requests_of(windows + windows + end);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_TRUE(two[1].end_loose);
}

TEST(Requests, AnEndForFewerPagesThanAllWindowsHaveIsOfAnotherUnlessTheirStartsFitIt) {
  const auto requests = requests_of(
      "alloc_contig_range: [5c00, 5ec7) PFNs busy\n"
      "alloc_contig_range: [5e00, 60c7) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 353 pages, ret: -12\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_FALSE(requests[0].pages);
  EXPECT_EQ(requests[1].windows(), 0U);
}

TEST(Requests, OneLargerStepIsRatherALineThatIsMissing) {
  const auto requests = requests_of(
      "alloc_contig_range: [3a000, 3a7e9) PFNs busy\n"
      "alloc_contig_range: [3a200, 3a9e9) PFNs busy\n");
  ASSERT_EQ(requests.size(), 1U);
  const Reading reading = read_request(requests[0]);
  EXPECT_EQ(reading.align, 8U);
  EXPECT_FALSE(reading.align_stepped);
  EXPECT_EQ(reading.without_line, 0U);
}

TEST(Requests, WindowsAtMultiplesOfTheirSizeAreThoseOfGiganticPages) {
  const auto requests = requests_of(
      "alloc_contig_range: [440000, 480000) PFNs busy\n"
      "alloc_contig_range: [480000, 4c0000) PFNs busy\n");
  ASSERT_EQ(requests.size(), 1U);
  const Reading reading = read_request(requests[0]);
  EXPECT_TRUE(reading.gigantic);
  EXPECT_EQ(reading.align, 18U);
}

TEST(Requests, OfTracesHaveWhatMigrationCouldNotMove) {
  const std::string prefix = "  cam-7  [000] ....  1.00000";
  const auto requests = requests_of(
      prefix + "1: cma_alloc_start: name=linux,cma count=148 align=8\n" + prefix +
      "2: mm_migrate_pages: nr_succeeded=31 nr_failed=2 nr_thp_succeeded=0 mode=MIGRATE_SYNC reason=contig_range\n" +
      prefix +
      "3: mm_migrate_pages: nr_succeeded=7 nr_failed=1 nr_thp_succeeded=0 mode=MIGRATE_ASYNC reason=compaction\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].moved, 31U);
  EXPECT_EQ(requests[0].not_moved, 2U);
  EXPECT_EQ(requests[0].moved_line, 2U);
}

TEST(Requests, WindowsLieWholeBitsApart) {
  const auto requests = requests_of(
      "cma: cma_alloc(cma (ptrval), count 16, align 0)\n"
      "alloc_contig_range: [100, 110) PFNs busy\n"
      "alloc_contig_range: [102, 112) PFNs busy\n"
      "alloc_contig_range: [106, 116) PFNs busy\n");
  ASSERT_EQ(requests.size(), 1U);
  const Reading reading = read_request(requests[0]);
  EXPECT_EQ(reading.without_line, 1U);
  EXPECT_FALSE(reading.single_step);
}

TEST(Requests, AnErrorOfNoMemoryIsNoCertainEndOfOneThatTriedWindows) {
  const auto requests = requests_of(
      "alloc_contig_range: [5c00, 5ec7) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 711 pages, ret: -12\n");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].end_loose);
}

// Two requests, for 1280 and for 512 pages: each passes over the window that the other tries.
constexpr const char* kTwoAtOnce =
    "alloc_contig_range: [90000, 90500) PFNs busy\n"
    "alloc_contig_range: [90500, 90700) PFNs busy\n"
    "alloc_contig_range: [90700, 90c00) PFNs busy\n"
    "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n";

TEST(Requests, TakeTheWindowsOfExactlyTheirSize) {
  const auto requests = requests_of(kTwoAtOnce);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].pages, 1280U);
  EXPECT_EQ(requests[0].first_line, 1U);
  ASSERT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(requests[0].sweeps[0].windows[0].range, (PfnRange{0x90000, 0x90500}));
  EXPECT_EQ(requests[0].sweeps[0].windows[1].range, (PfnRange{0x90700, 0x90c00}));
  EXPECT_FALSE(requests[0].pages_loose);
  EXPECT_EQ(requests[1].first_line, 2U);
  ASSERT_EQ(requests[1].windows(), 1U);
  EXPECT_EQ(requests[1].sweeps[0].windows[0].range, (PfnRange{0x90500, 0x90700}));
}

TEST(Requests, TakeTheirWindowsAlsoFromOneThatHasEnded) {
  const auto requests = requests_of(
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n"
      "alloc_contig_range: [90800, 90d00) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 512 pages, ret: -16\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].pages, 1280U);
  EXPECT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(requests[1].pages, 512U);
  EXPECT_EQ(requests[1].windows(), 1U);
}

TEST(Requests, LeaveOthersTheWindowsThatFollowEachOtherByOneAlignment) {
  const auto requests = requests_of(
      "alloc_contig_range: [2c200, 2d200) PFNs busy\n"
      "alloc_contig_range: [2c200, 2d300) PFNs busy\n"
      "alloc_contig_range: [2c400, 2d400) PFNs busy\n"
      "alloc_contig_range: [40000, 41100) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 4352 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].windows(), 3U);
  EXPECT_FALSE(requests[0].pages);
  EXPECT_EQ(requests[1].windows(), 1U);
  EXPECT_EQ(requests[1].pages, 4352U);
  // Nothing shows that the window which it took was its own.
  for (const Request& request : requests) EXPECT_TRUE(request.windows_loose);
}

TEST(Requests, ThatTriedNoWindowTakeNone) {
  const auto requests = requests_of(
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -12\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(requests[1].windows(), 0U);
}

TEST(Requests, OfAKnownSizeComeBeforeThoseForWhichAStartWouldBeThatOfABlock) {
  const auto requests = requests_of(
      "cma: cma_alloc(cma (____ptrval____), count 1280, align 8)\n"
      "cma: cma_alloc(cma (____ptrval____), count 512, align 8)\n"
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].pages, 1280U);
  EXPECT_EQ(requests[0].windows(), 1U);
  EXPECT_EQ(requests[1].windows(), 1U);
}

TEST(Requests, UnderWayAtOnceHaveWindowsThatMayBeOfTheOther) {
  for (const Request& request : requests_of(kTwoAtOnce)) EXPECT_TRUE(request.windows_loose);
  const auto by_tasks = requests_of(
      "[  1.000000][  T7] alloc_contig_range: [10000, 10500) PFNs busy\n"
      "[  1.000010][  T8] alloc_contig_range: [10500, 10700) PFNs busy\n"
      "[  1.000020][  T7] alloc_contig_range: [10700, 10c00) PFNs busy\n");
  ASSERT_EQ(by_tasks.size(), 2U);
  for (const Request& request : by_tasks) {
    EXPECT_FALSE(request.windows_loose);
    EXPECT_NE(request.beside_line, 0U);
  }
  const auto after_each_other = requests_of(
      "alloc_contig_range: [10000, 10500) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n"
      "alloc_contig_range: [10000, 10500) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(after_each_other.size(), 2U);
  for (const Request& request : after_each_other) {
    EXPECT_FALSE(request.windows_loose);
    EXPECT_EQ(request.beside_line, 0U);
  }
}

// Up to 4.10 no line names the pages of a request that failed.
TEST(Requests, WithWindowsOfOneSizeAreOneWhoseWindowsHaveNoOtherStart) {
  const auto requests = requests_of(
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n"
      "alloc_contig_range: [90700, 90c00) PFNs busy\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(read_request(requests[0]).pages, 1280U);
  EXPECT_EQ(read_request(requests[0]).misplaced, 0U);
  EXPECT_EQ(requests[1].windows(), 1U);
}

TEST(Requests, ThatAWindowFitsAsWellAsAnotherHaveNoCertainWindows) {
  const auto requests = requests_of(
      "alloc_contig_range: [10000, 10500) PFNs busy\n"
      "alloc_contig_range: [10000, 10500) PFNs busy\n"
      "alloc_contig_range: [10100, 10600) PFNs busy\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].windows(), 2U);
  EXPECT_TRUE(requests[1].windows_loose);
}

TEST(Requests, TakeNoWindowOfOneThatHadEndedBefore) {
  const auto requests = requests_of(
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 512 pages, ret: -16\n"
      "alloc_contig_range: [a0000, a0500) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].pages, 512U);
  EXPECT_EQ(requests[0].windows(), 2U);
  EXPECT_EQ(requests[1].windows(), 1U);
}

}  // namespace
}  // namespace cma::logs
