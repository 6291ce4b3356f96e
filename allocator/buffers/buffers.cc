#include "allocator/buffers/buffers.h"

#include <algorithm>

namespace cma {

Buffers::Buffers(const Core& core)
    : release_(core.geometry.release),
      slots_(core.geometry.release >= Release::v3_18 ? kBhLruSize : kBhLruSizeUpTo3_17),
      revoke_(core.geometry.bh_revoke),
      core_(core),
      locks_(core.engine, BufferBits(buffers_)),
      lru_slots_(static_cast<std::size_t>(core.geometry.cpus)) {}

void Buffers::copy_from(const Buffers& other) {
  buffers_ = other.buffers_;
  locks_.reset();
  lru_slots_ = other.lru_slots_;
  refuses_ = other.refuses_;
}

BufferId Buffers::attach(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(!page.has(kPagePrivate) && page.ref > 0);
  page.flags |= kPagePrivate;
  ++page.ref;
  Buffer buffer;
  buffer.pfn = pfn;
  buffers_.push_back(buffer);
  return static_cast<BufferId>(buffers_.size());
}

// Moves the buffer to the front of this CPU's slots (lookup_bh_lru); false if it is in none.
bool Buffers::find_in_slots(BufferId id) {
  std::vector<BufferId>& slots = lru_slots_[static_cast<std::size_t>(core_.engine.cpu())];
  const auto it = std::find(slots.begin(), slots.end(), id);
  if (it == slots.end()) return false;
  if (it != slots.begin() && core_.bugs.fires(Bug::slot_hit_stays)) [[unlikely]]
    return true;
  std::rotate(slots.begin(), it, it + 1);
  return true;
}

// Puts the buffer in the first slot (bh_lru_install); the oldest falls out and loses the slot's count.
void Buffers::install(BufferId id) {
  // While the LRU caches are disabled no page may be kept in them.
  if (refuses_ && release_ >= Release::v5_13 && !core_.bugs.fires(Bug::slots_outlast_drain)) return;
  std::vector<BufferId>& slots = lru_slots_[static_cast<std::size_t>(core_.engine.cpu())];
  slots.insert(slots.begin(), id);
  ++buffers_[id - 1].count;
  if (slots.size() <= slots_) return;
  if (core_.bugs.fires(Bug::slot_evicts_second)) std::swap(slots[1], slots.back());
  put(slots.back());
  slots.pop_back();
}

void Buffers::hold(BufferId id) {
  CMA_ASSERT(buffers_[id - 1].pfn != kNoPfn);
  if (!find_in_slots(id)) install(id);
  ++buffers_[id - 1].count;
}

void Buffers::put(BufferId id) {
  Buffer& buffer = buffers_[id - 1];
  CMA_ASSERT(buffer.count > 0);
  --buffer.count;
}

void Buffers::touch(BufferId id) {
  hold(id);
  put(id);
}

void Buffers::invalidate(int cpu) {
  std::vector<BufferId>& slots = lru_slots_[static_cast<std::size_t>(cpu)];
  for (BufferId id : slots) put(id);
  slots.clear();
}

void Buffers::invalidate_all() {
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu) invalidate(cpu);
}

// Takes the buffer out of every CPU's slots (evict_bh_lrus of vendors' kernels).
void Buffers::evict(BufferId id) {
  for (std::vector<BufferId>& slots : lru_slots_) {
    const auto it = std::find(slots.begin(), slots.end(), id);
    if (it == slots.end()) continue;
    slots.erase(it);
    put(id);
  }
}

bool Buffers::try_to_free(BufferId id) {
  if (revoke_ && busy(id)) evict(id);
  if (busy(id)) return false;
  Buffer& buffer = buffers_[id - 1];
  Page& page = core_.map.edit(buffer.pfn);
  page.flags &= ~kPagePrivate;
  --page.ref;
  CMA_ASSERT(page.ref > 0);
  buffer.pfn = kNoPfn;
  return true;
}

void Buffers::move_to(BufferId id, Pfn target) {
  Buffer& buffer = buffers_[id - 1];
  Page& from = core_.map.edit(buffer.pfn);
  Page& to = core_.map.edit(target);
  from.flags &= ~kPagePrivate;
  --from.ref;
  to.flags |= kPagePrivate;
  ++to.ref;
  buffer.pfn = target;
}

}  // namespace cma
