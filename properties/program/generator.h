// Random programs, swarm style: each seed picks a machine, a subset of the kinds of operations with weights of its own,
// and arguments near the places where things change. A seed means the same program for ever (random.h).
//
// Used by property tests, by campaigns, and by mutators, which take single operations and arguments from here.
// Cost: a few hundred nanoseconds an operation.
#pragma once

#include <array>

#include "properties/program/program.h"
#include "properties/program/random.h"

namespace cma {

struct GeneratorOptions {
  std::size_t min_ops = 1;
  std::size_t max_ops = 32;
  std::size_t actors = 2;          // at most
  std::optional<Release> release;  // any that is modelled
  bool shapes = true;              // machines other than the default small one too
  // Only what a real kernel can be asked to do in the same way: one CPU, one actor, no stops; the machine is the small
  // one with one CPU. properties/judge puts such operations on machines that a kernel can have.
  bool judgeable = false;
  // Machines with transparent huge pages, and processes that use them. Otherwise one program in twenty has them.
  bool huge_pages = false;
  // Memory is compacted now and then. Otherwise one program in ten has that.
  bool compaction = false;
};

// How likely each kind of operation is; 0 is never.
using KindWeights = std::array<std::uint8_t, kOpKinds>;
KindWeights swarm_weights(Random& random, const GeneratorOptions& options);

Program generate(std::uint64_t seed, const GeneratorOptions& options = {});

// An operation that would make sense at the end of `program`: operands are results that exist there where any do.
Op generate_op(Random& random, const Program& program, const KindWeights& weights,
               const GeneratorOptions& options = {});
// Gives one field of the operation at `index` another value.
void change_argument(Random& random, Program& program, std::size_t index);

}  // namespace cma
