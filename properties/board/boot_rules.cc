#include "properties/board/boot_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "allocator/base/error.h"
#include "properties/board/holders.h"
#include "properties/board/words.h"

namespace cma {
namespace {

// A range that boot keeps. `placed`: the kernel chose the place.
struct Kept {
  ByteRange range;
  std::string name;
  bool placed = false;
  bool nomap = false;
};

std::string text_of(const Kept& kept) {
  return fmt::format("{} [{:#x}, {:#x})", kept.name, kept.range.start, kept.range.end);
}

class BootRules {
 public:
  BootRules(const BoardRun& run, const std::vector<std::string>& lines)
      : run_(run),
        lines_(lines),
        geometry_(run.board().geometry),
        release_(geometry_.release),
        shift_(geometry_.page_shift()) {}

  std::string broken() const {
    using Rule = std::string (BootRules::*)() const;
    constexpr std::pair<const char*, Rule> kRules[] = {{"table", &BootRules::table},
                                                       {"place", &BootRules::place},
                                                       {"overlap", &BootRules::overlap},
                                                       {"default", &BootRules::default_area},
                                                       {"lines", &BootRules::lines}};
    for (const auto& [name, rule] : kRules)
      if (const std::string found = (this->*rule)(); !found.empty()) return fmt::format("{}: {}", name, found);
    return "";
  }

 private:
  std::string table() const;
  std::string place() const;
  std::string overlap() const;
  std::string default_area() const;
  std::string lines() const;
  std::string area_lines() const;
  std::string placed_below_limits() const;
  std::vector<Kept> kept() const;
  std::size_t lines_with(std::string_view text) const;
  std::string count(std::string_view text, std::size_t expected) const;

  const TreeNode& node_of(const ReservedRegion& region) const { return run_.board().tree.regions[region.node]; }
  const std::vector<ReservedRegion>& regions() const { return regions_of(run_); }
  ByteRange bytes(const PfnRange& range) const { return bytes_of(run_.machine(), range); }
  std::uint64_t unit() const { return geometry_.isolation_unit() << shift_; }
  std::uint64_t capped_end(std::uint64_t base, std::uint64_t size) const {
    return base + std::min(size, geometry_.phys_mask() - base);
  }

  const BoardRun& run_;
  const std::vector<std::string>& lines_;
  const Geometry& geometry_;
  Release release_;
  unsigned shift_;
};

// Returns whether the kernel looked for a place of the region and found one.
bool was_placed(const ReservedRegion& region) { return !region.fixed && region.size != 0 && has_place(region); }

std::string BootRules::table() const {
  if (run_.machine().areas.size() > geometry_.max_areas)
    return fmt::format("{} areas in a table of {}", run_.machine().areas.size(), geometry_.max_areas);
  const auto& memory = run_.boot().reserved_memory();
  if (!memory) return "";
  // Since 6.12 the table is made anew for the fixed regions, as large as it must be.
  const auto in_table = [&](const ReservedRegion& region) {
    return region.saved && (release_ < Release::v6_12 || !region.fixed);
  };
  const auto saved = static_cast<std::size_t>(std::ranges::count_if(regions(), in_table));
  if (saved > memory->most_regions()) return fmt::format("{} regions in a table of {}", saved, memory->most_regions());
  return "";
}

// Returns all that boot keeps and the model knows of, without what overlaps in the kernel too.
std::vector<Kept> BootRules::kept() const {
  std::vector<Kept> all;
  for (const PfnRange& range : geometry_.reserved) all.push_back({bytes(range), "what boot had"});
  // Since 6.12 the header's reservations come after regions are placed.
  if (release_ < Release::v6_12)
    for (const auto& [base, size] : run_.board().tree.header_reservations)
      if (base < geometry_.phys_mask()) all.push_back({{base, capped_end(base, size)}, "/memreserve/"});
  for (const ReservedRegion& region : regions()) {
    if (region.size == 0) continue;
    all.push_back({{region.base, capped_end(region.base, region.size)},
                   node_of(region).name,
                   was_placed(region),
                   node_of(region).has("no-map")});
  }
  for (const AreaAttempt& attempt : run_.attempts())
    if (attempt.area) all.push_back({bytes(run_.declared()[*attempt.area]), "area " + attempt.request.name, true});
  return all;
}

std::string BootRules::place() const {
  const ByteRange memory = bytes(run_.machine().memblock.memory());
  for (const ReservedRegion& region : regions()) {
    if (!was_placed(region)) continue;
    const ByteRange range{region.base, region.base + region.size};
    const Kept shown{range, node_of(region).name};
    if (range.start < memory.start || range.end > memory.end || range.start == 0)
      return text_of(shown) + " was placed outside memory";
    for (const PfnRange& hole : geometry_.holes)
      if (bytes(hole).overlaps(range)) return text_of(shown) + " was placed where there is no memory";
  }
  for (AreaId id = 0; id < run_.declared().size(); ++id) {
    const PfnRange& frames = run_.declared()[id];
    if (!is_aligned(frames.start | frames.end, geometry_.isolation_unit()))
      return text_of({bytes(frames), run_.machine().areas.area(id).name}) + " is not in whole units";
  }
  return placed_below_limits();
}

// Checks the areas that the kernel placed itself.
std::string BootRules::placed_below_limits() const {
  const ByteRange memory = bytes(run_.machine().memblock.memory());
  for (const AreaAttempt& attempt : run_.attempts()) {
    const DeclareRequest& request = attempt.request;
    // Up to 3.16 a base makes a place fixed, and a fixed place is where it was asked for.
    if (!attempt.area || request.fixed || (release_ < Release::v3_17 && request.base != 0)) continue;
    const ByteRange range = bytes(run_.declared()[*attempt.area]);
    if (range.start < memory.start || range.end > memory.end)
      return text_of({range, request.name}) + " was placed outside memory";
    // A limit of less than a unit is rounded to none.
    const std::uint64_t limit = request.limit & geometry_.phys_mask();
    if (limit >= unit() && range.end > limit)
      return fmt::format("{} was placed beyond its limit, {:#x}", text_of({range, request.name}), limit);
  }
  return "";
}

std::string BootRules::overlap() const {
  // Memory that was given back may be another region's still, and a failed reservation is none.
  if (std::ranges::any_of(regions(), was_given_back) || lines_with("failed to reserve memory for node") != 0) return "";
  const std::vector<Kept> all = kept();
  for (const Kept& placed : all) {
    if (!placed.placed) continue;
    for (const Kept& other : all) {
      // A fixed area may lie on memory that is not mapped: up to 5.11 it is no memory, and later not reserved.
      if (&other == &placed || other.nomap || placed.range.size() == 0 || other.range.size() == 0) continue;
      if (placed.range.overlaps(other.range)) return text_of(placed) + " overlaps " + text_of(other);
    }
  }
  return "";
}

std::string BootRules::default_area() const {
  const DmaAreas& dma = run_.boot().dma();
  const std::optional<AreaId> area = dma.default_area();
  if (!area) return "";
  if (std::ranges::find(dma.attempts(), area, &AreaAttempt::area) != dma.attempts().end()) return "";
  const std::string& name = run_.machine().areas.area(*area).name;
  for (const ReservedRegion& region : regions()) {
    if (region.area != area) continue;
    if (!node_of(region).has("linux,cma-default")) return name + " is the default area, and its node does not say so";
    if (release_ >= Release::v5_6 && run_.boot().parameters().size)
      return name + " is the default area, though the command line has cma=";
    return "";
  }
  return name + " is the default area, and nothing asked for it";
}

std::size_t BootRules::lines_with(std::string_view text) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

// Returns the difference between the lines that have this text and those expected; empty if there is none.
std::string BootRules::count(std::string_view text, std::size_t expected) const {
  const std::size_t found = lines_with(text);
  if (found == expected) return "";
  return fmt::format("\"{}\" was printed {} times, and {} times is true", text, found, expected);
}

std::string BootRules::lines() const {
  const std::vector<AreaAttempt> attempts = run_.attempts();
  const auto regions_with = [&](auto condition) {
    return static_cast<std::size_t>(std::ranges::count_if(regions(), condition));
  };
  const auto made = static_cast<std::size_t>(std::ranges::count(attempts, 0, &AreaAttempt::error));
  const auto full = static_cast<std::size_t>(std::ranges::count(attempts, -kENOSPC, &AreaAttempt::error));
  const bool old = release_ < Release::v3_17;
  for (const std::string& found :
       {count(old ? "cma: CMA: reserved" : "cma: Reserved", made),
        count("created CMA memory pool at", regions_with([](const ReservedRegion& r) { return r.area.has_value(); })),
        count("node, using cmdline CMA params instead",
              regions_with([](const ReservedRegion& r) { return r.area_error == -kEBUSY; })),
        count("failed to allocate memory for node",
              regions_with([](const ReservedRegion& r) { return r.error == -kENOMEM; })),
        count("compatible matching fail", regions_with(was_given_back)),
        count("cma: Not enough slots for CMA reserved regions!",
              full + regions_with([](const ReservedRegion& r) { return r.area_error == -kENOSPC; })),
        area_lines()})
    if (!found.empty()) return found;
  return "";
}

// Returns an area whose place is in no line; empty if all are. The kernel cuts addresses to the width that it prints.
std::string BootRules::area_lines() const {
  const bool longs = release_ < Release::v3_18;
  const unsigned digits = longs ? 8 : geometry_.phys_addr_bits / 4;
  for (AreaId id = 0; id < run_.declared().size(); ++id) {
    std::uint64_t address = run_.declared()[id].start << shift_;
    if (longs && geometry_.bits_per_long() == 32) address &= 0xffffffff;
    const std::string text = fmt::format(" at {}{:0{}x}", longs ? "" : "0x", address, digits);
    if (lines_with(text) == 0)
      return fmt::format("no line says that {} lies{}", run_.machine().areas.area(id).name, text);
  }
  return "";
}

}  // namespace

std::vector<std::string> log_of(const BoardRun& run) {
  std::vector<std::string> lines;
  for (const Record& record : run.machine().trace.records())
    if (is_log(record.event)) lines.push_back(run.machine().trace.format(record));
  return lines;
}

std::string broken_rule(const BoardRun& run, const std::vector<std::string>& lines) {
  return BootRules(run, lines).broken();
}

std::string broken_rule(const BoardRun& run) { return broken_rule(run, log_of(run)); }

}  // namespace cma
