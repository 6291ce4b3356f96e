#include "fuzz/kernel/kernel_target.h"

#include <fmt/format.h>

#include "fuzz/commands/files.h"
#include "fuzz/commands/finding_file.h"
#include "fuzz/mutation/input.h"
#include "fuzz/mutation/mutator.h"
#include "properties/judge/random_programs.h"
#include "properties/minimize/minimize.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Machines of the judge have up to a gigabyte.
constexpr ByteLimits kLimits{.pages = 0x100000, .ops = 200};
constexpr std::size_t kMutatedOps = 48;
constexpr std::size_t kGeneratedOps = 64;
// The mutations among a hundred that begin a program anew.
constexpr unsigned kAnewPercent = 15;
// The crossovers among a hundred that are asked for; the others are mutations.
constexpr unsigned kCrossoverPercent = 25;

MutationOptions mutation_for(const judge::KernelConfig& kernel) {
  MutationOptions options;
  options.ops = kMutatedOps;
  options.generated = judge::generated_for_kernel();
  options.machine = [kernel](Random& random) { return judge::any_judged_machine(random, kernel); };
  return options;
}

// Returns whether the finding is about what the kernel did. Others are about laws, which are noticed on the model.
bool is_of_kernel(const Finding& finding) { return finding.law == Law::judge || finding.law == Law::splat; }

// Returns the command that shows the finding again, up to the file's name.
std::string replay_command(const Finding& finding, const judge::KernelConfig& kernel, const BugSet& bugs) {
  std::string switched_on;
  for (const BugInfo& info : bug_catalogue())
    if (bugs.active(info.bug)) switched_on += fmt::format(" --bug {}", info.name);
  if (!is_of_kernel(finding)) return "cmacheck run" + switched_on;
  return fmt::format("cmacheck judge --release {} --pageblock-order {}{}", name_of(kernel.release),
                     kernel.pageblock_order, switched_on);
}

}  // namespace

std::expected<judge::KernelConfig, std::string> kernel_for_target(const std::string& word) {
  const std::vector<judge::KernelConfig> kernels = judge::judged_kernels();
  std::string names;
  std::optional<judge::KernelConfig> newest;
  for (const judge::KernelConfig& kernel : kernels) {
    const std::string name = fmt::format("{}-p{}", name_of(kernel.release), kernel.pageblock_order);
    if (name == word) return kernel;
    names += " " + name;
    const bool later = !newest || newest->release != kernel.release;
    if (later && judge::cached_kernel(kernel, judge::KernelKind::with_coverage)) newest = kernel;
  }
  if (!word.empty()) return std::unexpected(fmt::format("there is no kernel '{}'; there are:{}", word, names));
  if (newest) return *newest;
  return std::unexpected(judge::missing_kernel_reason(kernels.back(), judge::KernelKind::with_coverage));
}

Program kernel_program(std::span<const std::uint8_t> input, const judge::KernelConfig& kernel) {
  Program program;
  program_from_input(program, input, kLimits);
  judge::confine_for_kernel(program, kernel);
  return program;
}

Program judged_program(std::span<const std::uint8_t> input, judge::KernelJudge& judge) {
  Program program = kernel_program(input, judge.config());
  if (!judge.boots_with(program.machine)) {
    program.machine = judge::plain_judged_machine(judge.config());
    judge::confine_for_kernel(program, judge.config());
  }
  return judge.judgeable_part(std::move(program));
}

KernelTarget::KernelTarget(const KernelTargetOptions& options)
    : options_(options), pool_(options.kernel), judge_(options.kernel, pool_) {}

KernelVerdict KernelTarget::run(std::span<const std::uint8_t> input, std::span<std::uint8_t> counters) {
  pool_.counters().clear();
  const Program program = judged_program(input, judge_);
  if (program.ops.empty()) return {};
  judge::Outcome outcome = examine(program);
  if (outcome.kind == judge::Outcome::Kind::not_judgeable) return {};
  const auto counted = pool_.counters().read(counters);
  if (!counted) throw judge::NoKernel(counted.error());
  if (!outcome.finding) return {.judged = true};
  if (options_.known.contains(outcome.finding->signature())) return {};
  return report(std::move(outcome));
}

// Judges the program, and has the laws watch the model if the kernel does the same.
judge::Outcome KernelTarget::examine(const Program& program) {
  judge::Outcome outcome = judge_.judge(program, options_.bugs);
  if (outcome.kind != judge::Outcome::Kind::agrees) return outcome;
  outcome.finding = broken_law(outcome.program);
  if (outcome.finding) {
    outcome.kind = judge::Outcome::Kind::differs;
    outcome.both_sides = "kernel and model agree on every step, and break the law\n";
  }
  return outcome;
}

std::optional<Finding> KernelTarget::broken_law(const Program& program) {
  const auto modelled = judge_.modelled(program, options_.bugs);
  return modelled ? laws_.find(*modelled) : std::nullopt;
}

// Makes the finding small, keeps it and describes it.
KernelVerdict KernelTarget::report(judge::Outcome outcome) {
  make_small(outcome);
  const std::string confirmed = confirmation(outcome);
  KernelVerdict verdict{.judged = true};
  verdict.file = keep(outcome, confirmed);
  const Finding& finding = *outcome.finding;
  verdict.report = fmt::format("FINDING: {}\n{}\nkernel: {}; {}\n{}program:\n{}", finding.signature(), finding.message,
                               name_of(options_.kernel), confirmed, outcome.both_sides, print(outcome.program));
  if (!outcome.console.empty()) verdict.report += "the kernel's console:\n" + outcome.console;
  if (!verdict.file.empty()) verdict.report += "kept: " + verdict.file + "\n";
  verdict.finding = std::move(outcome);
  return verdict;
}

void KernelTarget::make_small(judge::Outcome& outcome) {
  // Each execution of a kernel that hangs takes as long as it takes to call it hanging.
  const bool slow = outcome.finding->law == Law::splat;
  if (options_.minimize == 0 || slow) return;
  const auto find = [&](const Program& program) {
    const auto found = judge_.find(program, options_.bugs);
    return found ? found : broken_law(program);
  };
  const auto smallest = minimize(outcome.program, find, {.executions = options_.minimize});
  if (!smallest) return;
  judge::Outcome small = examine(smallest->program);
  if (small.finding) outcome = std::move(small);
}

// Performs the program once more, on the plain kernel if that is built: it has booted for this program alone.
std::string KernelTarget::confirmation(const judge::Outcome& outcome) {
  const std::string wanted = outcome.finding->signature();
  // Nothing differs that could be seen again.
  if (!is_of_kernel(*outcome.finding)) return "noticed by the laws";
  // It would take as long once more, and fuzzers end an input that takes long.
  if (outcome.finding->signature().ends_with("/silent")) return "not performed once more";
  const bool plain = judge::cached_kernel(options_.kernel).has_value();
  std::optional<Finding> again;
  if (plain)
    again = judge::KernelJudge(options_.kernel).judge(outcome.program, options_.bugs).finding;
  else
    again = judge_.judge(outcome.program, options_.bugs).finding;
  const std::string_view where = plain ? "the kernel without coverage, freshly booted," : "a second run";
  if (again && again->signature() == wanted) return fmt::format("{} shows the same", where);
  return fmt::format("{} shows {}", where, again ? again->signature() : "no difference");
}

// Writes the finding to the folder. Returns the file; nothing if there is no folder. Reports what cannot be written.
std::string KernelTarget::keep(const judge::Outcome& outcome, const std::string& confirmed) const {
  if (options_.folder.empty()) return {};
  const Finding& finding = *outcome.finding;
  const FindingPlace place =
      place_for(options_.folder, finding, [&](const std::string& file) { return holds(file, outcome.program); });
  if (!place.there) {
    const FindingFile content{
        .finding = finding,
        .program = outcome.program,
        .replay = replay_command(finding, options_.kernel, options_.bugs),
        .written_by = options_.written_by,
        .notes = fmt::format("kernel {}; {}\n{}", name_of(options_.kernel), confirmed, outcome.both_sides)};
    const std::string text = finding_text(content, place.file);
    if (const auto written = write_file(place.file, text); !written) {
      report_failure(written.error());
      return {};
    }
  }
  return place.file;
}

std::size_t mutate_for_kernel(std::span<std::uint8_t> room, std::size_t size, std::uint64_t seed,
                              const judge::KernelConfig& kernel) {
  Random choice(~seed);
  Program program;
  if (choice.chance(kAnewPercent)) {
    program = judge::generate_for_kernel(seed, kGeneratedOps, kernel);
  } else {
    program = kernel_program(room.first(size), kernel);
    Mutator(seed, mutation_for(kernel)).mutate(program);
    judge::confine_for_kernel(program, kernel);
  }
  return encode_into(program, room);
}

std::size_t cross_for_kernel(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                             std::span<std::uint8_t> out, std::uint64_t seed, const judge::KernelConfig& kernel) {
  Program program = kernel_program(first, kernel);
  Mutator mutator(seed, mutation_for(kernel));
  if (Random(~seed).chance(kCrossoverPercent))
    mutator.cross(program, kernel_program(second, kernel));
  else
    mutator.mutate(program);
  judge::confine_for_kernel(program, kernel);
  return encode_into(program, out);
}

}  // namespace cma
