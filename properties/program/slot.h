// What an operation is given when it is performed: the world, and its own place in the program.
#pragma once

#include <cstdint>

namespace cma {

class World;
// Index of an operation in its program, and of its result.
using Slot = std::uint32_t;

}  // namespace cma
