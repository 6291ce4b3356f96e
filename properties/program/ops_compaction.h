// Compaction by another task: one that writes to compact_memory, or one that allocates a large block.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/ops_pages.h"
#include "properties/program/slot.h"

namespace cma {

inline constexpr std::string_view kPriorityWords[] = {"async", "light", "full"};
enum class PriorityWord : std::uint8_t { async, light, full };

// Without an order all memory is compacted. Priority, type and `restarting` apply to a direct compaction.
struct Compact {
  static constexpr OpInfo kInfo{
      .verb = "compact",
      .help =
          "compacts all memory (compact_memory), or on behalf of an allocation until a block of that order is free"};
  std::uint64_t order = 0;
  PriorityWord priority = PriorityWord::async;
  TypeWord type = TypeWord::movable;
  bool restarting = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.choice(self.priority, {.words = kPriorityWords, .required = false});
    visit.choice(self.type, {.name = "type", .words = kTypeWords, .required = false});
    visit.flag(self.restarting, "restarting");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Compact&, const Compact&) = default;
};

}  // namespace cma
