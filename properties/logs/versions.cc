#include "properties/logs/versions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace cma::logs {
namespace {

struct Series {
  unsigned major;
  unsigned first;
  unsigned last;
};
constexpr Series kSeries[] = {{3, 5, 19}, {4, 0, 20}, {5, 0, 19}, {6, 0, 19}, {7, 0, 3}};

constexpr Release release_of(unsigned major, unsigned minor) { return static_cast<Release>(major * 100 + minor); }

constexpr std::size_t count_versions() {
  std::size_t count = 0;
  for (const Series& series : kSeries) count += series.last - series.first + 1;
  return count;
}

constexpr auto make_versions() {
  std::array<Release, count_versions()> versions{};
  std::size_t next = 0;
  for (const Series& series : kSeries)
    for (unsigned minor = series.first; minor <= series.last; ++minor)
      versions[next++] = release_of(series.major, minor);
  return versions;
}

constexpr auto kVersions = make_versions();

// Reads up to three digits; nullopt if there are none.
std::optional<unsigned> short_number(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  unsigned value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 4)
    value = value * 10 + static_cast<unsigned>(text[at++] - '0');
  if (at == begin || at - begin > 3) return std::nullopt;
  return value;
}

// Returns how many versions lie between two.
std::size_t distance(Release one, Release other) {
  const auto versions = all_versions();
  const auto at = [&](Release version) { return std::ranges::lower_bound(versions, version) - versions.begin(); };
  return static_cast<std::size_t>(std::max(at(one), at(other)) - std::min(at(one), at(other)));
}

}  // namespace

std::span<const Release> all_versions() { return kVersions; }

std::optional<Release> version_of(std::string_view text) {
  std::size_t at = 0;
  const auto major = short_number(text, at);
  if (!major || at >= text.size() || text[at] != '.') return std::nullopt;
  const auto minor = short_number(text, ++at);
  if (!minor) return std::nullopt;
  if (*major < 3 || *major > 20 || (*major == 3 && *minor < 5) || *minor >= 100) return std::nullopt;
  const Release version = release_of(*major, *minor);
  if (version > all_versions().back()) return all_versions().back();
  return std::ranges::binary_search(all_versions(), version) ? std::optional(version) : std::nullopt;
}

Release nearest_modelled(Release version) {
  const std::vector<Release> releases = releases_by_age();
  return *std::ranges::min_element(releases, {}, [version](Release release) { return distance(release, version); });
}

std::string range_text(const ReleaseRange& range) {
  if (!range.last) return name_of(range.first) + " or newer";
  if (range.first == all_versions().front()) return "up to " + name_of(*range.last);
  if (range.first == *range.last) return name_of(range.first);
  return name_of(range.first) + " to " + name_of(*range.last);
}

}  // namespace cma::logs
