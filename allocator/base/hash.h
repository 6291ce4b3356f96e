// The hash of traces and of machine states: one multiplication a value.
//
// Tests, corpora and recorded schedules compare these hashes from run to run, so seed and step never change. They
// spread values well enough to tell two runs apart; they are no defence against an adversary.
#pragma once

#include <cstdint>

namespace cma {

inline constexpr std::uint64_t kHashSeed = 0xcbf29ce484222325ULL;

// Mixes one value into a hash that began as kHashSeed. Order counts.
constexpr void hash_step(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  hash ^= hash >> 29;
}

}  // namespace cma
