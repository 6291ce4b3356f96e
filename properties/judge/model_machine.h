// Makes the two sides equal before a program begins: which machine the model takes for the kernel's, and what the
// kernel is asked to prepare.
//
// A kernel keeps part of the memory for itself and sizes its per-CPU lists by the rest. A first boot of each machine
// reports these figures (compare.h), and the model takes them over. Used by translate.h and compare.h. Cost: linear in
// the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/program/program.h"

namespace cma::judge {

// The sizes that a kernel has computed for a machine, as its operations `zone abs` and `pcp` report them.
struct KernelFigures {
  std::uint64_t free_pages = 0;
  std::uint64_t free_cma = 0;
  int pcp_batch = 0;
  int pcp_high = 0;
  int pcp_high_min = 0;
  int pcp_high_max = 0;
};

// Returns the lines that the kernel gets before the first operation: what to report, and to have ready what operations
// of the program would otherwise allocate on their way.
std::vector<std::string> setup_of(const Program& program);

// Returns the machine on which the model runs the program.
Geometry model_machine(const Program& fitted, const KernelFigures& figures);

}  // namespace cma::judge
