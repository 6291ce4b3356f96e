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

  std::unique_ptr<Machine> machine_;
  HugetlbPool& pool_;
};

INSTANTIATE_TEST_SUITE_P(Releases, HugetlbTest, testing::ValuesIn(modelled_releases()));

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
  machine_->lru.get_page(pfn);
  run_now(machine_->owners.release(id));
  EXPECT_EQ(0U, pool_.free_pages());
  run_now(machine_->lru.put_page(pfn));
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
  run_now(machine_->lru.put_page(used));
  EXPECT_EQ(before + 16, free_pages());
  run_now(machine_->lru.put_page(lent));
  EXPECT_EQ(1U, pool_.free_pages()) << "it has become the pool's";
}

}  // namespace
}  // namespace cma
