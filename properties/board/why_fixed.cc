#include <fmt/format.h>

#include <algorithm>

#include "properties/board/explainer.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"

namespace cma {

// Tries a place that the node names. No kernel looks whether it is memory.
void Explainer::add_fixed_remedy(const std::string& subject, std::size_t node, std::uint64_t base, std::uint64_t size) {
  const BootTree& tree = run_.board().tree;
  if (size == 0 || size > most_for_an_area(run_.machine()) || !all_memory(run_.machine(), base, size)) return;
  if (!fits_cells(base + size, tree.address_cells) || !fits_cells(size, tree.size_cells)) return;
  const std::string reg = cells_of(base, tree.address_cells) + cells_of(size, tree.size_cells);
  try_change(
      fmt::format("with reg = {:#x} {:#x}", base, size), subject,
      [&](Board& b) { set_property(b.tree.regions[node], "reg", reg); }, place_of_node(tree.regions[node].name));
}

// Tries a place that the kernel chooses.
void Explainer::add_placed_remedy(const std::string& subject, std::size_t node, std::uint64_t size) {
  const BootTree& tree = run_.board().tree;
  if (size == 0 || size > most_for_an_area(run_.machine()) || !fits_cells(size, tree.size_cells)) return;
  try_change(
      fmt::format("with size = {}, and no reg", size_text(size)), subject,
      [&](Board& b) {
        set_property(b.tree.regions[node], "reg", std::nullopt);
        set_property(b.tree.regions[node], "size", cells_of(size, tree.size_cells));
      },
      place_of_node(tree.regions[node].name));
}

// Tries the fixed place in whole units.
void Explainer::add_unit_remedies(const ReservedRegion& region) {
  const std::string subject = "node " + run_.board().tree.regions[region.node].name;
  const std::uint64_t unit = unit_of(run_.machine());
  const std::uint64_t end = range_from(region.base, region.size).end;
  const std::uint64_t outer = align_down(region.base, unit);
  add_fixed_remedy(subject, region.node, outer, align_up(end, unit) - outer);
  const std::uint64_t inner = align_up(region.base, unit);
  if (inner < align_down(end, unit)) add_fixed_remedy(subject, region.node, inner, align_down(end, unit) - inner);
  add_placed_remedy(subject, region.node, align_up(region.size, unit));
}

// Tries a node for memory that nothing but the blob's header keeps: since 6.12 regions are placed before that is read.
void Explainer::add_keeper_remedy(const std::string& subject, std::size_t node, const ByteRange& kept) {
  const BootTree& tree = run_.board().tree;
  if (!fits_cells(kept.end, tree.address_cells) || !fits_cells(kept.size(), tree.size_cells)) return;
  const std::string reg = cells_of(kept.start, tree.address_cells) + cells_of(kept.size(), tree.size_cells);
  try_change(
      fmt::format("with a node of its own for {}", addresses_text(kept)), subject,
      [&](Board& b) { b.tree.regions.push_back({fmt::format("firmware@{:x}", kept.start), 1, {{"reg", reg}}}); },
      place_of_node(tree.regions[node].name));
}

void Explainer::explain_inactive(const InactiveArea& inactive) {
  const std::string subject = name_of_area(run_, inactive.area);
  const ByteRange range = bytes_of(run_.machine(), run_.declared()[inactive.area]);
  answers_.push_back({run_.machine().areas.area(inactive.area).name, "not activated: " + inactive.why, {}, {}});
  for (const ReservedRegion& region : regions_of(run_)) {
    if (region.area != inactive.area || !region.fixed) continue;
    for (const ZoneSpec& zone : run_.machine().geometry().effective_zones()) {
      const ByteRange bytes = bytes_of(run_.machine(), zone.range);
      if (!bytes.overlaps(range) || bytes.size() < range.size()) continue;
      const std::uint64_t base = range.start < bytes.start ? bytes.start : bytes.end - range.size();
      add_fixed_remedy(subject, region.node, base, range.size());
    }
    add_placed_remedy(subject, region.node, range.size());
  }
}

// Tries places beside what the region shares memory with, and one that the kernel chooses.
void Explainer::explain_danger(const Danger& danger) {
  answers_.push_back({danger.name, danger.what, danger.evidence, {}, /*unsafe=*/true});
  const std::string subject = "danger " + danger.name;
  if (danger.area && !danger.node) {
    // Its range may end after the largest address, and wraps round then.
    const std::uint64_t size = run_.declared()[*danger.area].pages() << run_.machine().geometry().page_shift();
    const std::string value = size_word(size);
    if (run_.boot().dma().default_area() == danger.area && size <= most_for_an_area(run_.machine()))
      try_change(
          "with cma=" + value, subject, [&](Board& b) { b.cmdline = with_word(b.cmdline, "cma", value); },
          place_of_default);
    return;
  }
  for (const ReservedRegion& region : regions_of(run_)) {
    if (region.node != danger.node) continue;
    if (!region.fixed) {
      for (const ByteRange& other : danger.others) add_keeper_remedy(subject, region.node, other);
      continue;
    }
    const std::uint64_t unit = unit_of(run_.machine());
    for (const ByteRange& other : danger.others)
      if (other.end <= ~unit) add_fixed_remedy(subject, region.node, align_up(other.end, unit), region.size);
    add_placed_remedy(subject, region.node, region.size);
  }
}

}  // namespace cma
