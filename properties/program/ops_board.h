// Operations of boot on a board: regions of its device tree, and boot from the command line to the areas. As those of
// ops_boot.h they are performed until boot has finished. Addresses and sizes are in bytes.
#pragma once

#include <string>

#include "properties/program/fields.h"
#include "properties/program/op_info.h"
#include "properties/program/slot.h"

namespace cma {

// The value of a number that is left out, where 0 is one of its values.
inline constexpr std::uint64_t kNotGiven = kAnyNumber;

// A node below /reserved-memory. `base` makes it a fixed one (reg), else boot places it, within `alloc_size` bytes from
// `alloc_base` on if these are given (alloc-ranges). Its result is the area that boot makes of it.
struct Region {
  static constexpr OpInfo kInfo{.verb = "region",
                                .letter = 'c',
                                .yields = Yields::area,
                                .performed = Performed::without_actor,
                                .boot = true,
                                .names_itself = true,
                                .help = "a node below /reserved-memory, which `boot` reserves and makes an area of"};
  std::uint64_t base = kNotGiven;
  std::uint64_t size = 0;
  std::uint64_t alignment = 0;
  std::uint64_t alloc_base = kNotGiven;
  std::uint64_t alloc_size = 0;
  bool shared_dma_pool = false;
  bool reusable = false;
  bool no_map = false;
  bool cma_default = false;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.number(self.base, {.name = "base", .fallback = kNotGiven, .max = kNotGiven - 1, .scale = Scale::bytes});
    visit.number(self.size, {.name = "size", .required = true, .scale = Scale::bytes});
    visit.number(self.alignment, {.name = "alignment", .scale = Scale::bytes});
    visit.number(self.alloc_base,
                 {.name = "alloc_base", .fallback = kNotGiven, .max = kNotGiven - 1, .scale = Scale::bytes});
    visit.number(self.alloc_size, {.name = "alloc_size", .scale = Scale::bytes});
    visit.flag(self.shared_dma_pool, "shared-dma-pool");
    visit.flag(self.reusable, "reusable");
    visit.flag(self.no_map, "no-map");
    visit.flag(self.cma_default, "linux,cma-default");
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const Region&, const Region&) = default;
};

// A device tree in the text of its source (tree_text.h). `boot` reads the last one before it: its nodes come before
// those of `region` operations.
struct DeviceTree {
  static constexpr OpInfo kInfo{.verb = "device_tree",
                                .performed = Performed::without_actor,
                                .boot = true,
                                .help = "the device tree that `boot` reads, in the text of its source"};
  std::string source;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.source, {});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const DeviceTree&, const DeviceTree&) = default;
};

// Gives an area that `boot` declared, of the kernel's name, a name for operations. Its result is the area, or the error
// of its declaration.
struct BootArea {
  static constexpr OpInfo kInfo{.verb = "boot_area",
                                .letter = 'c',
                                .yields = Yields::area,
                                .performed = Performed::without_actor,
                                .boot = true,
                                .names_itself = true,
                                .help = "names an area of `boot` for operations: pernuma0, numa1, hugetlb0, a node's"};
  std::string area;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.area, {.name = "area", .quoted = false});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const BootArea&, const BootArea&) = default;
};

inline constexpr std::string_view kArchWords[] = {"arm64", "arm", "riscv"};
enum class ArchWord : std::uint8_t { arm64, arm, riscv };
// CONFIG_CMA_SIZE_SEL_*.
inline constexpr std::string_view kSizeSelWords[] = {"mbytes", "percentage", "min", "max"};
enum class SizeSelWord : std::uint8_t { mbytes, percentage, min, max };

// Boot: the command line, the regions before this operation, areas of nodes and the default area below `limit`, in the
// order of the architecture. Its result is the default area.
struct RunBoot {
  static constexpr OpInfo kInfo{.verb = "boot",
                                .letter = 'c',
                                .yields = Yields::area,
                                .performed = Performed::without_actor,
                                .boot = true,
                                .names_itself = true,
                                .help = "reserves what command line, regions and configuration ask for"};
  std::string cmdline;
  ArchWord arch = ArchWord::arm64;
  std::uint64_t limit = 0;
  SizeSelWord size_sel = SizeSelWord::mbytes;
  std::uint64_t size_mbytes = 16;
  std::uint64_t size_percentage = 10;
  bool node_areas = false;
  std::uint64_t possible_nodes = 0;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit.text(self.cmdline, {.name = "cmdline"});
    visit.choice(self.arch, {.name = "arch", .words = kArchWords, .required = false});
    visit.number(self.limit, {.name = "limit", .scale = Scale::bytes});
    visit.choice(self.size_sel, {.name = "size_sel", .words = kSizeSelWords, .required = false});
    visit.number(self.size_mbytes, {.name = "size_mbytes", .fallback = 16, .max = 1 << 20});
    visit.number(self.size_percentage, {.name = "size_percentage", .fallback = 10, .max = 100});
    visit.flag(self.node_areas, "node_areas");
    visit.number(self.possible_nodes, {.name = "possible_nodes", .max = 16});
  }
  void perform(World& world, Slot self) const;
  friend bool operator==(const RunBoot&, const RunBoot&) = default;
};

}  // namespace cma
