// Random programs, swarm style: each seed picks a machine and a subset of the kinds of operations with weights of its
// own. The values of fields come from values.h. A seed gives the same program on every compiler (random.h). One program
// in 400 has a large machine (shapes.h); of those with room for them, one in 50 pins 30 pages one after the other.
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
  // Pages are reclaimed now and then. Otherwise one program in ten has that; no sequential one does.
  bool reclaim = false;
  // One program in 500 is as long as this, if it is more than max_ops.
  std::size_t longest = 0;
  // Requests for pages with flags of the kernel, and operations in the scopes of memalloc_nofs_save and its like; for
  // `kinds` that have the former. Otherwise one program in ten has them; no sequential one does.
  bool flags = false;
  // Some requests for pages are vmalloc's, if `kinds` has those. Otherwise one program in thirty has them; no
  // sequential one does.
  bool vmalloc = false;
  // The kernel kills processes where nothing else makes memory free. Otherwise one program in twelve has that; no
  // sequential one does, and none without `shapes`.
  bool killing = false;
};

// The length of the longest programs that campaigns ask for.
inline constexpr std::size_t kLongestProgram = 1500;

// How likely each kind of operation is; weight 0 is never. Weights are kept as running sums, because a draw happens for
// each operation and a binary search is cheaper than a walk.
class KindWeights {
 public:
  explicit KindWeights(const std::array<std::uint8_t, kOpKinds>& weights);
  // Returns a kind by weight; that of cma_alloc if all weights are 0.
  std::size_t draw(Random& random) const;

 private:
  std::array<std::uint16_t, kOpKinds> sums_;
};
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
