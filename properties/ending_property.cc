// Promise: every retry ends, or is shown never to end; and no actor waits without end.
//
// A mainline cma_alloc ends because its sweep goes forward: each window it tries begins above the one before. A
// vendor's kernel begins again at the first bit, as often as its policy says. Without a limit it may never end: then
// the same sweep repeats while nothing changes.

#include <map>

#include <fmt/format.h>

#include "properties/arbitrary/promise_testing.h"
#include "properties/program/budget.h"

namespace cma {
namespace {

// Sees each window that a cma_alloc tries.
class Sweeps final : public Witness, WindowWatcher {
 public:
  explicit Sweeps(std::uint64_t retries) : retries_(retries) {}
  Sweeps(const Sweeps&) = delete;
  Sweeps& operator=(const Sweeps&) = delete;
  ~Sweeps() override {
    if (machine_ != nullptr) machine_->trace.watch_windows(nullptr);
  }
  void program_begins(Machine& machine) override {
    machine_ = &machine;
    machine.trace.watch_windows(this);
  }
  void alloc_begins(AreaId, std::uint64_t, unsigned) override { calls_[current()] = {}; }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override { calls_.erase(current()); }
  void buffer_allocated(AreaId, Pfn, std::uint64_t, unsigned) override { calls_.erase(current()); }

 private:
  struct Call {
    std::optional<Pfn> last_window;
    std::uint64_t sweeps_begun_again = 0;
  };

  ActorId current() const { return machine_->engine.current(); }
  void window_begins(Pfn start, Pfn) override {
    const auto found = calls_.find(current());
    if (found == calls_.end()) return;  // of a caller that asked for a range
    Call& call = found->second;
    if (call.last_window && start <= *call.last_window) ++call.sweeps_begun_again;
    claim(call.sweeps_begun_again <= retries_,
          fmt::format("the window at {:#x} is tried after the one at {:#x}", start, call.last_window.value_or(0)));
    call.last_window = start;
  }
  void page_refused(Pfn, Refusal, int) override {}
  void isolation_lost(Pfn) override {}
  void test_failed(Pfn, Pfn, Pfn) override {}
  void window_ended(int) override {}

  std::uint64_t retries_;
  Machine* machine_ = nullptr;
  std::map<ActorId, Call> calls_;
};

// Counts the steps of operations that have the machine to themselves.
class Steps final : public Witness {
 public:
  explicit Steps(const Program& program) : program_(program) {}
  void program_begins(Machine& machine) override { take_down(machine); }
  void op_performed(Machine& machine, std::size_t op) override {
    if (was_at_rest_ && machine.engine.at_rest()) {
      const std::uint64_t taken = machine.engine.steps() - steps_before_;
      const std::uint64_t bound = step_budget(last_run().world(), program_.ops[op]);
      claim(taken <= bound, fmt::format("operation {} took {} steps, and the bound is {}", op, taken, bound));
    }
    take_down(machine);
  }

 private:
  void take_down(const Machine& machine) {
    was_at_rest_ = machine.engine.at_rest();
    steps_before_ = machine.engine.steps();
  }

  const Program& program_;
  bool was_at_rest_ = true;
  std::uint64_t steps_before_ = 0;
};

Program with_retries(Program program, std::optional<std::uint64_t> sweeps) {
  program.machine.retry_sweeps = sweeps;
  return program;
}

// Programs on kernels that sweep up to twice more.
Programs with_few_retries() {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) { program.machine.retry_sweeps = random.below(3); };
  return programs;
}

bool breaks(const RunResult& result, Law law) { return result.finding && result.finding->law == law; }

PROMISE(EndingPromise, each_sweep_goes_forward_and_is_repeated_as_often_as_the_policy_says,
        {.programs = with_few_retries(), .planted = {Bug::retry_tries_twice}}) {
  RC_PRE(program.machine.retry_sweeps.has_value());
  Sweeps sweeps(*program.machine.retry_sweeps);
  run_checked(program, &sweeps);
  sweeps.assert_all_held();
}

PROMISE(EndingPromise, each_operation_ends_within_its_bound,
        {.programs = with_few_retries(), .planted = {{Bug::throttle_own_pages, Release::v4_19}}}) {
  RC_PRE(program.machine.retry_sweeps.has_value());
  Steps steps(program);
  const RunResult result = run_checked(program, &steps);
  steps.assert_all_held();
  RC_ASSERT(!breaks(result, Law::bounded));
  if (result.finding) return;
  RC_ASSERT(last_run().machine().engine.at_rest());
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    RC_ASSERT(last_run().world().result(slot).state != Result::State::inside);
}

// Remembers the machine of a run, to go on with it.
class KeepsMachine final : public Observer {
 public:
  void program_begins(Machine& run) override { machine = &run; }
  Machine* machine = nullptr;
};

// Lets time pass until `turns` sleepers have woken and run. Returns whether an operation ended meanwhile.
bool any_ends(Engine& engine, int turns) {
  engine.set_step_budget(Engine::kNoLimit);
  for (int turn = 0; turn < turns; ++turn) {
    const ActorId next = engine.next_sleeper();
    if (next == kNoActor) return true;
    engine.advance_to(engine.look(next).wake_time);
    for (ActorId woken = engine.take_woken(); woken != kNoActor; woken = engine.take_woken()) {
      engine.resume(woken);
      if (engine.look(woken).state == ActorState::idle) return true;
    }
  }
  return false;
}

// Areas have something in the way that may never go.
KindSet kinds_in_the_way() {
  return kinds_of<Pin, Unpin, OwnedPages<PageKind::unmovable>, OwnedPages<PageKind::anonymous>,
                  OwnedPages<PageKind::movable_ops>, Refuse, FreeOwned, Signal, SleepOp>();
}

// Returns the program with a request for the whole of each area at its end.
Program asking_for_everything(Program program) {
  for (std::uint16_t area = 0; area < program.machine.areas.size(); ++area) {
    Op op;
    op.body = CmaAlloc{.area = {.id = area}, .pages = program.machine.areas[area].pages};
    program.ops.push_back(op);
  }
  return program;
}

PROMISE(EndingPromise, retries_without_limit_end_or_are_shown_never_to_end,
        {.programs = {.options = {.kinds = kinds_in_the_way()}},
         .planted = {{Bug::throttle_own_pages, Release::v4_19}}}) {
  const Program endless = with_retries(asking_for_everything(program), std::nullopt);
  KeepsMachine run;
  const RunResult result = run_checked(endless, &run, Law::bounded);
  RC_CLASSIFY(breaks(result, Law::bounded), "never ends");
  if (!result.finding) RC_ASSERT(run.machine->engine.at_rest());
  if (!breaks(result, Law::bounded)) return;
  RC_ASSERT(result.finding->message.find("retries without limit") != std::string::npos);
  constexpr int kTurns = 50;
  RC_ASSERT(!any_ends(run.machine->engine, kTurns));
}

PROMISE(EndingPromise, no_actor_waits_without_end, {.planted = {Bug::sweep_keeps_lock}}) {
  RC_ASSERT(!breaks(run_checked(program), Law::locks));
}

}  // namespace
}  // namespace cma
