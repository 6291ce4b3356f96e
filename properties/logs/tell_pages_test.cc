#include "properties/logs/tell_pages.h"

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
  EXPECT_THAT(text, HasSubstr("tasks have 856000 kB as anonymous memory (85 %)"));
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
  EXPECT_THAT(text, HasSubstr("A block of order 9 for descriptors of pages by kworker/u16:2 was not had"));
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

}  // namespace
}  // namespace cma::logs
