// What a fuzz target makes of its input: always a program. Text that parses is the program it says, so that the corpus
// replays as it is. Bytes are the byte form, made fit for hunting: without expectations, as these are about a program
// as it was written and not as mutation made it; without bugs, as hunts switch on the ones they want; without requests
// for very many pages, as these take all the time.
//
// Used by the program target, the mutator and `cmacheck` for crash inputs, so that all mean the same program. Cost:
// that of decoding.
#pragma once

#include <cstdint>
#include <span>

#include "properties/program/program.h"

namespace cma {

void program_from_input(Program& program, std::span<const std::uint8_t> input);

}  // namespace cma
