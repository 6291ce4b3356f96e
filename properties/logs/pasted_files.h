// Files of debugfs, sysfs and /proc that people paste among the lines of a log: what they say of areas and free blocks.
//
// They are of some moment near the failure, not of the failure itself, so nothing that rests on them alone is more than
// "fits". Used by explain_log. Cost: a search among a few areas for each such line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/logs/fact_reader.h"

namespace cma::logs {

// A number that a file has, and its line.
struct FileNumber {
  std::uint64_t value = 0;
  std::uint64_t line = 0;
};

// An area as the files of /sys/kernel/debug/cma/AREA and /sys/kernel/mm/cma/AREA have it, in pages.
struct AreaFiles {
  std::string name;
  std::optional<FileNumber> base;         // its first frame
  std::optional<FileNumber> count;        // of pages
  std::optional<FileNumber> used;         // those that buffers have
  std::optional<FileNumber> longest_run;  // of free pages
  std::optional<FileNumber> order_per_bit;
  std::optional<FileNumber> pages_had;      // since boot, by requests that got them
  std::optional<FileNumber> pages_refused;  // since boot
};

// The free blocks of a zone, by order: all of them, or those of one type.
struct FreeBlocks {
  std::string zone;  // "Node 0 Normal"
  std::string type;  // "CMA"; empty: all
  std::vector<std::uint64_t> counts;
  std::uint64_t line = 0;
};

struct PastedFiles {
  std::vector<AreaFiles> areas;
  std::vector<FreeBlocks> blocks;
  // Requests to areas since boot (/proc/vmstat).
  std::optional<FileNumber> succeeded;
  std::optional<FileNumber> failed;
};

class PastedReader {
 public:
  void add(const Fact& fact);
  const PastedFiles& files() const { return files_; }

 private:
  void add_area(const Fact& fact);
  void add_blocks(const Fact& fact);

  PastedFiles files_;
  // The last line of a table with the blocks of each type, free or not, whose lines look like those of free blocks.
  std::uint64_t types_line_ = 0;
};

}  // namespace cma::logs
