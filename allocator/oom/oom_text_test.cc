#include "allocator/oom/oom_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr OomKernel of(Release release) { return {release, 4096}; }

// Processes of logs from the field.
const OomProcess kOfA37 = {.pid = 4611,
                           .name = "mal",
                           .uid = 0,
                           .total = 103328,
                           .anonymous = 90158,
                           .file = 73,
                           .shared = 0,
                           .page_tables = 208,
                           .pmds = 0,
                           .swapped = 12260};
const OomProcess kOfA49 = {.pid = 4358,
                           .name = "bash",
                           .uid = 1000,
                           .total = 2853387,
                           .anonymous = 1773446,
                           .file = 0,
                           .shared = 0,
                           .page_tables = 5591,
                           .pmds = 13,
                           .swapped = 1074744};
const OomProcess kOfA61 = {.pid = 185,
                           .name = "enomem-1",
                           .uid = 1000,
                           .total = 830068,
                           .anonymous = 829792,
                           .file = 0,
                           .shared = 0,
                           .page_tables = 1637};

OomRequest request_for(Gfp gfp, const char* task, int score_adj = 0) {
  OomRequest request;
  request.task = task;
  request.gfp = gfp;
  request.score_adj = score_adj;
  return request;
}

TEST(OomText, TheFirstLinesNameTaskFlagsAndOrder) {
  EXPECT_THAT(oom_first_lines(request_for(kGfpHighuserMovable, "osmcore_L", -1000), of(Release::v3_6)),
              ElementsAre("osmcore_L invoked oom-killer: gfp_mask=0x200da, order=0, oom_adj=-17, oom_score_adj=-1000",
                          "osmcore_L cpuset=/ mems_allowed=0"));
  const Gfp zeroed = kGfpHighuserMovable | kGfpZero;
  EXPECT_THAT(oom_first_lines(request_for(zeroed, "mempig", 1000), of(Release::v4_9)),
              ElementsAre("mempig invoked oom-killer: gfp_mask=0x24280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=0, "
                          "order=0, oom_score_adj=1000",
                          "mempig cpuset=/ mems_allowed=0"));
  EXPECT_THAT(oom_first_lines(request_for(kGfpKernel, "cmacheck"), of(Release::v4_19)),
              ElementsAre("cmacheck invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), "
                          "order=0, oom_score_adj=0",
                          "cmacheck cpuset=/ mems_allowed=0"));
  EXPECT_THAT(oom_first_lines(request_for(zeroed | kGfpComp, "enomem-1"), of(Release::v6_1)),
              ElementsAre("enomem-1 invoked oom-killer: "
                          "gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0"));
}

TEST(OomText, TwoBlanksPrecededTheOrderForAWhile) {
  for (const Release release : {Release::v4_9, Release::v4_10, Release::v4_14, Release::v4_15}) {
    const std::string line = oom_first_lines(request_for(kGfpKernel, "a"), of(release)).front();
    const bool two = release >= Release::v4_10 && release < Release::v4_15;
    EXPECT_EQ(line.find(",  order=0") != std::string::npos, two) << line;
  }
}

TEST(OomText, TheListHasARowForEachProcess) {
  EXPECT_THAT(oom_process_lines({kOfA37}, of(Release::v3_7)),
              ElementsAre("[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
                          "[ 4611]     0  4611   103328    90231     208    12260             0 mal"));
  EXPECT_THAT(oom_process_lines({kOfA49}, of(Release::v4_9)),
              ElementsAre("[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
                          "[ 4358]  1000  4358  2853387  1773446    5578      13  1074744             0 bash"));
  for (const Release release : {Release::v4_19, Release::v6_1})
    EXPECT_THAT(oom_process_lines({kOfA61}, of(release)),
                ElementsAre("Tasks state (memory values in pages):",
                            "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
                            "[    185]  1000   185   830068   829792  6705152        0             0 enomem-1"));
  EXPECT_THAT(oom_process_lines({kOfA61}, of(Release::v6_12)),
              ElementsAre("Tasks state (memory values in pages):",
                          "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
                          "oom_score_adj name",
                          "[    185]  1000   185   830068   829792   829792        0         0  6705152 "
                          "       0             0 enomem-1"));
}

TEST(OomText, UpTo50TheChosenProcessHasALineBesideTheKilledOne) {
  EXPECT_THAT(oom_chosen_lines(kOfA49, 701, of(Release::v4_9)),
              ElementsAre("Out of memory: Kill process 4358 (bash) score 701 or sacrifice child"));
  EXPECT_THAT(oom_chosen_lines(kOfA61, 701, of(Release::v5_1)), IsEmpty());
  EXPECT_EQ(oom_killed_line(kOfA37, of(Release::v3_7)),
            "Killed process 4611 (mal) total-vm:413312kB, anon-rss:360632kB, file-rss:292kB");
  EXPECT_EQ(oom_killed_line(kOfA49, of(Release::v4_9)),
            "Killed process 4358 (bash) total-vm:11413548kB, anon-rss:7093784kB, file-rss:0kB, shmem-rss:0kB");
  EXPECT_EQ(oom_killed_line(kOfA61, of(Release::v6_1)),
            "Out of memory: Killed process 185 (enomem-1) total-vm:3320272kB, anon-rss:3319168kB, file-rss:0kB, "
            "shmem-rss:0kB, UID:1000 pgtables:6548kB oom_score_adj:0");
}

TEST(OomText, UpTo44SharedMemoryIsAFiles) {
  OomProcess process = kOfA37;
  process.shared = 10;
  EXPECT_THAT(oom_killed_line(process, of(Release::v4_4)), EndsWith("file-rss:332kB"));
  EXPECT_THAT(oom_killed_line(process, of(Release::v4_5)), EndsWith("file-rss:292kB, shmem-rss:40kB"));
}

TEST(OomText, ALineSumsUpTheRequestAndItsVictim) {
  const std::string line = oom_summary_lines(request_for(kGfpKernel, "a"), kOfA61).front();
  EXPECT_THAT(line, StartsWith("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,"));
  EXPECT_THAT(line, EndsWith("mems_allowed=0,global_oom,task_memcg=/,task=enomem-1,pid=185,uid=1000"));
}

TEST(OomText, TheReaperNamesWhatIsLeft) {
  OomProcess process = kOfA49;
  process.anonymous = 0;
  EXPECT_EQ(oom_reaped_line(process, of(Release::v4_9)),
            "oom_reaper: reaped process 4358 (bash), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB");
}

TEST(OomText, WithoutAProcessTheKernelPanics) {
  EXPECT_THAT(oom_panic_lines(Release::v4_9),
              ElementsAre("Kernel panic - not syncing: Out of memory and no killable processes..."));
  EXPECT_THAT(oom_panic_lines(Release::v4_19),
              ElementsAre("Out of memory and no killable processes...",
                          "Kernel panic - not syncing: System is deadlocked on memory"));
}

}  // namespace
}  // namespace cma
