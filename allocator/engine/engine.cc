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

Engine::Engine(int cpus) : cpus_(cpus) { actors_.emplace_back(); }

ActorId Engine::add_actor(int cpu) {
  CMA_ASSERT(cpu >= 0 && cpu < cpus_ && !running_);
  Actor actor;
  actor.cpu = cpu;
  actors_.push_back(std::move(actor));
  return static_cast<ActorId>(actors_.size() - 1);
}

void Engine::bind(ActorId actor, int cpu) {
  CMA_ASSERT(actors_[actor].state == State::idle && cpu >= 0 && cpu < cpus_);
  actors_[actor].cpu = cpu;
  if (actor == current_) cpu_ = cpu;
}

void Engine::begin(ActorId id, Task<void> operation) {
  Actor& actor = actors_[id];
  CMA_ASSERT(actor.state == State::idle);
  actor.operation = std::move(operation);
  actor.last_point = Point::kCount;
  actor.leaf = &actor.operation.promise();
  actor.state = State::ready;
  ++inside_;
}

void Engine::assume(ActorId actor) {
  CMA_ASSERT(!running_);
  turns_ = 0;
  current_ = actor;
  cpu_ = actors_[actor].cpu;
  last_point_ = actors_[actor].last_point;
}

void Engine::finish(Actor& actor) {
  actor.state = State::idle;
  actor.stop_point = Point::kCount;
  actor.leaf = nullptr;
  --inside_;
  update_watching();
}

// Runs an operation from its innermost coroutine outwards, until it is suspended again or has ended.
void Engine::run_to_a_stop(Actor& actor) {
  const RunningGuard running(running_);
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
  Actor& actor = actors_[id];
  CMA_ASSERT(actor.state == State::ready && actor.leaf != nullptr);
  CMA_ASSERT(!spinlocks_.any_held());
  std::erase(woken_, id);
  run_to_a_stop(actor);
  actor.last_point = last_point_;
  if (actor.leaf != nullptr) return;
  Task<void> operation = std::move(actor.operation);
  finish(actor);
  operation.take();
}

void Engine::abandon() {
  CMA_ASSERT(!running_);
  for (Actor& actor : actors_) {
    if (actor.state == State::idle) continue;
    actor.operation = {};
    finish(actor);
  }
  woken_.clear();
  spinlocks_.reset();
}

void Engine::reset() {
  abandon();
  for (Actor& actor : actors_) {
    actor.flags = {};
    actor.last_point = Point::kCount;
    actor.waits_what = nullptr;
    actor.waits_on = kNoActor;
  }
  steps_ = 0;
  step_limit_ = kNoLimit;
  turns_ = 0;
  now_ = 0;
  assume(kMainActor);
}

void Engine::stop_at(ActorId id, Point point, unsigned nth) {
  CMA_ASSERT(nth >= 1 && actors_[id].state != State::idle);
  actors_[id].stop_point = point;
  actors_[id].stop_countdown = nth;
  update_watching();
}

void Engine::set_watcher(PointWatcher* watcher) {
  watcher_ = watcher;
  update_watching();
}

void Engine::update_watching() {
  watching_ = watcher_ != nullptr || std::any_of(actors_.begin(), actors_.end(),
                                                 [](const Actor& actor) { return actor.stop_point != Point::kCount; });
}

bool Engine::stop_here(Point point) {
  // Nothing could resume a plain call. The actor that it runs as may be inside an operation, whose request is to wait.
  if (!running_) return false;
  Actor& actor = actors_[current_];
  bool stop = watcher_ != nullptr && watcher_->at_point(point);
  if (actor.stop_point == point && --actor.stop_countdown == 0) {
    actor.stop_point = Point::kCount;
    update_watching();
    stop = true;
  }
  return stop;
}

void Engine::stop(PromiseBase& leaf) {
  CMA_ASSERT(running_);
  Actor& actor = actors_[current_];
  actor.leaf = &leaf;
  actor.state = State::ready;
}

void Engine::park(PromiseBase& leaf, const char* what, ActorId owner) {
  Actor& actor = actors_[current_];
  if (!running_) throw EngineFault(EngineFault::Kind::locks, what, std::string("a plain call would wait for ") + what);
  CMA_ASSERT(!spinlocks_.any_held());
  if (owner == current_)
    throw EngineFault(EngineFault::Kind::locks, what, "deadlock: an actor waits for itself, for " + std::string(what));
  for (ActorId next = owner; next != kNoActor && actors_[next].state == State::waiting; next = actors_[next].waits_on)
    if (actors_[next].waits_on == current_)
      throw EngineFault(EngineFault::Kind::locks, what,
                        "deadlock: actors wait for each other, the last one for " + std::string(what));
  actor.leaf = &leaf;
  actor.state = State::waiting;
  actor.waits_what = what;
  actor.waits_on = owner;
}

void Engine::park_until(PromiseBase& leaf, Time wake_time) {
  CMA_ASSERT(running_);
  Actor& actor = actors_[current_];
  actor.leaf = &leaf;
  actor.state = State::sleeping;
  actor.wake_time = wake_time;
  actor.waits_what = "the clock";
  actor.waits_on = kNoActor;
}

void Engine::wake(ActorId id) {
  Actor& actor = actors_[id];
  CMA_ASSERT(actor.state == State::waiting || actor.state == State::sleeping);
  actor.state = State::ready;
  actor.waits_on = kNoActor;
  woken_.push_back(id);
}

ActorId Engine::take_woken() {
  if (woken_.empty()) return kNoActor;
  const ActorId id = woken_.front();
  woken_.erase(woken_.begin());
  return id;
}

ActorId Engine::next_sleeper() const {
  ActorId first = kNoActor;
  for (ActorId id = 0; id < actors_.size(); ++id) {
    if (actors_[id].state != State::sleeping) continue;
    if (first == kNoActor || actors_[id].wake_time < actors_[first].wake_time) first = id;
  }
  return first;
}

void Engine::advance_to(Time time) {
  while (true) {
    const ActorId id = next_sleeper();
    if (id == kNoActor || actors_[id].wake_time > time) break;
    now_ = std::max(now_, actors_[id].wake_time);
    wake(id);
  }
  now_ = std::max(now_, time);
}

std::string Engine::waits_for(ActorId id) const {
  const Actor& actor = actors_[id];
  if (actor.state != State::waiting && actor.state != State::sleeping) return {};
  return actor.waits_what;
}

// Returns the kernel function of the point that the current actor passed last; empty if it has passed none.
std::string Engine::function_of_last_point() const {
  return last_point_ == Point::kCount ? "" : std::string(info_of(last_point_).function);
}

void Engine::out_of_steps() {
  step_limit_ = kNoLimit;
  throw EngineFault(EngineFault::Kind::bounded, function_of_last_point(),
                    "the step budget of this operation is used up");
}

void Engine::out_of_turns() {
  turns_ = 0;
  throw EngineFault(EngineFault::Kind::bounded, function_of_last_point(), "a loop goes on and passes no point");
}

}  // namespace cma
