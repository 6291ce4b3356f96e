// The main function of property tests: refuses an RC_PARAMS that RapidCheck would misunderstand and a CMACHECK_PROGRAM
// that is no program, and a CMACHECK_PLANT that names no mistake; then runs the tests.

#include <cstdio>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>

#include "properties/arbitrary/rc_params_testing.h"
#include "properties/arbitrary/saved_program_testing.h"
#include "properties/arbitrary/trial_testing.h"

namespace {

// Returns the problem with the environment; empty if there is none.
std::string problem() {
  if (const char* params = std::getenv("RC_PARAMS"))
    if (std::string wrong = cma::problem_with_rc_params(params); !wrong.empty()) return wrong;
  if (const char* file = std::getenv("CMACHECK_PROGRAM"))
    if (const auto program = cma::read_saved_program(file); !program) return "CMACHECK_PROGRAM: " + program.error();
  if (const char* list = std::getenv("CMACHECK_PLANT"))
    if (const std::string name = cma::unknown_mistake(list); !name.empty())
      return "CMACHECK_PLANT: there is no mistake \"" + name + "\"; `cmacheck bugs` lists them";
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (const std::string wrong = problem(); !wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    return 2;
  }
  return RUN_ALL_TESTS();
}
