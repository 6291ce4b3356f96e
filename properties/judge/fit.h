// Brings a program into the form in which one of the judge's kernels can perform it, or says why that cannot be.
//
// The kernel has one CPU, one zone and no user space (its processes are address spaces that nobody runs in). So a
// fitted program has the kernel's release and pageblock order, the faults that release was shipped with, no rate
// limits, and no expectations, which were about another machine. A machine that the kernel cannot be given (pages by
// the hundred, pageblocks of 16) is replaced: the operations are performed on areas of the same names and order_per_bit
// on a machine of 256 MiB. Nothing is left out of a program silently: what cannot be performed makes the program not
// judgeable. Used before translate.h. Linear in the program.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "properties/judge/kernel_config.h"
#include "properties/program/program.h"

namespace cma::judge {

// Why a program, from its operation `op` on, cannot be performed by the kernel. Reasons are few, so that they can be
// counted.
struct NotJudgeable {
  std::string reason;
  std::size_t op = 0;
};

struct Fitted {
  Program program;
  // The program's own machine could not be had.
  bool transposed = false;
};

// Memory behind the areas, for programs that compact: nothing else outside the areas is free then, so that both sides
// know all that compaction sees. nullopt where a program does not.
std::optional<PfnRange> arena_of(const Program& program);

std::expected<Fitted, NotJudgeable> fit(const Program& program, const KernelConfig& config);

// Whether the kernel can be given this machine, but for its release and pageblock order.
bool can_have(const Geometry& machine, const KernelConfig& config);

// What lies beside an area in the same largest block, by pageblocks, ascending. Whether it is free decides at which end
// of a list the area's blocks are put; since the rest of the memory is not the same on both sides, it is taken out.
std::vector<PfnRange> edges_of(const Geometry& machine);

// Names of owned pages that the driver has prepared for, so that placing one allocates nothing else.
inline constexpr std::uint64_t kOwnedPageHandles = 4096;

}  // namespace cma::judge
