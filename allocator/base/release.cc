#include "allocator/base/release.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "allocator/base/assert.h"

namespace cma {
namespace {

constexpr std::array kModelledReleases = {
    Release::v3_6,
    Release::v4_9,
    Release::v4_19,
    Release::v5_10,
    Release::v6_1,
    Release::v6_12,
    Release::v5_15,
    Release::v6_6,
#ifdef CMACHECK_INVENTED_RELEASE
    // A test adds one release to the list, to show that nothing else needs to know of it; see CMakeLists.txt.
    Release::CMACHECK_INVENTED_RELEASE,
#endif
};

}  // namespace

std::span<const Release> modelled_releases() { return kModelledReleases; }

std::vector<Release> releases_by_age() {
  std::vector<Release> releases(kModelledReleases.begin(), kModelledReleases.end());
  std::sort(releases.begin(), releases.end());
  return releases;
}

std::size_t index_of(Release release) {
  const auto found = std::find(kModelledReleases.begin(), kModelledReleases.end(), release);
  CMA_ASSERT(found != kModelledReleases.end());
  return static_cast<std::size_t>(found - kModelledReleases.begin());
}

std::string name_of(Release release) {
  const auto version = static_cast<unsigned>(release);
  return std::to_string(version / 100) + "." + std::to_string(version % 100);
}

std::ostream& operator<<(std::ostream& out, Release release) { return out << name_of(release); }

std::optional<Release> release_from_name(std::string_view name) {
  for (const Release release : kModelledReleases)
    if (name_of(release) == name) return release;
  return std::nullopt;
}

}  // namespace cma
