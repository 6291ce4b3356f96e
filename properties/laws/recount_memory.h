// Recounts for law `views`: what /proc/meminfo and /proc/vmstat should contain, worked out page by page without the
// code that makes those files (allocator/reports/). O(pages of the machine).
#pragma once

#include <string>

#include "allocator/machine.h"

namespace cma {

std::string recounted_meminfo(const Machine& machine);
std::string recounted_vmstat(const Machine& machine);

}  // namespace cma
