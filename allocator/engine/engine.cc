#include "allocator/engine/engine.h"

#include <algorithm>

namespace cma {
namespace {

// Notes for a scope that an operation runs.
class RunningGuard {
 public:
  explicit RunningGuard(bool& running) : running_(running) { running_ = true; }
  ~RunningGuard() { running_ = false; }
  RunningGuard(const RunningGuard&) = delete;
  RunningGuard& operator=(const RunningGuard&) = delete;

 private:
  bool& running_;
};

}  // namespace

Engine::Engine(int cpus) : parking_(actors_, spinlocks_), cpus_(cpus) {
  CMA_ASSERT(cpus > 0);
  actors_.by_id.emplace_back();
}

ActorId Engine::add_actor(int cpu) {
  CMA_ASSERT(cpu >= 0 && cpu < cpus_ && !actors_.running);
  Actor actor;
  actor.cpu = cpu;
  actors_.by_id.push_back(std::move(actor));
  return static_cast<ActorId>(actors_.by_id.size() - 1);
}

void Engine::bind(ActorId actor, int cpu) {
  CMA_ASSERT(actors_.by_id[actor].state == ActorState::idle && cpu >= 0 && cpu < cpus_);
  actors_.by_id[actor].cpu = cpu;
  if (actor == actors_.current) cpu_ = cpu;
}

void Engine::begin(ActorId id, Task<void> operation) {
  Actor& actor = actors_.by_id[id];
  CMA_ASSERT(actor.state == ActorState::idle);
  actor.operation = std::move(operation);
  actor.last_point = Point::kCount;
  actor.leaf = &actor.operation.promise();
  actor.state = ActorState::ready;
  ++inside_;
}

void Engine::assume(ActorId actor) {
  CMA_ASSERT(!actors_.running);
  turns_ = 0;
  actors_.current = actor;
  cpu_ = actors_.by_id[actor].cpu;
  last_point_ = actors_.by_id[actor].last_point;
}

void Engine::finish(Actor& actor) {
  actor.state = ActorState::idle;
  actor.stop_point = Point::kCount;
  actor.leaf = nullptr;
  --inside_;
  actors_.update_watching();
}

// Runs an operation from its innermost coroutine outwards, until it is suspended again or has ended.
void Engine::run_to_a_stop(Actor& actor) {
  const RunningGuard running(actors_.running);
  PromiseBase* promise = std::exchange(actor.leaf, nullptr);
  while (promise != nullptr) {
    promise->handle().resume();
    if (actor.leaf != nullptr) break;  // suspended again, further in
    CMA_ASSERT(promise->handle().done());
    promise = promise->parent();
  }
}

void Engine::resume(ActorId id) {
  assume(id);
  Actor& actor = actors_.by_id[id];
  CMA_ASSERT(actor.state == ActorState::ready && actor.leaf != nullptr);
  CMA_ASSERT(!spinlocks_.any_held());
  std::erase(actors_.woken, id);
  run_to_a_stop(actor);
  actor.last_point = last_point_;
  if (actor.leaf != nullptr) return;
  Task<void> operation = std::move(actor.operation);
  finish(actor);
  operation.take();
}

void Engine::abandon() {
  CMA_ASSERT(!actors_.running);
  for (Actor& actor : actors_.by_id) {
    if (actor.state == ActorState::idle) continue;
    actor.operation = {};
    finish(actor);
  }
  actors_.woken.clear();
  spinlocks_.reset();
}

void Engine::reset() {
  abandon();
  for (Actor& actor : actors_.by_id) {
    actor.flags = {};
    actor.last_point = Point::kCount;
    actor.waits_what = "";
    actor.waits_on = kNoActor;
  }
  steps_ = 0;
  step_limit_ = kNoLimit;
  turns_ = 0;
  now_ = 0;
  assume(kMainActor);
}

void Engine::stop_at(ActorId id, Point point, unsigned nth) {
  CMA_ASSERT(nth >= 1 && actors_.by_id[id].state != ActorState::idle);
  actors_.by_id[id].stop_point = point;
  actors_.by_id[id].stop_countdown = nth;
  actors_.update_watching();
}

void Engine::set_watcher(PointWatcher* watcher) {
  actors_.watcher = watcher;
  actors_.update_watching();
}

ActorId Engine::take_woken() {
  if (actors_.woken.empty()) return kNoActor;
  const ActorId id = actors_.woken.front();
  actors_.woken.erase(actors_.woken.begin());
  return id;
}

ActorId Engine::next_sleeper() const {
  ActorId first = kNoActor;
  for (ActorId id = 0; id < actors_.by_id.size(); ++id) {
    if (actors_.by_id[id].state != ActorState::sleeping) continue;
    if (first == kNoActor || actors_.by_id[id].wake_time < actors_.by_id[first].wake_time) first = id;
  }
  return first;
}

void Engine::advance_to(Time time) {
  while (true) {
    const ActorId id = next_sleeper();
    if (id == kNoActor || actors_.by_id[id].wake_time > time) break;
    now_ = std::max(now_, actors_.by_id[id].wake_time);
    parking_.wake(id);
  }
  now_ = std::max(now_, time);
}

TaskFlags& Engine::flags(ActorId id) {
  CMA_ASSERT(id < actors_.by_id.size());
  return actors_.by_id[id].flags;
}

const TaskFlags& Engine::flags(ActorId id) const {
  CMA_ASSERT(id < actors_.by_id.size());
  return actors_.by_id[id].flags;
}

ActorView Engine::look(ActorId id) const {
  CMA_ASSERT(id < actors_.by_id.size());
  const Actor& actor = actors_.by_id[id];
  const bool runs = actors_.running && id == actors_.current;
  const bool waits = actor.state == ActorState::waiting || actor.state == ActorState::sleeping;
  return {.state = actor.state,
          .last_point = runs ? last_point_ : actor.last_point,
          .waits_for = waits ? actor.waits_what : std::string_view(),
          .waits_for_actor = actor.waits_on,
          .wake_time = actor.wake_time};
}

// Returns the kernel function of the point that the current actor passed last; empty if it has passed none.
std::string Engine::function_of_last_point() const {
  return last_point_ == Point::kCount ? "" : std::string(info_of(last_point_).function);
}

void Engine::out_of_steps() {
  step_limit_ = kNoLimit;
  throw EngineFault(EngineFault::Kind::bounded, function_of_last_point(), "the step budget is used up");
}

void Engine::out_of_turns() {
  turns_ = 0;
  throw EngineFault(EngineFault::Kind::bounded, function_of_last_point(), "a loop goes on and passes no point");
}

}  // namespace cma
