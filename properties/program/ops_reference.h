// Operations on references, which keep a page from being moved or freed.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

struct Pin {
  static constexpr OpInfo kInfo{.verb = "pin",
                                .letter = 'k',
                                .yields = Yields::pin,
                                .help = "takes a reference on the page where it is now; fails on a free page"};
  Place page;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.page, {});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Pin&, const Pin&) = default;
};

struct Unpin {
  static constexpr OpInfo kInfo{.verb = "unpin", .help = "drops the reference of a pin"};
  OpRef pin;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pin, {.wanted = Yields::pin});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const Unpin&, const Unpin&) = default;
};

struct GetPage {
  static constexpr OpInfo kInfo{.verb = "get_page",
                                .help = "takes a reference on the page that is there now; fails on a free page"};
  Place page;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.page, {});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const GetPage&, const GetPage&) = default;
};

struct PutPage {
  static constexpr OpInfo kInfo{.verb = "put_page", .help = "drops a reference that get_page took on this frame"};
  Place page;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.page, {});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const PutPage&, const PutPage&) = default;
};

}  // namespace cma
