// What the machine prints of its memory.
//
// The machine has one MemoryReports, which reads all layers. O(pages + owners).
#pragma once

#include "allocator/reports/gather.h"

namespace cma {

class MemoryReports {
 public:
  // Refers to what `from` names, which outlives it.
  explicit MemoryReports(const FigureSources& from) : from_(from) {}

  // Returns the figures of the machine as it is now.
  MemoryFigures figures() const { return gather_figures(from_); }
  // Returns those that a report on a request would have.
  MemoryFigures figures_for(Gfp gfp) const { return gather_figures_for(from_, gfp); }

 private:
  FigureSources from_;
};

}  // namespace cma
