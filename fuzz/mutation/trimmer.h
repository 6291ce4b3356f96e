// Trims an input operation by operation, for AFL++, which keeps a cut if the input still reaches the same code. A cut
// of bytes would turn the rest into another program. Runs of operations go first, the longest and last ones before
// others. Used by afl_mutator.cc. Cost: an encoding a cut, about twice as many cuts as operations.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "properties/program/program.h"

namespace cma {

class Trimmer {
 public:
  // Begins with an input.
  void begin(std::span<const std::uint8_t> input);
  // Returns the input after the next cut, never longer than the input was; nullptr if no cut is left.
  const std::vector<std::uint8_t>* next() const { return candidate_ ? &bytes_ : nullptr; }
  // Takes the verdict on what next() returned, and makes the next cut. Requires: next() is not nullptr.
  void judged(bool kept);

 private:
  // Looks for the next cut that makes the input no longer.
  void prepare();

  std::size_t limit_ = 0;
  std::size_t length_ = 0;  // of the runs that are cut now; 0 when all were tried
  std::size_t end_ = 0;     // of the next run
  Program program_;         // with the cuts that were kept
  std::optional<Program> candidate_;
  std::vector<std::uint8_t> bytes_;  // of the candidate
};

}  // namespace cma
