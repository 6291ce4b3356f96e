// Operations on areas: buffers are allocated and released.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

struct CmaAlloc {
  static constexpr OpInfo kInfo{.verb = "cma_alloc",
                                .letter = 'b',
                                .yields = Yields::buffer,
                                .help = "allocates a buffer of pages aligned to 2^align pages"};
  AreaRef area;
  std::uint64_t pages = 1;
  std::uint64_t align = 0;
  bool nowarn = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.area(self.area);
    visit.number(self.pages, {.name = "pages", .required = true, .scale = Scale::pages});
    visit.number(self.align, {.name = "align", .max = 255, .scale = Scale::order});
    visit.flag(self.nowarn, "nowarn");
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const CmaAlloc&, const CmaAlloc&) = default;
};

// Without `pages`, every piece that is left from page `from` on.
struct CmaRelease {
  static constexpr OpInfo kInfo{.verb = "cma_release", .help = "releases what is left of a buffer, or a part of it"};
  OpRef buffer;
  std::uint64_t from = 0;
  std::uint64_t pages = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.buffer, {.wanted = Yields::buffer});
    visit.number(self.from, {.name = "from", .scale = Scale::pages});
    visit.number(self.pages, {.name = "pages", .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const CmaRelease&, const CmaRelease&) = default;
};

}  // namespace cma
