#include "properties/board/tree_blob.h"

#include <fmt/format.h>
#include <libfdt.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace cma {
namespace {

// A blob that fdt_check_full() has found whole: every node and property lies inside it.
class Blob {
 public:
  explicit Blob(std::string_view bytes) : size_(bytes.size()), words_(bytes.size() / 8 + 1) {
    // libfdt wants an address that 8 divides.
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  const void* data() const { return words_.data(); }
  // Returns what is wrong with it; empty if nothing is.
  std::string complaint() const {
    if (size_ < FDT_V1_SIZE) return fmt::format("{} bytes are too few for a device-tree blob", size_);
    const int error = fdt_check_full(data(), size_);
    return error == 0 ? "" : fmt::format("damaged device-tree blob: {}", fdt_strerror(error));
  }

 private:
  std::size_t size_;
  std::vector<std::uint64_t> words_;
};

class Reader {
 public:
  explicit Reader(const Blob& blob) : fdt_(blob.data()) {}

  std::expected<BootTree, std::string> read() {
    read_header();
    int depth = -1;
    bool in_reserved_memory = false;
    for (int node = fdt_next_node(fdt_, -1, &depth); node >= 0 && depth >= 0;
         node = fdt_next_node(fdt_, node, &depth)) {
      if (depth == 1) {
        if (auto why = complaint(); !why.empty()) return std::unexpected(why);
        in_reserved_memory = name_of_node(node) == "reserved-memory" && !tree_.reserved_memory;
        if (in_reserved_memory) tree_.reserved_memory = copy(node, 0);
      }
      if (depth == 0) read_root(node);
      if (auto why = name_complaint(node); !why.empty()) return std::unexpected(why);
      if (depth > 1 && in_reserved_memory) {
        if (tree_.regions.size() == kMostRegionNodes)
          return std::unexpected(fmt::format("/reserved-memory has more than {} nodes", kMostRegionNodes));
        tree_.regions.push_back(copy(node, static_cast<unsigned>(depth - 1)));
      }
      if (depth > 0) read_other(node, depth);
    }
    if (auto why = complaint(); !why.empty()) return std::unexpected(why);
    return std::move(tree_);
  }

 private:
  std::string name_of_node(int node) const {
    const char* name = fdt_get_name(fdt_, node, nullptr);
    return name == nullptr ? "" : name;
  }

  // Returns why a name cannot be printed; empty if it can.
  std::string name_complaint(int node) const {
    const std::string name = name_of_node(node);
    const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
    return printable ? "" : fmt::format("the name of the node at {:#x} is no printable ASCII", node);
  }

  TreeNode copy(int offset, unsigned depth) const {
    TreeNode node;
    node.name = name_of_node(offset);
    node.depth = depth;
    int property = 0;
    fdt_for_each_property_offset(property, fdt_, offset) {
      const char* name = nullptr;
      int length = 0;
      const void* value = fdt_getprop_by_offset(fdt_, property, &name, &length);
      if (value == nullptr || name == nullptr || length < 0) continue;
      node.properties.push_back({name, std::string(static_cast<const char*>(value), static_cast<std::size_t>(length))});
    }
    return node;
  }

  void read_header() {
    for (int i = 0; i < fdt_num_mem_rsv(fdt_); ++i) {
      std::uint64_t base = 0;
      std::uint64_t size = 0;
      if (fdt_get_mem_rsv(fdt_, i, &base, &size) != 0 || size == 0) return;
      tree_.header_reservations.emplace_back(base, size);
    }
  }

  void read_root(int node) {
    const TreeNode root = copy(node, 0);
    const auto cells = [&](std::string_view property, unsigned otherwise) {
      const std::string* value = root.find(property);
      if (value == nullptr) return otherwise;
      return value->size() == 4 ? static_cast<unsigned>(number_at(*value, 0, 1)) : 0;
    };
    tree_.address_cells = cells("#address-cells", 1);
    tree_.size_cells = cells("#size-cells", 1);
  }

  // Returns why the root's widths cannot be read; empty if they can.
  std::string complaint() const {
    for (const auto& [property, cells] :
         {std::pair{"#address-cells", tree_.address_cells}, std::pair{"#size-cells", tree_.size_cells}})
      if (cells < 1 || cells > 2) return fmt::format("/: {} must be one number, 1 or 2", property);
    return "";
  }

  void read_other(int node, int depth) {
    const TreeNode copied = copy(node, static_cast<unsigned>(depth));
    if (copied.text("device_type") == "memory") tree_.memory.push_back(copied);
    if (depth == 1 && (copied.name == "chosen" || copied.name == "chosen@0"))
      tree_.cmdline = copied.text("bootargs").value_or("");
  }

  const void* fdt_;
  BootTree tree_;
};

}  // namespace

std::expected<BootTree, std::string> read_boot_tree(std::string_view bytes) {
  const Blob blob(bytes);
  if (std::string why = blob.complaint(); !why.empty()) return std::unexpected(why);
  return Reader(blob).read();
}

}  // namespace cma
