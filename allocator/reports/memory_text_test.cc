#include "allocator/reports/memory_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "allocator/base/assert.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Returns the pages of so many KiB, as reports print them.
constexpr std::uint64_t kb(std::uint64_t kilobytes) { return kilobytes / 4; }

// Free blocks of one order: their number, and the letters of their types.
struct Blocks {
  std::uint64_t number;
  std::string_view letters;
};

void set_blocks(ZoneFigures& zone, std::initializer_list<Blocks> blocks) {
  unsigned order = 0;
  for (const Blocks& of_order : blocks) {
    zone.blocks[order] = of_order.number;
    for (unsigned type = 0; type < kMigratetypes; ++type)
      if (of_order.letters.find(kMigratetypeLetters[type]) != std::string_view::npos)
        zone.types[order] |= static_cast<std::uint8_t>(1U << type);
    ++order;
  }
}

// --- reports from the field, with the figures that they kept ---

NodeFigures node_of_the_wifi_driver() {
  return {.node = 0,
          .pages = {.active_anon = kb(94396),
                    .inactive_anon = kb(94392),
                    .active_file = kb(70904),
                    .inactive_file = kb(65028),
                    .unevictable = kb(3828),
                    .mapped = kb(109296),
                    .shmem = kb(7132),
                    .dirty = kb(100)}};
}

ZoneFigures zone_of_the_wifi_driver() {
  ZoneFigures zone{.name = "DMA32",
                   .pages = {.active_anon = kb(94412),
                             .inactive_anon = kb(94396),
                             .active_file = kb(70828),
                             .inactive_file = kb(65156),
                             .unevictable = kb(3828),
                             .mlocked = kb(3828),
                             .writepending = kb(100),
                             .pagetables = kb(39072),
                             .kernel_stack_kb = 28688,
                             .free = kb(362116),
                             .free_pcp = kb(4352),
                             .local_pcp = kb(980),
                             .free_cma = kb(321800),
                             .min = kb(4556),
                             .low = kb(29180),
                             .high = kb(30484),
                             .present = kb(1382784),
                             .managed = kb(1306504)},
                   .lowmem_reserve = {0, 0, 0}};
  set_blocks(zone, {{4060, "UMECH"},
                    {942, "UMECH"},
                    {223, "UMCH"},
                    {47, "UC"},
                    {176, "UMECH"},
                    {53, "UMEC"},
                    {1, "C"},
                    {5, "C"},
                    {3, "C"},
                    {1, "C"},
                    {75, "C"}});
  return zone;
}

// An Android phone of 4.19: an atomic request of order 3 fails beside 362 MB of free memory.
MemoryFigures memory_of_the_wifi_driver() {
  return {.release = Release::v4_19,
          .memory_failure = true,
          .cma_per_cpu = true,
          .pages = {.active_anon = 23568,
                    .inactive_anon = 23598,
                    .active_file = 17726,
                    .inactive_file = 16226,
                    .unevictable = 957,
                    .cached = 36685,
                    .mapped = 27324,
                    .shmem = 1783,
                    .dirty = 25,
                    .slab_reclaimable = 10288,
                    .slab_unreclaimable = 23111,
                    .pagetables = 9768,
                    .free = 90821,
                    .free_pcp = 1085,
                    .free_cma = 80512},
          .nodes = {node_of_the_wifi_driver()},
          .zones = {zone_of_the_wifi_driver()},
          .hugepage_kb = 2048,
          .swapcache = 291,
          .swapcache_added = 192421,
          .swapcache_deleted = 192130,
          .swapcache_found = 6130,
          .swapcache_looked_up = 80536,
          .swap_free = kb(59508),
          .swap_total = kb(495612),
          .ram = 345696,
          .reserved = 19070,
          .cma = 95232};
}

TEST(MemoryText, IsThatOfAnAndroidPhoneLineByLine) {
  EXPECT_THAT(
      memory_lines(memory_of_the_wifi_driver()),
      ElementsAre(
          "Mem-Info:", "active_anon:23568 inactive_anon:23598 isolated_anon:0",
          " active_file:17726 inactive_file:16226 isolated_file:0", " unevictable:957 dirty:25 writeback:0 unstable:0",
          " slab_reclaimable:10288 slab_unreclaimable:23111", " mapped:27324 shmem:1783 pagetables:9768 bounce:0",
          " free:90821 free_pcp:1085 free_cma:80512",
          "Node 0 active_anon:94396kB inactive_anon:94392kB active_file:70904kB inactive_file:65028kB "
          "unevictable:3828kB isolated(anon):0kB isolated(file):0kB mapped:109296kB dirty:100kB writeback:0kB "
          "shmem:7132kB writeback_tmp:0kB unstable:0kB all_unreclaimable? no",
          "DMA32 free:362116kB min:4556kB low:29180kB high:30484kB active_anon:94412kB inactive_anon:94396kB "
          "active_file:70828kB inactive_file:65156kB unevictable:3828kB writepending:100kB present:1382784kB "
          "managed:1306504kB mlocked:3828kB kernel_stack:28688kB pagetables:39072kB bounce:0kB free_pcp:4352kB "
          "local_pcp:980kB free_cma:321800kB",
          "lowmem_reserve[]: 0 0 0",
          "DMA32: 4060*4kB (UMECH) 942*8kB (UMECH) 223*16kB (UMCH) 47*32kB (UC) 176*64kB (UMECH) 53*128kB (UMEC) "
          "1*256kB (C) 5*512kB (C) 3*1024kB (C) 1*2048kB (C) 75*4096kB (C) = 362032kB",
          "Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB",
          "36685 total pagecache pages", "291 pages in swap cache",
          "Swap cache stats: add 192421, delete 192130, find 6130/80536", "Free swap  = 59508kB",
          "Total swap = 495612kB", "345696 pages RAM", "0 pages HighMem/MovableOnly", "19070 pages reserved",
          "95232 pages cma reserved", "0 pages hwpoisoned"));
}

// A Raspberry Pi 4 with a kernel of 6.1 for 32 bits, whose watermark is boosted.
TEST(MemoryText, IsThatOfABoostedZone) {
  ZoneFigures zone{.name = "DMA",
                   .pages = {.active_file = kb(77632),
                             .inactive_file = kb(168),
                             .writepending = kb(78556),
                             .free = kb(519112),
                             .free_pcp = kb(236),
                             .local_pcp = kb(232),
                             .free_cma = kb(513592),
                             .boost = kb(7216),
                             .min = kb(10428),
                             .low = kb(11228),
                             .high = kb(12028),
                             .present = kb(786432),
                             .managed = kb(663836)},
                   .lowmem_reserve = {0, 0, 3188, 3188}};
  set_blocks(zone, {{142, "UEC"},
                    {161, "UEC"},
                    {59, "UEC"},
                    {51, "UEC"},
                    {18, "UEC"},
                    {2, "UC"},
                    {1, "C"},
                    {0, ""},
                    {1, "C"},
                    {0, ""},
                    {125, "C"}});
  const NodeFigures node{.pages = {.active_anon = kb(968),
                                   .inactive_anon = kb(32280),
                                   .active_file = kb(101656),
                                   .inactive_file = kb(27096),
                                   .unevictable = kb(14276),
                                   .isolated_file = kb(768),
                                   .mapped = kb(34324),
                                   .shmem = kb(10236),
                                   .dirty = kb(68192),
                                   .writeback = kb(10488),
                                   .pagetables = kb(1768),
                                   .kernel_stack_kb = 1488}};
  const MemoryFigures memory{.release = Release::v6_1, .zones = {zone}};
  EXPECT_EQ(node_line(memory, node),
            "Node 0 active_anon:968kB inactive_anon:32280kB active_file:101656kB inactive_file:27096kB "
            "unevictable:14276kB isolated(anon):0kB isolated(file):768kB mapped:34324kB dirty:68192kB "
            "writeback:10488kB shmem:10236kB writeback_tmp:0kB kernel_stack:1488kB pagetables:1768kB "
            "sec_pagetables:0kB all_unreclaimable? no");
  EXPECT_EQ(zone_line(memory, zone),
            "DMA free:519112kB boost:7216kB min:10428kB low:11228kB high:12028kB reserved_highatomic:0KB "
            "active_anon:0kB inactive_anon:0kB active_file:77632kB inactive_file:168kB unevictable:0kB "
            "writepending:78556kB present:786432kB managed:663836kB mlocked:0kB bounce:0kB free_pcp:236kB "
            "local_pcp:232kB free_cma:513592kB");
  EXPECT_EQ(reserve_line(zone), "lowmem_reserve[]: 0 0 3188 3188");
  EXPECT_EQ(blocks_line(memory, zone),
            "DMA: 142*4kB (UEC) 161*8kB (UEC) 59*16kB (UEC) 51*32kB (UEC) 18*64kB (UEC) 2*128kB (UC) 1*256kB (C) "
            "0*512kB 1*1024kB (C) 0*2048kB 125*4096kB (C) = 519120kB");
}

// The same board with 8 GB, whose zone DMA has to keep all of vm.min_free_kbytes.
TEST(MemoryText, IsThatOfAPanicAtBoot) {
  ZoneFigures zone{.name = "DMA"};
  set_blocks(zone, {{59, "UMEC"},
                    {62, "UMEC"},
                    {24, "UMEC"},
                    {29, "UMEC"},
                    {19, "UMEC"},
                    {10, "MC"},
                    {8, "UMC"},
                    {10, "UMC"},
                    {7, "UMC"},
                    {5, "UMEC"},
                    {135, "MC"}});
  const MemoryFigures memory{
      .release = Release::v6_1,
      .pages = {.cached = 10873, .mapped = 5636, .shmem = 182, .pagetables = 211, .free = 1995964, .free_cma = 129151},
      .zones = {zone},
      .ram = 2061312,
      .ram_high = 1864704,
      .reserved = 39857,
      .cma = 131072};
  EXPECT_THAT(
      memory_lines(memory),
      AllOf(Contains(" mapped:5636 shmem:182 pagetables:211"), Contains(" sec_pagetables:0 bounce:0"),
            Contains(" kernel_misc_reclaimable:0"), Contains(" free:1995964 free_pcp:0 free_cma:129151"),
            Contains("DMA: 59*4kB (UMEC) 62*8kB (UMEC) 24*16kB (UMEC) 29*32kB (UMEC) 19*64kB (UMEC) 10*128kB (MC) "
                     "8*256kB (UMC) 10*512kB (UMC) 7*1024kB (UMC) 5*2048kB (UMEC) 135*4096kB (MC) = 582076kB"),
            Contains("10873 total pagecache pages"), Contains("2061312 pages RAM"),
            Contains("1864704 pages HighMem/MovableOnly"), Contains("39857 pages reserved"),
            Contains("131072 pages cma reserved")));
}

// A Raspberry Pi 4 with a kernel of 6.6; its lines were cut at the terminal's edge.
TEST(MemoryText, IsThatOfAFullArea) {
  ZoneFigures zone{.name = "DMA",
                   .pages = {.active_anon = kb(183792),
                             .inactive_anon = kb(4),
                             .free = kb(111040),
                             .min = kb(3728),
                             .low = kb(4660),
                             .high = kb(5592)},
                   .lowmem_reserve = {0, 2928, 2928, 2928}};
  set_blocks(zone, {{1611, "UMEC"},
                    {1072, "UMEC"},
                    {544, "UMEC"},
                    {394, "UMEC"},
                    {189, "UMEC"},
                    {130, "UMC"},
                    {66, "UMEC"},
                    {25, "U"}});
  const MemoryFigures memory{
      .release = Release::v6_6, .pages = {.cached = 515690}, .ram = 1012736, .reserved = 41971, .cma = 131072};
  EXPECT_THAT(zone_line(memory, zone),
              StartsWith("DMA free:111040kB boost:0kB min:3728kB low:4660kB high:5592kB reserved_highatomic:0KB "
                         "active_anon:183792kB inactive_anon:4kB ac"));
  EXPECT_EQ(reserve_line(zone), "lowmem_reserve[]: 0 2928 2928 2928");
  EXPECT_THAT(blocks_line(memory, zone),
              StartsWith("DMA: 1611*4kB (UMEC) 1072*8kB (UMEC) 544*16kB (UMEC) 394*32kB (UMEC) 189*64kB (UMEC) "
                         "130*128kB (UMC) 66*256kB (UMEC) 25*512kB ("));
  EXPECT_THAT(memory_lines(memory), AllOf(Contains("515690 total pagecache pages"), Contains("1012736 pages RAM"),
                                          Contains("0 pages HighMem/MovableOnly"), Contains("41971 pages reserved"),
                                          Contains("131072 pages cma reserved")));
}

// A Raspberry Pi 1 with a kernel of 3.2; the last line was cut.
TEST(MemoryText, IsThatOfAnOldBoard) {
  const ZoneFigures zone{.name = "Normal",
                         .pages = {.active_anon = kb(1752),
                                   .inactive_anon = kb(120),
                                   .active_file = kb(5180),
                                   .inactive_file = kb(7736),
                                   .unevictable = kb(1620),
                                   .mlocked = kb(1620),
                                   .free = kb(201260),
                                   .min = kb(1908),
                                   .low = kb(2384),
                                   .high = kb(2860),
                                   .present = kb(227584)},
                         .per_cpu = {{.high = 90, .batch = 15, .count = 38}}};
  const MemoryFigures memory{.release = Release::v3_6,
                             .arm = true,
                             .pages = {.active_anon = 438,
                                       .inactive_anon = 30,
                                       .active_file = 1295,
                                       .inactive_file = 1934,
                                       .unevictable = 405,
                                       .mapped = 472,
                                       .shmem = 32,
                                       .slab_reclaimable = 305,
                                       .slab_unreclaimable = 635,
                                       .pagetables = 78,
                                       .free = 50315},
                             .zones = {zone}};
  std::vector<std::string> lines = memory_lines(memory);
  ASSERT_GE(lines.size(), 9U);
  lines.resize(9);
  EXPECT_THAT(lines,
              ElementsAre("Mem-info:", "Normal per-cpu:", "CPU    0: hi:   90, btch:  15 usd:  38",
                          "active_anon:438 inactive_anon:30 isolated_anon:0",
                          " active_file:1295 inactive_file:1934 isolated_file:0",
                          " unevictable:405 dirty:0 writeback:0 unstable:0",
                          " free:50315 slab_reclaimable:305 slab_unreclaimable:635",
                          " mapped:472 shmem:32 pagetables:78 bounce:0",
                          StartsWith("Normal free:201260kB min:1908kB low:2384kB high:2860kB active_anon:1752kB "
                                     "inactive_anon:120kB active_file:5180kB inactive_file:7736kB unevictable:1620kB "
                                     "isolated(anon):0kB isolated(file):0kB present:227584kB mlocked:1620kB "
                                     "dirty:0kB writeback:0kB")));
}

// --- what releases print differently ---

// Returns the report on one empty zone of two nodes.
MemoryFigures bare_memory(Release release) {
  return {.release = release,
          .largest_order = 1,
          .numa = true,
          .thp = true,
          .nodes = {{.node = 0}, {.node = 1}},
          .zones = {{.name = "Normal", .node = 1, .lowmem_reserve = {0, 0}, .blocks = {1, 2}, .types = {0x10, 0x20}}}};
}

TEST(MemoryText, OfAZoneIsThatOfTheRelease) {
  struct Row {
    Release release;
    const char* line;
  };
  constexpr Row kRows[] = {
      {Release::v3_6,
       "Node 1 Normal free:0kB min:0kB low:0kB high:0kB active_anon:0kB inactive_anon:0kB active_file:0kB "
       "inactive_file:0kB unevictable:0kB isolated(anon):0kB isolated(file):0kB present:0kB mlocked:0kB dirty:0kB "
       "writeback:0kB mapped:0kB shmem:0kB slab_reclaimable:0kB slab_unreclaimable:0kB kernel_stack:0kB "
       "pagetables:0kB unstable:0kB bounce:0kB writeback_tmp:0kB pages_scanned:0 all_unreclaimable? no"},
      {Release::v4_9,
       "Node 1 Normal free:0kB min:0kB low:0kB high:0kB active_anon:0kB inactive_anon:0kB active_file:0kB "
       "inactive_file:0kB unevictable:0kB writepending:0kB present:0kB managed:0kB mlocked:0kB slab_reclaimable:0kB "
       "slab_unreclaimable:0kB kernel_stack:0kB pagetables:0kB bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:0kB"},
      {Release::v5_10,
       "Node 1 Normal free:0kB min:0kB low:0kB high:0kB reserved_highatomic:0KB active_anon:0kB inactive_anon:0kB "
       "active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB present:0kB managed:0kB mlocked:0kB "
       "pagetables:0kB bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:0kB"},
  };
  for (const auto& [release, line] : kRows) {
    const MemoryFigures memory = bare_memory(release);
    EXPECT_EQ(zone_line(memory, memory.zones[0]), line) << release;
  }
}

TEST(MemoryText, OfANodeIsThatOfTheRelease) {
  struct Row {
    Release release;
    const char* end;
  };
  constexpr Row kRows[] = {
      {Release::v4_9,
       " shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB unstable:0kB "
       "pages_scanned:0 all_unreclaimable? no"},
      {Release::v4_19,
       " shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB unstable:0kB "
       "all_unreclaimable? no"},
      {Release::v5_10,
       " shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB kernel_stack:0kB "
       "all_unreclaimable? no"},
      {Release::v6_1,
       " shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB kernel_stack:0kB "
       "pagetables:0kB sec_pagetables:0kB all_unreclaimable? no"},
      {Release::v6_12,
       " shmem_thp:0kB shmem_pmdmapped:0kB anon_thp:0kB writeback_tmp:0kB kernel_stack:0kB "
       "pagetables:0kB sec_pagetables:0kB all_unreclaimable? no"},
  };
  for (const auto& [release, end] : kRows) {
    const MemoryFigures memory = bare_memory(release);
    EXPECT_EQ(node_line(memory, memory.nodes[1]),
              std::string("Node 1 active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
                          "isolated(anon):0kB isolated(file):0kB mapped:0kB dirty:0kB writeback:0kB shmem:0kB") +
                  end)
        << release;
  }
  EXPECT_THAT(memory_lines(bare_memory(Release::v3_6)), Not(Contains(StartsWith("Node 0 active_anon"))));
}

TEST(MemoryText, OfBlocksNamesTheirTypesSince3_8) {
  for (const Release release : {Release::v3_6, Release::v4_9}) {
    const MemoryFigures memory = bare_memory(release);
    EXPECT_EQ(blocks_line(memory, memory.zones[0]), release == Release::v3_6
                                                        ? "Node 1 Normal: 1*4kB 2*8kB = 20kB"
                                                        : "Node 1 Normal: 1*4kB (C) 2*8kB (I) = 20kB");
  }
}

TEST(MemoryText, IsCountedAsItIsMade) {
  for (const Release release : modelled_releases())
    for (const bool arm : {false, true}) {
      MemoryFigures memory = bare_memory(release);
      memory.arm = arm;
      memory.zones[0].per_cpu.resize(3);
      EXPECT_EQ(count_memory_lines(memory), memory_lines(memory).size()) << release;
      memory.highmem = true;
      memory.memory_failure = true;
      memory.hugepage_kb = 2048;
      EXPECT_EQ(count_memory_lines(memory), memory_lines(memory).size()) << release;
    }
}

TEST(MemoryText, CountsInPagesOfTheMachine) {
  MemoryFigures memory = bare_memory(Release::v6_1);
  memory.page_size = 65536;
  memory.zones[0].pages.free = 3;
  EXPECT_EQ(blocks_line(memory, memory.zones[0]), "Node 1 Normal: 1*64kB (C) 2*128kB (I) = 320kB");
  EXPECT_THAT(zone_line(memory, memory.zones[0]), HasSubstr(" free:192kB "));
}

TEST(MemoryText, EndsWithWhatTheReleaseCounts) {
  MemoryFigures memory = bare_memory(Release::v3_6);
  memory.highmem = true;
  memory.ram = 9;
  memory.ram_high = 4;
  memory.reserved = 3;
  memory.shared = 2;
  memory.nonshared = 1;
  const std::vector<std::string> old = memory_lines(memory);
  EXPECT_THAT(std::vector(old.end() - 6, old.end()),
              ElementsAre("Total swap = 0kB", "9 pages RAM", "4 pages HighMem", "3 pages reserved", "2 pages shared",
                          "1 pages non-shared"));
  memory.release = Release::v6_12;
  const std::vector<std::string> lines = memory_lines(memory);
  EXPECT_THAT(std::vector(lines.end() - 7, lines.end()),
              ElementsAre("0 pages in swap cache", "Free swap  = 0kB", "Total swap = 0kB", "9 pages RAM",
                          "4 pages HighMem/MovableOnly", "3 pages reserved", "0 pages cma reserved"));
}

}  // namespace
}  // namespace cma
