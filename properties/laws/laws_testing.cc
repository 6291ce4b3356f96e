#include "properties/laws/laws_testing.h"

#include <algorithm>

namespace cma {

WatchedMachine::WatchedMachine(const Geometry& geometry, unsigned actors)
    : boot_(make_machine(geometry)), machine_(make_machine(geometry)) {
  for (unsigned actor = 1; actor < actors; ++actor) machine_->engine.add_actor(static_cast<int>(actor) % geometry.cpus);
  laws_.program_begins(*machine_);
}

void WatchedMachine::restart() {
  machine_->engine.abandon();
  machine_->restore(*boot_);
  buffers.clear();
  blocks.clear();
  owners.clear();
  pins.clear();
  laws_.program_begins(*machine_);
}

// --- operations ---

Task<void> WatchedMachine::cma_alloc(AreaId area, std::uint64_t count, unsigned align) {
  laws_.alloc_begins(area, count, align);
  const Pfn pfn = co_await machine_->areas.cma_alloc(area, count, align, Warn::yes);
  if (pfn == kNoPfn) {
    laws_.alloc_failed(area, count, align);
    co_return;
  }
  buffers.push_back({area, pfn, count});
  laws_.buffer_allocated(area, pfn, count, align);
}

Task<void> WatchedMachine::release_part(std::size_t buffer, std::uint64_t from, std::uint64_t count) {
  const Buffer part{buffers[buffer].area, buffers[buffer].pfn + from, count};
  laws_.buffer_releasing(part.area, part.pfn, part.count);
  co_await machine_->areas.cma_release(part.area, part.pfn, part.count);
  laws_.buffer_released(part.area, part.pfn, part.count);
}

Task<void> WatchedMachine::cma_release(std::size_t buffer) {
  const std::uint64_t count = std::exchange(buffers[buffer].count, 0);
  return release_part(buffer, 0, count);
}

Task<void> WatchedMachine::alloc_pages(Gfp gfp, unsigned order) {
  const Pfn pfn = co_await machine_->page_allocator.alloc_pages(gfp, order);
  if (pfn == kNoPfn) co_return;
  blocks.push_back({pfn, order});
  laws_.pages_allocated(pfn, order, gfp);
}

Task<void> WatchedMachine::free_pages(std::size_t block) {
  const Block held = blocks[block];
  blocks[block].pfn = kNoPfn;
  laws_.pages_freeing(held.pfn, held.order);
  co_await machine_->buddy.free_pages(held.pfn, held.order);
}

Task<void> WatchedMachine::own(PageKind kind, Pfn at) {
  Pfn pfn = at;
  if (at == kNoPfn) {
    const Gfp gfp = kind == PageKind::unmovable ? kGfpKernel : kGfpHighuserMovable;
    pfn = co_await machine_->page_allocator.alloc_pages(gfp, 0);
    if (pfn == kNoPfn) co_return;
  } else {
    const int error = co_await machine_->areas.take_range(at, 1);
    if (error != 0) co_return;
  }
  OwnerId owner = 0;
  if (kind == PageKind::anonymous)
    owner = co_await machine_->owners.adopt_anonymous(pfn);
  else
    owner = co_await machine_->owners.adopt(pfn, kind);
  owners.push_back(owner);
  laws_.owner_adopted(owner);
}

Task<void> WatchedMachine::let_go(std::size_t owner) {
  const OwnerId id = std::exchange(owners[owner], 0);
  if (machine_->owners.released(id)) co_return;
  laws_.owner_releasing(id);
  co_await machine_->owners.release(id);
}

void WatchedMachine::pin(Pfn pfn) {
  if (machine_->map.page(pfn).ref == 0) return;
  machine_->lru.references().get_page(pfn);
  pins.push_back(pfn);
  laws_.reference_taken(pfn, 1, /*longterm=*/false);
}

Task<void> WatchedMachine::unpin(std::size_t pin) {
  const Pfn pfn = std::exchange(pins[pin], kNoPfn);
  laws_.reference_dropping(pfn, 1);
  co_await machine_->lru.references().put_page(pfn);
}

// --- running ---

void WatchedMachine::run_woken() {
  Engine& engine = machine_->engine;
  for (ActorId woken = engine.take_woken(); woken != kNoActor; woken = engine.take_woken()) {
    laws_.control_changes(*machine_);
    engine.resume(woken);
  }
}

void WatchedMachine::start(ActorId actor, Task<void> operation, Point stop, unsigned nth) {
  machine_->engine.begin(actor, std::move(operation));
  go_on(actor, stop, nth);
}

void WatchedMachine::go_on(ActorId actor, Point stop, unsigned nth) {
  Engine& engine = machine_->engine;
  if (stop != Point::kCount) engine.stop_at(actor, stop, nth);
  engine.resume(actor);
  run_woken();
  laws_.op_performed(*machine_, 0);
}

std::string WatchedMachine::law_of_failed_alloc(std::uint64_t count, unsigned align) {
  laws_.audit();
  machine_->engine.assume(0);
  const std::string law = law_broken_by([&] {
    laws_.alloc_begins(0, count, align);
    laws_.alloc_failed(0, count, align);
  });
  // The machine should have counted the call.
  const_cast<Area&>(machine_->areas.area(0)).nr_pages_failed = laws_.ledger().area(0).failed;
  return law;
}

std::uint64_t WatchedMachine::free_outside_areas() {
  run_now(machine_->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  const Zone& zone = machine_->buddy.zone(0);
  return static_cast<std::uint64_t>(zone.nr_free_pages - zone.nr_free_cma);
}

void WatchedMachine::leave_free(std::uint64_t pages) {
  const Area& other = machine_->areas.area(1);
  if (other.bitmap.count_set() == 0) perform(cma_alloc(1, other.pages, 0));
  while (free_outside_areas() > pages) {
    perform(alloc_pages(kGfpKernel, 0));
    machine_->buddy.zone(0).watermark_boost = 0;
  }
  CMA_ASSERT(free_outside_areas() == pages);
}

void WatchedMachine::finish() {
  Engine& engine = machine_->engine;
  while (!engine.at_rest()) {
    bool any = false;
    for (ActorId actor = 0; actor < engine.actors(); ++actor) {
      if (!can_run(actor)) continue;
      any = true;
      laws_.control_changes(*machine_);
      engine.resume(actor);
      run_woken();
    }
    if (any) continue;
    // An actor sleeps, as a deadlock throws. Sleep without limit is for the interpreter to find (law `bounded`).
    if (engine.now() > 100 * 1000 * kMillisecond) return restart();
    engine.advance_to(engine.now() + 100 * kMillisecond);
    run_woken();
  }
  laws_.program_ended(*machine_);
}

// --- random use ---

namespace {

class RandomUser {
 public:
  RandomUser(WatchedMachine& watched, const RandomUse& use)
      : watched_(watched), machine_(watched.machine()), use_(use), state_(use.seed * 0x9e3779b97f4a7c15ULL + 1) {}

  void step();

 private:
  std::uint64_t draw(std::uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 16) % limit;
  }
  Task<void> any_operation();
  Pfn any_frame();
  template <class Held, class Lives>
  std::optional<std::size_t> any_of(const std::vector<Held>& held, Lives lives) {
    if (held.empty()) return std::nullopt;
    const std::size_t first = draw(held.size());
    for (std::size_t i = 0; i < held.size(); ++i)
      if (lives(held[(first + i) % held.size()])) return (first + i) % held.size();
    return std::nullopt;
  }

  WatchedMachine& watched_;
  Machine& machine_;
  const RandomUse& use_;
  std::uint64_t state_;
};

// Returns a frame, of an area in most cases.
Pfn RandomUser::any_frame() {
  if (draw(5) == 0 || machine_.areas.size() == 0)
    return machine_.map.range().start + draw(machine_.map.range().pages());
  const Area& area = machine_.areas.area(static_cast<AreaId>(draw(machine_.areas.size())));
  return area.base + draw(std::min<std::uint64_t>(area.pages, 96));
}

Task<void> RandomUser::any_operation() {
  constexpr PageKind kKinds[] = {PageKind::anonymous,   PageKind::anonymous, PageKind::shmem,
                                 PageKind::movable_ops, PageKind::unmovable, PageKind::block_device};
  constexpr Gfp kGfps[] = {kGfpKernel, kGfpHighuserMovable,         kGfpHighuserMovable, kGfpHighuserMovable | kGfpComp,
                           kGfpAtomic, kGfpKernel | kGfpReclaimable};
  switch (draw(12)) {
    case 0:
    case 1:
    case 2: {
      const auto area = static_cast<AreaId>(draw(machine_.areas.size()));
      return watched_.cma_alloc(area, 1 + draw(draw(3) == 0 ? 100 : 20),
                                static_cast<unsigned>(draw(3) == 0 ? draw(7) : 0));
    }
    case 3: {
      const auto buffer = any_of(watched_.buffers, [](const WatchedMachine::Buffer& held) { return held.count != 0; });
      if (buffer) return watched_.cma_release(*buffer);
      break;
    }
    case 4:
    case 5: return watched_.alloc_pages(kGfps[draw(6)], static_cast<unsigned>(draw(3) == 0 ? draw(7) : draw(2)));
    case 6: {
      const auto block = any_of(watched_.blocks, [](const WatchedMachine::Block& held) { return held.pfn != kNoPfn; });
      if (block) return watched_.free_pages(*block);
      break;
    }
    case 7: return watched_.own(kKinds[draw(6)], kNoPfn);
    case 8: return watched_.own(kKinds[draw(6)], any_frame());
    case 9: {
      const auto owner = any_of(watched_.owners, [](OwnerId held) { return held != 0; });
      if (owner) return watched_.let_go(*owner);
      break;
    }
    case 10: {
      const auto pin = any_of(watched_.pins, [](Pfn held) { return held != kNoPfn; });
      if (pin) return watched_.unpin(*pin);
      break;
    }
    default: break;
  }
  return watched_.own(PageKind::anonymous);
}

void RandomUser::step() {
  const std::uint64_t what = draw(100);
  if (what < 12) {
    // Pins a page in use, if there is one near.
    Pfn pfn = any_frame();
    for (unsigned i = 0; i < 32 && machine_.map.valid(pfn + 1) && machine_.map.page(pfn).ref == 0; ++i) ++pfn;
    if (!machine_.map.page(pfn).has(kPageReserved | kPageTail)) watched_.pin(pfn);
    watched_.laws().op_performed(machine_, 0);
    return;
  }
  if (what < 16) {
    const auto owner = any_of(watched_.owners, [](OwnerId held) { return held != 0; });
    if (owner)
      machine_.owners.refuse(watched_.owners[*owner], static_cast<std::int64_t>(draw(60)), draw(3) == 0 ? -5 : -11);
    return;
  }
  const auto actor = static_cast<ActorId>(draw(machine_.engine.actors()));
  const Point stop = draw(100) < use_.stops ? static_cast<Point>(draw(kPoints)) : Point::kCount;
  const auto nth = static_cast<unsigned>(1 + draw(4));
  if (watched_.can_run(actor))
    watched_.go_on(actor, stop, nth);
  else if (watched_.idle(actor))
    watched_.start(actor, any_operation(), stop, nth);
  else
    machine_.engine.advance_to(machine_.engine.now() + 10 * kMillisecond);
}

}  // namespace

void use_at_random(WatchedMachine& watched, const RandomUse& use) {
  RandomUser user(watched, use);
  for (unsigned step = 0; step < use.steps; ++step) user.step();
  if (use.to_rest) watched.finish();
}

}  // namespace cma
