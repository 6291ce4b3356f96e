// The catalogue of laws: what must be true of a machine that programs run on, in which states a law is suspended and
// why, and when it is looked at. `cmacheck laws` prints it; README.md says which file checks which law. Constant data.
#pragma once

#include <span>
#include <string_view>

namespace cma {

struct LawInfo {
  std::string_view name;
  std::string_view sentence;   // what must be true
  std::string_view suspended;  // the states in which it is not asked for, and why; "never" if there are none
  std::string_view checked;    // when, and by whom if not by the audit
};

// Every law a finding can name, in the order in which people should read them.
std::span<const LawInfo> law_catalogue();
// Null if there is no law of this name.
const LawInfo* find_law(std::string_view name);

}  // namespace cma
