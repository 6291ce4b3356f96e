#include "properties/board/boot_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "allocator/base/error.h"
#include "allocator/boot/parameters.h"
#include "properties/board/holders.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"

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

std::string header(const BoardRun& run) {
  const Board& board = run.board();
  const Geometry& g = board.geometry;
  std::string text = fmt::format("Linux {}, {}, pages of {}, areas in units of {}\n", name_of(g.release),
                                 name_of_architecture(board.config.architecture), size_text(g.page_size),
                                 size_text(g.isolation_unit() << g.page_shift()));
  text += fmt::format("command line: {}\n", board.cmdline.empty() ? "(empty)" : printable(board.cmdline));
  text += fmt::format("memory: {}", addresses_text(bytes_of(run.machine(), g.memory)));
  for (const PfnRange& hole : g.holes)
    text += fmt::format(", none in {}", addresses_text(bytes_of(run.machine(), hole)));
  for (const ZoneSpec& zone : g.effective_zones())
    text += fmt::format("; zone {} {}", zone.name, addresses_text(bytes_of(run.machine(), zone.range)));
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

// Returns what has a range, and what it is.
std::string about_holder(const BoardRun& run, const Holder& holder) {
  if (holder.further) return holder.name + ", reserved: a further range of its reg, of which nothing is made";
  switch (holder.kind) {
    case Holder::Kind::area: return about_area(run, *holder.area);
    case Holder::Kind::pool: break;
    case Holder::Kind::region: return holder.name + ", reserved";
    case Holder::Kind::unmapped: return holder.name + ", not mapped";
    case Holder::Kind::header: return holder.name;
    case Holder::Kind::boot: return "boot (--reserved)";
  }
  const bool mapped = !run.board().tree.regions[*holder.node].has("no-map");
  return fmt::format("{}, pool of coherent memory, {}", holder.name, mapped ? "reserved" : "not mapped");
}

// Returns all that is reserved, by address.
std::vector<Row> rows_of(const BoardRun& run) {
  std::vector<Row> rows;
  for (const Holder& holder : holders(run)) rows.push_back({holder.range, about_holder(run, holder)});
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return std::tie(a.range.start, a.range.end, a.text) < std::tie(b.range.start, b.range.end, b.text);
  });
  return rows;
}

std::string table(const BoardRun& run) {
  const std::vector<Row> rows = rows_of(run);
  if (rows.empty()) return "\nnothing is reserved\n";
  std::string text = "\nreserved, from the first address up to, and without, the second:\n";
  for (const Row& row : rows)
    text += fmt::format("  {:<26} {:>9}  {}\n", addresses_text(row.range), size_text(row.range.size()), row.text);
  return text;
}

// Draws memory, a character for as many units as make it 512 characters or less.
std::string picture(const BoardRun& run) {
  constexpr std::size_t kColumns = 64;
  const Machine& machine = run.machine();
  const ByteRange memory = bytes_of(machine, machine.memblock.memory());
  std::uint64_t cell = machine.geometry().isolation_unit() << machine.geometry().page_shift();
  while (memory.size() / cell > 8 * kColumns) cell *= 2;
  const auto any = [](const std::vector<ByteRange>& ranges, const ByteRange& in) {
    return std::ranges::any_of(ranges, [&](const ByteRange& range) { return range.overlaps(in); });
  };
  std::vector<ByteRange> areas;
  std::vector<ByteRange> kept;
  for (const PfnRange& area : run.declared()) areas.push_back(bytes_of(machine, area));
  for (const PfnRange& range : machine.memblock.reserved()) kept.push_back(bytes_of(machine, range));
  std::string text = fmt::format("\nmemory, a character for {}: A area, r reserved, . free, - none\n", size_text(cell));
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

// Returns that cma= is less than a MiB, as where a suffix was forgotten; empty if it is not.
std::string small_size(const BoardRun& run) {
  const std::optional<std::uint64_t> size = run.boot().parameters().size;
  if (!size || *size == 0 || *size >= std::uint64_t{1} << 20) return "";
  return fmt::format("cma= is {}, rounded up to {}: with M after the number it is MiB", size_text(*size),
                     size_text(align_up(*size, unit_of(run.machine()))));
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
        fmt::format("cma= was ignored: {} is the default area already (5.6 gave the command line precedence)",
                    run.machine().areas.area(*area).name));
  if (of_node && declared)
    lines.push_back(fmt::format("the area `reserved` was declared before {} was set up, and no device uses it",
                                run.machine().areas.area(*area).name));
  if (!area && boot.parameters().null_pointer.empty()) lines.push_back("there is no default area");
  if (!run.not_activated().empty())
    lines.push_back("the kernel activates all areas; the model activates none, as " + run.not_activated());
  if (const std::string note = small_size(run); !note.empty()) lines.push_back(note);
  lines.insert(lines.end(), run.board().notes.begin(), run.board().notes.end());
  std::string text;
  for (const std::string& line : lines) text += "  " + printable(line) + "\n";
  return text.empty() ? "" : "\nnote:\n" + text;
}

std::string kernel_lines(const BoardRun& run) {
  std::string text;
  for (const Record& record : run.machine().trace.records())
    if (is_log(record.event)) text += "  " + run.machine().trace.format(record) + "\n";
  return text.empty() ? "\nthe kernel prints nothing of this\n" : "\nthe kernel prints:\n" + text;
}

// Returns the answers that are about safety, or those that are not.
std::string reasons(const std::vector<WhyNot>& answers, bool unsafe) {
  std::string text;
  for (const WhyNot& answer : answers) {
    if (answer.unsafe != unsafe) continue;
    text += fmt::format("  {}: {}\n", answer.what, answer.brief);
    for (const std::string& line : answer.evidence) text += "    " + line + "\n";
    for (const std::string& line : answer.remedies)
      text += fmt::format("    would {} {}\n", unsafe ? "be safe" : "fit", line);
  }
  if (text.empty()) return "";
  return (unsafe ? "\nnot safe:\n" : "\nwhy not:\n") + text;
}

}  // namespace

std::string boot_report(const BoardRun& run, const std::vector<WhyNot>& answers) {
  return header(run) + table(run) + picture(run) + kernel_lines(run) + notes(run) + reasons(answers, /*unsafe=*/false) +
         reasons(answers, /*unsafe=*/true);
}

}  // namespace cma
