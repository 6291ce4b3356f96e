// What each operation of a program did when it was performed: the points that it passed, whether it stopped where it
// was to, whether it was skipped and why. For tests of the generator, which hold it to what becomes of its programs.
//
// Passages is an observer, and watches the engine while a program runs. Cost: a few nanoseconds a point.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "properties/program/interpreter.h"

namespace cma {

// One operation in one run.
struct Passage {
  // By point: how often its actor passed it inside the operation; at most 255.
  std::array<std::uint8_t, kPoints> times{};
  // By point: how many other points it had passed when it came there first.
  std::array<std::uint8_t, kPoints> place{};
  std::uint8_t distinct = 0;
  // Whether its actor stopped where `until` says, before the program's operations were over.
  bool stopped = false;
};

class Passages : public Observer, private PointWatcher {
 public:
  // Requires: programs run in the interpreter whose world this is.
  explicit Passages(const World& world) : world_(world) {}

  // The operations of the last program, by their slots.
  const std::vector<Passage>& operations() const { return passages_; }

  void program_begins(Machine& machine) override;
  void op_performed(Machine& machine, std::size_t op) override;

 private:
  bool at_point(Point point) override;
  Slot slot_of(ActorId actor);

  const World& world_;
  const Engine* engine_ = nullptr;
  std::vector<Passage> passages_;
  Slot current_ = 0;
  // By actor: the operation that it began last, and the one whose `until` it has.
  std::vector<Slot> inside_;
  std::vector<Slot> asked_;
};

}  // namespace cma
