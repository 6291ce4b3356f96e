#include "allocator/reclaim/slab.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

class SlabTest : public ::testing::TestWithParam<Release> {
 protected:
  // Adds objects, each on a page of its own.
  std::vector<Pfn> add(unsigned objects) {
    std::vector<Pfn> pages;
    for (unsigned i = 0; i < objects; ++i) {
      pages.push_back(machine->buddy.alloc_pages(kGfpKernel | kGfpReclaimable, 0));
      machine->reclaim.slab().add(pages.back());
    }
    return pages;
  }
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(Releases, SlabTest,
                         ::testing::Values(Release::v3_6, Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15,
                                           Release::v6_1, Release::v6_6, Release::v6_12));

TEST(SlabScanTest, SinceV4_16TwiceTheShareOfThePriorityIsScanned) {
  struct Case {
    Release release;
    std::uint64_t freeable, deferred;
    int priority;
    std::uint64_t delta, total;
  };
  const Case cases[] = {
      {Release::v4_19, 4096, 0, 12, 2, 2},
      {Release::v4_19, 4095, 0, 12, 0, 0},
      {Release::v4_19, 4096, 0, 0, 8192, 8192},
      {Release::v4_19, 4096, 3000, 12, 2, 2048},     // little new work: no more than half the objects
      {Release::v4_19, 4096, 30000, 0, 8192, 8192},  // never more than twice
      {Release::v5_10, 4096, 3000, 12, 2, 2048},
      {Release::v6_1, 4096, 3000, 12, 2, 2},  // what was put off is shifted, too
      {Release::v6_1, 4096, 30000, 1, 4096, 8192},
      {Release::v6_12, 4096, 30000, 12, 2, 9},
  };
  for (const Case& c : cases) {
    const SlabScan scan = slab_scan(c.release, c.freeable, c.deferred, {.priority = c.priority});
    EXPECT_EQ(scan.delta, c.delta) << c.release << " " << c.freeable << " " << c.priority;
    EXPECT_EQ(scan.total, c.total) << c.release << " " << c.freeable << " " << c.deferred << " " << c.priority;
  }
}

TEST(SlabScanTest, BeforeV4_16TwiceTheShareOfThePagesThatWereScanned) {
  const SlabPressure tenth = {.priority = 0, .scanned = 100, .eligible = 999};
  EXPECT_EQ(slab_scan(Release::v4_9, 500, 0, tenth).total, 100U);
  EXPECT_EQ(slab_scan(Release::v3_6, 500, 0, tenth).total, 100U);
  EXPECT_EQ(slab_scan(Release::v4_9, 500, 0, {.scanned = 0, .eligible = 999}).total, 0U);
  EXPECT_EQ(slab_scan(Release::v4_9, 500, 0, {.scanned = 10, .eligible = 0}).total, 1000U);
}

TEST_P(SlabTest, ObjectsAreDroppedOldestFirstInWholeBatches) {
  const std::vector<Pfn> pages = add(200);
  const SlabPressure half = {.priority = 2, .scanned = 50, .eligible = 199};
  const std::uint64_t freed = run_now(machine->reclaim.slab().shrink(half));
  EXPECT_EQ(freed, 0U) << "100 are wanted, a batch has 128";
  EXPECT_EQ(machine->reclaim.slab().deferred(), 100U);
  const std::uint64_t next = run_now(machine->reclaim.slab().shrink({.priority = 0, .scanned = 199, .eligible = 199}));
  EXPECT_EQ(next, 200U);
  EXPECT_EQ(machine->map.page(pages.front()).ref, 0);
  EXPECT_EQ(machine->reclaim.slab().objects(), 0U);
}

TEST_P(SlabTest, ACacheSmallerThanABatchIsDroppedIfAllOfItIsWanted) {
  add(50);
  const std::uint64_t freed = run_now(machine->reclaim.slab().shrink({.priority = 1, .scanned = 100, .eligible = 199}));
  EXPECT_EQ(freed, GetParam() < Release::v3_14 ? 0U : 50U);
}

TEST_P(SlabTest, AnEmptyCacheIsNotAsked) {
  EXPECT_EQ(run_now(machine->reclaim.slab().shrink({.priority = 0, .scanned = 1, .eligible = 1})), 0U);
  EXPECT_EQ(machine->reclaim.slab().deferred(), 0U);
  EXPECT_EQ(machine->reclaim.events().slabs_scanned, 0U);
}

}  // namespace
}  // namespace cma
