#include "allocator/reports/proc_files.h"

#include <algorithm>
#include <string_view>

namespace cma {
namespace {

using enum Release;

std::string at_the_right(std::uint64_t number, std::size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), ' ');
  return digits;
}

// Appends a line of /proc/meminfo: a name padded to 16 columns, and a number of pages.
void add_pages_line(std::string& text, const MemoryFigures& memory, std::string_view name, std::uint64_t pages) {
  text += name;
  text.append(16 - name.size(), ' ');
  text += at_the_right(pages * (memory.page_size / 1024), 8) + " kB\n";
}

// Returns the pages that the kernel holds back altogether (calculate_totalreserve_pages): of each zone its high
// watermark and the most that it keeps from requests for higher zones.
std::uint64_t total_reserve(const MemoryFigures& memory) {
  std::uint64_t reserve = 0;
  for (const ZoneFigures& zone : memory.zones) {
    const std::uint64_t kept = zone.lowmem_reserve.empty() ? 0 : std::ranges::max(zone.lowmem_reserve);
    reserve += std::min(kept + zone.pages.high - zone.pages.boost, zone.pages.managed);
  }
  return reserve;
}

// Returns an estimate of what processes can get without swapping (si_mem_available).
std::uint64_t available(const MemoryFigures& memory) {
  std::uint64_t low = memory.low_of_empty_zones;
  for (const ZoneFigures& zone : memory.zones) low += zone.pages.low;
  const std::uint64_t files = memory.pages.active_file + memory.pages.inactive_file;
  const std::uint64_t reserve = total_reserve(memory);
  const std::uint64_t most = memory.pages.free + files - std::min(files / 2, low);
  return most > reserve ? most - reserve : 0;
}

void add_high_memory(std::string& text, const MemoryFigures& memory) {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  for (const ZoneFigures& zone : memory.zones) {
    if (!is_high(memory, zone)) continue;
    total += zone.pages.managed;
    free += zone.pages.free;
  }
  add_pages_line(text, memory, "HighTotal:", total);
  add_pages_line(text, memory, "HighFree:", free);
  add_pages_line(text, memory, "LowTotal:", memory.pages.managed - total);
  add_pages_line(text, memory, "LowFree:", memory.pages.free - free);
}

void add_lists(std::string& text, const MemoryFigures& memory) {
  const PageFigures& pages = memory.pages;
  add_pages_line(text, memory, "Active:", pages.active_anon + pages.active_file);
  add_pages_line(text, memory, "Inactive:", pages.inactive_anon + pages.inactive_file);
  add_pages_line(text, memory, "Active(anon):", pages.active_anon);
  add_pages_line(text, memory, "Inactive(anon):", pages.inactive_anon);
  add_pages_line(text, memory, "Active(file):", pages.active_file);
  add_pages_line(text, memory, "Inactive(file):", pages.inactive_file);
  add_pages_line(text, memory, "Unevictable:", pages.unevictable);
  add_pages_line(text, memory, "Mlocked:", pages.mlocked);
}

void add_huge_pages(std::string& text, const MemoryFigures& memory) {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  std::uint64_t surplus = 0;
  for (const NodeFigures& node : memory.nodes) {
    total += node.hugepages_total;
    free += node.hugepages_free;
    surplus += node.hugepages_surplus;
  }
  text += "HugePages_Total:   " + at_the_right(total, 5) + "\n";
  text += "HugePages_Free:    " + at_the_right(free, 5) + "\n";
  text += "HugePages_Rsvd:    " + at_the_right(0, 5) + "\n";
  text += "HugePages_Surp:    " + at_the_right(surplus, 5) + "\n";
  text += "Hugepagesize:   " + at_the_right(memory.hugepage_kb, 8) + " kB\n";
  if (memory.release >= v4_16) text += "Hugetlb:        " + at_the_right(total * memory.hugepage_kb, 8) + " kB\n";
}

// A line of /proc/vmstat.
struct Counter {
  std::string_view name;
  std::uint64_t PageFigures::* figure;
};

// In the kernel's order up to 4.7, and since then: what zones count, and what nodes count.
constexpr Counter kCounters_v3_5[] = {
    {"nr_free_pages", &PageFigures::free},
    {"nr_inactive_anon", &PageFigures::inactive_anon},
    {"nr_active_anon", &PageFigures::active_anon},
    {"nr_inactive_file", &PageFigures::inactive_file},
    {"nr_active_file", &PageFigures::active_file},
    {"nr_unevictable", &PageFigures::unevictable},
    {"nr_mlock", &PageFigures::mlocked},
    {"nr_anon_pages", &PageFigures::anon_mapped},
    {"nr_mapped", &PageFigures::mapped},
    {"nr_file_pages", &PageFigures::cached},
    {"nr_dirty", &PageFigures::dirty},
    {"nr_writeback", &PageFigures::writeback},
    {"nr_isolated_anon", &PageFigures::isolated_anon},
    {"nr_isolated_file", &PageFigures::isolated_file},
    {"nr_shmem", &PageFigures::shmem},
};
constexpr Counter kCounters_v4_8[] = {
    {"nr_free_pages", &PageFigures::free},
    {"nr_zone_inactive_anon", &PageFigures::inactive_anon},
    {"nr_zone_active_anon", &PageFigures::active_anon},
    {"nr_zone_inactive_file", &PageFigures::inactive_file},
    {"nr_zone_active_file", &PageFigures::active_file},
    {"nr_zone_unevictable", &PageFigures::unevictable},
    {"nr_zone_write_pending", &PageFigures::writepending},
    {"nr_mlock", &PageFigures::mlocked},
    {"nr_free_cma", &PageFigures::free_cma},
    {"nr_inactive_anon", &PageFigures::inactive_anon},
    {"nr_active_anon", &PageFigures::active_anon},
    {"nr_inactive_file", &PageFigures::inactive_file},
    {"nr_active_file", &PageFigures::active_file},
    {"nr_unevictable", &PageFigures::unevictable},
    {"nr_isolated_anon", &PageFigures::isolated_anon},
    {"nr_isolated_file", &PageFigures::isolated_file},
    {"nr_anon_pages", &PageFigures::anon_mapped},
    {"nr_mapped", &PageFigures::mapped},
    {"nr_file_pages", &PageFigures::cached},
    {"nr_dirty", &PageFigures::dirty},
    {"nr_writeback", &PageFigures::writeback},
    {"nr_shmem", &PageFigures::shmem},
};

void add_counter(std::string& text, std::string_view name, std::uint64_t value) {
  ((text += name) += ' ') += std::to_string(value) + "\n";
}

}  // namespace

std::string meminfo(const MemoryFigures& memory) {
  const PageFigures& pages = memory.pages;
  std::string text;
  add_pages_line(text, memory, "MemTotal:", pages.managed);
  add_pages_line(text, memory, "MemFree:", pages.free);
  if (memory.release >= v3_14) add_pages_line(text, memory, "MemAvailable:", available(memory));
  add_pages_line(text, memory, "Buffers:", pages.buffers);
  add_pages_line(text, memory, "Cached:", pages.cached - memory.swapcache - pages.buffers);
  add_pages_line(text, memory, "SwapCached:", memory.swapcache);
  add_lists(text, memory);
  if (memory.highmem) add_high_memory(text, memory);
  add_pages_line(text, memory, "SwapTotal:", memory.swap_total);
  add_pages_line(text, memory, "SwapFree:", memory.swap_free);
  add_pages_line(text, memory, "Dirty:", pages.dirty);
  add_pages_line(text, memory, "Writeback:", pages.writeback);
  add_pages_line(text, memory, "AnonPages:", pages.anon_mapped);
  add_pages_line(text, memory, "Mapped:", pages.mapped);
  add_pages_line(text, memory, "Shmem:", pages.shmem);
  if (memory.thp) add_pages_line(text, memory, "AnonHugePages:", pages.anon_thp);
  if (memory.release >= v3_19) {
    add_pages_line(text, memory, "CmaTotal:", memory.cma);
    add_pages_line(text, memory, "CmaFree:", pages.free_cma);
  }
  if (memory.hugepage_kb != 0) add_huge_pages(text, memory);
  return text;
}

std::string vmstat(const MemoryFigures& memory) {
  PageFigures pages = memory.pages;
  // Up to 4.4 a huge page that is mapped as a whole counted there alone.
  if (memory.release < v4_5) pages.anon_mapped -= pages.anon_thp;
  std::string text;
  const auto add_all = [&](const auto& counters) {
    for (const Counter& counter : counters) add_counter(text, counter.name, pages.*counter.figure);
  };
  if (memory.release >= v4_8)
    add_all(kCounters_v4_8);
  else
    add_all(kCounters_v3_5);
  // Counted in huge pages.
  add_counter(text, "nr_anon_transparent_hugepages", pages.anon_thp / memory.pages_of_thp);
  if (memory.release >= v3_7 && memory.release < v4_8) add_counter(text, "nr_free_cma", pages.free_cma);
  if (memory.release >= v5_13) {
    add_counter(text, "cma_alloc_success", memory.cma_alloc_success);
    add_counter(text, "cma_alloc_fail", memory.cma_alloc_fail);
  }
  return text;
}

}  // namespace cma
