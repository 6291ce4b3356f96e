#include "allocator/owners/hugetlb.h"

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class HugetlbTest : public testing::TestWithParam<Release> {
 protected:
  HugetlbTest() : machine_(make_machine(default_small_geometry(GetParam()))), pool_(machine_->hugetlb) {}

  const Page& page(Pfn pfn) const { return machine_->map.page(pfn); }
  std::int64_t free_pages() const { return machine_->buddy.zone(0).nr_free_pages; }
  Pfn front() const { return machine_->map.pfn(pool_.free_list().first); }
  // Begins an operation of another actor and leaves it where it has a page for the pool that is not in it yet.
  template <class Value>
  void begin(Task<Value> operation, Outcome<Value>& outcome) {
    const ActorId actor = machine_->engine.add_actor(0);
    machine_->engine.begin(actor, keep_outcome(std::move(operation), &outcome));
    machine_->engine.stop_at(actor, Point::hugetlb_allocated, 1);
    machine_->engine.resume(actor);
    ASSERT_FALSE(outcome.value);
  }
  // Returns the owner of a page of the pool that was isolated for control_, to be moved.
  OwnerId listed_page() {
    EXPECT_TRUE(run_now(pool_.grow()));
    const OwnerId id = machine_->owners.adopt_hugetlb(pool_.dequeue());
    control_.hugetlb = true;
    control_.nr_pages = 16;
    EXPECT_EQ(0, run_now(pool_.isolate_or_dissolve(machine_->owners.owner(id).pfn, control_.pages)));
    return id;
  }

  std::unique_ptr<Machine> machine_;
  HugetlbPool& pool_;
  MigrateControl control_;
};

INSTANTIATE_TEST_SUITE_P(Releases, HugetlbTest, testing::ValuesIn(modelled_releases()));
// It takes pages of the pool, and moves them one by one with all others.
INSTANTIATE_TEST_SUITE_P(Between, HugetlbTest, testing::Values(Release::v5_15));

TEST_P(HugetlbTest, AFreePageIsThePoolsOnly) {
  const std::int64_t before = free_pages();
  ASSERT_TRUE(run_now(pool_.grow()));
  EXPECT_EQ(before - 16, free_pages());
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_EQ(0, page(front()).ref);
  EXPECT_EQ(kPageHead | kPageHugetlb, page(front()).flags);
}

TEST_P(HugetlbTest, ThePageFreedLastIsTakenNext) {
  ASSERT_TRUE(run_now(pool_.grow()));
  ASSERT_TRUE(run_now(pool_.grow()));
  const Pfn last = front();
  const OwnerId id = machine_->owners.adopt_hugetlb(pool_.dequeue());
  EXPECT_EQ(last, machine_->owners.owner(id).pfn);
  EXPECT_EQ(1, page(last).ref);
  EXPECT_EQ(1, page(last).map);
  EXPECT_NE(last, front());
  run_now(machine_->owners.release(id));
  EXPECT_EQ(last, front());
  EXPECT_EQ(2U, pool_.free_pages());
}

TEST_P(HugetlbTest, AnotherReferenceKeepsItFromThePool) {
  ASSERT_TRUE(run_now(pool_.grow()));
  const OwnerId id = machine_->owners.adopt_hugetlb(pool_.dequeue());
  const Pfn pfn = machine_->owners.owner(id).pfn;
  machine_->lru.references().get_page(pfn);
  run_now(machine_->owners.release(id));
  EXPECT_EQ(0U, pool_.free_pages());
  run_now(machine_->lru.references().put_page(pfn));
  EXPECT_EQ(1U, pool_.free_pages());
}

TEST_P(HugetlbTest, AFreePageIsReplacedBeforeItIsFreed) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  const Pfn old = front();
  const std::int64_t before = free_pages();
  PageList list;
  EXPECT_EQ(0, run_now(pool_.isolate_or_dissolve(old, list)));
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_NE(old, front());
  EXPECT_FALSE(page(old).has(kPageHugetlb));
  EXPECT_EQ(before, free_pages());
}

TEST_P(HugetlbTest, APageInUseIsIsolatedOnce) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  const OwnerId id = machine_->owners.adopt_hugetlb(pool_.dequeue());
  const Pfn pfn = machine_->owners.owner(id).pfn;
  PageList list;
  EXPECT_EQ(0, run_now(pool_.isolate_or_dissolve(pfn, list)));
  EXPECT_EQ(-kEBUSY, run_now(pool_.isolate_or_dissolve(pfn, list)));
  EXPECT_EQ(2, page(pfn).ref);
}

TEST_P(HugetlbTest, ThePageThatWasLentComesBackAsMemory) {
  ASSERT_TRUE(run_now(pool_.grow()));
  const Pfn used = pool_.dequeue();
  const Pfn lent = run_now(pool_.target());
  ASSERT_NE(kNoPfn, lent);
  pool_.moved(used, lent);
  const std::int64_t before = free_pages();
  run_now(machine_->lru.references().put_page(used));
  EXPECT_EQ(before + 16, free_pages());
  run_now(machine_->lru.references().put_page(lent));
  EXPECT_EQ(1U, pool_.free_pages()) << "it has become the pool's";
}

TEST_P(HugetlbTest, AReferenceTakenByNumberBringsTheNewPageIntoThePool) {
  Outcome<bool> grown;
  begin(pool_.grow(), grown);
  Pfn fresh = machine_->map.range().start;
  while (!page(fresh).has(kPageHead)) ++fresh;
  machine_->lru.references().get_page(fresh);
  run_to_rest(*machine_);
  EXPECT_EQ(grown.value, true);
  EXPECT_EQ(0U, pool_.free_pages());
  run_now(machine_->lru.references().put_page(fresh));
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_EQ(fresh, front());
}

TEST_P(HugetlbTest, APageTakenWhileItIsToBeReplacedIsIsolated) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  const Pfn taken = front();
  const std::int64_t before = free_pages();
  PageList list;
  Outcome<int> outcome;
  begin(pool_.isolate_or_dissolve(taken, list), outcome);
  const OwnerId id = machine_->owners.adopt_hugetlb(pool_.dequeue());
  run_to_rest(*machine_);
  EXPECT_EQ(outcome.value, 0);
  EXPECT_EQ(list.first, machine_->map.frame(taken));
  EXPECT_EQ(2, page(taken).ref);
  EXPECT_EQ(machine_->owners.owner(id).pfn, taken);
  EXPECT_EQ(before, free_pages()) << "the page in its place was not needed";
}

TEST_P(HugetlbTest, APageThatTwoReplaceIsReplacedOnce) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  const Pfn old = front();
  const std::int64_t before = free_pages();
  PageList list;
  Outcome<int> slow;
  begin(pool_.isolate_or_dissolve(old, list), slow);
  EXPECT_EQ(0, run_now(pool_.isolate_or_dissolve(old, list)));
  run_to_rest(*machine_);
  EXPECT_EQ(slow.value, 0);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_EQ(before, free_pages());
}

TEST_P(HugetlbTest, APageOnItsWayToAUserIsBusy) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  PageList list;
  EXPECT_EQ(-kEBUSY, run_now(pool_.isolate_or_dissolve(pool_.dequeue(), list)));
  EXPECT_TRUE(list.empty());
}

TEST_P(HugetlbTest, APageThatItsUserFreesMeanwhileNeedsNoMove) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  const OwnerId id = listed_page();
  const Pfn pfn = machine_->owners.owner(id).pfn;
  run_now(machine_->owners.release(id));
  ASSERT_EQ(1, page(pfn).ref) << "the list's";
  EXPECT_TRUE(run_now(machine_->migration.migrate_pages(control_)).all());
  EXPECT_TRUE(control_.pages.empty());
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_EQ(pfn, front()) << "it is back in the pool";
}

// The first passes go on without it, then the move waits for the lock.
TEST_P(HugetlbTest, APageThatIsLockedIsWaitedForInTheEnd) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  const OwnerId id = listed_page();
  const Pfn pfn = machine_->owners.owner(id).pfn;
  ASSERT_TRUE(machine_->page_locks.try_lock(pfn));
  Outcome<Moved> outcome;
  const ActorId mover = machine_->engine.add_actor(0);
  machine_->engine.begin(mover, keep_outcome(machine_->migration.migrate_pages(control_), &outcome));
  machine_->engine.resume(mover);
  EXPECT_FALSE(outcome.value) << "it waits";
  EXPECT_EQ(machine_->owners.owner(id).pfn, pfn);
  machine_->engine.assume(kMainActor);
  machine_->page_locks.unlock(pfn);
  run_to_rest(*machine_);
  EXPECT_TRUE(outcome.value->all());
  EXPECT_NE(machine_->owners.owner(id).pfn, pfn);
}

// Another has found the page that was to take the old one's place by its number: that one's last reference brings it
// where it belongs.
TEST_P(HugetlbTest, APageInItsPlaceThatAnotherHoldsComesLater) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  for (const bool needed : {true, false}) {
    ASSERT_TRUE(run_now(pool_.grow()));
    const Pfn old = front();
    const std::uint64_t pool = pool_.free_pages();
    PageList list;
    Outcome<int> outcome;
    begin(pool_.isolate_or_dissolve(old, list), outcome);
    Pfn fresh = machine_->map.range().start;
    while (!page(fresh).has(kPageHugetlb) || page(fresh).ref == 0) ++fresh;
    machine_->engine.assume(kMainActor);
    machine_->lru.references().get_page(fresh);
    if (!needed) machine_->owners.adopt_hugetlb(pool_.dequeue());
    run_to_rest(*machine_);
    machine_->engine.assume(kMainActor);
    EXPECT_EQ(outcome.value, 0);
    EXPECT_EQ(pool_.free_pages(), pool - 1);
    EXPECT_EQ(page(fresh).ref, 1);
    run_now(machine_->lru.references().put_page(fresh));
    EXPECT_EQ(pool_.free_pages(), pool);
    if (!needed) return;
    // The next turn begins with a pool whose only page is taken.
    while (pool_.free_pages() != 0) machine_->owners.adopt_hugetlb(pool_.dequeue());
  }
}

// It was on its way to a user when the replacement began.
TEST_P(HugetlbTest, APageThatIsTakenButNotYetMappedIsBusy) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  ASSERT_TRUE(run_now(pool_.grow()));
  PageList list;
  Outcome<int> outcome;
  begin(pool_.isolate_or_dissolve(front(), list), outcome);
  machine_->engine.assume(kMainActor);
  pool_.dequeue();
  run_to_rest(*machine_);
  EXPECT_EQ(outcome.value, -kEBUSY);
  EXPECT_TRUE(list.empty());
}

TEST_P(HugetlbTest, AnotherCompoundPageIsNotThePools) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  const Pfn other = machine_->buddy.alloc_pages(kGfpKernel | kGfpComp, pool_.order());
  PageList list;
  EXPECT_EQ(-kEBUSY, run_now(pool_.isolate_or_dissolve(other, list)));
  EXPECT_EQ(1, page(other).ref);
}

// Nothing maps it any more, and the reference of another keeps it from moving.
TEST_P(HugetlbTest, APageThatItsUserFreesWhileAnotherHoldsItStays) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "left where they are";
  const OwnerId id = listed_page();
  const Pfn pfn = machine_->owners.owner(id).pfn;
  machine_->lru.references().get_page(pfn);
  run_now(machine_->owners.release(id));
  ASSERT_EQ(0, page(pfn).map);
  const Moved moved = run_now(machine_->migration.migrate_pages(control_));
  EXPECT_EQ(1, moved.failed);
  EXPECT_EQ(control_.pages.first, machine_->map.frame(pfn));
  run_now(machine_->migration.putback(control_));
  run_now(machine_->lru.references().put_page(pfn));
  EXPECT_EQ(1U, pool_.free_pages());
  EXPECT_EQ(pfn, front());
}

}  // namespace
}  // namespace cma
