// Reads a fuzz target's input, which is always a program. Text that parses is that program, so that the corpus replays
// as it is. Any other input is the byte form, made fit for hunting: it loses
//   - its expectations, which are about the program as it was written, not as it was mutated;
//   - its bugs, as hunts switch on those they want;
//   - requests for very many pages, which would take all the time;
//   - a vendor's sweeps without limit, which a lasso ends sooner or later: mainline refused them for that.
//
// Used by the program target, the mutator and `cmacheck` for crash inputs, so that an input is the same program for
// all. Cost: that of decoding.
#pragma once

#include <cstdint>
#include <span>

#include "properties/program/byte_form.h"
#include "properties/program/program.h"

namespace cma {

// Replaces `program` by the one that the input stands for. Reuses its memory.
void program_from_input(Program& program, std::span<const std::uint8_t> input, const ByteLimits& limits = kFuzzLimits);

}  // namespace cma
