#include "properties/program/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/hash.h"
#include "properties/program/budget.h"
#include "properties/program/text.h"

namespace cma {

// --- machines ---

// Booted machines by geometry, each with one that programs run on and that goes back to it. Programs that begin with
// boot have a pair of their own, before boot.
class Interpreter::Cache {
 public:
  Machine& fresh(const Geometry& geometry, bool before_boot) {
    Entry& entry = find(geometry);
    Pair& pair = before_boot ? entry.early : entry.booted;
    if (pair.working) {
      pair.working->restore(*pair.pristine);
    } else {
      pair.pristine = make(geometry, before_boot);
      pair.working = make(geometry, before_boot);
    }
    last_ = pair.working.get();
    return *last_;
  }
  Machine* last() { return last_; }

 private:
  // A fuzzer meets a handful of machines; real ones are too large to keep many.
  static constexpr std::size_t kEntries = 64;
  static constexpr std::uint64_t kPages = std::uint64_t{1} << 22;

  struct Pair {
    std::unique_ptr<Machine> pristine;
    std::unique_ptr<Machine> working;
  };
  struct Entry {
    Geometry geometry;
    Pair booted;
    Pair early;
  };

  static std::unique_ptr<Machine> make(const Geometry& geometry, bool before_boot) {
    return before_boot ? std::make_unique<Machine>(geometry) : make_machine(geometry);
  }

  Entry& find(const Geometry& geometry) {
    if (recent_ < entries_.size() && entries_[recent_]->geometry == geometry) return *entries_[recent_];
    for (recent_ = 0; recent_ < entries_.size(); ++recent_)
      if (entries_[recent_]->geometry == geometry) return *entries_[recent_];
    pages_ += geometry.memory.pages();
    if (entries_.size() >= kEntries || pages_ > kPages) {
      entries_.clear();
      last_ = nullptr;
      pages_ = geometry.memory.pages();
    }
    entries_.push_back(std::make_unique<Entry>(Entry{geometry, {}, {}}));
    recent_ = entries_.size() - 1;
    return *entries_[recent_];
  }

  std::vector<std::unique_ptr<Entry>> entries_;
  std::size_t recent_ = 0;
  std::uint64_t pages_ = 0;
  Machine* last_ = nullptr;
};

Interpreter::Interpreter() : world_(std::make_unique<World>()), cache_(std::make_unique<Cache>()) {}
Interpreter::~Interpreter() = default;

const Machine& Interpreter::machine() const { return world_->machine(); }
const World& Interpreter::world() const { return *world_; }

std::string actor_name(const Program& program, ActorId actor) {
  const auto cpus = static_cast<ActorId>(program.machine.cpus);
  if (actor < cpus) return fmt::format("cpu{}", actor);
  return actor - cpus < program.actors.size() ? program.actors[actor - cpus].name : std::string("?");
}

// --- one run ---

class Interpreter::Run : PointWatcher {
 public:
  Run(const Program& program, World& world, Machine& machine, Observer& observer, const RunOptions& options)
      : program_(program),
        world_(world),
        machine_(machine),
        engine_(machine.engine),
        observer_(observer),
        options_(options) {}
  ~Run() override { engine_.set_watcher(nullptr); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  std::optional<Finding> perform(bool audit_points);

 private:
  void set_up_actors();
  void perform_op(Slot slot);
  void perform_by_nobody(Slot slot, const Op& op);
  void perform_by_actor(Slot slot, const Op& op);
  void resume_actor(Slot slot, const Op& op);
  void let_run(ActorId actor);
  void run_woken();
  void pass_time(Time duration);
  void finish_actors();
  void run_to_the_end();
  Task<void> ask_and_release(AreaRequest request);
  bool resume_suspended();
  void check_endless_retry(ActorId actor);
  bool complete_io();
  void check_lasso(ActorId actor, std::uint64_t steps_before, bool slept_before);
  void report_deadlock();
  Finding finding(Law law, std::string function, std::string message) const;
  bool at_point(Point) override {
    observer_.control_changes(machine_);
    return false;
  }

  const Program& program_;
  World& world_;
  Machine& machine_;
  Engine& engine_;
  Observer& observer_;
  const RunOptions& options_;
  Slot current_ = 0;
  bool at_end_ = false;
  bool by_nobody_ = false;
  // By actor: the operation it is inside of, and its bound.
  struct Inside {
    Slot slot = 0;
    std::uint64_t budget = 0;
    // While the program ends: it has slept, run one turn of the throttle's loop, and slept again.
    bool turned = false;
  };
  std::vector<Inside> inside_;
  std::uint64_t noted_state_ = 0;
  // While the program ends: the machine after each sweep, while nothing but sweeps goes on.
  std::vector<std::uint64_t> swept_states_;
};

void Interpreter::Run::set_up_actors() {
  const auto cpus = static_cast<std::size_t>(engine_.cpus());
  const std::size_t wanted = cpus + program_.actors.size();
  while (engine_.actors() < wanted) engine_.add_actor(0);
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) engine_.bind(static_cast<ActorId>(cpu), static_cast<int>(cpu));
  for (std::size_t i = 0; i < program_.actors.size(); ++i)
    engine_.bind(static_cast<ActorId>(cpus + i), program_.actors[i].cpu);
  inside_.assign(engine_.actors(), Inside{});
}

// Resumes an actor until it ends, stops or waits, and settles the result of what has ended.
void Interpreter::Run::let_run(ActorId actor) {
  by_nobody_ = false;
  if (options_.budget_factor != 0) engine_.set_step_budget(inside_[actor].budget * options_.budget_factor);
  engine_.resume(actor);
  if (engine_.state(actor) != Engine::State::idle) return;
  Result& result = world_.result(inside_[actor].slot);
  if (result.state == Result::State::inside) result.state = Result::State::done;
}

void Interpreter::Run::run_woken() {
  for (ActorId actor = engine_.take_woken(); actor != kNoActor; actor = engine_.take_woken()) {
    observer_.control_changes(machine_);
    const std::uint64_t steps = engine_.steps();
    const bool slept = engine_.last_point(actor) == Point::sleep;
    let_run(actor);
    if (at_end_) check_lasso(actor, steps, slept);
  }
}

void Interpreter::Run::pass_time(Time duration) {
  const Time until = engine_.now() + duration;
  for (ActorId next = engine_.next_sleeper(); next != kNoActor && engine_.wake_time(next) <= until;
       next = engine_.next_sleeper()) {
    engine_.advance_to(engine_.wake_time(next));
    run_woken();
  }
  engine_.advance_to(until);
}

void Interpreter::Run::perform_by_nobody(Slot slot, const Op& op) {
  world_.result(slot).state = Result::State::done;
  try {
    std::visit(
        [&]<class Kind>(const Kind& body) {
          if constexpr (Kind::kInfo.performed == Performed::by_nobody) body.perform(world_, slot);
        },
        op.body);
  } catch (const ExpectationUnmet&) {
    if (options_.expectations) throw;
  }
  if (world_.sleep != 0) pass_time(std::exchange(world_.sleep, 0));
}

void Interpreter::Run::perform_by_actor(Slot slot, const Op& op) {
  const ActorId actor = world_.actor(op.performer);
  if (actor == kNoActor || engine_.state(actor) != Engine::State::idle) {
    world_.skip(slot, actor == kNoActor ? "there is no such actor" : "its actor is inside another operation");
    return;
  }
  world_.result(slot).state = Result::State::inside;
  inside_[actor] = {slot, step_budget(world_, op), false};
  std::visit(
      [&]<class Kind>(const Kind& body) {
        if constexpr (Kind::kInfo.performed == Performed::by_actor) engine_.begin(actor, body.perform(world_, slot));
      },
      op.body);
  if (op.until.wanted()) engine_.stop_at(actor, op.until.point, op.until.nth);
  let_run(actor);
}

void Interpreter::Run::resume_actor(Slot slot, const Op& op) {
  const ActorId actor = world_.actor(op.performer);
  if (actor == kNoActor || engine_.state(actor) != Engine::State::ready) {
    world_.skip(slot, actor == kNoActor ? "there is no such actor" : "its actor is not stopped at a point");
    return;
  }
  world_.result(slot).state = Result::State::done;
  if (op.until.wanted()) engine_.stop_at(actor, op.until.point, op.until.nth);
  let_run(actor);
}

void Interpreter::Run::perform_op(Slot slot) {
  const Op& op = program_.ops[slot];
  const OpInfo& info = info_of(op);
  current_ = slot;
  by_nobody_ = info.performed == Performed::by_nobody;
  if (info.boot && machine_.booted()) {
    world_.skip(slot, "boot has finished");
  } else {
    if (!info.boot && !info.any_time) world_.finish_boot();
    switch (info.performed) {
      case Performed::by_nobody: perform_by_nobody(slot, op); break;
      case Performed::by_actor: perform_by_actor(slot, op); break;
      case Performed::resuming: resume_actor(slot, op); break;
    }
  }
  run_woken();
  observer_.op_performed(machine_, slot);
}

// --- the end of a program ---

bool Interpreter::Run::resume_suspended() {
  bool any = false;
  for (ActorId actor = 0; actor < engine_.actors(); ++actor) {
    if (engine_.state(actor) != Engine::State::ready) continue;
    any = true;
    current_ = inside_[actor].slot;
    observer_.control_changes(machine_);
    let_run(actor);
    run_woken();
  }
  if (any)
    for (Inside& inside : inside_) inside.turned = false;
  return any;
}

// The loops that sleep, the throttle's and that of a long-term pin, pass exactly two points a turn: their own and
// sleep. An actor that does just that comes back with the locals it had. When every sleeper has done so, nobody else
// can run, and the machine is what it was before, then nothing will ever change. Actors that retry for ever have no
// locals between two sweeps but the time they wake. If all that can ever run again are such, and machine and waking
// times are once what they were after an earlier sweep, the sweeps repeat without end.
void Interpreter::Run::check_endless_retry(ActorId actor) {
  std::uint64_t state = machine_.state_hash();
  for (ActorId id = 0; id < engine_.actors(); ++id) {
    const bool sleeps = engine_.state(id) == Engine::State::sleeping;
    const bool runs = engine_.state(id) == Engine::State::ready;
    if ((runs || sleeps) && !machine_.areas.between_sweeps(id)) {
      swept_states_.clear();
      return;
    }
    // Woken together with this one: looked at when it has swept as well.
    if (runs) return;
    if (sleeps) hash_step(state, (engine_.wake_time(id) - engine_.now()) ^ (std::uint64_t{id} << 32));
  }
  const auto earlier = std::find(swept_states_.begin(), swept_states_.end(), state);
  if (earlier == swept_states_.end()) {
    swept_states_.push_back(state);
    return;
  }
  current_ = inside_[actor].slot;
  const auto period = swept_states_.end() - earlier;
  throw LawBroken(Law::bounded, "cma_alloc",
                  fmt::format("{} retries for ever: after {} sweeps the machine is what it was {} before, and nobody "
                              "else can run",
                              actor_name(program_, actor), swept_states_.size() + 1,
                              period == 1 ? "a sweep" : fmt::format("{} sweeps", period)));
}

void Interpreter::Run::check_lasso(ActorId actor, std::uint64_t steps_before, bool slept_before) {
  if (!machine_.geometry().retry_sweeps && machine_.areas.between_sweeps(actor)) return check_endless_retry(actor);
  swept_states_.clear();
  const bool turned = slept_before && engine_.state(actor) == Engine::State::sleeping &&
                      engine_.steps() == steps_before + 2 && engine_.last_point(actor) == Point::sleep;
  if (!turned) {
    for (Inside& inside : inside_) inside.turned = false;
    return;
  }
  const bool first = std::none_of(inside_.begin(), inside_.end(), [](const Inside& inside) { return inside.turned; });
  if (first) noted_state_ = machine_.state_hash();
  inside_[actor].turned = true;
  for (ActorId id = 0; id < engine_.actors(); ++id) {
    if (engine_.state(id) == Engine::State::ready) return;
    if (engine_.state(id) == Engine::State::sleeping && !inside_[id].turned) return;
  }
  // The state was noted after the first turn: at least one more has to lead back to it.
  if (first || machine_.state_hash() != noted_state_) return;
  current_ = inside_[actor].slot;
  const bool pins = std::holds_alternative<PinLongterm>(program_.ops[current_].body);
  const Point loop = pins ? Point::pin_again : Point::scan_throttle;
  throw LawBroken(
      Law::bounded, std::string(info_of(loop).function),
      fmt::format("{} sleeps in {} again and again while nothing changes: {} pages are isolated, nobody else can run",
                  actor_name(program_, actor), pins ? "a long-term pin" : "the isolation throttle",
                  machine_.lru.isolated_anon() + machine_.lru.isolated_file()));
}

void Interpreter::Run::report_deadlock() {
  std::string who;
  for (ActorId actor = 0; actor < engine_.actors(); ++actor) {
    if (engine_.state(actor) != Engine::State::waiting) continue;
    if (!who.empty()) who += ", ";
    who += fmt::format("{} waits for {}", actor_name(program_, actor), engine_.waits_for(actor));
    const ActorId holder = engine_.waits_for_actor(actor);
    if (holder != kNoActor) who += fmt::format(" held by {}", actor_name(program_, holder));
    current_ = inside_[actor].slot;
    engine_.assume(actor);
  }
  throw LawBroken(Law::locks, "", "nobody can run any more: " + who);
}

// All I/O under way completes, one request after the other, and whoever waited for it runs.
bool Interpreter::Run::complete_io() {
  bool any = false;
  while (!machine_.device.pending().empty()) {
    engine_.assume(kMainActor);
    run_now(machine_.device.complete_one());
    run_woken();
    any = true;
  }
  return any;
}

void Interpreter::Run::finish_actors() {
  at_end_ = true;
  world_.finish_boot();
  run_to_the_end();
  for (const AreaRequest& request : options_.at_the_end) {
    observer_.op_performed(machine_, current_);
    engine_.begin(kMainActor, ask_and_release(request));
    inside_[kMainActor] = {current_, step_budget(world_, request), false};
    run_to_the_end();
  }
  observer_.program_ended(machine_);
}

void Interpreter::Run::run_to_the_end() {
  complete_io();
  while (!engine_.at_rest()) {
    if (resume_suspended() || complete_io()) continue;
    const ActorId next = engine_.next_sleeper();
    if (next == kNoActor) report_deadlock();
    current_ = inside_[next].slot;
    engine_.advance_to(engine_.wake_time(next));
    run_woken();
  }
  complete_io();
}

Task<void> Interpreter::Run::ask_and_release(AreaRequest request) {
  const AreaId area = request.area;
  const std::uint64_t pages = request.pages;
  observer_.alloc_begins(area, pages, request.align);
  const Pfn pfn = co_await machine_.areas.cma_alloc(area, pages, request.align, /*no_warn=*/true);
  if (pfn == kNoPfn) {
    observer_.alloc_failed(area, pages, request.align);
    co_return;
  }
  observer_.buffer_allocated(area, pfn, pages, request.align);
  observer_.buffer_releasing(area, pfn, pages);
  co_await machine_.areas.cma_release(area, pfn, pages);
  observer_.buffer_released(area, pfn, pages);
}

// --- findings ---

Finding Interpreter::Run::finding(Law law, std::string function, std::string message) const {
  Finding found;
  found.law = law;
  found.message = std::move(message);
  found.op = current_;
  const Point point = by_nobody_ ? Point::kCount : engine_.last_point(engine_.current());
  if (point != Point::kCount) {
    found.point = info_of(point).name;
    found.function = info_of(point).function;
  }
  if (!function.empty()) found.function = std::move(function);
  return found;
}

std::optional<Finding> Interpreter::Run::perform(bool audit_points) {
  try {
    if (audit_points) engine_.set_watcher(this);
    set_up_actors();
    observer_.program_begins(machine_);
    for (Slot slot = 0; slot < program_.ops.size(); ++slot) perform_op(slot);
    finish_actors();
  } catch (const LawBroken& broken) {
    return finding(broken.law(), broken.function(), broken.what());
  } catch (const EngineFault& fault) {
    return finding(law_of(fault.kind()), fault.function(), fault.what());
  } catch (const AssertionFailure& failure) {
    return finding(Law::sound, failure.where(), failure.what());
  } catch (const ExpectationUnmet& expectation) {
    return finding(Law::expect, "", print_op(program_, program_.ops[current_]) + ": " + expectation.what());
  }
  return std::nullopt;
}

// --- the interpreter ---

namespace {

// Boot has to be gone through again: the program says something about it.
bool begins_before_boot(const Program& program) {
  if (!program.failing_bitmaps.empty()) return true;
  for (const Op& op : program.ops) {
    const OpInfo& info = info_of(op);
    if (!info.any_time) return info.boot;
  }
  return false;
}

// The law a program says it breaks, if it does.
const ExpectFinding* expected_finding(const Program& program) {
  for (const Op& op : program.ops)
    if (const auto* expectation = std::get_if<ExpectFinding>(&op.body)) return expectation;
  return nullptr;
}

Observer& nobody() {
  static Observer observer;
  return observer;
}

}  // namespace

RunResult Interpreter::run(const Program& program, Observer* observer, const RunOptions& options) {
  // What the last program left suspended knows the world as it was then.
  if (Machine* last = cache_->last()) last->engine.abandon();
  const bool early = begins_before_boot(program);
  RunResult result;
  Machine* booted = nullptr;
  try {
    booted = &cache_->fresh(program.machine, early);
  } catch (const AssertionFailure& failure) {
    result.finding = Finding{Law::sound, failure.where(), "", failure.what(), 0};
    return result;
  }
  Machine& machine = *booted;
  machine.trace.set_page_events(options.page_events);
  for (std::uint16_t area : program.failing_bitmaps) machine.areas.fail_bitmap_of(area);
  Observer& listener = observer != nullptr ? *observer : nobody();
  world_->begin(program, machine, listener, options.keep_output);

  {
    Run run(program, *world_, machine, listener, options);
    result.finding = run.perform(program.audit == Audit::points && observer != nullptr);
  }
  result.skipped = world_->skipped;
  result.trace_hash = machine.trace.hash();
  result.steps = machine.engine.steps();
  if (const ExpectFinding* expected = options.expectations ? expected_finding(program) : nullptr) {
    if (!result.finding) {
      result.finding = Finding{Law::expect, "", "", "the run was to break law " + expected->law + ", and broke none",
                               program.ops.empty() ? 0 : program.ops.size() - 1};
    } else {
      result.finding_expected = name_of(result.finding->law) == expected->law;
    }
  }
  return result;
}

RunResult run(const Program& program, Observer* observer, const RunOptions& options) {
  Interpreter interpreter;
  return interpreter.run(program, observer, options);
}

}  // namespace cma
