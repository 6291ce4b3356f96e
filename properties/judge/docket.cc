#include "properties/judge/docket.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "properties/judge/random_programs.h"
#include "properties/minimize/minimize.h"

namespace cma::judge {
namespace {

// A docket being worked off: each thread takes the next case.
class Hearing {
 public:
  Hearing(const std::vector<Case>& cases, const DocketOptions& options, Tally& tally)
      : cases_(cases), options_(options), tally_(tally), verdicts_(cases.size()) {}

  void run();

 private:
  void work();
  void count(std::size_t index, const Verdict& verdict);
  void gather_differences();

  const std::vector<Case>& cases_;
  const DocketOptions& options_;
  Tally& tally_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::vector<std::optional<Verdict>> verdicts_;  // of those that differ
  std::set<std::string> signatures_;              // of these
  std::map<std::size_t, std::string> reasons_;    // of those that cannot be judged
  std::string trouble_;
};

void Hearing::count(std::size_t index, const Verdict& verdict) {
  const std::lock_guard lock(mutex_);
  ++tally_.programs;
  tally_.operations += verdict.operations;
  tally_.skipped += verdict.skipped;
  tally_.observables += verdict.observables;
  if (verdict.kind == Verdict::Kind::not_judgeable) {
    reasons_[index] = verdict.reason;
  } else {
    ++tally_.judged;
    tally_.transposed += verdict.transposed ? 1 : 0;
  }
  if (verdict.kind == Verdict::Kind::differs) {
    ++tally_.differing;
    verdicts_[index] = verdict;
    const bool fresh = signatures_.insert(verdict.finding->signature()).second;
    if (fresh && options_.found) options_.found({cases_[index].name, verdict, 1});
  }
  if (options_.progress) options_.progress(tally_);
}

void Hearing::work() {
  try {
    KernelJudge judge(tally_.seat);
    for (std::size_t index = next_++; index < cases_.size(); index = next_++) {
      const Program program = cases_[index].program(judge);
      count(index, judge.judge(program, options_.bugs));
    }
    const std::lock_guard lock(mutex_);
    tally_.kernels += judge.kernels_booted();
  } catch (const NoKernel& reason) {
    const std::lock_guard lock(mutex_);
    trouble_ = reason.what();
    next_ = cases_.size();
  }
}

// The first case of each signature stands for all of them.
void Hearing::gather_differences() {
  std::map<std::string, std::size_t> places;
  for (std::size_t index = 0; index < cases_.size(); ++index) {
    if (!verdicts_[index]) continue;
    const auto [place, fresh] = places.emplace(verdicts_[index]->finding->signature(), tally_.differences.size());
    if (fresh)
      tally_.differences.push_back({cases_[index].name, std::move(*verdicts_[index]), 1});
    else
      ++tally_.differences[place->second].cases;
  }
  if (options_.minimize == 0) return;
  KernelJudge judge(tally_.seat);
  for (Difference& difference : tally_.differences) {
    const auto find = [&](const Program& program) { return judge.find(program, options_.bugs); };
    const auto smallest = minimize(difference.verdict.program, find, {.executions = options_.minimize});
    if (!smallest) continue;
    Verdict verdict = judge.judge(smallest->program, options_.bugs);
    verdict.transposed = difference.verdict.transposed;
    difference.verdict = std::move(verdict);
  }
  tally_.kernels += judge.kernels_booted();
}

void Hearing::run() {
  std::vector<std::thread> threads;
  const std::size_t jobs = std::clamp<std::size_t>(options_.jobs, 1, std::max<std::size_t>(cases_.size(), 1));
  for (std::size_t job = 1; job < jobs; ++job) threads.emplace_back([this] { work(); });
  work();
  for (std::thread& thread : threads) thread.join();
  tally_.missing = trouble_;
  for (const auto& [index, reason] : reasons_) tally_.not_judgeable[reason].push_back(cases_[index].name);
  if (trouble_.empty()) gather_differences();
}

}  // namespace

Tally judge_all(const Seat& seat, const std::vector<Case>& cases, const DocketOptions& options) {
  Tally tally;
  tally.seat = seat;
  const auto begin = std::chrono::steady_clock::now();
  Hearing(cases, options, tally).run();
  tally.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return tally;
}

std::vector<Case> random_cases(std::uint64_t seed, std::uint64_t count, std::size_t ops) {
  std::vector<Case> cases;
  for (std::uint64_t i = 0; i < count; ++i)
    cases.push_back({"random program " + std::to_string(seed + i),
                     [at = seed + i, ops](KernelJudge& judge) { return random_program(at, ops, judge); }});
  return cases;
}

Case case_of(std::string name, Program program) {
  return {std::move(name), [held = std::move(program)](KernelJudge&) { return held; }};
}

}  // namespace cma::judge
