// Which kernel the judge compares the model with: a release that ci/judge-kernel builds, and its pageblock order.
//
// The one list of them in C++: the command, tests and benchmarks ask here. A kernel that is listed need not be built on
// this machine; cached_kernel() (kernel_process.h) finds out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "allocator/base/release.h"

namespace cma::judge {

struct KernelConfig {
  Release release = Release::v6_1;
  unsigned pageblock_order = 9;
  friend bool operator==(const KernelConfig&, const KernelConfig&) = default;
};

// Returns "6.1 p9", as reports name it.
std::string name_of(const KernelConfig& config);

// Return what can be built, ascending.
std::span<const Release> judged_releases();
std::span<const unsigned> judged_pageblock_orders();
// Returns each judged release with each pageblock order.
std::vector<KernelConfig> judged_kernels();

}  // namespace cma::judge
