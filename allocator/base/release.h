// The kernel release a machine models. Two releases that do a thing differently are two functions side by side, named
// for the release that introduced the behaviour; `release >= Release::v6_1` and the like choose between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cma {

// In order of time, so that comparison means "not older than". What came between two of them is asked of the later one:
// a change of 5.14 is one of 6.1 here, and names in the code tell the release that really brought it.
enum class Release : std::uint8_t { v3_6, v4_9, v4_19, v5_10, v6_1, v6_12 };

inline constexpr std::array<std::pair<Release, std::string_view>, 6> kReleaseNames = {{
    {Release::v3_6, "3.6"},
    {Release::v4_9, "4.9"},
    {Release::v4_19, "4.19"},
    {Release::v5_10, "5.10"},
    {Release::v6_1, "6.1"},
    {Release::v6_12, "6.12"},
}};
// The releases a machine can run today, oldest first.
inline constexpr std::array<Release, 6> kModelledReleases = {Release::v3_6,  Release::v4_9, Release::v4_19,
                                                             Release::v5_10, Release::v6_1, Release::v6_12};

constexpr std::string_view name_of(Release release) { return kReleaseNames[static_cast<unsigned>(release)].second; }

constexpr std::optional<Release> release_from_name(std::string_view name) {
  for (const auto& [release, text] : kReleaseNames)
    if (text == name) return release;
  return std::nullopt;
}

}  // namespace cma
