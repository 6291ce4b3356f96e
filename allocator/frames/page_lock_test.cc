#include "allocator/frames/page_lock.h"

#include <gtest/gtest.h>

#include <string>

#include "allocator/engine/await.h"

namespace cma {
namespace {

class PageLockTest : public ::testing::Test {
 protected:
  Task<void> lock_and_note(Pfn pfn, std::string name) {
    co_await locks.lock(pfn);
    order += name;
    co_await at(engine, Point::migrate_locked);
    locks.unlock(pfn);
  }
  static Geometry geometry() {
    Geometry g;
    g.memory = {0, 1024};
    return g;
  }

  Engine engine{1};
  MemoryMap map{geometry()};
  PageLocks locks{engine, map};
  std::string order;
};

TEST_F(PageLockTest, TheBitSaysWhetherAPageIsLocked) {
  EXPECT_TRUE(locks.try_lock(5));
  EXPECT_TRUE(map.page(5).has(kPageLocked));
  EXPECT_FALSE(locks.try_lock(5));
  EXPECT_TRUE(locks.try_lock(6));
  locks.unlock(5);
  EXPECT_FALSE(map.page(5).has(kPageLocked));
  EXPECT_FALSE(locks.none_held());
  locks.unlock(6);
  EXPECT_TRUE(locks.none_held());
}

TEST_F(PageLockTest, WaitersGetItInTheOrderTheyCame) {
  const ActorId a = engine.add_actor(0);
  const ActorId b = engine.add_actor(0);
  const ActorId c = engine.add_actor(0);
  engine.begin(a, lock_and_note(5, "a"));
  engine.stop_at(a, Point::migrate_locked, 1);
  engine.resume(a);
  engine.begin(c, lock_and_note(5, "c"));
  engine.resume(c);
  engine.begin(b, lock_and_note(5, "b"));
  engine.resume(b);
  EXPECT_EQ(engine.look(b).waits_for, "a page lock");
  engine.resume(a);
  EXPECT_TRUE(map.page(5).has(kPageLocked)) << "the lock is handed over, never free in between";
  EXPECT_EQ(engine.look(b).waits_for_actor, c);
  engine.resume(c);
  engine.resume(b);
  EXPECT_EQ(order, "acb");
  EXPECT_TRUE(locks.none_held());
}

TEST_F(PageLockTest, ACycleOverTwoPagesIsADeadlock) {
  const auto both = [&](Pfn first, Pfn second) -> Task<void> {
    co_await locks.lock(first);
    co_await at(engine, Point::migrate_locked);
    co_await locks.lock(second);
  };
  const ActorId a = engine.add_actor(0);
  const ActorId b = engine.add_actor(0);
  for (ActorId actor : {a, b}) {
    engine.begin(actor, both(actor == a ? 1 : 2, actor == a ? 2 : 1));
    engine.stop_at(actor, Point::migrate_locked, 1);
    engine.resume(actor);
  }
  engine.resume(a);
  EXPECT_THROW(engine.resume(b), EngineFault);
}

TEST_F(PageLockTest, ALockTakenTwiceIsADeadlockAtOnce) {
  const auto twice = [&](bool wait_only) -> Task<void> {
    co_await locks.lock(1);
    if (wait_only)
      co_await locks.wait(1);
    else
      co_await locks.lock(1);
  };
  for (const bool wait_only : {false, true}) {
    const ActorId actor = engine.add_actor(0);
    engine.begin(actor, twice(wait_only));
    try {
      engine.resume(actor);
      FAIL() << "nothing was thrown";
    } catch (const EngineFault& fault) {
      EXPECT_EQ(fault.kind(), EngineFault::Kind::locks);
      EXPECT_EQ(fault.function(), "a page lock");
    }
    locks.unlock(1);
  }
}

// Else an actor that waits on what the former holder is about to wait for would close a cycle that is none.
TEST_F(PageLockTest, NoneOfThoseThatWaitForADeviceWaitsForTheFormerHolder) {
  const auto only_waits = [&]() -> Task<void> { co_await locks.wait(5); };
  const ActorId holder = engine.add_actor(0);
  engine.assume(holder);
  ASSERT_TRUE(locks.try_lock(5));
  const ActorId waiter = engine.add_actor(0);
  engine.begin(waiter, lock_and_note(5, "w"));
  const ActorId watcher = engine.add_actor(0);
  engine.begin(watcher, only_waits());
  for (const ActorId actor : {waiter, watcher}) {
    engine.resume(actor);
    EXPECT_EQ(engine.look(actor).waits_for_actor, holder);
  }
  locks.give_to_device(5);
  for (const ActorId actor : {waiter, watcher}) EXPECT_EQ(engine.look(actor).waits_for_actor, kNoActor);
  locks.unlock(5);
}

TEST_F(PageLockTest, UnlockingAPageThatIsNotLockedIsAnError) { EXPECT_THROW(locks.unlock(3), AssertionFailure); }

// What waited for the actor waits for the device, which no deadlock leads through.
TEST_F(PageLockTest, ADeviceTakesTheLockOverWithItsWaiters) {
  const ActorId owner = engine.add_actor(0);
  const ActorId waiter = engine.add_actor(0);
  EXPECT_EQ(locks.holder(5), kNoActor) << "free";
  engine.begin(owner, lock_and_note(5, "owner"));
  engine.stop_at(owner, Point::migrate_locked, 1);
  engine.resume(owner);
  EXPECT_EQ(locks.holder(5), owner);
  engine.begin(waiter, lock_and_note(5, "waiter"));
  engine.resume(waiter);
  EXPECT_EQ(engine.look(waiter).waits_for_actor, owner);
  locks.give_to_device(5);
  EXPECT_EQ(locks.holder(5), kNoActor);
  EXPECT_EQ(engine.look(waiter).waits_for_actor, kNoActor);
  EXPECT_TRUE(locks.none_held_by_actors());
  engine.resume(owner);
  engine.resume(waiter);
  EXPECT_EQ(order, "ownerwaiter");
  EXPECT_TRUE(locks.none_held());
}

}  // namespace
}  // namespace cma
