// For targets whose input is a program, as bytes, and then a few bytes that choose what is done with it: so programs of
// the corpus are their seeds as they are, and the mutator of operations works on them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "fuzz/mutation/mutator.h"

namespace cma {

// Returns the program's bytes and the `tail` bytes after them; fewer of both if there are not so many.
inline std::pair<std::span<const std::uint8_t>, std::span<const std::uint8_t>> split_tail(
    std::span<const std::uint8_t> input, std::size_t tail) {
  const std::size_t kept = input.size() - std::min(tail, input.size());
  return {input.first(kept), input.subspan(kept)};
}

// Mutates the program at the beginning of `room`, of which `size` bytes are the input. Returns the new size. One of
// four times changes a byte of the tail too.
inline std::size_t mutate_before_tail(std::span<std::uint8_t> room, std::size_t size, std::size_t tail,
                                      std::uint64_t seed) {
  std::array<std::uint8_t, 8> choices{};
  if (room.size() < tail) return size;
  const std::size_t kept = size - std::min(tail, size);
  std::copy_n(room.begin() + static_cast<std::ptrdiff_t>(kept), size - kept, choices.begin());
  if (tail != 0 && seed % 4 == 0) choices[seed / 4 % tail] = static_cast<std::uint8_t>(seed >> 8);
  const std::size_t made = mutate_bytes(room.data(), kept, room.size() - tail, seed);
  std::copy_n(choices.begin(), tail, room.begin() + static_cast<std::ptrdiff_t>(made));
  return made + tail;
}

}  // namespace cma
