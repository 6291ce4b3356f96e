// Kernel versions as a log names them, and the line of versions that a range counts along.
//
// Used to find out which kernel a log is from. All functions are cheap.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/release.h"

namespace cma::logs {

// Returns every version that Release names, oldest first.
std::span<const Release> all_versions();
// Returns the version that a text begins with ("4.19.176-android" is 4.19); nullopt if it begins with none. A version
// that is newer than all known is the newest.
std::optional<Release> version_of(std::string_view text);
// Returns the modelled release that is nearest to a version, of two the older one.
Release nearest_modelled(Release version);
// Returns the range as text: "4.11 to 5.11", "5.13 or newer", "up to 4.5", "4.19".
std::string range_text(const ReleaseRange& range);

}  // namespace cma::logs
