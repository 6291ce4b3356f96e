#include "properties/reproduction/memory_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"

namespace cma::reproduction {
namespace {

using logs::PageFailure;
using logs::ZoneReport;

constexpr std::uint64_t kKbOfPage = 4;
// Zones and areas begin and end at multiples of it.
constexpr std::uint64_t kZoneUnit = 1024;
constexpr std::uint64_t kPageblock = 512;
constexpr std::uint64_t kMostMachinePages = std::uint64_t{1} << 21;
// The most that one operation takes.
constexpr std::uint64_t kMostTaken = 65536;

// A zone as the program has it, in pages.
struct PlannedZone {
  const ZoneReport* zone = nullptr;
  PfnRange frames;
  PfnRange lead;           // at its begin, what boot keeps of its first pageblock; the rest of that is a hole
  PfnRange reserved;       // behind that, what else boot keeps
  PfnRange area;           // at its end; empty if it has none
  Pfn end = 0;             // of its memory; then a hole up to the end of its frames
  std::uint64_t free = 0;  // outside the area
  std::uint64_t free_of_area = 0;
  std::uint64_t from_area = 0;  // free pages that would be of the area, but for a variation
};

class MemoryWriter {
 public:
  MemoryWriter(const PageFailure& failure, std::uint64_t area_pages, Release version, Release release,
               const MemoryVariation& variation)
      : failure_(failure), area_pages_(area_pages), version_(version), release_(release), variation_(variation) {}

  WrittenProgram write() {
    const std::string why = plan();
    if (!why.empty()) {
      program_.left_out.push_back(fmt::format("the request for pages of line {}: {}", failure_.line, why));
      return std::move(program_);
    }
    write_machine();
    for (const PlannedZone& zone : zones_) write_zone(zone);
    line("drain_pages");
    write_request();
    return std::move(program_);
  }

 private:
  void line(const std::string& text) { program_.text += text + "\n"; }

  // Lays out the zones. Returns why that cannot be, empty if it can.
  std::string plan() {
    if (failure_.page_kb != kKbOfPage) return "pages have another size than 4 KiB";
    Pfn next = 0;
    for (const ZoneReport& zone : failure_.zones) {
      if (!zone.has_state || !zone.present || !zone.managed) return "the report does not have all of its zones";
      if (zone.name.find(' ') != std::string::npos && !zone.name.starts_with("Node 0 "))
        return "there are several nodes";
      if (*zone.present / kKbOfPage > kMostMachinePages || *zone.managed > *zone.present) return "a figure is damaged";
      if (*zone.present == 0) continue;
      PlannedZone planned{&zone, {}, {}, {}, {}, 0, 0, 0, 0};
      const std::uint64_t present = *zone.present / kKbOfPage;
      const std::uint64_t kept = present - *zone.managed / kKbOfPage;
      // A pageblock with pages that boot keeps cannot be isolated, so no place in it can be had.
      const std::uint64_t lead = kept % kPageblock;
      const std::uint64_t gap = lead == 0 ? 0 : kPageblock - lead;
      planned.lead = {next, next + lead};
      planned.reserved = {next + lead + gap, next + gap + kept};
      planned.end = next + gap + present;
      planned.frames = {next, align_up(planned.end, kZoneUnit)};
      next = planned.frames.end;
      if (const std::string why = place(planned); !why.empty()) return why;
      zones_.push_back(planned);
    }
    // A report leaves out zones that the request could not use.
    const auto high = [](const PlannedZone& planned) { return is_high(planned); };
    if (failure_.high_pages < kMostMachinePages && std::ranges::none_of(zones_, high))
      high_pages_ = failure_.high_pages;
    end_ = next + align_up(high_pages_, kZoneUnit);
    if (zones_.empty() || end_ > kMostMachinePages) return "the machine is too large, or has no zone";
    return {};
  }

  // Fills in what a zone has besides its frames. Returns why that cannot be, empty if it can.
  std::string place(PlannedZone& planned) {
    const ZoneReport& zone = *planned.zone;
    planned.free_of_area = zone.of_areas.value_or(0) / kKbOfPage;
    const std::uint64_t free = zone.free / kKbOfPage;
    if (free < planned.free_of_area) return "a figure is damaged";
    planned.free = free - planned.free_of_area;
    if (planned.free_of_area != 0) {
      if (std::ranges::any_of(zones_, [](const PlannedZone& other) { return other.area.pages() != 0; }))
        return "several zones have areas";
      const std::uint64_t pages = align_up(std::max(area_pages_, planned.free_of_area), kZoneUnit);
      const Pfn end = align_down(planned.end, kZoneUnit);
      if (end < planned.reserved.end + pages + planned.free) return "the area is as large as its zone";
      planned.area = {end - pages, end};
      if (variation_.half_area) halve_area(planned);
    }
    if (planned.reserved.end + planned.free > ordinary(planned).end) return "a figure is damaged";
    return {};
  }

  // Makes the lower half of the area ordinary memory. What was free of it is free, as long as there is some.
  static void halve_area(PlannedZone& planned) {
    const std::uint64_t half = align_down(planned.area.pages() / 2, kZoneUnit);
    planned.from_area = std::min(half, planned.free_of_area);
    planned.area.start += half;
    planned.free_of_area -= planned.from_area;
    planned.free += planned.from_area;
  }

  // Returns the frames that are neither kept by boot nor of an area, up to the area.
  static PfnRange ordinary(const PlannedZone& planned) {
    return {planned.reserved.end, planned.area.pages() != 0 ? planned.area.start : planned.end};
  }

  static bool is_high(const PlannedZone& planned) {
    const std::string name = planned.zone->bare_name();
    return name == "HighMem" || name == "Movable";
  }

  // Returns the vm.min_free_kbytes with which all zones have their min, as far as there is one.
  std::uint64_t min_free_kbytes() const {
    std::uint64_t managed = 0;
    std::uint64_t sum = 0;
    std::uint64_t zones = 0;
    for (const PlannedZone& planned : zones_) {
      if (is_high(planned)) continue;
      managed += *planned.zone->managed / kKbOfPage;
      sum += min_of(planned);
      ++zones;
    }
    if (managed == 0) return sum * kKbOfPage;
    // Each zone's share is rounded down.
    for (std::uint64_t pages = sum; pages <= sum + zones; ++pages)
      if (std::ranges::all_of(zones_, [&](const PlannedZone& planned) {
            return is_high(planned) || pages * (*planned.zone->managed / kKbOfPage) / managed == min_of(planned);
          }))
        return pages * kKbOfPage;
    return sum * kKbOfPage;
  }
  static std::uint64_t min_of(const PlannedZone& planned) {
    return (planned.zone->min - std::min(planned.zone->min, planned.zone->boost.value_or(0))) / kKbOfPage;
  }

  void write_machine() {
    line("cmacheck 1");
    std::string machine = fmt::format("machine release={} base=0 pages={:#x} pageblock_order=9 min_free_kbytes={}",
                                      name_of(release_), end_, variation_.min_free_kbytes.value_or(min_free_kbytes()));
    std::uint64_t boost = 0;
    for (const PlannedZone& planned : zones_) boost = std::max(boost, planned.zone->boost.value_or(0) / kKbOfPage);
    if (boost != 0 && !variation_.without_boost && release_ >= Release::v5_0)
      machine += fmt::format(" boost={}", boost);
    line(machine);
    for (const PlannedZone& planned : zones_)
      line(fmt::format("zone {} base={:#x} pages={:#x}", planned.zone->bare_name(), planned.frames.start,
                       planned.frames.pages()));
    if (high_pages_ != 0) {
      const Pfn base = zones_.back().frames.end;
      line(fmt::format("zone HighMem base={:#x} pages={:#x}", base, end_ - base));
      write_range("hole", {base + high_pages_, end_});
    }
    for (const PlannedZone& planned : zones_) {
      write_range("reserved", planned.lead);
      if (planned.lead.pages() != 0) write_range("hole", {planned.lead.end, planned.reserved.start});
      write_range("reserved", planned.reserved);
      write_range("hole", {planned.end, planned.frames.end});
      if (planned.area.pages() != 0)
        line(fmt::format("area area base={:#x} pages={:#x}", planned.area.start, planned.area.pages()));
    }
  }

  void write_range(const char* what, const PfnRange& range) {
    if (range.pages() != 0) line(fmt::format("{} base={:#x} pages={:#x}", what, range.start, range.pages()));
  }

  // Takes all of a zone but what the report has as free.
  void write_zone(const PlannedZone& planned) {
    line(fmt::format("\n# Zone {}.", planned.zone->name));
    if (const std::uint64_t taken = planned.area.pages() - planned.free_of_area; taken != 0)
      line(fmt::format("cma_alloc area pages={:#x}", taken));
    const std::vector<PfnRange> blocks = free_blocks(planned);
    Pfn next = ordinary(planned).start;
    for (const PfnRange& block : blocks) {
      take({next, block.start});
      next = block.end;
    }
    take({next, ordinary(planned).end});
    if (planned.area.pages() != 0) take({planned.area.end, planned.end});
  }

  // Takes pages that nothing moves. A place is had by isolating its pageblock, which pages that cannot be moved at all
  // would prevent for the others of the block; so these are a driver's which refuses each time.
  void take(PfnRange range) {
    while (range.start < range.end) {
      const std::uint64_t pages = std::min(range.pages(), kMostTaken);
      const bool refuses = release_ >= Release::v4_8;
      line(fmt::format("t{} = {} at={:#x} pages={:#x}", taken_, refuses ? "movable_page" : "anon_page", range.start,
                       pages));
      if (refuses) line(fmt::format("refuse t{} times=all", taken_));
      ++taken_;
      range.start += pages;
    }
  }

  // Returns where the free blocks lie, ascending: those of the report, none beside its buddy, or one range if there are
  // too many, or if the report does not have them.
  std::vector<PfnRange> free_blocks(const PlannedZone& planned) {
    const PfnRange room = ordinary(planned);
    std::vector<PfnRange> blocks;
    std::uint64_t pages = planned.from_area;
    Pfn end = room.end - pages;
    if (pages != 0) blocks.push_back({end, room.end});
    for (std::size_t order = planned.zone->blocks.size(); order-- > 0;) {
      const logs::BlocksLine& line = planned.zone->blocks[order];
      // Blocks that only areas have lie in the area.
      const std::uint64_t size = order_pages(static_cast<unsigned>(order));
      if (line.letters == "C" && planned.area.pages() != 0) continue;
      for (std::uint64_t i = 0; i < line.count && pages + size <= planned.free; ++i) {
        const Pfn start = align_down(end - std::min(end, 2 * size), 2 * size);
        if (blocks_ == kMostBlocks || start < room.start || end < 2 * size) return as_one(planned);
        blocks.push_back({start, start + size});
        pages += size;
        end = start;
        ++blocks_;
      }
    }
    if (pages != planned.free) return as_one(planned);
    std::ranges::reverse(blocks);
    return blocks;
  }

  std::vector<PfnRange> as_one(const PlannedZone& planned) {
    if (planned.free == 0) return {};
    program_.assumed.push_back(fmt::format(
        "what is free in zone {} lies in a row: its blocks are too many, or not known", planned.zone->name));
    return {{ordinary(planned).end - planned.free, ordinary(planned).end}};
  }

  void write_request() {
    const auto flags = failure_.mode ? logs::flags_of(*failure_.mode, version_) : std::nullopt;
    Gfp gfp = flags.value_or(kGfpKernel);
    if (!flags)
      program_.assumed.emplace_back("the request is GFP_KERNEL: the log does not tell, or nothing has its flags");
    if (failure_.kind != PageFailure::Kind::failure && (gfp & kGfpNoretry) == 0) {
      gfp |= kGfpNoretry;
      program_.assumed.emplace_back("the request may fail (__GFP_NORETRY), which is reported without killing a task");
    }
    line(fmt::format("\n# The request of line {}.", failure_.line));
    line(fmt::format("{} = alloc_pages order={} gfp={}", kMemoryRequest, variation_.order.value_or(failure_.order),
                     gfp_words(settled_gfp(gfp, release_), release_)));
  }

  const PageFailure& failure_;
  std::uint64_t area_pages_;
  Release version_;
  Release release_;
  MemoryVariation variation_;
  WrittenProgram program_;
  std::vector<PlannedZone> zones_;
  std::uint64_t high_pages_ = 0;  // behind the zones of the report
  Pfn end_ = 0;                   // of the machine
  std::size_t blocks_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace

WrittenProgram memory_program(const logs::PageFailure& failure, std::uint64_t area_pages, Release version,
                              Release release, const MemoryVariation& variation) {
  return MemoryWriter(failure, area_pages, version, release, variation).write();
}

}  // namespace cma::reproduction
