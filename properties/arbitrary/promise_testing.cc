#include "properties/arbitrary/promise_testing.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "allocator/base/hash.h"
#include "properties/arbitrary/saved_program_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Where programs that break a promise are kept, beside those that fuzzing finds.
std::filesystem::path findings_folder() {
  const char* folder = std::getenv("CMACHECK_FINDINGS");
  return folder != nullptr ? folder : "build/findings";
}

std::string id_of(const Promise& promise) { return promise.suite + "." + promise.name; }

// Returns a case of the promise: a program of the population, which `change` changes.
template <class Change>
auto case_of(const Promise& promise, const Programs& programs, Change change) {
  return [&promise, programs, change] {
    const Program program = change(*any_program(programs).as("program"));
    classify(program);
    promise.body(program);
  };
}

Program as_it_is(Program program) { return program; }

// Returns the name of a program's file: the same program has the same.
std::string file_name(const Promise& promise, const std::string& text, const char* suffix) {
  std::uint64_t hash = kHashSeed;
  for (const char c : text) hash_step(hash, static_cast<unsigned char>(c));
  return fmt::format("{}-{:08x}{}.cma", id_of(promise), hash & 0xffffffff, suffix);
}

// Writes the program aside, then renames it: a file is whole or not there. Returns its name, or why there is none.
std::string save(const Promise& promise, const std::string& text, const char* suffix = "") {
  const std::filesystem::path file = findings_folder() / file_name(promise, text, suffix);
  const std::filesystem::path aside = file.string() + ".new";
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (!(std::ofstream(aside) << text).flush()) return fmt::format("{} cannot be written", aside.string());
  std::filesystem::rename(aside, file, error);
  if (error) return fmt::format("{} cannot be written: {}", file.string(), error.message());
  return file.string();
}

rc::detail::TestResult try_once(const Promise& promise, const Program& program) {
  rc::detail::Configuration once;
  once.testParams.maxSuccess = 1;
  once.testParams.disableShrinking = true;
  return try_cases(id_of(promise), case_of(promise, {}, [&](const Program&) { return program; }), once);
}

// Returns what the promise makes of a program before it runs it, the last if it runs several; empty if it runs the
// program as it is.
std::string program_run(const Promise& promise, const std::string& text) {
  const auto program = parse(text, "counterexample");
  if (!program) return "";
  forget_last_program();
  try_once(promise, *program);
  const std::string ran = last_program() ? print(*last_program()) : "";
  return ran == print(*program) ? "" : ran;
}

// Reports a counterexample: the sentence, the smallest program, and the lines that repeat it. The promise changes a
// saved program as it changed the one that broke it; what it ran is saved beside it, for the trace.
std::string report(const Promise& promise, const rc::detail::FailureResult& failure) {
  std::string program = failure.counterExample.empty() ? "" : failure.counterExample.front().second;
  program.erase(0, program.find_first_not_of('\n'));
  const std::string file = save(promise, program);
  const std::string ran = program_run(promise, program);
  const std::string traced = ran.empty() ? file : save(promise, ran, "-run");
  const std::string note = ran.empty() ? "" : fmt::format("the promise ran it with changes: {}\n", traced);
  return fmt::format(
      "broken: {}\n{}\n\nThe smallest program that shows it, after {} programs that did not:\n\n{}\n"
      "saved as {}\n{}"
      "repeat it: CMACHECK_PROGRAM={} TEST --gtest_filter={}\n"
      "its trace: cmacheck run --trace {}\n"
      "as RapidCheck found it: RC_PARAMS=\"{}\" TEST --gtest_filter={}\n",
      id_of(promise), failure.description, failure.numSuccess, program, file, note, file, id_of(promise), traced,
      repeat_params(id_of(promise), failure), id_of(promise));
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
  const auto result = try_once(promise, *program);
  if (result.is<rc::detail::FailureResult>())
    FAIL() << "broken: " << id_of(promise) << "\n" << result.get<rc::detail::FailureResult>().description;
  if (!result.is<rc::detail::SuccessResult>()) FAIL() << file << ": the promise does not speak of such a program";
}

}  // namespace

void Witness::assert_all_held() const {
  if (!broken_.empty()) RC_FAIL(broken_);
}

void keep(const Promise& promise) {
  if (const char* file = std::getenv("CMACHECK_PROGRAM")) return keep_for_file(promise, file);
  const auto result = try_cases(id_of(promise), case_of(promise, promise.options.programs, as_it_is));
  if (result.is<rc::detail::SuccessResult>()) return print_distribution(result.get<rc::detail::SuccessResult>());
  if (result.is<rc::detail::FailureResult>()) FAIL() << report(promise, result.get<rc::detail::FailureResult>());
  FAIL() << text_of(result);
}

void notice_planted(const Promise& promise) {
  const auto case_with = [&](const Planted& planted) {
    Programs programs = promise.options.programs;
    if (planted.release) programs.options.release = planted.release;
    return case_of(promise, programs, [bug = planted.bug](Program program) {
      program.machine.bugs.switch_on(bug);
      return program;
    });
  };
  const std::vector<Planted> asked = planted_by_environment();
  for (const Planted& planted : asked) report_noticed(id_of(promise), planted, case_with(planted));
  if (!asked.empty()) return;
  if (promise.options.planted.empty()) FAIL() << id_of(promise) << " has no planted mistake";
  for (const Planted& planted : promise.options.planted) expect_noticed(id_of(promise), planted, case_with(planted));
}

}  // namespace cma
