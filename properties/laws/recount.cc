#include "properties/laws/recount.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "allocator/areas/area_files.h"
#include "properties/laws/recount_memory.h"

namespace cma {
namespace {

// Returns one entry a bit of an area. At rest the ledger knows which are set.
std::vector<bool> bits_of(const Machine& machine, const Ledger& ledger, AreaId id) {
  const Area& area = machine.areas.area(id);
  std::vector<bool> bits(area.bitmap.size());
  const bool at_rest = machine.engine.at_rest();
  for (std::uint64_t bit = 0; bit < bits.size(); ++bit)
    bits[bit] = at_rest ? ((ledger.area(id).live[bit / 64] >> (bit % 64)) & 1) != 0 : area.bitmap.test(bit);
  return bits;
}

std::string bitmap_file(const std::vector<bool>& bits) {
  std::string text;
  for (std::size_t word = 0; word * 32 < bits.size(); ++word) {
    std::uint32_t value = 0;
    for (std::size_t bit = word * 32; bit < std::min(bits.size(), word * 32 + 32); ++bit)
      value |= std::uint32_t{bits[bit]} << (bit % 32);
    if (word > 0) text += ' ';
    text += fmt::format("{}", value);
  }
  return bits.empty() ? text : text + '\n';
}

std::string area_file(const Machine& machine, const Ledger& ledger, AreaId id, const std::string& file, bool& known) {
  const Area& area = machine.areas.area(id);
  const std::vector<bool> bits = bits_of(machine, ledger, id);
  std::uint64_t run = 0;
  std::uint64_t longest = 0;
  for (const bool bit : bits) {
    run = bit ? 0 : run + 1;
    longest = std::max(longest, run);
  }
  const std::uint64_t used = static_cast<std::uint64_t>(std::count(bits.begin(), bits.end(), true));
  if (file == "base_pfn") return fmt::format("{}\n", area.base);
  if (file == "count") return fmt::format("{}\n", area.pages);
  if (file == "order_per_bit") return fmt::format("{}\n", area.order_per_bit);
  if (file == "used") return fmt::format("{}\n", used << area.order_per_bit);
  if (file == "maxchunk") return fmt::format("{}\n", longest << area.order_per_bit);
  if (file == "bitmap") return bitmap_file(bits);
  known = false;
  return {};
}

// Appends a word or number at the right of a column, and a blank. Repeats what the model's files do, as a witness must.
void column(std::string& text, std::string_view word, std::size_t width) {
  if (word.size() < width) text.append(width - word.size(), ' ');
  text += word;
  text += ' ';
}
void column(std::string& text, std::uint64_t number, std::size_t width) {
  std::array<char, 20> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  column(text, std::string_view(digits.data(), end), width);
}

// Free blocks of a zone by order and type of list, seen from the pages. Heads inside blocks are not looked for: the
// audit checks those.
using Blocks = std::array<std::array<std::uint64_t, kMigratetypes>, kOrderLimit>;

Blocks free_blocks(const Machine& machine, std::size_t zone) {
  Blocks blocks{};
  const std::span<const Page> pages = machine.map.pages();
  for (std::size_t frame = 0; frame < pages.size();) {
    const Page& page = pages[frame];
    const bool free = page.has(kPageBuddy);
    if (free && page.zone == zone) ++blocks[page.order][index_of(page.list_type)];
    frame += free ? order_pages(page.order) : 1;
  }
  return blocks;
}

// Returns the zones of all nodes, node by node, or of one.
std::vector<std::size_t> listed_zones(const Machine& machine, std::optional<unsigned> only = std::nullopt) {
  std::vector<std::size_t> zones;
  for (unsigned node = 0; node < kMaxNodes; ++node)
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
      if (machine.buddy.zone(z).node == node && node == only.value_or(node)) zones.push_back(z);
  return zones;
}

std::string buddyinfo_file(const Machine& machine) {
  std::string text;
  for (const std::size_t z : listed_zones(machine)) {
    const Blocks blocks = free_blocks(machine, z);
    text += fmt::format("Node {}, zone ", machine.buddy.zone(z).node);
    column(text, machine.buddy.zone_name(z), 8);
    for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) {
      std::uint64_t all = 0;
      for (const std::uint64_t one : blocks[order]) all += one;
      column(text, all, 6);
    }
    text += '\n';
  }
  return text;
}

std::string pageblocks_text(const Machine& machine, unsigned node) {
  std::string text = "\nNumber of blocks type  ";
  for (std::string_view name : kMigratetypeNames) column(text, name, 12);
  text += '\n';
  const std::uint64_t step = machine.map.pageblock_pages();
  for (const std::size_t z : listed_zones(machine, node)) {
    std::array<std::uint64_t, kMigratetypes> count{};
    const PfnRange range = machine.buddy.zone(z).range;
    for (Pfn pfn = range.start; pfn < range.end; pfn += step)
      if (machine.map.present(pfn) && machine.map.page(pfn).zone == z)
        ++count[index_of(machine.map.pageblock_type(pfn))];
    text += fmt::format("Node {}, zone ", node);
    column(text, machine.buddy.zone_name(z), 8);
    for (const std::uint64_t blocks : count) column(text, blocks, 12);
    text += '\n';
  }
  return text;
}

std::string pagetypeinfo_of(const Machine& machine, unsigned node) {
  std::string text = fmt::format("Page block order: {}\nPages per block:  {}\n\n{:<43} ", machine.map.pageblock_order(),
                                 machine.map.pageblock_pages(), "Free pages count per migrate type at order");
  for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) column(text, order, 6);
  text += '\n';
  for (const std::size_t z : listed_zones(machine, node)) {
    const Blocks blocks = free_blocks(machine, z);
    const std::string zone_title = fmt::format("Node {:>4}, zone {:>8}, type ", node, machine.buddy.zone_name(z));
    for (unsigned type = 0; type < kMigratetypes; ++type) {
      text += zone_title;
      column(text, kMigratetypeNames[type], 12);
      for (unsigned order = 0; order <= machine.buddy.largest_order(); ++order) {
        if (blocks[order][type] >= 100000)
          text += ">100000 ";
        else
          column(text, blocks[order][type], 6);
      }
      text += '\n';
    }
  }
  return text + pageblocks_text(machine, node);
}

std::string pagetypeinfo_file(const Machine& machine) {
  std::string text;
  for (unsigned node = 0; node < kMaxNodes; ++node)
    if (!listed_zones(machine, node).empty()) text += pagetypeinfo_of(machine, node);
  return text;
}

// --- /proc/zoneinfo ---

// Returns how many pages lie on a CPU's lists of a zone. A list in a circle ends, too.
std::uint64_t kept_by_cpu(const Machine& machine, const PerCpuPages& pcp) {
  std::uint64_t pages = 0;
  for (unsigned list = 0; list < machine.buddy.per_cpu().lists_in_use(); ++list) {
    Frame frame = pcp.lists[list].first;
    for (; frame != kNil && pages <= machine.map.pages().size(); frame = machine.map.at(frame).next)
      pages += order_pages(machine.buddy.per_cpu().list_order(list));
  }
  return pages;
}

// Returns whether every node has a zone of this name, with memory or without.
bool in_kernel(const Machine& machine, std::string_view name) {
  if (name == "Normal" || name == "Movable") return true;
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
    if (machine.buddy.zone_name(z) == name) return true;
  return false;
}

// Returns what the zone keeps back from requests up to each kind of zone of its node, as the kernel lists them.
std::string protection_line(const Machine& machine, const Zone* zone) {
  std::string text = "        protection: (";
  for (const std::string_view name : {"DMA", "DMA32", "Normal", "HighMem", "Movable"}) {
    if (!in_kernel(machine, name)) continue;
    std::uint64_t back = 0;
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      const Zone& other = machine.buddy.zone(z);
      const bool reached = other.kind <= zone_kind_from_name(std::string(name));
      const bool above = zone != nullptr && other.node == zone->node && other.range.start > zone->range.start;
      if (reached && above) back = zone->lowmem_reserve[z];
    }
    text += fmt::format("{}{}", text.ends_with('(') ? "" : ", ", back);
  }
  return text + ")\n";
}

std::string zone_marks(const Machine& machine, const Zone& zone) {
  const Release release = machine.release();
  const std::uint64_t boost = zone.watermark_boost;
  const auto& [min, low, high] = zone.watermark;
  std::string text = fmt::format("  pages free     {}\n", zone.nr_free_pages);
  if (release >= Release::v5_14) text += fmt::format("        boost    {}\n", boost);
  text += fmt::format("        min      {}\n        low      {}\n        high     {}\n", min + boost, low + boost,
                      high + boost);
  if (release >= Release::v6_12) text += fmt::format("        promo    {}\n", high + (high - low) + boost);
  std::uint64_t present = 0;
  for (Pfn pfn = zone.range.start; pfn < zone.range.end; ++pfn) present += machine.map.present(pfn) ? 1U : 0U;
  text += fmt::format("        spanned  {}\n        present  {}\n", zone.range.pages(), present);
  if (release >= Release::v3_9) text += fmt::format("        managed  {}\n", zone.managed);
  std::uint64_t of_areas = 0;
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(id);
    if (area.active() && zone.contains(area.base)) of_areas += area.pages;
  }
  if (release >= Release::v5_12) text += fmt::format("        cma      {}\n", of_areas);
  return text;
}

std::string zone_counters(const Machine& machine, const Zone& zone) {
  const Release release = machine.release();
  const bool old = release < Release::v4_8;
  const int indent = old ? 4 : 6;
  std::string text = fmt::format("{:{}}nr_free_pages {}\n", "", indent, zone.nr_free_pages);
  if (release >= Release::v3_7) text += fmt::format("{:{}}nr_free_cma  {}\n", "", indent, zone.nr_free_cma);
  return text;
}

std::string zone_with_memory(const Machine& machine, std::size_t z) {
  const Release release = machine.release();
  const Zone& zone = machine.buddy.zone(z);
  const std::string counters = zone_counters(machine, zone);
  const std::string protection = protection_line(machine, &zone);
  std::string text = zone_marks(machine, zone);
  text += release >= Release::v4_12 ? protection + counters : counters + protection;
  text += "  pagesets\n";
  for (int cpu = 0; cpu < machine.engine.cpus(); ++cpu) {
    const PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(cpu)];
    text += fmt::format("    cpu: {}\n{:14}count: {}\n{:14}high:  {}\n{:14}batch: {}\n", cpu, "",
                        kept_by_cpu(machine, pcp), "", pcp.high, "", pcp.batch);
  }
  return text + fmt::format("{:<{}}{}\n", "  start_pfn:", release >= Release::v4_8 ? 23 : 21, zone.range.start);
}

std::string zone_without_memory(const Machine& machine, std::string_view name) {
  const bool high_memory = machine.release() >= Release::v6_5 || in_kernel(machine, "HighMem");
  Zone none;
  if (name == "HighMem" || (name == "Movable" && high_memory)) none.watermark = {32, 32, 32};
  return zone_marks(machine, none) + protection_line(machine, nullptr);
}

std::string zoneinfo_file(const Machine& machine) {
  const Buddy& buddy = machine.buddy;
  std::string text;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    const std::vector<std::size_t> zones = listed_zones(machine, node);
    if (zones.empty()) continue;
    for (const std::string_view name : {"DMA", "DMA32", "Normal", "HighMem", "Movable", ""}) {
      bool any = false;
      for (const std::size_t z : zones) {
        const bool unknown = zone_kind_from_name(buddy.zone_name(z)) == ZoneKind::other;
        if (name.empty() ? !unknown : buddy.zone_name(z) != name) continue;
        any = true;
        text += fmt::format("Node {}, zone {:>8}\n{}", node, buddy.zone_name(z), zone_with_memory(machine, z));
      }
      if (any || name.empty() || !in_kernel(machine, name) || machine.release() < Release::v4_12) continue;
      text += fmt::format("Node {}, zone {:>8}\n{}", node, name, zone_without_memory(machine, name));
    }
  }
  return text;
}

}  // namespace

std::optional<std::string> recounted_view(const Machine& machine, const Ledger& ledger, const std::string& path) {
  if (path == "buddyinfo") return buddyinfo_file(machine);
  if (path == "pagetypeinfo") return pagetypeinfo_file(machine);
  if (path == "zoneinfo") return zoneinfo_file(machine);
  if (path == "meminfo") return recounted_meminfo(machine);
  if (path == "vmstat") return recounted_vmstat(machine);
  for (AreaId id = 0; id < ledger.areas(); ++id) {
    const std::string& name = machine.areas.area(id).name;
    if (path.starts_with("cma/" + name + "/")) {
      bool known = true;
      const std::string text = area_file(machine, ledger, id, path.substr(name.size() + 5), known);
      return known ? std::optional(text) : std::nullopt;
    }
    if (machine.release() < Release::v5_13) continue;
    if (path == "sys/" + name + "/alloc_pages_success") return fmt::format("{}\n", ledger.area(id).succeeded);
    if (path == "sys/" + name + "/alloc_pages_fail") return fmt::format("{}\n", ledger.area(id).failed);
    if (path == "sys/" + name + "/release_pages_success" && machine.release() >= Release::v6_9)
      return fmt::format(
          "{}\n", machine.engine.at_rest() ? ledger.area(id).released : machine.areas.area(id).nr_pages_released);
  }
  return std::nullopt;
}

std::vector<std::string> all_views(const Machine& machine) {
  std::vector<std::string> paths = {"buddyinfo", "pagetypeinfo", "zoneinfo", "meminfo", "vmstat"};
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const std::string& name = machine.areas.area(id).name;
    for (const AreaFileInfo& file : area_files(machine.release())) paths.push_back(path_of(file, name));
  }
  return paths;
}

}  // namespace cma
