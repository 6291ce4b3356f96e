#include "properties/laws/ledger.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() { begin(); }
  void begin() {
    ledger_.begin({0x100, 0x500}, 6);
    if (ledger_.areas() == 0) {
      ledger_.add_area(0x200, 256, 0);
      ledger_.add_area(0x300, 256, 2);
    }
  }
  Ledger ledger_;
};

TEST_F(LedgerTest, ABufferHoldsEachOfItsPages) {
  ledger_.alloc_begins(0, 3, 0);
  EXPECT_EQ(ledger_.area(0).allocating.size(), 1U);
  ledger_.buffer_allocated(0, 0x205, 3, 0);
  EXPECT_TRUE(ledger_.area(0).allocating.empty());
  for (Pfn pfn = 0x205; pfn < 0x208; ++pfn) {
    EXPECT_EQ(ledger_.entry(pfn).hold(), Ledger::Hold::buffer);
    EXPECT_EQ(ledger_.entry(pfn).expected(), 1);
  }
  EXPECT_FALSE(ledger_.entry(0x208).known());
  EXPECT_EQ(ledger_.area(0).live[0], 0xe0U);
  EXPECT_EQ(ledger_.area(0).succeeded, 3U);
}

TEST_F(LedgerTest, BitsAreRoundedUpToWholeOnes) {
  ledger_.buffer_allocated(1, 0x304, 5, 0);
  EXPECT_EQ(ledger_.area(1).live[0], 0x6U);
}

TEST_F(LedgerTest, ReleasedPartsAreOnTheirWayUntilTheBitsAreClear) {
  ledger_.buffer_allocated(0, 0x200, 8, 0);
  ledger_.buffer_releasing(0, 0x202, 2);
  EXPECT_EQ(ledger_.area(0).live[0], 0xf3U);
  EXPECT_EQ(ledger_.area(0).releasing[0], 0x0cU);
  EXPECT_FALSE(ledger_.entry(0x202).known());
  EXPECT_TRUE(ledger_.entry(0x204).known());
  ledger_.buffer_released(0, 0x202, 2);
  EXPECT_EQ(ledger_.area(0).releasing[0], 0U);
  EXPECT_EQ(ledger_.area(0).released, 2U);
}

TEST_F(LedgerTest, BitsAreOnTheirWayUntilTheLastReleaseOfThemEnds) {
  ledger_.buffer_allocated(0, 0x200, 4, 0);
  ledger_.buffer_releasing(0, 0x200, 4);
  ledger_.buffer_allocated(0, 0x202, 4, 0);
  ledger_.buffer_releasing(0, 0x202, 4);
  ledger_.buffer_released(0, 0x200, 4);
  EXPECT_EQ(ledger_.area(0).releasing[0], 0x3cU);
  ledger_.buffer_released(0, 0x202, 4);
  EXPECT_EQ(ledger_.area(0).releasing[0], 0U);
}

TEST_F(LedgerTest, ABlockHasOneReferenceOnItsHead) {
  ledger_.pages_allocated(0x180, 2);
  EXPECT_EQ(ledger_.entry(0x180).expected(), 1);
  EXPECT_EQ(ledger_.entry(0x181).expected(), 0);
  EXPECT_TRUE(ledger_.entry(0x183).known());
  ledger_.reference_taken(0x180, 1);
  EXPECT_EQ(ledger_.entry(0x180).expected(), 2);
  ledger_.pages_freeing(0x180, 2);
  EXPECT_EQ(ledger_.entry(0x180).expected(), 1);
  ledger_.reference_dropping(0x180, 1);
  EXPECT_FALSE(ledger_.entry(0x180).known());
}

TEST_F(LedgerTest, OwnersThatMayLoseTheirPageAreNotCounted) {
  ledger_.owner_adopted(3, true);
  ledger_.owner_adopted(4, false);
  EXPECT_TRUE(ledger_.owner_lives(4));
  EXPECT_EQ(ledger_.live_owners(), 1U);
  ledger_.owner_releasing(3);
  ledger_.owner_releasing(3);
  EXPECT_FALSE(ledger_.owner_lives(3));
  EXPECT_EQ(ledger_.live_owners(), 0U);
}

TEST_F(LedgerTest, ChangesAreNotedByChunk) {
  ledger_.forget_touched();
  ledger_.reference_taken(0x13f, 1);
  ledger_.pages_allocated(0x1c0, 0);
  EXPECT_EQ(ledger_.touched_chunks(), (std::vector<std::uint32_t>{0, 3}));
  ledger_.forget_touched();
  ledger_.reference_taken(0x13e, 1);
  EXPECT_EQ(ledger_.touched_chunks(), (std::vector<std::uint32_t>{0}));
}

TEST_F(LedgerTest, BeginningAgainForgetsEverything) {
  ledger_.buffer_allocated(0, 0x200, 100, 0);
  ledger_.alloc_begins(1, 4, 0);
  ledger_.alloc_failed(1, 4, 0, true);
  ledger_.owner_adopted(1, true);
  begin();
  EXPECT_FALSE(ledger_.entry(0x250).known());
  EXPECT_EQ(ledger_.area(0).live[0], 0U);
  EXPECT_EQ(ledger_.area(1).failed, 0U);
  EXPECT_EQ(ledger_.live_owners(), 0U);
  EXPECT_TRUE(ledger_.touched_chunks().empty());
}

TEST_F(LedgerTest, AMapWithOtherChunksIsAnotherOne) {
  ledger_.buffer_allocated(0, 0x205, 3, 0);
  ledger_.begin({0x100, 0x500}, 7);
  EXPECT_EQ(ledger_.areas(), 0U) << "areas are to be added again";
  EXPECT_FALSE(ledger_.entry(0x205).known());
  ledger_.pages_allocated(0x4ff, 0);
  EXPECT_EQ(ledger_.touched_chunks(), std::vector<std::uint32_t>{7}) << "0x480 to 0x4ff, counted from 0x100";
}

TEST_F(LedgerTest, OwnersAreAdoptedInAnyOrder) {
  ledger_.owner_adopted(5, true);
  ledger_.owner_adopted(3, true);
  EXPECT_TRUE(ledger_.owner_lives(5));
  EXPECT_TRUE(ledger_.owner_lives(3));
  EXPECT_FALSE(ledger_.owner_lives(4));
  EXPECT_EQ(ledger_.live_owners(), 2U);
}

TEST_F(LedgerTest, ABufferThatIsNotHeldIsNotLetGo) {
  ledger_.buffer_held(2, 7, 11);
  ledger_.buffer_letting_go(2);
  ledger_.buffer_letting_go(2);
  ledger_.buffer_letting_go(9);
  EXPECT_EQ(ledger_.held_buffer(2).counts, 0);
  ledger_.buffer_held(2, 8, 12);
  EXPECT_EQ(ledger_.held_buffer(2).counts, 1);
  EXPECT_EQ(ledger_.held_buffer(2).owner, 8U);
}

}  // namespace
}  // namespace cma
