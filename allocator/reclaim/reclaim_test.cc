#include "allocator/reclaim/reclaim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReclaimTest : public ReclaimFixture {
 protected:
  // Makes a page of an inactive list active.
  void activate(Pfn pfn) {
    run_now(machine->lru.pagevecs().mark_accessed(pfn));
    run_now(machine->lru.pagevecs().mark_accessed(pfn));
    run_now(machine->lru.drain().add_drain(0));
    EXPECT_TRUE(machine->map.page(pfn).has(kPageActive));
  }
  ScanControl control_for(int priority = 0) const {
    ScanControl control;
    control.priority = priority;
    control.ceiling = machine->buddy.zones() - 1;
    return control;
  }
  // Runs a task that may sleep, as an operation.
  template <class T>
  T run(Task<T> task) {
    Outcome<T> outcome;
    start_task(*machine, keep_outcome(std::move(task), &outcome));
    run_to_rest(*machine);
    return *outcome.value;
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, ReclaimTest, ::testing::ValuesIn(modelled_releases()));

// --- lists ---

TEST(InactiveIsLowTest, TheShareOfActivePagesGrowsWithTheSquareRootOfTheSize) {
  constexpr unsigned k4KiB = 12;
  constexpr std::uint64_t kGiB = std::uint64_t{1} << (30 - k4KiB);
  EXPECT_FALSE(inactive_is_low(0, 0, k4KiB));
  EXPECT_FALSE(inactive_is_low(10, 10, k4KiB));
  EXPECT_TRUE(inactive_is_low(10, 11, k4KiB));
  EXPECT_FALSE(inactive_is_low(kGiB / 4, kGiB * 3 / 4, k4KiB)) << "1 GiB: 1 to 3";
  EXPECT_TRUE(inactive_is_low(kGiB / 4 - 1, kGiB * 3 / 4 + 1, k4KiB));
  EXPECT_FALSE(inactive_is_low(kGiB, kGiB * 9, k4KiB)) << "10 GiB: 1 to 10";
  EXPECT_TRUE(inactive_is_low(kGiB * 9 / 10, kGiB * 91 / 10 + 1, k4KiB));
}

TEST_P(ReclaimTest, TheOldestPagesOfAnInactiveListAreDroppedFirst) {
  const std::vector<Pfn> pfns = read(40);
  ScanControl control = control_for();
  EXPECT_EQ(run(machine->reclaim.scanner().shrink_inactive(32, vec(), control, LruList::inactive_file)), 32U);
  EXPECT_EQ(size(LruList::inactive_file), 8U);
  EXPECT_EQ(pages_on(LruList::inactive_file).back(), pfns[32]);
  EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
  EXPECT_EQ(machine->reclaim.events().pgscan_direct, 32U);
  EXPECT_EQ(machine->reclaim.events().pgsteal_direct, 32U);
}

TEST_P(ReclaimTest, PagesThatStayGoToTheHeadTheOldestOfThemLast) {
  const std::vector<Pfn> pfns = read(40);
  for (const unsigned i : {0U, 1U}) machine->lru.references().get_page(pfns[i]);
  ScanControl control = control_for();
  EXPECT_EQ(run(machine->reclaim.scanner().shrink_inactive(4, vec(), control, LruList::inactive_file)), 2U);
  const std::vector<Pfn> left = pages_on(LruList::inactive_file);
  ASSERT_EQ(left.size(), 38U);
  EXPECT_EQ(left[0], pfns[1]);
  EXPECT_EQ(left[1], pfns[0]);
  EXPECT_EQ(left[2], pfns[39]);
  EXPECT_EQ(left.back(), pfns[4]);
}

TEST_P(ReclaimTest, APageThatOthersLetGoMeanwhileIsFreed) {
  const Pfn pfn = read(32)[0];
  ScanControl control = control_for();
  Outcome<std::uint64_t> freed;
  start_task(
      *machine,
      keep_outcome(machine->reclaim.scanner().shrink_inactive(1, vec(), control, LruList::inactive_file), &freed),
      Point::reclaim_isolated);
  run_now(machine->files.truncate(file, 0));
  EXPECT_EQ(machine->map.page(pfn).ref, 1) << "the list's";
  run_to_rest(*machine);
  EXPECT_EQ(freed.value, 0U) << "it was not reclaimed";
  EXPECT_TRUE(machine->map.page(pfn).has(kPagePcp | kPageBuddy));
  EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
}

TEST_P(ReclaimTest, ADirectReclaimerWaitsWhileTooManyPagesAreIsolated) {
  const std::vector<Pfn> pfns = read(70);
  for (unsigned i = 0; i < 36; ++i) ASSERT_TRUE(machine->lru.listed().isolate(pfns[i]));
  ScanControl control = control_for();
  const Time before = machine->engine.now();
  Outcome<std::uint64_t> freed;
  const ActorId actor = start_task(
      *machine,
      keep_outcome(machine->reclaim.scanner().shrink_inactive(4, vec(), control, LruList::inactive_file), &freed));
  ASSERT_EQ(machine->engine.look(actor).state, ActorState::sleeping);
  EXPECT_EQ(machine->engine.look(actor).wake_time - before, (GetParam() >= Release::v5_16 ? 20U : 100U) * kMillisecond);
  // Nothing changes: since 4.14 the second look is the last.
  machine->engine.advance_to(before + 100 * kMillisecond);
  machine->engine.resume(actor);
  EXPECT_EQ(freed.value.has_value(), GetParam() >= Release::v4_14);
  if (freed.value) {
    EXPECT_EQ(*freed.value, 0U);
  } else {
    EXPECT_EQ(machine->engine.look(actor).state, ActorState::sleeping);
  }
}

TEST_P(ReclaimTest, ADyingReclaimerSaysThatItHasFreedABatch) {
  const std::vector<Pfn> pfns = read(70);
  for (unsigned i = 0; i < 36; ++i) ASSERT_TRUE(machine->lru.listed().isolate(pfns[i]));
  ScanControl control = control_for();
  Outcome<std::uint64_t> freed;
  const ActorId actor = start_task(
      *machine,
      keep_outcome(machine->reclaim.scanner().shrink_inactive(4, vec(), control, LruList::inactive_file), &freed));
  machine->engine.flags(actor).fatal_signal = true;
  run_to_rest(*machine);
  EXPECT_EQ(freed.value, kSwapClusterMax);
  EXPECT_EQ(size(LruList::inactive_file), 34U);
}

TEST_P(ReclaimTest, KswapdWaitsForNoIsolatedPages) {
  const std::vector<Pfn> pfns = read(10);
  for (unsigned i = 0; i < 6; ++i) ASSERT_TRUE(machine->lru.listed().isolate(pfns[i]));
  ScanControl control = control_for();
  control.kswapd = true;
  const bool too_short = GetParam() >= Release::v4_8 && GetParam() < Release::v4_11;
  EXPECT_EQ(run_now(machine->reclaim.scanner().shrink_inactive(4, vec(), control, LruList::inactive_file)),
            too_short ? 0U : 4U);
}

TEST_P(ReclaimTest, ActivePagesBecomeInactiveUsedOrNot) {
  const std::vector<Pfn> pfns = read(3);
  for (const Pfn pfn : pfns) activate(pfn);
  ScanControl control = control_for();
  machine->map.edit(pfns[0]).flags |= kPageReferenced;
  run_now(machine->reclaim.scanner().shrink_active(32, vec(), control, LruList::active_file));
  EXPECT_THAT(pages_on(LruList::active_file), IsEmpty());
  EXPECT_THAT(pages_on(LruList::inactive_file), ElementsAre(pfns[2], pfns[1], pfns[0]));
  EXPECT_EQ(machine->reclaim.events().pgdeactivate, 3U);
  EXPECT_EQ(machine->reclaim.events().pgrefill, 3U);
  EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
}

TEST_P(ReclaimTest, PagesThatExecutableMappingsUseStayActive) {
  const std::vector<Pfn> pfns = read(3);
  for (unsigned i = 0; i < 3; ++i) {
    if (i != 2) {
      const SpaceId process = machine->processes.spawn();
      const bool executable = i == 0;
      const MappingId mapping = machine->processes.mmap_shared(process, {ids[i]}, executable);
      EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
    }
    activate(pfns[i]);
  }
  ScanControl control = control_for();
  run_now(machine->reclaim.scanner().shrink_active(32, vec(), control, LruList::active_file));
  EXPECT_THAT(pages_on(LruList::active_file), ElementsAre(pfns[0]));
  EXPECT_THAT(pages_on(LruList::inactive_file), ElementsAre(pfns[2], pfns[1]));
  // Once asked, it is unused, and goes with the next turn.
  run_now(machine->reclaim.scanner().shrink_active(32, vec(), control, LruList::active_file));
  EXPECT_THAT(pages_on(LruList::active_file), IsEmpty());
}

// --- zones ---

// Two zones of one node, whose pages share lists since 4.8.
class ReclaimOfZonesTest : public ReclaimTest {
 protected:
  void SetUp() override {
    Geometry g = geometry();
    g.zones = {{"DMA", {g.memory.start, g.memory.start + 256}}, {"Normal", {g.memory.start + 256, g.memory.end}}};
    remake(g);
    // Pages of both zones, in turns.
    for (unsigned i = 0; i < 20; ++i) {
      const Pfn frame = machine->buddy.alloc_pages(i % 2 == 0 ? kGfpKernel | kGfpDma : kGfpKernel, 0);
      const Files::Read read = run_now(machine->files.read(file, i, /*readahead=*/false, frame));
      ids.push_back(read.page);
      pfns.push_back(frame);
    }
    run_now(machine->lru.drain().add_drain(0));
  }
  std::vector<Pfn> pfns;
};
INSTANTIATE_TEST_SUITE_P(Releases, ReclaimOfZonesTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(ReclaimOfZonesTest, PagesAboveTheCeilingArePassedOverAndGoToTheHead) {
  ScanControl control = control_for();
  control.ceiling = 0;
  const LruVec lists = machine->reclaim.lruvecs().of_zone(0);
  ASSERT_EQ(machine->reclaim.lruvecs().size(lists, LruList::inactive_file, 0), 10U);
  control.kswapd = true;
  const bool too_short = GetParam() >= Release::v4_8 && GetParam() < Release::v4_11;
  const std::uint64_t freed =
      run_now(machine->reclaim.scanner().shrink_inactive(4, lists, control, LruList::inactive_file));
  if (too_short) {
    EXPECT_EQ(freed, 0U) << "no eligible zone has a batch of pages";
    return;
  }
  EXPECT_EQ(freed, 4U);
  EXPECT_EQ(machine->lru.lists().size_in_zone(LruList::inactive_file, 0), 6U);
  EXPECT_EQ(machine->lru.lists().size_in_zone(LruList::inactive_file, 1), 10U);
  const bool skips = GetParam() >= Release::v4_8;
  EXPECT_EQ(machine->reclaim.events().pgscan_skip, skips ? 3U : 0U);
  EXPECT_EQ(machine->reclaim.events().pgscan_kswapd, skips ? 7U : 4U);
  if (!skips) return;
  const std::vector<Pfn> left = pages_on(LruList::inactive_file);
  EXPECT_THAT(std::vector<Pfn>(left.begin(), left.begin() + 3), ElementsAre(pfns[5], pfns[3], pfns[1]));
  EXPECT_EQ(left.back(), pfns[7]);
}

TEST_P(ReclaimOfZonesTest, ARequestForALowZoneFreesNothingElsewhere) {
  ReclaimRequest request;
  request.gfp = kGfpKernel | kGfpDma;
  const bool too_short = GetParam() >= Release::v4_8 && GetParam() < Release::v4_11;
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages(request)), too_short ? 0U : 10U);
  EXPECT_EQ(machine->lru.lists().size_in_zone(LruList::inactive_file, 0), too_short ? 10U : 0U);
  EXPECT_EQ(machine->lru.lists().size_in_zone(LruList::inactive_file, 1), 10U);
}

TEST_P(ReclaimOfZonesTest, ListsAreOfANodeSince4_8) {
  const LruVecs& vecs = machine->reclaim.lruvecs();
  const bool by_node = GetParam() >= Release::v4_8;
  EXPECT_EQ(vecs.of_zone(0) == vecs.of_zone(1), by_node);
  EXPECT_EQ(vecs.size(vecs.of_zone(1), LruList::inactive_file), by_node ? 20U : 10U);
}

// --- requests ---

TEST_P(ReclaimTest, ARequestIsContentWithABatch) {
  read(200);
  const std::uint64_t freed = run(machine->reclaim.try_to_free_pages({}));
  EXPECT_GE(freed, kSwapClusterMax);
  EXPECT_LT(freed, 2 * kSwapClusterMax);
  EXPECT_EQ(size(LruList::inactive_file), 200 - freed);
}

TEST_P(ReclaimTest, WithoutAPageARequestReturns0) {
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages({})), 0U);
  EXPECT_EQ(machine->reclaim.events().pgscan_direct, 0U);
  const std::uint64_t attempts = GetParam() == Release::v4_9 || GetParam() == Release::v6_12 ? 2 : 1;
  EXPECT_EQ(machine->reclaim.events().allocstall, attempts);
}

// The law of a full reclaim: no clean page that nothing uses or holds stays on the inactive list, since 5.5 on any.
TEST_P(ReclaimTest, AFullReclaimLeavesNoCleanUnusedPage) {
  const std::vector<Pfn> pfns = read(100);
  for (unsigned i = 0; i < 60; ++i) activate(pfns[i]);
  machine->lru.references().get_page(pfns[0]);
  machine->page_cache.make_dirty(ids[1]);
  ReclaimRequest request;
  request.nr_to_reclaim = 1000;
  for (int i = 0; i < 4; ++i) run(machine->reclaim.try_to_free_pages(request));
  EXPECT_FALSE(machine->owners.released(ids[0]));
  EXPECT_FALSE(machine->owners.released(ids[1]));
  const bool leaves_short = GetParam() >= Release::v4_8 && GetParam() < Release::v4_11;
  if (leaves_short) {
    EXPECT_LT(size(LruList::inactive_file), kSwapClusterMax);
    return;
  }
  const auto stays = ::testing::Each(::testing::AnyOf(pfns[0], pfns[1]));
  EXPECT_THAT(pages_on(LruList::inactive_file), stays);
  if (GetParam() >= Release::v5_5) {
    EXPECT_THAT(pages_on(LruList::active_file), stays);
  }
}

TEST_P(ReclaimTest, PrivateAndSharedMemoryIsNotScanned) {
  own_frame(*machine, 600, PageKind::anonymous);
  own_frame(*machine, 601, PageKind::shmem);
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages({})), 0U);
  EXPECT_EQ(size(LruList::inactive_anon), 2U);
  EXPECT_EQ(machine->reclaim.events().pgscan_direct, 0U);
}

TEST_P(ReclaimTest, AnActiveListThatIsTooShortToBeTouchedIsTouchedInTheEnd) {
  const Pfn active = read(1)[0];
  activate(active);
  const Pfn held = read(1)[0];
  const Pfn held_too = read(1)[0];
  machine->lru.references().get_page(held);
  machine->lru.references().get_page(held_too);
  // Two inactive pages that cannot be freed protect an active one, since 5.5 until nothing else is left to try.
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages({})), 0U);
  const bool spared = GetParam() < Release::v5_5;
  EXPECT_EQ(machine->map.page(active).has(kPageActive), spared);
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages({})), spared ? 0U : 1U);
}

TEST_P(ReclaimTest, SlabsAreShrunkAsWell) {
  for (unsigned i = 0; i < 200; ++i)
    machine->reclaim.slab().add(machine->buddy.alloc_pages(kGfpKernel | kGfpReclaimable, 0));
  read(64);
  const Pfn held = machine->owners.owner(ids[0]).pfn;
  machine->lru.references().get_page(held);
  ReclaimRequest request;
  request.nr_to_reclaim = 500;
  const std::uint64_t freed = run(machine->reclaim.try_to_free_pages(request));
  EXPECT_EQ(machine->reclaim.slab().objects() + size(LruList::inactive_file) + freed, 264U);
  EXPECT_LT(machine->reclaim.slab().objects(), 200U);
}

TEST_P(ReclaimTest, ACostlyRequestPrefersCompactionWhereEnoughIsFree) {
  read(64);
  ReclaimRequest request;
  request.order = 4;
  // Much is free, in large blocks: the request would succeed.
  EXPECT_EQ(run(machine->reclaim.try_to_free_pages(request)), 1U);
  EXPECT_EQ(size(LruList::inactive_file), 64U);
}

TEST_P(ReclaimTest, ARestoredMachineHasFoundOutNothing) {
  const std::unique_ptr<Machine> boot = make_machine(geometry());
  const std::uint64_t hash = machine->hash();
  read(64);
  machine->reclaim.lruvecs().state(vec()).kswapd_failures = 3;
  run(machine->reclaim.try_to_free_pages({}));
  machine->restore(*boot);
  EXPECT_EQ(machine->reclaim.events(), ReclaimEvents{});
  EXPECT_EQ(machine->reclaim.lruvecs().state(vec()), NodeState{});
  EXPECT_EQ(boot->hash(), machine->hash());
  EXPECT_EQ(boot->hash(), hash);
}

}  // namespace
}  // namespace cma
