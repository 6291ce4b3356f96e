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

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream text(list);
  for (std::string name; std::getline(text, name, ',');) names.push_back(name);
  return names;
}

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

std::vector<Planted> planted_by_environment() {
  std::vector<Planted> planted;
  const char* list = std::getenv("CMACHECK_PLANT");
  for (const std::string& name : names_in(list != nullptr ? list : ""))
    for (const Release release : modelled_releases()) planted.emplace_back(*bug_from_name(name), release);
  return planted;
}

std::string unknown_mistake(std::string_view list) {
  for (const std::string& name : names_in(std::string(list)))
    if (!bug_from_name(name)) return name;
  return {};
}

void report_noticed(const std::string& id, const Planted& planted, const std::function<void()>& property) {
  rc::detail::Configuration configuration = trial_configuration();
  configuration.testParams.disableShrinking = true;
  const auto result = try_cases(id, property, configuration);
  if (!result.is<rc::detail::FailureResult>()) return;
  const auto& failure = result.get<rc::detail::FailureResult>();
  std::cout << info_of(planted.bug).name << " on " << name_of(*planted.release) << ": " << id << " notices it after "
            << failure.numSuccess << " cases: " << failure.description.substr(0, failure.description.find('\n'))
            << std::endl;
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
