// What is known of each modelled release: how its behaviour was found out, and which kernels in the field are like it.
//
// Used by the command `releases`. One list, in standing.cc; a test compares it with the modelled ones. Cost: none.
#pragma once

#include <span>
#include <string_view>

#include "allocator/base/release.h"

namespace cma {

struct Standing {
  Release release;
  // The best there is: "judged" by a kernel built for it, "recorded" answers of one, "read" in its source, "recalled".
  std::string_view truth;
  std::string_view evidence;  // what that rests on, and the differences found so far
  std::string_view kernels;   // in the field, of vendors and distributions
};

// Returns a row for each modelled release, oldest first.
std::span<const Standing> standings();

}  // namespace cma
