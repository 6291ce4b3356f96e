#include "properties/program/world.h"

#include <algorithm>

#include "allocator/areas/area_files.h"

namespace cma {

World::World() = default;

void World::begin(const Program& program, Machine& machine, Observer& observer, bool output_wanted) {
  program_ = &program;
  machine_ = &machine;
  observer_ = &observer;
  keep_output = output_wanted;
  pieces.clear();
  owner_of.clear();
  got.clear();
  held_buffers.clear();
  debugfs_inside.clear();
  boot.reset();
  output.clear();
  log_cursor = 0;
  trace_cursor = 0;
  pointers.clear();
  sleep = 0;
  skipped = 0;
  results_.assign(program.ops.size(), Result{});
  if (++stamp_ == 0) {
    stamp_of_.assign(stamp_of_.size(), 0);
    stamp_ = 1;
  }
  for (Slot slot = 0; slot < program.ops.size(); ++slot) {
    const OpId id = program.ops[slot].id;
    if (id == 0) continue;
    if (id >= slot_of_.size()) {
      slot_of_.resize(std::size_t{id} + 1, 0);
      stamp_of_.resize(std::size_t{id} + 1, 0);
    }
    slot_of_[id] = slot;
    stamp_of_[id] = stamp_;
  }
}

Result* World::find(OpRef operand) {
  if (operand.id >= slot_of_.size() || stamp_of_[operand.id] != stamp_) return nullptr;
  Result& found = results_[slot_of_[operand.id]];
  return found.state == Result::State::not_performed ? nullptr : &found;
}

const Result* World::find(OpRef operand) const { return const_cast<World*>(this)->find(operand); }

namespace {

// Returns whether operations may use the result.
bool usable(const Result& result, Yields wanted) {
  if (result.yields != wanted || result.gone) return false;
  if (result.state == Result::State::done) return true;
  return result.state == Result::State::failed && result.yields == Yields::pages && result.pages > 0;
}

// Returns why they may not.
const char* unusable_because(const Result* result, Yields wanted) {
  if (result == nullptr || result->state == Result::State::not_performed)
    return "what it names has not been performed yet";
  if (result->state == Result::State::inside) return "what it names is still under way";
  if (result->gone) return "what it names is gone";
  if (result->state != Result::State::done) return "what it names was not obtained";
  return result->yields == wanted ? "what it names is empty" : "what it names is of another kind";
}

}  // namespace

Result* World::operand(Slot self, OpRef operand, Yields wanted) {
  Result* found = find(operand);
  if (found != nullptr && usable(*found, wanted)) return found;
  skip(self, unusable_because(found, wanted));
  return nullptr;
}

ActorId World::actor(Performer performer) const {
  const auto cpus = static_cast<std::size_t>(machine_->engine.cpus());
  if (!performer.is_actor()) return performer.code < cpus ? performer.code : kNoActor;
  if (performer.index() >= program_->actors.size()) return kNoActor;
  return static_cast<ActorId>(cpus + performer.index());
}

std::optional<AreaId> World::area(AreaRef area) const {
  if (!area.declared) {
    if (area.id >= program_->machine.areas.size()) return std::nullopt;
    return area.id;
  }
  const Result* found = find(OpRef{area.id});
  if (found == nullptr || !usable(*found, Yields::area)) return std::nullopt;
  return found->area;
}

// Returns the frame of page `offset` of a result; kNoPfn if it is not held.
Pfn World::page_of(const Result& result, std::uint64_t offset) const {
  if (!usable(result, result.yields)) return kNoPfn;
  switch (result.yields) {
    case Yields::nothing: return kNoPfn;
    case Yields::buffer: {
      const Slot slot = slot_of(result);
      const Pfn pfn = result.pfn + offset;
      for (const Piece& piece : pieces)
        if (piece.slot == slot && pfn - piece.start < piece.pages) return pfn;
      return kNoPfn;
    }
    case Yields::block:
    case Yields::range: return offset < result.pages ? result.pfn + offset : kNoPfn;
    case Yields::pages: {
      if (offset >= result.pages) return kNoPfn;
      const OwnerId owner = owner_of[result.first_owner + offset];
      return owner == 0 ? kNoPfn : machine_->owners.owner(owner).pfn;
    }
    case Yields::pin: return offset == 0 ? result.pfn : kNoPfn;
    case Yields::process: return kNoPfn;
    case Yields::file: {
      const OwnerId owner = machine_->files.cached(result.file, offset);
      return owner == 0 ? kNoPfn : machine_->owners.owner(owner).pfn;
    }
    case Yields::mapping: {
      const Processes& processes = machine_->processes;
      if (!processes.alive(result.process)) return kNoPfn;
      const OwnerId owner = processes.page_at(result.process, result.mapping, offset);
      return owner == 0 ? kNoPfn : machine_->owners.owner(owner).pfn;
    }
    case Yields::area: {
      const Area& area = machine_->areas.area(result.area);
      return offset < area.pages ? area.base + offset : kNoPfn;
    }
  }
  return kNoPfn;
}

std::optional<Pfn> World::resolve(const Place& place) const {
  Pfn pfn = kNoPfn;
  if (place.kind == Place::Kind::pfn) {
    pfn = place.offset;
  } else if (place.kind == Place::Kind::area) {
    const auto id = area(place.area);
    if (id) pfn = machine_->areas.area(*id).base + place.offset;
  } else if (place.kind == Place::Kind::result) {
    const Result* found = find(place.result);
    if (found != nullptr) pfn = page_of(*found, place.offset);
  }
  // A sum that overflows lies outside the memory, or is the frame that is meant.
  if (pfn == kNoPfn || !machine_->map.present(pfn)) return std::nullopt;
  return pfn;
}

std::uint32_t World::begin_pages(Slot self, std::uint64_t pages) {
  const auto first = static_cast<std::uint32_t>(owner_of.size());
  owner_of.resize(first + pages, 0);
  results_[self].yields = Yields::pages;
  results_[self].first_owner = first;
  return first;
}

void World::keep_count(BufferId buffer, Slot pages) {
  held_buffers.push_back({buffer, pages});
  observer_->buffer_held(buffer);
}

bool World::put_count(BufferId buffer, Slot pages) {
  const auto own = std::ranges::find_if(
      held_buffers, [&](const HeldCount& held) { return held.buffer == buffer && held.pages == pages; });
  const auto held = own != held_buffers.end() ? own : std::ranges::find(held_buffers, buffer, &HeldCount::buffer);
  if (held == held_buffers.end()) return false;
  held_buffers.erase(held);
  observer_->buffer_letting_go(buffer);
  machine_->buffers.put(buffer);
  return true;
}

bool World::put_counts_of(Slot pages) {
  std::vector<BufferId> buffers;
  for (const HeldCount& held : held_buffers)
    if (held.pages == pages && std::ranges::find(buffers, held.buffer) == buffers.end()) buffers.push_back(held.buffer);
  for (const BufferId buffer : buffers) put_count(buffer, pages);
  return !buffers.empty();
}

void World::skip(Slot self, const char* why) {
  results_[self].state = Result::State::skipped;
  results_[self].skipped_as = why;
  ++skipped;
}

std::optional<Pfn> World::first_chosen(Slot self, const Place& at) {
  if (at.kind == Place::Kind::none) return 0;
  const std::optional<Pfn> first = resolve(at);
  if (first)
    results_[self].chosen = *first;
  else
    skip(self, "the place it names is gone");
  return first;
}

void World::fail(Slot self, int error) {
  results_[self].state = Result::State::failed;
  results_[self].error = error;
}

std::optional<std::string> World::read_file(const std::string& path) const {
  auto text = machine_->read_file(path);
  observer_->file_read(path, text);
  return text;
}

void World::finish_boot() {
  if (machine_->booted()) return;
  machine_->finish_boot();
  observer_->booted(*machine_);
}

namespace {

// Returns whether [start, start + pages) of a held piece covers whole bits. The ends of the piece may lie inside one.
bool on_bits(const Area& area, const World::Piece& piece, Pfn start, std::uint64_t pages) {
  const std::uint64_t bit = order_pages(area.order_per_bit);
  const bool first = start == piece.start || is_aligned(start - area.base, bit);
  const bool last = start - piece.start + pages == piece.pages || is_aligned(start + pages - area.base, bit);
  return first && last;
}

}  // namespace

std::optional<PfnRange> World::take_part(Slot slot, std::uint64_t from, std::uint64_t pages) {
  Result& buffer = results_[slot];
  const Area& area = machine_->areas.area(buffer.area);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece piece = pieces[i];
    if (piece.slot != slot) continue;
    const std::uint64_t at = piece.start - buffer.pfn;              // where the piece begins in the buffer
    if (from >= piece.pages && from - piece.pages >= at) continue;  // the piece ends before `from`
    const std::uint64_t skip_pages = from > at ? from - at : 0;
    std::uint64_t take = piece.pages - skip_pages;
    if (pages != 0) {
      if (from < at || pages > take) return std::nullopt;
      take = pages;
    }
    const Pfn start = piece.start + skip_pages;
    if (!on_bits(area, piece, start, take)) return std::nullopt;
    const Piece tail{slot, start + take, piece.pages - skip_pages - take};
    const auto here = pieces.begin() + static_cast<std::ptrdiff_t>(i);
    if (skip_pages != 0) {
      here->pages = skip_pages;
      if (tail.pages != 0) pieces.insert(here + 1, tail);
    } else if (tail.pages != 0) {
      *here = tail;
    } else {
      pieces.erase(here);
    }
    buffer.gone = std::none_of(pieces.begin(), pieces.end(), [slot](const Piece& p) { return p.slot == slot; });
    return PfnRange{start, start + take};
  }
  return std::nullopt;
}

}  // namespace cma
