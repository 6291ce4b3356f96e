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

// An area that boot declares at a fixed place.
struct Declared {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
};

// Returns the size of the area that could not be reserved, as the line after the reason has it.
std::uint64_t refused_size(const std::vector<Fact>& boot, const Fact& reason) {
  for (const Fact& fact : boot)
    if (fact.says() == Says::area_failed && fact.line >= reason.line && fact.line - reason.line <= kLinesToFailure)
      return std::min(fact.number("mib"), kMostMib) * kMib;
  return 0;
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

std::string boot_program(const logs::LogFacts& facts, Release release, std::vector<std::string>& assumed) {
  std::vector<Declared> areas;
  std::uint64_t end = 0;
  std::optional<std::uint64_t> boundary;
  for (const logs::KnownArea& area : facts.context.areas) {
    const bool reserved = std::ranges::any_of(facts.area_lines, [&](const AreaLine& line) {
      return line.line == area.line && line.says == Says::area_reserved;
    });
    if (!reserved) continue;
    areas.push_back({area.range.start * kBytesOfPage, area.range.pages() * kBytesOfPage});
    end = std::max(end, area.range.end * kBytesOfPage + kBeyond);
  }
  for (const Fact& fact : facts.boot) {
    if (fact.says() != Says::region_at_boundary) continue;
    const std::uint64_t size = refused_size(facts.boot, fact);
    if (size == 0) continue;
    areas.push_back({fact.number("base"), size});
    boundary = fact.number("boundary");
  }
  if (boundary) end = *boundary;
  if (areas.empty() || end == 0 || end > kMostBytes || !is_aligned(end, kBytesOfPage)) return {};
  if (boundary) assumed.emplace_back("low memory ends where memory does");
  std::string text =
      fmt::format("cmacheck 1\nmachine release={} base=0 pages={:#x} pageblock_order=9 debug=off{}\n", name_of(release),
                  end / kBytesOfPage, has_short_addresses(facts) ? " phys_addr=32" : "");
  for (std::size_t i = 0; i < areas.size(); ++i)
    text += fmt::format("declare area{} base={:#x} size={:#x}{} fixed\n", i, areas[i].base, areas[i].size,
                        boundary ? fmt::format(" limit={:#x}", areas[i].base + areas[i].size) : "");
  return text + "activate\n";
}

}  // namespace cma::reproduction
