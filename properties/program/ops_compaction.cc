#include "properties/program/ops_compaction.h"

#include <utility>

#include "allocator/base/error.h"
#include "properties/program/world.h"

namespace cma {
namespace {

constexpr CompactPriority priority_of(PriorityWord word) {
  switch (word) {
    case PriorityWord::async: return CompactPriority::async;
    case PriorityWord::light: return CompactPriority::light;
    case PriorityWord::full: return CompactPriority::full;
  }
  return CompactPriority::async;
}

constexpr Migratetype type_of(TypeWord word) {
  switch (word) {
    case TypeWord::movable: return Migratetype::movable;
    case TypeWord::unmovable: return Migratetype::unmovable;
    case TypeWord::reclaimable: return Migratetype::reclaimable;
  }
  return Migratetype::movable;
}

}  // namespace

Task<void> Compact::perform(World& world, Slot self) const {
  Compaction& compaction = world.machine().compaction;
  if (order == 0) {
    co_await compaction.compact_memory();
    co_return;
  }
  if (order > world.machine().buddy.largest_order()) {
    world.skip(self, "the order is above the largest one");
    co_return;
  }
  const CompactResult result =
      co_await compaction.compact_for(static_cast<unsigned>(order), type_of(type), priority_of(priority), restarting);
  bool& given_up = world.machine().engine.flags().given_up;
  if (std::exchange(given_up, false)) {
    world.skip(self, "the kernel compacts without end: a quick search finds the same pageblocks again and again");
    co_return;
  }
  if (result == CompactResult::success) co_return;
  world.fail(self, result == CompactResult::contended ? -kEAGAIN : -kENOMEM);
}

}  // namespace cma
