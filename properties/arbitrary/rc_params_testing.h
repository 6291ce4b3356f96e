// What RapidCheck reads from RC_PARAMS, checked before any property runs. It ignores a key that it does not know, so
// that a misspelt `max_sucess=100000` would run a thousand cases and report success; other errors fail each property.
//
// Used by the main function of property tests. Cost: nothing.
#pragma once

#include <string>
#include <string_view>

namespace cma {

// Returns a sentence on the problem with a value of RC_PARAMS; empty if RapidCheck understands all of it.
std::string problem_with_rc_params(std::string_view params);

}  // namespace cma
