#include "allocator/boot/boot_tree.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {
namespace {

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

const std::string* TreeNode::find(std::string_view property) const {
  const auto found = std::ranges::find(properties, property, &TreeProperty::name);
  return found == properties.end() ? nullptr : &found->value;
}

std::optional<std::string> TreeNode::text(std::string_view property) const {
  const std::string* value = find(property);
  if (value == nullptr) return std::nullopt;
  return value->substr(0, value->find('\0'));
}

bool TreeNode::compatible_with(std::string_view wanted) const {
  const std::string* value = find("compatible");
  if (value == nullptr) return false;
  std::string_view rest = *value;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (std::ranges::equal(entry, wanted, {}, lower_case, lower_case)) return true;
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
  }
  return false;
}

bool TreeNode::asks_for_area() const {
  return compatible_with("shared-dma-pool") && (has("reusable") || has("linux,cma-default"));
}

bool TreeNode::available() const {
  const std::optional<std::string> status = text("status");
  return !status || *status == "okay" || *status == "ok";
}

std::uint64_t number_at(const std::string& value, std::size_t byte, unsigned cells) {
  CMA_ASSERT(cells <= 2);
  CMA_ASSERT(byte + cells * 4 <= value.size());
  std::uint64_t number = 0;
  for (std::size_t i = byte; i < byte + cells * 4; ++i) number = number << 8 | static_cast<unsigned char>(value[i]);
  return number;
}

std::string cells_of(std::uint64_t number, unsigned cells) {
  CMA_ASSERT(cells == 1 || cells == 2);
  std::string value;
  for (unsigned shift = cells * 32; shift > 0; shift -= 8) value += static_cast<char>(number >> (shift - 8) & 0xff);
  return value;
}

TreeNode reserved_memory_node(unsigned address_cells, unsigned size_cells) {
  return {"reserved-memory",
          0,
          {{"#address-cells", cells_of(address_cells, 1)}, {"#size-cells", cells_of(size_cells, 1)}, {"ranges", ""}}};
}

}  // namespace cma
