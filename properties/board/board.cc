#include "properties/board/board.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "allocator/boot/movable_zones.h"
#include "allocator/boot/unsafe_area.h"
#include "properties/board/memory_words.h"
#include "properties/board/numa_nodes.h"

namespace cma {
namespace {

constexpr std::uint64_t kFourGiB = std::uint64_t{4} << 30;
// Low memory of a 32-bit ARM kernel with 240 MiB for vmalloc (adjust_lowmem_bounds of arch/arm/mm/mmu.c).
constexpr std::uint64_t kLowMemory = std::uint64_t{768} << 20;

// Returns the memory of the tree's nodes, in whole pages (early_init_dt_scan_memory, early_init_dt_add_memory_arch).
std::vector<ByteRange> memory_of(const BootTree& tree) {
  std::vector<ByteRange> banks;
  const std::size_t tuple = (tree.address_cells + tree.size_cells) * std::size_t{4};
  for (const TreeNode& node : tree.memory) {
    const std::string* reg = node.find("linux,usable-memory");
    if (reg == nullptr) reg = node.find("reg");
    for (std::size_t byte = 0; reg != nullptr && byte + tuple <= reg->size(); byte += tuple) {
      const std::uint64_t base = number_at(*reg, byte, tree.address_cells);
      const std::uint64_t size = number_at(*reg, byte + 4 * tree.address_cells, tree.size_cells);
      if (size != 0) banks.push_back({base, base + std::min(size, ~base)});
    }
  }
  return banks;
}

// Returns the ranges in whole pages, ascending; those that touch or overlap are one.
std::vector<ByteRange> whole_pages(std::vector<ByteRange> banks, std::uint64_t page) {
  std::ranges::sort(banks, {}, &ByteRange::start);
  std::vector<ByteRange> merged;
  for (ByteRange bank : banks) {
    bank = {align_up(bank.start, page), align_down(bank.end, page)};
    if (bank.start >= bank.end) continue;
    if (!merged.empty() && bank.start <= merged.back().end)
      merged.back().end = std::max(merged.back().end, bank.end);
    else
      merged.push_back(bank);
  }
  return merged;
}

// Sets memory and the holes between banks.
void set_memory(Geometry& g, const std::vector<ByteRange>& banks) {
  const unsigned shift = g.page_shift();
  g.memory = {align_down(banks.front().start >> shift, g.pageblock_pages()), banks.back().end >> shift};
  Pfn covered = g.memory.start;
  for (const ByteRange& bank : banks) {
    if (covered < bank.start >> shift) g.holes.push_back({covered, bank.start >> shift});
    covered = bank.end >> shift;
  }
}

void set_architecture(Geometry& g, Architecture architecture, std::uint64_t end) {
  if (architecture != Architecture::arm) {
    // CONFIG_CMA_AREAS is larger with NUMA, which arm64 has; since 6.6 MAX_CMA_AREAS is one more no longer.
    if (architecture == Architecture::arm64 && g.release >= Release::v5_10) g.max_areas = 20;
    return;
  }
  // Without huge pages a pageblock is as large as the largest block.
  g.pageblock_order = g.largest_order;
  g.long_bits = 32;
  g.phys_addr_bits = end >= kFourGiB ? 64 : 32;
}

// Returns where the memory ends that all devices reach.
std::uint64_t usual_limit(Architecture architecture, const std::vector<ByteRange>& banks) {
  if (architecture == Architecture::arm) return 0xffffffff;
  const std::uint64_t end = banks.back().end;
  return banks.front().start >= kFourGiB ? end : std::min(end, kFourGiB);
}

// Cuts memory at the border of the architecture's first zone. Zones hold no memory where there is none.
void set_zones(Geometry& g, Architecture architecture, std::uint64_t limit) {
  const unsigned shift = g.page_shift();
  const bool arm = architecture == Architecture::arm;
  const Pfn border = arm ? g.memory.start + (kLowMemory >> shift) : limit >> shift;
  const char* first = arm ? "Normal" : g.release >= Release::v5_4 ? "DMA" : "DMA32";
  if (border <= g.memory.start || border >= g.memory.end) {
    g.zones = {{border >= g.memory.end ? first : "Normal", g.memory}};
    return;
  }
  g.zones = {{first, {g.memory.start, border}}, {arm ? "HighMem" : "Normal", {border, g.memory.end}}};
}

// Adds what boot has, as whole pages. Returns what lies outside memory; empty if nothing does. `limited`: the command
// line has left memory out, and what boot has there is gone with it.
std::string add_reserved(Geometry& g, const std::vector<ByteRange>& reserved, bool limited) {
  for (const ByteRange& range : reserved) {
    const PfnRange pages{std::max(range.start >> g.page_shift(), g.memory.start),
                         std::min(align_up(range.end, g.page_size) >> g.page_shift(), g.memory.end)};
    if (pages.start >= pages.end && limited) continue;
    if (pages.start >= pages.end)
      return fmt::format("the reservation of [{:#x}, {:#x}) lies outside memory", range.start, range.end);
    g.reserved.push_back(pages);
  }
  return "";
}

// Returns why areas must not be activated; empty if they may be.
std::string why_unsafe(const Machine& machine) {
  const std::optional<UnsafeArea> found = unsafe_area(machine.memblock, machine.areas);
  if (!found) return "";
  const std::string& name = machine.areas.area(found->area).name;
  switch (found->why) {
    case UnsafeArea::Why::outside: return name + " lies outside memory, which the kernel does not check";
    case UnsafeArea::Why::given_back: return "memory of " + name + " was given back with another region";
    case UnsafeArea::Why::shared: break;
  }
  return fmt::format("{} and {} have the same memory, which the kernel does not check",
                     machine.areas.area(found->other).name, name);
}

}  // namespace

unsigned areas_beyond(Release release) { return release < Release::v6_9 ? 1 : 0; }

std::expected<Board, std::string> make_board(BootTree tree, const BoardSettings& settings) {
  Board board;
  Geometry& g = board.geometry;
  g.release = settings.release;
  g.cma_debug = false;
  set_page_size(g, settings.page_size);
  std::vector<ByteRange> banks = whole_pages(settings.memory.empty() ? memory_of(tree) : settings.memory, g.page_size);
  if (banks.empty())
    return std::unexpected("the tree names no memory (boot loaders fill it in), and none is given: --memory SIZE@BASE");
  MemoryWords words = read_memory_words(std::move(banks), settings.cmdline.value_or(tree.cmdline), g.release,
                                        settings.config.architecture, g.page_size);
  banks = whole_pages(words.banks, g.page_size);
  if (banks.empty()) return std::unexpected("mem= on the command line leaves no memory");
  board.notes = std::move(words.notes);
  set_architecture(g, settings.config.architecture, banks.back().end);
  if (settings.areas) g.max_areas = *settings.areas + areas_beyond(g.release);
  set_memory(g, banks);
  board.limit = settings.limit.value_or(usual_limit(settings.config.architecture, banks));
  set_zones(g, settings.config.architecture, board.limit);
  if (settings.config.node_areas && settings.config.architecture != Architecture::arm) {
    std::string note = settings.memory.empty() ? read_numa_nodes(g, tree) : "";
    if (!note.empty()) board.notes.push_back(std::move(note));
  }
  if (std::string why = add_reserved(g, settings.reserved, words.limited); !why.empty()) return std::unexpected(why);
  if (const std::optional<std::string> why = g.impossible()) return std::unexpected(*why);
  board.config = settings.config;
  board.cmdline = settings.cmdline.value_or(tree.cmdline);
  g.zones = zones_with_movable(g, movable_parameters(board.cmdline, g));
  board.tree = std::move(tree);
  return board;
}

BoardRun::BoardRun(const Board& board, Observer* observer) : board_(board), machine_(board.geometry) {
  if (observer != nullptr) observer->program_begins(machine_);
  const BootMachine parts{machine_.geometry(), machine_.trace, machine_.memblock, machine_.areas, machine_.bugs};
  boot_ = std::make_unique<Boot>(parts, board.config, &board.tree, board.cmdline);
  boot_->run(board.limit);
  if (observer != nullptr) observer->op_performed(machine_, 0);
  for (AreaId id = 0; id < machine_.areas.size(); ++id)
    declared_.push_back({machine_.areas.area(id).base, machine_.areas.area(id).base + machine_.areas.area(id).pages});
  not_activated_ = why_unsafe(machine_);
  if (!not_activated_.empty()) return;
  machine_.finish_boot();
  if (observer != nullptr) observer->booted(machine_);
}

}  // namespace cma
