// Random programs for the judge: operations from the fuzzers' generator on machines that a real kernel can have, with
// places moved to where buffers are. Operations that cannot be judged (a page outside the areas, more memory than there
// is) are removed again, so that every program is judged whole. Half of the programs get a machine that is put together
// at random (areas side by side, seven of them, large ones, bits up to a pageblock), which the kernel boots once to
// show that it can be given it. Equal seeds make equal programs. Cost: a run of the model for each operation that is
// removed, some milliseconds.
#pragma once

#include "properties/judge/compare.h"

namespace cma::judge {

Program random_program(std::uint64_t seed, std::size_t ops, KernelJudge& judge);

}  // namespace cma::judge
