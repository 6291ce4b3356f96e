// What operations obtain: a part of the forecast.

#include <algorithm>
#include <ranges>

#include "properties/program/forecast_reading.h"
#include "properties/program/op_kinds.h"

namespace cma {

using Standing = Forecast::Standing;

// --- results, and what applies to them ---

const Forecast::Known* Forecast::find(OpId id) const {
  if (id == 0) return nullptr;
  const auto found = std::ranges::find(known_ | std::views::reverse, id, &Known::id);
  return found == known_.rend() ? nullptr : &*found;
}

Forecast::Known* Forecast::find_known(OpId id) { return const_cast<Known*>(find(id)); }

bool Forecast::alive(OpId process) const {
  const Known* known = find(process);
  return known != nullptr && known->yields == Yields::process && Forecast::may_be_held(*known);
}

// Returns whether an operation of this kind applies to such a result.
bool Forecast::suits(std::size_t kind, const Known& known) const {
  if (kind == kind_of<BufferOp<BufferVerb::put>>() && known.counts == 0) return false;
  // A read that waits needs another actor that completes it.
  if (kind == kind_of<BufferRead>() && known.slow && idle_performers() < 2) return false;
  if (kind == kind_of<ExitProcess>())
    return std::ranges::none_of(
        actors_, [&](const Actor& actor) { return actor.activity != Activity::idle && actor.process == known.id; });
  if (known.yields == Yields::process) return true;
  return applies_to(kind, known.sort);
}

// Returns whether the operation is probably not skipped, its actor aside.
bool Forecast::performable(const Op& op, const Reading& reading) const {
  for (std::size_t i = 0; i < reading.count; ++i) {
    const Known* known = find(reading.operands[i]);
    if (known == nullptr || !Forecast::may_be_held(*known) || !suits(op.body.index(), *known)) return false;
    if (known->yields == Yields::mapping && !alive(reading.in != 0 ? reading.in : known->of)) return false;
  }
  if (reading.named.kind != Place::Kind::result) return true;
  const Known* known = find(reading.named.result.id);
  return known != nullptr && Forecast::may_be_held(*known);
}

// --- outcomes ---

namespace {

// Returns whether a declaration is one that boot can follow, most of the time.
bool can_be_declared(const Geometry& machine, std::uint64_t base, std::uint64_t size) {
  const std::uint64_t unit = machine.isolation_unit() << machine.page_shift();
  const std::uint64_t memory = machine.memory.end << machine.page_shift();
  return size != 0 && size % unit == 0 && size < memory / 2 && base % unit == 0 && base < memory;
}

// Returns whether pages of such a result can be moved.
bool pages_move(Yields yields, Sort sort) {
  return (yields == Yields::pages || yields == Yields::mapping) && sort != Sort::unmovable;
}

Standing if_held(bool held) { return held ? Standing::held : Standing::doubtful; }

}  // namespace

// Returns what the result of an operation is, and what it stands at when the operation has ended.
Forecast::Known Forecast::outcome(const Op& op, const Reading& reading) const {
  Known made;
  made.sort = sort_made_by(op);
  made.pages = reading.pages;
  if (const auto* file = std::get_if<OpenFile>(&op.body)) made.slow = file->slow;
  const Known* from = find(reading.first());
  if (from != nullptr && info_of(op).yields != Yields::pin) {
    made.of = from->id;
    if (from->yields == Yields::file) {
      made.sort = from->sort;
      made.slow = from->slow;
    }
  }
  if (const auto* read = std::get_if<BufferRead>(&op.body)) made.counts = read->keep ? 1 : 0;
  if (is_one_of<MmapHuge>(op)) made.pages *= order_pages(program_.machine.huge_page_order());
  if (is_one_of<AllocPages, AllocGfp>(op))
    made.pages = reading.order < kOrderLimit ? order_pages(static_cast<unsigned>(reading.order)) : 0;
  if (takes_from_area(op)) made.area = reading.target;
  made.chosen = reading.chosen;
  made.at = reading.named;
  made.in_area = reading.chosen && pages_move(info_of(op).yields, made.sort) && inside_an_area(reading.named);
  made.standing = standing_after(op, reading);
  return made;
}

Standing Forecast::standing_after(const Op& op, const Reading& reading) const {
  const Geometry& machine = program_.machine;
  switch (info_of(op).yields) {
    case Yields::nothing:
    case Yields::process:
    case Yields::file: return Standing::held;
    case Yields::buffer: return buffer_standing(op, reading);
    case Yields::block:
      return if_held(reading.order <= machine.largest_order &&
                     used_ + order_pages(static_cast<unsigned>(reading.order)) < memory_ / 8 * 5);
    case Yields::range: return range_standing(reading);
    case Yields::mapping: return mapping_standing(op, reading);
    case Yields::pages:
      if (is_one_of<HugetlbPagesUsed>(op)) return if_held(pool_ > 0);
      if (reading.chosen) return if_held(reading.named.kind != Place::Kind::result && !frames_are_taken(reading));
      return if_held(used_ < memory_);
    // A page of an area or a frame may well be free.
    case Yields::pin:
      return if_held(reading.named.kind == Place::Kind::none || reading.named.kind == Place::Kind::result);
    case Yields::area: break;
  }
  if (const auto* area = std::get_if<Declare>(&op.body))
    return if_held(can_be_declared(machine, area->base, area->size) && area->limit == 0 && !area->fixed);
  if (const auto* region = std::get_if<Region>(&op.body))
    return if_held(can_be_declared(machine, region->base == kNotGiven ? 0 : region->base, region->size) &&
                   region->shared_dma_pool && region->reusable && !region->no_map);
  return Standing::doubtful;
}

bool Forecast::usable_area(AreaRef area) const {
  if (!area.declared && area.id >= program_.machine.areas.size()) return false;
  if (!area.declared) return area.id >= kTrackedAreas || (broken_areas_ >> area.id & 1U) == 0;
  const Known* known = find(area.id);
  return known != nullptr && known->standing == Standing::held;
}

Standing Forecast::buffer_standing(const Op& op, const Reading& reading) const {
  if (is_one_of<DmaBuffer>(op)) return Standing::held;
  if (reading.pages == 0 || !usable_area(reading.target)) return Standing::doubtful;
  if (reading.align > program_.machine.largest_order + 1) return Standing::doubtful;
  if (reading.target.declared) return if_held(reading.pages <= program_.machine.isolation_unit());
  return if_held(areas_.window(reading.target, reading.pages, reading.align).has_value());
}

// Returns whether frames that the program chose are a buffer's.
bool Forecast::frames_are_taken(const Reading& reading) const {
  const std::optional<AreaForecast::Piece> frames = areas_.page_at(reading.named);
  return frames && !areas_.is_free(frames->area, frames->start, reading.pages);
}

Standing Forecast::range_standing(const Reading& reading) const {
  return if_held(reading.pages <= program_.machine.isolation_unit() && !inside_an_area(reading.named));
}

Standing Forecast::mapping_standing(const Op& op, const Reading& reading) const {
  if (is_one_of<MmapHuge>(op)) return if_held(program_.machine.transparent_hugepages && !reading.chosen);
  if (is_one_of<MmapShared>(op)) return Standing::held;
  if (reading.chosen) return if_held(reading.pages <= 2);
  return if_held(reading.pages < memory_ - std::min(memory_, used_));
}

bool Forecast::inside_an_area(const Place& place) const {
  if (place.kind == Place::Kind::area) return true;
  if (place.kind == Place::Kind::result) {
    const Known* known = find(place.result.id);
    return known != nullptr && (known->in_area || known->yields == Yields::buffer);
  }
  if (place.kind != Place::Kind::pfn) return false;
  return std::ranges::any_of(program_.machine.areas, [&](const AreaSpec& area) {
    return place.offset >= area.base && place.offset < area.base + area.pages;
  });
}

}  // namespace cma
