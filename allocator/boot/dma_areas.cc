#include "allocator/boot/dma_areas.h"

#include <algorithm>

#include "allocator/areas/printed.h"
#include "allocator/base/assert.h"
#include "allocator/base/error.h"

namespace cma {

DmaAreas::DmaAreas(const BootMachine& machine, const BootConfig& config, const BootParameters& parameters)
    : machine_(machine), config_(config), parameters_(parameters) {}

std::optional<AreaId> DmaAreas::pernuma_area(unsigned node) const {
  CMA_ASSERT(node < kMaxNodes);
  return pernuma_areas_[node];
}

std::optional<AreaId> DmaAreas::numa_area(unsigned node) const {
  CMA_ASSERT(node < kMaxNodes);
  return numa_areas_[node];
}

void DmaAreas::debug(const std::string& text) {
  if (prints_debug(machine_.geometry)) machine_.trace.log("cma: " + text);
}

// Declares an area, and keeps what became of it.
int DmaAreas::declare(const DeclareRequest& request, std::optional<AreaId>& area) {
  const int error = machine_.areas.boot().declare_contiguous(request);
  attempts_.push_back({.request = request, .error = error});
  if (error != 0) attempts_.back().free_before = machine_.memblock.free_bytes_ranges();
  if (error == 0) area = attempts_.back().area = static_cast<AreaId>(machine_.areas.size() - 1);
  return error;
}

// --- nodes ---

// Declares an area in memory of the node, and reports a failure a second time, in the name of the caller.
void DmaAreas::reserve_node(unsigned node, std::uint64_t size, const std::string& name, std::optional<AreaId>& area) {
  const std::string caller =
      machine_.geometry.release >= Release::v6_6 ? "dma_numa_cma_reserve" : "dma_pernuma_cma_reserve";
  DeclareRequest request;
  request.name = name + std::to_string(node);
  request.size = size;
  request.node = node;
  const int error = declare(request, area);
  if (error != 0)
    machine_.trace.log("cma: " + caller + ": reservation failed: err " + std::to_string(error) + ", node " +
                       std::to_string(node));
}

void DmaAreas::reserve_pernuma() {
  const Release release = machine_.geometry.release;
  if (!config_.node_areas || release < Release::v5_10 || release >= Release::v6_6) return;
  if (parameters_.pernuma_size == 0) return;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    if (!machine_.geometry.has_node(node)) continue;
    reserve_node(node, parameters_.pernuma_size, "pernuma", pernuma_areas_[node]);
    if (pernuma_areas_[node])
      debug("dma_pernuma_cma_reserve: reserved " + std::to_string(parameters_.pernuma_size >> 20) + " MiB on node " +
            std::to_string(node));
  }
}

// Declares both areas of each node in turn (dma_numa_cma_reserve).
void DmaAreas::reserve_numa() {
  if (!config_.node_areas) return;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    if (!machine_.geometry.has_node(node)) {
      const bool asked = parameters_.pernuma_size != 0 || parameters_.node_sizes[node] != 0;
      if (asked && node < config_.possible_nodes)
        machine_.trace.log("cma: invalid node " + std::to_string(node) + " specified");
      continue;
    }
    if (parameters_.pernuma_size != 0) reserve_node(node, parameters_.pernuma_size, "pernuma", pernuma_areas_[node]);
    if (parameters_.node_sizes[node] != 0) reserve_node(node, parameters_.node_sizes[node], "numa", numa_areas_[node]);
  }
}

// --- the default area ---

// Computed in an unsigned long, which wraps on a 32-bit kernel with much memory. Up to 5.9 only what is in whole pages
// of a range of memory counts.
std::uint64_t DmaAreas::percent_of_memory() const {
  const Geometry& geometry = machine_.geometry;
  const std::uint64_t pages =
      geometry.release >= Release::v5_10 ? machine_.memblock.pages_of_bytes() : machine_.memblock.pages_of_ranges();
  const std::uint64_t share = as_long(geometry, pages * config_.size_percentage) / 100;
  return as_long(geometry, share << geometry.page_shift());
}

std::uint64_t DmaAreas::configured_size() const {
  const std::uint64_t mbytes = (config_.size_mbytes << 20) & machine_.geometry.phys_mask();
  switch (config_.selection) {
    case BootConfig::SizeSelection::mbytes: return mbytes;
    case BootConfig::SizeSelection::percentage: return percent_of_memory();
    case BootConfig::SizeSelection::min: return std::min(mbytes, percent_of_memory());
    case BootConfig::SizeSelection::max: return std::max(mbytes, percent_of_memory());
  }
  CMA_ASSERT(false);
  return 0;
}

void DmaAreas::reserve(std::uint64_t limit) {
  const Geometry& geometry = machine_.geometry;
  if (geometry.release >= Release::v6_6) reserve_numa();
  // %08lx is shorter than the %pa of other lines.
  const std::string digits = hex(as_long(geometry, limit));
  debug("dma_contiguous_reserve(limit " + std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits + ")");
  DeclareRequest request;
  request.name = "reserved";
  request.size = configured_size();
  request.limit = limit;
  if (parameters_.size) {
    request.size = *parameters_.size;
    request.base = parameters_.base;
    request.fixed = ((parameters_.base + request.size) & geometry.phys_mask()) == parameters_.limit;
    const bool limited = parameters_.limit != 0 && (limit == 0 || parameters_.limit < limit);
    if (limited && (request.fixed || !machine_.bugs.fires(Bug::cmdline_limit_ignored)))
      request.limit = parameters_.limit;
  }
  if (request.size == 0 || default_area_) return;
  debug("dma_contiguous_reserve: reserving " + printed_mebibytes(geometry, request.size) + " for global area");
  declare(request, default_area_);
}

// --- regions of reserved memory ---

int DmaAreas::set_up_node(const TreeNode& node, std::uint64_t base, std::uint64_t size) {
  const Geometry& geometry = machine_.geometry;
  CMA_ASSERT(geometry.release >= Release::v3_18);
  const bool is_default = node.has("linux,cma-default");
  // 5.6 gave the command line precedence.
  const bool passed_over = geometry.release >= Release::v5_6 && parameters_.size && is_default;
  if (passed_over && !machine_.bugs.fires(Bug::node_before_cmdline)) {
    machine_.trace.log("Reserved memory: bypass " + node.name + " node, using cmdline CMA params instead");
    return -kEBUSY;
  }
  if (!node.has("reusable") || node.has("no-map")) return -kEINVAL;
  if (!is_aligned(base | size, geometry.isolation_unit() << geometry.page_shift())) {
    machine_.trace.log("Reserved memory: incorrect alignment of CMA region");
    return -kEINVAL;
  }
  // An area's name has 63 characters at most (CMA_MAX_NAME).
  const int error = machine_.areas.boot().init_reserved_mem(base, size, 0, node.name.substr(0, 63));
  if (error != 0) {
    machine_.trace.log("Reserved memory: unable to setup CMA region");
    return error;
  }
  if (is_default) default_area_ = static_cast<AreaId>(machine_.areas.size() - 1);
  machine_.trace.log("Reserved memory: created CMA memory pool at " + printed_address(geometry, base) + ", size " +
                     printed_mebibytes(geometry, size));
  return 0;
}

int DmaAreas::set_up_coherent_pool(const TreeNode& node, std::uint64_t base, std::uint64_t size) {
  if (node.has("reusable")) return -kEINVAL;
  if (config_.architecture == Architecture::arm && !node.has("no-map")) {
    machine_.trace.log("Reserved memory: regions without no-map are not yet supported");
    return -kEINVAL;
  }
  machine_.trace.log("Reserved memory: created DMA memory pool at " + printed_address(machine_.geometry, base) +
                     ", size " + printed_mebibytes(machine_.geometry, size));
  return 0;
}

}  // namespace cma
