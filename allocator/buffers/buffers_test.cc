#include "allocator/buffers/buffers.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

class BuffersTest : public testing::TestWithParam<Release> {
 protected:
  BuffersTest() : machine_(make_machine(default_small_geometry(GetParam()))) { populate_lru(*machine_, 100); }
  OwnerId page_at(Pfn pfn) { return own_frame(*machine_, pfn, PageKind::block_device); }
  Pfn window_over(Pfn) { return run_now(machine_->areas.cma_alloc(0, 64, 6, Warn::yes)); }
  Buffers& buffers() { return machine_->buffers; }

  std::unique_ptr<Machine> machine_;
};

INSTANTIATE_TEST_SUITE_P(Releases, BuffersTest, testing::ValuesIn(modelled_releases()));

TEST_P(BuffersTest, ABufferHoldsOneReferenceOfItsPageWhateverItsOwnCount) {
  const OwnerId page = page_at(0x220);
  EXPECT_EQ(1, machine_->map.page(0x220).ref);
  const BufferId buffer = machine_->page_cache.buffer_of(page);
  EXPECT_EQ(2, machine_->map.page(0x220).ref);
  for (int i = 0; i < 5; ++i) buffers().hold(buffer);
  EXPECT_EQ(2, machine_->map.page(0x220).ref);
  EXPECT_EQ(6, buffers().buffer(buffer).count) << "five holders and a slot";
}

TEST_P(BuffersTest, ASlotIsEvictedByAsManyOtherLookupsAsThereAreSlots) {
  const unsigned slots = GetParam() >= Release::v3_18 ? 16 : 8;
  const BufferId first = machine_->page_cache.buffer_of(page_at(0x220));
  buffers().touch(first);
  for (unsigned i = 1; i <= slots; ++i) {
    EXPECT_EQ(1, buffers().buffer(first).count) << "before lookup " << i;
    buffers().touch(machine_->page_cache.buffer_of(page_at(0x220 + i)));
  }
  EXPECT_EQ(0, buffers().buffer(first).count);
  EXPECT_EQ(slots, buffers().lru_slots(0).size());
}

TEST_P(BuffersTest, ALookupThatHitsMovesTheBufferToTheFrontWithoutAnotherCount) {
  const BufferId a = machine_->page_cache.buffer_of(page_at(0x220));
  const BufferId b = machine_->page_cache.buffer_of(page_at(0x221));
  buffers().touch(a);
  buffers().touch(b);
  buffers().touch(a);
  EXPECT_EQ((std::vector<BufferId>{a, b}), buffers().lru_slots(0));
  EXPECT_EQ(1, buffers().buffer(a).count);
}

TEST_P(BuffersTest, ABusyBufferIsNotFreed) {
  const BufferId buffer = machine_->page_cache.buffer_of(page_at(0x220));
  buffers().touch(buffer);
  EXPECT_FALSE(buffers().try_to_free(buffer));
  buffers().invalidate_all();
  buffers().set_dirty(buffer, true);
  EXPECT_FALSE(buffers().try_to_free(buffer));
  buffers().set_dirty(buffer, false);
  EXPECT_TRUE(buffers().try_to_free(buffer));
  EXPECT_FALSE(machine_->map.page(0x220).has(kPagePrivate));
}

TEST_P(BuffersTest, ASlotBlocksAWindowUntilTheReleaseThatEmptiesSlotsAroundMigration) {
  const BufferId buffer = machine_->page_cache.buffer_of(page_at(0x220));
  buffers().touch(buffer);
  const Pfn window = window_over(0x220);
  // The move itself empties the slots since 5.0, the disabling of the caches since 5.13.
  EXPECT_EQ(GetParam() >= Release::v5_0 ? Pfn{0x200} : Pfn{0x240}, window);
}

TEST_P(BuffersTest, ACleanIdlePageIsDroppedFromItsCacheSince3_7AndMovedBefore) {
  const OwnerId page = page_at(0x220);
  machine_->page_cache.buffer_of(page);
  EXPECT_EQ(Pfn{0x200}, window_over(0x220));
  EXPECT_EQ(GetParam() >= Release::v3_7, machine_->owners.released(page));
}

TEST_P(BuffersTest, ADirtyPageIsWrittenOutFirstUpTo4_20AndMovesDirtySince5_0) {
  const OwnerId page = page_at(0x220);
  machine_->page_cache.make_dirty(page);
  EXPECT_EQ(Pfn{0x200}, window_over(0x220));
  const Owner& moved = machine_->owners.owner(page);
  ASSERT_NE(kNoPfn, moved.pfn);
  const bool keeps = GetParam() >= Release::v5_0;
  EXPECT_EQ(keeps, machine_->map.page(moved.pfn).has(kPageDirty));
  EXPECT_EQ(keeps, moved.buffer != 0);
}

// Users of the buffer still count.
TEST(BuffersOfVendors, RevokingLeavesOnlyUsersInTheWay) {
  Geometry g = default_small_geometry(Release::v4_9);
  g.bh_revoke = true;
  const std::unique_ptr<Machine> machine = make_machine(g);
  Buffers& buffers = machine->buffers;
  const BufferId one = machine->page_cache.buffer_of(own_frame(*machine, 0x220, PageKind::block_device));
  const BufferId other = machine->page_cache.buffer_of(own_frame(*machine, 0x221, PageKind::block_device));
  buffers.touch(other);
  buffers.hold(one);
  EXPECT_FALSE(buffers.try_to_free(one));
  EXPECT_EQ(buffers.buffer(one).count, 1) << "the slot's count is gone, the user's is not";
  EXPECT_EQ(buffers.lru_slots(0), std::vector<BufferId>{other});
  buffers.put(one);
  EXPECT_TRUE(buffers.try_to_free(one));
}

}  // namespace
}  // namespace cma
