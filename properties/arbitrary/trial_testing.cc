#include "properties/arbitrary/trial_testing.h"

#include <cstdlib>
#include <iostream>
#include <sstream>

#include <gtest/gtest.h>

namespace cma {
namespace {

constexpr int kCases = 1000;

class Silent final : public rc::detail::TestListener {
 public:
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

}  // namespace

rc::detail::Configuration trial_configuration() {
  rc::detail::Configuration defaults;
  defaults.testParams.maxSuccess = kCases;
  const char* params = std::getenv("RC_PARAMS");
  return rc::detail::configFromString(params != nullptr ? params : "", defaults);
}

rc::detail::TestResult try_cases(const std::string& id, const std::function<void()>& property,
                                 const rc::detail::Configuration& configuration) {
  Silent silent;
  return rc::detail::checkTestable(property, rc::detail::TestMetadata{id, id}, configuration.testParams, silent,
                                   configuration.reproduce);
}

void expect_noticed(const std::string& id, const Planted& planted, const std::function<void()>& property) {
  rc::detail::Configuration configuration = trial_configuration();
  configuration.testParams.maxSuccess = kCases;
  configuration.testParams.disableShrinking = true;
  const auto result = try_cases(id, property, configuration);
  const std::string mistake(info_of(planted.bug).name);
  if (!result.is<rc::detail::FailureResult>()) {
    ADD_FAILURE() << id << " does not notice " << mistake << ":\n" << text_of(result);
    return;
  }
  const auto& failure = result.get<rc::detail::FailureResult>();
  if (failure.description.starts_with("Exception thrown")) {
    ADD_FAILURE() << id << " stumbles over " << mistake << ":\n" << failure.description;
    return;
  }
  std::cout << mistake << ": noticed after " << failure.numSuccess << " cases\n";
}

std::string text_of(const rc::detail::TestResult& result) {
  std::ostringstream out;
  rc::detail::printResultMessage(result, out);
  return out.str();
}

std::string repeat_params(const std::string& id, const rc::detail::FailureResult& failure) {
  rc::detail::Configuration again;
  again.reproduce.emplace(id, failure.reproduce);
  return rc::detail::configToMinimalString(again);
}

}  // namespace cma
