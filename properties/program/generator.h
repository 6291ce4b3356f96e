// Random programs, swarm style: each seed picks a machine and a subset of the kinds of operations with weights of its
// own. The values of fields come from values.h. A seed gives the same program on every compiler (random.h).
//
// Used by property tests, by campaigns, by mutators (single operations) and by the kernel comparison, which limits the
// kinds. Cost: a few hundred nanoseconds an operation.
#pragma once

#include <array>

#include "properties/program/program.h"
#include "properties/program/random.h"

namespace cma {

struct GeneratorOptions {
  std::size_t min_ops = 1;
  std::size_t max_ops = 32;         // min_ops if that is more; those of boot are counted, but never cut short
  std::size_t actors = 2;           // at most
  std::optional<Release> release;   // any modelled one if not given
  bool shapes = true;               // machines other than the default small one too, and varied ones
  KindSet kinds = KindSet().set();  // besides cma_alloc, cma_release, and those of boot, which it does not bind
  // One CPU performs everything: no actors, no stops, no operations of boot.
  bool sequential = false;
  // Machines with transparent huge pages, and processes that use them. Otherwise one program in twenty has them; no
  // sequential one does.
  bool huge_pages = false;
  // Memory is compacted now and then. Otherwise one program in ten has that.
  bool compaction = false;
};

// How likely each kind of operation is; 0 is never.
using KindWeights = std::array<std::uint8_t, kOpKinds>;
// Draws the weights of one program.
KindWeights swarm_weights(Random& random, const GeneratorOptions& options);

// Gives a machine what no shape has: larger pages, addresses or longs of 32 bits, a second node. Requires: the machine
// is a shape.
void vary_machine(Random& random, Geometry& machine);

// Returns the program of a seed, settled. Unless it is sequential, one program in twenty begins with one to five
// operations of boot.
Program generate(std::uint64_t seed, const GeneratorOptions& options = {});

// Returns an operation that makes sense at the end of `program`: its operands are results that exist there, if any do.
Op generate_op(Random& random, const Program& program, const KindWeights& weights,
               const GeneratorOptions& options = {});

}  // namespace cma
