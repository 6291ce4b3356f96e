// From a program to its verdict, in the order of this file:
//
//   Interpreter::run   takes a machine as booted from the cache, performs the program on it, and compares the finding
//                      with the one the program expects
//   Run::perform       performs one operation after the other, then the end; makes a finding of what is thrown
//   Run::perform_op    one operation: of boot, of an actor (which ends, stops or waits), or of none; then actors that
//                      were woken
//   Run::finish        boot finishes, and actors run on until all are done, or are proved never to be

#include "properties/program/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/hash.h"
#include "properties/program/budget.h"
#include "properties/program/geometry_cache.h"
#include "properties/program/text.h"

namespace cma {

// --- machines ---

// Booted machines by geometry, each with one that programs run on and that goes back to it. Programs that begin with
// boot have a pair of their own, before boot.
class Interpreter::Cache {
 public:
  // Returns a machine as booted, or as it is before boot. Throws AssertionFailure if the machine cannot boot.
  Machine& fresh(const Geometry& geometry, bool before_boot) {
    last_ = nullptr;
    Entry& entry = entries_.find(geometry, [] { return std::make_unique<Entry>(); });
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
  // The machine of the last run; nullptr if there is none.
  Machine* last() { return last_; }

 private:
  struct Pair {
    std::unique_ptr<Machine> pristine;
    std::unique_ptr<Machine> working;
  };
  struct Entry {
    Pair booted;
    Pair early;
  };

  static std::unique_ptr<Machine> make(const Geometry& geometry, bool before_boot) {
    return before_boot ? std::make_unique<Machine>(geometry) : make_machine(geometry);
  }

  GeometryCache<Entry> entries_;
  Machine* last_ = nullptr;
};

Interpreter::Interpreter() : world_(std::make_unique<World>()), cache_(std::make_unique<Cache>()) {}
Interpreter::~Interpreter() = default;

const Machine& Interpreter::machine() const { return world_->machine(); }
const World& Interpreter::world() const { return *world_; }

// --- one run ---

namespace {

// Performs an operation, and ends those processes killed for memory that have no task inside the kernel any longer.
Task<void> perform_and_return(Machine& machine, Task<void> operation) {
  co_await operation;
  co_await machine.oom_killer.task_returns();
}

// How often a request for pages may wake in a turn at the end of a program: many times what reclaim sleeps in one.
constexpr std::uint64_t kMostWakes = 10'000;

// How many requests for I/O may complete at the end of a program for each page of memory: an operation makes a few for
// each page. Two operations that undo each other's work make more.
constexpr std::uint64_t kMostIoPerPage = 16;

// How many turns without limit may leave as many pages free and listed as before. Reclaim has looked at every page in
// each; compaction, once it is put off, is tried in one turn of 64 (COMPACT_MAX_DEFER_SHIFT), so twice here. A proof by
// states may take a turn for each page, as one turn puts one page after the others.
constexpr unsigned kMostTurnsInVain = 128;

// Returns whether the operation is an expectation that begins with the name of a result.
bool is_about_a_result(const Op& op) {
  return std::holds_alternative<ExpectState>(op.body) || std::holds_alternative<ExpectFigure>(op.body) ||
         std::holds_alternative<ExpectError>(op.body);
}

// Returns what an expectation that is not met is known by, so that a smaller program has to fail in the same way:
// "pfn == 0x4000 (pfn is 0x4100)".
std::string expectation_named(std::string_view text, const Op& op, std::string_view found) {
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  if (is_about_a_result(op)) text.remove_prefix(std::min(text.find_first_of(". ") + 1, text.size()));
  return fmt::format("{} ({})", text, found);
}

}  // namespace

class Interpreter::Run : PointWatcher {
 public:
  Run(const Program& program, World& world, Machine& machine, Observer& observer, const RunOptions& options)
      : program_(program),
        world_(world),
        machine_(machine),
        engine_(machine.engine),
        observer_(observer),
        options_(options) {}
  ~Run() override {
    engine_.set_watcher(nullptr);
    machine_.trace.watch_allocations(nullptr);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  std::optional<Finding> perform(bool audit_points);

 private:
  void set_up_actors();
  void perform_op(Slot slot);
  void perform_without_actor(Slot slot, const Op& op);
  void perform_by_actor(Slot slot, const Op& op);
  void begin(ActorId actor, Task<void> operation);
  void resume_actor(Slot slot, const Op& op);
  void let_run(ActorId actor);
  void run_woken();
  void pass_time(Time duration);
  void finish();
  void run_to_the_end();
  Task<void> ask_and_release(AreaRequest request);
  bool resume_suspended();
  void check_endless_retry(ActorId actor);
  bool repeats(ActorId actor) const;
  void give_up(ActorId actor);
  void forget_turns();
  bool is_in_vain();
  bool complete_io();
  void check_lasso(ActorId actor, std::uint64_t steps_before, bool slept_before);
  void report_deadlock();
  void report_endless_io();
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
  bool all_performed_ = false;  // each operation has ended: actors perform the requests of the options only
  bool without_actor_ = false;  // the operation at current_ has none
  // By actor: the operation that it is inside, and its bound.
  struct Inside {
    Slot slot = 0;
    std::uint64_t budget = 0;
    // While the program ends: it has slept, run one turn of a sleeping loop, and slept again; the last time that it
    // woke, and since the state was noted.
    bool loops = false;
    bool turned = false;
  };
  std::vector<Inside> inside_;
  std::uint64_t noted_state_ = 0;  // of the machine, after the first of these turns
  bool outdated_ = false;          // an actor has done something else since
  // While the program ends and nothing but endless retries goes on: the machine after each turn.
  std::vector<std::uint64_t> swept_states_;
  std::uint64_t pages_left_ = 0;  // free and on the LRU lists after the last of them
  unsigned turns_in_vain_ = 0;    // the last ones, which left as many
  std::uint64_t completed_ = 0;   // requests for I/O, while the program ends
};

// --- from program to verdict ---

namespace {

// Returns whether the program must start before boot: it has operations of boot, or bitmaps that boot cannot allocate.
bool begins_before_boot(const Program& program) {
  if (!program.failing_bitmaps.empty()) return true;
  for (const Op& op : program.ops) {
    const OpInfo& info = info_of(op);
    if (!info.any_time) return info.boot;
  }
  return false;
}

// Returns the finding that the program expects; nullptr if it expects none.
const ExpectFinding* expected_finding(const Program& program) {
  for (const Op& op : program.ops)
    if (const auto* expectation = std::get_if<ExpectFinding>(&op.body)) return expectation;
  return nullptr;
}

Observer& no_observer() {
  static Observer observer;
  return observer;
}

}  // namespace

RunResult Interpreter::run(const Program& program, Observer* observer, const RunOptions& options) {
  // Operations that the last program left suspended refer to the world, which is about to change.
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
  for (std::uint16_t area : program.failing_bitmaps) machine.areas.boot().fail_bitmap_of(area);
  Observer& listener = observer != nullptr ? *observer : no_observer();
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

// Performs the program. Returns the finding that ended it, if one did.
std::optional<Finding> Interpreter::Run::perform(bool audit_points) {
  try {
    if (audit_points) engine_.set_watcher(this);
    set_up_actors();
    observer_.program_begins(machine_);
    for (Slot slot = 0; slot < program_.ops.size(); ++slot) perform_op(slot);
    finish();
  } catch (const LawBroken& broken) {
    return finding(broken.law(), broken.function(), broken.what());
  } catch (const EngineFault& fault) {
    return finding(law_of(fault.kind()), fault.function(), fault.what());
  } catch (const AssertionFailure& failure) {
    return finding(Law::sound, failure.where(), failure.what());
  } catch (const ExpectationUnmet& expectation) {
    const std::string text = print_op(program_, program_.ops[current_]);
    const std::string known_by = expectation_named(text, program_.ops[current_], expectation.what());
    return finding(Law::expect, known_by, text + ": " + expectation.what());
  }
  return std::nullopt;
}

// Returns the finding, with the place where the current actor was.
Finding Interpreter::Run::finding(Law law, std::string function, std::string message) const {
  Finding found;
  found.law = law;
  found.message = std::move(message);
  found.op = current_;
  const Point point = without_actor_ ? Point::kCount : engine_.last_point();
  if (point != Point::kCount) {
    found.point = info_of(point).name;
    found.function = info_of(point).function;
  }
  if (!function.empty()) found.function = std::move(function);
  return found;
}

// --- operations ---

void Interpreter::Run::set_up_actors() {
  const auto cpus = static_cast<std::size_t>(engine_.cpus());
  const std::size_t wanted = cpus + program_.actors.size();
  while (engine_.actors() < wanted) engine_.add_actor(0);
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) engine_.bind(static_cast<ActorId>(cpu), static_cast<int>(cpu));
  for (std::size_t i = 0; i < program_.actors.size(); ++i)
    engine_.bind(static_cast<ActorId>(cpus + i), program_.actors[i].cpu);
  inside_.assign(engine_.actors(), Inside{});
}

void Interpreter::Run::perform_op(Slot slot) {
  const Op& op = program_.ops[slot];
  const OpInfo& info = info_of(op);
  current_ = slot;
  without_actor_ = info.performed == Performed::without_actor;
  if (info.boot && machine_.booted()) {
    world_.skip(slot, "boot has finished");
    observer_.op_ended(machine_, slot);
  } else {
    if (!info.boot && !info.any_time) world_.finish_boot();
    switch (info.performed) {
      case Performed::without_actor: perform_without_actor(slot, op); break;
      case Performed::by_actor: perform_by_actor(slot, op); break;
      case Performed::resuming: resume_actor(slot, op); break;
    }
  }
  run_woken();
  observer_.op_performed(machine_, slot);
}

void Interpreter::Run::perform_without_actor(Slot slot, const Op& op) {
  world_.result(slot).state = Result::State::done;
  try {
    std::visit(
        [&]<class Kind>(const Kind& body) {
          if constexpr (Kind::kInfo.performed == Performed::without_actor) body.perform(world_, slot);
        },
        op.body);
  } catch (const ExpectationUnmet&) {
    if (options_.expectations) throw;
  }
  observer_.op_ended(machine_, slot);
  if (world_.sleep != 0) pass_time(std::exchange(world_.sleep, 0));
}

void Interpreter::Run::perform_by_actor(Slot slot, const Op& op) {
  const ActorId actor = world_.actor(op.performer);
  if (actor == kNoActor || engine_.look(actor).state != ActorState::idle) {
    world_.skip(slot, actor == kNoActor ? "there is no such actor" : "its actor is inside another operation");
    observer_.op_ended(machine_, slot);
    return;
  }
  world_.result(slot).state = Result::State::inside;
  inside_[actor] = {slot, step_budget(world_, op), false};
  engine_.flags(actor).scope = op.scope;
  std::visit(
      [&]<class Kind>(const Kind& body) {
        if constexpr (Kind::kInfo.performed == Performed::by_actor) begin(actor, body.perform(world_, slot));
      },
      op.body);
  if (op.until.wanted()) engine_.stop_at(actor, op.until.point, op.until.nth);
  let_run(actor);
}

void Interpreter::Run::begin(ActorId actor, Task<void> operation) {
  if (machine_.geometry().oom_kills)
    engine_.begin(actor, perform_and_return(machine_, std::move(operation)));
  else
    engine_.begin(actor, std::move(operation));
}

void Interpreter::Run::resume_actor(Slot slot, const Op& op) {
  const ActorId actor = world_.actor(op.performer);
  if (actor == kNoActor || engine_.look(actor).state != ActorState::ready) {
    world_.skip(slot, actor == kNoActor ? "there is no such actor" : "its actor is not stopped at a point");
    observer_.op_ended(machine_, slot);
    return;
  }
  world_.result(slot).state = Result::State::done;
  if (op.until.wanted()) engine_.stop_at(actor, op.until.point, op.until.nth);
  let_run(actor);
  observer_.op_ended(machine_, slot);
}

// --- control ---

// Resumes an actor until it ends, stops or waits. Records and reports that its operation is done if it has ended.
void Interpreter::Run::let_run(ActorId actor) {
  without_actor_ = false;
  if (options_.budget_factor != 0) {
    const std::uint64_t whole = inside_[actor].budget * options_.budget_factor;
    engine_.set_step_budget(std::max<std::uint64_t>(1, whole / options_.budget_divisor));
  }
  engine_.resume(actor);
  if (engine_.look(actor).state != ActorState::idle) return;
  Result& result = world_.result(inside_[actor].slot);
  if (result.state == Result::State::inside) result.state = Result::State::done;
  if (!all_performed_) observer_.op_ended(machine_, inside_[actor].slot);
}

// Runs the actors that were woken, in the order of waking, each to its next wait, stop or end.
void Interpreter::Run::run_woken() {
  for (ActorId actor = engine_.take_woken(); actor != kNoActor; actor = engine_.take_woken()) {
    observer_.control_changes(machine_);
    const std::uint64_t steps = engine_.steps();
    const bool slept = engine_.look(actor).last_point == Point::sleep;
    let_run(actor);
    if (at_end_) check_lasso(actor, steps, slept);
  }
}

// Lets time pass; each sleeper runs when its time comes.
void Interpreter::Run::pass_time(Time duration) {
  const Time until = engine_.now() + duration;
  for (ActorId next = engine_.next_sleeper(); next != kNoActor && engine_.look(next).wake_time <= until;
       next = engine_.next_sleeper()) {
    engine_.advance_to(engine_.look(next).wake_time);
    run_woken();
  }
  engine_.advance_to(until);
}

// --- the end of a program ---

// The end of a program: finishes boot, and runs all actors until they are done. Then makes the requests that the
// options ask for.
void Interpreter::Run::finish() {
  at_end_ = true;
  world_.finish_boot();
  run_to_the_end();
  all_performed_ = true;
  for (const AreaRequest& request : options_.at_the_end) {
    observer_.op_performed(machine_, current_);
    engine_.flags(kMainActor).scope = ReclaimScope::none;
    engine_.begin(kMainActor, ask_and_release(request));
    inside_[kMainActor] = {current_, step_budget(world_, request), false};
    run_to_the_end();
  }
  observer_.program_ended(machine_);
}

// Resumes, completes I/O and lets time pass until no actor is inside an operation. Throws if that never comes.
void Interpreter::Run::run_to_the_end() {
  complete_io();
  std::uint64_t wakes = 0;
  while (!engine_.at_rest()) {
    if (resume_suspended() || complete_io()) continue;
    const ActorId next = engine_.next_sleeper();
    if (next == kNoActor) report_deadlock();
    current_ = inside_[next].slot;
    engine_.advance_to(engine_.look(next).wake_time);
    run_woken();
    // A loop of several sleeps, which no turn proves endless, is a finding too.
    const EndlessTurns& endless = machine_.page_allocator.endless();
    const bool compacts = endless.compacts(next);
    const bool turned = endless.between(next) && !compacts;
    wakes = !turned && (compacts || endless.requesting(next)) ? wakes + 1 : 0;
    // A driver's count of refusals makes each turn of a compaction another. They are too many to be seen to their end.
    if (wakes <= kMostWakes) continue;
    if (compacts) {
      give_up(next);
      wakes = 0;
      continue;
    }
    throw LawBroken(
        Law::bounded, "__alloc_pages_slowpath",
        fmt::format("{} sleeps again and again, and its request for pages does not end", actor_name(program_, next)));
  }
  complete_io();
}

// Allocates from an area, and releases what it got.
Task<void> Interpreter::Run::ask_and_release(AreaRequest request) {
  const AreaId area = request.area;
  const std::uint64_t pages = request.pages;
  observer_.alloc_begins(area, pages, request.align);
  const Pfn pfn = co_await machine_.areas.cma_alloc(area, pages, request.align, Warn::no);
  if (pfn == kNoPfn) {
    observer_.alloc_failed(area, pages, request.align);
    co_return;
  }
  observer_.buffer_allocated(area, pfn, pages, request.align);
  observer_.buffer_releasing(area, pfn, pages);
  co_await machine_.areas.cma_release(area, pfn, pages);
  observer_.buffer_released(area, pfn, pages);
}

// Resumes each actor that is stopped at a point; false if there was none.
bool Interpreter::Run::resume_suspended() {
  bool any = false;
  for (ActorId actor = 0; actor < engine_.actors(); ++actor) {
    if (engine_.look(actor).state != ActorState::ready) continue;
    any = true;
    current_ = inside_[actor].slot;
    observer_.control_changes(machine_);
    let_run(actor);
    run_woken();
  }
  if (any)
    for (Inside& inside : inside_) inside.loops = inside.turned = false;
  return any;
}

// Completes all I/O under way, one request after the other; actors that waited for it run. False if there was none.
bool Interpreter::Run::complete_io() {
  bool any = false;
  while (!machine_.device.pending().empty()) {
    engine_.assume(kMainActor);
    run_now(machine_.device.complete_one());
    run_woken();
    any = true;
    if (++completed_ > kMostIoPerPage * machine_.map.pages().size() + kMostWakes) report_endless_io();
  }
  return any;
}

// Throws: an actor goes on reading or writing without end.
void Interpreter::Run::report_endless_io() {
  ActorId actor = 0;
  while (actor + 1 < engine_.actors() && engine_.look(actor).state == ActorState::idle) ++actor;
  current_ = inside_[actor].slot;
  throw LawBroken(Law::bounded, std::string(info_of(engine_.look(actor).last_point).function),
                  fmt::format("{} requests for I/O were completed, and {} makes more: it does not end", completed_,
                              actor_name(program_, actor)));
}

// Throws: actors wait, and none can run or wakes by its time.
void Interpreter::Run::report_deadlock() {
  std::string waits;
  for (ActorId actor = 0; actor < engine_.actors(); ++actor) {
    if (engine_.look(actor).state != ActorState::waiting) continue;
    if (!waits.empty()) waits += ", ";
    waits += fmt::format("{} waits for {}", actor_name(program_, actor), engine_.look(actor).waits_for);
    const ActorId holder = engine_.look(actor).waits_for_actor;
    if (holder != kNoActor) waits += fmt::format(" held by {}", actor_name(program_, holder));
    current_ = inside_[actor].slot;
    engine_.assume(actor);
  }
  throw LawBroken(Law::locks, "", "no actor can run any more: " + waits);
}

// --- actors that never end ---

// Proves that sleeping loops never end, and throws then. Called when `actor` has run after waking: `steps_before` steps
// had been taken then, and `slept_before` is whether it had slept in such a loop.
//
// The loops that sleep, the throttle's and that of a long-term pin, pass exactly two points a turn: their own and
// sleep. The locals of an actor that does no more stay the same. If every sleeper has made such a turn, no other
// actor can run, and the machine is what it was before, nothing ever changes.
void Interpreter::Run::check_lasso(ActorId actor, std::uint64_t steps_before, bool slept_before) {
  if (repeats(actor)) return check_endless_retry(actor);
  const bool turned = slept_before && engine_.look(actor).state == ActorState::sleeping &&
                      engine_.steps() == steps_before + 2 && engine_.look(actor).last_point == Point::sleep;
  inside_[actor].loops = turned;
  if (!turned) {
    outdated_ = true;
    // Inside a turn that may be endless.
    if (!machine_.page_allocator.endless().requesting(actor)) forget_turns();
    return;
  }
  if (outdated_)
    for (Inside& inside : inside_) inside.turned = false;
  const bool first = std::none_of(inside_.begin(), inside_.end(), [](const Inside& inside) { return inside.turned; });
  if (first) noted_state_ = machine_.state_hash();
  outdated_ = false;
  inside_[actor].turned = true;
  for (ActorId id = 0; id < engine_.actors(); ++id) {
    if (engine_.look(id).state == ActorState::ready) return;
    if (engine_.look(id).state == ActorState::sleeping && !inside_[id].turned) return;
  }
  // The state was noted after the first turn: at least one more has to lead back to it.
  if (first || machine_.state_hash() != noted_state_) return;
  // A request for pages that waits for pages which its own task has isolated, or others wait with it: a kernel hangs.
  for (ActorId id = 0; id < engine_.actors(); ++id)
    if (inside_[id].turned && machine_.page_allocator.endless().requesting(id)) return give_up(id);
  current_ = inside_[actor].slot;
  const bool pins = std::holds_alternative<PinLongterm>(program_.ops[current_].body);
  const bool reclaims = std::holds_alternative<DirectReclaim>(program_.ops[current_].body);
  const Point loop = pins ? Point::pin_again : reclaims ? Point::reclaim_throttle : Point::scan_throttle;
  throw LawBroken(
      Law::bounded, std::string(info_of(loop).function),
      fmt::format(
          "{} sleeps in {} again and again while nothing changes: {} pages are isolated, no other actor can run",
          actor_name(program_, actor), pins ? "a long-term pin" : "the isolation throttle",
          machine_.lru.lists().isolated_anon() + machine_.lru.lists().isolated_file()));
}

// Lets a request for pages fail that never ends otherwise.
void Interpreter::Run::give_up(ActorId actor) {
  engine_.flags(actor).given_up = true;
  forget_turns();
}

void Interpreter::Run::forget_turns() {
  swept_states_.clear();
  turns_in_vain_ = 0;
  for (Inside& inside : inside_) inside.loops = inside.turned = false;
}

// Returns whether the actor sleeps between two turns of a loop of the kernel's that has no limit: sweeps of an area, or
// a request for pages.
bool Interpreter::Run::repeats(ActorId actor) const {
  if (!machine_.geometry().retry_sweeps && machine_.areas.between_sweeps(actor)) return true;
  return machine_.page_allocator.endless().between(actor);
}

// Counts a turn of a request without limit. Returns whether enough of them have freed no page.
bool Interpreter::Run::is_in_vain() {
  const LruLists& lists = machine_.lru.lists();
  std::uint64_t left = lists.isolated_anon() + lists.isolated_file();
  for (std::size_t zone = 0; zone < machine_.buddy.zones(); ++zone)
    left += static_cast<std::uint64_t>(machine_.buddy.zone(zone).nr_free_pages) << 32;
  for (unsigned list = 0; list < kLruLists; ++list) left += lists.size(static_cast<LruList>(list));
  turns_in_vain_ = left == pages_left_ ? turns_in_vain_ + 1 : 0;
  pages_left_ = left;
  return turns_in_vain_ >= kMostTurnsInVain;
}

// Proves that actors that retry without limit never end. Called after a turn of `actor`. Throws for sweeps of an area.
// A request for pages is given up: the loop is every kernel's own, where sweeps without limit are a vendor's policy. So
// is one whose turns are many and in vain, also if others wake with it, so that no state between turns is ever seen.
//
// Such an actor has no locals between two turns but the time at which it wakes, and a few counts. If every actor that
// can still run is between two turns, or in a sleeping loop without locals, and the machine, the counts and the times
// to the next waking equal those after an earlier turn, the turns repeat without end.
void Interpreter::Run::check_endless_retry(ActorId actor) {
  const EndlessTurns& requests = machine_.page_allocator.endless();
  const bool asks = requests.between(actor);
  const bool in_vain = asks && is_in_vain();
  std::uint64_t state = machine_.state_hash();
  // Whether an actor has yet to end its turn; it may have been woken together with this one.
  bool inside_turn = false;
  for (ActorId id = 0; id < engine_.actors(); ++id) {
    const bool sleeps = engine_.look(id).state == ActorState::sleeping;
    const bool runs = engine_.look(id).state == ActorState::ready;
    const bool turns = repeats(id) || inside_[id].loops;
    if ((runs || sleeps) && !turns && !requests.requesting(id)) {
      swept_states_.clear();
      turns_in_vain_ = 0;
      return;
    }
    if (runs || (sleeps && !turns)) inside_turn = true;
    if (sleeps) hash_step(state, (engine_.look(id).wake_time - engine_.now()) ^ (std::uint64_t{id} << 32));
    if (requests.between(id)) hash_step(state, requests.locals(id));
  }
  if (in_vain) return give_up(actor);
  if (inside_turn) return;
  const auto earlier = std::find(swept_states_.begin(), swept_states_.end(), state);
  if (earlier == swept_states_.end()) {
    swept_states_.push_back(state);
    return;
  }
  if (asks) return give_up(actor);
  current_ = inside_[actor].slot;
  const auto period = swept_states_.end() - earlier;
  throw LawBroken(Law::bounded, "cma_alloc",
                  fmt::format("{} retries without limit: after {} sweeps the machine is what it was {} before, and no "
                              "other actor can run",
                              actor_name(program_, actor), swept_states_.size() + 1,
                              period == 1 ? "a sweep" : fmt::format("{} sweeps", period)));
}

// --- names ---

std::string actor_name(const Program& program, ActorId actor) {
  const auto cpus = static_cast<ActorId>(program.machine.cpus);
  if (actor < cpus) return fmt::format("cpu{}", actor);
  return actor - cpus < program.actors.size() ? program.actors[actor - cpus].name : std::string("?");
}

}  // namespace cma
