#include "properties/board/why_not.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "allocator/base/error.h"
#include "properties/board/explainer.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// How many ranges of a kind an explanation lists.
constexpr std::size_t kListedRanges = 6;

// Returns the bytes that count of a free range, from an aligned address on. Boot gives nothing away from the first page
// of all.
std::uint64_t usable(const ByteRange& free, std::uint64_t alignment) {
  const std::uint64_t first = align_up(std::max(free.start, std::uint64_t{1}), alignment);
  return first >= free.start && first < free.end ? free.end - first : 0;
}

// Returns the parts of the ranges that lie in this one.
std::vector<ByteRange> parts_in(const std::vector<ByteRange>& ranges, const ByteRange& within) {
  std::vector<ByteRange> parts;
  for (const ByteRange& range : ranges)
    if (const ByteRange part = common_part(range, within); part.size() != 0) parts.push_back(part);
  return parts;
}

// Returns what lies between the ranges, which are ascending.
std::vector<ByteRange> gaps_between(const std::vector<ByteRange>& ranges, const ByteRange& within) {
  std::vector<ByteRange> gaps;
  std::uint64_t next = within.start;
  for (const ByteRange& range : ranges) {
    if (next < range.start) gaps.push_back({next, range.start});
    next = range.end;
  }
  if (next < within.end) gaps.push_back({next, within.end});
  return gaps;
}

}  // namespace

bool Explainer::try_change(const std::string& text, const std::string& subject, const Trials::Change& change,
                           const Trials::Place& place) {
  std::optional<std::string> remedy = trials_.remedy(text, subject, change, place);
  if (!remedy) return false;
  answers_.back().remedies.push_back(std::move(*remedy));
  return true;
}

// Adds what was free in a range that was searched, and what has the rest.
void Explainer::add_places(const ByteRange& searched, const std::vector<ByteRange>& free, std::uint64_t alignment) {
  WhyNot& answer = answers_.back();
  const Machine& machine = run_.machine();
  const ByteRange within = common_part(bytes_of(machine, machine.memblock.memory()), searched);
  const char* none = searched.end <= searched.start ? ": an empty range" : ": there is no memory";
  answer.evidence.push_back(fmt::format("searched {}{}", addresses_text(searched), within.size() == 0 ? none : ""));
  std::vector<ByteRange> rooms = parts_in(free, within);
  const std::vector<ByteRange> taken = gaps_between(rooms, within);
  std::ranges::sort(rooms, [&](const ByteRange& a, const ByteRange& b) {
    const std::uint64_t counts_a = usable(a, alignment);
    const std::uint64_t counts_b = usable(b, alignment);
    return std::tie(counts_b, a.start) < std::tie(counts_a, b.start);
  });
  for (std::size_t i = 0; i < std::min(rooms.size(), kListedRanges); ++i)
    answer.evidence.push_back(fmt::format("  {} is free: {} of it after alignment", addresses_text(rooms[i]),
                                          size_text(usable(rooms[i], alignment))));
  for (std::size_t i = 0; i < std::min(taken.size(), kListedRanges); ++i)
    answer.evidence.push_back(fmt::format("  {}: {}", addresses_text(taken[i]), holders_of(run_, taken[i])));
}

// Returns the most that is free in a row in a range from an aligned address on, in whole units, and no more than an
// area may have.
std::uint64_t Explainer::most_free(const ByteRange& searched, const std::vector<ByteRange>& free,
                                   std::uint64_t alignment) const {
  std::uint64_t most = 0;
  for (const ByteRange& room : parts_in(free, searched))
    most = std::max(most, align_down(usable(room, alignment), unit_of(run_.machine())));
  return std::min(most, most_for_an_area(run_.machine()));
}

// Tries a table with room for all areas that were refused for lack of it.
void Explainer::add_slot_remedy(const std::string& subject, const Trials::Place& place) {
  std::size_t wanted = run_.machine().areas.size();
  for (const ReservedRegion& region : regions_of(run_)) wanted += region.area_error == -kENOSPC ? 1 : 0;
  for (const AreaAttempt& attempt : run_.attempts()) wanted += attempt.error == -kENOSPC ? 1 : 0;
  const auto slots = static_cast<unsigned>(std::min(wanted, kMostAreas));
  try_change(
      fmt::format("with CONFIG_CMA_AREAS={}", slots - areas_beyond(run_.board().geometry.release)), subject,
      [&](Board& b) { b.geometry.max_areas = slots; }, place);
}

std::vector<WhyNot> Explainer::explain() {
  explain_tree();
  for (const IgnoredNode& ignored : ignored_nodes(run_)) explain_ignored(ignored);
  for (const ReservedRegion& region : regions_of(run_))
    if (failed(run_, region)) explain_region(region);
  for (const AreaAttempt& attempt : run_.attempts())
    if (attempt.error != 0) explain_attempt(attempt);
  for (const InactiveArea& inactive : inactive_areas(run_)) explain_inactive(inactive);
  for (const Danger& danger : dangers(run_)) explain_danger(danger);
  return std::move(answers_);
}

std::vector<WhyNot> explain_boot(const BoardRun& run) { return Explainer(run).explain(); }

}  // namespace cma
