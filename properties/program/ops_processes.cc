#include "properties/program/ops_processes.h"

#include <algorithm>

#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "properties/program/test_device.h"
#include "properties/program/world.h"

namespace cma {
namespace {

// Returns the operand if it is a process that is alive. nullptr if it is not: the operation at `self` is skipped.
Result* live_process(World& world, Slot self, OpRef operand) {
  Result* found = world.operand(self, operand, Yields::process);
  if (found == nullptr) return nullptr;
  if (world.machine().processes.usable(found->process)) return found;
  world.skip(self, "the process is dead");
  return nullptr;
}

// Where an operation puts new memory of a process.
struct Target {
  SpaceId space = 0;
  bool chosen = false;  // the test device takes the frames from `first` on
  Pfn first = 0;
};

// Returns nullopt if the process is dead or the place is gone: the operation at `self` is skipped.
std::optional<Target> find_target(World& world, Slot self, OpRef process, const Place& at) {
  const Result* owner = live_process(world, self, process);
  if (owner == nullptr) return std::nullopt;
  const std::optional<Pfn> first = world.first_chosen(self, at);
  if (!first) return std::nullopt;
  return Target{owner->process, at.kind != Place::Kind::none, *first};
}

struct MappingIn {
  SpaceId space = 0;
  MappingId mapping = 0;
};

// Finds a mapping in the process that `in` names, or in the one that made it. Returns nullopt if the process is dead or
// was forked before the mapping was made: the operation at `self` is skipped.
std::optional<MappingIn> find_mapping(World& world, Slot self, OpRef mapping, OpRef in) {
  const Result* made = world.operand(self, mapping, Yields::mapping);
  if (made == nullptr) return std::nullopt;
  const Processes& processes = world.machine().processes;
  MappingIn found{made->process, made->mapping};
  if (in.id != 0) {
    const Result* other = world.operand(self, in, Yields::process);
    if (other == nullptr) return std::nullopt;
    found.space = other->process;
  }
  if (processes.usable(found.space) && processes.has_mapping(found.space, found.mapping)) return found;
  world.skip(self, "the process is dead, or has no such mapping");
  return std::nullopt;
}

// Records that the operation at `self` yields a mapping.
void yield_mapping(World& world, Slot self, SpaceId space, MappingId mapping, std::uint64_t pages) {
  Result& result = world.result(self);
  result.yields = Yields::mapping;
  result.process = space;
  result.mapping = mapping;
  result.pages = pages;
}

}  // namespace

Task<void> Spawn::perform(World& world, Slot self) const {
  Result& result = world.result(self);
  result.yields = Yields::process;
  result.process = world.machine().processes.spawn();
  co_return;
}

Task<void> MmapAnon::perform(World& world, Slot self) const {
  const std::optional<Target> target = find_target(world, self, process, at);
  if (!target) co_return;
  Machine& machine = world.machine();
  const SpaceId space = target->space;
  const MappingId mapping = machine.processes.mmap_anon(space, pages);
  yield_mapping(world, self, space, mapping, pages);
  for (std::uint64_t i = 0; i < pages; ++i) {
    Pfn frame = kNoPfn;
    int error = 0;
    if (target->chosen) {
      frame = target->first + i;
      error = co_await take_frame(machine, frame);
    }
    const bool alive = machine.processes.usable(space);
    if (error == 0 && !alive && target->chosen) co_await machine.buddy.free_pages(frame, 0);
    if (error == 0) error = alive ? co_await machine.processes.write(space, mapping, i, frame) : -kENOENT;
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.result(self).finished = i + 1;
  }
}

Task<void> MmapShared::perform(World& world, Slot self) const {
  const Result* owner = live_process(world, self, process);
  if (owner == nullptr) co_return;
  const Result* cached = world.operand(self, pages, Yields::pages);
  if (cached == nullptr) co_return;
  Processes& processes = world.machine().processes;
  std::vector<OwnerId> mapped;
  for (std::uint64_t i = 0; i < cached->pages; ++i) {
    const OwnerId page = world.owner_of[cached->first_owner + i];
    if (page != 0 && processes.can_be_shared(page)) mapped.push_back(page);
  }
  if (mapped.empty()) {
    world.skip(self, "only cached pages of a regular file or of shared memory can be mapped");
    co_return;
  }
  const SpaceId space = owner->process;
  const MappingId mapping = processes.mmap_shared(space, mapped);
  yield_mapping(world, self, space, mapping, mapped.size());
  for (std::uint64_t i = 0; i < mapped.size(); ++i) {
    // A process does not end while one of its tasks is inside the kernel.
    CMA_ASSERT(processes.alive(space));
    int error = -kENOENT;
    if (processes.usable(space)) error = co_await processes.touch_shared(space, mapping, i, /*write=*/false);
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.result(self).finished = i + 1;
  }
}

Task<void> MmapHuge::perform(World& world, Slot self) const {
  const std::optional<Target> target = find_target(world, self, process, at);
  if (!target) co_return;
  Machine& machine = world.machine();
  // madvise fails where the kernel was built without huge pages.
  if (!machine.geometry().transparent_hugepages) {
    world.fail(self, -kEINVAL);
    co_return;
  }
  const SpaceId space = target->space;
  const std::uint64_t each = order_pages(machine.processes.huge_order());
  const MappingId mapping = machine.processes.mmap_huge(space, count);
  yield_mapping(world, self, space, mapping, count * each);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Pfn head = target->first + i * each;
    int error = target->chosen ? co_await take_huge_frame(machine, head) : 0;
    if (error == 0 && target->chosen) {
      if (machine.processes.usable(space))
        co_await machine.processes.fault_in_huge(space, mapping, i, head);
      else
        co_await machine.lru.references().put_page(head);
    }
    for (std::uint64_t page = i * each; error == 0 && page < (i + 1) * each; ++page) {
      const bool alive = machine.processes.usable(space);
      error = alive ? co_await machine.processes.write(space, mapping, page) : -kENOENT;
    }
    if (error != 0) {
      world.fail(self, error);
      co_return;
    }
    world.result(self).finished = i + 1;
  }
}

Task<void> SplitHuge::perform(World& world, Slot self) const {
  const std::optional<MappingIn> found = find_mapping(world, self, mapping, in);
  if (!found) co_return;
  const auto [space, which] = *found;
  Processes& processes = world.machine().processes;
  if (!processes.is_huge(space, which)) {
    world.skip(self, "the memory is not huge");
    co_return;
  }
  const int error = co_await processes.split_huge(space, which);
  if (error != 0) world.fail(self, error);
}

template <MappingVerb Verb>
Task<void> MappingOp<Verb>::perform(World& world, Slot self) const {
  const std::optional<MappingIn> found = find_mapping(world, self, mapping, in);
  if (!found) co_return;
  const auto [space, which] = *found;
  Processes& processes = world.machine().processes;
  // Not modelled: locking or lazily freeing huge memory, and locking shared memory.
  constexpr bool kSmallOnly = Verb == MappingVerb::mlock || Verb == MappingVerb::madv_free;
  if (from >= processes.pages_of(space, which)) {
    world.skip(self, "the mapping has no such pages");
    co_return;
  }
  if (kSmallOnly && processes.is_huge(space, which)) {
    world.skip(self, "not modelled for huge memory");
    co_return;
  }
  const bool shared = processes.is_shared(space, which);
  if (Verb == MappingVerb::mlock && shared) {
    world.skip(self, "not modelled for shared memory");
    co_return;
  }
  const std::uint64_t left = processes.pages_of(space, which) - from;
  const std::uint64_t wanted = pages == 0 ? left : std::min(pages, left);
  if constexpr (Verb == MappingVerb::munmap) {
    co_await processes.munmap(space, which, from, wanted);
  } else if constexpr (Verb == MappingVerb::madv_free) {
    // Memory that is locked, or may be shared, is not dropped.
    if (world.machine().release() < Release::v4_5 || processes.locked(space, which) || shared)
      world.fail(self, -kEINVAL);
    else
      co_await processes.madv_free(space, which, from, wanted);
  } else if constexpr (Verb == MappingVerb::mlock) {
    co_await processes.mlock(space, which);
  } else {
    static_assert(Verb == MappingVerb::write);
    for (std::uint64_t i = from; i < from + wanted; ++i) {
      int error = -kENOENT;
      if (shared && processes.usable(space))
        error = co_await processes.touch_shared(space, which, i, /*write=*/true);
      else if (processes.usable(space))
        error = co_await processes.write(space, which, i);
      if (error != 0) {
        world.fail(self, error);
        co_return;
      }
      world.result(self).finished = i + 1 - from;
    }
  }
}

template struct MappingOp<MappingVerb::write>;
template struct MappingOp<MappingVerb::munmap>;
template struct MappingOp<MappingVerb::mlock>;
template struct MappingOp<MappingVerb::madv_free>;

Task<void> PinLongterm::perform(World& world, Slot self) const {
  const std::optional<MappingIn> found = find_mapping(world, self, mapping, in);
  if (!found) co_return;
  const auto [space, which] = *found;
  Processes& processes = world.machine().processes;
  if (from >= processes.pages_of(space, which)) {
    world.skip(self, "the mapping has no such page");
    co_return;
  }
  if (processes.is_huge(space, which) || processes.is_shared(space, which)) {
    world.skip(self, "long-term pins of huge pages and of shared memory are not modelled");
    co_return;
  }
  Pfn pinned = kNoPfn;
  const int error = co_await processes.pin_longterm(space, which, from, &pinned);
  if (error != 0) {
    world.fail(self, error);
    co_return;
  }
  Result& result = world.result(self);
  result.yields = Yields::pin;
  result.pfn = pinned;
  result.pages = 1;
  result.references = processes.longterm_references();
  world.observer().reference_taken(pinned, result.references, /*longterm=*/true);
}

Task<void> Fork::perform(World& world, Slot self) const {
  const Result* parent = live_process(world, self, process);
  if (parent == nullptr) co_return;
  const SpaceId space = parent->process;
  const SpaceId child = co_await world.machine().processes.fork(space);
  if (child == 0) {
    world.fail(self, world.machine().processes.usable(space) ? -kENOMEM : -kEINTR);
    co_return;
  }
  Result& result = world.result(self);
  result.yields = Yields::process;
  result.process = child;
}

Task<void> ExitProcess::perform(World& world, Slot self) const {
  Result* found = live_process(world, self, process);
  if (found == nullptr) co_return;
  // Its memory stays while another of its tasks is inside the kernel.
  if (!world.machine().processes.idle(found->process)) {
    world.skip(self, "a task of the process is still inside the kernel");
    co_return;
  }
  found->gone = true;
  const SpaceId space = found->process;
  co_await world.machine().processes.exit(space);
}

void ExecStack::perform(World& world, Slot self) const {
  const Result* found = live_process(world, self, process);
  if (found == nullptr) return;
  world.machine().processes.set_temporary_stack(found->process, word == StackWord::begin);
}

}  // namespace cma
