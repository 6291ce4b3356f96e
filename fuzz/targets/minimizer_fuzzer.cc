// Fuzz target: the minimiser. Its result has the finding that the program had and no other, is no larger, and was found
// within the executions allowed; minimising it once more leaves it as it is.
//
// The input is a program, as bytes, and then one byte that chooses the oracle. Half of the oracles are the laws with a
// planted bug, few executions long. The others are made up of the input: they find things for which no order of the
// reducer's steps is natural, as their verdict depends on every detail of a program.

#include <algorithm>
#include <cstdint>

#include "fuzz/targets/tail.h"
#include "fuzz/targets/target.h"
#include "properties/laws/checked_run.h"
#include "properties/minimize/minimize.h"
#include "properties/program/byte_form.h"
#include "properties/program/text.h"

namespace {

// Plenty for a program of some ten operations, and soon over for one that would take long.
constexpr std::uint64_t kExecutions = 150;
constexpr std::size_t kMostOps = 24;
// A program that takes longer is no case for hundreds of executions. Few do: requests that end in vain after long.
constexpr std::uint64_t kMostSteps = 100'000;
constexpr cma::ByteLimits kLimits{.pages = 4096, .ops = kMostOps};
constexpr std::size_t kChoices = 1;

std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash ^ hash >> 29;
}

// Returns a finding that depends on every byte of a program: three of four programs have one, of one of two signatures.
std::optional<cma::Finding> made_up(const cma::Program& program, std::uint64_t salt) {
  const std::uint64_t hash = hash_of(cma::encode(program)) * (2 * salt + 1) >> 17;
  if (hash % 4 == 0) return std::nullopt;
  cma::Finding finding;
  finding.law = hash % 4 == 1 ? cma::Law::sound : cma::Law::lists;
  finding.function = hash % 8 < 4 ? "one" : "other";
  finding.op = static_cast<std::size_t>(hash / 8 % (program.ops.size() + 1));
  return finding;
}

// Returns a finding for programs with at least so many operations of two kinds: what minimising reaches is known.
std::optional<cma::Finding> counted(const cma::Program& program, std::size_t kind, std::size_t wanted) {
  std::size_t seen = 0;
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    if (program.ops[op].body.index() % 8 != kind % 8 || ++seen < wanted) continue;
    cma::Finding finding;
    finding.op = op;
    return finding;
  }
  return std::nullopt;
}

std::size_t stops_of(const cma::Program& program) {
  return static_cast<std::size_t>(
      std::ranges::count_if(program.ops, [](const cma::Op& op) { return op.until.wanted(); }));
}

std::string identity(const cma::Finding& finding, cma::Same same) {
  return same == cma::Same::law ? std::string(name_of(finding.law)) : finding.signature();
}

void check(const cma::Program& program, const cma::Predicate& find, cma::Same same) {
  std::uint64_t calls = 0;
  const cma::Predicate counting = [&](const cma::Program& candidate) {
    ++calls;
    cma::require(calls <= kExecutions + 1, "minimizer/more-executions-than-allowed");
    return find(candidate);
  };
  const auto first = find(program);
  const cma::MinimizeOptions options{.same = same, .executions = kExecutions};
  const auto minimized = cma::minimize(program, counting, options);
  cma::require(minimized.has_value() == first.has_value(), "minimizer/finding-appeared-or-went");
  if (!minimized) return;
  cma::require(minimized->executions == calls, "minimizer/miscounted");
  const cma::Program& small = minimized->program;
  const auto again = find(small);
  const std::string text = cma::print(small);
  cma::require(again.has_value() && identity(*again, same) == identity(*first, same), "minimizer/another-finding",
               text);
  cma::require(again->signature() == minimized->finding.signature(), "minimizer/reports-another-finding", text);
  cma::require(small.ops.size() <= program.ops.size(), "minimizer/more-operations", text);
  cma::require(stops_of(small) <= stops_of(program), "minimizer/more-stops", text);
  cma::require(small.actors.size() <= program.actors.size(), "minimizer/more-actors", text);
  cma::Program settled = small;
  settled.settle();
  cma::require(settled == small, "minimizer/result-is-not-settled", text);
  if (!minimized->complete) return;
  const auto once_more = cma::minimize(small, find, options);
  cma::require(once_more.has_value() && (!once_more->complete || once_more->program == small), "minimizer/no-fixpoint",
               text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static cma::CheckedRun& run = *new cma::CheckedRun;
  const auto [bytes, choices] = cma::split_tail({data, size}, kChoices);
  const std::uint64_t choice = cma::Numbers(choices).byte();
  cma::Program program = cma::decode(bytes, kLimits);
  const cma::Same same = choice % 2 == 0 ? cma::Same::signature : cma::Same::law;
  const std::uint64_t oracle = choice / 2 % 4;
  if (oracle < 2) {
    program.machine.bugs = {};
    program.machine.bugs.switch_on(oracle == 0 ? cma::Bug::bitmap_forgets_bit : cma::Bug::drain_left_out);
    program.settle();
    if (run.run(program).steps > kMostSteps) return 0;
    check(program, [](const cma::Program& candidate) { return run.find(candidate); }, same);
    return 0;
  }
  program.settle();
  if (oracle == 2)
    check(program, [&](const cma::Program& candidate) { return made_up(candidate, choice); }, same);
  else
    check(program, [&](const cma::Program& candidate) { return counted(candidate, choice, 1 + choice / 64); }, same);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  return cma::mutate_before_tail({data, max_size}, size, kChoices, seed);
}
