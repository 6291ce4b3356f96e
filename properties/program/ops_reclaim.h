// Reclaim by another task: a request for pages that found too little, or kswapd.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

// More than any machine has.
inline constexpr std::uint64_t kMaxReclaimed = std::uint64_t{1} << 32;
// DEF_PRIORITY, with which reclaim begins.
inline constexpr std::uint64_t kFirstPriority = 12;

struct DirectReclaim {
  static constexpr OpInfo kInfo{.verb = "reclaim",
                                .help = "frees pages that can be had again, as for an allocation of that order"};
  std::uint64_t pages = 32;
  std::uint64_t order = 0;
  std::uint64_t priority = kFirstPriority;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.pages, {.name = "pages", .fallback = 32, .min = 1, .max = kMaxReclaimed, .scale = Scale::pages});
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.number(self.priority, {.name = "priority", .fallback = kFirstPriority, .max = kFirstPriority});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DirectReclaim&, const DirectReclaim&) = default;
};

struct RunKswapd {
  static constexpr OpInfo kInfo{.verb = "kswapd",
                                .help = "runs kswapd of a node, woken for a block of that order, until it sleeps"};
  std::uint64_t order = 0;
  std::uint64_t node = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.order, {.name = "order", .max = kOrderLimit - 1, .scale = Scale::order});
    visit.number(self.node, {.name = "node", .max = kMaxNodes - 1});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const RunKswapd&, const RunKswapd&) = default;
};

}  // namespace cma
