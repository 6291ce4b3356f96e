// What a fuzz target makes of its input: always a program. Bytes are the byte form; text that parses is taken as text,
// so that the corpus replays as it is; expectations are left out, because they are about a program as it was written,
// not as mutation made it. Used by the program target, the mutator and `cmacheck` for crash inputs, so that all mean
// the same program. Cost: that of decoding.
#pragma once

#include <cstdint>
#include <span>

#include "properties/program/program.h"

namespace cma {

void program_from_input(Program& program, std::span<const std::uint8_t> input);

}  // namespace cma
