// Law `complete`: when a failure breaks it, and when it is silent.

#include "properties/laws/completeness.h"
#include "allocator/buddy/compound.h"

#include <gtest/gtest.h>

#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

// Reports a failed call to the laws without calling anything.
class CompleteTest : public ::testing::TestWithParam<Release> {
 protected:
  CompleteTest() : watched_(default_small_geometry(GetParam())), machine_(watched_.machine()) {
    // Enough pages on the LRU for 4.19 to go on.
    for (int i = 0; i < 24; ++i) watched_.perform(watched_.own(PageKind::anonymous));
    run_now(machine_.lru.drain().add_drain_all());
  }
  std::string verdict_on_failure(std::uint64_t count, unsigned align) {
    return watched_.law_of_failed_alloc(count, align);
  }
  // Fills area 0 but for the last `pages`.
  void fill_but(std::uint64_t pages) { watched_.perform(watched_.cma_alloc(0, 256 - pages, 0)); }

  WatchedMachine watched_;
  Machine& machine_;
};
INSTANTIATE_TEST_SUITE_P(Releases, CompleteTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(CompleteTest, AnEmptyAreaHasRoom) {
  EXPECT_EQ(verdict_on_failure(256, 0), "complete");
  EXPECT_EQ(verdict_on_failure(1, 8), "complete");
}

TEST_P(CompleteTest, NoRoomIsNoFinding) {
  EXPECT_EQ(verdict_on_failure(257, 0), "");
  EXPECT_EQ(verdict_on_failure(0, 0), "");
  // Up to 3.16 an alignment above 2^8 counts as 2^8.
  EXPECT_EQ(verdict_on_failure(1, 40), GetParam() < Release::v3_17 ? "complete" : "");
  fill_but(8);
  EXPECT_EQ(verdict_on_failure(9, 0), "");
  EXPECT_EQ(verdict_on_failure(8, 4), "") << "the last aligned frame is taken";
  EXPECT_EQ(verdict_on_failure(8, 3), "complete");
}

TEST_P(CompleteTest, PagesThatMoveAreNoObstacle) {
  fill_but(8);
  for (const PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::movable_ops, PageKind::block_device}) {
    if (kind == PageKind::movable_ops && GetParam() < Release::v4_8) continue;
    watched_.perform(watched_.own(kind, 0x2f9));
    EXPECT_EQ(verdict_on_failure(8, 0), "complete") << name_of(kind);
    watched_.perform(watched_.cma_alloc(0, 8, 0));
    ASSERT_NE(watched_.buffers.back().count, 0U);
    ASSERT_EQ(watched_.buffers.back().pfn, 0x2f8U) << name_of(kind);
    watched_.perform(watched_.cma_release(watched_.buffers.size() - 1));
  }
}

TEST_P(CompleteTest, PinnedAndUnmovablePagesAre) {
  fill_but(8);
  watched_.perform(watched_.own(PageKind::shmem, 0x2f9));
  watched_.pin(0x2f9);
  EXPECT_EQ(verdict_on_failure(8, 0), "");
  watched_.perform(watched_.unpin(0));
  EXPECT_EQ(verdict_on_failure(8, 0), "complete");
  watched_.perform(watched_.own(PageKind::unmovable, 0x2fb));
  EXPECT_EQ(verdict_on_failure(8, 0), "");
  EXPECT_EQ(verdict_on_failure(3, 0), "complete") << "before it, or after it";
}

// memalloc_nofs_save: since 4.12 such a caller takes no page with a mapping.
TEST_P(CompleteTest, ACallerThatMustNotEnterAFileSystemLeavesFilePages) {
  fill_but(8);
  watched_.perform(watched_.own(PageKind::block_device, 0x2f9));
  EXPECT_EQ(verdict_on_failure(8, 0), "complete");
  machine_.engine.flags(0).scope = ReclaimScope::nofs;
  const bool binds = GetParam() >= Release::v4_12;
  EXPECT_EQ(verdict_on_failure(8, 0), binds ? "" : "complete");
  EXPECT_EQ(verdict_on_failure(6, 0), "complete") << "after it";
  if (!binds) return;
  const std::size_t buffers = watched_.buffers.size();
  watched_.perform(watched_.cma_alloc(0, 8, 0));
  EXPECT_EQ(watched_.buffers.size(), buffers) << "the machine agrees";
}

TEST_P(CompleteTest, AnonymousPagesMoveForSuchACallerToo) {
  fill_but(8);
  watched_.perform(watched_.own(PageKind::anonymous, 0x2f9));
  machine_.engine.flags(0).scope = ReclaimScope::noio;
  EXPECT_EQ(verdict_on_failure(8, 0), "complete");
  watched_.perform(watched_.cma_alloc(0, 8, 0));
  EXPECT_EQ(watched_.buffers.back().pfn, 0x2f8U);
}

TEST_P(CompleteTest, FortyNineRefusalsPassAndFiftyDoNot) {
  if (GetParam() < Release::v4_8) GTEST_SKIP() << "no driver is asked";
  fill_but(8);
  watched_.perform(watched_.own(PageKind::movable_ops, 0x2f9));
  const OwnerId driver = watched_.owners.back();
  machine_.owners.refuse(driver, 49, -11);
  EXPECT_EQ(verdict_on_failure(8, 0), "complete");
  machine_.owners.refuse(driver, 50, -11);
  EXPECT_EQ(verdict_on_failure(8, 0), "");
  machine_.owners.refuse(driver, -1, -11);
  EXPECT_EQ(verdict_on_failure(8, 0), "");
  machine_.owners.refuse(driver, 1, -5);
  EXPECT_EQ(verdict_on_failure(8, 0), GetParam() >= Release::v5_11 ? "complete" : "");
  machine_.owners.refuse(driver, 49, -11);
  watched_.perform(watched_.cma_alloc(0, 8, 0));
  EXPECT_EQ(watched_.buffers.back().pfn, 0x2f8U) << "the machine agrees";
}

TEST_P(CompleteTest, IsSilentWithoutMemoryToMoveTo) {
  fill_but(8);
  watched_.perform(watched_.own(PageKind::anonymous, 0x2f9));
  for (unsigned order = 7; order-- > 0;)
    for (int i = 0; i < 64; ++i) watched_.perform(watched_.alloc_pages(kGfpHighuserMovable, order));
  EXPECT_EQ(verdict_on_failure(8, 0), "");
}

TEST_P(CompleteTest, KnowsToThePageHowMuchMemoryToMoveToSuffices) {
  fill_but(8);
  watched_.perform(watched_.own(PageKind::anonymous, 0x2f9));
  const Zone& zone = machine_.buddy.zone(0);
  // The page itself, and one refill of the caller's per-CPU lists.
  const std::uint64_t refill = GetParam() >= Release::v6_7 ? 6 : 2;
  const std::uint64_t needed = 1 + refill + Watermarks::watermark(zone, Watermark::high);
  watched_.leave_free(needed + 1);
  EXPECT_EQ(verdict_on_failure(8, 0), "complete");
  watched_.leave_free(needed);
  EXPECT_EQ(verdict_on_failure(8, 0), "");
  watched_.perform(watched_.cma_alloc(0, 8, 0));
  EXPECT_EQ(watched_.buffers.back().pfn, 0x2f8U) << "the machine needs less: it goes down to the min watermark";
}

// Pages that processes map, in states in which migration may not get them.
class UncertainPageTest : public CompleteTest {
 protected:
  static constexpr Pfn kPage = 0x2f9;
  // Returns the owner of a page of this kind, on the LRU.
  OwnerId page_of(PageKind kind) {
    fill_but(8);
    if (kind != PageKind::file) {
      watched_.perform(watched_.own(kind, kPage));
      return watched_.owners.back();
    }
    EXPECT_EQ(run_now(machine_.contig.alloc_contig_range(kPage, kPage + 1, Migratetype::cma)), 0);
    return run_now(machine_.files.read(machine_.files.open(FileMethod::ordered, false), 0, false, kPage)).page;
  }
  std::string verdict() { return verdict_on_failure(8, 0); }
};
INSTANTIATE_TEST_SUITE_P(Releases, UncertainPageTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(UncertainPageTest, OneOfItsMappingsIsAMigrationEntry) {
  for (const PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::file}) {
    watched_.restart();
    for (int i = 0; i < 24; ++i) watched_.perform(watched_.own(PageKind::anonymous));
    const OwnerId owner = page_of(kind);
    run_now(machine_.lru.drain().add_drain_all());
    ASSERT_EQ(machine_.owners.owner(owner).pfn, kPage);
    EXPECT_EQ(verdict(), "complete") << name_of(kind);
    const PteId pte = machine_.spaces.add_ptes(0, 1);
    machine_.reverse_map.map_pte(pte, owner);
    ++machine_.map.edit(kPage).ref;
    EXPECT_EQ(verdict(), "complete") << name_of(kind);
    machine_.reverse_map.set_migration_entry(pte);
    --machine_.map.edit(kPage).ref;
    EXPECT_EQ(verdict(), "") << name_of(kind);
    machine_.reverse_map.remove_migration_entry(pte);
    ++machine_.map.edit(kPage).ref;
    EXPECT_EQ(verdict(), "complete") << name_of(kind);
  }
}

TEST_P(UncertainPageTest, ItIsOnNoListOfTheLru) {
  for (const PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::file}) {
    watched_.restart();
    for (int i = 0; i < 24; ++i) watched_.perform(watched_.own(PageKind::anonymous));
    page_of(kind);
    run_now(machine_.lru.drain().add_drain_all());
    auto& lists = const_cast<LruLists&>(machine_.lru.lists());
    lists.remove(kPage);
    EXPECT_EQ(verdict(), "") << name_of(kind);
    lists.add(kPage);
    EXPECT_EQ(verdict(), "complete") << name_of(kind);
  }
}

TEST_P(UncertainPageTest, ItsOnlyMappingIsAMigrationEntry) {
  const OwnerId owner = page_of(PageKind::anonymous);
  ASSERT_EQ(machine_.map.page(kPage).pagevecs, 1);
  EXPECT_EQ(verdict(), "complete") << "a pagevec will be emptied";
  machine_.reverse_map.set_migration_entry(machine_.owners.owner(owner).first_pte);
  --machine_.map.edit(kPage).ref;
  EXPECT_EQ(verdict(), "");
}

TEST(CompleteLaw, CountsNoMemoryOfAMovableZone) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.zones = {{"Normal", {0, 0x300}}, {"Movable", {0x300, 1024}}};
    g.areas.resize(1);
    WatchedMachine watched(g);
    for (int i = 0; i < 24; ++i) watched.perform(watched.own(PageKind::anonymous));
    watched.perform(watched.own(PageKind::anonymous, 0x205));
    run_now(watched.machine().lru.drain().add_drain_all());
    EXPECT_EQ(watched.law_of_failed_alloc(256, 0), "complete");
    // All that the Normal zone has outside the area.
    for (unsigned order = 7; order-- > 0;)
      for (int i = 0; i < 64; ++i) watched.perform(watched.alloc_pages(kGfpKernel, order));
    EXPECT_GE(watched.machine().buddy.zone(1).nr_free_pages, 64) << "more than would suffice";
    EXPECT_EQ(watched.law_of_failed_alloc(256, 0), "") << name_of(release);
  }
}

// Since 5.19 isolation looks at all of the largest block that a window's first or last page may lie in.
TEST_P(CompleteTest, ALargeCompoundPageMayReachIntoAPageblockAtTheEnd) {
  watched_.perform(watched_.cma_alloc(0, 192, 0));
  const Pfn head = 0x2c0;
  ASSERT_EQ(run_now(machine_.contig.alloc_contig_range(head, head + 32, Migratetype::cma)), 0);
  prep_compound_page(machine_.map, head, 5);
  watched_.laws().pages_allocated(head, 5, kGfpHighuserMovable);
  EXPECT_EQ(verdict_on_failure(32, 5), GetParam() >= Release::v5_19 ? "" : "complete");
}

// Where memory is missing no page can be in the way.
TEST_P(CompleteTest, AHoleBesideAnAreaIsNoObstacle) {
  if (GetParam() < Release::v5_19) GTEST_SKIP() << "areas begin at the largest blocks";
  Geometry g = default_small_geometry(GetParam());
  g.areas = {{"a", 0x210, 0xf0, 0}};
  g.holes = {{0x200, 0x204}};
  WatchedMachine watched(g);
  EXPECT_EQ(watched.law_of_failed_alloc(0xf0, 0), "complete");
}

TEST_P(CompleteTest, IsSilentAboutADisturbedCall) {
  watched_.start(1, watched_.cma_alloc(1, 4, 0), Point::cma_alloc_entry);
  EXPECT_EQ(verdict_on_failure(4, 0), "") << "another actor is inside";
  watched_.finish();
  watched_.laws().alloc_begins(0, 4, 0);
  watched_.laws().control_changes(machine_);
  EXPECT_EQ(law_broken_by([&] { watched_.laws().alloc_failed(0, 4, 0); }), "");
}

TEST_P(CompleteTest, ACallIsNotDisturbedByItsOwnPoints) {
  watched_.laws().set_audit_points(true);
  watched_.laws().alloc_begins(0, 4, 0);
  watched_.laws().control_changes(machine_);
  EXPECT_EQ(law_broken_by([&] { watched_.laws().alloc_failed(0, 4, 0); }), "complete");
}

}  // namespace
}  // namespace cma
