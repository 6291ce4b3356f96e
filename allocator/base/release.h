// The kernel version that a machine models, and the versions at which the kernel changed. Every layer includes it.
//
// A Release is a version, major.minor, and comparison is by age. A condition names the version that brought a change,
// whether a machine can run it or not: `release >= Release::v5_13` is true of 6.1, and of a 5.15 on the day that one is
// modelled. Where long-term series took a change over, since() names them, too:
// `since(release, Release::v6_3, {Release::v6_1})` is true of 6.1, false of 6.2, and true from 6.3 on. Releases that
// differ in more have functions of their own, named for the version that brought the difference (`alloc_v5_19`), or for
// the oldest such series, where mainline's next version is not modelled (`scan_v6_12`: 6.13).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cma {

// Every version since the first with CMA; the value is 100 * major + minor.
// clang-format off: one paragraph per series
enum class Release : std::uint16_t {
  v3_5 = 305, v3_6 = 306, v3_7 = 307, v3_8 = 308, v3_9 = 309, v3_10 = 310, v3_11 = 311, v3_12 = 312, v3_13 = 313,
  v3_14 = 314, v3_15 = 315, v3_16 = 316, v3_17 = 317, v3_18 = 318, v3_19 = 319,
  v4_0 = 400, v4_1 = 401, v4_2 = 402, v4_3 = 403, v4_4 = 404, v4_5 = 405, v4_6 = 406, v4_7 = 407, v4_8 = 408,
  v4_9 = 409, v4_10 = 410, v4_11 = 411, v4_12 = 412, v4_13 = 413, v4_14 = 414, v4_15 = 415, v4_16 = 416, v4_17 = 417,
  v4_18 = 418, v4_19 = 419, v4_20 = 420,
  v5_0 = 500, v5_1 = 501, v5_2 = 502, v5_3 = 503, v5_4 = 504, v5_5 = 505, v5_6 = 506, v5_7 = 507, v5_8 = 508,
  v5_9 = 509, v5_10 = 510, v5_11 = 511, v5_12 = 512, v5_13 = 513, v5_14 = 514, v5_15 = 515, v5_16 = 516, v5_17 = 517,
  v5_18 = 518, v5_19 = 519,
  v6_0 = 600, v6_1 = 601, v6_2 = 602, v6_3 = 603, v6_4 = 604, v6_5 = 605, v6_6 = 606, v6_7 = 607, v6_8 = 608,
  v6_9 = 609, v6_10 = 610, v6_11 = 611, v6_12 = 612, v6_13 = 613, v6_14 = 614, v6_15 = 615, v6_16 = 616, v6_17 = 617,
  v6_18 = 618, v6_19 = 619,
  v7_0 = 700, v7_1 = 701, v7_2 = 702, v7_3 = 703,
};
// clang-format on

// The versions from `first` to `last`, both included; without `last`, all since `first`.
struct ReleaseRange {
  Release first;
  std::optional<Release> last = std::nullopt;

  constexpr bool contains(Release release) const { return first <= release && (!last || release <= *last); }
};

// Returns whether a release has a change: mainline has it from `brought` on, and each of the older series in
// `took_over` by one of its stable releases, of which a machine models the last. A version between two series, which
// ended before the change came, does not have it.
constexpr bool since(Release release, Release brought, std::initializer_list<Release> took_over) {
  if (release >= brought) return true;
  for (const Release series : took_over)
    if (release == series) return true;
  return false;
}

// Returns the releases that a machine can run, in the order in which they came to the model. The byte form of programs
// writes the index, so the list grows at its end only. Everything that enumerates releases reads it.
std::span<const Release> modelled_releases();
// Returns the modelled releases, oldest first.
std::vector<Release> releases_by_age();
// Returns the index in modelled_releases(). Requires a modelled release.
std::size_t index_of(Release release);

// Returns the version as text: "5.10".
std::string name_of(Release release);
// Prints the name, so that tests name their releases.
std::ostream& operator<<(std::ostream& out, Release release);
// Returns the modelled release of that name, nullopt if there is none.
std::optional<Release> release_from_name(std::string_view name);

}  // namespace cma
