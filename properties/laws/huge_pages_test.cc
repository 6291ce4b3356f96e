// Laws about huge pages: each fires when it is broken on purpose, and law `complete` knows which releases move them.

#include <gtest/gtest.h>

#include "allocator/buddy/compound.h"
#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

class HugeLaws : public ::testing::TestWithParam<Release> {
 protected:
  static constexpr std::uint64_t kPages = 16;

  static Geometry geometry() {
    Geometry geometry = default_small_geometry(GetParam());
    geometry.transparent_hugepages = true;
    return geometry;
  }
  HugeLaws() : HugeLaws(geometry()) {}
  explicit HugeLaws(const Geometry& geometry) : watched_(geometry), machine_(watched_.machine()) {
    // Enough pages on the LRU for 4.19 to go on.
    for (int i = 0; i < 48; ++i) watched_.perform(watched_.own(PageKind::anonymous));
    process_ = machine_.processes.spawn();
    machine_.processes.mmap_huge(process_, 1);
    run_now(place_huge_page());
    run_now(machine_.lru.drain().add_drain_all());
    watched_.laws().audit();
  }
  Pfn head() const { return machine_.geometry().areas[0].base + 2 * kPages; }
  Page& page(std::uint64_t index) { return machine_.map.edit(head() + index); }
  std::string audit() {
    return law_broken_by([&] { watched_.laws().audit(); });
  }
  // Returns the law that a failed call for the whole area breaks.
  std::string verdict() { return watched_.law_of_failed_alloc(256, 0); }

 private:
  // On chosen frames of area 0.
  Task<void> place_huge_page() {
    for (Pfn pfn = head(); pfn < head() + kPages; ++pfn) {
      const int error = co_await machine_.contig.alloc_contig_range(pfn, pfn + 1, Migratetype::cma);
      CMA_ASSERT(error == 0);
    }
    prep_compound_page(machine_.map, head(), machine_.processes.huge_order());
    co_await machine_.processes.fault_in_huge(process_, 0, 0, head());
  }

 protected:
  WatchedMachine watched_;
  Machine& machine_;
  SpaceId process_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Releases, HugeLaws, ::testing::ValuesIn(modelled_releases()));

TEST_P(HugeLaws, NothingFiresBeforeAnythingIsPlanted) {
  EXPECT_EQ(audit(), "");
  watched_.laws().audit_everything();
}

TEST_P(HugeLaws, ContentSeesALostPageOfIt) {
  page(7).token += 2;
  EXPECT_EQ(audit(), "content");
}

TEST_P(HugeLaws, ContentSeesAPageOfItThatBelongsToAnother) {
  page(7).owner = page(6).owner;
  EXPECT_EQ(audit(), "content");
}

TEST_P(HugeLaws, ContentSeesAMappingThatIsNotThere) {
  ++page(0).map;
  EXPECT_EQ(audit(), "content");
}

TEST_P(HugeLaws, ContentSeesAReferenceThatIsMissingAndOneTooMany) {
  --page(0).ref;
  EXPECT_NE(audit(), "");
  page(0).ref += 2;
  EXPECT_EQ(audit(), "content");
}

TEST_P(HugeLaws, ConservedSeesATailWithAReferenceOrAMappingOfItsOwn) {
  page(3).ref = 1;
  EXPECT_EQ(audit(), "conserved");
  page(3).ref = 0;
  page(3).map = 1;
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(HugeLaws, ExclusiveSeesABufferInsideIt) {
  EXPECT_EQ(law_broken_by([&] { watched_.laws().buffer_allocated(0, head() + 4, 2, 0); }), "exclusive");
}

TEST_P(HugeLaws, CountersSeeOneThatIsCountedAsOnePage) {
  // As if the list had lost one page instead of sixteen.
  machine_.lru.listed().isolate(head());
  page(0).flags &= ~kPageHead;
  machine_.lru.listed().let_go(head());
  page(0).flags |= kPageHead;
  --page(0).ref;
  EXPECT_EQ(audit(), "counters");
}

TEST_P(HugeLaws, ListsSeeATailOnTheLru) {
  page(5).next = 0;
  EXPECT_EQ(audit(), "lists");
}

// --- the hugetlb pool ---

TEST_P(HugeLaws, ConservedSeesAFreePoolPageThatIsMapped) {
  ASSERT_TRUE(run_now(machine_.hugetlb.grow()));
  EXPECT_EQ(audit(), "");
  machine_.map.edit_at(machine_.hugetlb.free_list().first).map = 1;
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(HugeLaws, ExclusiveSeesAPoolPageHandedOut) {
  ASSERT_TRUE(run_now(machine_.hugetlb.grow()));
  const Pfn free = machine_.map.pfn(machine_.hugetlb.free_list().first);
  machine_.map.edit(free + 1).ref = 1;
  watched_.laws().pages_allocated(free + 1, 0, kGfpHighuserMovable);
  machine_.map.edit(free + 1).ref = 0;
  EXPECT_EQ(audit(), "exclusive");
}

TEST_P(HugeLaws, ListsSeeAPageInUseInThePool) {
  ASSERT_TRUE(run_now(machine_.hugetlb.grow()));
  machine_.map.edit_at(machine_.hugetlb.free_list().first).ref = 1;
  EXPECT_NE(audit(), "");
}

TEST_P(HugeLaws, CompleteKnowsThatItMovesSince5_7) {
  EXPECT_EQ(verdict(), GetParam() >= Release::v5_7 ? "complete" : "");
}

TEST_P(HugeLaws, CompleteKnowsWhatARefillForHugePagesKeepsOutOfSight) {
  if (GetParam() < Release::v5_14) GTEST_SKIP() << "per-CPU lists hold single pages only";
  const std::uint64_t moving = kPages + kPages - 1;  // with those that a huge page across the window's end would have
  const std::uint64_t refills = (GetParam() >= Release::v6_7 ? 6 : 2) + 2 * kPages;
  const std::uint64_t given_back = 6;  // no more than `high`
  const Zone& zone = machine_.buddy.zone(0);
  const std::uint64_t needed = moving + refills + given_back + Watermarks::watermark(zone, Watermark::high);
  watched_.leave_free(needed + 1);
  EXPECT_EQ(verdict(), "complete");
  watched_.leave_free(needed);
  EXPECT_EQ(verdict(), "");
  EXPECT_NE(kNoPfn, run_now(machine_.areas.cma_alloc(0, 256, 0, Warn::no)));
}

TEST_P(HugeLaws, CompleteCountsNoRefillForHugePagesWhereThereAreNone) {
  if (GetParam() < Release::v5_14) GTEST_SKIP() << "per-CPU lists hold single pages only";
  ASSERT_EQ(0, run_now(machine_.processes.split_huge(process_, 0)));
  run_now(machine_.lru.drain().add_drain_all());
  watched_.leave_free(kPages + (GetParam() >= Release::v6_7 ? 6 : 2) +
                      Watermarks::watermark(machine_.buddy.zone(0), Watermark::high) + 1);
  EXPECT_EQ(verdict(), "complete");
}

TEST_P(HugeLaws, CompleteIsSilentAboutOneThatIsPinned) {
  watched_.pin(head());
  EXPECT_EQ(verdict(), "");
}

TEST_P(HugeLaws, CompleteKnowsThatItMovesWhenItsPagesAreMappedOneByOne) {
  const SpaceId child = run_now(machine_.processes.fork(process_));
  EXPECT_EQ(0, run_now(machine_.processes.write(child, 0, 5)));
  run_now(machine_.lru.drain().add_drain_all());
  EXPECT_EQ(verdict(), GetParam() >= Release::v5_7 ? "complete" : "");
  // The model agrees.
  if (GetParam() >= Release::v5_7) {
    EXPECT_NE(kNoPfn, run_now(machine_.areas.cma_alloc(0, 256, 0, Warn::no)));
  }
}

TEST_P(HugeLaws, CompleteFindsThatReferencesAreHeldAgainstTheWrongMapCount) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages are skipped";
  machine_.bugs.switch_on(Bug::thp_mapcount);
  const SpaceId child = run_now(machine_.processes.fork(process_));
  EXPECT_EQ(0, run_now(machine_.processes.write(child, 0, 5)));
  run_now(machine_.lru.drain().add_drain_all());
  watched_.laws().audit();
  EXPECT_EQ(law_broken_by([&] { watched_.perform(watched_.cma_alloc(0, 256, 0)); }), "complete");
  EXPECT_GT(machine_.bugs.times_reached(Bug::thp_mapcount), 0U);
}

TEST_P(HugeLaws, CompleteIsSilentWhileOneOfItsMappingsIsAMigrationEntry) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages are skipped";
  run_now(machine_.processes.fork(process_));
  EXPECT_EQ(verdict(), "complete");
  const OwnerId first = page(0).owner;
  const PteId pmd = machine_.owners.huge_page(machine_.owners.owner(first).huge).first_pmd;
  machine_.reverse_map.set_migration_pmd(pmd);
  --page(0).ref;
  EXPECT_EQ(verdict(), "") << "of the whole";
  machine_.reverse_map.remove_migration_pmd(pmd);
  ++page(0).ref;
  EXPECT_EQ(verdict(), "complete");
}

TEST_P(HugeLaws, CompleteIsSilentWhileAMappingOfOnePageIsAMigrationEntry) {
  if (GetParam() < Release::v5_8) GTEST_SKIP() << "a write copies the whole";
  const SpaceId child = run_now(machine_.processes.fork(process_));
  EXPECT_EQ(0, run_now(machine_.processes.write(child, 0, 5)));
  run_now(machine_.lru.drain().add_drain_all());
  EXPECT_EQ(verdict(), "complete");
  const PteId pte = machine_.owners.owner(page(7).owner).first_pte;
  machine_.reverse_map.set_migration_entry(pte);
  --page(0).ref;
  EXPECT_EQ(verdict(), "");
}

// Per-CPU lists that hold no more than a batch: an overflow frees nothing.
class HugeLawsOfShortLists : public HugeLaws {
 protected:
  static Geometry short_lists() {
    Geometry geometry = HugeLaws::geometry();
    geometry.pcp_high = geometry.pcp_batch;
    return geometry;
  }
  HugeLawsOfShortLists() : HugeLaws(short_lists()) {}
};
INSTANTIATE_TEST_SUITE_P(Releases, HugeLawsOfShortLists, ::testing::Values(Release::v6_1, Release::v6_12));

TEST_P(HugeLawsOfShortLists, CompleteKnowsThatAllThatIsGivenBackMayStayThere) {
  const std::uint64_t moving = kPages + kPages - 1;
  const std::uint64_t needed =
      moving + 2 + 2 * kPages + kPages + Watermarks::watermark(machine_.buddy.zone(0), Watermark::high);
  watched_.leave_free(needed + 1);
  EXPECT_EQ(verdict(), "complete");
  watched_.leave_free(needed);
  EXPECT_EQ(verdict(), "");
}

}  // namespace
}  // namespace cma
