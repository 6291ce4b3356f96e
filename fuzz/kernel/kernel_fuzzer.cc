// Fuzz target: the real kernel. The input is a program; it is performed on the model and on a copy of a booted kernel,
// and all that can be observed is compared. What the kernel executes guides libFuzzer, as its extra counters.
//
//   CMACHECK_KERNEL=6.12-p9        the kernel; the newest that `ci/judge-kernel --coverage` has built
//   CMACHECK_BUG=NAME,...          switches bugs on in the model: is the difference found?
//   CMACHECK_KNOWN=SIGNATURE,...   findings that do not end the process
//   CMACHECK_FINDINGS=FOLDER       where findings are kept as programs
//
// Exits with 3 if there is no such kernel or it does not run, and with 2 if a variable makes no sense.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "fuzz/commands/command.h"
#include "fuzz/kernel/kernel_target.h"
#include "fuzz/targets/target.h"

namespace {

constexpr std::size_t kMostPoints = 1 << 15;

// libFuzzer looks for new values here after each input, and clears it before the next.
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] std::array<std::uint8_t, kMostPoints> counters;

[[noreturn]] void give_up(const std::string& why, int code) {
  fmt::print(stderr, "kernel_fuzzer: {}\n", why);
  std::_Exit(code);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

const cma::judge::KernelConfig& kernel() {
  static const cma::judge::KernelConfig kChosen = [] {
    const std::string word = variable("CMACHECK_KERNEL");
    const auto found = cma::kernel_for_target(word);
    if (!found) give_up(found.error(), word.empty() ? 3 : 2);
    return *found;
  }();
  return kChosen;
}

cma::KernelTarget& target() {
  // Never destroyed: no destructor may run after the fuzzer has reported that it is done.
  static cma::KernelTarget& only = *[] {
    cma::KernelTargetOptions options;
    options.kernel = kernel();
    for (const cma::Bug bug : cma::wanted_bugs()) options.bugs.switch_on(bug);
    const std::vector<std::string> known = cma::words_of("CMACHECK_KNOWN");
    options.known = {known.begin(), known.end()};
    options.folder = variable("CMACHECK_FINDINGS");
    options.written_by = cma::written_by(cma::kCommit);
    auto* made = new cma::KernelTarget(options);
    if (made->points() > counters.size()) give_up("the kernel has more points than there are counters for", 3);
    return made;
  }();
  return only;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
  const cma::KernelVerdict verdict = target().run({data, size}, counters);
  if (!verdict.finding) return verdict.judged ? 0 : -1;
  fmt::print(stderr, "{}", verdict.report);
  std::abort();
} catch (const cma::judge::NoKernel& reason) {
  give_up(reason.what(), 3);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  return cma::mutate_for_kernel({data, max_size}, size, seed, kernel());
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second, std::size_t second_size, std::uint8_t* out,
                                                 std::size_t max_size, unsigned int seed) {
  return cma::cross_for_kernel({first, first_size}, {second, second_size}, {out, max_size}, seed, kernel());
}
