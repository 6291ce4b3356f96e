#include "properties/program/machine_keys.h"

#include <array>

namespace cma {
namespace {

using Form = MachineKey::Form;

// Far above what a machine may have. Geometry::impossible knows the real limits, and names the rule.
constexpr std::uint64_t kPageLimit = std::uint64_t{1} << 40;
constexpr std::uint64_t kCountLimit = std::uint64_t{1} << 30;

template <auto Member>
std::uint64_t get(const Geometry& g) {
  return static_cast<std::uint64_t>(g.*Member);
}
template <auto Member>
void set(Geometry& g, std::uint64_t value) {
  g.*Member = static_cast<std::remove_reference_t<decltype(g.*Member)>>(value);
}
template <auto Member>
std::uint64_t get_optional(const Geometry& g) {
  return g.*Member ? static_cast<std::uint64_t>(*(g.*Member)) : kAutomatic;
}
template <auto Member>
void set_optional(Geometry& g, std::uint64_t value) {
  using Value = typename std::remove_reference_t<decltype(g.*Member)>::value_type;
  if (value == kAutomatic)
    (g.*Member).reset();
  else
    g.*Member = static_cast<Value>(value);
}

std::uint64_t get_base(const Geometry& g) { return g.memory.start; }
void set_base(Geometry& g, std::uint64_t base) { g.memory = {base, base + g.memory.pages()}; }
std::uint64_t get_pages(const Geometry& g) { return g.memory.pages(); }
void set_pages(Geometry& g, std::uint64_t pages) { g.memory.end = g.memory.start + pages; }

// All ones would be the number that stands for `auto`.
constexpr std::uint64_t kMostRatios = kAutomatic - 1;
std::uint64_t get_ratios(const Geometry& g) {
  if (!g.lowmem_reserve_ratio) return kAutomatic;
  std::uint64_t packed = 0;
  for (const std::uint16_t ratio : *g.lowmem_reserve_ratio) packed = packed << 16 | ratio;
  return packed;
}
void set_ratios(Geometry& g, std::uint64_t packed) {
  g.lowmem_reserve_ratio.reset();
  if (packed == kAutomatic) return;
  g.lowmem_reserve_ratio.emplace();
  for (std::size_t i = 0; i < g.lowmem_reserve_ratio->size(); ++i)
    (*g.lowmem_reserve_ratio)[i] = static_cast<std::uint16_t>(packed >> (48 - 16 * i));
}

constexpr std::array kKeys = {
    MachineKey{"base", Form::hexadecimal, kPageLimit, get_base, set_base},
    MachineKey{"pages", Form::hexadecimal, kPageLimit, get_pages, set_pages},
    MachineKey{"cpus", Form::decimal, kCountLimit, get<&Geometry::cpus>, set<&Geometry::cpus>},
    MachineKey{"pageblock_order", Form::decimal, kCountLimit, get<&Geometry::pageblock_order>,
               set<&Geometry::pageblock_order>},
    MachineKey{"largest_order", Form::decimal, kCountLimit, get<&Geometry::largest_order>,
               set<&Geometry::largest_order>},
    MachineKey{"max_areas", Form::decimal, kCountLimit, get<&Geometry::max_areas>, set<&Geometry::max_areas>},
    MachineKey{"pcp_batch", Form::automatic, kCountLimit, get_optional<&Geometry::pcp_batch>,
               set_optional<&Geometry::pcp_batch>},
    MachineKey{"pcp_high", Form::automatic, kCountLimit, get_optional<&Geometry::pcp_high>,
               set_optional<&Geometry::pcp_high>},
    MachineKey{"pcp_high_min", Form::automatic, kCountLimit, get_optional<&Geometry::pcp_high_min>,
               set_optional<&Geometry::pcp_high_min>},
    MachineKey{"pcp_high_max", Form::automatic, kCountLimit, get_optional<&Geometry::pcp_high_max>,
               set_optional<&Geometry::pcp_high_max>},
    MachineKey{"min_free_kbytes", Form::automatic, kPageLimit, get_optional<&Geometry::min_free_kbytes>,
               set_optional<&Geometry::min_free_kbytes>},
    MachineKey{"extra_free_kbytes", Form::decimal, kPageLimit, get<&Geometry::extra_free_kbytes>,
               set<&Geometry::extra_free_kbytes>},
    MachineKey{"thp", Form::on_off, 1, get<&Geometry::transparent_hugepages>, set<&Geometry::transparent_hugepages>},
    MachineKey{"debug", Form::on_off, 1, get<&Geometry::cma_debug>, set<&Geometry::cma_debug>},
    MachineKey{"rate_limits", Form::on_off, 1, get<&Geometry::rate_limits>, set<&Geometry::rate_limits>},
    MachineKey{"retry", Form::endless, kCountLimit, get_optional<&Geometry::retry_sweeps>,
               set_optional<&Geometry::retry_sweeps>},
    MachineKey{"error_line", Form::on_off, 1, get<&Geometry::error_line>, set<&Geometry::error_line>},
    MachineKey{"error_names", Form::on_off, 1, get<&Geometry::error_names>, set<&Geometry::error_names>},
    MachineKey{"bh_revoke", Form::on_off, 1, get<&Geometry::bh_revoke>, set<&Geometry::bh_revoke>},
    MachineKey{"page_size", Form::decimal, kCountLimit, get<&Geometry::page_size>, set<&Geometry::page_size>,
               /*sets_others=*/true},
    MachineKey{"phys_addr", Form::decimal, kCountLimit, get<&Geometry::phys_addr_bits>, set<&Geometry::phys_addr_bits>},
    MachineKey{"long", Form::automatic, kCountLimit, get_optional<&Geometry::long_bits>,
               set_optional<&Geometry::long_bits>},
    // Watermarks and reserves.
    MachineKey{"watermark_scale_factor", Form::decimal, kCountLimit, get<&Geometry::watermark_scale_factor>,
               set<&Geometry::watermark_scale_factor>},
    MachineKey{"watermark_boost_factor", Form::decimal, kCountLimit, get<&Geometry::watermark_boost_factor>,
               set<&Geometry::watermark_boost_factor>},
    MachineKey{"boost", Form::decimal, kPageLimit, get<&Geometry::watermark_boost>, set<&Geometry::watermark_boost>},
    MachineKey{"lowmem_reserve_ratio", Form::ratios, kMostRatios, get_ratios, set_ratios},
    MachineKey{"oom_killer", Form::on_off, 1, get<&Geometry::oom_kills>, set<&Geometry::oom_kills>,
               /*sets_others=*/false, /*byte_version=*/2},
    MachineKey{"cma_before_highatomic", Form::on_off, 1, get<&Geometry::cma_before_highatomic>,
               set<&Geometry::cma_before_highatomic>, /*sets_others=*/false, /*byte_version=*/3},
};

}  // namespace

std::span<const MachineKey> machine_keys() { return kKeys; }

Geometry base_machine(Release release, bool small, std::uint64_t page_size) {
  if (small) return default_small_geometry(release, page_size);
  Geometry geometry;
  geometry.release = release;
  set_page_size(geometry, page_size);
  return geometry;
}

}  // namespace cma
