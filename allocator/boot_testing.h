// Helpers of boot's tests: device trees made in place, and machines that have not finished booting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/boot/boot.h"
#include "allocator/machine_testing.h"

namespace cma {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Returns numbers as a property has them: cells of four bytes, the highest byte first.
std::string cells(const std::vector<std::uint32_t>& numbers);
// Returns a node below /reserved-memory with these properties; empty values are properties without one.
TreeNode node(std::string name, std::vector<TreeProperty> properties);
// Returns the properties of an area that the kernel places: a size, and what else is given.
std::vector<TreeProperty> area_of_size(std::uint32_t size, std::vector<TreeProperty> more = {});
// Returns those of an area with a fixed place.
std::vector<TreeProperty> area_at(std::uint32_t base, std::uint32_t size, std::vector<TreeProperty> more = {});
// Returns a tree with these nodes below /reserved-memory: addresses and sizes have one cell each.
BootTree tree_of(std::vector<TreeNode> regions);

// A machine that boots.
class BootTrial {
 public:
  explicit BootTrial(const Geometry& geometry) : machine(geometry) {}

  // Runs boot and returns it.
  const Boot& run(const BootTree* boot_tree, std::string_view cmdline, std::uint64_t limit = 0);
  // Returns the lines so far.
  std::vector<std::string> lines() const { return log_lines(machine); }
  // Returns the area of that name, in bytes; an empty range if there is none.
  ByteRange area(const std::string& name) const;

  Machine machine;
  BootConfig config;

 private:
  BootTree tree_;
  std::unique_ptr<Boot> boot_;
};

// Returns a machine with this much memory from 0 on, without debug lines.
Geometry plain_board(Release release, std::uint64_t mebibytes);

// Returns the line that a declaration ends with, as the release prints it.
std::string reserved_line(Release release, std::uint64_t mebibytes, std::uint64_t address);
std::string failed_line(Release release, std::uint64_t mebibytes);

}  // namespace cma
