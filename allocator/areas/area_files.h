// The files an engineer looks at, in the kernel's own text: debugfs and sysfs of an area, /proc/buddyinfo,
// /proc/pagetypeinfo and /proc/zoneinfo. Making the text changes nothing; what a reader takes and gives back meanwhile
// is apart. O(size of the area or zone).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "allocator/areas/areas.h"
#include "allocator/buddy/buddy.h"

namespace cma {

// The files of an area that can be read.
enum class AreaFile : std::uint8_t {
  base_pfn,
  count,
  order_per_bit,
  used,
  maxchunk,
  bitmap,
  alloc_pages_success,
  alloc_pages_fail,
  release_pages_success,
};

struct AreaFileInfo {
  AreaFile file;
  std::string_view directory;  // "cma" (debugfs) or "sys" (sysfs)
  std::string_view name;
  std::string_view reader;  // the kernel's function that makes the text
  Release since;            // debugfs of an area is from 4.1; the model has it in every release
};

// Returns the one list of an area's files that a release has, oldest first. The laws' recount (recount.cc) reads paths
// on its own.
std::span<const AreaFileInfo> area_files(Release release);
const AreaFileInfo& info_of(AreaFile file);
// Returns the path of an area's file: "cma/NAME/used".
std::string path_of(const AreaFileInfo& file, std::string_view area);

// Returns the files of /proc that can be read: "buddyinfo", "pagetypeinfo", "zoneinfo".
std::span<const std::string_view> proc_files();

// Returns the content of a file; nullopt if the release has no such file. Paths: those of area_files(), proc_files().
std::optional<std::string> read_view(const Areas& areas, const Buddy& buddy, const MemoryMap& map, Release release,
                                     const std::string& path);

// Takes the memory that a reader of the file has while the file is open, and gives it back, as the current actor.
// Changes nothing where slab caches have all of it, which are not modelled: for all files but the bitmap of a large
// area. Returns 0; -ENOENT if the release has no such file; -ENOMEM if there is no such memory, so that the file cannot
// be opened; a kernel's reader would reclaim first. Requires: booted; no lock is held.
Task<int> open_and_close(const Areas& areas, Buddy& buddy, MemoryMap& map, const Geometry& geometry,
                         const std::string& path);

std::string buddyinfo(const Buddy& buddy);
std::string pagetypeinfo(const Buddy& buddy, const MemoryMap& map);
// Lines of what no machine counts are left out: statistics of the node, of the LRU and of writeback, thresholds.
std::string zoneinfo(const Buddy& buddy, Release release);

}  // namespace cma
