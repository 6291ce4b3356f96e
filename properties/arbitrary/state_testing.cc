#include "properties/arbitrary/state_testing.h"

#include <cstdlib>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

namespace cma {
namespace {

constexpr int kCases = 1000;

rc::detail::Configuration configuration() {
  rc::detail::Configuration defaults;
  defaults.testParams.maxSuccess = kCases;
  const char* params = std::getenv("RC_PARAMS");
  return rc::detail::configFromString(params != nullptr ? params : "", defaults);
}

// Runs the property on machines of the given release, or of any, with the given bug, if there is one.
rc::detail::TestResult check(const Stateful& property, std::optional<Release> release, std::optional<Bug> bug) {
  class Silent final : public rc::detail::TestListener {
   public:
    void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
    void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
    void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
  } silent;
  rc::detail::Configuration some = configuration();
  if (bug) some.testParams.disableShrinking = true;
  const rc::detail::TestMetadata metadata{property.name, property.name};
  const auto releases = releases_by_age();
  const auto testable = [&] {
    const Release drawn = release ? *release : *rc::gen::elementOf(releases).as("release");
    RC_TAG(name_of(drawn));
    Geometry machine = default_small_geometry(drawn);
    if (bug) machine.bugs.switch_on(*bug);
    property.body(machine);
  };
  return rc::detail::checkTestable(testable, metadata, some.testParams, silent, some.reproduce);
}

std::string text_of(const rc::detail::TestResult& result) {
  std::ostringstream out;
  rc::detail::printResultMessage(result, out);
  return out.str();
}

}  // namespace

void keep(const Stateful& property) {
  const auto result = check(property, std::nullopt, std::nullopt);
  if (result.is<rc::detail::SuccessResult>()) {
    std::cout << text_of(result) << '\n';
    return;
  }
  std::string repeat;
  if (result.is<rc::detail::FailureResult>()) {
    rc::detail::Configuration again;
    again.reproduce.emplace(property.name, result.get<rc::detail::FailureResult>().reproduce);
    repeat = fmt::format("\nrepeat it: RC_PARAMS=\"{}\" TEST --gtest_filter={}\n",
                         rc::detail::configToMinimalString(again), property.name);
  }
  FAIL() << text_of(result) << repeat;
}

void notice_planted(const Stateful& property) {
  if (property.planted.empty()) FAIL() << property.name << " has no planted mistake";
  for (const Planted& planted : property.planted) {
    const auto result = check(property, planted.release, planted.bug);
    EXPECT_TRUE(result.is<rc::detail::FailureResult>())
        << property.name << " does not notice " << info_of(planted.bug).name << ":\n"
        << text_of(result);
    if (result.is<rc::detail::FailureResult>())
      std::cout << info_of(planted.bug).name << ": noticed after " << result.get<rc::detail::FailureResult>().numSuccess
                << " cases\n";
  }
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
