// The files of memory and a recount of it agree on machines with high memory, several nodes, and pages in every state.

#include "properties/laws/recount_memory.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

void expect_equal_files(const Machine& machine, const char* what) {
  EXPECT_EQ(recounted_meminfo(machine), machine.reports.read("meminfo")) << what;
  EXPECT_EQ(recounted_vmstat(machine), machine.reports.read("vmstat")) << what;
}

class RecountTest : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, RecountTest, ::testing::ValuesIn(modelled_releases()));
INSTANTIATE_TEST_SUITE_P(Between, RecountTest, ::testing::Values(Release::v4_4));

TEST_P(RecountTest, EveryStateOfAPageCountsInItsLine) {
  Geometry g = default_small_geometry(GetParam());
  g.transparent_hugepages = true;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const FileId slow = machine->files.open(FileMethod::ordered, /*slow=*/true);
  const OwnerId dirty = read_page(*machine, slow, 0);
  const OwnerId written = read_page(*machine, slow, 1);
  const OwnerId mapped = read_page(*machine, slow, 2);
  machine->page_cache.make_dirty(dirty);
  expect_equal_files(*machine, "a dirty page");
  machine->page_cache.make_dirty(written);
  run_now(machine->files.writeback(written));
  ASSERT_TRUE(machine->map.page(machine->owners.owner(written).pfn).has(kPageWriteback));
  expect_equal_files(*machine, "a page under writeback");
  const SpaceId process = machine->processes.spawn();
  const MappingId shared = machine->processes.mmap_shared(process, {mapped});
  EXPECT_EQ(run_now(machine->processes.touch_shared(process, shared, 0, /*write=*/false)), 0);
  expect_equal_files(*machine, "a mapped page");
  const MappingId anonymous = machine->processes.mmap_anon(process, 2);
  for (const std::uint64_t page : {0U, 1U}) EXPECT_EQ(run_now(machine->processes.write(process, anonymous, page)), 0);
  run_now(machine->processes.mlock(process, anonymous));
  expect_equal_files(*machine, "locked memory");
  own_frame(*machine, 600, PageKind::shmem);
  expect_equal_files(*machine, "shared memory");
}

// Since 4.5 a part that is unmapped leaves the huge page whole, mapped by ptes.
TEST_P(RecountTest, AHugePageOfWhichAPartIsUnmapped) {
  Geometry g = default_small_geometry(GetParam());
  g.transparent_hugepages = true;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_huge(process, 1);
  ASSERT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
  const OwnerId first = machine->processes.page_at(process, mapping, 0);
  ASSERT_NE(machine->owners.owner(first).huge, 0U);
  expect_equal_files(*machine, "mapped by a pmd");
  run_now(machine->processes.munmap(process, mapping, 1, 1));
  EXPECT_EQ(machine->owners.owner(first).huge != 0, GetParam() >= Release::v4_5);
  expect_equal_files(*machine, "mapped by ptes");
}

TEST_P(RecountTest, HighMemoryAndNodesWithoutIt) {
  for (const bool high : {false, true}) {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    const Pfn start = g.memory.start;
    const Pfn end = g.memory.end;
    const Pfn quarter = (end - start) / 4;
    // Node 1 has no memory, node 2 no high memory.
    g.zones = {{"Normal", {start, start + quarter}},
               {high ? "HighMem" : "Movable", {start + quarter, start + 2 * quarter}},
               {"Normal", {start + 2 * quarter, end}, 2}};
    expect_equal_files(*make_machine(g), high ? "high memory" : "a zone Movable");
  }
}

TEST_P(RecountTest, AZoneMovableBesideHighMemory) {
  Geometry g = default_small_geometry(GetParam());
  g.areas.clear();
  const Pfn start = g.memory.start;
  const Pfn quarter = (g.memory.end - start) / 4;
  g.zones = {{"Normal", {start, start + quarter}},
             {"HighMem", {start + quarter, start + 2 * quarter}},
             {"Movable", {start + 2 * quarter, g.memory.end}}};
  expect_equal_files(*make_machine(g), "both");
}

}  // namespace
}  // namespace cma
