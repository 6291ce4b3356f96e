#include "allocator/engine/mutex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "allocator/engine/await.h"

namespace cma {
namespace {

using Log = std::vector<std::string>;

class MutexTest : public ::testing::Test {
 protected:
  // Takes the first mutex, passes a point, takes the second if there is one, and unlocks them.
  Task<void> take(Mutex& first, Mutex* second, std::string name) {
    co_await first.lock(engine);
    log.push_back(name + " in");
    co_await at(engine, Point::cma_mutex_taken);
    if (second != nullptr) {
      co_await second->lock(engine);
      second->unlock(engine);
    }
    first.unlock(engine);
    log.push_back(name + " out");
  }
  void begin_and_stop_inside(ActorId actor, Mutex& first, Mutex* second, std::string name) {
    engine.begin(actor, take(first, second, std::move(name)));
    engine.stop_at(actor, Point::cma_mutex_taken, 1);
    engine.resume(actor);
  }

  Engine engine{1};
  ActorId a = engine.add_actor(0);
  ActorId b = engine.add_actor(0);
  ActorId c = engine.add_actor(0);
  Mutex m{"m"};
  Mutex n{"n"};
  Log log;
};

TEST_F(MutexTest, WaitersGetItInTheOrderTheyCame) {
  begin_and_stop_inside(a, m, nullptr, "a");
  engine.begin(c, take(m, nullptr, "c"));
  engine.resume(c);
  engine.begin(b, take(m, nullptr, "b"));
  engine.resume(b);
  EXPECT_EQ(engine.look(b).state, ActorState::waiting);
  EXPECT_EQ(engine.look(b).waits_for, "m");
  EXPECT_EQ(m.owner(), a);
  engine.resume(a);
  EXPECT_EQ(m.owner(), c);
  EXPECT_EQ(engine.look(b).waits_for_actor, c);
  EXPECT_EQ(engine.take_woken(), c);
  engine.resume(c);
  EXPECT_EQ(engine.take_woken(), b);
  engine.resume(b);
  EXPECT_EQ(log, (Log{"a in", "a out", "c in", "c out", "b in", "b out"}));
  EXPECT_FALSE(m.held());
}

TEST_F(MutexTest, ANewcomerDoesNotOvertakeAWokenWaiter) {
  begin_and_stop_inside(a, m, nullptr, "a");
  engine.begin(b, take(m, nullptr, "b"));
  engine.resume(b);
  engine.resume(a);
  engine.begin(c, take(m, nullptr, "c"));
  engine.resume(c);
  EXPECT_EQ(engine.look(c).state, ActorState::waiting);
  EXPECT_EQ(log, (Log{"a in", "a out"}));
}

TEST_F(MutexTest, TryLockNeverWaits) {
  begin_and_stop_inside(a, m, nullptr, "a");
  engine.assume(b);
  EXPECT_FALSE(m.try_lock(engine));
  engine.resume(a);
  engine.assume(b);
  EXPECT_TRUE(m.try_lock(engine));
  EXPECT_EQ(m.owner(), b);
}

TEST_F(MutexTest, TakingItTwiceIsReported) {
  engine.begin(a, take(m, &m, "a"));
  try {
    engine.resume(a);
    FAIL() << "nothing was thrown";
  } catch (const EngineFault& fault) {
    EXPECT_EQ(fault.kind(), EngineFault::Kind::locks);
    EXPECT_EQ(fault.function(), "m");
  }
}

TEST_F(MutexTest, ACycleOfTwoWaitersIsFoundWhenItCloses) {
  begin_and_stop_inside(a, m, &n, "a");
  begin_and_stop_inside(b, n, &m, "b");
  engine.resume(a);
  EXPECT_EQ(engine.look(a).state, ActorState::waiting);
  EXPECT_THROW(engine.resume(b), EngineFault);
}

TEST_F(MutexTest, ACycleOfThreeWaitersIsFoundToo) {
  Mutex o{"o"};
  begin_and_stop_inside(a, m, &n, "a");
  begin_and_stop_inside(b, n, &o, "b");
  begin_and_stop_inside(c, o, &m, "c");
  engine.resume(a);
  engine.resume(b);
  try {
    engine.resume(c);
    FAIL() << "nothing was thrown";
  } catch (const EngineFault& fault) {
    EXPECT_EQ(fault.kind(), EngineFault::Kind::locks);
    EXPECT_NE(std::string(fault.what()).find("deadlock"), std::string::npos);
  }
}

TEST_F(MutexTest, AChainWithoutACycleIsNoDeadlock) {
  begin_and_stop_inside(a, m, nullptr, "a");
  begin_and_stop_inside(b, n, &m, "b");
  engine.resume(b);
  engine.begin(c, take(n, nullptr, "c"));
  EXPECT_NO_THROW(engine.resume(c));
  engine.resume(a);
  engine.resume(b);
  engine.resume(c);
  EXPECT_TRUE(engine.at_rest());
}

TEST_F(MutexTest, OnlyTheOwnerUnlocks) {
  engine.assume(a);
  EXPECT_THROW(m.unlock(engine), AssertionFailure);
}

TEST_F(MutexTest, APlainCallThatWouldWaitIsReported) {
  begin_and_stop_inside(a, m, nullptr, "a");
  engine.assume(kMainActor);
  EXPECT_THROW(run_now(take(m, nullptr, "main")), EngineFault);
}

}  // namespace
}  // namespace cma
