#include "properties/program/forecast.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "properties/program/program_testing.h"

namespace cma {
namespace {

// The identifier of the result of that name.
OpId named(const Program& program, std::string_view name) {
  for (const Op& op : program.ops)
    if (program.name_of(op) == name) return op.id;
  ADD_FAILURE() << "no result " << name;
  return 0;
}

Forecast::Standing standing(const Program& program, std::string_view name) {
  return Forecast(program, program.ops.size()).find(named(program, name))->standing;
}

// How often each result is drawn as an operand, of a thousand times.
std::map<OpId, int> drawn(const Program& program, std::size_t kind, Yields wanted) {
  const Forecast forecast(program, program.ops.size());
  std::map<OpId, int> times;
  Random random(1);
  for (int i = 0; i < 1000; ++i) ++times[forecast.operand(random, kind, wanted)];
  return times;
}

TEST(Forecast, WhatIsGivenBackIsGone) {
  const Program program = parsed(
      "machine small release=6.1\nx = alloc_pages type=movable\nfree_pages x\nn = anon_page\nfree n\n"
      "k = pin area:a\nunpin k\nb = cma_alloc a pages=4\ncma_release b\np = spawn\nv = mmap_anon p pages=1\nexit p\n");
  for (const std::string_view name : {"x", "n", "k", "b", "p", "v"})
    EXPECT_EQ(standing(program, name), Forecast::Standing::gone) << name;
}

TEST(Forecast, ABufferIsHeldUntilItsLastPartIsReleased) {
  const Program program = parsed(
      "machine small release=6.1\nb = cma_alloc a pages=8\ncma_release b from=2 pages=4\ncma_release b from=6\n");
  EXPECT_EQ(standing(program, "b"), Forecast::Standing::held);
  const Forecast forecast(program, program.ops.size());
  Random random(1);
  const auto piece = forecast.areas().piece_of(random, named(program, "b"));
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece->from, 0U);
  EXPECT_EQ(piece->pages, 2U);
}

TEST(Forecast, ABufferThatFillsAnAreaLeavesNoneForOthers) {
  const Program program = parsed(
      "machine small release=6.1\nb1 = cma_alloc a pages=256\nb2 = cma_alloc a pages=1\nb3 = cma_alloc b pages=1\n");
  EXPECT_EQ(standing(program, "b1"), Forecast::Standing::held);
  EXPECT_EQ(standing(program, "b2"), Forecast::Standing::doubtful);
  EXPECT_EQ(standing(program, "b3"), Forecast::Standing::held);
}

TEST(Forecast, AnActorIsBusyFromItsStopToItsEnd) {
  const Program stopped =
      parsed("machine small release=6.1\nactor A\nA: b = cma_alloc a pages=4 until=cma_mutex_taken\n");
  const Forecast inside(stopped, 1);
  EXPECT_FALSE(inside.idle(Performer::actor(0)));
  EXPECT_TRUE(inside.idle(Performer::on_cpu(0)));
  EXPECT_EQ(inside.stopped_performers(), 1U);
  EXPECT_EQ(standing(stopped, "b"), Forecast::Standing::under_way);

  const Program resumed =
      parsed("machine small release=6.1\nactor A\nA: b = cma_alloc a pages=4 until=cma_mutex_taken\nA: resume\n");
  EXPECT_TRUE(Forecast(resumed, 2).idle(Performer::actor(0)));
  EXPECT_EQ(standing(resumed, "b"), Forecast::Standing::held);
}

TEST(Forecast, AnActorWaitsForTheMutexThatAnotherHolds) {
  const Program program = parsed(
      "machine small release=6.1\nactor A\nA: b1 = cma_alloc a pages=4 until=cma_mutex_taken\nb2 = cma_alloc b "
      "pages=4\n"
      "A: resume\n");
  const Forecast waiting(program, 2);
  EXPECT_FALSE(waiting.idle(Performer::on_cpu(0)));
  EXPECT_EQ(waiting.stopped_performers(), 1U);
  const Forecast done(program, 3);
  EXPECT_TRUE(done.idle(Performer::on_cpu(0)));
  EXPECT_EQ(done.find(named(program, "b2"))->standing, Forecast::Standing::held);
}

// Between the two stops the first has taken what the second comes to wait for.
TEST(Forecast, AnActorThatIsResumedMayHaveToWait) {
  const Program program = parsed(
      "machine small release=6.1\nactor A\nactor B\nA: b1 = cma_alloc a pages=4 until=cma_bitmap_marked\n"
      "B: b2 = cma_alloc b pages=4 until=isolate_done\nA: resume\nB: resume\n");
  const Forecast waiting(program, 3);
  EXPECT_EQ(waiting.stopped_performers(), 1U);
  EXPECT_EQ(waiting.waiting_performers(), 1U);
  EXPECT_EQ(standing(program, "b1"), Forecast::Standing::held) << "in the end";
}

TEST(Forecast, AnActorThatStopsBeforeTheLockDoesNotWaitForIt) {
  const Program program = parsed(
      "machine small release=6.1\nactor A\nA: b1 = cma_alloc a pages=4 until=isolate_done\n"
      "b2 = cma_alloc b pages=4 until=cma_bitmap_marked\n");
  EXPECT_EQ(Forecast(program, 2).stopped_performers(), 2U);
}

TEST(Forecast, ADrainOfPagesIsWaitedForSinceItHasAMutexAndByNoOtherDrain) {
  const auto waiting = [](const std::string& release, const std::string& second) {
    const Program program = parsed("machine small release=" + release +
                                   "\nactor A\nA: drain_pages until=drain_pcp_begin\n" + second + "\n");
    return Forecast(program, 2).waiting_performers();
  };
  EXPECT_EQ(waiting("4.9", "b = cma_alloc a pages=4"), 0U);
  EXPECT_EQ(waiting("4.19", "b = cma_alloc a pages=4"), 1U);
  EXPECT_EQ(waiting("4.19", "drain_pages"), 0U);
}

TEST(Forecast, ADrainOfPagesBesideAnotherStopsNowhere) {
  const Program program = parsed("machine small release=6.1\nactor A\nA: drain_pages until=drain_pcp_begin\n");
  Op drain;
  drain.body = DrainOp<DrainKind::pages>{};
  EXPECT_EQ(Forecast(program, 0).prospect(drain), Prospect::plain);
  EXPECT_EQ(Forecast(program, 1).prospect(drain), Prospect::doubtful);
}

TEST(Forecast, WhoReadsAPageThatIsLockedWaitsForIt) {
  const Program program = parsed(
      "machine small release=6.1\nactor A\nf = file\nr = read f\ng = file\nA: truncate f until=truncate_locked\n"
      "read g\nread f\nA: resume\n");
  EXPECT_EQ(Forecast(program, 5).waiting_performers(), 0U) << "of another file";
  EXPECT_EQ(Forecast(program, 6).waiting_performers(), 1U);
  EXPECT_EQ(Forecast(program, 7).waiting_performers(), 0U);
}

TEST(Forecast, WhoTouchesMemoryThatIsBeingCopiedWaitsForTheFork) {
  const Program program = parsed(
      "machine small release=6.1\nactor A\np = spawn\nv = mmap_anon p pages=4\nq = spawn\nw = mmap_anon q pages=1\n"
      "A: c = fork p until=fork_referenced\nwrite w\nwrite v\nA: resume\n");
  EXPECT_EQ(Forecast(program, 6).waiting_performers(), 0U) << "of another process";
  EXPECT_EQ(Forecast(program, 7).waiting_performers(), 1U);
  EXPECT_EQ(Forecast(program, 8).waiting_performers(), 0U);
}

TEST(Forecast, OneActorAtATimeWritesToTheFilesOfAreas) {
  const Program program =
      parsed("machine small release=6.1\nactor A\nA: debugfs_alloc a pages=4 until=cma_mutex_taken\nA: resume\n");
  EXPECT_FALSE(Forecast(program, 1).sensible(kind_of<DebugfsFree>()));
  EXPECT_TRUE(Forecast(program, 2).sensible(kind_of<DebugfsFree>()));
}

TEST(Forecast, PagesThatMoveAreInTheWayWhereTheNextBufferWillLie) {
  const Program program = parsed(
      "machine small release=6.1\nb = cma_alloc a pages=8\nn = anon_page at=area:a+9\nu = unmovable_page at=area:b\n");
  const auto prospect = [](const Program& made, std::size_t area, std::uint64_t pages) {
    Op op;
    op.body = CmaAlloc{.area = {false, static_cast<std::uint16_t>(area)}, .pages = pages};
    return Forecast(made, made.ops.size()).prospect(op);
  };
  EXPECT_EQ(prospect(program, 0, 1), Prospect::moves);
  EXPECT_EQ(prospect(program, 0, 2), Prospect::in_way);
  EXPECT_EQ(prospect(program, 1, 2), Prospect::moves) << "what cannot be moved is passed by";
}

TEST(Forecast, KnowsWhatHasMuchToWorkOn) {
  const Program program = parsed(
      "machine small release=6.1\np = spawn\nq = spawn\nv = mmap_anon p pages=4\nf = file\ng = file\nr = read f\n"
      "debugfs_alloc a pages=4\n");
  const auto prospect = [&](OpBody body) {
    Op op;
    op.body = std::move(body);
    return Forecast(program, program.ops.size()).prospect(op);
  };
  const auto result = [&](std::string_view name) { return OpRef{named(program, name)}; };
  EXPECT_EQ(prospect(Fork{.process = result("p")}), Prospect::large);
  EXPECT_EQ(prospect(Fork{.process = result("q")}), Prospect::plain);
  EXPECT_EQ(prospect(FileOp<FileVerb::drop>{.file = result("f")}), Prospect::large);
  EXPECT_EQ(prospect(FileOp<FileVerb::drop>{.file = result("g")}), Prospect::plain);
  EXPECT_EQ(prospect(DebugfsFree{.area = {false, 0}}), Prospect::large);
  EXPECT_EQ(prospect(DebugfsFree{.area = {false, 1}}), Prospect::plain);
}

TEST(Forecast, FramesOfABufferAreNoOthers) {
  const Program program = parsed("machine small release=6.1\nb = cma_alloc a pages=8\nn = anon_page at=area:a+3\n");
  EXPECT_EQ(standing(program, "n"), Forecast::Standing::doubtful);
}

TEST(Forecast, AProcessMayHaveBeenKilledWhereMemoryRanOut) {
  const std::string shortage = "p = spawn\nv = mmap_anon p pages=1\nu = unmovable_page pages=4096\nw = anon_page\n";
  const Program killing = parsed("machine small release=6.1 oom_killer=on\n" + shortage);
  EXPECT_EQ(standing(killing, "p"), Forecast::Standing::doubtful);
  EXPECT_EQ(standing(killing, "v"), Forecast::Standing::doubtful);
  EXPECT_EQ(standing(parsed("machine small release=6.1\n" + shortage), "p"), Forecast::Standing::held);
}

TEST(Forecast, DrawsWhatIsHeldMostOfTheTimeAndAnythingNowAndThen) {
  const Program program =
      parsed("machine small release=6.1\nb1 = cma_alloc a pages=4\ncma_release b1\nb2 = cma_alloc a pages=4\n");
  std::map<OpId, int> times = drawn(program, kind_of<CmaRelease>(), Yields::buffer);
  EXPECT_GT(times[named(program, "b2")], 950);
  EXPECT_GT(times[named(program, "b1")], 5);
}

TEST(Forecast, DrawsOperandsOfTheSortThatAKindAppliesTo) {
  const Program program = parsed(
      "machine small release=6.1\nm = movable_page\nn = anon_page\nd = block_device_page\nf = file\nr = read f\n");
  std::map<OpId, int> refuse = drawn(program, kind_of<Refuse>(), Yields::pages);
  EXPECT_GT(refuse[named(program, "m")], 950);
  std::map<OpId, int> touch = drawn(program, kind_of<BufferOp<BufferVerb::touch>>(), Yields::pages);
  EXPECT_GT(touch[named(program, "d")], 950);
  std::map<OpId, int> writeback = drawn(program, kind_of<FilePagesOp<FilePagesVerb::writeback>>(), Yields::pages);
  EXPECT_GT(writeback[named(program, "r")], 950);
}

TEST(Forecast, NamesAMappingInProcessesThatHaveIt) {
  const Program program = parsed(
      "machine small release=6.1\np1 = spawn\np2 = fork p1\nv = mmap_anon p1 pages=2\np3 = fork p1\np4 = fork p3\n");
  const Forecast forecast(program, program.ops.size());
  std::set<OpId> processes;
  Random random(1);
  for (int i = 0; i < 100; ++i) processes.insert(forecast.other_process_with(random, named(program, "v")));
  EXPECT_EQ(processes, (std::set<OpId>{named(program, "p3"), named(program, "p4")}));
}

TEST(Forecast, KnowsTheReferencesThatCanBeDropped) {
  const Program program =
      parsed("machine small release=6.1\nn = anon_page pages=2\nget_page n\nget_page n+1\nput_page n\n");
  const Forecast forecast(program, program.ops.size());
  Random random(1);
  EXPECT_EQ(forecast.referenced(random), Place::of_result({named(program, "n")}, 1));
  EXPECT_TRUE(forecast.sensible(kind_of<PutPage>()));
  EXPECT_FALSE(Forecast(program, 1).sensible(kind_of<PutPage>()));
}

// Whatever programs are made of: mutators put operations together as they like.
TEST(Forecast, IsMadeOfAnyProgram) {
  const Program program = parsed(
      "machine small release=6.1\ncma_release ?7\nb = cma_alloc a pages=18446744073709551615\ncma_release b from=3\n"
      "resume\nio_done\nbh_put ?9\nexit ?3\np = spawn\nexit p\nexit p\nv = mmap_anon p pages=3\nwrite v\n"
      "f = file slow\nr = read f\nfree r\nput_page ?4+3\nresume until=sleep\n");
  const Forecast forecast(program, program.ops.size());
  EXPECT_EQ(forecast.find(named(program, "v"))->standing, Forecast::Standing::gone);
}

}  // namespace
}  // namespace cma
