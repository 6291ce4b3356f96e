#include "properties/board/trials.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/board/words.h"
#include "properties/explain/names.h"

namespace cma {

std::optional<std::string> Trials::remedy(const std::string& text, const std::string& subject, const Change& change,
                                          const Place& place) const {
  Board changed = run_.board();
  change(changed);
  const BoardRun again(changed);
  const std::vector<std::string> still = lost(again);
  const auto count = [&](const std::vector<std::string>& names) { return std::ranges::count(names, subject); };
  // Names may be equal: so many are lost as before, less one.
  if (!std::ranges::includes(lost_, still) || count(still) >= count(lost_)) return std::nullopt;
  if (!place) return text;
  const std::optional<ByteRange> found = place(again);
  if (!found) return std::nullopt;
  return fmt::format("{}: at {}", text, addresses_text(*found));
}

Trials::Place place_of_node(const std::string& name) {
  return [name](const BoardRun& run) -> std::optional<ByteRange> {
    for (const ReservedRegion& region : regions_of(run))
      if (run.board().tree.regions[region.node].name == name && !failed(run, region))
        return range_from(region.base, region.size);
    return std::nullopt;
  };
}

std::optional<ByteRange> place_of_default(const BoardRun& run) {
  const std::optional<AreaId> id = run.boot().dma().default_area();
  return id ? std::optional(bytes_of(run.machine(), run.declared()[*id])) : std::nullopt;
}

void set_property(TreeNode& node, std::string_view name, const std::optional<std::string>& value) {
  std::erase_if(node.properties, [&](const TreeProperty& property) { return property.name == name; });
  if (value) node.properties.push_back({std::string(name), *value});
}

std::string with_word(std::string_view cmdline, std::string_view name, const std::optional<std::string>& value) {
  std::string text;
  for (const ParameterWord& word : words_of(cmdline)) {
    if (word.name == name) continue;
    const bool quoted = word.value && word.value->find(' ') != std::string::npos;
    text += word.name;
    if (word.value) text += fmt::format("={0}{1}{0}", quoted ? "\"" : "", *word.value);
    text += ' ';
  }
  return value ? text + fmt::format("{}={}", name, *value) : text;
}

std::uint64_t most_for_an_area(const Machine& machine) {
  const std::uint64_t memory = machine.memblock.pages_of_bytes() << machine.geometry().page_shift();
  return align_down(memory / 4 * 3, unit_of(machine));
}

}  // namespace cma
