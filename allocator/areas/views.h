// The files an engineer looks at, in the kernel's own text: debugfs and sysfs of an area, /proc/buddyinfo and
// /proc/pagetypeinfo. Reading changes nothing. O(size of the area or zone).
#pragma once

#include <optional>
#include <string>

#include "allocator/areas/areas.h"

namespace cma {

// Content of a file, or nullopt if there is no such file. Known: "cma/NAME/FILE" (debugfs: base_pfn, count,
// order_per_bit, used, maxchunk, bitmap), "sys/NAME/alloc_pages_success|alloc_pages_fail" (5.13), "buddyinfo",
// "pagetypeinfo".
std::optional<std::string> read_view(const Areas& areas, const Buddy& buddy, const MemoryMap& map, Release release,
                                     const std::string& path);

std::string buddyinfo(const Buddy& buddy);
std::string pagetypeinfo(const Buddy& buddy, const MemoryMap& map);

}  // namespace cma
