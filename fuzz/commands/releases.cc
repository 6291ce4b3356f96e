// `cmacheck releases`: what is known of each modelled release, and of a version the nearest one and what differs.

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "fuzz/commands/command.h"
#include "properties/logs/versions.h"
#include "properties/releases/changes.h"
#include "properties/releases/standing.h"

namespace cma {
namespace {

void list_releases() {
  for (const Standing& standing : standings())
    fmt::print("{:<5} {:<9} {}\n                like it: {}\n", name_of(standing.release), standing.truth,
               standing.evidence, standing.kernels);
}

int describe(const std::string& text) {
  const std::optional<Release> version = logs::version_of(text);
  if (!version) {
    fmt::print(stderr, "cmacheck releases: '{}' is no kernel version from {} on\n", text,
               name_of(logs::all_versions().front()));
    return kBadInput;
  }
  const Neighbour neighbour = nearest(*version);
  const std::string wanted = name_of(*version);
  const std::string modelled = name_of(neighbour.modelled);
  if (neighbour.modelled == *version) {
    fmt::print("{} is modelled: release={}\n", wanted, modelled);
    return kNothingFound;
  }
  fmt::print("{} is not modelled; the nearest release is {}: release={}\n", wanted, modelled, modelled);
  if (neighbour.between.empty()) {
    fmt::print("no change between the two is known that matters here\n");
    return kNothingFound;
  }
  fmt::print("{} has, and {} has not:\n", neighbour.modelled_is_newer ? modelled : wanted,
             neighbour.modelled_is_newer ? wanted : modelled);
  for (const Change* change : neighbour.between)
    fmt::print("  {:<5} {:<11} {}\n", name_of(change->since), change->subject, change->sentence);
  return kNothingFound;
}

}  // namespace

void add_releases(CommandLine& line) {
  auto version = std::make_shared<std::string>();
  Command sub = line.add("releases", "Lists the modelled releases; with a version, the nearest and what differs");
  sub.text("VERSION", *version, "A kernel's version, such as 5.4 or 6.18.3");
  sub.footer(
      "How a release's behaviour was found out: judged by a kernel built for it, recorded from one, read in its "
      "source, or recalled. Stable releases and vendors take changes over from newer versions.");
  sub.action([version] {
    if (!version->empty()) return describe(*version);
    list_releases();
    return static_cast<int>(kNothingFound);
  });
}

}  // namespace cma
