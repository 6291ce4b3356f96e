// The flags of a request for pages as a line of a log has them: "0x484020(GFP_ATOMIC|__GFP_COMP)".
//
// Numbers and names changed over the versions, so a mode tells which versions a log can be from. Used to find the
// kernel, and by the explanation of requests for pages. Cost: a text for each version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "allocator/base/gfp.h"
#include "allocator/base/release.h"

namespace cma::logs {

struct GfpMode {
  std::uint64_t number = 0;
  std::string names;      // as printed; empty if there are none
  bool complete = false;  // whether nothing of it was cut off
};

// Returns the mode that a text begins with; nullopt if there is none.
std::optional<GfpMode> read_mode(std::string_view text);
// Returns the versions that print the mode so, from the first to the last; nullopt if none does.
std::optional<ReleaseRange> versions_of(const GfpMode& mode);
// Returns the flags that the number has in a version; nullopt if it has other ones.
std::optional<Gfp> flags_of(const GfpMode& mode, Release version);

}  // namespace cma::logs
