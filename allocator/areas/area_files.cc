#include "allocator/areas/area_files.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// By first release: area_files() returns a beginning of it.
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
    case AreaFile::maxchunk: return number(areas.largest_free_run(id) << area.order_per_bit);
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
  std::ranges::stable_sort(zones, {}, [&](std::size_t z) { return buddy.zone(z).node; });
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
      pad(text, buddy.zone(z).area[order].nr_free, 6);
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
      const std::uint64_t blocks = blocks_on(buddy.zone(z).area[order].lists[type], map);
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

std::optional<std::string> read_view(const Areas& areas, const Buddy& buddy, const MemoryMap& map, Release release,
                                     const std::string& path) {
  if (path == "buddyinfo") return buddyinfo(buddy);
  if (path == "pagetypeinfo") return pagetypeinfo(buddy, map);
  const std::size_t slash = path.find('/');
  const std::size_t last = path.rfind('/');
  if (slash == std::string::npos || slash == last) return std::nullopt;
  const auto id = areas.find(path.substr(slash + 1, last - slash - 1));
  if (!id) return std::nullopt;
  const auto directory_and_name = [&](const AreaFileInfo& file) {
    return path.substr(0, slash) == file.directory && path.substr(last + 1) == file.name;
  };
  const std::span<const AreaFileInfo> files = area_files(release);
  const auto found = std::ranges::find_if(files, directory_and_name);
  if (found == files.end()) return std::nullopt;
  return text_of(areas, *id, found->file);
}

}  // namespace cma
