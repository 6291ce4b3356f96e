#include "allocator/reports/gather.h"

#include <algorithm>

#include "allocator/buddy/kernel_zones.h"

namespace cma {
namespace {

// The figures that are sums over zones.
constexpr std::uint64_t PageFigures::* kSummed[] = {
    &PageFigures::active_anon,      &PageFigures::inactive_anon,
    &PageFigures::active_file,      &PageFigures::inactive_file,
    &PageFigures::unevictable,      &PageFigures::isolated_anon,
    &PageFigures::isolated_file,    &PageFigures::mlocked,
    &PageFigures::cached,           &PageFigures::buffers,
    &PageFigures::mapped,           &PageFigures::shmem,
    &PageFigures::anon_mapped,      &PageFigures::dirty,
    &PageFigures::writeback,        &PageFigures::writepending,
    &PageFigures::anon_thp,         &PageFigures::free,
    &PageFigures::free_pcp,         &PageFigures::local_pcp,
    &PageFigures::free_cma,         &PageFigures::reserved_highatomic,
    &PageFigures::present,          &PageFigures::managed,
    &PageFigures::slab_reclaimable, &PageFigures::slab_unreclaimable,
    &PageFigures::pagetables,       &PageFigures::kernel_stack_kb,
};

void add_figures(PageFigures& to, const PageFigures& from) {
  for (std::uint64_t PageFigures::* const figure : kSummed) to.*figure += from.*figure;
}

// Collects the figures of one machine.
class FigureWalk {
 public:
  explicit FigureWalk(const FigureSources& from) : from_(from), release_(from.core.geometry.release) {}

  MemoryFigures take();
  MemoryFigures outline();

 private:
  void describe_kernel();
  void read_zone(std::size_t z);
  void read_blocks(const Zone& zone, ZoneFigures& figures);
  void count_page(Pfn pfn, const Page& page);
  void count_owner(const Owner& owner);
  void count_kernel_page(PageFigures& zone, KernelUse use) const;
  void count_huge_pages();
  void add_up();
  void add_empty_zones();
  void settle_isolated();
  PageFigures& zone_of(const Page& page) { return memory_.zones[page.zone].pages; }
  NodeFigures& node_of(unsigned node);

  const FigureSources& from_;
  Release release_;
  MemoryFigures memory_;
};

// Returns the record of a node, which is made when it is asked for first.
NodeFigures& FigureWalk::node_of(unsigned node) {
  const auto found = std::ranges::find(memory_.nodes, node, &NodeFigures::node);
  return found != memory_.nodes.end() ? *found : memory_.nodes.emplace_back(NodeFigures{.node = node});
}

void FigureWalk::describe_kernel() {
  const Geometry& geometry = from_.core.geometry;
  memory_.release = release_;
  memory_.page_size = geometry.page_size;
  memory_.largest_order = geometry.largest_order;
  memory_.numa = geometry.several_nodes();
  memory_.thp = geometry.transparent_hugepages;
  // Kernels of 32 bits have no such option; 3.6 prints no such line.
  memory_.memory_failure = geometry.bits_per_long() == 64;
  memory_.arm = geometry.bits_per_long() == 32;
  memory_.cma_per_cpu = geometry.cma_before_highatomic;
  memory_.pages_of_thp = order_pages(geometry.huge_page_order());
  memory_.hugepage_kb = order_pages(from_.hugetlb.order()) * (geometry.page_size / 1024);
  for (std::size_t z = 0; z < from_.buddy.zones(); ++z)
    memory_.highmem = memory_.highmem || from_.buddy.zone(z).kind == ZoneKind::high_mem;
}

// Reads what the zone itself counts.
void FigureWalk::read_zone(std::size_t z) {
  const Zone& zone = from_.buddy.zone(z);
  ZoneFigures& figures = memory_.zones.emplace_back();
  figures.name = from_.buddy.zone_name(z);
  figures.node = zone.node;
  figures.lowmem_reserve = lowmem_reserves(from_.buddy, z, zone.node);
  PageFigures& pages = figures.pages;
  pages.free = static_cast<std::uint64_t>(zone.nr_free_pages);
  pages.free_cma = static_cast<std::uint64_t>(zone.nr_free_cma);
  pages.boost = zone.watermark_boost;
  pages.min = Watermarks::watermark(zone, Watermark::min);
  pages.low = Watermarks::watermark(zone, Watermark::low);
  pages.high = Watermarks::watermark(zone, Watermark::high);
  pages.reserved_highatomic = zone.nr_reserved_highatomic;
  pages.present = zone.present;
  pages.managed = zone.managed;
  for (int cpu = 0; cpu < from_.buddy.cpus(); ++cpu) {
    const PerCpuPages& lists = zone.pcp[static_cast<unsigned>(cpu)];
    pages.free_pcp += static_cast<std::uint64_t>(lists.count);
    figures.per_cpu.push_back({.high = lists.high, .batch = lists.batch, .count = lists.count});
  }
  pages.local_pcp = static_cast<std::uint64_t>(zone.pcp[static_cast<unsigned>(from_.core.engine.cpu())].count);
  read_blocks(zone, figures);
}

void FigureWalk::read_blocks(const Zone& zone, ZoneFigures& figures) {
  for (unsigned order = 0; order <= memory_.largest_order; ++order) {
    const BlocksOfOrder& blocks = zone.free_by_order[order];
    figures.blocks[order] = blocks.nr_free;
    for (unsigned type = 0; type < kMigratetypes; ++type) {
      if (blocks.lists[type].empty()) continue;
      if (migratetype_at(type) == Migratetype::cma && from_.core.bugs.fires(Bug::report_hides_areas)) continue;
      figures.types[order] |= static_cast<std::uint8_t>(1U << type);
    }
  }
  if (!from_.core.bugs.active(Bug::report_counts_isolated)) return;
  std::uint64_t in_blocks = 0;
  for (unsigned order = 0; order <= memory_.largest_order; ++order) in_blocks += figures.blocks[order] << order;
  if (in_blocks != figures.pages.free) from_.core.bugs.reached(Bug::report_counts_isolated);
  figures.pages.free = in_blocks;
}

void FigureWalk::count_page(Pfn pfn, const Page& page) {
  if (!from_.core.map.present(pfn)) return;
  if (page.has(kPageReserved)) {
    ++memory_.reserved;
  } else if (page.ref > 0) {
    memory_.shared += static_cast<std::uint64_t>(page.ref) - 1;
    memory_.nonshared += page.ref == 1 ? 1 : 0;
  }
  if (page.has(kPageHugetlb)) {
    NodeFigures& node = node_of(from_.buddy.zone(page.zone).node);
    ++node.hugepages_total;
    node.hugepages_free += page.ref == 0 ? 1 : 0;
    return;
  }
  PageFigures& zone = zone_of(page);
  const std::uint64_t pages = pages_of(page);
  const bool anon = page.has(kPageSwapbacked);
  const bool active = page.has(kPageActive);
  if (page.has(kPageMlocked)) zone.mlocked += pages;
  if (page.has(kPageWriteback)) zone.writeback += pages;
  if (page.has(kPageLru)) {
    if (page.has(kPageUnevictable))
      zone.unevictable += pages;
    else if (anon)
      (active ? zone.active_anon : zone.inactive_anon) += pages;
    else
      (active ? zone.active_file : zone.inactive_file) += pages;
  } else if (page.has(kPageTaskList) && !page.has(kPageMovableOps)) {
    (anon ? zone.isolated_anon : zone.isolated_file) += pages;
  }
}

void FigureWalk::count_kernel_page(PageFigures& zone, KernelUse use) const {
  switch (use) {
    case KernelUse::other: break;
    case KernelUse::slab: ++zone.slab_unreclaimable; break;
    case KernelUse::reclaimable_slab: ++zone.slab_reclaimable; break;
    case KernelUse::page_table: ++zone.pagetables; break;
    case KernelUse::stack: zone.kernel_stack_kb += memory_.page_size / 1024; break;
  }
}

void FigureWalk::count_owner(const Owner& owner) {
  if (owner.pfn == kNoPfn) return;
  const Page& page = from_.core.map.page(owner.pfn);
  PageFigures& zone = zone_of(page);
  if (owner.kind == PageKind::anonymous) {
    const bool mapped_whole = owner.huge != 0 && from_.owners.huge_page(owner.huge).pmds > 0;
    zone.anon_mapped += owner.mapped > 0 || mapped_whole ? 1 : 0;
    zone.anon_thp += mapped_whole ? 1 : 0;
    return;
  }
  if (owner.kind == PageKind::unmovable) count_kernel_page(zone, owner.use);
  if (!is_cached(owner.kind)) return;
  ++zone.cached;
  zone.mapped += owner.mapped > 0 ? 1 : 0;
  zone.shmem += owner.kind == PageKind::shmem ? 1 : 0;
  const bool of_device = owner.kind == PageKind::block_device ||
                         (owner.kind == PageKind::file && owner.method == FileMethod::block_device);
  zone.buffers += of_device ? 1 : 0;
  zone.dirty += is_file(owner.kind) && page.has(kPageDirty) ? 1 : 0;
}

// Adds zones up to nodes, and nodes to the machine.
void FigureWalk::add_up() {
  for (ZoneFigures& zone : memory_.zones) {
    zone.pages.writepending = zone.pages.dirty + zone.pages.writeback;
    add_figures(node_of(zone.node).pages, zone.pages);
    add_figures(memory_.pages, zone.pages);
    memory_.ram += zone.pages.present;
    if (is_high(memory_, zone)) memory_.ram_high += zone.pages.present;
  }
  std::ranges::sort(memory_.nodes, {}, &NodeFigures::node);
  // kswapd has given the node up (4.12).
  for (NodeFigures& node : memory_.nodes)
    node.all_unreclaimable =
        release_ >= Release::v4_12 &&
        from_.lruvecs.state(from_.lruvecs.of_node(node.node)).kswapd_failures >= kMaxReclaimRetries;
  if (release_ >= Release::v3_13) memory_.reserved = memory_.ram - memory_.pages.managed;
  for (AreaId id = 0; id < from_.areas.size(); ++id) memory_.cma += from_.areas.area(id).pages;
  memory_.cma_alloc_success = from_.areas.table().alloc_success;
  memory_.cma_alloc_fail = from_.areas.table().alloc_fail;
}

// Adds the low watermarks of the zones without memory: 32 pages for high memory (WatermarkSetup::set_up), else none.
void FigureWalk::add_empty_zones() {
  const bool movable_is_high = memory_.highmem || release_ >= Release::v6_5;
  for (const NodeFigures& node : memory_.nodes)
    for (const KernelZone& kernel : kernel_zones()) {
      const bool high = kernel.kind == ZoneKind::high_mem || (kernel.kind == ZoneKind::movable && movable_is_high);
      const bool empty = first_zone_of(from_.buddy, kernel.kind, node.node) == from_.buddy.zones();
      if (high && empty && in_kernel(from_.buddy, kernel)) memory_.low_of_empty_zones += 32;
    }
}

// Takes the counts of isolated pages for those of the first node's that no walk finds: a page can be counted as a
// file's that is anonymous memory meanwhile.
void FigureWalk::settle_isolated() {
  const auto settle = [&](std::uint64_t PageFigures::* figure, std::int64_t counted) {
    const std::uint64_t surplus = static_cast<std::uint64_t>(counted) - memory_.pages.*figure;
    memory_.pages.*figure += surplus;
    memory_.nodes.front().pages.*figure += surplus;
  };
  settle(&PageFigures::isolated_anon, from_.lru.isolated_anon());
  settle(&PageFigures::isolated_file, from_.lru.isolated_file());
}

MemoryFigures FigureWalk::outline() {
  describe_kernel();
  for (std::size_t z = 0; z < from_.buddy.zones(); ++z) {
    ZoneFigures& zone = memory_.zones.emplace_back();
    zone.name = from_.buddy.zone_name(z);
    zone.node = from_.buddy.zone(z).node;
    zone.pages.managed = from_.buddy.zone(z).managed;
    zone.per_cpu.resize(static_cast<std::size_t>(from_.buddy.cpus()));
    node_of(zone.node);
  }
  return std::move(memory_);
}

MemoryFigures FigureWalk::take() {
  describe_kernel();
  for (std::size_t z = 0; z < from_.buddy.zones(); ++z) read_zone(z);
  const PfnRange memory = from_.core.geometry.memory;
  for (Pfn pfn = memory.start; pfn < memory.end; ++pfn) count_page(pfn, from_.core.map.page(pfn));
  for (OwnerId id = 1; id <= from_.owners.size(); ++id) count_owner(from_.owners.owner(id));
  add_up();
  add_empty_zones();
  settle_isolated();
  return std::move(memory_);
}

// Leaves out the zones that a request could not have had, and nodes with none of the others (6.1).
void limit_to_request(MemoryFigures& memory, ZoneKind highest) {
  if (memory.release < Release::v6_1) return;
  std::erase_if(memory.zones, [&](const ZoneFigures& zone) { return zone_kind_from_name(zone.name) > highest; });
  std::erase_if(memory.nodes, [&](const NodeFigures& node) {
    return std::ranges::none_of(
        memory.zones, [&](const ZoneFigures& zone) { return zone.node == node.node && zone.pages.managed != 0; });
  });
  memory.pages.free_pcp = 0;
  for (const ZoneFigures& zone : memory.zones) memory.pages.free_pcp += zone.pages.free_pcp;
}

}  // namespace

MemoryFigures gather_figures(const FigureSources& from) { return FigureWalk(from).take(); }

MemoryFigures gather_figures_for(const FigureSources& from, Gfp gfp) {
  MemoryFigures memory = gather_figures(from);
  limit_to_request(memory, from.buddy.gfp_zone(gfp));
  return memory;
}

MemoryFigures outline_figures_for(const FigureSources& from, Gfp gfp) {
  MemoryFigures memory = FigureWalk(from).outline();
  limit_to_request(memory, from.buddy.gfp_zone(gfp));
  return memory;
}

}  // namespace cma
