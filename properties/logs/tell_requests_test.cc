#include "properties/logs/tell_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

LogAnswer answer_of_requests(const std::string& log) { return explain_log(text_source(log)); }
std::string told_of_requests(const std::string& log) { return whole_text(answer_of_requests(log)); }

constexpr const char* kOnePage = "cma: cma_alloc: linux,cma: alloc failed, req-size: 1 pages, ret: -16\n";

TEST(TellRequests, ThatDidNotGetOnePageHaveNoSingleHolder) {
  const LogAnswer answer = answer_of_requests(std::string(kOnePage) + "CmaFree: 7000 kB\nCmaFree: 0 kB\n");
  EXPECT_THAT(answer.brief.at(1),
              HasSubstr("This does not look like a leak: one of the whole area gives -12, not -16. A small CmaFree "
                        "alone says nothing of it. `used` in debugfs tells what buffers have. When the request failed "
                        "no page was free"));
  EXPECT_THAT(answer.brief.at(2), HasSubstr("No single holder explains that"));
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, Not(HasSubstr("find its holder")));
  EXPECT_THAT(text, HasSubstr("since 4.12 requests made in a scope without file systems"));
  EXPECT_THAT(text,
              HasSubstr("it is of other moments than the failure: a request for one page fails only while none is "
                        "free (lines 1-3)"));
}

TEST(TellRequests, ThatDidNotGetOnePageShowOnlyThatBuffersDoNotHaveAll) {
  EXPECT_THAT(answer_of_requests(kOnePage).brief.at(1),
              HasSubstr("Buffers do not have all of the area. When the request failed no page was free"));
  EXPECT_THAT(told_of_requests("cma: cma_alloc: linux,cma: alloc failed, req-size: 2 pages, ret: -16\nCmaFree: 8 kB\n"),
              Not(HasSubstr("other moments")));
  // At a larger alignment not every page is tried.
  const LogAnswer aligned = answer_of_requests(
      "Linux version 5.10.1\n"
      "cma: cma_alloc(cma (____ptrval____), count 1, align 3)\n"
      "cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -16\n"
      "CmaFree: 7000 kB\n");
  EXPECT_THAT(aligned.brief.at(1), HasSubstr("There was room, but pages in it could not be moved"));
  EXPECT_THAT(whole_text(aligned), Not(HasSubstr("other moments")));
  // An area without any room has the same error since 6.15.
  EXPECT_THAT(answer_of_requests("cma: __cma_alloc_frozen: a: alloc failed, req-size: 1 pages, ret: -16\n").brief.at(1),
              HasSubstr("The area has no room, or pages in it could not be moved"));
}

// Free pages are not what is without a buffer: how many there were tells nothing of a leak.
TEST(TellRequests, AreSaidToMeetNoLeakWhateverIsFree) {
  for (const char* free : {"CmaFree: 0 kB\n", "CmaFree: 900 kB\n", "CmaTotal: 65536 kB\nCmaFree: 65000 kB\n"}) {
    const std::string brief = answer_of_requests(kOnePage + std::string(free)).brief.at(1);
    EXPECT_THAT(brief, testing::StartsWith("This does not look like a leak")) << free;
    EXPECT_THAT(brief, Not(HasSubstr("CmaFree was"))) << free;
  }
}

TEST(TellRequests, WhatBuffersHaveByAFileComesFirst) {
  const std::string files =
      "/sys/kernel/debug/cma/cma-linux,cma/count:2048\n/sys/kernel/debug/cma/cma-linux,cma/used:2000\n";
  const LogAnswer answer = answer_of_requests(kOnePage + std::string("CmaFree: 8 kB\n") + files);
  EXPECT_THAT(
      answer.brief.at(1),
      testing::StartsWith("Buffers have 2000 of the area's 2048 pages, at the moment of the file. This does not "
                          "look like a leak"));
  EXPECT_THAT(answer.brief.at(1), Not(HasSubstr("`used`")));
  const std::string other = "/sys/kernel/debug/cma/other/count:2048\n/sys/kernel/debug/cma/other/used:2000\n";
  EXPECT_THAT(answer_of_requests(kOnePage + other).brief.at(1), Not(HasSubstr("Buffers have 2000")))
      << "it is of another area";
  EXPECT_THAT(answer_of_requests("cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -16\n" + other).brief.at(1),
              HasSubstr("Buffers have 2000"));
}

TEST(TellRequests, OnlyKernelsThatCanPassOverFilesAreSaidTo) {
  const std::string vendors = "in which vendors took back";
  const std::string scope = "since 4.12 requests";
  const std::string failed = "cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -16\n";
  const auto told_on = [&](const char* version) {
    return told_of_requests("Linux version " + std::string(version) + "\n" + failed);
  };
  EXPECT_THAT(told_on("4.9.1"), Not(AnyOf(HasSubstr(vendors), HasSubstr(scope))));
  EXPECT_THAT(told_on("4.11.1"), AllOf(HasSubstr(vendors), Not(HasSubstr(scope))));
  EXPECT_THAT(told_on("4.19.1"), AllOf(HasSubstr(vendors), HasSubstr(scope)));
  EXPECT_THAT(told_on("5.10.1"), AllOf(Not(HasSubstr(vendors)), HasSubstr(scope)));
}

constexpr const char* kScreenFailed =
    "[    0.200000] Memory: 500000K/524288K available (24288K reserved, 16384K cma-reserved)\n"
    "[    1.200000] cma: cma_alloc: reserved: alloc failed, req-size: 3600 pages, ret: -12\n";

// Returns a command line with this parameter.
std::string with_parameter(const std::string& parameter) {
  return "[    0.000000] Kernel command line: console=tty1 " + parameter + " quiet\n";
}

TEST(TellRequests, APoolThatTakesTheOnlyPlaceIsNamed) {
  for (const char* size : {"2M", "2m", "2048K", "0x200000", "2097152"}) {
    const LogAnswer answer = answer_of_requests(with_parameter(std::string("coherent_pool=") + size) + kScreenFailed);
    EXPECT_EQ(answer.brief.at(1),
              std::string("coherent_pool=") + size +
                  " takes 512 pages (2 MiB): if they are of this area, the request does not fit beside them.");
    EXPECT_EQ(answer.brief.at(2), "A larger area, or a smaller coherent_pool=.");
    EXPECT_THAT(whole_text(answer),
                HasSubstr("512 pages (2 MiB) for atomic requests, which come from the default area if "
                          "there is one, leave 3584 of 4096: the 3600 do not fit beside them "
                          "(lines 1-3)"));
  }
}

TEST(TellRequests, APoolThatLeavesRoomOrIsInAnotherAreaIsNotNamed) {
  const std::string failed = kScreenFailed;
  // 256 pages at the begin leave room for 3600 at bit 256.
  EXPECT_THAT(told_of_requests(with_parameter("coherent_pool=1M") + failed), Not(HasSubstr("atomic requests")));
  // One page less than that takes as much: the next place is at the same bit.
  EXPECT_THAT(told_of_requests(with_parameter("coherent_pool=1020K") + failed), Not(HasSubstr("atomic requests")));
  // 1988 KiB are 497 pages, and the next place is at bit 512.
  EXPECT_THAT(told_of_requests(with_parameter("coherent_pool=1988K") + failed), HasSubstr("497 pages"));
  for (const char* none :
       {"coherent_pool=", "coherent_pool=2X", "coherent_pool=2Mx", "coherent_pool=-1", "xcoherent_pool=2M"})
    EXPECT_THAT(told_of_requests(with_parameter(none) + failed), Not(HasSubstr("atomic requests"))) << none;
  std::string other = failed;
  other.replace(other.find("reserved: alloc"), 8, "vpu-area");
  EXPECT_THAT(told_of_requests(with_parameter("coherent_pool=2M") + other), Not(HasSubstr("atomic requests")));
}

TEST(TellRequests, AConsoleWithAScreenOfTheirSizeShowsThatNoHarmWasDone) {
  // 2560 x 1440 dots of 4 bytes are 3600 pages: 320 x 90 characters of 8 x 16 dots, 160 x 45 of 16 x 32.
  for (const char* size : {"320x90", "160x45"}) {
    const LogAnswer answer = answer_of_requests(
        std::string(kScreenFailed) + "[    1.700000] Console: switching to colour frame buffer device " + size + "\n");
    EXPECT_THAT(answer.brief.at(2), HasSubstr("It need not matter: the console went on with a screen of this size"))
        << size;
    EXPECT_THAT(whole_text(answer), HasSubstr(std::string("after it the console has ") + size + " characters")) << size;
  }
}

TEST(TellRequests, AConsoleOfAnotherSizeOrMomentShowsNothing) {
  const std::string console = "Console: switching to colour frame buffer device ";
  const std::string failed = kScreenFailed;
  for (const std::string& log :
       {failed + "[    1.700000] " + console + "240x67\n", failed + "[   12.700000] " + console + "320x90\n",
        "[    0.700000] " + console + "320x90\n" + failed,
        failed + "[    1.700000] " + console + "99999999999x9999999999\n"})
    EXPECT_THAT(told_of_requests(log), Not(HasSubstr("need not matter"))) << log;
}

constexpr const char* kCalls =
    "cma: cma_alloc(cma (____ptrval____), count 100, align 7)\n"
    "cma: cma_alloc(cma (____ptrval____), count 300, align 8)\n"
    "cma: cma_alloc(cma (____ptrval____), count 300, align 8)\n"
    "cma: cma_alloc(cma (____ptrval____), count 20, align 4)\n";

TEST(TellRequests, OfWhichNothingElseIsKnownAreRowsOfOneTable) {
  const LogAnswer answer = answer_of_requests(kCalls);
  EXPECT_THAT(whole_text(answer), HasSubstr("requests of which none is seen to fail\n"
                                            "100 pages (400 KiB), alignment 7 (128 pages) (line 1)\n"
                                            "300 pages (1.2 MiB), alignment 8 (256 pages), 2 times (lines 2-3)\n"
                                            "20 pages (80 KiB), alignment 4 (16 pages) (line 4)\n"));
  EXPECT_EQ(answer.requests.size(), 3U);
}

TEST(TellRequests, HeldAtOnceTakeWholeMultiplesOfTheirAlignments) {
  const LogAnswer answer = answer_of_requests(kCalls);
  // 100 at 0, 300 at 256 and at 768, 20 at 112. The other way round 300 at 0 and at 512, and the others between them.
  EXPECT_THAT(answer.brief.at(1),
              HasSubstr("Held at once they take 1068 pages (4.2 MiB) of an area in the order of the log, and 812 pages "
                        "(3.2 MiB) in the best: at alignment 8 a buffer takes a multiple of 256 pages"));
  EXPECT_THAT(answer.collect,
              ElementsAre(HasSubstr("printf '%s\\n' '100 align 7' '300 x2 align 8' '20 align 4' | cmacheck fit -")));
  const LogAnswer whole = answer_of_requests("cma: cma_alloc(cma (____ptrval____), count 512, align 8)\n");
  EXPECT_EQ(whole.brief.size(), 2U);
}

TEST(TellRequests, OfTooManyKindsMakeNoCommand) {
  std::string log;
  for (int pages = 1; pages <= 25; ++pages)
    log += "cma: cma_alloc(cma (____ptrval____), count " + std::to_string(pages) + ", align 0)\n";
  EXPECT_THAT(answer_of_requests(log).collect, IsEmpty());
}

TEST(TellRequests, ThatGotTheirPagesHaveTheirPlacesInTheTable) {
  const std::string prefix = "  cam-7  [000] ....  1.00000";
  const std::string log = prefix + "1: cma_alloc_start: name=vpu count=300 align=8\n" + prefix +
                          "2: cma_alloc_finish: name=vpu pfn=0x40000 page=00000000abcd0001 count=300 align=8\n" +
                          prefix + "3: cma_alloc_start: name=vpu count=10 align=4\n" + prefix +
                          "4: cma_alloc_finish: name=vpu pfn=0x40130 page=00000000abcd0002 count=10 align=4\n";
  EXPECT_THAT(told_of_requests(log),
              HasSubstr("300 pages (1.2 MiB) of area vpu by cam, alignment 8 (256 pages): got [0x40000, 0x4012c)"));
  EXPECT_THAT(told_of_requests(log), HasSubstr("got [0x40130, 0x4013a) (lines 3-4)"));
}

TEST(TellRequests, UnderWayAtOnceSayNothingMoreThanWhatFits) {
  const std::string log =
      "Linux version 4.19.87\n"
      "alloc_contig_range: [90000, 90500) PFNs busy\n"
      "alloc_contig_range: [90500, 90700) PFNs busy\n"
      "alloc_contig_range: [90700, 90c00) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n";
  const LogAnswer answer = answer_of_requests(log);
  EXPECT_THAT(answer.brief.at(1), HasSubstr("several, as no page is part of all windows that were tried, if the "
                                            "windows are its own: another request was under way meanwhile"));
  EXPECT_THAT(answer.brief.at(2), HasSubstr("A later attempt may also find a window that the other hid."));
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, HasSubstr("2 windows failed, beginning at 0x90000, 0x90700 (lines 2, 4)"));
  EXPECT_THAT(text, HasSubstr("it asked for 512 pages (2 MiB): the most that fit all of its windows (line 3)"));
  EXPECT_THAT(text, HasSubstr("another request was under way meanwhile: each passes over windows that have a page of "
                              "the one that the other tries, so windows without a line may have had no buffer in them "
                              "(lines 2-3)\nwithout names of tasks, whose a window is rests on sizes and places only "
                              "(lines 2, 4)"));
  EXPECT_THAT(text, Not(HasSubstr("free were")));
  for (const Section& section : answer.sections)
    for (const Statement& statement : section.statements)
      for (const char* of_windows : {"more than one page", "windows failed", "window failed", "a page in the way lies",
                                     "the area has all of", "-16 (-EBUSY)"}) {
        const bool is_one = statement.text.find(of_windows) != std::string::npos;
        EXPECT_TRUE(!is_one || statement.certainty == Certainty::fits) << statement.text;
      }
}

TEST(TellRequests, UnderWayAtOnceByTasksKeepTheirCertainty) {
  const std::string log =
      "[  1.000000][  T7] alloc_contig_range: [90000, 90500) PFNs busy\n"
      "[  1.000010][  T8] alloc_contig_range: [90500, 90700) PFNs busy\n"
      "[  1.000020][  T7] alloc_contig_range: [90700, 90c00) PFNs busy\n"
      "[  1.000030][  T7] cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n";
  const std::string text = told_of_requests(log);
  EXPECT_THAT(text, HasSubstr("so windows without a line may have had no buffer in them (lines 1-2)"));
  EXPECT_THAT(text, Not(HasSubstr("rests on sizes and places only")));
  // Up to 3.15 a request lets no other one try before it has ended.
  EXPECT_THAT(told_of_requests("Linux version 3.14.1\n" + log), Not(HasSubstr("under way meanwhile: each")));
}

constexpr const char* kPool = "Reserved memory: created CMA memory pool at 0x00000000b0000000, size 64 MiB\n";

// Returns the lines of a request that failed, with the free runs that its area has left.
std::string failed_with_runs(const std::string& runs) {
  return "cma: cma_alloc: linux,cma: alloc failed, req-size: 2048 pages, ret: -16\n"
         "cma: number of available pages: " +
         runs + "=> 2900 free of 16384 total pages\n";
}

TEST(TellRequests, TheFreeRunsOfAnAreaTellWhichWindowsWereTried) {
  const std::string version = "Linux version 6.1.55\n";
  const std::string failed = failed_with_runs("40@216+2560@1536+300@6868");
  const LogAnswer answer = answer_of_requests(version + kPool + failed + failed);
  ASSERT_EQ(answer.requests.size(), 1U);
  EXPECT_EQ(answer.requests[0].suspects, std::vector<PfnRange>({{0xb0800, 0xb0e00}}));
  EXPECT_EQ(answer.requests[0].suspects_certainty, Certainty::fits);
  EXPECT_EQ(answer.brief.at(0), "2 requests for 2048 pages (8 MiB) of area linux,cma failed with -16.");
  EXPECT_THAT(answer.brief.at(1),
              HasSubstr("by the free runs that are left, one in [0xb0800, 0xb0e00) would explain it."));
  EXPECT_THAT(
      whole_text(answer),
      HasSubstr("at this alignment these free runs have 3 windows for it, beginning at 0xb0600 ... 0xb0800: one "
                "page would explain that all of them failed, if it lies in [0xb0800, 0xb0e00) (lines 2, 4)"));
  EXPECT_THAT(answer.collect, testing::Contains(HasSubstr("page-types -l -a 0xb0800,0xb0e00 ")));
  // Of an area that the log does not have they are counted from its begin.
  const LogAnswer nowhere = answer_of_requests(version + failed);
  EXPECT_THAT(nowhere.brief.at(1), HasSubstr("one in pages 2048 to 3583 of the area would explain it"));
  EXPECT_THAT(nowhere.requests[0].suspects, IsEmpty());
  EXPECT_THAT(nowhere.collect, Not(testing::Contains(HasSubstr("page-types"))));
}

TEST(TellRequests, FreeRunsApartHaveNoPageInCommon) {
  const LogAnswer answer =
      answer_of_requests(std::string("Linux version 6.1.55\n") + kPool + failed_with_runs("2060@0+2048@4096"));
  EXPECT_THAT(answer.brief.at(1), HasSubstr("which ones, the log does not tell"));
  EXPECT_THAT(whole_text(answer), HasSubstr("these free runs have 2 windows for it, beginning at 0xb0000, 0xb1000; no "
                                            "page is part of all of them"));
  EXPECT_THAT(answer.requests[0].suspects, IsEmpty());
}

TEST(TellRequests, TheSizeOfAnAreaTellsWhatItsFewWindowsHaveInCommon) {
  const std::string failed = "cma: cma_alloc: linux,cma: alloc failed, req-size: 16000 pages, ret: -16\n";
  const std::string version = "Linux version 6.1.55\n";
  const LogAnswer answer = answer_of_requests(version + kPool + failed);
  EXPECT_THAT(answer.brief.at(1), HasSubstr("by the size of the area, one in [0xb0100, 0xb3e80) would explain it."));
  EXPECT_THAT(whole_text(answer),
              HasSubstr("the only area that a line names has 2 windows for it, beginning at 0xb0000, "
                        "0xb0100: one page would explain"));
  // With a second area it is not known which of them was asked.
  const std::string other = "Reserved memory: created CMA memory pool at 0x00000000d0000000, size 128 MiB\n";
  EXPECT_THAT(answer_of_requests(version + kPool + other + failed).brief.at(1),
              HasSubstr("which ones, the log does not tell"));
  // One that fits many times tells nothing.
  EXPECT_THAT(
      told_of_requests(version + kPool + "cma: cma_alloc: linux,cma: alloc failed, req-size: 300 pages, ret: -16\n"),
      Not(HasSubstr("windows for it")));
}

TEST(TellRequests, ThatFailedAlikeAreCountedTogetherWhateverWasFree) {
  const std::string log = std::string("Linux version 6.1.55\n") + kPool + failed_with_runs("2060@0+2048@4096") +
                          failed_with_runs("2060@0+2048@4096+5@10000");
  const LogAnswer answer = answer_of_requests(log);
  EXPECT_EQ(answer.requests.size(), 2U);
  EXPECT_THAT(answer.brief.at(0), testing::StartsWith("2 requests for 2048 pages"));
  EXPECT_THAT(answer.brief.at(0), Not(HasSubstr("Besides")));
}

TEST(TellRequests, ThatFailedAnotherWayForAsMuchShowWhatChangedMeanwhile) {
  const std::string busy = "cma: __cma_alloc: linux,cma: alloc failed, req-size: 7594 pages, ret: -16\n";
  const std::string full = "cma: __cma_alloc: linux,cma: alloc failed, req-size: 7594 pages, ret: -12\n";
  const std::string small = "cma: __cma_alloc: linux,cma: alloc failed, req-size: 3 pages, ret: -16\n";
  EXPECT_THAT(answer_of_requests("Linux version 6.12.10\n" + busy + full + small).brief.at(0),
              HasSubstr("Besides: A later request for as many pages failed with -12: it looks as if buffers had taken "
                        "the room meanwhile. 1 other request failed."));
  EXPECT_THAT(answer_of_requests("Linux version 6.12.10\n" + busy + full + full).brief.at(0),
              HasSubstr("Besides: An earlier request for as many pages failed with -16: then there was room for it."));
  // Since 6.15 the errors mean other things.
  EXPECT_THAT(answer_of_requests("Linux version 6.16.1\n" + busy + full).brief.at(0), Not(HasSubstr("the room")));
}

TEST(TellRequests, TheLongestFreeRunIsSaidToLackPages) {
  const auto told = [](const std::string& runs) {
    return answer_of_requests(
        "Linux version 5.15.71\ncma: cma_alloc: linux,cma: alloc failed, req-size: 3038 pages, ret: -12\n"
        "cma: number of available pages: " +
        runs + " free of 163840 total pages\n");
  };
  // 2900 pages from bit 120000 on are 2836 from bit 120064 on, the first multiple of 256.
  const LogAnswer pieces = told("33@31+1500@2048+2900@120000=> 4433");
  EXPECT_THAT(pieces.brief.at(1), HasSubstr("the longest lacks 202 pages at alignment 8."));
  EXPECT_THAT(whole_text(pieces),
              HasSubstr("enough are free, but in pieces (line 3)\nat this alignment the most that a "
                        "run has is 2836 pages (11.1 MiB), 202 short (line 3)"));
  const LogAnswer unaligned = told("3100@100=> 3100");
  EXPECT_THAT(whole_text(unaligned),
              HasSubstr("not from a multiple of its alignment on; at this alignment the most that "
                        "a run has is 2944 pages (11.5 MiB), 94 short"));
  EXPECT_THAT(told("20@100=> 20").brief.at(1), testing::EndsWith("has room for the request."));
}

TEST(TellRequests, WithOneWindowMayBeForFewerPagesOnlyIfItsStartCanBeThatOfABlock) {
  const std::string fewer = "or for fewer if the window begins inside a free block";
  EXPECT_THAT(told_of_requests("alloc_contig_range: [90000, 90500) PFNs busy\n"), HasSubstr(fewer));
  EXPECT_THAT(told_of_requests("alloc_contig_range: [700fb, 700fc) PFNs busy\n"), Not(HasSubstr(fewer)));
  // At such a start no larger block begins than the distance of two windows.
  EXPECT_THAT(told_of_requests("alloc_contig_range: [90100, 90600) PFNs busy\n"), Not(HasSubstr(fewer)));
}

}  // namespace
}  // namespace cma::logs
