#include "allocator/areas/area_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ViewsTest : public ::testing::TestWithParam<Release> {
 protected:
  std::string read(const std::string& path) const {
    return read_view(machine->areas, machine->buddy, machine->map, GetParam(), path).value_or("no such file");
  }
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Releases, ViewsTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(ViewsTest, DebugfsFilesOfAnArea) {
  run_now(machine->areas.cma_alloc(1, 6, 0, Warn::yes));
  run_now(machine->areas.cma_alloc(1, 70, 0, Warn::yes));
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
  run_now(machine->areas.cma_alloc(1, 6, 0, Warn::yes));
  EXPECT_EQ(read("cma/b/maxchunk"), "506\n") << "an area of 256 pages";
  EXPECT_EQ(machine->bugs.times_reached(Bug::debug_bitmap_size), 1U);
}

TEST_P(ViewsTest, SysfsTotalsExistSince5_13) {
  const bool there = GetParam() >= Release::v5_13;
  run_now(machine->areas.cma_alloc(0, 6, 0, Warn::no));
  run_now(machine->areas.cma_alloc(0, 300, 0, Warn::no));
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
  run_now(machine->areas.cma_alloc(0, 16, 0, Warn::yes));
  const std::string expected = "Node 0, zone   Normal      0      0      0      0      1      1     15 \n";
  EXPECT_EQ(read("buddyinfo"), expected);
  EXPECT_EQ(buddyinfo(machine->buddy), expected);
}

TEST_P(ViewsTest, ZoneinfoHasTheLinesOfItsRelease) {
  run_now(machine->areas.cma_alloc(0, 16, 0, Warn::yes));
  const Release release = GetParam();
  const std::string head = "Node 0, zone   Normal\n  pages free     1008\n";
  const std::string boost = release >= Release::v5_14 ? "        boost    0\n" : "";
  const std::string marks = "        min      4\n        low      5\n        high     6\n";
  const std::string promo = release >= Release::v6_12 ? "        promo    7\n" : "";
  const std::string sizes = "        spanned  1024\n        present  1024\n";
  const std::string managed = release >= Release::v3_9 ? "        managed  1024\n" : "";
  const std::string cma = release >= Release::v5_12 ? "        cma      512\n" : "";
  const std::string protection = "        protection: (0, 0)\n";
  const std::string indent = release >= Release::v4_8 ? "      " : "    ";
  const std::string counters =
      indent + "nr_free_pages 1008\n" + (release >= Release::v3_7 ? indent + "nr_free_cma  496\n" : "");
  const std::string pagesets =
      "  pagesets\n"
      "    cpu: 0\n              count: 0\n              high:  6\n              batch: 2\n"
      "    cpu: 1\n              count: 0\n              high:  6\n              batch: 2\n";
  const std::string start = release >= Release::v4_8 ? "  start_pfn:           0\n" : "  start_pfn:         0\n";
  const bool first = release >= Release::v4_12;
  std::string expected = head + boost + marks + promo + sizes + managed + cma +
                         (first ? protection + counters : counters + protection) + pagesets + start;
  // Zones without memory are shown since 4.12.
  if (first) {
    const std::string least = release >= Release::v6_5 ? "32" : "0";
    expected += "Node 0, zone  Movable\n  pages free     0\n" + boost + "        min      " + least +
                "\n        low      " + least + "\n        high     " + least + "\n" +
                (promo.empty() ? "" : "        promo    32\n") +
                "        spanned  0\n        present  0\n        managed  0\n" +
                (cma.empty() ? "" : "        cma      0\n") + protection;
  }
  EXPECT_EQ(read("zoneinfo"), expected);
}

TEST(ZoneinfoTest, ProtectionCountsEachZoneOfTheKernel) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"DMA", {0, 256}}, {"HighMem", {256, 1024}}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  const std::string text = zoneinfo(machine->buddy, Release::v6_1);
  EXPECT_NE(text.find("        protection: (0, 0, 3, 3)\n"), std::string::npos) << text;
  EXPECT_LT(text.find("zone      DMA"), text.find("zone   Normal"));
  EXPECT_LT(text.find("zone   Normal"), text.find("zone  HighMem"));
  EXPECT_LT(text.find("zone  HighMem"), text.find("zone  Movable"));
}

TEST_P(ViewsTest, PagetypeinfoCountsBlocksByTypeAndPageblocks) {
  run_now(machine->areas.cma_alloc(0, 16, 0, Warn::yes));
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
      void allocation_begins(Gfp, unsigned order, unsigned) override { orders.push_back(order); }
      std::vector<unsigned> orders;
    };
    Watcher watcher;
    machine.trace.watch_allocations(&watcher);
    EXPECT_EQ(run_now(open_and_close(machine.areas, machine.buddy, machine.map, machine.geometry(), path)), error)
        << path;
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
  EXPECT_TRUE(orders_read(*machine, "cma/b/bitmap", -kENOENT).empty()) << "no such area";
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
  EXPECT_LT(pagetypeinfo(machine->buddy, machine->map).size(), 2 * g.page_size);
  EXPECT_LT(buddyinfo(machine->buddy).size(), 2 * g.page_size);
}

TEST_P(ViewsTest, ZonesAreListedNodeByNode) {
  Geometry g = tiny_geometry(GetParam());
  g.zones = {{"Normal", {0, 16}, 1}, {"DMA32", {16, 32}}, {"Normal", {32, 64}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(buddyinfo(m->buddy),
            "Node 0, zone    DMA32      0      0      0      0      1      0 \n"
            "Node 0, zone   Normal      0      0      0      0      0      1 \n"
            "Node 1, zone   Normal      0      0      0      0      1      0 \n");
  const std::string all = pagetypeinfo(m->buddy, m->map);
  const std::size_t second = all.find("Page block order: 3", 1);
  ASSERT_NE(second, std::string::npos) << "once for each node";
  EXPECT_THAT(all.substr(0, second),
              AllOf(HasSubstr("Node    0, zone    DMA32, type    Unmovable"), Not(HasSubstr("Node    1"))));
  EXPECT_THAT(
      all.substr(second),
      AllOf(HasSubstr("Node    1, zone   Normal, type      Movable      0      0      0      0      1      0 \n"),
            HasSubstr("\nNode 1, zone   Normal            0            2 "), Not(HasSubstr("Node 0"))));
}

// Since 4.12 zones without memory are listed too: every node has each zone of the kernel.
TEST_P(ViewsTest, ZoneinfoHasEachZoneOfTheKernelOnEachNode) {
  Geometry g = tiny_geometry(GetParam());
  g.zones = {{"Normal", {0, 16}, 1}, {"DMA32", {16, 32}}, {"Normal", {32, 64}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  std::istringstream lines(zoneinfo(m->buddy, GetParam()));
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("Node") || line.find("start_pfn") != line.npos || line.find("protection") != line.npos) {
      std::erase(line, ' ');
      found.push_back(line);
    }
  const std::string reserve = std::to_string(m->buddy.zone(1).lowmem_reserve[2]);
  const std::string high = "protection:(0," + reserve + "," + reserve + ")";
  const std::string none = "protection:(0,0,0)";
  if (GetParam() < Release::v4_12) {
    EXPECT_THAT(found, ElementsAre("Node0,zoneDMA32", high, "start_pfn:16", "Node0,zoneNormal", none, "start_pfn:32",
                                   "Node1,zoneNormal", none, "start_pfn:0"));
  } else {
    EXPECT_THAT(found, ElementsAre("Node0,zoneDMA32", high, "start_pfn:16", "Node0,zoneNormal", none, "start_pfn:32",
                                   "Node0,zoneMovable", none, "Node1,zoneDMA32", none, "Node1,zoneNormal", none,
                                   "start_pfn:0", "Node1,zoneMovable", none));
  }
}

// A node without high memory shows it with the least that it keeps free.
TEST_P(ViewsTest, HighMemoryThatANodeLacksKeepsWhatHighMemoryKeeps) {
  if (GetParam() < Release::v4_12) GTEST_SKIP() << "zones without memory are not shown";
  Geometry g = tiny_geometry(GetParam());
  g.zones = {{"Normal", {0, 16}}, {"HighMem", {16, 32}}, {"Normal", {32, 64}, 1}};
  const std::unique_ptr<Machine> m = make_machine(g);
  const std::string text = zoneinfo(m->buddy, GetParam());
  const std::size_t lacking = text.find("Node 1, zone  HighMem\n");
  ASSERT_NE(lacking, text.npos) << text;
  const std::string of_zone = text.substr(lacking, text.find("Node", lacking + 1) - lacking);
  EXPECT_THAT(of_zone, AllOf(HasSubstr("  pages free     0\n"), HasSubstr("        min      32\n"),
                             HasSubstr("        low      32\n"), HasSubstr("        high     32\n")));
}

TEST_P(ViewsTest, ALongNameOfAZoneIsNotCut) {
  Geometry g = tiny_geometry(GetParam());
  g.zones = {{"Normal", {0, 32}}, {"Reservoir", {32, 64}}};
  EXPECT_THAT(buddyinfo(make_machine(g)->buddy), HasSubstr("\nNode 0, zone Reservoir      0 "));
}

// /proc/pagetypeinfo stops counting. A list in a circle has more blocks than there are pages.
TEST_P(ViewsTest, PagetypeinfoCountsToAHundredThousand) {
  for (const Pfn pages : {0x800U, 0x20000U}) {
    Geometry g;
    g.release = GetParam();
    g.memory = {0, pages};
    const std::unique_ptr<Machine> m = make_machine(g);
    PageList& list = m->buddy.zone(0).free_by_order[10].lists[index_of(Migratetype::movable)];
    ASSERT_FALSE(list.empty());
    m->map.edit_at(list.first).prev = list.last;
    m->map.edit_at(list.last).next = list.first;
    const std::string shown = pages == 0x800 ? "  2049 " : ">100000 ";
    EXPECT_THAT(pagetypeinfo(m->buddy, m->map), HasSubstr("type      Movable      0      0      0      0      0      0 "
                                                          "     0      0      0      0 " +
                                                          shown));
  }
}

}  // namespace
}  // namespace cma
