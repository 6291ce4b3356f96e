// Which kinds of operations a random program has, and how often: swarm style, a subset with weights for each program.
//
// A part of the generator (generator.h), which draws a kind for each operation. Cost of a draw: a binary search.
#pragma once

#include <array>

#include "properties/program/op.h"
#include "properties/program/random.h"

namespace cma {

struct GeneratorOptions;

// How likely each kind of operation is; weight 0 is never. Weights are kept as running sums, because a draw happens for
// each operation and a binary search is cheaper than a walk.
class KindWeights {
 public:
  explicit KindWeights(const std::array<std::uint8_t, kOpKinds>& weights);
  // Returns a kind by weight; that of cma_alloc if all weights are 0.
  std::size_t draw(Random& random) const;
  bool has(std::size_t kind) const { return sums_[kind] != (kind == 0 ? 0 : sums_[kind - 1]); }

 private:
  std::array<std::uint16_t, kOpKinds> sums_;
};
// Draws the weights of one program.
KindWeights swarm_weights(Random& random, const GeneratorOptions& options);

}  // namespace cma
