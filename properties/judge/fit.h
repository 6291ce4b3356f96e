// Brings a program into the form in which one of the judge's kernels can perform it, or returns why that is impossible.
//
// The kernel has one CPU, one zone and no user space: its processes are address spaces in which nothing runs. So a
// fitted program has the kernel's release and pageblock order, the faults that the release was shipped with, no rate
// limits, and no expectations, which were about another machine. A machine that the kernel cannot be given (hundreds of
// pages, pageblocks of 16) is replaced by one of 256 MiB with areas of the same names and order_per_bit. No operation
// is left out silently: one that cannot be performed makes the program not judgeable. Used before translate.h. Linear
// in the program.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "properties/judge/kernel_config.h"
#include "properties/program/program.h"

namespace cma::judge {

// Why the kernel cannot perform a program from its operation `op` on. There are few different reasons, so that they can
// be counted.
struct NotJudgeable {
  std::string reason;
  std::size_t op = 0;
};

struct Fitted {
  Program program;
  // Whether the program's machine was replaced.
  bool transposed = false;
};

// Returns the memory after the areas that stays free in a program that compacts; nullopt if it does not compact.
// Nothing else outside the areas is free then, so that both sides know all that compaction sees.
std::optional<PfnRange> arena_of(const Program& program);

// Lets time pass after each operation that reclaims, which may sleep for a moment before it ends.
void let_reclaim_end(Program& program);

// Returns the program as the kernel can perform it.
std::expected<Fitted, NotJudgeable> fit(const Program& program, const KernelConfig& config);

// Returns whether the kernel can be given this machine. Release and pageblock order are not compared.
bool can_have(const Geometry& machine, const KernelConfig& config);

// Returns the pageblocks that share a largest block with an area, ascending. They are taken out on both sides: whether
// they are free decides at which end of a list the area's blocks are put, and the rest of the memory is not the same on
// both sides.
std::vector<PfnRange> edges_of(const Geometry& machine);

// The handles of owned pages for which the driver is prepared, so that placing one allocates nothing else.
inline constexpr std::uint64_t kOwnedPageHandles = 4096;

// The files of a program, the pages of each, and the pages that it may read, for which the driver keeps buffers ready.
inline constexpr FileId kMostJudgedFiles = 16;
inline constexpr std::uint64_t kMostFileIndex = 512;
inline constexpr std::uint64_t kMostReadPages = 4096;

}  // namespace cma::judge
