// Operations that drain caches, let time pass, send signals and resume actors.
#pragma once

#include <utility>

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

enum class DrainKind : std::uint8_t { everything, pages, lru, this_pagevec };

template <DrainKind Kind>
struct DrainOp {
  static constexpr OpInfo kInfo = [] {
    switch (Kind) {
      case DrainKind::everything: return OpInfo{.verb = "drain", .help = "lru_add_drain_all, then drain_all_pages"};
      case DrainKind::pages:
        return OpInfo{.verb = "drain_pages", .help = "drain_all_pages: the per-CPU lists of every CPU"};
      case DrainKind::lru: return OpInfo{.verb = "drain_lru", .help = "lru_add_drain_all: the pagevecs of every CPU"};
      case DrainKind::this_pagevec: return OpInfo{.verb = "lru_add_drain", .help = "the pagevec of the CPU it runs on"};
    }
    std::unreachable();  // no constant: a kind without a case does not compile
  }();
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DrainOp&, const DrainOp&) = default;
};

struct Signal {
  static constexpr OpInfo kInfo{.verb = "signal",
                                .performed = Performed::without_actor,
                                .help = "sends an actor a fatal signal, which stays pending"};
  Performer target;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.actor(self.target);
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Signal&, const Signal&) = default;
};

// One minute: longer than any interval of the model, and short enough for a sleeper that wakes every 100 ms.
inline constexpr std::uint64_t kMaxSleep = 60'000'000;

struct SleepOp {
  static constexpr OpInfo kInfo{.verb = "sleep",
                                .performed = Performed::without_actor,
                                .help = "time passes for all actors; sleepers whose time comes run"};
  std::uint64_t us = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.us, {.name = "us", .required = true, .max = kMaxSleep, .scale = Scale::microseconds});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const SleepOp&, const SleepOp&) = default;
};

struct Resume {
  static constexpr OpInfo kInfo{.verb = "resume",
                                .performed = Performed::resuming,
                                .help = "resumes the actor from the point at which it was stopped"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  friend bool operator==(const Resume&, const Resume&) = default;
};

}  // namespace cma
