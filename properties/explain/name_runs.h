// Lists of names that count upwards, in a few words: "d1 to d191". Used by what lists holders (why_area.h,
// zone_holders.h). Cost: O(n log n) in the names; for output only. No locks; it stands on nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cma {

// Returns whether a name comes before another: numbers in names are compared as numbers, so that d2 comes before d10.
bool comes_before(std::string_view name, std::string_view other);
// Returns the name with '#' for each number in it: names that count upwards have the same.
std::string without_numbers(std::string_view name);
// Returns the names in their order: from three on that count upwards in one number as a run, "d1 to d9"; at most four
// runs and names, and how many more names there are. Requires: there is a name.
std::string names_in_runs(std::vector<std::string> names);

}  // namespace cma
