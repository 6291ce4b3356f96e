// Operations of boot. They are performed until boot has finished; `activate` or the first other operation finishes it.
// Addresses and sizes of `declare` and `init_reserved_mem` are in bytes, as the kernel's functions take them.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

struct Reserve {
  static constexpr OpInfo kInfo{
      .verb = "reserve", .performed = Performed::without_actor, .boot = true, .help = "boot keeps a range of frames"};
  std::uint64_t base = 0;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.base, {.name = "base", .required = true, .scale = Scale::pfn});
    visit.number(self.pages, {.name = "pages", .required = true, .scale = Scale::pages});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Reserve&, const Reserve&) = default;
};

struct Declare {
  static constexpr OpInfo kInfo{.verb = "declare",
                                .letter = 'c',
                                .yields = Yields::area,
                                .performed = Performed::without_actor,
                                .boot = true,
                                .names_itself = true,
                                .help = "cma_declare_contiguous: finds and reserves memory for an area"};
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;
  std::uint64_t alignment = 0;
  std::uint64_t order_per_bit = 0;
  bool fixed = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.base, {.name = "base", .scale = Scale::bytes});
    visit.number(self.size, {.name = "size", .required = true, .scale = Scale::bytes});
    visit.number(self.limit, {.name = "limit", .scale = Scale::bytes});
    visit.number(self.alignment, {.name = "alignment", .scale = Scale::bytes});
    visit.number(self.order_per_bit, {.name = "order_per_bit", .max = 255, .scale = Scale::order});
    visit.flag(self.fixed, "fixed");
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Declare&, const Declare&) = default;
};

struct InitReservedMem {
  static constexpr OpInfo kInfo{.verb = "init_reserved_mem",
                                .letter = 'c',
                                .yields = Yields::area,
                                .performed = Performed::without_actor,
                                .boot = true,
                                .names_itself = true,
                                .help = "cma_init_reserved_mem: makes an area of reserved memory"};
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t order_per_bit = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.base, {.name = "base", .required = true, .scale = Scale::bytes});
    visit.number(self.size, {.name = "size", .required = true, .scale = Scale::bytes});
    visit.number(self.order_per_bit, {.name = "order_per_bit", .max = 255, .scale = Scale::order});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const InitReservedMem&, const InitReservedMem&) = default;
};

struct Activate {
  static constexpr OpInfo kInfo{.verb = "activate",
                                .performed = Performed::without_actor,
                                .boot = true,
                                .help = "finishes boot: areas are activated"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  void perform(World& world, Slot self) const;
  friend bool operator==(const Activate&, const Activate&) = default;
};

}  // namespace cma
