#include "properties/laws/recount_memory.h"

#include <algorithm>

#include <fmt/format.h>

namespace cma {
namespace {

// What both files count, in pages.
struct Memory {
  std::int64_t free = 0;
  std::int64_t free_cma = 0;
  std::int64_t buffers = 0;
  std::int64_t cached = 0;
  std::int64_t shmem = 0;
  std::int64_t dirty = 0;
  std::int64_t writeback = 0;
  std::int64_t mapped = 0;
  std::int64_t anon = 0;
  std::int64_t anon_huge = 0;
  std::int64_t mlocked = 0;
  std::int64_t hugetlb = 0;
  std::int64_t hugetlb_free = 0;
};

// Counts a page of a cache, whose owner is known.
void count_cached(Memory& memory, const Owner& owner, const Page& page) {
  ++memory.cached;
  if (owner.kind == PageKind::shmem) ++memory.shmem;
  if (owner.mapped > 0) ++memory.mapped;
  if (owner.kind != PageKind::shmem && page.has(kPageDirty)) ++memory.dirty;
  const bool metadata = owner.kind == PageKind::file && owner.method == FileMethod::block_device;
  if (owner.kind == PageKind::block_device || metadata) ++memory.buffers;
}

// Counts what an owner has at this frame. A page of a huge page has an owner of its own.
void count_owned(const Machine& machine, Memory& memory, const Owner& owner, const Page& page) {
  if (is_cached(owner.kind)) return count_cached(memory, owner, page);
  if (owner.kind != PageKind::anonymous) return;
  const bool whole = owner.huge != 0 && machine.owners.huge_page(owner.huge).pmds > 0;
  if (whole) ++memory.anon_huge;
  if (whole || owner.mapped > 0) ++memory.anon;
}

Memory count_memory(const Machine& machine) {
  Memory memory;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    memory.free += machine.buddy.zone(z).nr_free_pages;
    memory.free_cma += machine.buddy.zone(z).nr_free_cma;
  }
  for (const Page& page : machine.map.pages()) {
    if (page.has(kPageHole)) continue;
    if (page.has(kPageHugetlb)) {
      ++memory.hugetlb;
      if (page.ref == 0) ++memory.hugetlb_free;
    }
    if (page.has(kPageWriteback)) ++memory.writeback;
    if (page.has(kPageMlocked)) memory.mlocked += static_cast<std::int64_t>(pages_of(page));
  }
  for (OwnerId id = 1; id <= machine.owners.size(); ++id) {
    const Owner& owner = machine.owners.owner(id);
    if (owner.pfn != kNoPfn) count_owned(machine, memory, owner, machine.map.page(owner.pfn));
  }
  return memory;
}

std::int64_t size_of(const Machine& machine, LruList list) {
  return static_cast<std::int64_t>(machine.lru.lists().size(list));
}

bool has_zone(const Machine& machine, ZoneKind kind, std::optional<unsigned> node = std::nullopt) {
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
    if (machine.buddy.zone(z).kind == kind && machine.buddy.zone(z).node == node.value_or(machine.buddy.zone(z).node))
      return true;
  return false;
}

bool is_high(const Machine& machine, const Zone& zone) {
  return zone.kind == ZoneKind::high_mem || (zone.kind == ZoneKind::movable && has_zone(machine, ZoneKind::high_mem));
}

// Returns the low watermarks of high memory that a node has not: 32 pages each.
std::int64_t low_of_empty_zones(const Machine& machine) {
  const bool high = has_zone(machine, ZoneKind::high_mem);
  const bool movable = high || machine.release() >= Release::v6_5;
  std::int64_t low = 0;
  for (unsigned node = 0; node < machine.buddy.nodes(); ++node) {
    bool any = false;
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) any = any || machine.buddy.zone(z).node == node;
    if (!any) continue;
    if (high && !has_zone(machine, ZoneKind::high_mem, node)) low += 32;
    if (movable && !has_zone(machine, ZoneKind::movable, node)) low += 32;
  }
  return low;
}

// Returns the most that a zone keeps back from requests for a zone that the kernel knows by name.
std::uint64_t most_kept(const Machine& machine, const Zone& zone) {
  std::uint64_t most = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
    if (machine.buddy.zone(z).kind != ZoneKind::other) most = std::max(most, zone.lowmem_reserve[z]);
  return most;
}

std::int64_t available_pages(const Machine& machine, const Memory& memory) {
  std::int64_t low = low_of_empty_zones(machine);
  std::int64_t held_back = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    low += static_cast<std::int64_t>(zone.watermark[1] + zone.watermark_boost);
    held_back += static_cast<std::int64_t>(std::min(most_kept(machine, zone) + zone.watermark[2], zone.managed));
  }
  const std::int64_t files = size_of(machine, LruList::active_file) + size_of(machine, LruList::inactive_file);
  return std::max<std::int64_t>(memory.free - held_back + files - std::min(files / 2, low), 0);
}

class MeminfoText {
 public:
  explicit MeminfoText(const Machine& machine) : kb_(static_cast<std::int64_t>(machine.geometry().page_size / 1024)) {}
  void pages(std::string_view name, std::int64_t count) {
    text_ += fmt::format("{:<16}{:>8} kB\n", fmt::format("{}:", name), count * kb_);
  }
  void add(const std::string& text) { text_ += text; }
  std::string take() { return std::move(text_); }

 private:
  std::int64_t kb_;
  std::string text_;
};

void add_high_memory(MeminfoText& text, const Machine& machine, std::int64_t managed, const Memory& memory) {
  std::int64_t total = 0;
  std::int64_t free = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
    const Zone& zone = machine.buddy.zone(z);
    total += is_high(machine, zone) ? static_cast<std::int64_t>(zone.managed) : 0;
    free += is_high(machine, zone) ? zone.nr_free_pages : 0;
  }
  text.pages("HighTotal", total);
  text.pages("HighFree", free);
  text.pages("LowTotal", managed - total);
  text.pages("LowFree", memory.free - free);
}

void add_lru(MeminfoText& text, const Machine& machine, const Memory& memory) {
  const auto size = [&](LruList list) { return size_of(machine, list); };
  text.pages("Active", size(LruList::active_anon) + size(LruList::active_file));
  text.pages("Inactive", size(LruList::inactive_anon) + size(LruList::inactive_file));
  text.pages("Active(anon)", size(LruList::active_anon));
  text.pages("Inactive(anon)", size(LruList::inactive_anon));
  text.pages("Active(file)", size(LruList::active_file));
  text.pages("Inactive(file)", size(LruList::inactive_file));
  text.pages("Unevictable", size(LruList::unevictable));
  text.pages("Mlocked", memory.mlocked);
}

void add_hugetlb(MeminfoText& text, const Machine& machine, const Memory& memory) {
  const std::uint64_t kb = order_pages(machine.hugetlb.order()) * (machine.geometry().page_size / 1024);
  text.add(fmt::format("HugePages_Total:   {:>5}\nHugePages_Free:    {:>5}\n", memory.hugetlb, memory.hugetlb_free));
  text.add(fmt::format("HugePages_Rsvd:    {:>5}\nHugePages_Surp:    {:>5}\n", 0, 0));
  text.add(fmt::format("Hugepagesize:   {:>8} kB\n", kb));
  if (machine.release() >= Release::v4_16)
    text.add(fmt::format("Hugetlb:        {:>8} kB\n", static_cast<std::uint64_t>(memory.hugetlb) * kb));
}

}  // namespace

std::string recounted_meminfo(const Machine& machine) {
  const Memory memory = count_memory(machine);
  std::int64_t managed = 0;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
    managed += static_cast<std::int64_t>(machine.buddy.zone(z).managed);
  std::int64_t of_areas = 0;
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    of_areas += static_cast<std::int64_t>(machine.areas.area(id).pages);
  MeminfoText text(machine);
  text.pages("MemTotal", managed);
  text.pages("MemFree", memory.free);
  if (machine.release() >= Release::v3_14) text.pages("MemAvailable", available_pages(machine, memory));
  text.pages("Buffers", memory.buffers);
  text.pages("Cached", memory.cached - memory.buffers);
  text.pages("SwapCached", 0);
  add_lru(text, machine, memory);
  if (has_zone(machine, ZoneKind::high_mem)) add_high_memory(text, machine, managed, memory);
  text.pages("SwapTotal", 0);
  text.pages("SwapFree", 0);
  text.pages("Dirty", memory.dirty);
  text.pages("Writeback", memory.writeback);
  text.pages("AnonPages", memory.anon);
  text.pages("Mapped", memory.mapped);
  text.pages("Shmem", memory.shmem);
  if (machine.geometry().transparent_hugepages) text.pages("AnonHugePages", memory.anon_huge);
  if (machine.release() >= Release::v3_19) {
    text.pages("CmaTotal", of_areas);
    text.pages("CmaFree", memory.free_cma);
  }
  add_hugetlb(text, machine, memory);
  return text.take();
}

std::string recounted_vmstat(const Machine& machine) {
  const Release release = machine.release();
  const Memory memory = count_memory(machine);
  const LruLists& lists = machine.lru.lists();
  std::string text;
  const auto line = [&](std::string_view name, std::int64_t value) { text += fmt::format("{} {}\n", name, value); };
  const auto list_lines = [&](std::string_view prefix) {
    line(fmt::format("{}inactive_anon", prefix), size_of(machine, LruList::inactive_anon));
    line(fmt::format("{}active_anon", prefix), size_of(machine, LruList::active_anon));
    line(fmt::format("{}inactive_file", prefix), size_of(machine, LruList::inactive_file));
    line(fmt::format("{}active_file", prefix), size_of(machine, LruList::active_file));
    line(fmt::format("{}unevictable", prefix), size_of(machine, LruList::unevictable));
  };
  const bool of_nodes = release >= Release::v4_8;
  line("nr_free_pages", memory.free);
  if (of_nodes) {
    list_lines("nr_zone_");
    line("nr_zone_write_pending", memory.dirty + memory.writeback);
    line("nr_mlock", memory.mlocked);
    line("nr_free_cma", memory.free_cma);
    list_lines("nr_");
    line("nr_isolated_anon", lists.isolated_anon());
    line("nr_isolated_file", lists.isolated_file());
  } else {
    list_lines("nr_");
    line("nr_mlock", memory.mlocked);
  }
  line("nr_anon_pages", release < Release::v4_5 ? memory.anon - memory.anon_huge : memory.anon);
  line("nr_mapped", memory.mapped);
  line("nr_file_pages", memory.cached);
  line("nr_dirty", memory.dirty);
  line("nr_writeback", memory.writeback);
  if (!of_nodes) {
    line("nr_isolated_anon", lists.isolated_anon());
    line("nr_isolated_file", lists.isolated_file());
  }
  line("nr_shmem", memory.shmem);
  line("nr_anon_transparent_hugepages", memory.anon_huge >> machine.geometry().huge_page_order());
  if (!of_nodes && release >= Release::v3_7) line("nr_free_cma", memory.free_cma);
  if (release >= Release::v5_13) {
    line("cma_alloc_success", static_cast<std::int64_t>(machine.areas.table().alloc_success));
    line("cma_alloc_fail", static_cast<std::int64_t>(machine.areas.table().alloc_fail));
  }
  return text;
}

}  // namespace cma
