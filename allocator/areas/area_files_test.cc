#include "allocator/areas/area_files.h"

#include <gtest/gtest.h>

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

TEST_P(ViewsTest, ZoneinfoHasTheLinesOfItsRelease) {
  run_now(machine->areas.cma_alloc(0, 16, 0, false));
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

TEST_P(ViewsTest, ReadingChangesNothing) {
  const std::uint64_t before = machine->hash();
  for (const char* path : {"cma/a/bitmap", "cma/a/used", "buddyinfo", "pagetypeinfo"}) read(path);
  EXPECT_EQ(machine->hash(), before);
}

}  // namespace
}  // namespace cma
