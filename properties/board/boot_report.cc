#include "properties/board/boot_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "allocator/base/error.h"
#include "allocator/boot/parameters.h"

namespace cma {
namespace {

struct Row {
  ByteRange range;
  std::string text;
};

std::string_view name_of_architecture(Architecture architecture) {
  switch (architecture) {
    case Architecture::arm: return "arm";
    case Architecture::arm64: return "arm64";
    case Architecture::riscv: return "riscv";
  }
  return "";
}

ByteRange in_bytes(const Machine& machine, const PfnRange& range) {
  const unsigned shift = machine.geometry().page_shift();
  return {range.start << shift, range.end << shift};
}

std::string header(const BoardRun& run) {
  const Board& board = run.board();
  const Geometry& g = board.geometry;
  std::string text = fmt::format("Linux {}, {}, pages of {}, areas in units of {}\n", name_of(g.release),
                                 name_of_architecture(board.config.architecture), size_in_words(g.page_size),
                                 size_in_words(g.isolation_unit() << g.page_shift()));
  std::string cmdline = board.cmdline.empty() ? "(empty)" : board.cmdline;
  std::ranges::replace_if(cmdline, [](char c) { return c < ' ' || c > '~'; }, '?');
  text += fmt::format("command line: {}\n", cmdline);
  text += fmt::format("memory: {}", range_in_words(in_bytes(run.machine(), g.memory)));
  for (const PfnRange& hole : g.holes)
    text += fmt::format(", none in {}", range_in_words(in_bytes(run.machine(), hole)));
  for (const ZoneSpec& zone : g.effective_zones())
    text += fmt::format("; zone {} {}", zone.name, range_in_words(in_bytes(run.machine(), zone.range)));
  return text + fmt::format("\nthe default area lies below {:#x}\n", board.limit);
}

// Returns how an area came to be, and whether it is usable.
std::string about_area(const BoardRun& run, AreaId id) {
  const DmaAreas& dma = run.boot().dma();
  std::string text = fmt::format("area {}", run.machine().areas.area(id).name);
  if (dma.default_area() == id) text += ", the default one";
  if (const auto& memory = run.boot().reserved_memory())
    for (const ReservedRegion& region : memory->regions())
      if (region.area == id) text += region.fixed ? ", fixed by its node" : ", of a node, placed by the kernel";
  if (run.not_activated().empty() && !run.machine().areas.area(id).active()) text += ": NOT ACTIVATED";
  return text;
}

// Returns what a region is that is no area; empty if its memory was given back or never found.
std::string about_region(const BoardRun& run, const ReservedRegion& region) {
  const TreeNode& node = run.board().tree.regions[region.node];
  if (region.area || region.size == 0 || (region.error != 0 && region.error != -kENOENT)) return "";
  std::string text = node.name;
  if (region.error == 0 && region.saved && node.compatible_with("shared-dma-pool")) text += ", pool of coherent memory";
  return text + (node.has("no-map") ? ", not mapped" : ", reserved");
}

// Returns all that is reserved, by address.
std::vector<Row> rows_of(const BoardRun& run) {
  std::vector<Row> rows;
  for (AreaId id = 0; id < run.machine().areas.size(); ++id)
    rows.push_back({in_bytes(run.machine(), run.declared()[id]), about_area(run, id)});
  if (const auto& memory = run.boot().reserved_memory())
    for (const ReservedRegion& region : memory->regions())
      if (std::string text = about_region(run, region); !text.empty())
        rows.push_back({{region.base, region.base + region.size}, std::move(text)});
  for (const auto& [base, size] : run.board().tree.header_reservations)
    rows.push_back({{base, base + std::min(size, ~base)}, "/memreserve/"});
  for (const PfnRange& kept : run.board().geometry.reserved)
    rows.push_back({in_bytes(run.machine(), kept), "boot (--reserved)"});
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return std::tie(a.range.start, a.range.end, a.text) < std::tie(b.range.start, b.range.end, b.text);
  });
  return rows;
}

std::string table(const BoardRun& run) {
  const std::vector<Row> rows = rows_of(run);
  if (rows.empty()) return "\nnothing is reserved\n";
  std::string text = "\nreserved:\n";
  for (const Row& row : rows)
    text += fmt::format("  {:<26} {:>9}  {}\n", range_in_words(row.range), size_in_words(row.range.size()), row.text);
  return text;
}

// Draws memory, a character for as many units as make it 512 characters or less.
std::string picture(const BoardRun& run) {
  constexpr std::size_t kColumns = 64;
  const Machine& machine = run.machine();
  const ByteRange memory = in_bytes(machine, machine.memblock.memory());
  std::uint64_t cell = machine.geometry().isolation_unit() << machine.geometry().page_shift();
  while (memory.size() / cell > 8 * kColumns) cell *= 2;
  const auto any = [](const std::vector<ByteRange>& ranges, const ByteRange& in) {
    return std::ranges::any_of(ranges, [&](const ByteRange& range) { return range.overlaps(in); });
  };
  std::vector<ByteRange> areas;
  std::vector<ByteRange> kept;
  for (const PfnRange& area : run.declared()) areas.push_back(in_bytes(machine, area));
  for (const PfnRange& range : machine.memblock.reserved()) kept.push_back(in_bytes(machine, range));
  std::string text =
      fmt::format("\nmemory, a character for {}: A area, r reserved, . free, - none\n", size_in_words(cell));
  std::string line;
  for (std::uint64_t start = align_down(memory.start, cell); start < memory.end; start += cell) {
    const ByteRange in{std::max(start, memory.start), std::min(start + cell, memory.end)};
    line += any(areas, in) ? 'A' : any(kept, in) ? 'r' : machine.memblock.any_memory(in.start, in.size()) ? '.' : '-';
    if (line.size() < kColumns && start + cell < memory.end) continue;
    text += fmt::format("  {:#012x} {}\n", start + cell - line.size() * cell, line);
    line.clear();
  }
  return text;
}

// Returns what is not a failure, and surprises.
std::string notes(const BoardRun& run) {
  const Boot& boot = run.boot();
  std::vector<std::string> lines;
  if (!boot.parameters().null_pointer.empty())
    lines.push_back(fmt::format("`{}` has no value: this kernel follows a null pointer, and does not boot",
                                boot.parameters().null_pointer));
  const std::optional<AreaId> area = boot.dma().default_area();
  const bool declared = std::ranges::any_of(
      boot.dma().attempts(), [](const AreaAttempt& a) { return a.request.name == "reserved" && a.error == 0; });
  const bool of_node = area && run.machine().areas.area(*area).name != "reserved";
  if (boot.parameters().size && of_node && !declared)
    lines.push_back(
        fmt::format("cma= was ignored: {} is the default area already (5.8 gave the command line precedence)",
                    run.machine().areas.area(*area).name));
  if (of_node && declared)
    lines.push_back(fmt::format("the area `reserved` was declared before {} was set up, and no device uses it",
                                run.machine().areas.area(*area).name));
  if (!area && boot.parameters().null_pointer.empty()) lines.push_back("there is no default area");
  if (!run.not_activated().empty()) lines.push_back("areas were not activated: " + run.not_activated());
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text.empty() ? "" : "\nnote:\n" + text;
}

std::string kernel_lines(const BoardRun& run) {
  std::string text;
  for (const Record& record : run.machine().trace.records())
    if (is_log(record.event)) text += "  " + run.machine().trace.format(record) + "\n";
  return text.empty() ? "\nthe kernel prints nothing of this\n" : "\nthe kernel prints:\n" + text;
}

std::string reasons(const std::vector<WhyNot>& answers) {
  std::string text;
  for (const WhyNot& answer : answers) {
    text += fmt::format("  {}: {}\n", answer.what, answer.brief);
    for (const std::string& line : answer.evidence) text += "    " + line + "\n";
    for (const std::string& line : answer.remedies) text += "    would fit with " + line + "\n";
  }
  return text.empty() ? "" : "\nwhy not:\n" + text;
}

}  // namespace

std::string boot_report(const BoardRun& run, const std::vector<WhyNot>& answers) {
  return header(run) + table(run) + picture(run) + kernel_lines(run) + notes(run) + reasons(answers);
}

}  // namespace cma
