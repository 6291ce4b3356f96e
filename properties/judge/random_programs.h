// Random programs for the judge: operations from the fuzzers' generator on machines that a real kernel can have, with
// places moved to where buffers are. Operations that cannot be judged (a page outside the areas, more memory than there
// is) are removed again, so that every program is judged whole. Half of the programs get a machine that is put together
// at random (areas side by side, seven of them, large ones, bits up to a pageblock), which the kernel boots once to
// show that it can be given it. Equal seeds make equal programs. Cost: a run of the model for each operation that is
// removed, some milliseconds.
#pragma once

#include "properties/judge/compare.h"
#include "properties/program/generator.h"

namespace cma::judge {

Program random_program(std::uint64_t seed, std::size_t ops, KernelJudge& judge);

// Returns a machine with which every kernel boots.
Geometry plain_judged_machine(const KernelConfig& config);
// Returns a machine as these programs have it. Whether a kernel boots with it is not known yet.
Geometry any_judged_machine(Random& random, const KernelConfig& config);
// Returns such a program of at most `ops` operations as it is generated: without a kernel, so with operations that
// cannot be judged.
Program generate_for_kernel(std::uint64_t seed, std::size_t ops, const KernelConfig& config);
// Brings a program of any origin as near to one that can be judged as it may come without a kernel: on a machine that
// `config` can have, by one CPU that never stops, with places in areas. Requires that the program is settled.
void confine_for_kernel(Program& program, const KernelConfig& config);
// Returns what mutators may put into programs for a kernel.
GeneratorOptions generated_for_kernel();

}  // namespace cma::judge
