// Stateful properties: a machine and something much simpler perform the same random steps, and agree after each. The
// files properties/*_as_*_property.cc are the list.
//
// RapidCheck makes the steps from the simple thing alone (rc::state), so a failing sequence shrinks to a few steps,
// each still possible. Operations of several actors may stop at points and be resumed by later steps.
//
//   void first_fit(const Geometry& machine) {
//     Real real(machine);
//     rc::state::check(Model(machine), real, any_step<Alloc, Release, Resume>());
//   }
//   const Stateful kFirstFit = {"AreaAsIntervals.first_fit", first_fit, {Bug::bitmap_forgets_bit}};
//   TEST(AreaAsIntervals, first_fit) { keep(kFirstFit); }
//   TEST(AreaAsIntervalsBroken, first_fit) { notice_planted(kFirstFit); }
//
// Used by property tests only. Cost: a machine is booted for each case.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <rapidcheck/state.h>

#include <gtest/gtest.h>

#include "allocator/machine.h"
#include "properties/arbitrary/trial_testing.h"

namespace cma {

struct Stateful {
  std::string name;
  // Runs one case on the default small machine of some release. It may change the machine's other fields.
  void (*body)(const Geometry& machine) = nullptr;
  std::vector<Planted> planted = {};
};

// Runs a thousand cases (RC_PARAMS changes that) over all modelled releases, and fails the GoogleTest if one fails.
void keep(const Stateful& property);
// Plants each of its mistakes and fails the GoogleTest unless the property fails within as many cases.
void notice_planted(const Stateful& property);

// Returns " until=POINT" for an operation that stops there, else nothing.
std::string until(Point point);

// A step of the machine and of the model. Afterwards both must be equal: Real::compare(const Model&) asserts it.
template <class Model, class Real>
class Step : public rc::state::Command<Model, Real> {
 public:
  void run(const Model& before, Real& real) const final {
    perform(before, real);
    real.compare(this->nextState(before));
  }

 protected:
  virtual void perform(const Model& before, Real& real) const = 0;
};

// The model before a step, shared by all attempts to draw one: copying it for each took most of the time.
template <class Model>
class Before {
 public:
  explicit Before(const Model& model) : model_(std::make_shared<const Model>(model)) {}
  operator const Model&() const { return *model_; }  // NOLINT: steps are made from a model

 private:
  std::shared_ptr<const Model> model_;
};

// Returns what rc::state::check() draws steps from: each kind is as likely as it is often in the list. A step is
// constructed from the model if it can be.
template <class First, class... Others>
auto any_step() {
  using Model = typename First::Model;
  return [](const Model& model) { return rc::state::gen::execOneOfWithArgs<First, Others...>()(Before<Model>(model)); };
}

// A machine whose actors 1, 2, ... perform operations that stop and go on. They sit on its CPUs in turn.
class ActingMachine {
 public:
  ActingMachine(const Geometry& geometry, unsigned actors);
  ~ActingMachine() { machine_->engine.abandon(); }
  ActingMachine(const ActingMachine&) = delete;
  ActingMachine& operator=(const ActingMachine&) = delete;

  Machine& operator*() { return *machine_; }
  const Machine& operator*() const { return *machine_; }
  Machine* operator->() { return machine_.get(); }
  const Machine* operator->() const { return machine_.get(); }

  // Starts an operation of an idle actor, and runs it to its end, a wait, or the first passing of `until`. Actors that
  // it wakes run as well.
  void start(ActorId actor, Task<void> operation, Point until = Point::kCount);
  // Goes on with the operation of an actor that stopped.
  void resume(ActorId actor);
  bool idle(ActorId actor) const { return machine_->engine.look(actor).state == ActorState::idle; }
  // Makes an actor the one that plain calls act for.
  void assume(ActorId actor) { machine_->engine.assume(actor); }

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace cma
