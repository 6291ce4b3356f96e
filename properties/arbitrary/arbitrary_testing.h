// Random programs, machines, stops and operations for RapidCheck. Programs shrink by the minimiser's own steps, so a
// failing property ends with a program of a few lines.
//
// The one weighted generator (program/generator.h) makes them: RapidCheck chooses a seed, and its size bounds the
// number of operations. Used by promises (promise_testing.h) and by other properties. Cost: the generator's; a list of
// steps for each shrink taken.
#pragma once

#include <iosfwd>

#include <rapidcheck.h>

#include "properties/program/generator.h"
#include "properties/program/random.h"

namespace cma {

// Which programs a property is about.
struct Programs {
  // The kinds of operations, the release, and whether machines differ. The number of operations follows the size.
  GeneratorOptions options;
  // Faults: drivers and file systems that refuse to move pages, fatal signals, areas whose bitmap cannot be allocated.
  bool faults = true;
  // Several actors, and operations that stop at points.
  bool interleaved = true;
  // Processes are killed on some machines when memory runs out.
  bool killing = true;
  // Memory is scarce: boot keeps most of what lies before the areas, and watermarks are anywhere up to what it leaves.
  // Half of the blocks that are asked for are kernel memory, some of them urgent.
  bool scarce = false;
  // Changes a drawn program into one that the property speaks of; nullptr: not at all. What is drawn for that is part
  // of the program from then on: it is saved with it, and stays while the program shrinks.
  void (*prepare)(Random& random, Program& program) = nullptr;
};

// Returns a generator of settled programs. Half of them have one actor, and half of them have no faults, where
// `programs` leaves the choice.
rc::Gen<Program> any_program(const Programs& programs = {});

// Operations with which a drawn program begins: they come after those of boot, in the order in which they are added.
class Story {
 public:
  explicit Story(Program& program);
  // Adds an operation and returns its result, for later ones to name.
  OpRef add(OpBody body, Performer performer = {}, Stop until = {});
  // Adds an actor to the program, on CPU 0.
  Performer another_actor();

 private:
  Program& program_;
  std::size_t next_;  // index of the operation that is added next
};

// Returns a generator of possible machines: any shape of any modelled release, or of the given one. They do not shrink.
rc::Gen<Geometry> any_machine(std::optional<Release> release = std::nullopt);
// Returns a generator of stops. They shrink to the first passing of the point.
rc::Gen<Stop> any_stop();
// Returns a generator of operations that make sense at the end of `program`, of any kind that programs perform after
// boot. They shrink by their arguments. The program outlives the generator.
rc::Gen<Op> any_op(const Program& program);

// Returns a set of kinds of operations: kinds_of<Pin, Unpin>().
template <class... Kinds>
KindSet kinds_of() {
  return (KindSet().set(kind_of<Kinds>()) | ...);
}
// Returns the kinds of operations that `Programs::faults` permits.
const KindSet& fault_kinds();
// Returns whether a program has such an operation, or an area whose bitmap cannot be allocated.
bool has_faults(const Program& program);
// Returns whether operations of a program may be interleaved: it has actors that differ, or stops.
bool is_interleaved(const Program& program);

// Tags the current case with the program's release, length, and what it contains (RC_CLASSIFY).
void classify(const Program& program);

// Prints the canonical text. RapidCheck shows counterexamples by this name.
void showValue(const Program& program, std::ostream& out);

}  // namespace cma

namespace rc {

template <>
struct Arbitrary<cma::Program> {
  static Gen<cma::Program> arbitrary() { return cma::any_program(); }
};

template <>
struct Arbitrary<cma::Stop> {
  static Gen<cma::Stop> arbitrary() { return cma::any_stop(); }
};

template <>
struct Arbitrary<cma::Geometry> {
  static Gen<cma::Geometry> arbitrary() { return cma::any_machine(); }
};

}  // namespace rc
