// Operations on the files that an engineer reads or writes.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

struct Cat {
  static constexpr OpInfo kInfo{
      .verb = "cat",
      .performed = Performed::without_actor,
      .help = "reads a file: cma/AREA/FILE, sys/AREA/FILE, buddyinfo, pagetypeinfo, zoneinfo, meminfo, vmstat"};
  std::string path;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.path, {.quoted = false});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Cat&, const Cat&) = default;
};

struct DebugfsAlloc {
  static constexpr OpInfo kInfo{.verb = "debugfs_alloc", .help = "writes a number to an area's debugfs file `alloc`"};
  AreaRef area;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.area(self.area);
    visit.number(self.pages, {.name = "pages", .required = true, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DebugfsAlloc&, const DebugfsAlloc&) = default;
};

struct DebugfsFree {
  static constexpr OpInfo kInfo{.verb = "debugfs_free", .help = "writes a number to an area's debugfs file `free`"};
  AreaRef area;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.area(self.area);
    visit.number(self.pages, {.name = "pages", .required = true, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const DebugfsFree&, const DebugfsFree&) = default;
};

}  // namespace cma
