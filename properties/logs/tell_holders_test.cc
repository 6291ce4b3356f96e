#include "properties/logs/tell_holders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string told_of_holders(const std::string& log) { return whole_text(explain_log(text_source(log))); }

constexpr const char* kDescribed =
    "page:00000000c4c1b0aa refcount:3 mapcount:1 mapping:000000005f1a2b3c index:0x7f3a2 pfn:0x9a123\n"
    "anon flags: 0x3ffff00000081014(uptodate|lru|owner_priv_1|swapbacked|node=0|zone=2)\n"
    "page dumped because: migration failure\n"
    "page_owner tracks the page as allocated\n"
    "page last allocated via order 0, migratetype Movable, gfp_mask 0x100cca(GFP_HIGHUSER_MOVABLE), pid 2144, ts 488\n"
    "cma: cma_alloc: vdec: alloc failed, req-size: 1024 pages, ret: -16\n";

TEST(TellHolders, APageThatTheKernelDescribedIsTheOneInTheWay) {
  const std::string text = told_of_holders(kDescribed);
  EXPECT_THAT(text, HasSubstr("one of them is page 0x9a123 (anonymous, 3 references, 1 mapping)."));
  EXPECT_THAT(text, HasSubstr("more references than isolation and mappings explain"));
  EXPECT_THAT(text, HasSubstr("it was allocated by pid 2144 with order 0, as Movable (line 5)"));
}

TEST(TellHolders, ReferencesOfIsolationAndMappingsAreNoHolders) {
  std::string log = kDescribed;
  log.replace(log.find("refcount:3"), 10, "refcount:2");
  EXPECT_THAT(told_of_holders(log), Not(HasSubstr("more references than")));
}

TEST(TellHolders, APageOutsideOfTheWindowsIsNotInTheWay) {
  const std::string window = "alloc_contig_range: [8fa00, 8fe00) PFNs busy\n";
  EXPECT_THAT(told_of_holders(window + kDescribed), Not(HasSubstr("one of them is page 0x9a123")));
}

TEST(TellHolders, APageOfABlockThatCouldNotBeIsolatedIsNoneOfARequest) {
  const std::string text = told_of_holders(
      "page:ffffea0004d44000 refcount:1 mapcount:0 mapping:ffff888103d2e000 index:0x0 pfn:0x135100\n"
      "page dumped because: unmovable page\n"
      "cma: cma_alloc: vdec: alloc failed, req-size: 1024 pages, ret: -16\n");
  EXPECT_THAT(text, HasSubstr("which ones, the log does not tell"));
  EXPECT_THAT(text, HasSubstr("its block was to be isolated, and it is no movable page"));
}

constexpr const char* kTrace =
    "  app-77    [001] .....   300.000001: mm_page_alloc: page=00000000a1b2c3d4 pfn=0x3c120 order=1 migratetype=1 "
    "gfp_flags=GFP_USER|__GFP_MOVABLE\n"
    "  v4l2-1402 [002] .....   310.221001: cma_alloc_start: name=linux,cma count=1013 align=8\n"
    "  v4l2-1402 [002] .....   310.221612: mm_migrate_pages: nr_succeeded=31 nr_failed=1 nr_thp_succeeded=0 "
    "nr_thp_failed=0 nr_thp_split=0 mode=MIGRATE_SYNC reason=contig_range\n"
    "  v4l2-1402 [002] .....   310.221700: test_pages_isolated: start_pfn=0x3c000 end_pfn=0x3c3f5 fin_pfn=0x3c121 "
    "ret=fail\n"
    "  v4l2-1402 [002] .....   310.221705: cma_alloc_busy_retry: name=linux,cma pfn=0x3c000 page=00000000deadbeef "
    "count=1013 align=8\n"
    "  v4l2-1402 [002] .....   310.223700: test_pages_isolated: start_pfn=0x3c200 end_pfn=0x3c5f5 fin_pfn=0x3c5f5 "
    "ret=success\n"
    "  v4l2-1402 [002] .....   310.223705: cma_alloc_finish: name=linux,cma pfn=0x3c200 page=00000000c0ffee00 "
    "count=1013 align=8\n";

TEST(TellHolders, ATraceNamesThePageInTheWayAndWhoWasGivenIt) {
  const std::string text = told_of_holders(kTrace);
  EXPECT_THAT(text, HasSubstr("got its pages, after 1 window that was busy."));
  EXPECT_THAT(text, HasSubstr("the first is 0x3c121"));
  EXPECT_THAT(text, HasSubstr("page 0x3c121 was allocated by app-77 (order 1, GFP_USER|__GFP_MOVABLE)"));
  EXPECT_THAT(text, HasSubstr("migration moved 31 pages for it, and could not move 1 page"));
}

TEST(TellHolders, APageThatWasFreedBeforeHasNoUser) {
  const std::string freed =
      "  app-77    [001] .....   300.000002: mm_page_free: page=00000000a1b2c3d4 pfn=0x3c120 order=1\n";
  const std::string trace = kTrace;
  const std::size_t begin = trace.find('\n') + 1;
  EXPECT_THAT(told_of_holders(trace.substr(0, begin) + freed + trace.substr(begin)),
              Not(HasSubstr("was allocated by")));
  EXPECT_THAT(told_of_holders(trace + freed), HasSubstr("was allocated by app-77"));
}

TEST(TellHolders, FramesOfOlderTracesAreDecimal) {
  std::string trace = kTrace;
  trace.replace(trace.find("pfn=0x3c120"), 11, "pfn=246048");
  EXPECT_THAT(told_of_holders(trace), HasSubstr("page 0x3c121 was allocated by app-77"));
}

}  // namespace
}  // namespace cma::logs
