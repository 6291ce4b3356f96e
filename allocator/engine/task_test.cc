#include "allocator/engine/task.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "allocator/engine/await.h"

namespace cma {
namespace {

Task<int> number(int value) { co_return value; }

Task<std::int64_t> sum_of_numbers(int count) {
  std::int64_t sum = 0;
  for (int i = 1; i <= count; ++i) sum += co_await number(i);
  co_return sum;
}

Task<int> depth(int levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await depth(levels - 1);
}

TEST(Task, RunsNothingUntilItIsAwaited) {
  bool ran = false;
  const auto body = [&]() -> Task<void> {
    ran = true;
    co_return;
  };
  Task<void> task = body();
  EXPECT_FALSE(ran);
  run_now(std::move(task));
  EXPECT_TRUE(ran);
}

TEST(Task, NestedTasksHandTheirResultsUp) {
  EXPECT_EQ(run_now(sum_of_numbers(10)), 55);
  EXPECT_EQ(run_now(depth(100)), 100);
}

TEST(Task, ALoopOverAMillionFinishedTasksNeedsNoStack) {
  EXPECT_EQ(run_now(sum_of_numbers(1'000'000)), std::int64_t{1'000'000} * 1'000'001 / 2);
}

TEST(Task, ResultsMayBeMovedOnly) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto pass = [&]() -> Task<std::unique_ptr<int>> { co_return co_await make(); };
  EXPECT_EQ(*run_now(pass()), 7);
}

Task<int> fails(bool before) {
  if (before) throw std::runtime_error("inside");
  co_return 1;
}

TEST(Task, AnExceptionTravelsThroughEveryLevel) {
  const auto middle = []() -> Task<int> { co_return co_await fails(true); };
  const auto outer = [&]() -> Task<int> { co_return co_await middle(); };
  EXPECT_THROW(run_now(outer()), std::runtime_error);
}

TEST(Task, AnExceptionCanBeCaughtOnTheWay) {
  const auto outer = []() -> Task<std::string> {
    std::string caught;
    try {
      co_await fails(true);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught + std::to_string(co_await fails(false));
  };
  EXPECT_EQ(run_now(outer()), "inside1");
}

struct Noisy {
  explicit Noisy(std::vector<std::string>& log) : log_(log) {}
  ~Noisy() { log_.emplace_back("gone"); }
  std::vector<std::string>& log_;
};

Task<void> hold_across_a_point(Engine& engine, std::vector<std::string>& log) {
  const Noisy noisy(log);
  co_await at(engine, Point::migrate_page);
  log.emplace_back("on");
}

TEST(Task, ThrowingASuspendedTaskAwayDestroysWhatItHeld) {
  Engine engine(1);
  std::vector<std::string> log;
  const ActorId actor = engine.add_actor(0);
  engine.begin(actor, hold_across_a_point(engine, log));
  engine.stop_at(actor, Point::migrate_page, 1);
  engine.resume(actor);
  EXPECT_TRUE(log.empty());
  engine.abandon();
  EXPECT_EQ(log, std::vector<std::string>{"gone"});
}

TEST(Task, AMovedFromTaskHoldsNothing) {
  Task<int> first = number(3);
  Task<int> second = std::move(first);
  EXPECT_FALSE(static_cast<bool>(first));  // NOLINT: what is tested
  EXPECT_TRUE(static_cast<bool>(second));
  first = std::move(second);
  EXPECT_EQ(run_now(std::move(first)), 3);
}

// Frames of modelled functions are small; any other comes from the heap.
TEST(Task, AFrameMayBeLarge) {
  const auto large = [](int value) -> Task<int> {
    std::array<int, 4096> kept{};
    kept.fill(value);
    const int before = co_await number(value);
    for (const int one : kept)
      if (one != before) co_return -1;
    co_return kept.back();
  };
  EXPECT_EQ(run_now(large(7)), 7);
}

TEST(Task, ATaskThatIsAssignedDestroysTheOneBefore) {
  const auto held = std::make_shared<int>(1);
  const auto holding = [](std::shared_ptr<int> kept) -> Task<int> { co_return *kept; };
  Task<int> task = holding(held);
  EXPECT_EQ(held.use_count(), 2);
  task = number(5);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(task.done()) << "nothing has run";
  Task<int>& same = task;
  task = std::move(same);
  EXPECT_EQ(run_now(std::move(task)), 5) << "assigned to itself it is as before";
  EXPECT_FALSE(Task<int>().done()) << "there is none";
}

}  // namespace
}  // namespace cma
