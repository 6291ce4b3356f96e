// Actors that share nothing end in the same state whatever order they run in.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "allocator/engine/await.h"

namespace cma {
namespace {

struct Step {
  bool nest;
  bool sleep;
};

// Mixes its own numbers, suspending at points, in nested calls and on the clock.
Task<std::uint64_t> mix(Engine& engine, std::uint64_t value, bool sleep) {
  co_await at(engine, Point::migrate_page);
  if (sleep) co_await sleep_for(engine, 1 + value % 7);
  co_return value * 0x9e3779b97f4a7c15ULL + 1;
}

Task<void> work(Engine& engine, const std::vector<Step>& steps, std::uint64_t* result) {
  for (const Step& step : steps) {
    if (step.nest)
      *result = co_await mix(engine, *result, step.sleep);
    else
      co_await at(engine, Point::migrate_locked);
    ++*result;
  }
}

class StopEverywhere final : public PointWatcher {
 public:
  bool at_point(Point) override { return true; }
};

// Returns the results of all actors. `choice` picks the next actor to run; nullptr runs them one after the other
// without stopping.
std::vector<std::uint64_t> run(const std::vector<std::vector<Step>>& plans, const std::vector<unsigned>* choice) {
  Engine engine(1);
  StopEverywhere watcher;
  if (choice != nullptr) engine.set_watcher(&watcher);
  std::vector<std::uint64_t> results(plans.size(), 1);
  std::vector<ActorId> actors;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    actors.push_back(engine.add_actor(0));
    engine.begin(actors.back(), work(engine, plans[i], &results[i]));
  }
  std::size_t turn = 0;
  while (!engine.at_rest()) {
    std::vector<ActorId> ready;
    for (ActorId actor : actors)
      if (engine.look(actor).state == ActorState::ready) ready.push_back(actor);
    if (ready.empty()) {
      engine.advance_to(engine.now() + 1);
      continue;
    }
    const unsigned pick = choice == nullptr || choice->empty() ? 0 : (*choice)[turn++ % choice->size()];
    engine.resume(ready[pick % ready.size()]);
  }
  return results;
}

RC_GTEST_PROP(EngineProperty, ActorsThatShareNothingDoNotSeeTheSchedule, ()) {
  const auto plan = rc::gen::container<std::vector<Step>>(
      rc::gen::construct<Step>(rc::gen::arbitrary<bool>(), rc::gen::arbitrary<bool>()));
  const auto plans = *rc::gen::container<std::vector<std::vector<Step>>>(plan);
  RC_PRE(!plans.empty());
  const auto choice = *rc::gen::arbitrary<std::vector<unsigned>>();
  RC_ASSERT(run(plans, &choice) == run(plans, nullptr));
}

}  // namespace
}  // namespace cma
