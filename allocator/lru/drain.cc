#include "allocator/lru/drain.h"

#include "allocator/lru/mlock.h"
#include "allocator/lru/pagevecs.h"
#include "allocator/lru/slot_cache.h"

namespace cma {

LruDrain::LruDrain(const Core& core, Pagevecs& pagevecs, MlockPages& mlock, SlotCache& slots)
    : release_(core.geometry.release), core_(core), pagevecs_(pagevecs), mlock_(mlock), slots_(slots) {}

void LruDrain::copy_from(const LruDrain& other) {
  disables_ = other.disables_;
  drains_begun_ = other.drains_begun_;
  drain_mutex_.reset();
}

std::size_t LruDrain::parked(int cpu) const { return pagevecs_.parked(cpu) + mlock_.pagevec(cpu).size(); }

Task<void> LruDrain::add_drain(int cpu) {
  if (pagevecs_.parked(cpu) != 0) co_await pagevecs_.drain(cpu);
  if (!mlock_.pagevec(cpu).empty()) co_await mlock_.drain(cpu);
}

// Unless it must be `certain`, returns without draining if another drain began while it waited (5.5).
Task<void> LruDrain::drain_all(bool certain) {
  const std::uint64_t begun = drains_begun_;
  co_await drain_mutex_.lock(core_.engine);
  // A call that began after this one has drained what was in the pagevecs then.
  if (release_ >= Release::v5_5 && !certain && begun != drains_begun_) {
    drain_mutex_.unlock(core_.engine);
    co_return;
  }
  ++drains_begun_;
  co_await at(core_.engine, Point::drain_lru_begin);
  const bool with_slots = release_ >= Release::v5_13 && !core_.bugs.active(Bug::slots_outlast_drain);
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu) {
    const bool slots = with_slots && slots_.occupied(cpu);
    if (parked(cpu) == 0 && !slots) continue;
    co_await add_drain(cpu);
    if (slots) slots_.invalidate(cpu);
    co_await at(core_.engine, Point::drain_lru_cpu);
  }
  drain_mutex_.unlock(core_.engine);
}

Task<void> LruDrain::cache_disable() {
  ++disables_;
  pagevecs_.drain_at_once(true);
  slots_.refuse(true);
  co_await drain_all(/*certain=*/true);
  co_await at(core_.engine, Point::lru_cache_disabled);
}

void LruDrain::cache_enable() {
  CMA_ASSERT(disables_ > 0);
  --disables_;
  pagevecs_.drain_at_once(disables_ > 0);
  slots_.refuse(disables_ > 0);
}

}  // namespace cma
