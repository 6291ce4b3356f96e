// What a log says about the machine as a whole, which the explanation of each of its lines needs: the kernel, the
// areas, and pages that were described. Filled in while the log is read. Cost: a few comparisons a fact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/pfn.h"
#include "properties/logs/fact_reader.h"
#include "properties/logs/kernel.h"
#include "properties/logs/page_uses.h"
#include "properties/logs/pasted_files.h"

namespace cma::logs {

// An area that a line of the boot names.
struct KnownArea {
  PfnRange range;
  std::uint64_t line = 0;
  std::uint64_t base = 0;  // where it begins, in bytes
  std::uint64_t mib = 0;   // its size

  // Returns its frames with pages of 2^shift bytes.
  PfnRange frames(unsigned shift) const;
};

// A zone that a line of the boot names. In bytes.
struct KnownZone {
  std::string name;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t line = 0;
};

// Where an area leaves the zone in which it begins.
struct ZoneBorder {
  const KnownZone* lower = nullptr;
  const KnownZone* upper = nullptr;
};

// What the command line says about the default area: "cma=256M@0x2c000000".
struct CmaParameter {
  std::string text;
  std::uint64_t line = 0;
};

// What the command line says about the pools for atomic requests: "coherent_pool=1M".
struct PoolParameter {
  std::string text;
  std::uint64_t bytes = 0;
  std::uint64_t line = 0;
};

// What vm.min_free_kbytes was set to, or raised to.
struct MinFreeSetting {
  std::uint64_t kb = 0;
  std::uint64_t line = 0;
  bool by_khugepaged = false;
};

// A buffer that a driver has, in bytes.
struct KnownBuffer {
  std::uint64_t base = 0;
  std::uint64_t bytes = 0;  // 0: not known yet
  std::uint64_t line = 0;
  std::uint64_t size_line = 0;
};

// A console's screen, in characters.
struct KnownConsole {
  std::uint64_t columns = 0;
  std::uint64_t rows = 0;
  std::uint64_t line = 0;
  Origin origin;
};

// A page that could not be moved, as the kernel described it.
struct DescribedPage {
  Pfn pfn = 0;
  std::int64_t references = 0;
  std::int64_t mappings = 0;
  std::uint64_t line = 0;
  bool failed_to_move = true;  // otherwise its block was to be isolated
  std::string kind;            // "anonymous", "of a file (ext4_da_aops)"; empty if it is not told
  // Who was given it, if the kernel keeps that (page_owner).
  std::string owner;
  unsigned owner_order = 0;
  std::string owner_type;
  std::uint64_t owner_line = 0;  // 0: it is not told
};

struct Context {
  Kernel kernel;
  std::vector<KnownArea> areas;
  std::vector<KnownZone> zones;
  std::optional<CmaParameter> parameter;
  std::uint64_t memory_kib = 0;  // of the machine; 0: not known
  std::uint64_t memory_line = 0;
  std::uint64_t node_pages = 0;  // the same, of the nodes together; 0: not known
  std::uint64_t node_pages_line = 0;
  std::optional<PoolParameter> pool;
  std::vector<MinFreeSetting> min_free;
  std::vector<KnownBuffer> buffers;
  std::vector<KnownConsole> consoles;
  // Log2 of the bytes of a page: 12, unless a line shows another size.
  unsigned page_shift = 12;
  std::uint64_t page_shift_line = 0;        // that line; 0: none
  std::string page_size_why;                // what speaks for this size
  bool page_size_certain = false;           // whether nothing else explains that
  std::optional<std::uint64_t> area_pages;  // of all areas together
  std::uint64_t area_pages_line = 0;
  std::optional<std::uint64_t> area_kib;  // the same, where a line has it so
  std::uint64_t area_kib_line = 0;
  std::uint64_t no_areas_line = 0;             // that says that there are none; 0: none says so
  std::optional<std::uint64_t> counted_pages;  // the same, where a line counts pages
  std::uint64_t counted_line = 0;
  std::vector<DescribedPage> immovable;
  PageUses uses;
  // Lines about requests that failed, which the rate limit swallowed.
  std::uint64_t errors_swallowed = 0;
  std::uint64_t errors_swallowed_line = 0;
  // What /proc/meminfo had as CmaFree, in kB: first and last, each with its line.
  std::optional<std::uint64_t> first_free;
  std::uint64_t first_free_line = 0;
  std::uint64_t last_free = 0;
  std::uint64_t last_free_line = 0;
  // What files of debugfs and sysfs that were pasted have of areas.
  std::vector<AreaFiles> area_files;

  std::uint64_t page_kb() const { return (std::uint64_t{1} << page_shift) / 1024; }
  // Takes pages to be of this size. Frames and pages of areas are computed anew.
  void set_page_shift(unsigned shift);
  // Returns the area that has all of these pages; nullptr if none is known.
  const KnownArea* area_with(const PfnRange& pages) const;
  // Returns the border of zones that lies inside the area; nullopt if none is known.
  std::optional<ZoneBorder> border_in(const KnownArea& area) const;
};

class ContextReader {
 public:
  void add(const Fact& fact);
  // Returns what the facts so far say.
  Context context() const;

 private:
  void add_area(const Fact& fact);
  void add_zone(const Fact& fact);
  void add_command_line(const Fact& fact);
  void add_memory(const Fact& fact);
  void add_total(const Fact& fact);
  void add_blocks(const Fact& fact);
  void add_free(const Fact& fact);
  void add_page(const Fact& fact);
  void add_kind(const Fact& fact);
  void add_reason(const Fact& fact);
  void add_owner(const Fact& fact);
  void add_swallowed(const Fact& fact);
  void add_node(const Fact& fact);
  void add_min_free(const Fact& fact);
  void add_buffer(const Fact& fact);
  void add_buffer_size(const Fact& fact);
  void add_console(const Fact& fact);

  Context context_;
  KernelFinder kernel_;
  std::optional<DescribedPage> described_;
  std::uint64_t reason_line_ = 0;
  bool owner_follows_ = false;  // a line with the owner would be about the description that was kept last
};

}  // namespace cma::logs
