// `cmacheck bugs`: lists the historical faults and planted mutants that can be switched on.

#include "allocator/base/bug.h"

#include <fmt/format.h>

#include <algorithm>

#include "fuzz/commands/command.h"

namespace cma {
namespace {

std::string text_of(const ReleaseRange& range) {
  if (!range.last) return fmt::format("since {}", name_of(range.first));
  if (range.first == *range.last) return fmt::format("in {}", name_of(range.first));
  return fmt::format("in {} to {}", name_of(range.first), name_of(*range.last));
}

// Returns in which releases the bug is.
std::string presence(const BugInfo& bug) {
  if (bug.planted()) return "planted";
  std::string text = text_of(*bug.present);
  if (bug.again) text += ", again " + text_of(*bug.again);
  const auto shipped = [&](Release release) { return bug.shipped_in(release); };
  if (std::ranges::none_of(modelled_releases(), shipped)) text += ", between the modelled releases";
  return text;
}

}  // namespace

void add_bugs(CommandLine& line) {
  Command sub = line.add("bugs", "Lists the bugs that can be switched on in a machine");
  sub.footer("`bug NAME` in a program switches one on; so do `cmacheck run --bug NAME` and `ci/fuzz --bug NAME`.");
  sub.action([] {
    for (const BugInfo& bug : bug_catalogue()) {
      const std::string id = bug.id.empty() ? "" : fmt::format(", {}", bug.id);
      fmt::print("{:<24} {}{}\n    {}\n", bug.name, presence(bug), id, bug.sentence);
    }
    return kNothingFound;
  });
}

}  // namespace cma
