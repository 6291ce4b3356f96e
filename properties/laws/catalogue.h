// The catalogue of laws: what each law demands, in which states it is suspended and why, when it is checked, and which
// functions check it. `cmacheck laws` prints the sentences, README.md has the table of functions. Constant data.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "properties/program/law.h"

namespace cma {

struct LawInfo {
  Law law;
  std::string_view sentence;   // what must be true
  std::string_view suspended;  // the states in which less is asked for, and why; "never" if there are none
  std::string_view checked;    // when, and by what if not by the audit
};

// A function that can find a law broken.
struct LawCheck {
  Law law;
  std::string_view function;  // with its class
  std::string_view file;      // from the root of the repository
};

// Returns every law, in the order of the enumerators, which is the order to read them in.
std::span<const LawInfo> law_catalogue();
// Returns null for what is no law: Law::crash, hang, judge and splat.
const LawInfo* find_law(Law law);

// Returns the functions that check the laws, by law. A test compares them with the sources.
std::span<const LawCheck> law_checks();
// Returns the table of README.md that names for each law the files and functions that check it.
std::string law_reference();

}  // namespace cma
