// Fuzz target: a kernel's log, the input of `cmacheck explain`. No text makes it crash or hang. Its answer is short and
// names only lines that are there, and it does not depend on the portions in which the log is read.

#include <algorithm>
#include <cstdint>

#include "fuzz/mutation/line_mutator.h"
#include "fuzz/targets/target.h"
#include "properties/logs/explain_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cma::logs;
  const std::string_view log(reinterpret_cast<const char*>(data), size);
  const LogAnswer answer = explain_log(text_source(log));
  cma::require(!answer.brief.empty() && answer.brief.size() <= 3, "explain/no-short-answer", log);
  cma::require(answer.lines <= static_cast<std::uint64_t>(std::ranges::count(log, '\n')) + 1, "explain/too-many-lines",
               log);
  for (const Section& section : answer.sections)
    for (const Statement& statement : section.statements)
      for (const std::uint64_t line : statement.lines)
        cma::require(line <= answer.lines, "explain/line-that-is-not-there", log);
  std::string_view rest = log;
  const LogAnswer again = explain_log([&](char* buffer, std::size_t room) {
    const std::size_t taken = std::min({std::size_t{13}, room, rest.size()});
    std::copy_n(rest.data(), taken, buffer);
    rest.remove_prefix(taken);
    return taken;
  });
  cma::require(answer_text(again, "log") == answer_text(answer, "log"), "explain/portions-differ", log);
  return 0;
}

// libFuzzer's own mutations, with the dictionary. Engines without it, and replays, have no such function.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                                              std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  if (LLVMFuzzerMutate != nullptr && seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  return cma::mutate_log(data, size, max_size, seed);
}
