#include "properties/reproduction/boot_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "allocator/base/pfn.h"

namespace cma::reproduction {
namespace {

using logs::AreaLine;
using logs::Fact;
using logs::Says;

constexpr std::uint64_t kBytesOfPage = 4096;
constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;
constexpr std::uint64_t kMostMib = kMostBytes / kMib;
// Memory behind the last area.
constexpr std::uint64_t kBeyond = 16 * kMib;
constexpr std::uint64_t kLinesToFailure = 3;
// Bases and sizes that all releases allow are multiples of it.
constexpr std::uint64_t kAreaUnit = 4 * kMib;

// An area that boot declares at a fixed place.
struct Declared {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;  // 0: none
  std::uint64_t alignment = 0;
  bool fixed = true;
};

// Returns the size of the area that could not be reserved, as the line after the reason has it.
std::uint64_t refused_size(const std::vector<Fact>& boot, const Fact& reason) {
  if (reason.says() == Says::region_over_limit) return std::min(reason.number("size"), kMostBytes);
  for (const Fact& fact : boot)
    if (fact.says() == Says::area_failed && fact.line >= reason.line && fact.line - reason.line <= kLinesToFailure)
      return std::min(fact.number("mib"), kMostMib) * kMib;
  return 0;
}

// Returns the area that a line refuses; its size is 0 if the line refuses none, or the size is not known.
Declared refused_area(const std::vector<Fact>& boot, const Fact& fact) {
  Declared area{fact.number("base"), 0, 0, 0, true};
  if (!refuses_area(fact)) return area;
  if (fact.says() == Says::region_at_boundary)
    area.limit = area.base + refused_size(boot, fact);
  else if (fact.says() == Says::region_unaligned)
    area.alignment = fact.number("alignment");
  else
    area.limit = fact.number("limit");
  if (area.base < kMostBytes && area.limit < kMostBytes && area.alignment < kMostBytes)
    area.size = refused_size(boot, fact);
  return area;
}

// Makes the refused area one that fits, as the answer about its line says.
void vary(Declared& area, const Fact& fact, BootChange change) {
  if (change == BootChange::anywhere) area = {0, area.size, 0, area.alignment, false};
  if (change != BootChange::fitting) return;
  const std::uint64_t end = fact.says() == Says::region_at_boundary ? fact.number("boundary") : area.limit;
  if (fact.says() == Says::region_unaligned)
    area.base = is_power_of_two(area.alignment) ? align_down(area.base, area.alignment) : area.base;
  else if (end > area.base)
    area.size = align_down(end - area.base, kAreaUnit);
  if (fact.says() == Says::region_at_boundary) area.limit = area.base + area.size;
}

std::string declare_text(std::size_t index, const Declared& area) {
  std::string text = fmt::format("declare area{}", index);
  if (area.fixed) text += fmt::format(" base={:#x}", area.base);
  text += fmt::format(" size={:#x}", area.size);
  if (area.limit != 0) text += fmt::format(" limit={:#x}", area.limit);
  if (area.alignment != 0) text += fmt::format(" alignment={:#x}", area.alignment);
  return text + (area.fixed ? " fixed\n" : "\n");
}

}  // namespace

bool has_short_addresses(const logs::LogFacts& facts) {
  return std::ranges::any_of(
             facts.boot,
             [](const Fact& fact) { return fact.field("base") != nullptr && fact.text("base").size() == 10; }) ||
         std::ranges::any_of(facts.area_lines, [](const AreaLine& line) {
           const std::size_t at = line.text.find(" at 0x");
           return line.says == Says::area_reserved && at != std::string::npos &&
                  line.text.find_first_not_of("0123456789abcdef", at + 6) - at - 6 == 8;
         });
}

bool refuses_area(const Fact& fact) {
  return fact.says() == Says::region_at_boundary || fact.says() == Says::region_unaligned ||
         fact.says() == Says::region_over_limit;
}

std::string boot_program(const logs::LogFacts& facts, Release release, std::vector<std::string>& assumed,
                         BootChange change) {
  std::vector<Declared> areas;
  std::uint64_t end = 0;
  std::optional<std::uint64_t> boundary;
  for (const logs::KnownArea& area : facts.context.areas) {
    const bool reserved = std::ranges::any_of(facts.area_lines, [&](const AreaLine& line) {
      return line.line == area.line && line.says == Says::area_reserved;
    });
    if (!reserved) continue;
    areas.push_back({area.range.start * kBytesOfPage, area.range.pages() * kBytesOfPage, 0, 0, true});
    end = std::max(end, area.range.end * kBytesOfPage + kBeyond);
  }
  for (const Fact& fact : facts.boot) {
    Declared area = refused_area(facts.boot, fact);
    if (area.size == 0) continue;
    end = std::max(end, align_up(area.base + area.size, kMib) + kBeyond);
    if (fact.says() == Says::region_at_boundary) boundary = fact.number("boundary");
    vary(area, fact, change);
    areas.push_back(area);
  }
  if (boundary) end = *boundary;
  if (areas.empty() || end == 0 || end > kMostBytes || !is_aligned(end, kBytesOfPage)) return {};
  if (boundary) assumed.emplace_back("low memory ends where memory does");
  std::string text =
      fmt::format("cmacheck 1\nmachine release={} base=0 pages={:#x} pageblock_order=9 debug=off{}\n", name_of(release),
                  end / kBytesOfPage, has_short_addresses(facts) ? " phys_addr=32" : "");
  for (std::size_t i = 0; i < areas.size(); ++i) text += declare_text(i, areas[i]);
  return text + "activate\n";
}

}  // namespace cma::reproduction
