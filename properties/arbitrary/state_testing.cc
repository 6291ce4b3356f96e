#include "properties/arbitrary/state_testing.h"

#include <iostream>

#include <fmt/format.h>

namespace cma {
namespace {

// Returns a case of the property. If no release is given, each case draws one.
auto case_of(const Stateful& property, std::optional<Release> release, std::optional<Bug> bug) {
  return [&property, release, bug] {
    const Release drawn = release ? *release : *rc::gen::elementOf(releases_by_age()).as("release");
    RC_TAG(name_of(drawn));
    Geometry machine = default_small_geometry(drawn);
    if (bug) machine.bugs.switch_on(*bug);
    property.body(machine);
  };
}

}  // namespace

void keep(const Stateful& property) {
  const auto result = try_cases(property.name, case_of(property, std::nullopt, std::nullopt));
  if (result.is<rc::detail::SuccessResult>()) {
    std::cout << text_of(result) << '\n';
    return;
  }
  std::string repeat;
  if (result.is<rc::detail::FailureResult>())
    repeat = fmt::format("\nrepeat it: RC_PARAMS=\"{}\" TEST --gtest_filter={}\n",
                         repeat_params(property.name, result.get<rc::detail::FailureResult>()), property.name);
  FAIL() << text_of(result) << repeat;
}

void notice_planted(const Stateful& property) {
  const std::vector<Planted> asked = planted_by_environment();
  for (const Planted& planted : asked)
    report_noticed(property.name, planted, case_of(property, planted.release, planted.bug));
  if (!asked.empty()) return;
  if (property.planted.empty()) FAIL() << property.name << " has no planted mistake";
  for (const Planted& planted : property.planted)
    expect_noticed(property.name, planted, case_of(property, planted.release, planted.bug));
}

std::string until(Point point) { return point == Point::kCount ? "" : fmt::format(" until={}", info_of(point).name); }

ActingMachine::ActingMachine(const Geometry& geometry, unsigned actors) : machine_(make_machine(geometry)) {
  for (unsigned actor = 0; actor < actors; ++actor) machine_->engine.add_actor(static_cast<int>(actor) % geometry.cpus);
}

void ActingMachine::start(ActorId actor, Task<void> operation, Point until) {
  machine_->engine.begin(actor, std::move(operation));
  if (until != Point::kCount) machine_->engine.stop_at(actor, until, 1);
  resume(actor);
}

void ActingMachine::resume(ActorId actor) {
  Engine& engine = machine_->engine;
  engine.resume(actor);
  for (ActorId woken = engine.take_woken(); woken != kNoActor; woken = engine.take_woken()) engine.resume(woken);
}

}  // namespace cma
