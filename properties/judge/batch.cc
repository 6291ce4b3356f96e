#include "properties/judge/batch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "properties/judge/kernel_pool.h"
#include "properties/judge/random_programs.h"
#include "properties/minimize/minimize.h"

namespace cma::judge {
namespace {

// A judge with kernels of its own. Throws NoKernel.
struct OwnJudge {
  std::unique_ptr<KernelPool> pool;  // if they count what they execute
  std::unique_ptr<KernelJudge> judge;

  OwnJudge(const KernelConfig& config, bool coverage)
      : pool(coverage ? std::make_unique<KernelPool>(config) : nullptr),
        judge(coverage ? std::make_unique<KernelJudge>(config, *pool) : std::make_unique<KernelJudge>(config)) {}
};

// A batch that is being judged: each thread takes the next program.
class Batch {
 public:
  Batch(const std::vector<NamedProgram>& programs, const BatchOptions& options, Summary& summary)
      : programs_(programs), options_(options), summary_(summary), outcomes_(programs.size()) {}

  void run();

 private:
  void work();
  void count(std::size_t index, const Outcome& outcome);
  void add_coverage(KernelPool& pool);
  void gather_differences();
  void minimize_differences();

  const std::vector<NamedProgram>& programs_;
  const BatchOptions& options_;
  Summary& summary_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::vector<std::optional<Outcome>> outcomes_;  // of programs that differ
  std::set<std::string> signatures_;              // of their findings
  std::map<std::size_t, std::string> reasons_;    // of programs that cannot be judged
  std::string missing_;                           // why there is no kernel
};

void Batch::count(std::size_t index, const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  ++summary_.programs;
  summary_.operations += outcome.operations;
  summary_.skipped += outcome.skipped;
  summary_.observables += outcome.observables;
  if (outcome.kind == Outcome::Kind::not_judgeable) {
    reasons_[index] = outcome.reason;
  } else {
    ++summary_.judged;
    summary_.transposed += outcome.transposed ? 1 : 0;
  }
  if (outcome.kind == Outcome::Kind::differs) {
    ++summary_.differing;
    outcomes_[index] = outcome;
    const bool fresh = signatures_.insert(outcome.finding->signature()).second;
    if (fresh && options_.found) options_.found({programs_[index].name, outcome, 1});
  }
  if (options_.progress) options_.progress(summary_);
}

// Adds what the kernels of a thread counted.
void Batch::add_coverage(KernelPool& pool) {
  std::vector<std::uint8_t> counters(pool.counters().size());
  const auto counted = pool.counters().read(counters);
  const std::lock_guard lock(mutex_);
  if (!counted) {
    missing_ = counted.error();
    return;
  }
  if (summary_.counters.empty()) {
    summary_.points = pool.points();
    summary_.counters.resize(counters.size());
  }
  for (std::size_t i = 0; i < counters.size(); ++i) summary_.counters[i] = std::max(summary_.counters[i], counters[i]);
}

void Batch::work() {
  try {
    const OwnJudge own(summary_.config, options_.coverage);
    KernelJudge& judge = *own.judge;
    for (std::size_t index = next_++; index < programs_.size(); index = next_++) {
      const Program program = programs_[index].make(judge);
      count(index, judge.judge(program, options_.bugs));
    }
    if (own.pool && judge.kernels_booted() != 0) add_coverage(*own.pool);
    const std::lock_guard lock(mutex_);
    summary_.kernels += judge.kernels_booted();
  } catch (const NoKernel& reason) {
    const std::lock_guard lock(mutex_);
    missing_ = reason.what();
    next_ = programs_.size();
  }
}

// The first program of each signature stands for all of them.
void Batch::gather_differences() {
  std::map<std::string, std::size_t> places;
  for (std::size_t index = 0; index < programs_.size(); ++index) {
    if (!outcomes_[index]) continue;
    const auto [place, fresh] = places.emplace(outcomes_[index]->finding->signature(), summary_.differences.size());
    if (fresh)
      summary_.differences.push_back({programs_[index].name, std::move(*outcomes_[index]), 1});
    else
      ++summary_.differences[place->second].programs;
  }
}

void Batch::minimize_differences() {
  const OwnJudge own(summary_.config, options_.coverage);
  KernelJudge& judge = *own.judge;
  for (Difference& difference : summary_.differences) {
    const auto find = [&](const Program& program) { return judge.find(program, options_.bugs); };
    const auto smallest = minimize(difference.outcome.program, find, {.executions = options_.minimize});
    if (!smallest) continue;
    Outcome outcome = judge.judge(smallest->program, options_.bugs);
    outcome.transposed = difference.outcome.transposed;
    difference.outcome = std::move(outcome);
  }
  summary_.kernels += judge.kernels_booted();
}

void Batch::run() {
  std::vector<std::thread> threads;
  const std::size_t jobs = std::clamp<std::size_t>(options_.jobs, 1, std::max<std::size_t>(programs_.size(), 1));
  for (std::size_t job = 1; job < jobs; ++job) threads.emplace_back([this] { work(); });
  work();
  for (std::thread& thread : threads) thread.join();
  summary_.missing = missing_;
  for (const auto& [index, reason] : reasons_) summary_.not_judgeable[reason].push_back(programs_[index].name);
  if (!missing_.empty()) return;
  gather_differences();
  if (options_.minimize != 0) minimize_differences();
}

}  // namespace

Summary judge_all(const KernelConfig& config, const std::vector<NamedProgram>& programs, const BatchOptions& options) {
  Summary summary;
  summary.config = config;
  const auto begin = std::chrono::steady_clock::now();
  Batch(programs, options, summary).run();
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return summary;
}

std::vector<NamedProgram> random_batch(std::uint64_t seed, std::uint64_t count, std::size_t ops) {
  std::vector<NamedProgram> programs;
  for (std::uint64_t i = 0; i < count; ++i)
    programs.push_back({"random program " + std::to_string(seed + i),
                        [at = seed + i, ops](KernelJudge& judge) { return random_program(at, ops, judge); }});
  return programs;
}

NamedProgram named(std::string name, Program program) {
  return {std::move(name), [program = std::move(program)](KernelJudge&) { return program; }};
}

}  // namespace cma::judge
