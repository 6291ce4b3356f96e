// How properties of this project go to RapidCheck: 1,000 cases unless RC_PARAMS asks for others, without a line a case;
// and how a planted mistake must be noticed.
//
// Used by promises (promise_testing.h) and stateful properties (state_testing.h). Cost: that of the cases.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rapidcheck.h>

#include "allocator/base/bug.h"

namespace cma {

// A mistake in the model, and the release in which a property must notice it; any release if none is given.
struct Planted {
  Planted(Bug planted, std::optional<Release> in = std::nullopt) : bug(planted), release(in) {}
  Bug bug;
  std::optional<Release> release;
};

// Returns what RC_PARAMS asks for. Requires: problem_with_rc_params() has no objection.
rc::detail::Configuration trial_configuration();
// Runs the cases of a property. `id` is what RapidCheck's `reproduce` names it by.
rc::detail::TestResult try_cases(const std::string& id, const std::function<void()>& property,
                                 const rc::detail::Configuration& configuration = trial_configuration());
// Runs 1,000 cases of a property on machines with a mistake, and fails the GoogleTest unless one of them fails by an
// assertion. An exception does not count: it shows that the property itself stumbles.
void expect_noticed(const std::string& id, const Planted& planted, const std::function<void()>& property);
// Returns the mistakes that CMACHECK_PLANT=NAME,NAME asks to plant in place of a property's own, on each modelled
// release; none without it. Requires: the main function has checked the names.
std::vector<Planted> planted_by_environment();
// Returns the first of the names in a list that no mistake has; empty if there is none.
std::string unknown_mistake(std::string_view list);
// Prints after how many cases a property notices a mistake; nothing if it does not. Runs as many cases as RC_PARAMS
// asks for.
void report_noticed(const std::string& id, const Planted& planted, const std::function<void()>& property);
// Returns RapidCheck's report of a result.
std::string text_of(const rc::detail::TestResult& result);
// Returns the value of RC_PARAMS that makes RapidCheck repeat a failure.
std::string repeat_params(const std::string& id, const rc::detail::FailureResult& failure);

}  // namespace cma
