#include "allocator/boot_testing.h"

#include <cstdio>
#include <utility>

namespace cma {

std::string cells(const std::vector<std::uint32_t>& numbers) {
  std::string value;
  for (const std::uint32_t number : numbers)
    for (unsigned shift = 32; shift > 0; shift -= 8) value += static_cast<char>(number >> (shift - 8) & 0xff);
  return value;
}

TreeNode node(std::string name, std::vector<TreeProperty> properties) {
  return {std::move(name), 1, std::move(properties)};
}

namespace {

std::vector<TreeProperty> area_with(TreeProperty place, std::vector<TreeProperty> more) {
  std::vector<TreeProperty> properties = {
      {"compatible", std::string("shared-dma-pool\0", 16)}, {"reusable", ""}, std::move(place)};
  for (TreeProperty& property : more) properties.push_back(std::move(property));
  return properties;
}

std::string hexadecimal(const char* format, std::uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, format, static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

std::vector<TreeProperty> area_of_size(std::uint32_t size, std::vector<TreeProperty> more) {
  return area_with({"size", cells({size})}, std::move(more));
}

std::vector<TreeProperty> area_at(std::uint32_t base, std::uint32_t size, std::vector<TreeProperty> more) {
  return area_with({"reg", cells({base, size})}, std::move(more));
}

BootTree tree_of(std::vector<TreeNode> regions) {
  BootTree tree;
  tree.reserved_memory =
      TreeNode{"reserved-memory", 0, {{"#address-cells", cells({1})}, {"#size-cells", cells({1})}, {"ranges", ""}}};
  tree.regions = std::move(regions);
  return tree;
}

const Boot& BootTrial::run(const BootTree* boot_tree, std::string_view cmdline, std::uint64_t limit) {
  if (boot_tree != nullptr) tree_ = *boot_tree;
  const BootMachine parts{machine.geometry(), machine.trace, machine.memblock, machine.areas, machine.bugs};
  boot_ = std::make_unique<Boot>(parts, config, boot_tree == nullptr ? nullptr : &tree_, cmdline);
  boot_->run(limit);
  return *boot_;
}

ByteRange BootTrial::area(const std::string& name) const {
  const std::optional<AreaId> id = machine.areas.find(name);
  if (!id) return {};
  const Area& found = machine.areas.area(*id);
  const unsigned shift = machine.geometry().page_shift();
  return {found.base << shift, (found.base + found.pages) << shift};
}

Geometry plain_board(Release release, std::uint64_t mebibytes) {
  Geometry g;
  g.release = release;
  g.memory = {0, mebibytes << 8};
  g.cma_debug = false;
  return g;
}

std::string reserved_line(Release release, std::uint64_t mebibytes, std::uint64_t address) {
  const std::string size = std::to_string(mebibytes) + " MiB at ";
  if (release < Release::v3_17) return "cma: CMA: reserved " + size + hexadecimal("%08llx", address);
  return "cma: Reserved " + size + hexadecimal("0x%016llx", address) + (release >= Release::v6_6 ? " on node -1" : "");
}

std::string failed_line(Release release, std::uint64_t mebibytes) {
  const std::string size = std::to_string(mebibytes) + " MiB";
  if (release < Release::v3_17) return "cma: CMA: failed to reserve " + size;
  return "cma: Failed to reserve " + size + (release >= Release::v6_6 ? " on node -1" : "");
}

}  // namespace cma
