// `cmacheck bugs`: lists the historical faults and planted mutants that can be switched on.

#include "allocator/base/bug.h"

#include <fmt/format.h>

#include "fuzz/commands/command.h"
#include "properties/explain/names.h"

namespace cma {

void add_bugs(CommandLine& line) {
  Command sub = line.add("bugs", "Lists the bugs that can be switched on in a machine");
  sub.footer("`bug NAME` in a program switches one on; so do `cmacheck run --bug NAME` and `ci/fuzz --bug NAME`.");
  sub.action([] {
    for (const BugInfo& bug : bug_catalogue()) {
      const std::string id = bug.id.empty() ? "" : fmt::format(", {}", bug.id);
      fmt::print("{:<24} {}{}\n    {}\n", bug.name, presence_text(bug), id, bug.sentence);
    }
    return kNothingFound;
  });
}

}  // namespace cma
