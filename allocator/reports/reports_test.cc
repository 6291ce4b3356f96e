#include "allocator/reports/reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Gfp kAtomicPages = kGfpAtomic | kGfpComp;

class ReportsTest : public testing::TestWithParam<Release> {
 protected:
  ReportsTest() { use_up(); }
  // Takes all memory, in silence.
  void use_up() {
    for (unsigned order = machine->buddy.largest_order() + 1; order-- > 0;)
      for (int block = 0; block < 64; ++block)
        machine->buddy.alloc_pages(kGfpHigh | kGfpMemalloc | kGfpNowarn | kGfpKswapdReclaim, order);
  }
  std::vector<std::string> failing(Gfp gfp, unsigned order) {
    const std::size_t first = machine->trace.records().size();
    EXPECT_EQ(machine->buddy.alloc_pages(gfp, order), kNoPfn);
    return log_lines(*machine, first);
  }
  void pass(Time milliseconds) { machine->engine.advance_to(machine->engine.now() + milliseconds * kMillisecond); }
  bool since(Release release) const { return GetParam() >= release; }

  std::unique_ptr<Machine> machine = make_machine(tiny_geometry(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Releases, ReportsTest, testing::ValuesIn(modelled_releases()));

TEST_P(ReportsTest, AreWholeForARequestThatFails) {
  const std::vector<std::string> lines = failing(kAtomicPages, 3);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.front(), StartsWith("cmacheck: page allocation failure: order:3, mode:0x"));
  const auto begin = std::ranges::find(lines, "Mem-Info:");
  ASSERT_NE(begin, lines.end());
  EXPECT_EQ(begin - lines.begin(), since(Release::v4_11) && !since(Release::v5_0) ? 2 : 1);
  EXPECT_THAT(lines.back(), HasSubstr(since(Release::v3_13) ? "pages hwpoisoned" : "pages non-shared"));
  const std::string blocks = "Normal: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB = 0kB";
  EXPECT_THAT(lines, Contains(blocks));
}

TEST_P(ReportsTest, PrecedeTheTracepointOfTheRequest) {
  machine->trace.set_page_events(true);
  const std::size_t first = machine->trace.records().size();
  machine->buddy.alloc_pages(kAtomicPages, 3);
  EXPECT_THAT(lines(*machine, first).back(), StartsWith("mm_page_alloc: "));
}

// Others run at the points of a report, and what follows has the figures that they leave.
TEST_P(ReportsTest, HaveTheFiguresOfEachPartsMoment) {
  const Pfn held = 8;
  Outcome<Pfn> got;
  const std::size_t first = machine->trace.records().size();
  const ActorId actor = machine->engine.add_actor(0);
  machine->engine.begin(actor, keep_outcome(machine->page_allocator.alloc_pages(kAtomicPages, 3), &got));
  machine->engine.stop_at(actor, Point::report_part, 1);
  machine->engine.resume(actor);
  ASSERT_EQ(machine->engine.look(actor).last_point, Point::report_part);
  EXPECT_THAT(log_lines(*machine, first).front(), HasSubstr("page allocation failure: order:3"));
  EXPECT_THAT(log_lines(*machine, first), Not(Contains("Mem-Info:")));

  // Past the line of the machine, before those of the zone.
  machine->engine.stop_at(actor, Point::report_part, since(Release::v4_8) ? 3 : 2);
  machine->engine.resume(actor);
  free_block(*machine, held, 0, Migratetype::unmovable);
  run_to_rest(*machine);
  EXPECT_EQ(got.value, kNoPfn) << "it has failed before";
  const std::vector<std::string> lines = log_lines(*machine, first);
  EXPECT_THAT(lines, Contains(since(Release::v4_2) ? HasSubstr(" free:0 ") : HasSubstr(" free:0 slab")));
  EXPECT_THAT(lines, Contains(StartsWith("Normal free:4kB ")));
  EXPECT_THAT(lines, Contains(StartsWith("Normal: 1*4kB ")));
  EXPECT_THAT(lines.back(), HasSubstr(since(Release::v3_13) ? "pages hwpoisoned" : "pages non-shared"));
}

// Points are passed alike, and the run is the same, whether anything is recorded or not.
TEST_P(ReportsTest, PassTheSamePointsWhileNothingIsRecorded) {
  const auto steps = [&](bool recording) {
    machine->trace.clear();
    machine->trace.set_recording(recording);
    const std::uint64_t before = machine->engine.steps();
    run_now(machine->page_allocator.alloc_pages(kAtomicPages, 3));
    return machine->engine.steps() - before;
  };
  const std::uint64_t recorded = steps(true);
  EXPECT_GE(recorded, 7U);
  EXPECT_EQ(steps(false), recorded);
}

TEST_P(ReportsTest, AreOneStepUnderASpinlock) {
  const std::uint64_t before = machine->engine.steps();
  const std::size_t first = machine->trace.records().size();
  {
    const SpinGuard lock(machine->engine);
    run_now(machine->page_allocator.alloc_pages(kAtomicPages, 3));
  }
  EXPECT_EQ(machine->engine.steps(), before);
  EXPECT_THAT(log_lines(*machine, first), Contains("Mem-Info:"));
}

TEST_P(ReportsTest, AreLeftOutForRequestsThatWantNone) {
  EXPECT_THAT(failing(kAtomicPages | kGfpNowarn, 3), IsEmpty());
  EXPECT_THAT(failing(kAtomicPages, machine->buddy.largest_order() + 1), IsEmpty());
}

TEST_P(ReportsTest, AreLeftOutWhereAKernelWouldKillAndTryAgain) {
  EXPECT_THAT(failing(kGfpKernel, 0), IsEmpty());
  EXPECT_THAT(failing(kGfpKernel, 3), IsEmpty());
  EXPECT_THAT(failing(kGfpKernel | kGfpNofail, 4), IsEmpty());
  EXPECT_THAT(failing(kGfpKernel, 4), Not(IsEmpty()));
}

// The kernel does not reclaim, nor kill, on behalf of a task that reclaims.
TEST_P(ReportsTest, AreWholeForATaskThatReclaims) {
  machine->engine.flags().scope = ReclaimScope::noreclaim;
  EXPECT_THAT(failing(kGfpKernel, 0), Not(IsEmpty()));
}

// It makes room by its death. It has had its part of the reserves, and is not to wait.
TEST_P(ReportsTest, AreWholeForATaskThatTheOomKillerHasChosen) {
  machine->engine.flags().oom_victim = true;
  EXPECT_THAT(failing(kGfpKernel, 0), Not(IsEmpty()));
  EXPECT_THAT(failing(kGfpKernel | kGfpNofail, 0), IsEmpty());
  const bool repeats = since(Release::v4_14);
  EXPECT_EQ(failing(kGfpKernel | kGfpMemalloc, 0).empty(), repeats) << "with the right of those that free memory";
}

TEST_P(ReportsTest, AreLimited) {
  std::size_t warnings = 0;
  std::size_t reports = 0;
  for (int request = 0; request < 12; ++request)
    for (const std::string& line : failing(kAtomicPages, 0)) {
      warnings += line.find("page allocation failure") != std::string::npos ? 1 : 0;
      reports += line == "Mem-Info:" ? 1 : 0;
    }
  const bool one_in_ten_seconds = since(Release::v5_4);
  EXPECT_EQ(warnings, one_in_ten_seconds ? 1U : 10U);
  EXPECT_EQ(reports, since(Release::v4_11) ? 1U : 10U);
  pass(5001);
  const std::vector<std::string> later = failing(kAtomicPages, 0);
  if (one_in_ten_seconds) {
    EXPECT_THAT(later, IsEmpty());
    pass(5000);
    EXPECT_EQ(failing(kAtomicPages, 0).front(), "warn_alloc: 12 callbacks suppressed");
    return;
  }
  EXPECT_EQ(later.front(),
            std::string(since(Release::v4_9) ? "warn_alloc" : "warn_alloc_failed") + ": 2 callbacks suppressed");
}

TEST_P(ReportsTest, HaveALimitOfTheirOwnFrom4_11To5_3) {
  failing(kAtomicPages, 0);
  failing(kAtomicPages, 0);
  pass(1001);
  const bool suppressed = since(Release::v4_11) && !since(Release::v5_4);
  const std::vector<std::string> later = failing(kAtomicPages, 0);
  EXPECT_EQ(std::ranges::count(later, "warn_alloc_show_mem: 1 callbacks suppressed"), suppressed ? 1 : 0);
  EXPECT_EQ(std::ranges::count(later, "Mem-Info:"), since(Release::v5_4) ? 0 : 1);
}

TEST_P(ReportsTest, CountAgainstTheLimitsWhileNothingIsRecorded) {
  machine->trace.set_recording(false);
  for (int request = 0; request < 11; ++request) EXPECT_THAT(failing(kAtomicPages, 0), IsEmpty());
  machine->trace.set_recording(true);
  EXPECT_THAT(failing(kAtomicPages, 0), IsEmpty());
}

TEST_P(ReportsTest, AreLeftOutForDmaMemoryThatTheMachineHasNotSince5_10) {
  EXPECT_EQ(failing(kGfpKernel | kGfpNoretry | kGfpDma, 0).empty(), since(Release::v5_10));
}

TEST_P(ReportsTest, NameTheFlagsThatTheScopeLeaves) {
  if (!since(first_with(ReclaimScope::noio))) return;
  machine->engine.flags().scope = ReclaimScope::noio;
  const std::vector<std::string> lines = failing(kGfpKernel | kGfpNoretry, 0);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.front(), HasSubstr("(GFP_NOIO|__GFP_NORETRY)"));
}

// --- which requests a kernel fails ---

TEST(KernelGivesUp, OnRequestsThatNoKillingServes) {
  struct Row {
    Gfp gfp;
    unsigned order;
    ZoneKind highest;
    bool v3_6;
    bool v4_9;
    bool v6_1;
  };
  constexpr Row kRows[] = {
      {kGfpAtomic, 0, ZoneKind::normal, true, true, true},
      {kGfpKernel, 0, ZoneKind::normal, false, false, false},
      {kGfpKernel, 3, ZoneKind::normal, false, false, false},
      {kGfpKernel, 4, ZoneKind::normal, true, true, true},
      {kGfpKernel | kGfpNofail, 4, ZoneKind::normal, false, false, false},
      {kGfpAtomic | kGfpNofail, 0, ZoneKind::normal, true, true, true},
      {kGfpKernel | kGfpNoretry, 0, ZoneKind::normal, true, true, true},
      {kGfpKernel | kGfpRetryMayfail, 0, ZoneKind::normal, false, false, true},
      {kGfpKernel | kGfpDma, 0, ZoneKind::dma, true, true, true},
      {kGfpReclaim | kGfpIo | kGfpDma, 0, ZoneKind::dma, false, true, true},
      {kGfpKernel | kGfpThisnode, 0, ZoneKind::normal, false, true, true},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(gfp_text(row.gfp) + " " + std::to_string(row.order));
    EXPECT_EQ(kernel_gives_up(row.gfp, row.order, row.highest, Release::v3_6), row.v3_6);
    EXPECT_EQ(kernel_gives_up(row.gfp, row.order, row.highest, Release::v4_9), row.v4_9);
    EXPECT_EQ(kernel_gives_up(row.gfp, row.order, row.highest, Release::v6_1), row.v6_1);
  }
}

}  // namespace
}  // namespace cma
