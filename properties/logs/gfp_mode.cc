#include "properties/logs/gfp_mode.h"

#include <algorithm>

#include "properties/logs/pattern.h"
#include "properties/logs/versions.h"

namespace cma::logs {
namespace {

// Names are printed since 4.6. Of 4.10 to 4.17 the numbers are not known well enough to exclude one.
constexpr Release kFirstWithNames = Release::v4_6;
constexpr ReleaseRange kUncertain{Release::v4_10, Release::v4_17};

// Returns whether the bits of the number that stayed the same in these versions are those of the names.
bool low_bits_fit(const GfpMode& mode) {
  constexpr std::uint64_t kept = 0xfffff;
  Gfp flags = 0;
  std::string_view names = mode.names;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('|'), names.size());
    const auto word = gfp_from_word(names.substr(0, end), Release::v4_18);
    if (!word) return true;
    flags |= *word;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return (gfp_value(flags, Release::v4_18) & kept) == (mode.number & kept);
}

bool prints_so(const GfpMode& mode, Release version) {
  if (version < kFirstWithNames) return mode.names.empty() && gfp_from_value(mode.number, version).has_value();
  if (kUncertain.contains(version)) return !mode.names.empty() && low_bits_fit(mode);
  const auto flags = gfp_from_value(mode.number, version);
  return flags && gfp_text(*flags, version) == mode.names;
}

}  // namespace

std::optional<GfpMode> read_mode(std::string_view text) {
  Match match;
  if (match_pattern("{mode:x}", text, 0, match) != Fit::whole) return std::nullopt;
  GfpMode mode;
  mode.number = match.fields[0].number;
  const std::string_view rest = text.substr(match.end);
  if (!rest.starts_with("(")) {
    mode.complete = rest.empty() || rest[0] == ',' || rest[0] == ' ';
    return mode;
  }
  const std::size_t close = rest.find(')');
  mode.complete = close != std::string_view::npos;
  mode.names = rest.substr(1, mode.complete ? close - 1 : std::string_view::npos);
  return mode;
}

std::optional<ReleaseRange> versions_of(const GfpMode& mode) {
  std::optional<ReleaseRange> range;
  for (const Release version : all_versions()) {
    if (!prints_so(mode, version)) continue;
    if (!range) range = ReleaseRange{version, version};
    range->last = version;
  }
  if (range && range->last == all_versions().back()) range->last.reset();
  return range;
}

std::optional<Gfp> flags_of(const GfpMode& mode, Release version) { return gfp_from_value(mode.number, version); }

}  // namespace cma::logs
