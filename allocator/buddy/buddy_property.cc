// The page allocator against a set of intervals, on odd machines: holes, zones that meet anywhere, a small area.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

Geometry odd_geometry(Release release) {
  Geometry g;
  g.release = release;
  g.pageblock_order = *rc::gen::inRange(2U, 5U);
  g.largest_order = g.pageblock_order + *rc::gen::inRange(0U, 3U);
  const Pfn unit = g.largest_pages();
  const Pfn start = unit * *rc::gen::inRange<Pfn>(0, 4);
  const Pfn area = start + 4 * unit;
  g.memory = {start, area + unit + *rc::gen::inRange<Pfn>(1, 2 * unit)};
  g.cpus = *rc::gen::inRange(1, 3);
  const Pfn border = *rc::gen::inRange<Pfn>(start + 1, area);
  g.zones = {{"DMA", {start, border}}, {"Normal", {border, g.memory.end}}};
  const Pfn hole = *rc::gen::inRange<Pfn>(start, area - 1);
  g.holes = {{hole, *rc::gen::inRange<Pfn>(hole + 1, area)}};
  g.areas = {{"area", area, unit, 0}};
  g.pcp_batch = *rc::gen::inRange(1, 5);
  g.pcp_high = *rc::gen::inRange(0, 12);
  g.min_free_kbytes = *rc::gen::inRange<std::uint64_t>(0, 64);
  return g;
}

std::uint64_t pages_on_pcp_lists(const Machine& machine, std::size_t zone) {
  std::uint64_t pages = 0;
  for (int cpu = 0; cpu < machine.engine.cpus(); ++cpu)
    for (unsigned list = 0; list < machine.buddy.per_cpu().lists_in_use(); ++list)
      pages += pfns_of(machine.map, machine.buddy.zone(zone).pcp[static_cast<unsigned>(cpu)].lists[list]).size()
               << machine.buddy.per_cpu().list_order(list);
  return pages;
}

// The blocks that programs hold, as intervals by first frame. Knows nothing of the allocator.
class Held {
 public:
  void add(Pfn pfn, unsigned order) {
    const auto after = blocks_.lower_bound(pfn);
    RC_ASSERT(after == blocks_.end() || pfn + order_pages(order) <= after->first);
    if (after != blocks_.begin()) {
      const auto before = std::prev(after);
      RC_ASSERT(before->first + order_pages(before->second) <= pfn);
    }
    blocks_[pfn] = order;
    pages_ += order_pages(order);
  }
  std::pair<Pfn, unsigned> take(std::size_t index) {
    const auto it = std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(index % blocks_.size()));
    const std::pair<Pfn, unsigned> block = *it;
    blocks_.erase(it);
    pages_ -= order_pages(block.second);
    return block;
  }
  bool empty() const { return blocks_.empty(); }
  std::uint64_t pages() const { return pages_; }

 private:
  std::map<Pfn, unsigned> blocks_;
  std::uint64_t pages_ = 0;
};

void check_conservation(const Machine& machine, const Held& held) {
  std::uint64_t accounted = held.pages();
  std::uint64_t managed = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    RC_ASSERT(recount_free(machine, z) == std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
    const std::uint64_t listed = pages_on_pcp_lists(machine, z);
    std::uint64_t counted = 0;
    for (const PerCpuPages& pcp : zone.pcp) counted += static_cast<std::uint64_t>(pcp.count);
    RC_ASSERT(listed == counted);
    accounted += static_cast<std::uint64_t>(zone.nr_free_pages) + listed;
    managed += zone.managed;
  }
  RC_ASSERT(accounted == managed);
}

// Checks that there are no two free buddies that the release would have merged.
void check_merged(const Machine& machine) {
  const MemoryMap& map = machine.map;
  for (const Block& block : free_blocks(machine, map.range())) {
    const auto [pfn, order] = block;
    RC_ASSERT(is_aligned(pfn, order_pages(order)));
    if (order >= machine.buddy.largest_order()) continue;
    const Pfn buddy = machine.buddy.free_lists().free_buddy(pfn, order);
    if (buddy == kNoPfn) continue;
    const Migratetype mine = map.pageblock_type(pfn);
    const Migratetype other = map.pageblock_type(buddy);
    const bool refused = order >= map.pageblock_order() && mine != other &&
                         !(is_mergeable(mine) && is_mergeable(other)) && machine.release() >= Release::v5_18;
    RC_ASSERT(refused);
  }
}

void any_history(Release release) {
  const Geometry geometry = odd_geometry(release);
  RC_PRE(!geometry.impossible());
  const std::unique_ptr<Machine> machine = make_machine(geometry);
  for (int cpu = 0; cpu < geometry.cpus; ++cpu) machine->engine.add_actor(cpu);
  const std::vector<Gfp> requests = {kGfpKernel, kGfpKernel | kGfpReclaimable, kGfpKernel | kGfpMovable,
                                     kGfpAtomic, kGfpKernel | kGfpDma,         kGfpKernel | kGfpComp};
  Held held;
  const auto free_one = [&](std::size_t index) {
    const auto [pfn, order] = held.take(index);
    run_now(machine->buddy.free_pages(pfn, order));
  };
  const auto steps = *rc::gen::inRange(1, 120);
  for (int step = 0; step < steps; ++step) {
    machine->engine.assume(1 + *rc::gen::inRange(0U, static_cast<unsigned>(geometry.cpus)));
    if (held.empty() || *rc::gen::inRange(0, 5) > 1) {
      const unsigned order = *rc::gen::inRange(0U, geometry.largest_order + 1);
      const Pfn pfn = machine->buddy.alloc_pages(*rc::gen::elementOf(requests), order);
      if (pfn != kNoPfn) held.add(pfn, order);
    } else {
      free_one(*rc::gen::inRange<std::size_t>(0, 1000));
    }
    check_conservation(*machine, held);
  }
  while (!held.empty()) free_one(0);
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  check_conservation(*machine, held);
  for (std::size_t z = 0; z < machine->buddy.zones(); ++z)
    RC_ASSERT(static_cast<std::uint64_t>(machine->buddy.zone(z).nr_free_pages) == machine->buddy.zone(z).managed);
  check_merged(*machine);
}

RC_GTEST_PROP(BuddyProperty, NoPageIsGivenTwiceAndNoneIsLostOn49, ()) { any_history(Release::v4_9); }
RC_GTEST_PROP(BuddyProperty, NoPageIsGivenTwiceAndNoneIsLostOn510, ()) { any_history(Release::v5_10); }
RC_GTEST_PROP(BuddyProperty, NoPageIsGivenTwiceAndNoneIsLostOn419, ()) { any_history(Release::v4_19); }
RC_GTEST_PROP(BuddyProperty, NoPageIsGivenTwiceAndNoneIsLostOn61, ()) { any_history(Release::v6_1); }
RC_GTEST_PROP(BuddyProperty, NoPageIsGivenTwiceAndNoneIsLostOn612, ()) { any_history(Release::v6_12); }

}  // namespace
}  // namespace cma
