// The parts of a device tree that boot reads before there are pages: reservations, memory and the command line, as a
// copy of their own. Plain data: its maker has checked every length (properties/board/ reads blobs).
//
// reserved_memory.h reads it. Cost: finding a property is linear in those of its node. No locks; it stands on nothing.
//
// Sources: drivers/of/fdt.c and drivers/of/of_reserved_mem.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cma {

// The value is the property's bytes: numbers are cells of four bytes, the highest first.
struct TreeProperty {
  std::string name;
  std::string value;
};

struct TreeNode {
  std::string name;    // with its unit address, "region@30000000"
  unsigned depth = 0;  // below the node in which it was found: 1 for its children
  std::vector<TreeProperty> properties;

  // Returns the value of a property, nullptr if the node has none of that name.
  const std::string* find(std::string_view property) const;
  bool has(std::string_view property) const { return find(property) != nullptr; }
  // Returns the text of a property up to its first zero byte; nullopt if the node has none of that name.
  std::optional<std::string> text(std::string_view property) const;
  // Returns whether one of the texts of `compatible` is this one; upper and lower case are the same.
  bool compatible_with(std::string_view wanted) const;
  // Returns whether the node asks for an area: a shared-dma-pool that is `reusable`, or is to be the default area.
  bool asks_for_area() const;
  // Returns whether the node is in use: it has no `status`, or "okay" or "ok".
  bool available() const;
};

struct BootTree {
  // #address-cells and #size-cells of the root: 1 or 2.
  unsigned address_cells = 1;
  unsigned size_cells = 1;
  // /memreserve/ of the blob's header: addresses and sizes in bytes.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> header_reservations;
  // /reserved-memory, if there is one, and all nodes below it in the order of the tree.
  std::optional<TreeNode> reserved_memory;
  std::vector<TreeNode> regions;
  // Nodes with device_type "memory".
  std::vector<TreeNode> memory;
  // `bootargs` of /chosen.
  std::string cmdline;
};

// Returns the number in `cells` cells from this byte of a value on (of_read_number).
// Requires: the value has so many bytes, and there are no more than two cells.
std::uint64_t number_at(const std::string& value, std::size_t byte, unsigned cells);
// Returns a number as a value has it, in one or two cells: number_at() reads it. The high bits of a larger number are
// left out.
std::string cells_of(std::uint64_t number, unsigned cells);
// Returns a /reserved-memory without nodes, whose regions have numbers of so many cells.
TreeNode reserved_memory_node(unsigned address_cells, unsigned size_cells);

}  // namespace cma
