// The machines of fuzzers: the default small one, and variations of it with one oddity each. One byte names them all.
// Used by the byte form and the generator. Made once; looking one up costs nothing.
#pragma once

#include <string_view>

#include "allocator/base/geometry.h"

namespace cma {

// The list grows at its end only: numbers in saved bytes and seeds must go on to mean the same.
inline constexpr std::size_t kShapes = 16;
const Geometry& shape(std::size_t index, Release release);
// What is odd about it, in a few words.
std::string_view shape_note(std::size_t index);

}  // namespace cma
