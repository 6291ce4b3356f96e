#include "allocator/reports/memory_text.h"

#include <span>
#include <string_view>

namespace cma {
namespace {

using enum Release;

enum class Unit : std::uint8_t { pages, kilobytes, upper_kilobytes, already_kilobytes };

// A word of a line and the figure that follows it, in the versions that print it.
struct Item {
  std::string_view name;
  std::uint64_t PageFigures::* figure;
  ReleaseRange present;
  Unit unit = Unit::kilobytes;
};

constexpr ReleaseRange kEver{v3_5};
constexpr ReleaseRange since(Release first) { return {first}; }
constexpr ReleaseRange up_to(Release last) { return {v3_5, last}; }

// Lines of the machine's counters. A line ends where the next name begins with a blank.
constexpr Item kGlobalItems[] = {
    {"active_anon:", &PageFigures::active_anon, kEver, Unit::pages},
    {"inactive_anon:", &PageFigures::inactive_anon, kEver, Unit::pages},
    {"isolated_anon:", &PageFigures::isolated_anon, kEver, Unit::pages},
    {" active_file:", &PageFigures::active_file, kEver, Unit::pages},
    {"inactive_file:", &PageFigures::inactive_file, kEver, Unit::pages},
    {"isolated_file:", &PageFigures::isolated_file, kEver, Unit::pages},
    {" unevictable:", &PageFigures::unevictable, kEver, Unit::pages},
    {"dirty:", &PageFigures::dirty, kEver, Unit::pages},
    {"writeback:", &PageFigures::writeback, kEver, Unit::pages},
    {"unstable:", &PageFigures::unstable, up_to(v5_7), Unit::pages},
    {" free:", &PageFigures::free, up_to(v4_1), Unit::pages},
    {"slab_reclaimable:", &PageFigures::slab_reclaimable, up_to(v4_1), Unit::pages},
    {" slab_reclaimable:", &PageFigures::slab_reclaimable, since(v4_2), Unit::pages},
    {"slab_unreclaimable:", &PageFigures::slab_unreclaimable, kEver, Unit::pages},
    {" mapped:", &PageFigures::mapped, kEver, Unit::pages},
    {"shmem:", &PageFigures::shmem, kEver, Unit::pages},
    {"pagetables:", &PageFigures::pagetables, kEver, Unit::pages},
    {" sec_pagetables:", &PageFigures::sec_pagetables, since(v6_1), Unit::pages},
    {"bounce:", &PageFigures::bounce, kEver, Unit::pages},
    {" kernel_misc_reclaimable:", &PageFigures::misc_reclaimable, since(v5_15), Unit::pages},
    {" free:", &PageFigures::free, since(v4_2), Unit::pages},
    {"free_pcp:", &PageFigures::free_pcp, since(v4_2), Unit::pages},
    {"free_cma:", &PageFigures::free_cma, since(v4_2), Unit::pages},
    {" free_cma:", &PageFigures::free_cma, {v3_7, v4_1}, Unit::pages},
};

constexpr Item kNodeItems[] = {
    {" active_anon:", &PageFigures::active_anon, kEver},
    {" inactive_anon:", &PageFigures::inactive_anon, kEver},
    {" active_file:", &PageFigures::active_file, kEver},
    {" inactive_file:", &PageFigures::inactive_file, kEver},
    {" unevictable:", &PageFigures::unevictable, kEver},
    {" isolated(anon):", &PageFigures::isolated_anon, kEver},
    {" isolated(file):", &PageFigures::isolated_file, kEver},
    {" mapped:", &PageFigures::mapped, kEver},
    {" dirty:", &PageFigures::dirty, kEver},
    {" writeback:", &PageFigures::writeback, kEver},
    {" shmem:", &PageFigures::shmem, kEver},
};
// Where there are transparent huge pages.
constexpr Item kNodeHugeItems[] = {
    {" shmem_thp: ", &PageFigures::shmem_thp, up_to(v6_4)},
    {" shmem_pmdmapped: ", &PageFigures::shmem_pmdmapped, up_to(v6_4)},
    {" anon_thp: ", &PageFigures::anon_thp, up_to(v6_4)},
    {" shmem_thp:", &PageFigures::shmem_thp, since(v6_5)},
    {" shmem_pmdmapped:", &PageFigures::shmem_pmdmapped, since(v6_5)},
    {" anon_thp:", &PageFigures::anon_thp, since(v6_5)},
};
constexpr Item kNodeLastItems[] = {
    {" writeback_tmp:", &PageFigures::writeback_tmp, kEver},
    {" unstable:", &PageFigures::unstable, up_to(v5_7)},
    {" kernel_stack:", &PageFigures::kernel_stack_kb, since(v5_9), Unit::already_kilobytes},
    {" pages_scanned:", &PageFigures::pages_scanned, up_to(v4_11), Unit::pages},
    {" pagetables:", &PageFigures::pagetables, since(v5_11)},
    {" sec_pagetables:", &PageFigures::sec_pagetables, since(v6_1)},
};

// Up to 4.7 all counters were a zone's.
constexpr Item kZoneItems[] = {
    {" free:", &PageFigures::free, kEver},
    {" boost:", &PageFigures::boost, since(v5_16)},
    {" min:", &PageFigures::min, kEver},
    {" low:", &PageFigures::low, kEver},
    {" high:", &PageFigures::high, kEver},
    {" reserved_highatomic:", &PageFigures::reserved_highatomic, since(v5_4), Unit::upper_kilobytes},
    {" active_anon:", &PageFigures::active_anon, kEver},
    {" inactive_anon:", &PageFigures::inactive_anon, kEver},
    {" active_file:", &PageFigures::active_file, kEver},
    {" inactive_file:", &PageFigures::inactive_file, kEver},
    {" unevictable:", &PageFigures::unevictable, kEver},
    {" isolated(anon):", &PageFigures::isolated_anon, up_to(v4_7)},
    {" isolated(file):", &PageFigures::isolated_file, up_to(v4_7)},
    {" writepending:", &PageFigures::writepending, since(v4_8)},
    {" present:", &PageFigures::present, kEver},
    {" managed:", &PageFigures::managed, since(v3_9)},
    {" mlocked:", &PageFigures::mlocked, kEver},
    {" dirty:", &PageFigures::dirty, up_to(v4_7)},
    {" writeback:", &PageFigures::writeback, up_to(v4_7)},
    {" mapped:", &PageFigures::mapped, up_to(v4_7)},
    {" shmem:", &PageFigures::shmem, up_to(v4_7)},
    {" slab_reclaimable:", &PageFigures::slab_reclaimable, up_to(v4_12)},
    {" slab_unreclaimable:", &PageFigures::slab_unreclaimable, up_to(v4_12)},
    {" kernel_stack:", &PageFigures::kernel_stack_kb, up_to(v5_8), Unit::already_kilobytes},
    {" pagetables:", &PageFigures::pagetables, up_to(v5_10)},
    {" unstable:", &PageFigures::unstable, up_to(v4_7)},
    {" bounce:", &PageFigures::bounce, kEver},
    {" free_pcp:", &PageFigures::free_pcp, since(v4_2)},
    {" local_pcp:", &PageFigures::local_pcp, since(v4_2)},
    {" free_cma:", &PageFigures::free_cma, since(v3_7)},
    {" writeback_tmp:", &PageFigures::writeback_tmp, up_to(v4_7)},
    {" pages_scanned:", &PageFigures::pages_scanned, up_to(v4_7), Unit::pages},
};

std::string decimal(std::uint64_t number) { return std::to_string(number); }

// Returns K(pages): KiB.
std::string kilobytes(const MemoryFigures& memory, std::uint64_t pages) {
  return decimal(pages * (memory.page_size / 1024));
}

void append(std::string& line, const Item& item, const MemoryFigures& memory, const PageFigures& pages) {
  const std::uint64_t figure = pages.*item.figure;
  line += item.name;
  switch (item.unit) {
    case Unit::pages: line += decimal(figure); break;
    case Unit::kilobytes: (line += kilobytes(memory, figure)) += "kB"; break;
    case Unit::upper_kilobytes: (line += kilobytes(memory, figure)) += "KB"; break;
    case Unit::already_kilobytes: (line += decimal(figure)) += "kB"; break;
  }
}

void append(std::string& line, std::span<const Item> items, const MemoryFigures& memory, const PageFigures& pages) {
  for (const Item& item : items)
    if (item.present.contains(memory.release)) append(line, item, memory, pages);
}

std::string all_unreclaimable(bool yes) { return std::string(" all_unreclaimable? ") + (yes ? "yes" : "no"); }

// Returns the zone as lines begin with it (show_node).
std::string title(const MemoryFigures& memory, const ZoneFigures& zone) {
  return (memory.numa ? "Node " + decimal(zone.node) + " " : "") + zone.name;
}

// Returns the letters of the types whose bits are set (show_migration_types), in the order of the kernel's enumeration.
std::string letters_of(const MemoryFigures& memory, std::uint8_t types) {
  using enum Migratetype;
  constexpr std::array kMainline = {unmovable, movable, reclaimable, highatomic, cma, isolate};
  constexpr std::array kAndroid = {unmovable, movable, reclaimable, cma, highatomic, isolate};
  static_assert(kMainline.size() == kMigratetypes);
  std::string letters = "(";
  for (const Migratetype type : memory.cma_per_cpu ? kAndroid : kMainline)
    if ((types >> index_of(type) & 1) != 0) letters += letter_of(type);
  return letters + ") ";
}

std::string padded(int number, std::size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), ' ');
  return digits;
}

void add_per_cpu_lines(std::vector<std::string>& lines, const MemoryFigures& memory) {
  for (const ZoneFigures& zone : memory.zones) {
    lines.push_back(title(memory, zone) + " per-cpu:");
    int cpu = 0;
    for (const ZoneFigures::PerCpu& lists : zone.per_cpu)
      lines.push_back("CPU " + padded(cpu++, 4) + ": hi:" + padded(lists.high, 5) + ", btch:" + padded(lists.batch, 4) +
                      " usd:" + padded(lists.count, 4));
  }
}

void add_global_lines(std::vector<std::string>& lines, const MemoryFigures& memory) {
  std::string line;
  for (const Item& item : kGlobalItems) {
    if (!item.present.contains(memory.release)) continue;
    if (item.name.starts_with(' ')) {
      lines.push_back(line);
      line.clear();
    } else if (!line.empty()) {
      line += ' ';
    }
    append(line, item, memory, memory.pages);
  }
  lines.push_back(line);
}

void add_hugetlb_lines(std::vector<std::string>& lines, const MemoryFigures& memory) {
  if (memory.hugepage_kb == 0 || memory.release < v3_10) return;
  for (const NodeFigures& node : memory.nodes)
    lines.push_back("Node " + decimal(node.node) + " hugepages_total=" + decimal(node.hugepages_total) +
                    " hugepages_free=" + decimal(node.hugepages_free) + " hugepages_surp=" +
                    decimal(node.hugepages_surplus) + " hugepages_size=" + decimal(memory.hugepage_kb) + "kB");
}

// Appends the lines of the page cache and of swap (show_swap_cache_info).
void add_swap_lines(std::vector<std::string>& lines, const MemoryFigures& memory) {
  lines.push_back(decimal(memory.pages.cached) + " total pagecache pages");
  lines.push_back(decimal(memory.swapcache) + " pages in swap cache");
  if (memory.release < v6_0)
    lines.push_back("Swap cache stats: add " + decimal(memory.swapcache_added) + ", delete " +
                    decimal(memory.swapcache_deleted) + ", find " + decimal(memory.swapcache_found) + "/" +
                    decimal(memory.swapcache_looked_up));
  lines.push_back("Free swap  = " + kilobytes(memory, memory.swap_free) + "kB");
  lines.push_back("Total swap = " + kilobytes(memory, memory.swap_total) + "kB");
}

// The last lines, oldest first. Each kernel goes over its frames up to 3.12, over its zones since 3.13.
void add_last_lines_v3_5(std::vector<std::string>& lines, const MemoryFigures& memory) {
  lines.push_back(decimal(memory.ram) + " pages RAM");
  if (memory.highmem) lines.push_back(decimal(memory.ram_high) + " pages HighMem");
  lines.push_back(decimal(memory.reserved) + " pages reserved");
  lines.push_back(decimal(memory.shared) + " pages shared");
  lines.push_back(decimal(memory.nonshared) + " pages non-shared");
}

bool prints_tail_of_arm(const MemoryFigures& memory) { return memory.arm && memory.release < v4_2; }

void add_last_lines_of_arm(std::vector<std::string>& lines, const MemoryFigures& memory) {
  lines.push_back(decimal(memory.ram) + " pages of RAM");
  lines.push_back(decimal(memory.pages.free) + " free pages");
  lines.push_back(decimal(memory.reserved) + " reserved pages");
  lines.push_back(decimal(memory.pages.slab_reclaimable + memory.pages.slab_unreclaimable) + " slab pages");
  lines.push_back(decimal(memory.shared) + " pages shared");
  lines.push_back(decimal(memory.swapcache) + " pages swap cached");
}

void add_last_lines_v3_13(std::vector<std::string>& lines, const MemoryFigures& memory) {
  lines.push_back(decimal(memory.ram) + " pages RAM");
  lines.push_back(decimal(memory.ram_high) + " pages HighMem/MovableOnly");
  lines.push_back(decimal(memory.reserved) + " pages reserved");
  if (memory.release >= v3_19) lines.push_back(decimal(memory.cma) + " pages cma reserved");
  if (memory.memory_failure) lines.push_back(decimal(memory.hwpoisoned) + " pages hwpoisoned");
}

}  // namespace

std::string node_line(const MemoryFigures& memory, const NodeFigures& node) {
  std::string line = "Node " + decimal(node.node);
  append(line, kNodeItems, memory, node.pages);
  if (memory.thp) append(line, kNodeHugeItems, memory, node.pages);
  append(line, kNodeLastItems, memory, node.pages);
  return line + all_unreclaimable(node.all_unreclaimable);
}

std::string zone_line(const MemoryFigures& memory, const ZoneFigures& zone) {
  std::string line = title(memory, zone);
  append(line, kZoneItems, memory, zone.pages);
  return memory.release < v4_8 ? line + all_unreclaimable(zone.all_unreclaimable) : line;
}

std::string reserve_line(const ZoneFigures& zone) {
  std::string line = "lowmem_reserve[]:";
  for (const std::uint64_t pages : zone.lowmem_reserve) (line += ' ') += decimal(pages);
  return line;
}

// The letters came with 3.8.
std::string blocks_line(const MemoryFigures& memory, const ZoneFigures& zone) {
  std::string line = title(memory, zone) + ": ";
  std::uint64_t total = 0;
  for (unsigned order = 0; order <= memory.largest_order; ++order) {
    const std::uint64_t blocks = zone.blocks[order];
    total += blocks << order;
    line += decimal(blocks) + "*" + kilobytes(memory, order_pages(order)) + "kB ";
    if (blocks != 0 && memory.release >= v3_8) line += letters_of(memory, zone.types[order]);
  }
  return line + "= " + kilobytes(memory, total) + "kB";
}

// Goes through the parts in their order, as memory_lines() does.
std::vector<std::size_t> memory_parts(const MemoryFigures& memory) {
  std::vector<std::size_t> parts = {1};
  if (memory.release < v4_2)
    for (const ZoneFigures& zone : memory.zones) parts.front() += 1 + zone.per_cpu.size();
  parts.push_back(1);
  for (const Item& item : kGlobalItems)
    if (item.present.contains(memory.release) && item.name.starts_with(' ')) ++parts.back();
  if (memory.release >= v4_8) parts.insert(parts.end(), memory.nodes.size(), 1);
  parts.insert(parts.end(), memory.zones.size(), 2);
  parts.insert(parts.end(), memory.zones.size(), 1);
  if (memory.hugepage_kb != 0 && memory.release >= v3_10) parts.push_back(memory.nodes.size());
  parts.push_back(1);
  parts.push_back(memory.release < v6_0 ? 4 : 3);
  if (prints_tail_of_arm(memory))
    parts.push_back(6);
  else if (memory.release < v3_13)
    parts.push_back(memory.highmem ? 5 : 4);
  else
    parts.push_back(3U + (memory.release >= v3_19 ? 1U : 0U) + (memory.memory_failure ? 1U : 0U));
  return parts;
}

std::size_t count_memory_lines(const MemoryFigures& memory) {
  std::size_t lines = 0;
  for (const std::size_t part : memory_parts(memory)) lines += part;
  return lines;
}

std::vector<std::string> memory_lines(const MemoryFigures& memory) {
  const bool of_arm = prints_tail_of_arm(memory);
  std::vector<std::string> lines = {of_arm ? "Mem-info:" : "Mem-Info:"};
  if (memory.release < v4_2) add_per_cpu_lines(lines, memory);
  add_global_lines(lines, memory);
  if (memory.release >= v4_8)
    for (const NodeFigures& node : memory.nodes) lines.push_back(node_line(memory, node));
  for (const ZoneFigures& zone : memory.zones) {
    lines.push_back(zone_line(memory, zone));
    lines.push_back(reserve_line(zone));
  }
  for (const ZoneFigures& zone : memory.zones) lines.push_back(blocks_line(memory, zone));
  add_hugetlb_lines(lines, memory);
  add_swap_lines(lines, memory);
  if (of_arm)
    add_last_lines_of_arm(lines, memory);
  else if (memory.release < v3_13)
    add_last_lines_v3_5(lines, memory);
  else
    add_last_lines_v3_13(lines, memory);
  return lines;
}

}  // namespace cma
