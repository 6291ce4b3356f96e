#include "allocator/boot/hugetlb_areas.h"

#include <algorithm>
#include <string>

#include "allocator/base/assert.h"

namespace cma {
namespace {

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

HugetlbAreas::HugetlbAreas(const BootMachine& machine, const BootConfig& config, const BootParameters& parameters)
    : machine_(machine), config_(config), size_(parameters.hugetlb_size), node_sizes_(parameters.hugetlb_node_sizes) {}

std::optional<AreaId> HugetlbAreas::area(unsigned node) const {
  CMA_ASSERT(node < kMaxNodes);
  return areas_[node];
}

unsigned HugetlbAreas::gigantic_order() const {
  constexpr unsigned kGiB = 30;
  const unsigned shift = machine_.geometry.page_size == 65536 ? 34 : kGiB;
  return shift - machine_.geometry.page_shift();
}

bool HugetlbAreas::modelled() const { return config_.architecture != Architecture::arm; }

// Takes out the sizes of nodes that cannot have them, and reports each. Returns whether the others decide alone.
bool HugetlbAreas::check_nodes() {
  bool specific = false;
  for (unsigned node = 0; node < kMaxNodesOfKernel; ++node) {
    std::uint64_t& size = node_sizes_[node];
    if (size == 0) continue;
    const bool there = machine_.geometry.has_node(node);
    if (there && size >= gigantic_bytes()) {
      specific = true;
      continue;
    }
    log(there ? "cma area of node " + std::to_string(node) + " should be at least " + megabytes(gigantic_bytes())
              : "invalid node " + std::to_string(node) + " specified");
    size_ -= size;
    size = 0;
  }
  return specific;
}

// Returns the share of each node, and reports it. In whole pages since stable releases of 5.10 and later; the last node
// may have none.
std::uint64_t HugetlbAreas::per_node() {
  std::uint64_t nodes = 0;
  for (unsigned node = 0; node < kMaxNodes; ++node) nodes += machine_.geometry.has_node(node) ? 1 : 0;
  const std::uint64_t share = align_up((size_ + nodes - 1) / nodes, gigantic_bytes());
  log("reserve " + megabytes(size_) + ", up to " + megabytes(share) + " per node");
  return share;
}

// Up to 6.0 a bit is a page; since then as much as a huge page can be demoted to. 6.1 aligns to that, too.
void HugetlbAreas::declare(unsigned node, std::uint64_t size) {
  const Geometry& geometry = machine_.geometry;
  const unsigned huge_order = Geometry::huge_page_order_of(geometry.page_size);
  DeclareRequest request;
  request.name = "hugetlb" + std::to_string(node);
  request.size = size;
  request.alignment = gigantic_bytes();
  if (geometry.release >= Release::v6_1 && geometry.release < Release::v6_12)
    request.alignment = geometry.page_size << huge_order;
  request.order_per_bit = geometry.release >= Release::v6_1 ? huge_order : 0;
  request.node = node;
  attempts_.push_back({.request = request, .error = machine_.areas.boot().declare_contiguous(request)});
  AreaAttempt& attempt = attempts_.back();
  if (attempt.error != 0) {
    attempt.free_before = machine_.memblock.free_bytes_ranges();
    log("reservation failed: err " + std::to_string(attempt.error) + ", node " + std::to_string(node));
    return;
  }
  attempt.area = areas_[node] = static_cast<AreaId>(machine_.areas.size() - 1);
  log("reserved " + megabytes(size) + " on node " + std::to_string(node));
}

void HugetlbAreas::reserve() {
  if (machine_.geometry.release < Release::v5_7 || !modelled() || size_ == 0) return;
  const bool specific = check_nodes();
  if (size_ == 0) return;
  if (size_ < gigantic_bytes()) {
    log("cma area should be at least " + megabytes(gigantic_bytes()));
    return;
  }
  const std::uint64_t share = specific ? 0 : per_node();
  std::uint64_t reserved = 0;
  for (unsigned node = 0; node < kMaxNodes && reserved < size_; ++node) {
    if (!machine_.geometry.has_node(node) || (specific && node_sizes_[node] == 0)) continue;
    const std::uint64_t size =
        align_up(specific ? node_sizes_[node] : std::min(share, size_ - reserved), gigantic_bytes());
    const std::size_t areas = machine_.areas.size();
    declare(node, size);
    if (machine_.areas.size() != areas) reserved += size;
  }
}

void HugetlbAreas::check() const {
  if (machine_.geometry.release < Release::v5_7 || modelled() || size_ == 0) return;
  log("the option isn't supported by current arch");
}

}  // namespace cma
