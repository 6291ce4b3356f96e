// Figures that no small machine has: large, none at all, and those of kernels between the modelled ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"
#include "allocator/reports/memory_text.h"
#include "allocator/reports/proc_files.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

MemoryFigures one_zone(Release release) {
  MemoryFigures memory;
  memory.release = release;
  memory.nodes = {{}};
  memory.zones.emplace_back().name = "Normal";
  return memory;
}

TEST(MeminfoFigures, MoreMayBeHeldBackThanIsThere) {
  MemoryFigures memory = one_zone(Release::v6_1);
  memory.pages.free = 100;
  memory.zones[0].pages = {.high = 101, .managed = 1000};
  EXPECT_THAT(meminfo(memory), HasSubstr("MemAvailable:          0 kB\n"));
  memory.pages.free = 102;
  EXPECT_THAT(meminfo(memory), HasSubstr("MemAvailable:          4 kB\n"));
}

TEST(MeminfoFigures, NumbersMayBeWiderThanTheirColumn) {
  MemoryFigures memory = one_zone(Release::v6_1);
  memory.pages.managed = 25'000'000;
  EXPECT_THAT(meminfo(memory), HasSubstr("MemTotal:       100000000 kB\n"));
}

TEST(MeminfoFigures, AKernelWithoutAPoolOfHugePagesHasNoLinesForIt) {
  MemoryFigures memory = one_zone(Release::v6_1);
  EXPECT_THAT(meminfo(memory), Not(HasSubstr("HugePages_Total")));
  memory.hugepage_kb = 2048;
  EXPECT_THAT(meminfo(memory), HasSubstr("HugePages_Total:       0\n"));
}

// A zone Movable is cut from the highest one of the kernel.
TEST(MeminfoFigures, AZoneMovableIsHighMemoryWhereThereIsSome) {
  for (const bool highmem : {false, true}) {
    MemoryFigures memory = one_zone(Release::v6_1);
    memory.highmem = highmem;
    memory.pages.managed = 300;
    memory.zones[0].pages.managed = 200;
    ZoneFigures& movable = memory.zones.emplace_back();
    movable.name = "Movable";
    movable.pages.managed = 100;
    EXPECT_EQ(is_high(memory, memory.zones[1]), highmem);
    EXPECT_FALSE(is_high(memory, memory.zones[0]));
    EXPECT_EQ(meminfo(memory).find("HighTotal:           400 kB\n") != std::string::npos, highmem);
  }
}

TEST(VmstatFigures, FreePagesOfAreasAreTheLastLineOf3_7To4_7) {
  for (const Release release : {Release::v3_6, Release::v4_4, Release::v4_9}) {
    MemoryFigures memory = one_zone(release);
    memory.pages.free_cma = 77;
    const std::string text = vmstat(memory);
    EXPECT_EQ(text.ends_with("nr_free_cma 77\n"), release == Release::v4_4) << name_of(release);
    EXPECT_EQ(text.find("nr_free_cma") != std::string::npos, release >= Release::v3_7) << name_of(release);
  }
}

TEST(ReportFigures, ReclaimCanHaveGivenUp) {
  for (const Release release : {Release::v4_4, Release::v6_1}) {
    MemoryFigures memory = one_zone(release);
    const auto says = [&](const char* answer) {
      return Contains(EndsWith(std::string(" all_unreclaimable? ") + answer)).Times(1);
    };
    EXPECT_THAT(memory_lines(memory), says("no"));
    (release < Release::v4_8 ? memory.zones[0].all_unreclaimable : memory.nodes[0].all_unreclaimable) = true;
    EXPECT_THAT(memory_lines(memory), says("yes"));
  }
}

TEST(ReportFigures, PerCpuListsMayBeLongerThanTheirColumn) {
  MemoryFigures memory = one_zone(Release::v3_6);
  memory.zones[0].per_cpu = {{.high = 186, .batch = 31, .count = 12345}};
  EXPECT_THAT(memory_lines(memory), Contains("CPU    0: hi:  186, btch:  31 usd:12345"));
}

TEST(ReportFigures, AreasHaveALineSince3_19) {
  for (const Release release : {Release::v3_13, Release::v3_18, Release::v3_19}) {
    MemoryFigures memory = one_zone(release);
    memory.cma = 4096;
    const std::vector<std::string> lines = memory_lines(memory);
    EXPECT_THAT(lines, Contains("4096 pages cma reserved").Times(release >= Release::v3_19 ? 1 : 0));
    EXPECT_EQ(count_memory_lines(memory), lines.size()) << name_of(release);
  }
}

TEST(WarningFigures, NodesWithoutMemoryAreLeftOut) {
  Geometry g = tiny_geometry(Release::v6_1);
  g.zones = {{"Normal", {0, 32}}, {"Normal", {32, 64}, 2}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  while (machine->buddy.alloc_pages(kGfpAtomic, 5) != kNoPfn) {
  }
  ASSERT_FALSE(log_lines(*machine).empty());
  EXPECT_THAT(log_lines(*machine)[0], EndsWith("mems_allowed=0,2"));
}

}  // namespace
}  // namespace cma
