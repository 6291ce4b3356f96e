#include "allocator/areas/area_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
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

TEST_P(ViewsTest, ReadingChangesNothing) {
  const std::uint64_t before = machine->hash();
  for (const char* path : {"cma/a/bitmap", "cma/a/used", "buddyinfo", "pagetypeinfo"}) read(path);
  EXPECT_EQ(machine->hash(), before);
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

}  // namespace
}  // namespace cma
