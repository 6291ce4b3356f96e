// Operations that drain caches, let time pass, send signals and continue suspended actors.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"

namespace cma {

enum class DrainKind : std::uint8_t { everything, pages, lru, this_pagevec };

template <DrainKind Kind>
struct DrainOp {
  static constexpr OpInfo kInfo = [] {
    switch (Kind) {
      case DrainKind::pages:
        return OpInfo{.verb = "drain_pages", .help = "drain_all_pages: the per-CPU lists of every CPU"};
      case DrainKind::lru: return OpInfo{.verb = "drain_lru", .help = "lru_add_drain_all: the pagevecs of every CPU"};
      case DrainKind::this_pagevec: return OpInfo{.verb = "lru_add_drain", .help = "the pagevec of the CPU it runs on"};
      default: return OpInfo{.verb = "drain", .help = "lru_add_drain_all, then drain_all_pages"};
    }
  }();
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DrainOp&, const DrainOp&) = default;
};

struct Signal {
  static constexpr OpInfo kInfo{
      .verb = "signal", .performed = Performed::by_nobody, .help = "a fatal signal becomes pending for an actor"};
  Performer target;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.actor(self.target);
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Signal&, const Signal&) = default;
};

// A minute: longer than any interval of the model, short enough that a sleeper that wakes and sleeps again stays cheap.
inline constexpr std::uint64_t kMaxSleep = 60'000'000;

struct SleepOp {
  static constexpr OpInfo kInfo{.verb = "sleep",
                                .performed = Performed::by_nobody,
                                .help = "time passes for everybody; sleepers whose time comes run"};
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
                                .help = "continues the actor from the point it was stopped at"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  friend bool operator==(const Resume&, const Resume&) = default;
};

}  // namespace cma
