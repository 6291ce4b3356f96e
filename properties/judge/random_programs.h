// Random programs for the judge: operations from the same generator as for the fuzzers, on machines that a real kernel
// can have, places gathered where buffers are. What a program cannot be asked for (a page outside the areas, more
// memory than there is) is taken out again, so that every program is judged whole. A seed means the same program for
// ever. Cost: a run of the model for each operation that had to go, some milliseconds.
#pragma once

#include "properties/judge/compare.h"

namespace cma::judge {

Program random_program(std::uint64_t seed, std::size_t ops, KernelJudge& judge);

}  // namespace cma::judge
