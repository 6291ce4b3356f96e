#include "properties/judge/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "properties/judge/fit.h"
#include "properties/judge/kernel_pool.h"
#include "properties/judge/kernel_process.h"
#include "properties/judge/model_machine.h"
#include "properties/program/text.h"

namespace cma::judge {
namespace {

KernelOptions options_for(const std::string& program, const Geometry& machine) {
  KernelOptions options;
  options.program = program;
  options.memory_pages = machine.memory.pages();
  for (const AreaSpec& area : machine.areas)
    options.areas.push_back({area.name, area.base, area.pages, area.order_per_bit});
  return options;
}

// Returns the number after "NAME=" in a line of the driver.
std::int64_t figure(const std::string& line, std::string_view name) {
  const std::size_t at = line.find(fmt::format(" {}=", name));
  if (at == std::string::npos) return 0;
  std::int64_t value = 0;
  const std::size_t from = at + name.size() + 2;
  std::from_chars(line.data() + from, line.data() + line.size(), value);
  return value;
}

// Returns what a line of an answer is about, for the finding's signature.
std::string_view observable_of(std::string_view line) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"bm", "bitmap"},     {"mt", "types"},         {"bd", "free blocks"},    {"pg", "used pages"},
      {"fl", "free lists"}, {"zone", "counters"},    {"cmaf", "CMA counters"}, {"lru", "LRU sizes"},
      {"locs", "places"},   {"pcp", "per-CPU lists"}};
  for (const auto& [word, name] : kNames)
    if (line.starts_with(word) && (line.size() == word.size() || line[word.size()] == ' ')) return name;
  return "answer";
}

std::string_view event_name(std::string_view line) {
  for (const std::string_view prefix : {"  ev ", "  log "}) {
    if (!line.starts_with(prefix)) continue;
    if (prefix == "  log ") return "log";
    line.remove_prefix(prefix.size());
    return line.substr(0, line.find(' '));
  }
  return "event";
}

// Removes the warning that a kernel gives when pages are released while other holders remain: the model has the log
// line only.
void drop_expected_warnings(std::vector<std::string>& events) {
  for (std::size_t i = 0; i + 1 < events.size(); ++i)
    if (events[i].starts_with("  splat WARNING mm/page_alloc.c") && events[i + 1].ends_with("pages are still in use!"))
      events.erase(events.begin() + static_cast<std::ptrdiff_t>(i));
}

// The first lines that differ.
struct Sides {
  std::string observable;
  std::string model;
  std::string kernel;
  // The last lines on which both sides agree.
  std::string before;
};

constexpr std::size_t kLinesBefore = 3;

// Compares two lists of lines, counts them, and returns the first difference.
std::optional<Sides> compare_lines(std::span<const std::string> model, std::span<const std::string> kernel,
                                   std::uint64_t& compared) {
  static const std::string kNothing = "(nothing)";
  for (std::size_t i = 0; i < std::max(model.size(), kernel.size()); ++i) {
    const std::string& ours = i < model.size() ? model[i] : kNothing;
    const std::string& theirs = i < kernel.size() ? kernel[i] : kNothing;
    ++compared;
    if (ours == theirs) continue;
    const std::string& line = i < kernel.size() ? theirs : ours;
    const bool event = line.starts_with("  ");
    std::string before;
    for (std::size_t j = i - std::min(i, kLinesBefore); j < i; ++j) before += fmt::format("  both    {}\n", model[j]);
    return Sides{std::string(event ? event_name(line) : observable_of(line)), ours, theirs, before};
  }
  return std::nullopt;
}

// Reads the kernel's answers in the order of the script and stops at the first difference.
class Comparison {
 public:
  Comparison(Outcome& outcome, const Script& script, std::vector<KernelAnswer> answers)
      : outcome_(outcome), script_(script), answers_(std::move(answers)) {}

  void run();

 private:
  bool incomplete() const { return next_ >= answers_.size() || !answers_[next_].complete; }
  bool compare_setup();
  bool compare_step(const Step& step);
  bool compare_state(const std::vector<Question>& state, std::string_view verb, std::size_t op);
  void differs(const Sides& sides, std::string_view verb, std::size_t op);
  void complains(const std::string& line, std::string_view verb, std::size_t op);

  Outcome& outcome_;
  const Script& script_;
  std::vector<KernelAnswer> answers_;
  std::size_t next_ = 0;
};

void Comparison::run() {
  if (!compare_setup()) return;
  for (const Step& step : script_.steps) {
    if (step.asks.empty() && step.state.empty()) {
      ++outcome_.skipped;
      continue;
    }
    if (!compare_step(step)) return;
    ++outcome_.operations;
  }
}

bool Comparison::compare_setup() {
  for (std::size_t i = 0; i < script_.setup.size(); ++i, ++next_) {
    if (incomplete()) return false;
    if (answers_[next_].lines.empty()) continue;
    differs({"setup", "(nothing)", answers_[next_].lines.front(), {}}, "boot", 0);
    return false;
  }
  return compare_state(script_.boot, "boot", 0);
}

bool Comparison::compare_step(const Step& step) {
  const std::string_view verb = info_of(outcome_.program.ops[step.op]).verb;
  std::vector<std::string> events;
  std::vector<std::string> answers;
  bool whole = true;
  for (std::size_t i = 0; i < step.asks.size() && whole; ++i, ++next_) {
    whole = !incomplete();
    if (next_ >= answers_.size()) break;
    for (std::string& line : answers_[next_].lines)
      (line.starts_with("  ") ? events : answers).push_back(std::move(line));
  }
  drop_expected_warnings(events);
  for (const std::string& line : events)
    if (line.starts_with("  splat ")) {
      complains(line, verb, step.op);
      return false;
    }
  // The kernel died in the middle: its death is the finding, not what is missing from its answer.
  if (!whole) return false;
  if (const auto sides = compare_lines(step.events, events, outcome_.observables)) {
    differs(*sides, verb, step.op);
    return false;
  }
  if (step.compared || answers.empty() || answers.front().starts_with("? "))
    if (const auto sides = compare_lines(step.answers, answers, outcome_.observables)) {
      differs(*sides, verb, step.op);
      return false;
    }
  return compare_state(step.state, verb, step.op);
}

bool Comparison::compare_state(const std::vector<Question>& state, std::string_view verb, std::size_t op) {
  for (const Question& question : state) {
    if (incomplete()) return false;
    const auto sides = compare_lines(question.answer, answers_[next_++].lines, outcome_.observables);
    if (!sides) continue;
    differs(*sides, verb, op);
    return false;
  }
  return true;
}

void Comparison::differs(const Sides& sides, std::string_view verb, std::size_t op) {
  outcome_.kind = Outcome::Kind::differs;
  const bool booting = verb == "boot";
  const std::string what = booting ? "after boot" : "after " + print_op(outcome_.program, outcome_.program.ops[op]);
  outcome_.finding = Finding{Law::judge, std::string(verb), sides.observable,
                             fmt::format("{} differ {}: the kernel answers `{}`, the model `{}`", sides.observable,
                                         what, sides.kernel, sides.model),
                             op};
  outcome_.both_sides = fmt::format("{} differ {}\n{}  kernel  {}\n  model   {}\n", sides.observable, what,
                                    sides.before, sides.kernel, sides.model);
}

void Comparison::complains(const std::string& line, std::string_view verb, std::size_t op) {
  outcome_.kind = Outcome::Kind::differs;
  const std::string text = line.substr(8);
  outcome_.finding =
      Finding{Law::splat, std::string(verb), text.substr(0, text.find(' ')), "the kernel complains: " + text, op};
  outcome_.both_sides = fmt::format("the kernel complains during {}\n  kernel {}\n",
                                    print_op(outcome_.program, outcome_.program.ops[op]), text);
}

std::vector<std::string> questions_of(const Script& script) {
  std::vector<std::string> questions = script.setup;
  const auto add = [&](const std::vector<Question>& state) {
    for (const Question& question : state) questions.push_back(question.ask);
  };
  add(script.boot);
  for (const Step& step : script.steps) {
    questions.insert(questions.end(), step.asks.begin(), step.asks.end());
    add(step.state);
  }
  return questions;
}

// Returns the operation to which a question belongs.
std::size_t op_of_question(const Script& script, std::size_t index) {
  std::size_t asked = script.setup.size() + script.boot.size();
  for (const Step& step : script.steps) {
    asked += step.asks.size() + step.state.size();
    if (index < asked) return step.op;
  }
  return script.steps.empty() ? 0 : script.steps.back().op;
}

// Why a kernel cannot be given what a program needs before its first operation.
constexpr std::string_view kNoBoot = "memory and areas with which the kernel does not boot";
constexpr std::string_view kNoArea = "an area at a place that the kernel cannot reserve";
constexpr std::string_view kNoEdge =
    "the kernel has memory of its own in a largest block that an area begins or ends in";
constexpr std::string_view kNoArena = "the kernel's own memory reaches into what compaction may use";
constexpr std::string_view kNoPool = "the kernel's memory is too small for so many processes and mappings";

// The memory with which every kernel boots.
constexpr std::uint64_t kPlainMemory = 0x10000;

// Returns why the kernel refused a preparation, or died of it; empty if it did neither.
std::string_view refusal_of(const std::string& question, const KernelAnswer& answer) {
  const std::string line = answer.lines.empty() ? "" : answer.lines.front();
  if (question.starts_with("prepare processes") && (!answer.complete || line.starts_with("? "))) return kNoPool;
  if (line.starts_with("keep ")) return kNoEdge;
  if (line.starts_with("arena ")) return kNoArena;
  return {};
}

// Returns the operation without which a refused preparation would be smaller; the number of operations if it is the
// machine that cannot be had.
std::size_t op_to_blame(const Program& program, std::string_view reason) {
  const auto is_to_blame = [&](const Op& op) {
    if (reason == kNoArena) return std::holds_alternative<Compact>(op.body);
    return reason == kNoPool &&
           (std::holds_alternative<Spawn>(op.body) || std::holds_alternative<Fork>(op.body) ||
            std::holds_alternative<MmapAnon>(op.body) || std::holds_alternative<MmapShared>(op.body));
  };
  for (std::size_t op = program.ops.size(); op > 0; --op)
    if (is_to_blame(program.ops[op - 1])) return op - 1;
  return program.ops.size();
}

// Returns what the driver answers to `areas` if it has all of them.
std::vector<std::string> area_lines(const Geometry& machine) {
  std::vector<std::string> lines;
  for (const AreaSpec& area : machine.areas)
    lines.push_back(fmt::format("area {} base={} count={} opb={} pbo={} maxord={}", area.name, area.base, area.pages,
                                area.order_per_bit, machine.pageblock_order, machine.largest_order + 1));
  return lines;
}

void switch_on(Program& program, const BugSet& bugs) {
  for (const BugInfo& info : bug_catalogue())
    if (bugs.active(info.bug)) program.machine.bugs.switch_on(info.bug);
}

std::string_view name_of(KernelFailure::Kind kind) {
  switch (kind) {
    case KernelFailure::Kind::not_started: return "not started";
    case KernelFailure::Kind::died: return "died";
    case KernelFailure::Kind::silent: return "silent";
    case KernelFailure::Kind::complained: return "complained";
  }
  return "?";
}

}  // namespace

KernelJudge::KernelJudge(const KernelConfig& config) : config_(config) {
  const auto program = cached_kernel(config);
  if (!program) throw NoKernel(missing_kernel_reason(config));
  program_ = *program;
}

KernelJudge::KernelJudge(const KernelConfig& config, KernelPool& pool)
    : config_(config), program_(pool.program()), pool_(&pool) {}

KernelProcess KernelJudge::boot(const Geometry& machine) {
  ++booted_;
  if (pool_ != nullptr) return pool_->start(options_for(program_, machine));
  return KernelProcess(options_for(program_, machine));
}

// Asks all questions. A kernel that counts what it executes does so after the preparations, when it has answered them.
std::vector<KernelAnswer> KernelJudge::perform(KernelProcess& kernel, const std::vector<std::string>& questions,
                                               std::size_t preparations) {
  if (pool_ == nullptr) return kernel.ask_all(questions);
  const std::span<const std::string> all(questions);
  std::vector<KernelAnswer> answers = kernel.ask_all(all.first(preparations));
  pool_->counters().record(true);
  for (KernelAnswer& answer : kernel.ask_all(all.subspan(preparations))) answers.push_back(std::move(answer));
  pool_->counters().record(false);
  return answers;
}

// Boots once for each machine and its preparations: to learn how much the kernel leaves free, as the absolute figures
// decide whether a movable page is taken from an area, and whether it can be given all that it is asked for.
const KernelJudge::Prepared& KernelJudge::prepare(const Program& program) {
  const Geometry& machine = program.machine;
  const std::vector<std::string> setup = setup_of(program);
  std::string key = std::to_string(machine.memory.pages());
  for (const std::string& question : setup) key += " " + question;
  for (const AreaSpec& area : machine.areas)
    key += fmt::format(" {}:{}@{}:{}", area.name, area.pages, area.base, area.order_per_bit);
  auto found = prepared_.find(key);
  if (found == prepared_.end()) found = prepared_.emplace(std::move(key), ask_for_figures(program, setup)).first;
  // Another program with these preparations has its operations elsewhere.
  if (!found->second) found->second.error().op = op_to_blame(program, found->second.error().reason);
  return found->second;
}

KernelJudge::Prepared KernelJudge::ask_for_figures(const Program& program, const std::vector<std::string>& setup) {
  std::vector<std::string> questions = setup;
  questions.insert(questions.end(), {"areas", "zone abs", "pcp"});
  KernelProcess kernel = boot(program.machine);
  const std::vector<KernelAnswer> answers = kernel.ask_all(questions);
  const KernelAnswer& areas = answers[setup.size()];
  if (areas.complete && areas.lines != area_lines(program.machine))
    return std::unexpected(NotJudgeable{std::string(kNoArea), 0});
  // What follows an answer that is missing was not reached.
  bool reached = true;
  for (std::size_t i = 0; i < questions.size() && reached; ++i) {
    const std::string_view why = refusal_of(questions[i], answers[i]);
    if (!why.empty()) return std::unexpected(NotJudgeable{std::string(why), 0});
    if (!answers[i].lines.empty() && answers[i].lines.front().starts_with("? "))
      throw NoKernel(
          fmt::format("the kernel {} does not know what it is asked ({}): it was built for another version of "
                      "cmacheck; build it anew with: ci/judge-kernel",
                      program_, answers[i].lines.front()));
    reached = answers[i].complete;
  }
  const auto& zone_lines = answers[answers.size() - 2].lines;
  const auto& pcp_lines = answers.back().lines;
  if (!answers.back().complete || zone_lines.empty() || pcp_lines.empty()) {
    if (boots_at_all()) return std::unexpected(NotJudgeable{std::string(kNoBoot), 0});
    throw NoKernel(fmt::format("the kernel {} does not run here ({}):\n{}", program_,
                               kernel.failure() ? kernel.failure()->text : "no answer", kernel.log()));
  }
  const std::string& zone = zone_lines.front();
  const std::string& pcp = pcp_lines.front();
  KernelFigures figures;
  figures.free_pages = static_cast<std::uint64_t>(figure(zone, "free"));
  figures.free_cma = static_cast<std::uint64_t>(figure(zone, "cma"));
  figures.pcp_batch = static_cast<int>(figure(pcp, "batch"));
  figures.pcp_high = static_cast<int>(figure(pcp, "high"));
  figures.pcp_high_min = static_cast<int>(figure(pcp, "high_min"));
  figures.pcp_high_max = static_cast<int>(figure(pcp, "high_max"));
  return figures;
}

// Returns whether the kernel runs here with a machine that asks for nothing.
bool KernelJudge::boots_at_all() {
  Geometry plain;
  plain.memory = {0, kPlainMemory};
  KernelProcess kernel = boot(plain);
  const std::vector<std::string> question{"pcp"};
  const std::vector<KernelAnswer> answers = kernel.ask_all(question);
  return answers.front().complete && !answers.front().lines.empty();
}

bool KernelJudge::boots_with(const Geometry& machine) {
  Program program;
  program.machine = machine;
  const auto fitted = fit(program, config_);
  return fitted && prepare(fitted->program).has_value();
}

void KernelJudge::run(Outcome& outcome, const Translation& translation) {
  const std::vector<std::string> questions = questions_of(translation.script);
  KernelProcess kernel = boot(outcome.program.machine);
  std::vector<KernelAnswer> answers = perform(kernel, questions, translation.script.setup.size());
  const auto incomplete =
      std::find_if(answers.begin(), answers.end(), [](const KernelAnswer& a) { return !a.complete; });
  const auto answered = static_cast<std::size_t>(incomplete - answers.begin());
  Comparison(outcome, translation.script, std::move(answers)).run();
  if (outcome.finding) {
    if (kernel.failure()) outcome.console = kernel.log();
    return;
  }
  if (answered == questions.size()) return;
  const KernelFailure failure = kernel.failure().value_or(KernelFailure{KernelFailure::Kind::died, "the kernel ended"});
  const std::size_t op = op_of_question(translation.script, answered);
  const bool booting = outcome.program.ops.empty() || answered < translation.script.setup.size();
  outcome.kind = Outcome::Kind::differs;
  outcome.finding =
      Finding{Law::splat, booting ? "boot" : std::string(info_of(outcome.program.ops[op]).verb),
              std::string(name_of(failure.kind)), fmt::format("{} at `{}`", failure.text, questions[answered]), op};
  outcome.both_sides = outcome.finding->message + "\n";
  outcome.console = kernel.log();
}

Outcome KernelJudge::judge(const Program& program, const BugSet& bugs) {
  Outcome outcome;
  auto fitted = fit(program, config_);
  std::optional<NotJudgeable> why;
  if (!fitted) {
    why = fitted.error();
  } else {
    outcome.program = std::move(fitted->program);
    outcome.transposed = fitted->transposed;
    Program modelled = outcome.program;
    switch_on(modelled, bugs);
    const Prepared& prepared = prepare(outcome.program);
    const auto translation =
        prepared ? translate(modelled, *prepared, interpreter_) : std::unexpected(prepared.error());
    if (translation) {
      run(outcome, *translation);
      // The model broke a law where the kernel went on.
      if (!outcome.finding && translation->finding) {
        outcome.kind = Outcome::Kind::differs;
        outcome.finding = translation->finding;
        outcome.both_sides = fmt::format("the model stops: {}\n", translation->finding->message);
      }
      return outcome;
    }
    why = translation.error();
  }
  outcome.kind = Outcome::Kind::not_judgeable;
  outcome.reason = why->reason;
  return outcome;
}

Program KernelJudge::judgeable_part(Program program) {
  while (!program.ops.empty()) {
    // So that the operations of both have the same numbers.
    let_reclaim_end(program);
    auto fitted = fit(program, config_);
    if (!fitted) {
      program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(fitted.error().op));
      continue;
    }
    const Prepared& prepared = prepare(fitted->program);
    const auto translation =
        prepared ? translate(fitted->program, *prepared, interpreter_) : std::unexpected(prepared.error());
    if (translation) return std::move(fitted->program);
    program = std::move(fitted->program);
    const std::size_t op = translation.error().op;
    if (op < program.ops.size())
      program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(op));
    else
      program.ops.clear();
  }
  return program;
}

// Returns whether a fitted program may have this machine.
bool KernelJudge::is_own(const Geometry& machine) const {
  return machine.release == config_.release && machine.pageblock_order == config_.pageblock_order &&
         machine.cpus == 1 && can_have(machine, config_);
}

std::optional<Finding> KernelJudge::find(const Program& program, const BugSet& bugs) {
  if (!is_own(program.machine)) return std::nullopt;
  return judge(program, bugs).finding;
}

std::optional<Program> KernelJudge::modelled(const Program& fitted, const BugSet& bugs) {
  if (!is_own(fitted.machine)) return std::nullopt;
  const Prepared& prepared = prepare(fitted);
  if (!prepared) return std::nullopt;
  Program program = fitted;
  program.machine = model_machine(fitted, *prepared);
  switch_on(program, bugs);
  if (program.machine.impossible()) return std::nullopt;
  return program;
}

}  // namespace cma::judge
