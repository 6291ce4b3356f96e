// Operations of callers of alloc_contig_range that are no area: gigantic huge pages, virtio-mem, memory offlining. They
// ask for ordinary memory without cma_mutex, so their requests meet those of areas, and each other.
#pragma once

#include "allocator/engine/task.h"
#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

// More than any machine has. What does not fit fails when it is performed.
inline constexpr std::uint64_t kMaxRangePages = std::uint64_t{1} << 32;

struct AllocRange {
  static constexpr OpInfo kInfo{.verb = "alloc_range",
                                .letter = 'g',
                                .yields = Yields::range,
                                .help = "alloc_contig_range by a caller that is no area and takes no mutex"};
  Place at;
  std::uint64_t pages = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.place(self.at, {.name = "at"});
    visit.number(self.pages,
                 {.name = "pages", .required = true, .min = 1, .max = kMaxRangePages, .scale = Scale::pages});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const AllocRange&, const AllocRange&) = default;
};

struct FreeRange {
  static constexpr OpInfo kInfo{.verb = "free_range", .help = "free_contig_range of all that alloc_range got"};
  OpRef range;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.operand(self.range, {.wanted = Yields::range});
  }
  Task<void> perform(World& world, Slot self) const;
  friend bool operator==(const FreeRange&, const FreeRange&) = default;
};

}  // namespace cma
