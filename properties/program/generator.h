// Random programs, swarm style: each seed picks a machine and a subset of the kinds of operations with weights of its
// own. The values of fields come from values.h. A seed gives the same program on every compiler (random.h). One program
// in 400 has a large machine (shapes.h); of those with room for them, one in 50 pins 30 pages one after the other.
//
// Used by property tests, by campaigns, by mutators (single operations) and by the kernel comparison, which limits the
// kinds. Cost: a few hundred nanoseconds an operation.
#pragma once

#include <optional>

#include "properties/program/forecast.h"
#include "properties/program/kind_weights.h"

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
  // Pages that reports count, and operations on many pages of a result, in place of others. Otherwise one program in
  // thirty has them; no sequential one does.
  bool counted = false;
  // The kernel kills processes where nothing else makes memory free. Otherwise one program in twelve has that; no
  // sequential one does, and none without `shapes`.
  bool killing = false;
};

// The length of the longest programs that campaigns ask for.
inline constexpr std::size_t kLongestProgram = 1500;

// Gives a machine what no shape has: larger pages, addresses or longs of 32 bits, a second node. Requires: the machine
// is a shape.
void vary_machine(Random& random, Geometry& machine);

// Returns the program of a seed, settled. Unless it is sequential, one program in twenty begins with one to five
// operations of boot.
Program generate(std::uint64_t seed, const GeneratorOptions& options = {});

// Returns an operation that makes sense at the end of `program`, most of the time: its operands are held there, its
// actor is inside no other operation, and its stop lies where such operations pass. README.md has the shares of those
// that do not.
Op generate_op(Random& random, const Program& program, const KindWeights& weights,
               const GeneratorOptions& options = {});
// The same for the program of the forecast.
Op generate_op(Random& random, const Forecast& forecast, const KindWeights& weights,
               const GeneratorOptions& options = {});

}  // namespace cma
