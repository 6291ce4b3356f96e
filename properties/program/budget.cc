#include "properties/program/budget.h"

#include <algorithm>

#include "allocator/areas/area_files.h"

namespace cma {
namespace {

// More steps than anything takes, and far from overflow.
constexpr std::uint64_t kNoBound = std::uint64_t{1} << 56;

// Returns the bound of one contiguous allocation, which may move all pages of the units around its range.
std::uint64_t contig_steps(const Machine& machine, std::uint64_t pages) {
  return (pages + 2 * machine.geometry().isolation_unit()) * kStepsPerPage;
}

// Returns the bound of a sweep, which tries every window once. Windows lie an alignment, or a bit, apart.
std::uint64_t sweep_steps(const World& world, AreaId id, std::uint64_t pages, std::uint64_t align) {
  const Area& area = world.machine().areas.area(id);
  const std::uint64_t apart = std::max<std::uint64_t>(std::min<std::uint64_t>(align, 32), area.order_per_bit);
  const std::uint64_t windows = (area.pages >> apart) + 1;
  // A request larger than the area fails at once, unless a bug takes it for one that fits.
  const std::uint64_t window = contig_steps(world.machine(), std::min(pages, area.pages));
  return windows > kNoBound / window ? kNoBound : windows * window;
}

std::uint64_t sweep_steps(const World& world, AreaRef ref, std::uint64_t pages, std::uint64_t align) {
  const auto id = world.area(ref);
  return id ? sweep_steps(world, *id, pages, align) : 0;
}

// The bound of each kind of operation.
struct Bound {
  const World& world;
  // Returns the bound of so many runs down the priorities.
  std::uint64_t reclaim_steps(std::uint64_t runs) const {
    constexpr std::uint64_t kPriorities = 13;
    return runs * kPriorities * 16 * world.machine().map.range().pages();
  }
  std::uint64_t operator()(const CmaAlloc& op) const { return sweep_steps(world, op.area, op.pages, op.align); }
  std::uint64_t operator()(const DebugfsAlloc& op) const {
    return sweep_steps(world, op.area, debugfs_count(op.pages), 0);
  }
  // Each area may be tried: the device's own, or two of a node and the default one.
  std::uint64_t operator()(const DmaBuffer& op) const {
    const Geometry& geometry = world.machine().geometry();
    const std::uint64_t pages = (op.size >> geometry.page_shift()) + 1;
    std::uint64_t steps = 16 * world.machine().map.range().pages();
    for (AreaId id = 0; id < world.machine().areas.size(); ++id)
      steps = std::min(kNoBound, steps + sweep_steps(world, id, pages, 0));
    return steps;
  }
  template <PageKind Kind>
  std::uint64_t operator()(const OwnedPages<Kind>& op) const {
    return op.pages * contig_steps(world.machine(), 1);
  }
  std::uint64_t operator()(const KernelPages& op) const { return op.pages * contig_steps(world.machine(), 1); }
  std::uint64_t operator()(const ReadFile& op) const { return op.pages * contig_steps(world.machine(), 1); }
  std::uint64_t operator()(const BufferRead& op) const { return op.pages * contig_steps(world.machine(), 1); }
  std::uint64_t operator()(const MmapAnon& op) const { return op.pages * contig_steps(world.machine(), 1); }
  std::uint64_t operator()(const MmapHuge& op) const {
    const std::uint64_t pages = op.count * order_pages(world.machine().processes.huge_order());
    return pages * contig_steps(world.machine(), 1);
  }
  std::uint64_t operator()(const HugetlbGrow& op) const {
    return op.count * order_pages(world.machine().hugetlb.order()) * contig_steps(world.machine(), 1);
  }
  std::uint64_t operator()(const AllocRange& op) const {
    return contig_steps(world.machine(), std::min(op.pages, world.machine().map.range().pages()));
  }
  // Each page is scanned from both sides and moved once at most; a pageblock may be visited again.
  std::uint64_t operator()(const Compact&) const {
    return contig_steps(world.machine(), world.machine().map.range().pages());
  }
  // Each priority tries each page a few times at most. kswapd gives up after so many runs, each twice at most.
  std::uint64_t operator()(const DirectReclaim&) const { return reclaim_steps(4); }
  std::uint64_t operator()(const RunKswapd&) const { return reclaim_steps(2 * kMaxReclaimRetries); }
  // Freeing and draining touch each page a few times at most.
  template <class Other>
  std::uint64_t operator()(const Other&) const {
    return 16 * world.machine().map.range().pages();
  }
};

// Returns the bound of what requests for pages do together that find too little: each reclaims and compacts all memory
// a few times.
std::uint64_t relief_steps(const World& world) {
  const Bound bound{world};
  return 20 * (bound.reclaim_steps(4) + contig_steps(world.machine(), world.machine().map.range().pages()));
}

}  // namespace

std::uint64_t step_budget(const World& world, const Op& op) {
  return kStepsPerOperation + std::visit(Bound{world}, op.body) + relief_steps(world);
}

std::uint64_t step_budget(const World& world, const AreaRequest& request) {
  return kStepsPerOperation + sweep_steps(world, request.area, request.pages, request.align) + relief_steps(world);
}

}  // namespace cma
