// What the forecast draws: results and actors for the next operation.

#include <algorithm>
#include <array>
#include <ranges>

#include "properties/program/forecast.h"

namespace cma {
namespace {

// Of a hundred operands, how many may be gone or of another sort; and how many more may never have been obtained.
constexpr unsigned kAnyPercent = 4;
constexpr unsigned kDoubtfulPercent = 5;

}  // namespace

// --- results ---

// Draws a result, more often a late one; 0 if none fits.
template <class Fits>
OpId Forecast::draw_result(Random& random, Fits fits) const {
  const auto count = static_cast<std::uint64_t>(std::ranges::count_if(known_, fits));
  if (count == 0) return 0;
  const std::uint64_t one = random.below(count);
  std::uint64_t skip = std::min(one, random.below(count));
  for (const Known& known : known_ | std::views::reverse)
    if (fits(known) && skip-- == 0) return known.id;
  return 0;
}

OpId Forecast::operand(Random& random, std::size_t kind, Yields wanted) const {
  const auto of_kind = [&](const Known& known) {
    return known.id != 0 && (wanted == Yields::nothing || known.yields == wanted);
  };
  if (random.chance(kAnyPercent)) return draw_result(random, of_kind);
  const bool risk = random.chance(kDoubtfulPercent);
  const auto fits = [&](const Known& known) {
    return of_kind(known) && known.standing == Standing::held && suits(kind, known);
  };
  const OpId sure = draw_result(random, fits);
  if (sure != 0 && !risk) return sure;
  const auto may_fit = [&](const Known& known) {
    return of_kind(known) && known.standing == Standing::doubtful && suits(kind, known);
  };
  const OpId unsure = draw_result(random, may_fit);
  if (unsure == 0) return sure;
  // Where all are doubtful another kind of operation is the better choice, most of the time.
  return sure != 0 || random.chance(20) ? unsure : OpId{0};
}

OpId Forecast::other_process_with(Random& random, OpId mapping) const {
  const Known* mapped = find(mapping);
  if (mapped == nullptr) return 0;
  // The line of those that forked it leads to the maker, and left it after the mapping was made.
  const auto has = [&](const Known& known) {
    if (known.yields != Yields::process || known.standing != Standing::held) return false;
    const Known* ancestor = &known;
    while (ancestor != nullptr && ancestor->of != mapped->of) ancestor = find(ancestor->of);
    return ancestor != nullptr && ancestor->born > mapped->born;
  };
  return draw_result(random, has);
}

OpId Forecast::lru_pages(Random& random) const {
  return draw_result(random, [this](const Known& known) { return on_lru(known); });
}

bool Forecast::on_lru(const Known& known) const {
  const bool pages = known.yields == Yields::pages || known.yields == Yields::mapping;
  return pages && known.standing == Standing::held && known.sort != Sort::unmovable && known.sort != Sort::movable &&
         known.sort != Sort::hugetlb && known.sort != Sort::huge;
}

std::optional<Place> Forecast::referenced(Random& random) const {
  if (referenced_.empty()) return std::nullopt;
  return referenced_[random.below(referenced_.size())];
}

bool Forecast::sensible(std::size_t kind) const {
  const Release release = program_.machine.release;
  if (kind == kind_of<Resume>()) return stopped_performers() > 0;
  if (kind == kind_of<IoDone>()) return io_ > 0;
  if (kind == kind_of<PutPage>()) return !referenced_.empty();
  // One actor at a time writes to the files of areas.
  if (kind == kind_of<DebugfsAlloc>() || kind == kind_of<DebugfsFree>())
    return !any_inside({kind_of<DebugfsAlloc>(), kind_of<DebugfsFree>()});
  const bool on_lists = kind == kind_of<LruOp<LruVerb::mark_accessed>>() ||
                        kind == kind_of<LruOp<LruVerb::deactivate>>() ||
                        kind == kind_of<LruOp<LruVerb::deactivate_file>>();
  if (on_lists) return std::ranges::any_of(known_, [this](const Known& known) { return on_lru(known); });
  if (kind == kind_of<CachesOff>()) return release >= Release::v5_13;
  if (kind == kind_of<RunKswapd>()) return release >= Release::v4_8 && !any_inside({kind});
  return true;
}

// --- actors ---

std::size_t Forecast::performers() const {
  return static_cast<std::size_t>(program_.machine.cpus) + program_.actors.size();
}

Performer Forecast::performer_at(std::size_t index) const {
  const auto cpus = static_cast<std::size_t>(program_.machine.cpus);
  return index < cpus ? Performer::on_cpu(static_cast<int>(index)) : Performer::actor(index - cpus);
}

bool Forecast::idle(Performer performer) const { return actors_[performer.code].activity == Activity::idle; }

std::size_t Forecast::idle_performers() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < performers(); ++i) count += idle(performer_at(i)) ? 1 : 0;
  return count;
}

std::size_t Forecast::stopped_performers() const {
  return static_cast<std::size_t>(std::ranges::count(actors_, Activity::stopped, &Actor::activity));
}

std::size_t Forecast::waiting_performers() const {
  return static_cast<std::size_t>(std::ranges::count(actors_, Activity::waiting, &Actor::activity));
}

bool Forecast::waits_for_io() const {
  return std::ranges::find(actors_, Activity::waiting_for_io, &Actor::activity) != actors_.end();
}

template <class Fits>
std::optional<Performer> Forecast::draw_performer(Random& random, Fits fits) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < performers(); ++i) count += fits(performer_at(i)) ? 1 : 0;
  if (count == 0) return std::nullopt;
  std::uint64_t skip = random.below(count);
  for (std::size_t i = 0; i < performers(); ++i)
    if (fits(performer_at(i)) && skip-- == 0) return performer_at(i);
  return std::nullopt;
}

std::optional<Performer> Forecast::any_stopped(Random& random) const {
  const Activity wanted = stopped_performers() > 0 ? Activity::stopped : Activity::perhaps_inside;
  return draw_performer(random, [&](Performer performer) { return actors_[performer.code].activity == wanted; });
}

std::optional<Performer> Forecast::any_idle(Random& random) const {
  return draw_performer(random, [&](Performer performer) { return idle(performer); });
}

namespace {

// Kinds that programs have seldom, and that pass most of their points seldom: the points are drawn alike more often, or
// they would hardly ever be stopped at.
constexpr std::array kExplored = {
    kind_of<Compact>(),     kind_of<DirectReclaim>(), kind_of<AllocPages>(),
    kind_of<AllocGfp>(),    kind_of<PinLongterm>(),   kind_of<MappingOp<MappingVerb::mlock>>(),
    kind_of<HugetlbGrow>(), kind_of<SplitHuge>(),     kind_of<MmapHuge>(),
    kind_of<Vmalloc>(),     kind_of<AllocRange>()};

}  // namespace

Stop Forecast::draw_stop(Random& random, const Op& op) const {
  const bool resumes = info_of(op).performed == Performed::resuming;
  const Actor& actor = actors_[op.performer.code];
  const PassedBy by = resumes ? actor.by : PassedBy{op.body.index(), prospect(op), program_.machine.release};
  constexpr unsigned kAlikeOfExplored = 45;
  const bool explored = std::ranges::find(kExplored, by.kind) != kExplored.end();
  const unsigned alike = explored ? kAlikeOfExplored : kDrawnAlike;
  return likely_stop(random, passed_points(by), resumes ? actor.standing : Point::kCount, alike);
}

}  // namespace cma
