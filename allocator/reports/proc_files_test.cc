#include "allocator/reports/proc_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Returns the figures of a board with high memory, in pages of 4 KiB.
MemoryFigures small_board(Release release) {
  return {.release = release,
          .highmem = true,
          .thp = true,
          .pages = {.active_anon = 10,
                    .inactive_anon = 20,
                    .active_file = 300,
                    .inactive_file = 400,
                    .unevictable = 5,
                    .mlocked = 5,
                    .cached = 720,
                    .buffers = 30,
                    .mapped = 7,
                    .shmem = 20,
                    .anon_mapped = 35,
                    .dirty = 3,
                    .writeback = 2,
                    .writepending = 5,
                    .anon_thp = 16,
                    .free = 5000,
                    .free_cma = 1000,
                    .managed = 12000},
          .nodes = {{.hugepages_total = 4, .hugepages_free = 3}},
          .zones = {{.name = "Normal",
                     .pages = {.free = 4000, .boost = 10, .min = 110, .low = 135, .high = 160, .managed = 8000},
                     .lowmem_reserve = {0, 125, 125}},
                    {.name = "HighMem",
                     .pages = {.free = 1000, .min = 32, .low = 52, .high = 72, .managed = 4000},
                     .lowmem_reserve = {0, 0, 0}}},
          .hugepage_kb = 64,
          .cma = 2048,
          .low_of_empty_zones = 32,
          .pages_of_thp = 8,
          .cma_alloc_success = 6,
          .cma_alloc_fail = 1};
}

// Available: 5000 free pages without 125 + 150 and 72 that are held back, and the files without the low watermarks: 700
// without 135 + 52 + 32.
TEST(ProcFiles, MeminfoOf6_1) {
  EXPECT_EQ(meminfo(small_board(Release::v6_1)),
            "MemTotal:          48000 kB\n"
            "MemFree:           20000 kB\n"
            "MemAvailable:      20536 kB\n"
            "Buffers:             120 kB\n"
            "Cached:             2760 kB\n"
            "SwapCached:            0 kB\n"
            "Active:             1240 kB\n"
            "Inactive:           1680 kB\n"
            "Active(anon):         40 kB\n"
            "Inactive(anon):       80 kB\n"
            "Active(file):       1200 kB\n"
            "Inactive(file):     1600 kB\n"
            "Unevictable:          20 kB\n"
            "Mlocked:              20 kB\n"
            "HighTotal:         16000 kB\n"
            "HighFree:           4000 kB\n"
            "LowTotal:          32000 kB\n"
            "LowFree:           16000 kB\n"
            "SwapTotal:             0 kB\n"
            "SwapFree:              0 kB\n"
            "Dirty:                12 kB\n"
            "Writeback:             8 kB\n"
            "AnonPages:           140 kB\n"
            "Mapped:               28 kB\n"
            "Shmem:                80 kB\n"
            "AnonHugePages:        64 kB\n"
            "CmaTotal:           8192 kB\n"
            "CmaFree:            4000 kB\n"
            "HugePages_Total:       4\n"
            "HugePages_Free:        3\n"
            "HugePages_Rsvd:        0\n"
            "HugePages_Surp:        0\n"
            "Hugepagesize:         64 kB\n"
            "Hugetlb:             256 kB\n");
}

TEST(ProcFiles, MeminfoOf3_6EstimatesNothingAndKnowsNoAreas) {
  const std::string text = meminfo(small_board(Release::v3_6));
  EXPECT_THAT(text, StartsWith("MemTotal:          48000 kB\nMemFree:           20000 kB\nBuffers: "));
  EXPECT_THAT(text, Not(HasSubstr("Cma")));
  EXPECT_THAT(text, Not(HasSubstr("Hugetlb:")));
}

TEST(ProcFiles, VmstatOf6_1) {
  EXPECT_EQ(vmstat(small_board(Release::v6_1)),
            "nr_free_pages 5000\nnr_zone_inactive_anon 20\nnr_zone_active_anon 10\nnr_zone_inactive_file 400\n"
            "nr_zone_active_file 300\nnr_zone_unevictable 5\nnr_zone_write_pending 5\nnr_mlock 5\nnr_free_cma 1000\n"
            "nr_inactive_anon 20\nnr_active_anon 10\nnr_inactive_file 400\nnr_active_file 300\nnr_unevictable 5\n"
            "nr_isolated_anon 0\nnr_isolated_file 0\nnr_anon_pages 35\nnr_mapped 7\nnr_file_pages 720\nnr_dirty 3\n"
            "nr_writeback 2\nnr_shmem 20\nnr_anon_transparent_hugepages 2\ncma_alloc_success 6\ncma_alloc_fail 1\n");
}

TEST(ProcFiles, VmstatOf3_6CountsHugePagesApart) {
  EXPECT_EQ(vmstat(small_board(Release::v3_6)),
            "nr_free_pages 5000\nnr_inactive_anon 20\nnr_active_anon 10\nnr_inactive_file 400\nnr_active_file 300\n"
            "nr_unevictable 5\nnr_mlock 5\nnr_anon_pages 19\nnr_mapped 7\nnr_file_pages 720\nnr_dirty 3\n"
            "nr_writeback 2\nnr_isolated_anon 0\nnr_isolated_file 0\nnr_shmem 20\nnr_anon_transparent_hugepages 2\n");
}

TEST(ProcFiles, AreReadFromAMachine) {
  const auto machine = make_machine(default_small_geometry(Release::v6_1));
  EXPECT_EQ(machine->read_file("meminfo"), meminfo(machine->reports.figures()));
  EXPECT_EQ(machine->read_file("vmstat"), vmstat(machine->reports.figures()));
  EXPECT_NE(machine->read_file("buddyinfo"), std::nullopt);
  EXPECT_EQ(machine->read_file("slabinfo"), std::nullopt);
}

}  // namespace
}  // namespace cma
