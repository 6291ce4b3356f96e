#include "properties/logs/tell_holders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"
#include "properties/logs/page_uses.h"

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

TEST(TellHolders, APageOfAnotherTimeOrPlaceIsNotInTheWay) {
  const std::string log = kDescribed;
  const std::string none = "which ones, the log does not tell";
  const std::size_t failure = log.find("cma: cma_alloc");
  const std::string page = log.substr(0, failure);
  std::string between;
  for (int i = 0; i < 401; ++i) between += "usb 1-1: new device\n";
  EXPECT_THAT(told_of_holders(log.substr(failure) + page), HasSubstr(none));
  EXPECT_THAT(told_of_holders(page + between + log.substr(failure)), HasSubstr(none));
  const std::string area = "Reserved memory: created CMA memory pool at 0x0000000040000000, size 16 MiB\n";
  const std::string runs = "cma: number of available pages: 2000@0=> 2000 free of 4096 total pages\n";
  EXPECT_THAT(told_of_holders(area + log + runs), HasSubstr("one in [0x40300, 0x40400) would explain it"));
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

TEST(TellHolders, AnOwnerIsOfThePageThatIsDescribedRightBefore) {
  const std::string log = kDescribed;
  const std::size_t owner = log.find("page_owner");
  const std::string other =
      "page:00000000c4c1b0bb refcount:0 mapcount:-128 mapping:0000000000000000 index:0x0 pfn:0x11111\n"
      "page dumped because: nonzero mapcount\n";
  EXPECT_THAT(told_of_holders(log.substr(0, owner) + other + log.substr(owner)), Not(HasSubstr("it was allocated by")));
}

TEST(TellHolders, AnOwnerOfAPageThatIsNotKeptIsNotThatOfTheLastOneKept) {
  std::string log = kDescribed;
  log.erase(log.find("page_owner"), log.find("cma: ") - log.find("page_owner"));
  for (int i = 0; i < 64; ++i) log += log.substr(0, log.find("cma: "));
  const std::string text = told_of_holders(log + kDescribed);
  EXPECT_THAT(text, Not(HasSubstr("it was allocated by")));
}

TEST(TellHolders, TheNameOfAnOwnerStandsBehindItsThreadGroup) {
  std::string log = kDescribed;
  log.replace(log.find("pid 2144, ts 488"), 16, "pid 2144, tgid 2140 (camera), ts 488, free_ts 7");
  EXPECT_THAT(told_of_holders(log), HasSubstr("it was allocated by pid 2144 (camera) with order 0"));
}

// Returns what is said of the page in the way, 0x3c121, where these lines stand before the request.
std::string told_after(const std::string& lines) {
  const std::string trace = kTrace;
  return told_of_holders(lines + trace.substr(trace.find('\n') + 1));
}

std::string given_line(const std::string& task, const std::string& pfn, unsigned order) {
  return "  " + task + "    [001] .....   300.000001: mm_page_alloc: page=00000000a1b2c3d4 pfn=0x" + pfn +
         " order=" + std::to_string(order) + " migratetype=1 gfp_flags=GFP_USER\n";
}

std::string freed_line(const std::string& pfn, unsigned order) {
  return "  app-77    [001] .....   300.000002: mm_page_free: page=00000000a1b2c3d4 pfn=0x" + pfn +
         " order=" + std::to_string(order) + "\n";
}

TEST(TellHolders, APageGivenInALargerBlockIsNoLongerItsFormerUsers) {
  const std::string text = told_after(given_line("old-55", "3c121", 0) + given_line("new-77", "3c120", 1));
  EXPECT_THAT(text, HasSubstr("was allocated by new-77"));
  EXPECT_THAT(told_after(given_line("old-55", "3c120", 1) + given_line("new-77", "3c120", 0)),
              Not(HasSubstr("was allocated by")));
}

TEST(TellHolders, OfABlockThatWasFreedInPartNoUserIsNamed) {
  for (const char* freed : {"3c120", "3c121"})
    EXPECT_THAT(told_after(given_line("app-77", "3c120", 1) + freed_line(freed, 0)), Not(HasSubstr("was allocated by")))
        << freed;
  EXPECT_THAT(told_after(given_line("app-77", "3c120", 1) + freed_line("3c122", 1)), HasSubstr("was allocated by"));
  EXPECT_THAT(told_after(given_line("app-77", "3c121", 0) + freed_line("3c100", 6)), Not(HasSubstr("was allocated")));
}

// Returns as many lines about other pages as uses are kept, and some more.
std::string many_given() {
  std::string text;
  for (std::size_t i = 0; i < kMostPageUses + 4; ++i) {
    char pfn[16];
    std::snprintf(pfn, sizeof(pfn), "%zx", 0x100000 + i);
    text += given_line("old-55", pfn, 0);
  }
  return text;
}

TEST(TellHolders, OfManyUsesTheLastAreKept) {
  const std::string used = given_line("new-77", "3c121", 0);
  EXPECT_THAT(told_after(many_given() + used), HasSubstr("was allocated by new-77"));
  EXPECT_THAT(told_after(used + many_given()), Not(HasSubstr("was allocated by")));
}

TEST(TellHolders, UsesThatWereFreedGiveWayFirst) {
  std::string others = many_given();
  for (int i = 0; i < 5; ++i) others.erase(0, others.find('\n') + 1);
  const std::string freed = given_line("b-1", "200000", 0) + freed_line("200000", 0);
  EXPECT_THAT(told_after(given_line("new-77", "3c121", 0) + freed + others), HasSubstr("was allocated by new-77"));
}

}  // namespace
}  // namespace cma::logs
