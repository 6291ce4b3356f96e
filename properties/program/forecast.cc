#include "properties/program/forecast.h"

#include <algorithm>
#include <limits>
#include <ranges>

#include "properties/program/forecast_reading.h"
#include "properties/program/op_kinds.h"

namespace cma {
namespace {

// An actor is taken to have stopped if so many of a hundred such operations come to its stop; if fewer than the other
// bound do, to have ended.
constexpr unsigned kSurelyStops = 60;
constexpr unsigned kMayStop = 15;
// And to wait for a lock if so many come to it: one that is thought to wait is left alone, which costs little.
constexpr unsigned kMayWait = 30;

// Returns the areas that a zone's border cuts: boot cannot activate them.
std::uint16_t cut_areas(const Geometry& machine) {
  std::uint16_t cut = 0;
  if (machine.zones.size() < 2) return cut;
  for (std::size_t area = 0; area < std::min(machine.areas.size(), Forecast::kTrackedAreas); ++area)
    for (const ZoneSpec& zone : machine.zones) {
      const Pfn border = zone.range.start;
      if (border > machine.areas[area].base && border < machine.areas[area].base + machine.areas[area].pages)
        cut |= static_cast<std::uint16_t>(1U << area);
    }
  return cut;
}

}  // namespace

// --- from program to forecast ---

Forecast::Forecast(const Program& program) : program_(program), areas_(program.machine) {
  const Geometry& machine = program.machine;
  memory_ = machine.memory.pages();
  for (const AreaSpec& area : machine.areas) memory_ -= std::min(memory_, area.pages);
  broken_areas_ = cut_areas(machine);
  for (const std::uint16_t area : program.failing_bitmaps)
    if (area < kTrackedAreas) broken_areas_ |= static_cast<std::uint16_t>(1U << area);
}

Forecast::Forecast(const Program& program, std::size_t ops) : Forecast(program) {
  known_.reserve(ops);
  for (std::size_t i = 0; i < ops; ++i) add(program.ops[i]);
}

void Forecast::add(const Op& op) {
  ++operations_;
  const OpInfo& info = info_of(op);
  if (std::holds_alternative<SleepOp>(op.body))
    for (Actor& actor : actors_)
      if (actor.activity == Activity::sleeping) finish(actor);
  const Reading reading(op.body);
  highest_ = std::max({highest_, op.id, reading.highest});
  if (info.any_time) return;
  switch (info.performed) {
    case Performed::by_actor: return perform(op, reading);
    case Performed::resuming: return resume(op);
    case Performed::without_actor: break;
  }
  if (performable(op, reading)) return remember(op, outcome(op, reading));
  remember(op, {.standing = Standing::gone});
}

OpId Forecast::unused_id() const {
  return highest_ < std::numeric_limits<OpId>::max() ? static_cast<OpId>(highest_ + 1) : program_.unused_id();
}

// --- actors ---

void Forecast::perform(const Op& op, const Reading& reading) {
  Actor& actor = actors_[op.performer.code];
  const bool busy = actor.activity != Activity::idle && actor.activity != Activity::perhaps_inside;
  if (busy || !performable(op, reading)) return remember(op, {.standing = Standing::gone});
  actor = {};
  actor.takes = locks_taken(op, reading.chosen, program_.machine.release);
  if (!is_one_of<DebugfsFree>(op) || has_much_to_do(op, reading)) actor.awaits = locks_awaited(op, actor.takes);
  actor.until = op.until;
  const Known* worked_on = find(reading.first());
  if (worked_on != nullptr) actor.process = worked_on->yields == Yields::process ? worked_on->id : worked_on->of;
  if (reading.in != 0) actor.process = reading.in;
  actor.works_on = reading.first();
  const bool contended = (held_by_others(actor) & actor.awaits) != 0;
  const Prospect expected = op.until.wanted() || contended ? prospect(op, reading) : Prospect::plain;
  actor.by = {op.body.index(), expected, program_.machine.release};
  if (op.until.wanted()) actor.meets = in_the_way(op, reading);
  if (actor.meets == 0) actor.meets = actor.works_on;
  const bool slow_io = worked_on != nullptr && waits_on_slow_io(op, *worked_on);
  const Known made = outcome(op, reading);
  actor.after = made.standing;
  note_effects(op, reading, made);
  give_back(op, reading);
  if (info_of(op).yields != Yields::nothing) {
    actor.made = known_.size();
    remember(op, made);
  }
  if (!slow_io) return run_on(actor);
  actor.activity = Activity::waiting_for_io;
  if (actor.made) known_[*actor.made].standing = Standing::under_way;
}

// Resumes an actor that stands at a point.
void Forecast::resume(const Op& op) {
  Actor& actor = actors_[op.performer.code];
  if (actor.activity != Activity::stopped && actor.activity != Activity::perhaps_inside) return;
  actor.until = op.until;
  run_on(actor);
  run_waiters();
}

// Lets an actor run to its stop, if it is likely to come there, to a lock that another one holds, or to its end.
void Forecast::run_on(Actor& actor) {
  const LockSet lock = lock_in_the_way(actor);
  const unsigned share = actor.until.wanted() ? share_stopped(passed_points(actor.by), actor.until, actor.standing) : 0;
  if (lock == 0 && share < kMayStop) {
    // kswapd sleeps before it ends.
    if (actor.by.kind != kind_of<RunKswapd>()) return finish(actor);
    actor.activity = Activity::sleeping;
    return;
  }
  if (lock != 0) {
    actor.activity = Activity::waiting;
    actor.since = operations_;
    actor.holds = lock == kLruDrain || lock == kPcpDrain ? actor.takes & kCmaMutex : 0;
  } else {
    actor.activity = share >= kSurelyStops ? Activity::stopped : Activity::perhaps_inside;
    actor.standing = actor.until.point;
    actor.holds = locks_held(actor.standing, actor.takes);
  }
  if (!actor.made) return;
  const bool perhaps = actor.activity == Activity::perhaps_inside;
  known_[*actor.made].standing = perhaps ? Standing::doubtful : Standing::under_way;
}

void Forecast::finish(Actor& actor) {
  if (actor.made && known_[*actor.made].standing != Standing::gone) known_[*actor.made].standing = actor.after;
  actor = {};
}

// Lets those run on whose lock nothing holds any more, the one that has waited longest first. Each that does may let
// others, or take the lock itself.
void Forecast::run_waiters() {
  const auto next = [this] {
    Actor* longest = nullptr;
    for (Actor& actor : actors_) {
      if (actor.activity != Activity::waiting || lock_in_the_way(actor) != 0) continue;
      if (longest == nullptr || actor.since < longest->since) longest = &actor;
    }
    return longest;
  };
  for (Actor* actor = next(); actor != nullptr; actor = next()) run_on(*actor);
}

void Forecast::complete_io(std::uint64_t times) {
  io_ -= std::min(io_, times);
  for (Actor& actor : actors_)
    if (actor.activity == Activity::waiting_for_io) run_on(actor);
  run_waiters();
}

// Returns whether an actor is inside an operation of one of these kinds.
bool Forecast::any_inside(std::initializer_list<std::size_t> kinds) const {
  return std::ranges::any_of(actors_, [&](const Actor& actor) {
    return actor.activity != Activity::idle && std::ranges::find(kinds, actor.by.kind) != kinds.end();
  });
}

LockSet Forecast::held_by_others(const Actor& actor) const {
  LockSet held = 0;
  for (const Actor& other : actors_) {
    const bool inside = other.activity == Activity::stopped || other.activity == Activity::waiting;
    if (&other == &actor || !inside || other.holds == 0) continue;
    LockSet holds = other.holds;
    if (other.process == 0 || other.process != actor.process) holds &= ~kSpaceLock;
    if (!share_pages(other.meets, actor.works_on)) holds &= ~kPageLock;
    held |= holds;
  }
  return held;
}

// Returns a lock that the actor comes to before it stops, and that another one holds; 0 if there is none.
LockSet Forecast::lock_in_the_way(const Actor& actor) const {
  const LockSet contended = held_by_others(actor) & actor.awaits;
  if (contended == 0) return 0;
  const std::span<const PassedPoint> points = passed_points(actor.by);
  const bool stops = actor.until.wanted() && share_stopped(points, actor.until, actor.standing) >= kSurelyStops;
  const bool allocates = actor.by.kind == kind_of<CmaAlloc>() || actor.by.kind == kind_of<DebugfsAlloc>();
  const bool fails_at_once = allocates && actor.by.prospect == Prospect::doubtful;
  for (const LockPoint& each : kLockPoints) {
    if ((contended & each.lock) == 0) continue;
    if (!lies_ahead(points, Point::kCount, each.taken)) {
      // It is taken without a point: at the beginning, as far as one knows.
      if (actor.standing == Point::kCount && !fails_at_once) return each.lock;
      continue;
    }
    if (share_stopped(points, {.point = each.taken}) < kMayWait) continue;
    if (!lies_ahead(points, actor.standing, each.taken)) continue;
    const bool before = stops && actor.until.point != each.taken && lies_ahead(points, actor.until.point, each.taken);
    if (!before) return each.lock;
  }
  return 0;
}

Prospect Forecast::prospect(const Op& op) const { return prospect(op, Reading(op.body)); }

Prospect Forecast::prospect(const Op& op, const Reading& reading) const {
  if (!performable(op, reading)) return Prospect::doubtful;
  // A drain of pages that finds another one under way ends there.
  const bool drains = is_one_of<DrainOp<DrainKind::everything>, DrainOp<DrainKind::pages>>(op);
  if (drains && (held_by_others(actors_[op.performer.code]) & kPcpDrain) != 0) return Prospect::doubtful;
  const bool yields = info_of(op).yields != Yields::nothing;
  if (yields && standing_after(op, reading) == Standing::doubtful) return Prospect::doubtful;
  if (in_the_way(op, reading) != 0) return Prospect::in_way;
  if (reading.chosen) return Prospect::moves;
  if (has_much_to_do(op, reading)) return Prospect::large;
  if (!takes_from_area(op) && !is_one_of<AllocRange>(op)) return Prospect::plain;
  // Pages that may be anywhere come to lie in areas where much of the other memory is taken.
  return in_areas_ > 0 || movable_used_ > memory_ / 8 ? Prospect::moves : Prospect::plain;
}

// Returns whether an operation has pages to work on: others of its kind may have none, or a single one.
bool Forecast::has_much_to_do(const Op& op, const Reading& reading) const {
  const Known* named = find(reading.first());
  const auto any_held = [this](auto fits) {
    return std::ranges::any_of(known_,
                               [&](const Known& known) { return known.standing == Standing::held && fits(known); });
  };
  if (is_one_of<FreePages>(op)) return named->pages > 1;
  if (is_one_of<DebugfsFree>(op)) return areas_.has_debugfs(reading.target);
  if (is_one_of<Fork, ExitProcess>(op))
    return any_held([&](const Known& known) { return known.yields == Yields::mapping && known.of == named->id; });
  if (is_one_of<FileOp<FileVerb::truncate>, FileOp<FileVerb::drop>>(op))
    return any_held([&](const Known& known) { return known.yields == Yields::pages && known.of == named->id; });
  if (is_one_of<Compact, DirectReclaim>(op)) return any_held([this](const Known& known) { return on_lru(known); });
  // Memory that a fork shares is copied when it is written to.
  if (is_one_of<MappingOp<MappingVerb::write>>(op))
    return any_held([&](const Known& known) {
      return known.yields == Yields::process && known.of == named->of && known.born > named->born;
    });
  return false;
}

// Returns a result whose pages, which move, lie where the operation will take its own; 0 if there is none.
OpId Forecast::in_the_way(const Op& op, const Reading& reading) const {
  if (in_areas_ == 0) return 0;
  if (reading.chosen) {
    const std::optional<AreaForecast::Piece> frames = areas_.page_at(reading.named);
    return frames ? pages_that_move_at(frames->area, frames->start, reading.pages) : OpId{0};
  }
  if (!is_one_of<CmaAlloc, DebugfsAlloc>(op) || reading.target.declared || !usable_area(reading.target)) return 0;
  const std::optional<std::uint64_t> window = areas_.window(reading.target, reading.pages, reading.align);
  return window ? pages_that_move_at(reading.target, *window, reading.pages) : OpId{0};
}

// Returns a result whose pages move and were put on these frames of an area; 0 if there is none.
OpId Forecast::pages_that_move_at(AreaRef area, std::uint64_t start, std::uint64_t pages) const {
  const auto found = std::ranges::find_if(known_, [&](const Known& known) {
    if (!known.in_area || known.standing != Standing::held) return false;
    const std::optional<AreaForecast::Piece> at = areas_.page_at(known.at);
    return at && at->area == area && at->start < start + pages && start < at->start + known.pages;
  });
  return found == known_.end() ? OpId{0} : found->id;
}

// Returns whether two results may have pages in common: one is the other, or is made of it.
bool Forecast::share_pages(OpId one, OpId other) const {
  if (one == 0 || other == 0) return false;
  const Known* first = find(one);
  const Known* second = find(other);
  return one == other || (first != nullptr && first->of == other) || (second != nullptr && second->of == one);
}

// Returns whether an operation waits for I/O of a slow file, under way or its own.
bool Forecast::waits_on_slow_io(const Op& op, const Known& worked_on) const {
  if (!worked_on.slow) return false;
  if (const auto* read = std::get_if<ReadFile>(&op.body)) return !read->readahead;
  if (is_one_of<BufferRead>(op)) return true;
  return io_ > 0 && is_one_of<FileOp<FileVerb::truncate>, FreeOwned, FilePagesOp<FilePagesVerb::writeback>>(op);
}

void Forecast::remember(const Op& op, Known known) {
  const OpInfo& info = info_of(op);
  if (info.yields == Yields::nothing) return;
  known.id = op.id;
  known.yields = info.yields;
  known.born = operations_;
  known_.push_back(known);
}

}  // namespace cma
