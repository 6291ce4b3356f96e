#include "properties/logs/tell_pages.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LogAnswer answer_of_pages(const std::string& log) { return explain_log(text_source(log)); }
std::string told_of_pages(const std::string& log) { return whole_text(answer_of_pages(log)); }

constexpr const char* kZones =
    "Node 0 DMA free:15900kB min:264kB low:328kB high:392kB active_anon:0kB inactive_anon:0kB active_file:0kB "
    "inactive_file:0kB managed:15908kB free_cma:0kB\n"
    "lowmem_reserve[]: 0 2973 3929 3929 3929\n"
    "Node 0 Normal free:16384kB min:16388kB low:20484kB high:24580kB active_anon:736000kB inactive_anon:120000kB "
    "active_file:300kB inactive_file:900kB managed:979652kB free_cma:0kB\n"
    "lowmem_reserve[]: 0 0 0 0 0\n";

TEST(TellPages, OfZonesThatRefuseTheLargestIsNamed) {
  const LogAnswer answer = answer_of_pages(
      std::string("java invoked oom-killer: gfp_mask=0x14200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null), order=0\n") +
      kZones + "Killed process 2101 (java) total-vm:6048048kB, anon-rss:3480048kB\n");
  ASSERT_EQ(answer.failures.size(), 1U);
  EXPECT_EQ(answer.failures[0].zone, "Node 0 Normal");
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, HasSubstr("tasks have 856000 kB as anonymous memory (86 %)"));
  EXPECT_THAT(text, HasSubstr("the kernel killed java (line 6)"));
}

TEST(TellPages, ARequestThatWaitsHasNotFailed) {
  for (const char* word : {"alloction", "allocation"}) {
    const std::string text = told_of_pages(std::string("kswapd0: page ") + word +
                                           " stalls for 12004ms, order:0, mode:0x14200ca(GFP_HIGHUSER_MOVABLE)\n");
    EXPECT_THAT(text, HasSubstr("by kswapd0 had waited for 12.0 s and not failed."));
    EXPECT_THAT(text, Not(HasSubstr("failed:")));
  }
}

TEST(TellPages, DescriptorsOfPagesAreThenPutIntoSinglePages) {
  const std::string text =
      told_of_pages("kworker/u16:2: vmemmap alloc failure: order:9, mode:0xcc0(GFP_KERNEL), nodemask=(null)\n");
  EXPECT_THAT(text, HasSubstr("There was no block of order 9 for descriptors of pages, asked for by kworker/u16:2;"));
  EXPECT_THAT(text, HasSubstr("the line alone is no failure"));
}

TEST(TellPages, AReportThatWasAskedForShowsNoFailure) {
  const std::string text = told_of_pages(
      "sysrq: Show Memory\n"
      "Normal free:811264kB min:16384kB low:20480kB high:24576kB managed:936360kB free_cma:262144kB\n");
  EXPECT_THAT(text, HasSubstr("A memory report that was asked for; it shows no failure."));
  EXPECT_THAT(text, Not(HasSubstr("at the failure")));
}

TEST(TellPages, AControlGroupHasItsLimit) {
  const std::string text = told_of_pages(
      "    MESSAGE=python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=985\n"
      "    MESSAGE=memory: usage 524288kB, limit 524288kB, failcnt 8123\n"
      "    MESSAGE=oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task=python3,pid=77121,uid=0\n"
      "    MESSAGE=Memory cgroup out of memory: Killed process 77121 (python3) total-vm:2097152kB\n");
  EXPECT_THAT(text, HasSubstr("a request of order 0 by python3:"));
  EXPECT_THAT(text, HasSubstr("the group's limit is 524288 kB (line 2)"));
  EXPECT_THAT(text, HasSubstr("the kernel killed python3 (line 4)"));
}

TEST(TellPages, ZonesOfNodesThatTheTaskMayNotUseDoNotCount) {
  const std::string log =
      "qemu invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0\n"
      "Node 0 Normal free:40000kB min:42000kB low:72000kB high:102000kB managed:30700000kB free_cma:0kB\n"
      "Node 1 Normal free:9000000kB min:45000kB low:77000kB high:109000kB managed:33020000kB free_cma:0kB\n"
      "[  777.000070] oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=(null),cpuset=vm1,mems_allowed=";
  const LogAnswer bound = answer_of_pages(log + "0,global_oom,task=qemu,pid=5\n");
  ASSERT_EQ(bound.failures.size(), 1U);
  EXPECT_EQ(bound.failures[0].verdict, Verdict::refused);
  EXPECT_EQ(bound.failures[0].zone, "Node 0 Normal");
  EXPECT_THAT(whole_text(bound), HasSubstr("zone Node 1 Normal is of a node that the task may not use"));
  EXPECT_EQ(answer_of_pages(log + "0-1,global_oom,task=qemu,pid=5\n").failures[0].zone, "Node 1 Normal");
}

TEST(TellPages, TheNameOfATaskIsWhatStandsBehindThePrefix) {
  const std::string rest = ": page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)\n";
  const char* prefixes[] = {"", "[    1.000000] ", "<4>[    1.000000]  (4)[6311:cam_preview]",
                            "Jan 17 03:12:44 web1 kernel: ", "Jan 17 03:12:44 web1 kernel: [1234567.123456] "};
  for (const std::string prefix : prefixes)
    EXPECT_THAT(told_of_pages(prefix + "GC Thread#0" + rest), HasSubstr("by GC Thread#0 failed")) << prefix;
}

constexpr const char* kTwoNodes =
    "qemu invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0\n"
    "Node 0 Normal free:40000kB min:42000kB low:72000kB high:102000kB managed:30700000kB free_cma:0kB\n"
    "Node 100 Normal free:9000000kB min:45000kB low:77000kB high:109000kB managed:33020000kB free_cma:0kB\n";

// Returns the zone that decides where a task may use these nodes.
std::string zone_with_nodes(const std::string& nodes) {
  const std::string killed = "oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=(null),cpuset=vm1,mems_allowed=" + nodes;
  return answer_of_pages(kTwoNodes + killed + ",global_oom,task=qemu,pid=5\n").failures.at(0).zone;
}

TEST(TellPages, NodesOfATaskAreRanges) {
  EXPECT_EQ(zone_with_nodes("0-127"), "Node 100 Normal");
  EXPECT_EQ(zone_with_nodes("0,2,4,6-99,101"), "Node 0 Normal");
  EXPECT_EQ(zone_with_nodes("0,2,4,100"), "Node 100 Normal");
}

TEST(TellPages, ANodeListThatIsTooLongOrCannotBeReadTellsNothing) {
  std::string list = "0";
  for (int node = 2; node < 140; node += 2) list += "," + std::to_string(node == 100 ? 101 : node);
  EXPECT_EQ(zone_with_nodes(list), "Node 100 Normal");
  EXPECT_EQ(zone_with_nodes("0-"), "Node 100 Normal");
  EXPECT_EQ(zone_with_nodes("3-0"), "Node 100 Normal");
}

TEST(TellPages, WithoutTheSizeOfPagesWhatDependsOnItIsNotKnown) {
  const std::string failed =
      "Linux version 6.1.0\n"
      "a: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)\n"
      "DMA32 free:4096kB boost:0kB min:1024kB low:1280kB high:1536kB reserved_highatomic:0KB managed:61440kB "
      "free_cma:0kB\n"
      "lowmem_reserve[]: 0 0 500 500\n";
  const LogAnswer open = answer_of_pages(failed);
  ASSERT_EQ(open.failures.size(), 1U);
  EXPECT_EQ(open.failures[0].verdict, Verdict::not_known);
  EXPECT_THAT(whole_text(open), HasSubstr("Whether enough pages are free depends on their size"));
  const LogAnswer told = answer_of_pages(failed + "DMA32: 16*64kB (U) 24*128kB (U) = 4096kB\n");
  EXPECT_EQ(told.failures[0].verdict, Verdict::refused);
}

TEST(TellPages, ATaskThatWasKilledIsSaidBesideOtherRequests) {
  const std::string failed = "b: page allocation failure: order:3, mode:0xcc0(GFP_KERNEL)\n";
  const std::string ran_out = "systemd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n";
  const std::string sentence = "Memory ran out for a request of order 0 by systemd: the kernel looked for a task";
  const LogAnswer beside = answer_of_pages(failed + ran_out + ran_out);
  EXPECT_THAT(beside.brief[0], HasSubstr("failed. Besides: " + sentence));
  EXPECT_EQ(beside.brief[0].find("Besides"), beside.brief[0].rfind("Besides"));
  EXPECT_EQ(beside.brief[0].find(sentence), beside.brief[0].rfind(sentence));
  EXPECT_THAT(answer_of_pages(ran_out + failed).brief[0], Not(HasSubstr("Besides")));
}

// A machine of one zone of low memory, which must keep twenty times as much as by default, and of high memory.
constexpr const char* kRaised =
    "[   20.000000] Normal free:310000kB boost:0kB min:51200kB low:64000kB high:76800kB reserved_highatomic:0KB "
    "active_anon:0kB inactive_anon:0kB active_file:100kB inactive_file:0kB managed:409600kB free_cma:262000kB\n"
    "[   20.000001] lowmem_reserve[]: 0 9000 9000\n"
    "[   20.000002] 500000 pages HighMem/MovableOnly\n";
constexpr const char* kRanOut =
    "[   23.500000] init invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n";

TEST(TellPages, AReportWithoutItsRequestIsToldWithARequestWithoutItsReport) {
  const LogAnswer answer = answer_of_pages(std::string(kRaised) + kRanOut);
  ASSERT_EQ(answer.failures.size(), 1U);
  EXPECT_EQ(answer.failures[0].verdict, Verdict::refused);
  EXPECT_FALSE(answer.failures[0].own_report);
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, Not(HasSubstr("memory report")));
  EXPECT_THAT(text, HasSubstr("what follows is for the report before it, 3.5 s earlier (lines 1, 4)"));
  EXPECT_EQ(text.find("zone Normal: 77500 pages free"), text.rfind("zone Normal: 77500 pages free"));
}

TEST(TellPages, AReportOfLongBeforeIsToldAlone) {
  std::string late = kRanOut;
  late.replace(late.find("23.5"), 4, "93.5");
  const LogAnswer answer = answer_of_pages(std::string(kRaised) + late);
  ASSERT_EQ(answer.failures.size(), 2U);
  EXPECT_THAT(whole_text(answer), HasSubstr("memory report\nthe line of the request is missing"));
}

TEST(TellPages, WithoutTimesAReportOfManyLinesBeforeIsToldAlone) {
  const auto failures_after = [](int lines) {
    std::string log =
        "Normal free:31000kB boost:0kB min:5120kB low:6400kB high:7680kB reserved_highatomic:0KB managed:409600kB "
        "free_cma:26200kB\n";
    for (int i = 0; i < lines; ++i) log += "x\n";
    return answer_of_pages(log + "a: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)\n").failures.size();
  };
  EXPECT_EQ(failures_after(399), 1U);
  EXPECT_EQ(failures_after(400), 2U);
}

TEST(TellPages, WhatIsTrueOfAReportIsSaidOnceOfRequestsThatAreAlike) {
  const LogAnswer answer = answer_of_pages(std::string(kRaised) + kRanOut + kRanOut +
                                           "b: page allocation failure: order:3, mode:0xcc0(GFP_KERNEL)\n");
  EXPECT_EQ(answer.failures.size(), 3U);
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, HasSubstr("by the report before it, 3.5 s earlier the same is true as above (lines 1, 5)"));
  // One of another order is another test.
  EXPECT_THAT(text, HasSubstr("zone Normal: 77500 pages free - 65500 of areas, which it may not use - 7 of the block"));
}

TEST(TellPages, AWatermarkThatASettingRaisedIsNamedFirst) {
  const std::string settings[] = {"$ sysctl vm.min_free_kbytes=51200\n", "vm.min_free_kbytes = 51200\n",
                                  "/proc/sys/vm/min_free_kbytes:51200\n",
                                  "# echo 51200 > /proc/sys/vm/min_free_kbytes\n"};
  for (const std::string& setting : settings) {
    const LogAnswer answer = answer_of_pages(setting + kRaised + kRanOut);
    EXPECT_EQ(
        answer.brief.at(1),
        "vm.min_free_kbytes was raised to 51200 kB, and zone Normal, the only zone of low memory, must keep all of "
        "it: of its 77500 free pages 12000 are usable for the request (65500 belong to areas); they must be more "
        "than 12800. High memory is of no use here.")
        << setting;
    EXPECT_EQ(answer.brief.at(2), "Lower vm.min_free_kbytes; or make the area smaller.");
    EXPECT_THAT(whole_text(answer),
                HasSubstr("would be about 2560 kB by default: vm.min_free_kbytes was set to it. With the default the "
                          "request would pass (lines 1-2)"));
  }
}

TEST(TellPages, WithoutASettingARaisedWatermarkOnlyFits) {
  const std::string other = "vm.min_free_kbytes = 65536\n";
  for (const std::string& setting : {std::string(), other}) {
    const LogAnswer answer = answer_of_pages(setting + kRaised + kRanOut);
    EXPECT_THAT(answer.brief.at(1), HasSubstr("vm.min_free_kbytes is 51200 kB (by default about 2560), and zone"));
    EXPECT_THAT(whole_text(answer), HasSubstr("was raised, by a setting or by khugepaged. With the default"));
  }
  EXPECT_THAT(whole_text(answer_of_pages(
                  "raising min_free_kbytes from 2560 to 51200 to help transparent hugepage allocations\n" +
                  std::string(kRaised) + kRanOut)),
              HasSubstr("khugepaged raised vm.min_free_kbytes"));
}

TEST(TellPages, AWatermarkThatIsRaisedAndDoesNotDecideIsNotBlamed) {
  std::string report = kRaised;
  report.replace(report.find("free_cma:262000kB"), 17, "free_cma:308000kB");
  const LogAnswer answer = answer_of_pages(report + kRanOut);
  EXPECT_EQ(answer.failures.at(0).verdict, Verdict::refused);
  EXPECT_THAT(answer.brief.at(1), HasSubstr("In zone Normal only 500 of 77500 free pages are usable"));
  EXPECT_THAT(whole_text(answer), Not(HasSubstr("With the default")));
}

TEST(TellPages, OfSeveralZonesEachKeepsItsPartOfARaisedWatermark) {
  const LogAnswer answer = answer_of_pages(
      "DMA32 free:30000kB boost:0kB min:20480kB low:25600kB high:30720kB reserved_highatomic:0KB managed:819200kB "
      "free_cma:20000kB\n"
      "lowmem_reserve[]: 0 0 0 0\n"
      "Normal free:30000kB boost:0kB min:40960kB low:51200kB high:61440kB reserved_highatomic:0KB managed:1638400kB "
      "free_cma:0kB\n"
      "lowmem_reserve[]: 0 0 0 0\n");
  EXPECT_THAT(answer.brief.at(1),
              HasSubstr("vm.min_free_kbytes is 61440 kB (by default about 6270), of which zone Normal must keep 40960 "
                        "kB: of its 7500 free pages 7500 are usable for the request; they must be more than 10240."));
  EXPECT_THAT(answer.brief.at(1), Not(HasSubstr("High memory")));
  EXPECT_EQ(answer.brief.at(2), "Lower vm.min_free_kbytes.");
}

TEST(TellPages, HighMemoryKeepsNothingOfARaisedWatermark) {
  const LogAnswer answer = answer_of_pages(
      "a invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\n"
      "Normal free:30000kB boost:0kB min:51200kB low:64000kB high:76800kB reserved_highatomic:0KB managed:409600kB "
      "free_cma:0kB\n"
      "HighMem free:400kB boost:0kB min:512kB low:640kB high:768kB reserved_highatomic:0KB managed:2000000kB "
      "free_cma:0kB\n");
  EXPECT_EQ(answer.failures.at(0).zone, "HighMem");
  EXPECT_THAT(answer.brief.at(1),
              HasSubstr("In zone HighMem only 100 of 100 free pages are usable for it; it needs more"));
}

TEST(TellPages, ABoostEndsWithAnyWriteOfTheSetting) {
  const LogAnswer answer = answer_of_pages(
      "Normal free:80000kB boost:6000kB min:9000kB low:9750kB high:10500kB reserved_highatomic:0KB managed:600000kB "
      "free_cma:72000kB\n");
  EXPECT_THAT(answer.brief.at(1), HasSubstr("as min is boosted"));
  EXPECT_THAT(answer.brief.at(2),
              HasSubstr("A write to vm.min_free_kbytes, even of its present value, ends the boost"));
  EXPECT_THAT(answer.brief.at(2), HasSubstr("vm.watermark_boost_factor=0 prevents"));
}

TEST(TellPages, WhatHasLessThanAHundredthOfMemoryExplainsNothing) {
  std::string report = kRaised;
  EXPECT_THAT(whole_text(answer_of_pages(report + kRanOut)), Not(HasSubstr("of 409600 kB")));
  report.replace(report.find("active_file:100kB"), 17, "active_file:40960kB");
  EXPECT_THAT(whole_text(answer_of_pages(report + kRanOut)),
              HasSubstr("of 409600 kB files have 40960 kB (10 %) (line 1)"));
}

// Only requests that may go below the mark have more where others must keep more.
TEST(TellPages, ALargerMinIsARemedyForUrgentRequestsOnly) {
  const char* states[] = {
      "Normal free:80000kB boost:0kB min:2560kB low:3200kB high:3840kB reserved_highatomic:0KB managed:409600kB "
      "free_cma:0kB\nlowmem_reserve[]: 0 0 0\nNormal: 20000*4kB (U) 0*8kB 0*16kB 0*32kB 0*64kB = 80000kB\n",
      "Normal free:80000kB boost:0kB min:2560kB low:3200kB high:3840kB reserved_highatomic:0KB managed:409600kB "
      "free_cma:60000kB\nlowmem_reserve[]: 0 0 0\nNormal: 5000*4kB (U) 7500*8kB (C) 0*16kB 0*32kB = 80000kB\n"};
  for (const std::string state : states) {
    for (const std::string order : {"0", "2"}) {
      const auto remedies = [&](const std::string& mode) {
        const LogAnswer answer = answer_of_pages("a: page allocation failure: order:" + order + ", mode:" + mode +
                                                 ", nodemask=(null)\n" + state);
        return fmt::format("{}", fmt::join(answer.brief, " "));
      };
      for (const char* mode : {"0xcc0(GFP_KERNEL)", "0x100cca(GFP_HIGHUSER_MOVABLE)"})
        EXPECT_THAT(remedies(mode), Not(HasSubstr("min_free_kbytes"))) << order << mode << state;
      if (state == states[0]) {
        EXPECT_THAT(remedies("0xa20(GFP_ATOMIC)"), HasSubstr("larger vm.min_free_kbytes")) << order << state;
      }
    }
  }
}

TEST(TellPages, ASmallerMinIsNoRemedyWhereItIsTheDefault) {
  const std::string failed = "a: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL), nodemask=(null)\n";
  const auto remedy = [&](const char* min) {
    return answer_of_pages(failed + "Normal free:400kB boost:0kB min:" + min +
                           "kB low:3200kB high:3840kB reserved_highatomic:0KB managed:409600kB free_cma:0kB\n")
        .brief.at(2);
  };
  EXPECT_EQ(remedy("2560"), "More memory or fewer users of it.");
  EXPECT_EQ(remedy("6000"), "More memory, fewer users of it, or a smaller vm.min_free_kbytes, if that was raised.");
}

// The watermark is one test, and a block another.
TEST(TellPages, ALowerWatermarkGivesNoBlockThatTheLogDoesNotShow) {
  const auto answer = [](const std::string& report) {
    return answer_of_pages("a: page allocation failure: order:5, mode:0xcc0(GFP_KERNEL), nodemask=(null)\n" + report);
  };
  const std::string raised = kRaised;
  const std::string cut = raised + "Normal: 823*4kB (UMEC) 412*8kB (UM";
  EXPECT_THAT(answer(cut).brief.at(1), HasSubstr("the log does not tell whether a block of order 5 that it may take is "
                                                 "free, as the report is cut."));
  EXPECT_THAT(whole_text(answer(cut)),
              HasSubstr("With the default the watermark would let the request pass; the log does not"));
  const std::string whole = raised + "Normal: 77500*4kB (UMEC) 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB = 310000kB\n";
  EXPECT_THAT(whole_text(answer(whole)), HasSubstr("let the request pass, but there is no block of order 5 or more"));
  const std::string block = raised + "Normal: 77468*4kB (UMEC) 0*8kB 0*16kB 0*32kB 0*64kB 1*128kB (U) = 310000kB\n";
  EXPECT_THAT(whole_text(answer(block)), HasSubstr("With the default the request would pass"));
  EXPECT_THAT(answer(block).brief.at(1), Not(HasSubstr("block of order 5")));
}

TEST(TellPages, ARequestThatMayNotReclaimIsNotSaidToTryAgain) {
  const std::string failed = "a: page allocation failure: order:4, mode:";
  EXPECT_THAT(told_of_pages(failed + "0xa20(GFP_ATOMIC), nodemask=(null)\n"),
              testing::AllOf(HasSubstr("it may not reclaim"), Not(HasSubstr("a few attempts"))));
  EXPECT_THAT(told_of_pages(failed + "0xcc0(GFP_KERNEL), nodemask=(null)\n"), HasSubstr("a few attempts"));
}

// A report that is cut at the edge of a terminal, and whose head is missing.
constexpr const char* kCut =
    "DMA32 free:61440kB boost:0kB min:4096kB low:5120kB high:6144kB reserved_highatomic:0KB active_anon:18kB ac>\n"
    "lowmem_reserve[]: 0 700 700\n"
    "DMA32: 1000*4kB (UME) 500*8kB (UME) 250*16kB (UMEC) 125*32kB (UMEC) 62*64kB (UMEC) 30*128kB (UMEC) 100*256kB "
    "(UM>\n";

TEST(TellPages, AReportBeforeADriversLineIsOfTheBlockThatAreasDidNotHave) {
  const LogAnswer answer = answer_of_pages(std::string(kCut) + "x\nvideo 1: dma alloc of size 2097152 failed\n");
  ASSERT_EQ(answer.failures.size(), 1U);
  EXPECT_EQ(answer.failures[0].order, 9U);
  EXPECT_EQ(answer.brief.at(0),
            "The page allocator did not have 512 pages (2 MiB) in a row (order 9) for a driver's buffer.");
  const std::string text = whole_text(answer);
  EXPECT_THAT(text, HasSubstr("request for pages for a driver's buffer: failed\nit is the report of the block that a "
                              "driver then did not get"));
  EXPECT_THAT(text, HasSubstr("in a row (order 9) (lines 1, 5)"));
  EXPECT_THAT(text,
              HasSubstr("15360 pages free - 511 of the block itself = at most 14849; must be more than 1024 (min): "
                        "enough, unless areas have 13825 or more of them, which the report does not tell"));
  EXPECT_THAT(text,
              HasSubstr("those of up to 256 kB sum up to 49408 kB, so some 12032 kB are in larger ones: at most 5 of "
                        "2048 kB, and none that the request may use, as it failed"));
}

TEST(TellPages, OfBlocksThatAreLargerThanWhatIsLeftThereAreNone) {
  EXPECT_THAT(whole_text(answer_of_pages(std::string(kCut) + "video 1: dma alloc of size 4194304 failed\n")),
              HasSubstr("so some 12032 kB are in larger ones: at most 2 of 4096 kB"));
  std::string less = kCut;
  less.replace(less.find("free:61440kB"), 12, "free:50000kB");
  EXPECT_THAT(whole_text(answer_of_pages(less + "video 1: dma alloc of size 2097152 failed\n")),
              HasSubstr("so some 592 kB are in larger ones: none of 2048 kB (lines 1, 3)"));
}

TEST(TellPages, OfARequestThatTheWatermarkRefusesBlocksDoNotTell) {
  std::string tight = kCut;
  tight.replace(tight.find("min:4096kB"), 10, "min:61440kB");
  const std::string text = whole_text(answer_of_pages(tight + "video 1: dma alloc of size 2097152 failed\n"));
  EXPECT_THAT(text, HasSubstr("must be more than 15360 (min): refused"));
  EXPECT_THAT(text, HasSubstr("at most 5 of 2048 kB (lines 1, 3)"));
}

TEST(TellPages, ADriversLineFarFromAReportOrOfMoreThanABlockIsAboutNoBlock) {
  const std::string line = "video 1: dma alloc of size 2097152 failed\n";
  std::string far = kCut;
  for (int i = 0; i < 17; ++i) far += "x\n";
  EXPECT_THAT(whole_text(answer_of_pages(far + line)), HasSubstr("the line of the request is missing"));
  EXPECT_THAT(whole_text(answer_of_pages(std::string(kCut) + "video 1: dma alloc of size 8388608 failed\n")),
              HasSubstr("the line of the request is missing"));
  EXPECT_THAT(whole_text(answer_of_pages("sysrq: Show Memory\n" + std::string(kCut) + line)),
              HasSubstr("the report was asked for"));
  EXPECT_THAT(whole_text(answer_of_pages(std::string("a: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)\n") +
                                         kCut + line)),
              Not(HasSubstr("a driver then")));
}

// Returns a request that failed, with a function of its stack, without a report.
std::string failed_under(const std::string& order_and_mode, const std::string& function) {
  return "a.out: page allocation failure: " + order_and_mode +
         ", nodemask=(null),cpuset=/,mems_allowed=0\nCPU: 2 PID: 990 Comm: a.out Tainted: G C 6.0.0-rc1-v8+ #3\n"
         "Call trace:\n warn_alloc+0x100/0x198\n " +
         function + "+0x58/0x2a0\n vb2_dc_alloc+0x94/0x1a8\n";
}

TEST(TellPages, OfAZoneByNameUseNoHigherOne) {
  const std::string request = "order:8, mode:0xcc1(GFP_KERNEL|GFP_DMA)";
  const std::string text = told_of_pages(failed_under(request, "snd_alloc"));
  EXPECT_THAT(text, HasSubstr("It may use no zone above DMA, whatever is free there, and the log has no report of "
                              "that: not enough to tell why."));
  EXPECT_THAT(text,
              HasSubstr("GFP_DMA: it may use no zone above DMA (where the kernel has that zone), whatever is free "
                        "there (line 1)"));
  EXPECT_THAT(text, Not(HasSubstr("DMA layer")));
  EXPECT_THAT(told_of_pages(failed_under("order:8, mode:0xcc4(GFP_KERNEL|GFP_DMA32)", "snd_alloc")),
              HasSubstr("GFP_DMA32: it may use no zone above DMA32"));
  EXPECT_THAT(told_of_pages(failed_under("order:8, mode:0xcc0(GFP_KERNEL)", "snd_alloc")),
              AllOf(Not(HasSubstr("no zone above")), HasSubstr("no report of a zone that it may use")));
}

TEST(TellPages, OfTheDmaLayerFollowAnAreaThatGaveNothing) {
  const std::string request = "order:8, mode:0xcc1(GFP_KERNEL|GFP_DMA)";
  for (const char* function : {"dma_direct_alloc", "__dma_direct_alloc_pages.constprop.0"}) {
    const LogAnswer answer = answer_of_pages(failed_under(request, function));
    EXPECT_EQ(answer.brief.at(2),
              "The DMA layer asks for such a block only where an area gave nothing: look at the area first.");
    EXPECT_THAT(whole_text(answer),
                HasSubstr("which it does where an area gave nothing: there is none, it had no room, "
                          "or a page in it could not be moved (lines 1, 5)"));
    EXPECT_THAT(answer.collect, testing::Contains(HasSubstr("is there an area, and has it room?")));
  }
  // One that may not sleep asks no area, nor does one for a page; and what is only left on the stack made no request.
  const std::string nothing = "The DMA layer";
  EXPECT_THAT(told_of_pages(failed_under("order:4, mode:0x40a20(GFP_ATOMIC|__GFP_COMP)", "dma_direct_alloc")),
              Not(HasSubstr(nothing)));
  EXPECT_THAT(told_of_pages(failed_under("order:0, mode:0xcc1(GFP_KERNEL|GFP_DMA)", "dma_direct_alloc")),
              Not(HasSubstr(nothing)));
  EXPECT_THAT(told_of_pages(failed_under(request, "? dma_direct_alloc")), Not(HasSubstr(nothing)));
}

TEST(TellPages, BlocksKeptForUrgentRequestsAreNotThoseOfAreas) {
  const auto told = [](const std::string& blocks) {
    return answer_of_pages(
               "a: page allocation failure: order:0, mode:0xa20(GFP_ATOMIC), nodemask=(null)\n"
               "CPU: 0 PID: 33 Comm: a Not tainted 5.10.92 #1\n"
               "DMA free:80000kB min:2000kB low:2500kB high:3000kB reserved_highatomic:2048KB managed:700000kB "
               "free_cma:78000kB\nlowmem_reserve[]: 0 0 0 0\nDMA: " +
               blocks)
        .brief.at(1);
  };
  const std::string none = " 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB ";
  EXPECT_THAT(told("500*4kB (H)" + none + "39*2048kB (C) = 80000kB\n"),
              HasSubstr("the 39 blocks of that size belong to areas, 500 are kept for urgent requests for more than"));
  EXPECT_THAT(told("500*4kB (HC)" + none + "0*2048kB = 2000kB\n"),
              HasSubstr("the 500 blocks of that size belong to areas or are kept for urgent requests for more than"));
}

TEST(TellPages, WhereNothingIsClosedToARequestTheFreePagesStandAlone) {
  const std::string text = told_of_pages(
      "a invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\n"
      "Normal free:80000kB min:2000kB low:2500kB high:3000kB reserved_highatomic:0KB managed:700000kB "
      "free_cma:78000kB\nlowmem_reserve[]: 0 0\n");
  EXPECT_THAT(text, HasSubstr("zone Normal: 20000 pages free; must be more than 500 (min)"));
}

}  // namespace
}  // namespace cma::logs
