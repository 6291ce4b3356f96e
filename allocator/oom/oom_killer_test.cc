#include "allocator/oom/oom_killer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class OomKillerTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    g.oom_kills = true;
    // Else a refill of a CPU's lists leaves less than what must stay; since 6.7 it is a large one.
    g.pcp_batch = 1;
    g.pcp_high = 0;
    // Else what must stay depends on the fallbacks of a test.
    if (GetParam() >= Release::v5_0) g.watermark_boost_factor = 0;
    return g;
  }
  bool since(Release release) const { return GetParam() >= release; }
  // Returns a process that has touched so many pages.
  SpaceId process(std::uint64_t pages) {
    const SpaceId space = machine->processes.spawn();
    grow(space, pages);
    return space;
  }
  void grow(SpaceId space, std::uint64_t pages) {
    const MappingId mapping = machine->processes.mmap_anon(space, pages);
    for (std::uint64_t page = 0; page < pages; ++page)
      ASSERT_EQ(run_now(machine->processes.write(space, mapping, page)), 0);
  }
  // Takes pages of the kernel until none is left without reclaim.
  void fill() {
    while (machine->buddy.alloc_pages(kGfpKernel, 0) != kNoPfn) {
    }
    while (machine->buddy.alloc_pages(kGfpHighuserMovable, 0) != kNoPfn) {
    }
  }
  // Makes a request as an operation, to its end.
  Pfn ask(Gfp gfp, unsigned order = 0) {
    Outcome<Pfn> outcome;
    start_task(*machine, keep_outcome(machine->page_allocator.alloc_pages(gfp, order), &outcome));
    run_to_rest(*machine);
    return *outcome.value;
  }
  // Begins to write to new pages of a process, and stops when it has the first. The task returns from the kernel after
  // the last.
  ActorId begin_to_write(SpaceId space, Outcome<int>* written, std::uint64_t pages = 1) {
    return start_task(*machine, write_and_return(space, pages, written), Point::fault_allocated);
  }
  Task<void> write_and_return(SpaceId space, std::uint64_t pages, Outcome<int>* written) {
    const MappingId mapping = machine->processes.mmap_anon(space, pages);
    int error = 0;
    for (std::uint64_t page = 0; page < pages && error == 0; ++page)
      error = co_await machine->processes.write(space, mapping, page);
    written->value = error;
    co_await machine->oom_killer.task_returns();
  }
  PageRequest request_of(Gfp gfp) const {
    PageRequest request;
    request.gfp = request.asked = gfp;
    return request;
  }
  bool alive(SpaceId space) const { return machine->processes.alive(space); }

  std::unique_ptr<Machine> machine = make_machine(geometry());
};
INSTANTIATE_TEST_SUITE_P(Releases, OomKillerTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(OomKillerTest, TheProcessWithMostPagesIsKilledAndItsMemoryServesTheRequest) {
  const SpaceId small = process(10);
  const SpaceId large = process(50);
  const SpaceId middle = process(20);
  fill();
  EXPECT_NE(ask(kGfpKernel), kNoPfn);
  EXPECT_FALSE(alive(large));
  EXPECT_TRUE(alive(small));
  EXPECT_TRUE(alive(middle));
  EXPECT_EQ(machine->oom_killer.kills(), 1U);
}

TEST_P(OomKillerTest, MemoryThatWasNotTouchedDoesNotCount) {
  const SpaceId touched = process(20);
  const SpaceId mapped = process(10);
  machine->processes.mmap_anon(mapped, 1000);
  EXPECT_EQ(machine->oom_killer.worst(), touched);
}

TEST_P(OomKillerTest, OfEqualProcessesTheFirstIsChosenAndSince53TheLast) {
  const SpaceId first = process(20);
  const SpaceId last = process(20);
  EXPECT_EQ(machine->oom_killer.worst(), since(Release::v5_3) ? last : first);
}

TEST_P(OomKillerTest, UpTo58AProcessWithoutPagesCountsAsOneWithOne) {
  const SpaceId without = machine->processes.spawn();
  const SpaceId with = process(1);
  EXPECT_EQ(machine->oom_killer.worst(), since(Release::v5_3) ? with : without) << "as the first, since 5.3 the last";
}

TEST_P(OomKillerTest, UpTo50AChildWithoutPagesDiesInThePlaceOfItsParentToo) {
  const SpaceId parent = process(50);
  const SpaceId child = run_now(machine->processes.fork(parent));
  run_now(machine->processes.munmap(child, 0, 0, 50));
  fill();
  ask(kGfpKernel);
  EXPECT_EQ(alive(child), since(Release::v5_1));
}

TEST_P(OomKillerTest, OneAfterTheOtherIsKilledAndThenTheKernelPanics) {
  process(40);
  process(40);
  fill();
  unsigned served = 0;
  while (served < 1000 && ask(kGfpKernel) != kNoPfn) ++served;
  EXPECT_EQ(machine->oom_killer.kills(), 2U);
  EXPECT_GE(served, 70U);
  EXPECT_THAT(log_lines(*machine), Contains(HasSubstr("Kernel panic - not syncing: ")));
}

TEST_P(OomKillerTest, UpTo50AChildDiesInThePlaceOfItsParent) {
  const SpaceId parent = process(50);
  const SpaceId child = run_now(machine->processes.fork(parent));
  grow(parent, 10);
  // Copies, which its death frees.
  for (std::uint64_t page = 0; page < 20; ++page) ASSERT_EQ(run_now(machine->processes.write(child, 0, page)), 0);
  fill();
  ask(kGfpKernel);
  EXPECT_EQ(alive(parent), !since(Release::v5_1));
  EXPECT_EQ(alive(child), since(Release::v5_1));
}

TEST_P(OomKillerTest, ATaskInsideTheKernelIsAVictimAndItsProcessEndsWhenItReturns) {
  const SpaceId victim = process(50);
  Outcome<int> written;
  const ActorId task = begin_to_write(victim, &written);
  fill();
  Outcome<Pfn> served;
  start_task(*machine, keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel, 0), &served));
  EXPECT_TRUE(machine->engine.flags(task).fatal_signal);
  EXPECT_TRUE(machine->engine.flags(task).is_oom_victim());
  EXPECT_TRUE(alive(victim));
  // Up to 4.5 the request waits until the victim is dead; later its memory was taken away.
  EXPECT_EQ(served.value.has_value(), since(Release::v4_6));
  run_to_rest(*machine);
  EXPECT_FALSE(alive(victim));
  EXPECT_NE(served.value, kNoPfn);
  EXPECT_FALSE(machine->engine.flags(task).fatal_signal || machine->engine.flags(task).is_oom_victim());
  EXPECT_EQ(machine->oom_killer.kills(), 1U);
}

TEST_P(OomKillerTest, ATaskWhoseOwnProcessIsKilledGoesOnWithTheReserves) {
  const SpaceId victim = process(50);
  fill();
  Outcome<int> written;
  start_task(*machine, write_and_return(victim, 1, &written));
  run_to_rest(*machine);
  EXPECT_EQ(written.value, 0);
  EXPECT_FALSE(alive(victim));
  EXPECT_EQ(machine->oom_killer.kills(), 1U);
}

TEST_P(OomKillerTest, ATaskThatIsAboutToDieKillsNoOther) {
  const SpaceId other = process(50);
  fill();
  const ActorId task = machine->engine.add_actor(0);
  machine->engine.flags(task).fatal_signal = true;
  Outcome<Pfn> outcome;
  machine->engine.begin(task, keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel, 0), &outcome));
  machine->engine.resume(task);
  run_to_rest(*machine);
  EXPECT_TRUE(alive(other));
  EXPECT_NE(outcome.value, kNoPfn) << "by its part of the reserves";
}

TEST_P(OomKillerTest, SoDoesOneThatMayNotEnterFileSystemsSince47) {
  if (!since(Release::v4_7)) GTEST_SKIP() << "begins again without a look at its signal";
  fill();
  const ActorId task = machine->engine.add_actor(0);
  machine->engine.flags(task).fatal_signal = true;
  Outcome<Pfn> outcome;
  machine->engine.begin(task,
                        keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel & ~Gfp{kGfpFs}, 0), &outcome));
  machine->engine.resume(task);
  run_to_rest(*machine);
  EXPECT_NE(outcome.value, kNoPfn);
}

TEST_P(OomKillerTest, NoProcessIsKilledForARequestThatMayNotEnterFileSystemsSince47) {
  process(50);
  const auto killed_for = [&](Gfp gfp) { return run_now(machine->oom_killer.out_of_memory(request_of(gfp))); };
  if (since(Release::v4_7)) {
    EXPECT_EQ(killed_for(kGfpKernel & ~Gfp{kGfpFs}), Killed::waits);
  }
  EXPECT_EQ(machine->oom_killer.kills(), 0U);
  const bool spares = since(Release::v4_12);
  EXPECT_EQ(killed_for((kGfpKernel & ~Gfp{kGfpFs}) | kGfpNofail), spares ? Killed::waits : Killed::process);
}

// Its process has nothing left that could be taken away. The memory of the other comes too late for its own request.
TEST_P(OomKillerTest, AVictimWithoutMemoryKillsAnotherProcessSince412) {
  if (!since(Release::v4_12)) GTEST_SKIP() << "its request fails once it has tried the reserves";
  const SpaceId victim = process(50);
  const SpaceId other = process(20);
  Outcome<int> written;
  begin_to_write(victim, &written, 2);
  fill();
  Outcome<Pfn> served;
  start_task(*machine, keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel, 0), &served));
  ASSERT_NE(served.value.value_or(kNoPfn), kNoPfn);
  ASSERT_TRUE(alive(victim) && alive(other));
  while (machine->buddy.alloc_pages(kGfpKernel | kGfpMemalloc, 0) != kNoPfn) {
  }
  run_to_rest(*machine);
  EXPECT_EQ(written.value, -kENOMEM);
  EXPECT_FALSE(alive(victim) || alive(other));
  EXPECT_EQ(machine->oom_killer.kills(), 2U);
}

TEST_P(OomKillerTest, OthersKillNoOtherWhileTheMemoryIsTakenAway) {
  if (!since(Release::v4_6)) GTEST_SKIP() << "no memory is taken away";
  const SpaceId victim = process(50);
  const SpaceId other = process(20);
  Outcome<int> written;
  begin_to_write(victim, &written);
  fill();
  Outcome<Pfn> first;
  start_task(*machine, keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel, 0), &first), Point::zap_range_done);
  ASSERT_FALSE(first.value.has_value());
  fill();
  Outcome<Pfn> second;
  start_task(*machine, keep_outcome(machine->page_allocator.alloc_pages(kGfpKernel, 0), &second));
  EXPECT_FALSE(second.value.has_value());
  EXPECT_TRUE(alive(other));
  run_to_rest(*machine);
  EXPECT_NE(first.value, kNoPfn);
  EXPECT_NE(second.value, kNoPfn);
  EXPECT_EQ(machine->oom_killer.kills(), 1U);
}

TEST_P(OomKillerTest, AProcessThatIsKilledWhileItForksLeavesNoChild) {
  const SpaceId parent = process(50);
  Outcome<SpaceId> child;
  start_task(*machine, keep_outcome(machine->processes.fork(parent), &child), Point::fork_unlocked);
  ASSERT_FALSE(child.value.has_value());
  machine->processes.condemn(parent);
  run_to_rest(*machine);
  EXPECT_EQ(child.value, 0U);
  for (SpaceId process = parent + 1; process < machine->processes.count(); ++process) EXPECT_FALSE(alive(process));
}

TEST_P(OomKillerTest, TheKernelReportsMemoryAndProcessesAndTheVictim) {
  const SpaceId victim = process(50);
  fill();
  const std::size_t first = machine->trace.records().size();
  ask(kGfpKernel);
  const std::vector<std::string> log = log_lines(*machine, first);
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log.front(), HasSubstr("cmacheck invoked oom-killer: gfp_mask="));
  EXPECT_THAT(log, Contains("Mem-Info:"));
  EXPECT_THAT(log, Contains(HasSubstr("oom_score_adj name")));
  const auto said = [&](const std::string& text) {
    return std::ranges::any_of(log, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  EXPECT_EQ(said("oom-kill:constraint=CONSTRAINT_NONE"), since(Release::v5_0));
  EXPECT_EQ(said("(process) score 48 or sacrifice child"), !since(Release::v5_1)) << "50 of 1024 pages";
  EXPECT_THAT(log.back(), AllOf(HasSubstr("Killed process " + std::to_string(1000 + victim) + " (process)"),
                                HasSubstr("anon-rss:200kB")));
}

TEST_P(OomKillerTest, TenReportsArePrintedInFiveSecondsAndEachVictimIsNamed) {
  for (int i = 0; i < 12; ++i) process(20);
  fill();
  const std::size_t first = machine->trace.records().size();
  while (machine->oom_killer.kills() < 12) ASSERT_NE(ask(kGfpKernel), kNoPfn);
  const std::vector<std::string> log = log_lines(*machine, first);
  const auto count = [&](const char* text) {
    return std::ranges::count_if(log, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  EXPECT_EQ(count("invoked oom-killer"), 10);
  EXPECT_EQ(count("Killed process"), 12);
}

TEST_P(OomKillerTest, AMachineThatKillsNoneFailsTheRequestInSilence) {
  Geometry g = geometry();
  g.oom_kills = false;
  machine = make_machine(g);
  const SpaceId spared = process(50);
  fill();
  EXPECT_EQ(ask(kGfpKernel), kNoPfn);
  EXPECT_TRUE(alive(spared));
  EXPECT_THAT(log_lines(*machine), Not(Contains(HasSubstr("oom-killer"))));
}

}  // namespace
}  // namespace cma
