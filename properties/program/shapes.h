// The machines of fuzzers: the default small one, and variations of it with one oddity each, for every release. A
// number names them. Used by the byte form and the generator. Made once; a look-up costs nothing. Apart from these
// stand a few large machines without a number. They are drawn seldom, as a program on one costs many times as much.
#pragma once

#include <string_view>

#include "allocator/base/geometry.h"

namespace cma {

// The list grows at its end only: a number in saved bytes must keep its meaning.
inline constexpr std::size_t kShapes = 25;
// The shape that has one CPU.
inline constexpr std::size_t kOneCpuShape = 5;

// Returns a shape for a modelled release; `index` is taken modulo kShapes.
const Geometry& shape(std::size_t index, Release release);
// Returns what is odd about it, in a few words.
std::string_view shape_note(std::size_t index);

inline constexpr std::size_t kLargeShapes = 2;
// Returns a machine of real orders with an area of 96 MiB; `index` is taken modulo kLargeShapes.
const Geometry& large_shape(std::size_t index, Release release);

}  // namespace cma
