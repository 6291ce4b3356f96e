#include "properties/program/ops_buffers.h"

#include "properties/program/world.h"

namespace cma {
namespace {

// Returns whether the verb applies to the page. A count can be given back after the page has left its cache.
template <BufferVerb Verb>
bool applies(const World& world, OwnerId page) {
  if (page == 0) return false;
  const Owners& owners = world.machine().owners;
  const Owner& record = owners.owner(page);
  if (!is_file(record.kind)) return false;
  if (Verb == BufferVerb::put) return record.buffer != 0;
  // Lookups are by block number: only block devices have them.
  if (Verb == BufferVerb::touch && record.method != FileMethod::block_device) return false;
  return !owners.released(page);
}

// Performs the verb on one page of the result; false if there was nothing to give back.
template <BufferVerb Verb>
Task<bool> apply(World& world, OwnerId page, Slot pages) {
  Machine& machine = world.machine();
  if constexpr (Verb == BufferVerb::put) {
    co_return world.put_count(machine.owners.owner(page).buffer, pages);
  } else if constexpr (Verb == BufferVerb::touch) {
    machine.buffers.touch(machine.page_cache.buffer_of(page));
  } else if constexpr (Verb == BufferVerb::hold) {
    machine.page_cache.hold_buffer(page);
    world.keep_count(machine.page_cache.buffer_of(page), pages);
  } else {
    static_assert(Verb == BufferVerb::dirty);
    if (machine.owners.owner(page).kind == PageKind::file)
      co_await machine.files.write(page);
    else
      machine.page_cache.make_dirty(page);
  }
  co_return true;
}

}  // namespace

template <BufferVerb Verb>
Task<void> BufferOp<Verb>::perform(World& world, Slot self) const {
  // A count outlives the release of the page, which may be under way.
  const Result* named = Verb == BufferVerb::put ? world.find(pages) : nullptr;
  if (named != nullptr && named->gone && world.put_counts_of(world.slot_of(*named))) co_return;
  const Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  bool any = false;
  for (std::uint64_t i = 0; i < held->pages; ++i) {
    const OwnerId page = world.owner_of[held->first_owner + i];
    if (!applies<Verb>(world, page)) continue;
    const bool done = co_await apply<Verb>(world, page, world.slot_of(*held));
    any = any || done;
  }
  if (!any) world.skip(self, "none of the pages has a buffer that it applies to");
}

template struct BufferOp<BufferVerb::touch>;
template struct BufferOp<BufferVerb::hold>;
template struct BufferOp<BufferVerb::put>;
template struct BufferOp<BufferVerb::dirty>;

Task<void> BufferInvalidate::perform(World& world, Slot) const {
  world.machine().buffers.invalidate_all();
  co_return;
}

}  // namespace cma
