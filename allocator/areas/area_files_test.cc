#include "allocator/areas/area_files.h"

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class ViewsTest : public ::testing::TestWithParam<Release> {
 protected:
  std::string read(const std::string& path) const {
    return read_view(machine->areas, machine->buddy, machine->map, GetParam(), path).value_or("no such file");
  }
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Releases, ViewsTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(ViewsTest, DebugfsFilesOfAnArea) {
  run_now(machine->areas.cma_alloc(1, 6, 0, false));
  run_now(machine->areas.cma_alloc(1, 70, 0, false));
  run_now(machine->areas.cma_release(1, 768, 6));
  EXPECT_EQ(read("cma/b/base_pfn"), "768\n");
  EXPECT_EQ(read("cma/b/count"), "256\n");
  EXPECT_EQ(read("cma/b/order_per_bit"), "1\n");
  EXPECT_EQ(read("cma/b/used"), "70\n");
  EXPECT_EQ(read("cma/b/maxchunk"), "180\n");
  EXPECT_EQ(read("cma/b/bitmap"), "4294967288 63 0 0\n") << "words of 32 bits in decimal";
}

TEST_P(ViewsTest, WithTheBugMaxchunkReachesPastTheBitmap) {
  machine->bugs.switch_on(Bug::debug_bitmap_size);
  EXPECT_EQ(read("cma/a/maxchunk"), "256\n") << "a page a bit";
  EXPECT_EQ(machine->bugs.times_reached(Bug::debug_bitmap_size), 0U);
  run_now(machine->areas.cma_alloc(1, 6, 0, false));
  EXPECT_EQ(read("cma/b/maxchunk"), "506\n") << "an area of 256 pages";
  EXPECT_EQ(machine->bugs.times_reached(Bug::debug_bitmap_size), 1U);
}

TEST_P(ViewsTest, SysfsTotalsExistSince5_13) {
  const bool there = GetParam() >= Release::v5_13;
  run_now(machine->areas.cma_alloc(0, 6, 0, true));
  run_now(machine->areas.cma_alloc(0, 300, 0, true));
  EXPECT_EQ(read("sys/a/alloc_pages_success"), there ? "6\n" : "no such file");
  EXPECT_EQ(read("sys/a/alloc_pages_fail"), there ? "300\n" : "no such file");
}

TEST_P(ViewsTest, EveryListedFileCanBeReadAndNoOther) {
  for (const AreaFileInfo& file : area_files(Release::v7_3)) {
    EXPECT_EQ(&info_of(file.file), &file);
    const bool there = GetParam() >= file.since;
    EXPECT_EQ(read(path_of(file, "a")) != "no such file", there) << file.name;
  }
}

TEST_P(ViewsTest, UnknownPathsAreNoFiles) {
  for (const char* path : {"", "cma", "cma/", "cma/a", "cma/c/count", "cma/a/alloc", "sys/a/count", "meminfo",
                           "x/a/count", "cma/a/count/x"})
    EXPECT_EQ(read(path), "no such file") << path;
}

TEST_P(ViewsTest, BuddyinfoCountsBlocksByOrder) {
  run_now(machine->areas.cma_alloc(0, 16, 0, false));
  const std::string expected = "Node 0, zone   Normal      0      0      0      0      1      1     15 \n";
  EXPECT_EQ(read("buddyinfo"), expected);
  EXPECT_EQ(buddyinfo(machine->buddy), expected);
}

TEST_P(ViewsTest, PagetypeinfoCountsBlocksByTypeAndPageblocks) {
  run_now(machine->areas.cma_alloc(0, 16, 0, false));
  EXPECT_EQ(read("pagetypeinfo"),
            "Page block order: 4\n"
            "Pages per block:  16\n"
            "\n"
            "Free pages count per migrate type at order       0      1      2      3      4      5      6 \n"
            "Node    0, zone   Normal, type    Unmovable      0      0      0      0      0      0      0 \n"
            "Node    0, zone   Normal, type      Movable      0      0      0      0      0      0      8 \n"
            "Node    0, zone   Normal, type  Reclaimable      0      0      0      0      0      0      0 \n"
            "Node    0, zone   Normal, type   HighAtomic      0      0      0      0      0      0      0 \n"
            "Node    0, zone   Normal, type          CMA      0      0      0      0      1      1      7 \n"
            "Node    0, zone   Normal, type      Isolate      0      0      0      0      0      0      0 \n"
            "\n"
            "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"
            "Node 0, zone   Normal            0           32            0            0           32            0 \n");
}

TEST_P(ViewsTest, MakingTheTextChangesNothing) {
  const std::uint64_t before = machine->hash();
  for (const char* path : {"cma/a/bitmap", "cma/a/used", "buddyinfo", "pagetypeinfo"}) read(path);
  EXPECT_EQ(machine->hash(), before);
}

// --- what a reader takes ---

// An area of 24,576 pages, beside which 16,384 are free.
class ReaderTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry(std::uint64_t pages, unsigned order_per_bit = 0) {
    Geometry g;
    g.release = GetParam();
    g.memory = {0, 0xa000};
    g.areas = {{"a", 0x4000, pages, GetParam() < Release::v3_17 ? 0 : order_per_bit}};
    return g;
  }
  // Returns the orders of the page allocations that reading a file makes.
  static std::vector<unsigned> orders_read(Machine& machine, const std::string& path, int error = 0) {
    class Watcher final : public AllocationWatcher {
     public:
      void allocation_begins(Gfp, unsigned order) override { orders.push_back(order); }
      void allocation_ended(Gfp, unsigned, Pfn) override {}
      std::vector<unsigned> orders;
    };
    Watcher watcher;
    machine.trace.watch_allocations(&watcher);
    EXPECT_EQ(open_and_close(machine.areas, machine.buddy, machine.map, path), error) << path;
    machine.trace.watch_allocations(nullptr);
    return watcher.orders;
  }
  static std::int64_t free_pages(Machine& machine) {
    run_now(machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    return machine.buddy.zone(0).nr_free_pages;
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, ReaderTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(ReaderTest, TheBitmapTakesABlockFromTwoPagesOn) {
  const std::unique_ptr<Machine> machine = make_machine(geometry(0x6000));
  const std::int64_t before = free_pages(*machine);
  EXPECT_EQ(orders_read(*machine, "cma/a/bitmap"), std::vector<unsigned>{2}) << "8,449 bytes";
  EXPECT_EQ(free_pages(*machine), before) << "and gives it back";
  const std::unique_ptr<Machine> smaller = make_machine(geometry(0x5c00));
  EXPECT_TRUE(orders_read(*smaller, "cma/a/bitmap").empty()) << "8,097 bytes are a slab object";
}

TEST_P(ReaderTest, BitsCountAndNotPages) {
  if (GetParam() < Release::v3_17) GTEST_SKIP() << "a bit is a page";
  const std::unique_ptr<Machine> machine = make_machine(geometry(0x6000, 1));
  EXPECT_TRUE(orders_read(*machine, "cma/a/bitmap").empty());
}

TEST_P(ReaderTest, WithoutSuchABlockTheFileCannotBeOpened) {
  const std::unique_ptr<Machine> machine = make_machine(geometry(0x6000));
  while (machine->buddy.alloc_pages(kGfpKernel, 2) != kNoPfn) {
  }
  EXPECT_EQ(orders_read(*machine, "cma/a/bitmap", -kENOMEM).size(), 1U);
}

TEST_P(ReaderTest, NoOtherFileTakesPages) {
  const std::unique_ptr<Machine> machine = make_machine(geometry(0x6000));
  EXPECT_TRUE(orders_read(*machine, "buddyinfo").empty());
  EXPECT_TRUE(orders_read(*machine, "pagetypeinfo").empty());
  EXPECT_TRUE(orders_read(*machine, "cma/b/bitmap").empty()) << "no such area";
  for (const AreaFileInfo& file : area_files(GetParam()))
    if (file.file != AreaFile::bitmap) {
      EXPECT_TRUE(orders_read(*machine, path_of(file, "a")).empty()) << file.name;
    }
}

// seq_file's buffer doubles until the longest record fits; from the page allocator it comes above two pages.
TEST_P(ReaderTest, TheLongestTextOfAllZonesFitsIntoTwoPages) {
  Geometry g = geometry(0x6000);
  g.largest_order = kOrderLimit - 1;
  g.areas.clear();
  g.zones = {
      {"DMA", {0, 0x1000}}, {"DMA32", {0x1000, 0x2000}}, {"Normal", {0x2000, 0x4000}}, {"Movable", {0x4000, 0xa000}}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_LT(pagetypeinfo(machine->buddy, machine->map).size(), 2 * kPageSize);
  EXPECT_LT(buddyinfo(machine->buddy).size(), 2 * kPageSize);
}

}  // namespace
}  // namespace cma
