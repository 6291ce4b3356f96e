// Fuzz target: two releases side by side. The input is a program, as bytes, and then three bytes that choose a machine
// and two releases. What is left of the program are requests and releases of buffers, and pages that cannot move in
// areas, performed one after the other: both releases must make the same of that (properties/laws/agreement.h).
//
//   CMACHECK_BUG=NAME,...   switches bugs on in the first of the two machines: is the difference found?

#include <cstdint>

#include "fuzz/targets/tail.h"
#include "fuzz/targets/target.h"
#include "properties/laws/agreement.h"
#include "properties/program/byte_form.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace {

constexpr std::size_t kChoices = 3;

bool is_compared(const cma::Op& op) {
  return std::holds_alternative<cma::CmaAlloc>(op.body) || std::holds_alternative<cma::CmaRelease>(op.body) ||
         std::holds_alternative<cma::FreeOwned>(op.body) ||
         std::holds_alternative<cma::DrainOp<cma::DrainKind::everything>>(op.body) ||
         std::holds_alternative<cma::OwnedPages<cma::PageKind::unmovable>>(op.body);
}

// Leaves of a program what is compared, with one actor and without faults.
void restrict(cma::Program& program) {
  constexpr std::size_t kMostOps = 32;
  std::erase_if(program.ops, [](const cma::Op& op) { return !is_compared(op); });
  if (program.ops.size() > kMostOps) program.ops.resize(kMostOps);
  for (cma::Op& op : program.ops) {
    op.performer = {};
    op.until = {};
    op.scope = {};
  }
  program.actors.clear();
  program.failing_bitmaps.clear();
}

// Runs the program. Returns whether all of its areas could be activated: then its requests can be compared.
bool watch(cma::Interpreter& interpreter, const cma::Program& program, cma::Requests& requests) {
  interpreter.run(program, &requests);
  requests.stop_watching();
  return cma::all_areas_active(interpreter.machine().areas);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static cma::Interpreter& interpreter = *new cma::Interpreter;
  static const std::vector<cma::Bug>& bugs = *new std::vector<cma::Bug>(cma::wanted_bugs());
  const auto [bytes, choices] = cma::split_tail({data, size}, kChoices);
  cma::Numbers numbers(choices);
  const std::span<const cma::Release> releases = cma::modelled_releases();
  const std::uint64_t shape = numbers.byte() % cma::kShapes;
  const cma::Release one = releases[numbers.byte() % releases.size()];
  const cma::Release other = releases[numbers.byte() % releases.size()];
  cma::Program program = cma::decode(bytes, cma::kFuzzLimits);
  program.machine = cma::shape(shape, one);
  restrict(program);
  program.settle();
  program = cma::with_pages_in_areas(program);
  program.settle();
  for (const cma::Bug bug : bugs) program.machine.bugs.switch_on(bug);
  const auto elsewhere = cma::on_release(program, other);
  if (!elsewhere) return 0;
  cma::Requests here;
  cma::Requests there;
  if (!watch(interpreter, program, here) || !watch(interpreter, *elsewhere, there)) return 0;
  const std::string differs = cma::difference(here, there);
  if (!differs.empty())
    cma::require(false, "releases/requests-differ",
                 fmt::format("on {}: {}\n{}", name_of(other), differs, cma::print(program)));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  return cma::mutate_before_tail({data, max_size}, size, kChoices, seed);
}
