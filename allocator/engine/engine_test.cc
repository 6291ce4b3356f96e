#include "allocator/engine/engine.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "allocator/engine/await.h"

namespace cma {
namespace {

using Log = std::vector<std::string>;

Task<void> passes(Engine& engine, int count, Log& log, std::string name) {
  for (int i = 1; i <= count; ++i) {
    co_await at(engine, Point::migrate_page);
    log.push_back(name + std::to_string(i));
  }
}

class EngineTest : public ::testing::Test {
 protected:
  Engine engine{2};
  ActorId a = engine.add_actor(0);
  ActorId b = engine.add_actor(1);
  Log log;
};

// --- running ---

TEST_F(EngineTest, AnUnwatchedOperationRunsToItsEnd) {
  engine.begin(a, passes(engine, 3, log, "a"));
  EXPECT_EQ(engine.look(a).state, ActorState::ready);
  EXPECT_TRUE(log.empty());
  EXPECT_FALSE(engine.at_rest());
  engine.resume(a);
  EXPECT_EQ(log, (Log{"a1", "a2", "a3"}));
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
  EXPECT_TRUE(engine.at_rest());
}

TEST_F(EngineTest, AnActorRunsOnItsCpu) {
  const auto note_cpu = [&]() -> Task<void> {
    log.push_back(std::to_string(engine.cpu()));
    co_return;
  };
  engine.begin(b, note_cpu());
  engine.resume(b);
  engine.begin(a, note_cpu());
  engine.resume(a);
  EXPECT_EQ(log, (Log{"1", "0"}));
}

TEST_F(EngineTest, AnActorPerformsOneOperationAtATime) {
  engine.begin(a, passes(engine, 1, log, "a"));
  EXPECT_THROW(engine.begin(a, passes(engine, 1, log, "a")), AssertionFailure);
}

TEST_F(EngineTest, WhatAnOperationThrowsComesOutOfResumeAndLeavesTheActorIdle) {
  const auto fails = [&]() -> Task<void> {
    co_await at(engine, Point::migrate_page);
    throw EngineFault(EngineFault::Kind::locks, "somewhere", "broken");
  };
  engine.begin(a, fails());
  EXPECT_THROW(engine.resume(a), EngineFault);
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
  EXPECT_TRUE(engine.at_rest());
}

// --- points ---

TEST_F(EngineTest, StopsAtTheNthPassOnly) {
  for (unsigned nth = 1; nth <= 4; ++nth) {
    log.clear();
    engine.begin(a, passes(engine, 4, log, "a"));
    engine.stop_at(a, Point::migrate_page, nth);
    engine.resume(a);
    EXPECT_EQ(log.size(), nth - 1);
    EXPECT_EQ(engine.look(a).state, ActorState::ready);
    EXPECT_EQ(engine.look(a).last_point, Point::migrate_page);
    engine.resume(a);
    EXPECT_EQ(log.size(), 4U);
    EXPECT_EQ(engine.look(a).state, ActorState::idle);
  }
}

TEST_F(EngineTest, AnActorThatRunsHasPassedWhatItPassedLast) {
  Point seen = Point::kCount;
  const auto looks = [&]() -> Task<void> {
    co_await at(engine, Point::migrate_locked);
    seen = engine.look(a).last_point;
  };
  engine.begin(a, looks());
  engine.resume(a);
  EXPECT_EQ(seen, Point::migrate_locked);
}

TEST_F(EngineTest, AStopIsForOneActorAndOnePoint) {
  engine.begin(a, passes(engine, 1, log, "a"));
  engine.begin(b, passes(engine, 1, log, "b"));
  engine.stop_at(b, Point::migrate_page, 1);
  engine.stop_at(a, Point::migrate_locked, 1);
  engine.resume(a);
  engine.resume(b);
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
  EXPECT_EQ(engine.look(b).state, ActorState::ready);
  EXPECT_EQ(log, Log{"a1"});
}

TEST_F(EngineTest, OnlyAnActorInsideAnOperationCanBeAskedToStop) {
  EXPECT_THROW(engine.stop_at(a, Point::migrate_page, 1), AssertionFailure);
}

TEST_F(EngineTest, AStopThatWasNotReachedEndsWithItsOperation) {
  engine.begin(a, passes(engine, 1, log, "a"));
  engine.stop_at(a, Point::migrate_page, 5);
  engine.resume(a);
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
  EXPECT_FALSE(engine.watching());
  engine.begin(a, passes(engine, 8, log, "a"));
  engine.resume(a);
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
}

class StopEverywhere final : public PointWatcher {
 public:
  bool at_point(Point point) override {
    seen.push_back(point);
    return stop;
  }
  std::vector<Point> seen;
  bool stop = true;
};

TEST_F(EngineTest, AWatcherSeesEveryPassAndMayStopThere) {
  StopEverywhere watcher;
  engine.set_watcher(&watcher);
  engine.begin(a, passes(engine, 3, log, "a"));
  for (int resumed = 1; resumed <= 3; ++resumed) {
    engine.resume(a);
    EXPECT_EQ(engine.look(a).state, ActorState::ready);
    EXPECT_EQ(watcher.seen.size(), static_cast<std::size_t>(resumed));
  }
  watcher.stop = false;
  engine.resume(a);
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
  engine.set_watcher(nullptr);
  EXPECT_FALSE(engine.watching());
}

TEST_F(EngineTest, APlainCallPassesWatchedPointsWithoutStopping) {
  StopEverywhere watcher;
  engine.set_watcher(&watcher);
  run_now(passes(engine, 2, log, "main"));
  EXPECT_EQ(log, (Log{"main1", "main2"}));
  EXPECT_TRUE(watcher.seen.empty());
}

// The completion of I/O runs as the actor of its CPU, which may be inside an operation.
TEST_F(EngineTest, APlainCallLeavesTheRequestOfItsActorAlone) {
  engine.begin(a, passes(engine, 3, log, "a"));
  engine.stop_at(a, Point::migrate_page, 1);
  engine.resume(a);
  engine.stop_at(a, Point::migrate_page, 1);
  engine.assume(a);
  run_now(passes(engine, 2, log, "plain"));
  EXPECT_EQ(log, (Log{"plain1", "plain2"}));
  engine.resume(a);
  EXPECT_EQ(engine.look(a).state, ActorState::ready) << "stopped at the next point of its own";
}

TEST_F(EngineTest, APlainCallDoesNotMoveThePlaceWhereItsActorStopped) {
  engine.begin(a, passes(engine, 1, log, "a"));
  engine.stop_at(a, Point::migrate_page, 1);
  engine.resume(a);
  const auto elsewhere = [&]() -> Task<void> { co_await at(engine, Point::contig_tested); };
  engine.assume(a);
  EXPECT_EQ(engine.last_point(), Point::migrate_page);
  run_now(elsewhere());
  EXPECT_EQ(engine.last_point(), Point::contig_tested);
  EXPECT_EQ(engine.look(a).last_point, Point::migrate_page);
  engine.resume(a);
  EXPECT_EQ(engine.last_point(), Point::migrate_page) << "it passed none since";
}

TEST_F(EngineTest, NoPointLiesUnderASpinlock) {
  const auto wrong = [&]() -> Task<void> {
    const SpinGuard lock(engine);
    co_await at(engine, Point::migrate_page);
  };
  EXPECT_THROW(run_now(wrong()), AssertionFailure);
  EXPECT_FALSE(engine.spinlocks().any_held());
}

// The actors of the scheduler are its own: an operation that added one would move the record of the one that runs.
TEST_F(EngineTest, NoOperationDoesTheWorkOfTheScheduler) {
  const std::vector<std::function<void()>> calls = {[&] { engine.add_actor(0); }, [&] { engine.assume(b); },
                                                    [&] { engine.abandon(); }, [&] { engine.reset(); }};
  for (const std::function<void()>& call : calls) {
    const auto wrong = [&]() -> Task<void> {
      call();
      co_return;
    };
    engine.begin(a, wrong());
    EXPECT_THROW(engine.resume(a), AssertionFailure);
    EXPECT_EQ(engine.look(a).state, ActorState::idle);
  }
  EXPECT_EQ(engine.actors(), 3U);
}

TEST_F(EngineTest, NoSleepLiesUnderASpinlock) {
  const auto wrong = [&]() -> Task<void> {
    const SpinGuard lock(engine);
    co_await sleep_for(engine, 1);
  };
  engine.begin(a, wrong());
  EXPECT_THROW(engine.resume(a), AssertionFailure);
}

// --- suspension inside nested tasks ---

Task<int> nested(Engine& engine, int levels, Log& log) {
  log.push_back("in" + std::to_string(levels));
  int below = 0;
  if (levels > 0)
    below = co_await nested(engine, levels - 1, log);
  else
    co_await at(engine, Point::migrate_locked);
  log.push_back("out" + std::to_string(levels));
  co_return below + 1;
}

TEST_F(EngineTest, ASuspensionSeveralLevelsDeepResumesFromTheInnermostOutwards) {
  int result = 0;
  const auto outermost = [&]() -> Task<void> { result = co_await nested(engine, 3, log); };
  engine.begin(a, outermost());
  engine.stop_at(a, Point::migrate_locked, 1);
  engine.resume(a);
  EXPECT_EQ(log, (Log{"in3", "in2", "in1", "in0"}));
  EXPECT_EQ(result, 0);
  log.clear();
  engine.resume(a);
  EXPECT_EQ(log, (Log{"out0", "out1", "out2", "out3"}));
  EXPECT_EQ(result, 4);
}

TEST_F(EngineTest, AfterASuspensionAnOuterLevelMaySuspendAgain) {
  const auto twice = [&]() -> Task<void> {
    co_await nested(engine, 2, log);
    co_await nested(engine, 1, log);
    log.emplace_back("end");
  };
  StopEverywhere watcher;
  engine.set_watcher(&watcher);
  engine.begin(a, twice());
  engine.resume(a);
  EXPECT_EQ(log.back(), "in0");
  engine.resume(a);
  EXPECT_EQ(log, (Log{"in2", "in1", "in0", "out0", "out1", "out2", "in1", "in0"}));
  engine.resume(a);
  EXPECT_EQ(log.back(), "end");
  EXPECT_EQ(engine.look(a).state, ActorState::idle);
}

TEST_F(EngineTest, AnExceptionAfterASuspensionReachesTheOutermostCaller) {
  const auto inner = [&]() -> Task<int> {
    co_await at(engine, Point::migrate_page);
    throw std::runtime_error("late");
  };
  const auto outer = [&]() -> Task<void> {
    try {
      co_await inner();
    } catch (const std::runtime_error& error) {
      log.emplace_back(error.what());
    }
  };
  engine.begin(a, outer());
  engine.stop_at(a, Point::migrate_page, 1);
  engine.resume(a);
  engine.resume(a);
  EXPECT_EQ(log, Log{"late"});
}

TEST_F(EngineTest, TwoActorsInterleaveAtTheirPoints) {
  StopEverywhere watcher;
  engine.set_watcher(&watcher);
  engine.begin(a, passes(engine, 2, log, "a"));
  engine.begin(b, passes(engine, 2, log, "b"));
  for (ActorId actor : {a, b, b, a, a, b}) engine.resume(actor);
  EXPECT_EQ(log, (Log{"b1", "a1", "a2", "b2"}));
  EXPECT_TRUE(engine.at_rest());
}

// --- the clock ---

Task<void> sleeper(Engine& engine, Time duration, Log& log, std::string name) {
  co_await sleep_for(engine, duration);
  log.push_back(name + "@" + std::to_string(engine.now()));
}

TEST_F(EngineTest, SleepersWakeInTheOrderOfTheirTimeAndTheClockShowsIt) {
  engine.begin(a, sleeper(engine, 300, log, "a"));
  engine.begin(b, sleeper(engine, 100, log, "b"));
  engine.resume(a);
  engine.resume(b);
  EXPECT_EQ(engine.look(a).state, ActorState::sleeping);
  EXPECT_EQ(engine.look(a).waits_for, "the clock");
  EXPECT_EQ(engine.next_sleeper(), b);
  engine.advance_to(50);
  EXPECT_EQ(engine.take_woken(), kNoActor);
  engine.advance_to(1000);
  EXPECT_EQ(engine.now(), 1000U);
  EXPECT_EQ(engine.take_woken(), b);
  engine.resume(b);
  EXPECT_EQ(engine.take_woken(), a);
  engine.resume(a);
  EXPECT_EQ(log, (Log{"b@1000", "a@1000"}));
  EXPECT_EQ(engine.next_sleeper(), kNoActor);
}

TEST_F(EngineTest, EqualTimesWakeInTheOrderOfIds) {
  engine.begin(b, sleeper(engine, 10, log, "b"));
  engine.begin(a, sleeper(engine, 10, log, "a"));
  engine.resume(b);
  engine.resume(a);
  engine.advance_to(10);
  EXPECT_EQ(engine.take_woken(), a);
  engine.resume(a);
  EXPECT_EQ(engine.take_woken(), b);
}

TEST_F(EngineTest, AnActorThatRanBeforeItsTurnIsQueuedAnew) {
  engine.begin(a, sleeper(engine, 10, log, "a"));
  engine.begin(b, sleeper(engine, 20, log, "b"));
  engine.resume(a);
  engine.resume(b);
  engine.advance_to(10);
  engine.resume(a);
  engine.begin(a, sleeper(engine, 20, log, "a"));
  engine.resume(a);
  engine.advance_to(30);
  EXPECT_EQ(engine.take_woken(), b);
  EXPECT_EQ(engine.take_woken(), a);
  EXPECT_EQ(engine.take_woken(), kNoActor);
}

TEST_F(EngineTest, TheClockNeverGoesBack) {
  engine.advance_to(100);
  engine.advance_to(50);
  EXPECT_EQ(engine.now(), 100U);
}

TEST_F(EngineTest, APlainCallMayNotSleep) { EXPECT_THROW(run_now(sleeper(engine, 1, log, "main")), AssertionFailure); }

// --- budgets ---

TEST_F(EngineTest, TheStepAfterTheBudgetEndsTheOperation) {
  engine.set_step_budget(3);
  engine.begin(a, passes(engine, 3, log, "a"));
  engine.resume(a);
  EXPECT_EQ(engine.steps(), 3U);
  engine.begin(a, passes(engine, 1, log, "a"));
  try {
    engine.resume(a);
    FAIL() << "the budget did not end the operation";
  } catch (const EngineFault& fault) {
    EXPECT_EQ(fault.kind(), EngineFault::Kind::bounded);
    EXPECT_EQ(fault.function(), "migrate_pages");
  }
}

TEST_F(EngineTest, ABudgetWithoutLimitDoesNotWrap) {
  engine.set_step_budget(10);
  engine.charge(10);
  engine.set_step_budget(Engine::kNoLimit);
  engine.charge(1000);
  EXPECT_EQ(engine.steps(), 1010U);
}

TEST_F(EngineTest, WorkWithoutPointsIsChargedToTheBudget) {
  engine.set_step_budget(10);
  engine.charge(10);
  EXPECT_THROW(engine.charge(1), EngineFault);
}

TEST_F(EngineTest, StepsAreCountedAlikeWatchedOrNot) {
  engine.begin(a, passes(engine, 7, log, "a"));
  engine.resume(a);
  const std::uint64_t unwatched = engine.steps();
  StopEverywhere watcher;
  watcher.stop = false;
  engine.set_watcher(&watcher);
  engine.begin(a, passes(engine, 7, log, "a"));
  engine.resume(a);
  EXPECT_EQ(engine.steps(), 2 * unwatched);
}

// --- signals and reset ---

TEST_F(EngineTest, ACurrentActorThatIsBoundToAnotherCpuSitsThere) {
  engine.assume(b);
  const int other = engine.cpu() == 0 ? 1 : 0;
  engine.bind(b, other);
  EXPECT_EQ(engine.cpu(), other);
  engine.bind(a, 1 - other);
  EXPECT_EQ(engine.cpu(), other);
}

TEST_F(EngineTest, AFatalSignalIsItsActorsOwn) {
  engine.flags(a).fatal_signal = true;
  engine.assume(a);
  EXPECT_TRUE(engine.flags().fatal_signal);
  engine.assume(b);
  EXPECT_FALSE(engine.flags().fatal_signal);
}

TEST_F(EngineTest, ResetKeepsTheActorsAndForgetsTheRest) {
  engine.flags(b).fatal_signal = true;
  engine.advance_to(77);
  engine.set_step_budget(5);
  engine.begin(a, passes(engine, 2, log, "a"));
  engine.stop_at(a, Point::migrate_page, 2);
  engine.resume(a);
  engine.reset();
  EXPECT_EQ(engine.actors(), 3U);
  EXPECT_TRUE(engine.at_rest());
  EXPECT_FALSE(engine.watching());
  EXPECT_EQ(engine.now(), 0U);
  EXPECT_EQ(engine.steps(), 0U);
  EXPECT_EQ(engine.current(), kMainActor);
  engine.assume(b);
  EXPECT_FALSE(engine.flags().fatal_signal);
  EXPECT_EQ(engine.look(a).last_point, Point::kCount);
}

}  // namespace
}  // namespace cma
