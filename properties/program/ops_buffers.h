// Operations on the buffer heads of file pages: lookups, counts and writes.
#pragma once

#include <utility>

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

enum class BufferVerb : std::uint8_t { touch, hold, put, dirty };

// One verb on the buffers of pages of a file or block device.
template <BufferVerb Verb>
struct BufferOp {
  static constexpr OpInfo kInfo = [] {
    switch (Verb) {
      case BufferVerb::touch:
        return OpInfo{.verb = "bh_touch",
                      .help = "looks up the pages' buffers and drops them: each stays in a slot of the CPU it runs on"};
      case BufferVerb::hold:
        return OpInfo{.verb = "bh_hold", .help = "looks up the pages' buffers and keeps a count on each"};
      case BufferVerb::put: return OpInfo{.verb = "bh_put", .help = "drops a count that bh_hold took on each buffer"};
      case BufferVerb::dirty:
        return OpInfo{.verb = "bh_dirty", .help = "writes to the pages: they and their buffers become dirty"};
    }
    std::unreachable();  // no constant: a verb without a case does not compile
  }();
  OpRef pages;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.pages, {.wanted = Yields::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const BufferOp&, const BufferOp&) = default;
};

struct BufferInvalidate {
  static constexpr OpInfo kInfo{.verb = "bh_invalidate", .help = "invalidate_bh_lrus: empties the slots of every CPU"};
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const BufferInvalidate&, const BufferInvalidate&) = default;
};

}  // namespace cma
