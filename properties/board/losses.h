// What was asked for and does not exist after a boot: nodes that the kernel does not read, regions that did not become
// what their nodes say, areas that were refused, and areas that were not activated.
//
// why_not.h explains it, and trials.h counts it: a change is no remedy if something else is lost for it. Nothing is
// lost where the command line stops the kernel. Cost: O(n^2) in nodes, and linear in the pages of areas and in the log.
// No locks; it stands on holders.h and dangers.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "properties/board/holders.h"

namespace cma {

// Returns why the kernel reads nothing below /reserved-memory; empty if it does, or has nothing to read there.
std::string why_not_read(const BoardRun& run);
// Returns the nodes below /reserved-memory that are in use.
std::vector<std::size_t> available_nodes(const BoardRun& run);

// A node that the kernel passes over, with a line or without.
struct IgnoredNode {
  std::size_t node = 0;
  std::string why;
};
// Returns those nodes; none if nothing is read there at all.
std::vector<IgnoredNode> ignored_nodes(const BoardRun& run);

// Returns why a region did not become what its node says (explain/region_rule.h); empty if it did.
std::string why_failed(const BoardRun& run, const ReservedRegion& region);
// Returns whether a region did not become what its node says.
bool failed(const BoardRun& run, const ReservedRegion& region);

// An area that the kernel looks at itself and does not activate.
struct InactiveArea {
  AreaId area = 0;
  std::string why;
};
std::vector<InactiveArea> inactive_areas(const BoardRun& run);

// Returns names of all that is lost, and of all that is in danger (dangers.h) with each place, ascending: "node
// camera", "area reserved", "danger camera".
std::vector<std::string> lost(const BoardRun& run);
// Returns the name under which lost() has an area: that of its node if it has one.
std::string name_of_area(const BoardRun& run, AreaId area);

}  // namespace cma
