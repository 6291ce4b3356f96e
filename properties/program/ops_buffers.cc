#include "properties/program/ops_buffers.h"

#include <algorithm>

#include "properties/program/world.h"

namespace cma {
namespace {

// Drops one of the program's own counts on the buffer; false if it has none.
bool put_back(World& world, BufferId buffer) {
  const auto held = std::find(world.held_buffers.begin(), world.held_buffers.end(), buffer);
  if (held == world.held_buffers.end()) return false;
  world.held_buffers.erase(held);
  world.machine().buffers.put(buffer);
  return true;
}

template <BufferVerb Verb>
bool apply(World& world, OwnerId owner) {
  Machine& machine = world.machine();
  const Owner& record = machine.owners.owner(owner);
  if (Verb == BufferVerb::put) return record.buffer != 0 && put_back(world, record.buffer);
  const BufferId buffer = machine.owners.buffer_of(owner);
  if (Verb == BufferVerb::dirty) machine.owners.make_dirty(owner);
  if (Verb == BufferVerb::touch) machine.buffers.touch(buffer);
  if (Verb == BufferVerb::hold) {
    machine.buffers.hold(buffer);
    world.held_buffers.push_back(buffer);
  }
  return true;
}

}  // namespace

template <BufferVerb Verb>
Task<void> BufferOp<Verb>::perform(World& world, Slot self) const {
  const Result* held = world.operand(self, pages, Yields::pages);
  if (held == nullptr) co_return;
  bool any = false;
  for (std::uint64_t i = 0; i < held->pages; ++i) {
    const OwnerId owner = world.owner_of[held->first_owner + i];
    if (owner == 0 || world.machine().owners.released(owner)) continue;
    if (world.machine().owners.owner(owner).kind != PageKind::block_device) continue;
    any = apply<Verb>(world, owner) || any;
  }
  if (!any) world.skip(self);
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
