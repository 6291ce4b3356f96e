// The machines of fuzzers: the default small one, and variations of it with one oddity each, for every release. A
// number names them. Used by the byte form and the generator. Made once; a look-up costs nothing.
#pragma once

#include <string_view>

#include "allocator/base/geometry.h"

namespace cma {

// The list grows at its end only: a number in saved bytes must keep its meaning.
inline constexpr std::size_t kShapes = 16;
// The shape that has one CPU.
inline constexpr std::size_t kOneCpuShape = 5;

// Returns a shape for a modelled release; `index` is taken modulo kShapes.
const Geometry& shape(std::size_t index, Release release);
// Returns what is odd about it, in a few words.
std::string_view shape_note(std::size_t index);

}  // namespace cma
