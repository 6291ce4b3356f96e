#include "properties/logs/pasted_files.h"

#include <algorithm>

namespace cma::logs {
namespace {

constexpr std::size_t kMostAreas = 64;
constexpr std::size_t kMostBlockLines = 256;
constexpr std::size_t kMostCounts = 16;
// What no area has: figures of damaged lines.
constexpr std::uint64_t kMostOfArea = std::uint64_t{1} << 40;

// Which file holds which number of an area.
struct AreaNumber {
  std::string_view file;
  std::optional<FileNumber> AreaFiles::* number;
};

constexpr AreaNumber kAreaNumbers[] = {
    {"base_pfn", &AreaFiles::base},
    {"count", &AreaFiles::count},
    {"used", &AreaFiles::used},
    {"maxchunk", &AreaFiles::longest_run},
    {"order_per_bit", &AreaFiles::order_per_bit},
    {"alloc_pages_success", &AreaFiles::pages_had},
    {"alloc_pages_fail", &AreaFiles::pages_refused},
};

// Returns the area of this name, a new one if there is none; nullptr if there is no room.
AreaFiles* area_named(PastedFiles& files, std::string_view name) {
  const auto found = std::ranges::find(files.areas, name, &AreaFiles::name);
  if (found != files.areas.end()) return &*found;
  if (files.areas.size() == kMostAreas) return nullptr;
  AreaFiles& area = files.areas.emplace_back();
  area.name = name;
  return &area;
}

// Returns the counts of a line, up to the last order that a kernel has.
std::vector<std::uint64_t> counts_of(const Fact& fact) {
  std::vector<std::uint64_t> counts = {fact.number("first")};
  const std::string rest = fact.text("counts");
  Match match;
  std::size_t at = 0;
  // What is too long to be counted has a > before it.
  while (counts.size() < kMostCounts && match_pattern("{count:u}", rest, at, match) == Fit::whole) {
    counts.push_back(match.fields[0].number);
    at = match.end;
  }
  return counts;
}

}  // namespace

void PastedReader::add(const Fact& fact) {
  if (fact.says() == Says::types_table) types_line_ = fact.line;
  if (fact.says() == Says::area_file) add_area(fact);
  if (fact.says() == Says::zone_counts || fact.says() == Says::zone_type_counts) add_blocks(fact);
  if (fact.says() == Says::requests_succeeded) files_.succeeded = FileNumber{fact.number("value"), fact.line};
  if (fact.says() == Says::requests_failed) files_.failed = FileNumber{fact.number("value"), fact.line};
}

void PastedReader::add_area(const Fact& fact) {
  // "linux,cma/count:16384", as grep has it.
  std::string path = fact.text("file");
  const std::size_t colon = path.rfind(':');
  Match match;
  if (colon == std::string::npos || match_pattern("{value:u}", path, colon + 1, match) != Fit::whole) return;
  const std::uint64_t value = match.fields[0].number;
  path.resize(colon);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || value > kMostOfArea) return;
  // Areas of several ranges have files of each; those of the whole area say enough.
  std::string_view name = std::string_view(path).substr(0, slash);
  if (name.find('/') != std::string_view::npos) return;
  // In older kernels the folder was called cma-AREA.
  if (name.starts_with("cma-")) name.remove_prefix(4);
  for (const AreaNumber& number : kAreaNumbers) {
    if (number.file != std::string_view(path).substr(slash + 1)) continue;
    AreaFiles* area = area_named(files_, name);
    if (area != nullptr) (area->*number.number) = FileNumber{value, fact.line};
  }
}

void PastedReader::add_blocks(const Fact& fact) {
  if (fact.says() == Says::zone_counts && types_line_ != 0 && fact.line == types_line_ + 1) {
    types_line_ = fact.line;
    return;
  }
  if (files_.blocks.size() == kMostBlockLines) return;
  const std::string zone = "Node " + fact.text("node") + " " + fact.text("zone");
  files_.blocks.push_back({zone, fact.text("type"), counts_of(fact), fact.line});
}

}  // namespace cma::logs
