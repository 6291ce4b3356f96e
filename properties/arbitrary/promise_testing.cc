#include "properties/arbitrary/promise_testing.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "allocator/base/hash.h"
#include "properties/arbitrary/saved_program.h"

namespace cma {
namespace {

constexpr int kCases = 1000;

// Where programs that break a promise are kept, beside those that fuzzing finds.
std::filesystem::path findings_folder() {
  const char* folder = std::getenv("CMACHECK_FINDINGS");
  return folder != nullptr ? folder : "build/findings";
}

rc::detail::Configuration configuration() {
  rc::detail::Configuration defaults;
  defaults.testParams.maxSuccess = kCases;
  const char* params = std::getenv("RC_PARAMS");
  return rc::detail::configFromString(params != nullptr ? params : "", defaults);
}

std::string id_of(const Promise& promise) { return promise.suite + "." + promise.name; }

// Runs the promise on the programs of its population, each changed by `plant`.
template <class Plant>
rc::detail::TestResult check(const Promise& promise, const Programs& programs, Plant plant,
                             const rc::detail::Configuration& configuration) {
  class Silent final : public rc::detail::TestListener {
   public:
    void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
    void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
    void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
  } silent;
  const rc::detail::TestMetadata metadata{id_of(promise), promise.name};
  const auto testable = [&] {
    const Program program = plant(*any_program(programs).as("program"));
    classify(program);
    promise.body(program);
  };
  return rc::detail::checkTestable(testable, metadata, configuration.testParams, silent, configuration.reproduce);
}

Program as_it_is(Program program) { return program; }

// Returns the name of a program's file: the same program has the same.
std::string file_name(const Promise& promise, const std::string& text) {
  std::uint64_t hash = kHashSeed;
  for (const char c : text) hash_step(hash, static_cast<unsigned char>(c));
  return fmt::format("{}-{:08x}.cma", id_of(promise), hash & 0xffffffff);
}

// Writes the program aside, then renames it: a file is whole or not there. Returns its name, or why there is none.
std::string save(const Promise& promise, const std::string& text) {
  const std::filesystem::path file = findings_folder() / file_name(promise, text);
  const std::filesystem::path aside = file.string() + ".new";
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (!(std::ofstream(aside) << text).flush()) return fmt::format("{} cannot be written", aside.string());
  std::filesystem::rename(aside, file, error);
  if (error) return fmt::format("{} cannot be written: {}", file.string(), error.message());
  return file.string();
}

// Reports a counterexample: the sentence, the smallest program, and the two lines that repeat it.
std::string report(const Promise& promise, const rc::detail::FailureResult& failure) {
  std::string program = failure.counterExample.empty() ? "" : failure.counterExample.front().second;
  program.erase(0, program.find_first_not_of('\n'));
  const std::string file = save(promise, program);
  rc::detail::Configuration again;
  again.reproduce.emplace(id_of(promise), failure.reproduce);
  return fmt::format(
      "broken: {}\n{}\n\nThe smallest program that shows it, after {} programs that did not:\n\n{}\n"
      "saved as {}\n"
      "repeat it: CMACHECK_PROGRAM={} TEST --gtest_filter={}\n"
      "its trace: cmacheck run --trace {}\n"
      "as RapidCheck found it: RC_PARAMS=\"{}\" TEST --gtest_filter={}\n",
      id_of(promise), failure.description, failure.numSuccess, program, file, file, id_of(promise), file,
      rc::detail::configToMinimalString(again), id_of(promise));
}

// Prints the share of each tag. RapidCheck's own report lists each combination.
void print_distribution(const rc::detail::SuccessResult& success) {
  std::map<std::string, int> shares;
  for (const auto& [tags, count] : success.distribution)
    for (const std::string& tag : tags) shares[tag] += count;
  std::string text = fmt::format("{} programs:", success.numSuccess);
  for (const auto& [tag, count] : shares) text += fmt::format(" {} {} %,", tag, 100 * count / success.numSuccess);
  text.back() = '\n';
  std::cout << text;
}

void keep_for_file(const Promise& promise, const char* file) {
  const auto program = read_saved_program(file);
  if (!program) FAIL() << program.error();
  rc::detail::Configuration once;
  once.testParams.maxSuccess = 1;
  once.testParams.disableShrinking = true;
  const auto result = check(promise, {}, [&](const Program&) { return *program; }, once);
  if (result.is<rc::detail::FailureResult>())
    FAIL() << "broken: " << id_of(promise) << "\n" << result.get<rc::detail::FailureResult>().description;
  if (!result.is<rc::detail::SuccessResult>()) FAIL() << file << ": the promise does not speak of such a program";
}

CheckedRun& runner() {
  static CheckedRun checked;
  return checked;
}

}  // namespace

void Witness::assert_all_held() const {
  if (!broken_.empty()) RC_FAIL(broken_);
}

void keep(const Promise& promise) {
  if (const char* file = std::getenv("CMACHECK_PROGRAM")) return keep_for_file(promise, file);
  const auto result = check(promise, promise.options.programs, as_it_is, configuration());
  if (result.is<rc::detail::SuccessResult>()) return print_distribution(result.get<rc::detail::SuccessResult>());
  if (result.is<rc::detail::FailureResult>()) FAIL() << report(promise, result.get<rc::detail::FailureResult>());
  std::ostringstream why;
  rc::detail::printResultMessage(result, why);
  FAIL() << why.str();
}

void notice_planted(const Promise& promise) {
  if (promise.options.planted.empty()) FAIL() << id_of(promise) << " has no planted mistake";
  for (const Planted& planted : promise.options.planted) {
    Programs programs = promise.options.programs;
    if (planted.release) programs.options.release = planted.release;
    rc::detail::Configuration some = configuration();
    some.testParams.maxSuccess = kCases;
    some.testParams.disableShrinking = true;
    const auto plant = [&](Program program) {
      program.machine.bugs.switch_on(planted.bug);
      return program;
    };
    const auto result = check(promise, programs, plant, some);
    EXPECT_TRUE(result.is<rc::detail::FailureResult>())
        << id_of(promise) << " does not notice " << info_of(planted.bug).name << " in " << kCases << " programs";
    if (result.is<rc::detail::FailureResult>())
      std::cout << info_of(planted.bug).name << ": noticed after " << result.get<rc::detail::FailureResult>().numSuccess
                << " programs\n";
  }
}

RunResult run_checked(const Program& program, Observer* listener) {
  // The world refers to the program until the next run.
  static Program kept;
  kept = program;
  const RunOptions options{.expectations = false};
  return runner().run(kept, options, listener);
}

const Interpreter& last_run() { return runner().interpreter(); }

const Machine& run_unchecked(const Program& program, Observer* listener) {
  static Interpreter interpreter;
  interpreter.run(program, listener, {.expectations = false});
  return interpreter.machine();
}

void assert_laws_hold(const Program& program, std::initializer_list<Law> laws) {
  const RunResult result = run_checked(program);
  if (result.finding && std::ranges::find(laws, result.finding->law) != laws.end())
    RC_FAIL(fmt::format("{}: {}", result.finding->signature(), result.finding->message));
}

}  // namespace cma
