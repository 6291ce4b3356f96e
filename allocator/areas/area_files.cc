#include "allocator/areas/area_files.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "allocator/buddy/kernel_zones.h"

namespace cma {
namespace {

// By first release: area_files() returns a beginning of it. Kernels have areas in debugfs since 4.1; here every release
// has, so that a program can look at its areas.
constexpr std::array kAreaFiles = {
    AreaFileInfo{AreaFile::base_pfn, "cma", "base_pfn", "cma_debugfs_get", Release::v3_5},
    AreaFileInfo{AreaFile::count, "cma", "count", "cma_debugfs_get", Release::v3_5},
    AreaFileInfo{AreaFile::order_per_bit, "cma", "order_per_bit", "cma_debugfs_get", Release::v3_5},
    AreaFileInfo{AreaFile::used, "cma", "used", "cma_used_get", Release::v3_5},
    AreaFileInfo{AreaFile::maxchunk, "cma", "maxchunk", "cma_maxchunk_get", Release::v3_5},
    AreaFileInfo{AreaFile::bitmap, "cma", "bitmap", "u32_array_read", Release::v3_5},
    AreaFileInfo{AreaFile::alloc_pages_success, "sys", "alloc_pages_success", "alloc_pages_success_show",
                 Release::v5_13},
    AreaFileInfo{AreaFile::alloc_pages_fail, "sys", "alloc_pages_fail", "alloc_pages_fail_show", Release::v5_13},
    AreaFileInfo{AreaFile::release_pages_success, "sys", "release_pages_success", "release_pages_success_show",
                 Release::v6_9},
};
static_assert(std::ranges::is_sorted(kAreaFiles, {}, &AreaFileInfo::since));
static_assert(std::ranges::is_sorted(kAreaFiles, {}, &AreaFileInfo::file));

// Appends a word or number at the right of a column of this width.
void pad(std::string& text, std::string_view word, std::size_t width) {
  if (word.size() < width) text.append(width - word.size(), ' ');
  text += word;
}
void pad(std::string& text, std::uint64_t number, std::size_t width) { pad(text, std::to_string(number), width); }

// Formats the bitmap as an array of 32-bit words in decimal.
std::string bitmap_words(const Bitmap& bitmap) {
  std::string text;
  const std::uint64_t words = (bitmap.size() + 31) / 32;
  for (std::uint64_t w = 0; w < words; ++w) {
    text += std::to_string(static_cast<std::uint32_t>(bitmap.words()[w / 2] >> (w % 2 * 32)));
    text += w + 1 == words ? '\n' : ' ';
  }
  return text;
}

std::string text_of(const Areas& areas, AreaId id, AreaFile file) {
  const Area& area = areas.area(id);
  const auto number = [](std::uint64_t value) { return std::to_string(value) + "\n"; };
  switch (file) {
    case AreaFile::base_pfn: return number(area.base);
    case AreaFile::count: return number(area.pages);
    case AreaFile::order_per_bit: return number(area.order_per_bit);
    case AreaFile::used: return number(area.bitmap.count_set() << area.order_per_bit);
    case AreaFile::maxchunk: return number(areas.debugfs().largest_free_run(id) << area.order_per_bit);
    case AreaFile::bitmap: return bitmap_words(area.bitmap);
    case AreaFile::alloc_pages_success: return number(area.nr_pages_succeeded);
    case AreaFile::alloc_pages_fail: return number(area.nr_pages_failed);
    case AreaFile::release_pages_success: return number(area.nr_pages_released);
  }
  return {};
}

std::uint64_t blocks_on(const PageList& list, const MemoryMap& map) {
  std::uint64_t blocks = 0;
  // A list in a circle ends, too: it has more blocks than there are pages.
  const std::size_t most = map.pages().size();
  for (Frame frame = list.first; frame != kNil && blocks <= most; frame = map.at(frame).next) ++blocks;
  return blocks;
}

}  // namespace

std::span<const AreaFileInfo> area_files(Release release) {
  const auto end = std::ranges::upper_bound(kAreaFiles, release, {}, &AreaFileInfo::since);
  return {kAreaFiles.begin(), end};
}

const AreaFileInfo& info_of(AreaFile file) { return kAreaFiles[static_cast<std::size_t>(file)]; }

std::string path_of(const AreaFileInfo& file, std::string_view area) {
  std::string path(file.directory);
  ((path += '/') += area) += '/';
  return path += file.name;
}

namespace {

// Returns the zones in the order in which /proc lists them: node by node.
std::vector<std::size_t> zones_by_node(const Buddy& buddy) {
  std::vector<std::size_t> zones(buddy.zones());
  std::iota(zones.begin(), zones.end(), std::size_t{0});
  std::ranges::sort(zones, {}, [&](std::size_t z) { return std::pair(buddy.zone(z).node, z); });
  return zones;
}

}  // namespace

std::string buddyinfo(const Buddy& buddy) {
  std::string text;
  for (const std::size_t z : zones_by_node(buddy)) {
    text += "Node " + std::to_string(buddy.zone(z).node) + ", zone ";
    pad(text, buddy.zone_name(z), 8);
    text += ' ';
    for (unsigned order = 0; order <= buddy.largest_order(); ++order) {
      pad(text, buddy.zone(z).free_by_order[order].nr_free, 6);
      text += ' ';
    }
    text += '\n';
  }
  return text;
}

namespace {

// Appends one line per type: how many blocks of each order are on its lists.
void add_free_blocks(std::string& text, const Buddy& buddy, const MemoryMap& map, std::size_t z) {
  for (unsigned type = 0; type < kMigratetypes; ++type) {
    text += "Node ";
    pad(text, buddy.zone(z).node, 4);
    text += ", zone ";
    pad(text, buddy.zone_name(z), 8);
    text += ", type ";
    pad(text, kMigratetypeNames[type], 12);
    text += ' ';
    for (unsigned order = 0; order <= buddy.largest_order(); ++order) {
      const std::uint64_t blocks = blocks_on(buddy.zone(z).free_by_order[order].lists[type], map);
      if (blocks >= 100000)
        text += ">100000";
      else
        pad(text, blocks, 6);
      text += ' ';
    }
    text += '\n';
  }
}

void add_pageblocks(std::string& text, const Buddy& buddy, const MemoryMap& map, std::size_t z) {
  std::array<std::uint64_t, kMigratetypes> count{};
  const PfnRange range = buddy.zone(z).range;
  for (Pfn pfn = range.start; pfn < range.end; pfn += map.pageblock_pages())
    if (map.present(pfn) && map.page(pfn).zone == z) ++count[index_of(map.pageblock_type(pfn))];
  text += "Node " + std::to_string(buddy.zone(z).node) + ", zone ";
  pad(text, buddy.zone_name(z), 8);
  text += ' ';
  for (std::uint64_t blocks : count) {
    pad(text, blocks, 12);
    text += ' ';
  }
  text += '\n';
}

// Returns the part about one node.
std::string pagetypeinfo_of(unsigned node, const Buddy& buddy, const MemoryMap& map) {
  std::string text = "Page block order: " + std::to_string(map.pageblock_order()) +
                     "\nPages per block:  " + std::to_string(map.pageblock_pages()) + "\n\n";
  const std::string_view title = "Free pages count per migrate type at order";
  text += title;
  text.append(44 - title.size(), ' ');
  for (unsigned order = 0; order <= buddy.largest_order(); ++order) {
    pad(text, order, 6);
    text += ' ';
  }
  text += '\n';
  for (std::size_t z = 0; z < buddy.zones(); ++z)
    if (buddy.zone(z).node == node) add_free_blocks(text, buddy, map, z);
  text += "\nNumber of blocks type  ";
  for (std::string_view name : kMigratetypeNames) {
    pad(text, name, 12);
    text += ' ';
  }
  text += '\n';
  for (std::size_t z = 0; z < buddy.zones(); ++z)
    if (buddy.zone(z).node == node) add_pageblocks(text, buddy, map, z);
  return text;
}

}  // namespace

// Everything is printed anew for each node with memory (pagetypeinfo_show).
std::string pagetypeinfo(const Buddy& buddy, const MemoryMap& map) {
  std::string text;
  unsigned last = kMaxNodes;
  for (const std::size_t z : zones_by_node(buddy)) {
    if (buddy.zone(z).node != last) text += pagetypeinfo_of(buddy.zone(z).node, buddy, map);
    last = buddy.zone(z).node;
  }
  return text;
}

namespace {

void add_line(std::string& text, std::string_view name, std::uint64_t value) {
  ((text += name) += std::to_string(value)) += '\n';
}

// Appends what zone `z` keeps back from requests for each zone of its node.
void add_protection(std::string& text, const Buddy& buddy, std::size_t z, unsigned node) {
  std::string_view before = "        protection: (";
  for (const std::uint64_t reserve : lowmem_reserves(buddy, z, node)) {
    (text += before) += std::to_string(reserve);
    before = ", ";
  }
  text += ")\n";
}

// Appends the lines up to the counters (zoneinfo_show_print).
void add_marks(std::string& text, const Zone& zone, Release release) {
  const auto mark = [&](Watermark which) { return Watermarks::watermark(zone, which); };
  add_line(text, "  pages free     ", static_cast<std::uint64_t>(zone.nr_free_pages));
  if (release >= Release::v5_14) add_line(text, "        boost    ", zone.watermark_boost);
  add_line(text, "        min      ", mark(Watermark::min));
  add_line(text, "        low      ", mark(Watermark::low));
  add_line(text, "        high     ", mark(Watermark::high));
  // As far above `high` as that is above `low`.
  if (release >= Release::v6_12) add_line(text, "        promo    ", 2 * mark(Watermark::high) - mark(Watermark::low));
  add_line(text, "        spanned  ", zone.range.pages());
  add_line(text, "        present  ", zone.present);
  if (release >= Release::v3_9) add_line(text, "        managed  ", zone.managed);
  if (release >= Release::v5_12) add_line(text, "        cma      ", zone.cma);
}

void add_counters(std::string& text, const Zone& zone, Release release) {
  const std::string_view indent = release >= Release::v4_8 ? "      " : "    ";
  const auto counter = [&](std::string_view name, std::int64_t value) {
    text += indent;
    add_line(text, name, static_cast<std::uint64_t>(value));
  };
  counter("nr_free_pages ", zone.nr_free_pages);
  if (release >= Release::v3_7) counter("nr_free_cma  ", zone.nr_free_cma);
}

void add_pagesets(std::string& text, const Zone& zone, int cpus) {
  text += "  pagesets\n";
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const PerCpuPages& pcp = zone.pcp[static_cast<unsigned>(cpu)];
    add_line(text, "    cpu: ", static_cast<std::uint64_t>(cpu));
    add_line(text, "              count: ", static_cast<std::uint64_t>(pcp.count));
    add_line(text, "              high:  ", static_cast<std::uint64_t>(pcp.high));
    add_line(text, "              batch: ", static_cast<std::uint64_t>(pcp.batch));
  }
}

void add_zone_title(std::string& text, std::string_view name, unsigned node) {
  text += "Node " + std::to_string(node) + ", zone ";
  pad(text, name, 8);
  text += '\n';
}

void add_zone(std::string& text, const Buddy& buddy, std::size_t z, Release release) {
  const Zone& zone = buddy.zone(z);
  add_zone_title(text, buddy.zone_name(z), zone.node);
  add_marks(text, zone, release);
  // Up to 4.11 what is kept back follows the counters.
  const bool protection_first = release >= Release::v4_12;
  if (protection_first) add_protection(text, buddy, z, zone.node);
  add_counters(text, zone, release);
  if (!protection_first) add_protection(text, buddy, z, zone.node);
  add_pagesets(text, zone, buddy.cpus());
  add_line(text, release >= Release::v4_8 ? "  start_pfn:           " : "  start_pfn:         ", zone.range.start);
}

// Appends a zone of the kernel without memory, which 4.12 shows.
void add_empty_zone(std::string& text, const Buddy& buddy, const KernelZone& kernel, unsigned node, Release release) {
  add_zone_title(text, kernel.name, node);
  Zone zone;
  // WatermarkSetup::set_up: the least that high memory keeps free.
  const bool high = release >= Release::v6_5 || in_kernel(buddy, {ZoneKind::high_mem, "HighMem", false});
  const bool least = kernel.kind == ZoneKind::high_mem || (kernel.kind == ZoneKind::movable && high);
  if (least) zone.watermark = {32, 32, 32};
  add_marks(text, zone, release);
  add_protection(text, buddy, buddy.zones(), node);
}

// Appends the zones of a node with memory.
void add_node(std::string& text, const Buddy& buddy, unsigned node, Release release) {
  for (const KernelZone& kernel : kernel_zones()) {
    for (std::size_t z = 0; z < buddy.zones(); ++z)
      if (buddy.zone(z).kind == kernel.kind && buddy.zone(z).node == node) add_zone(text, buddy, z, release);
    const bool other = kernel.kind == ZoneKind::other;
    const bool empty = !other && in_kernel(buddy, kernel) && first_zone_of(buddy, kernel.kind, node) == buddy.zones();
    if (empty && release >= Release::v4_12) add_empty_zone(text, buddy, kernel, node, release);
  }
}

}  // namespace

std::string zoneinfo(const Buddy& buddy, Release release) {
  std::string text;
  unsigned last = kMaxNodes;
  for (const std::size_t z : zones_by_node(buddy)) {
    if (buddy.zone(z).node != last) add_node(text, buddy, buddy.zone(z).node, release);
    last = buddy.zone(z).node;
  }
  return text;
}

namespace {

// An area and a file of it, named by a path.
struct NamedFile {
  AreaId area;
  std::string_view directory;
  std::string_view name;
};

std::optional<NamedFile> area_and_file(const Areas& areas, std::string_view path) {
  const std::size_t slash = path.find('/');
  const std::size_t last = path.rfind('/');
  if (slash == std::string_view::npos || slash == last) return std::nullopt;
  const auto id = areas.find(std::string(path.substr(slash + 1, last - slash - 1)));
  if (!id) return std::nullopt;
  return NamedFile{*id, path.substr(0, slash), path.substr(last + 1)};
}

// Returns the bytes that u32_array_open (fs/debugfs/file.c) allocates for the text: 11 for each 32 bits, and one.
std::uint64_t bitmap_buffer_bytes(const Bitmap& bitmap) { return (bitmap.size() + 31) / 32 * 11 + 1; }

// Returns which file of which area the path names; nullopt if the release has no such file.
std::optional<std::pair<AreaId, AreaFile>> area_file(const Areas& areas, Release release, std::string_view path) {
  const std::optional<NamedFile> named = area_and_file(areas, path);
  if (!named) return std::nullopt;
  for (const AreaFileInfo& file : area_files(release))
    if (named->directory == file.directory && named->name == file.name) return std::pair{named->area, file.file};
  return std::nullopt;
}

}  // namespace

std::span<const std::string_view> proc_files() {
  static constexpr std::array<std::string_view, 3> kFiles = {"buddyinfo", "pagetypeinfo", "zoneinfo"};
  return kFiles;
}

// Of seq_file.c's buffer only more than two pages would matter here. It holds the longest record of a file: one for
// each node, which is below two pages with all zones and types, and a number elsewhere. The sysfs files of an area and
// the numbers in debugfs have small buffers too (fs/kernfs/file.c, simple_attr_open in fs/libfs.c).
Task<int> open_and_close(const Areas& areas, Buddy& buddy, MemoryMap& map, const Geometry& geometry,
                         const std::string& path) {
  const std::span<const std::string_view> proc = proc_files();
  if (std::ranges::find(proc, path) != proc.end()) co_return 0;
  const auto named = area_file(areas, geometry.release, path);
  if (!named) co_return -kENOENT;
  if (named->second != AreaFile::bitmap) co_return 0;
  const std::uint64_t bytes = bitmap_buffer_bytes(areas.area(named->first).bitmap);
  const std::uint64_t page_size = geometry.page_size;
  // KMALLOC_MAX_CACHE_SIZE of the SLUB allocator: more than two pages come from the page allocator.
  if (bytes <= 2 * page_size) co_return 0;
  const unsigned order = floor_log2(align_up(bytes, page_size) / page_size * 2 - 1);
  const Pfn pfn = buddy.alloc_pages(kGfpKernel | kGfpComp, order);
  if (pfn == kNoPfn) co_return -kENOMEM;
  map.edit(pfn).ref = 0;
  buddy.free_now(pfn, order);
  co_return 0;
}

std::optional<std::string> read_view(const Areas& areas, const Buddy& buddy, const MemoryMap& map, Release release,
                                     const std::string& path) {
  if (path == "buddyinfo") return buddyinfo(buddy);
  if (path == "pagetypeinfo") return pagetypeinfo(buddy, map);
  if (path == "zoneinfo") return zoneinfo(buddy, release);
  const auto named = area_file(areas, release, path);
  if (!named) return std::nullopt;
  return text_of(areas, named->first, named->second);
}

}  // namespace cma
