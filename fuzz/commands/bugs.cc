// `cmacheck bugs`: lists the historical faults and planted mutants that can be switched on.

#include "allocator/base/bug.h"

#include <fmt/format.h>

#include "fuzz/commands/command.h"

namespace cma {
namespace {

// Returns in which releases the bug is.
std::string presence(const BugInfo& bug) {
  if (!bug.first) return bug.bank_id == "planted" ? "planted" : "between the modelled releases";
  std::string where = fmt::format("in {}", name_of(*bug.first));
  if (bug.first != bug.last) where += fmt::format(" to {}", name_of(*bug.last));
  if (bug.again) where += fmt::format(", again since {}", name_of(*bug.again));
  return where;
}

}  // namespace

void add_bugs(CommandLine& line) {
  Command sub = line.add("bugs", "Lists the bugs that can be switched on in a machine");
  sub.footer("`bug NAME` in a program switches one on; so do `cmacheck run --bug NAME` and `ci/fuzz --bug NAME`.");
  sub.action([] {
    for (const BugInfo& bug : bug_catalogue()) {
      const std::string where = presence(bug);
      const bool named = bug.bank_id.empty() || bug.bank_id == where;
      fmt::print("{:<24} {}{}\n    {}\n", bug.name, where, named ? "" : fmt::format(", {}", bug.bank_id), bug.sentence);
    }
    return kNothingFound;
  });
}

}  // namespace cma
