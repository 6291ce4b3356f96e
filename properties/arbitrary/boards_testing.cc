#include "properties/arbitrary/boards_testing.h"

#include <algorithm>

#include <fmt/format.h>

#include "properties/arbitrary/arbitrary_testing.h"

namespace cma {
namespace {

class BoardDraw {
 public:
  BoardDraw(Random& random, const Geometry& machine)
      : random_(random),
        start_(machine.memory.start << machine.page_shift()),
        size_(machine.memory.pages() << machine.page_shift()),
        page_(machine.page_size),
        unit_(machine.isolation_unit() << machine.page_shift()) {}

  Reserve reservation(const Geometry& machine) {
    const Pfn base = machine.memory.start + random_.below(machine.memory.pages());
    return {base, 1 + random_.below(std::min<std::uint64_t>(32, machine.memory.end - base))};
  }
  Region region();
  RunBoot boot(const Geometry& machine);

 private:
  std::uint64_t units(std::uint64_t most) { return (1 + random_.below(most)) * unit_; }
  // Returns an address in memory: of a unit, of a page or of neither.
  std::uint64_t address() {
    const std::uint64_t any = start_ + random_.below(size_);
    if (random_.chance(70)) return align_down(any, unit_);
    return align_down(any, random_.chance(60) ? page_ : 16);
  }
  std::uint64_t any_size() { return random_.chance(80) ? units(3) : 1 + random_.below(size_ / 8); }
  std::string cma_word();
  std::string node_words(bool several);

  Random& random_;
  std::uint64_t start_;
  std::uint64_t size_;
  std::uint64_t page_;
  std::uint64_t unit_;
};

Region BoardDraw::region() {
  Region region;
  region.size = any_size();
  if (random_.chance(30)) {
    region.base = address();
  } else if (random_.chance(50)) {
    region.alloc_base = address();
    region.alloc_size = region.size + units(4);
  }
  if (random_.chance(20)) region.alignment = std::uint64_t{1} << random_.between(4, 19);
  region.shared_dma_pool = random_.chance(80);
  region.reusable = random_.chance(70);
  region.no_map = random_.chance(15);
  region.cma_default = random_.chance(30);
  return region;
}

// Returns cma=SIZE with the place that it may have, or nothing.
std::string BoardDraw::cma_word() {
  if (random_.chance(25)) return "";
  const std::uint64_t size = any_size();
  const std::uint64_t base = address();
  const std::uint64_t window = size + units(4);
  if (random_.chance(35)) return fmt::format("cma={}", size);
  if (random_.chance(30)) return fmt::format("cma={}@{:#x}", size, base);
  return fmt::format("cma={}@{:#x}-{:#x}", size, base, base + window);
}

std::string BoardDraw::node_words(bool several) {
  std::string words;
  if (random_.chance(60)) words += fmt::format(" cma_pernuma={}", units(2));
  if (random_.chance(60)) words += fmt::format(" numa_cma=0:{}", units(2));
  if (several && words.find("numa_cma") != std::string::npos) words += fmt::format(",1:{}", units(2));
  return words;
}

RunBoot BoardDraw::boot(const Geometry& machine) {
  RunBoot boot;
  boot.cmdline = cma_word();
  boot.node_areas = random_.chance(60);
  if (boot.node_areas) boot.cmdline += node_words(machine.several_nodes());
  if (random_.chance(40)) boot.arch = random_.chance(50) ? ArchWord::arm : ArchWord::riscv;
  if (random_.chance(25)) boot.limit = address();
  boot.size_sel = static_cast<SizeSelWord>(random_.below(4));
  boot.size_mbytes = random_.below(3);
  boot.size_percentage = random_.below(20);
  boot.possible_nodes = random_.below(3);
  return boot;
}

// Gives the upper half of memory to a second node.
void add_node(Geometry& machine) {
  const Pfn border = align_down(machine.memory.start + machine.memory.pages() / 2, machine.isolation_unit());
  machine.zones = {{.name = "Normal", .range = {machine.memory.start, border}},
                   {.name = "Normal", .range = {border, machine.memory.end}, .node = 1}};
}

}  // namespace

void boot_a_board(Random& random, Program& program) {
  Geometry& machine = program.machine;
  machine.areas.clear();
  program.failing_bitmaps.clear();
  std::erase_if(program.ops, [](const Op& op) { return info_of(op).boot; });
  if (machine.zones.empty() && random.chance(40)) add_node(machine);
  BoardDraw draw(random, machine);
  Story story(program);
  for (std::uint64_t left = random.below(3); left > 0; --left) story.add(draw.reservation(machine));
  for (std::uint64_t left = random.below(5); left > 0; --left) story.add(draw.region());
  story.add(draw.boot(machine));
}

}  // namespace cma
