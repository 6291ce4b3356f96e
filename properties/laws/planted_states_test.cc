// Plants what must not be into machines of an unusual shape, and into machines on which an actor is inside an
// operation: there the audit allows more, and looks again at the operation's end.

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"
#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

// Puts the halves of a free block on a list, as no allocator would.
void split_without_merging(Machine& machine, Pfn head, Migratetype upper_type) {
  Zone& zone = machine.buddy.zone_of(head);
  const Migratetype type = machine.map.page(head).list_type;
  const unsigned order = machine.map.page(head).order - 1U;
  const SpinGuard zone_lock(machine.engine);
  free_lists_of(machine.buddy).take_block(zone, head);
  zone.mod_freepage_state(static_cast<std::int64_t>(order_pages(order + 1)), type);
  for (const Pfn half : {head, head + order_pages(order)}) {
    Page& page = machine.map.edit(half);
    page.flags = kPageBuddy;
    page.order = static_cast<std::uint8_t>(order);
    page.list_type = half == head ? type : upper_type;
    PageList& list = zone.free_by_order[order].lists[index_of(page.list_type)];
    list.push_front(machine.map, machine.map.frame(half));
    ++zone.free_by_order[order].nr_free;
  }
}

// Makes one block of two free ones that lie side by side, on a list of this type.
void join(Machine& machine, Pfn head, Pfn other, Migratetype type) {
  FreeLists& lists = free_lists_of(machine.buddy);
  Zone& zone = machine.buddy.zone_of(head);
  const unsigned order = machine.map.page(head).order;
  ASSERT_EQ(machine.map.page(other).order, order);
  const SpinGuard zone_lock(machine.engine);
  lists.take_block(zone, head);
  lists.take_block(zone, other);
  lists.free_one_block(zone, head, order + 1, type);
}

class StatesTest : public ::testing::TestWithParam<Release> {
 protected:
  static std::string found_by(WatchedMachine& watched) {
    return broken_by([&] { watched.laws().audit(); });
  }
  static bool says(const std::string& found, std::string_view law, std::string_view sentence) {
    return found.starts_with(law) && found.find(sentence) != std::string::npos;
  }
};

INSTANTIATE_TEST_SUITE_P(Releases, StatesTest, ::testing::ValuesIn(modelled_releases()));

// --- a zone that ends inside what would be a larger block ---

// Two zones that meet at 0x108. A free block of eight pages lies on each side of the border.
class BorderTest : public StatesTest {
 protected:
  static constexpr Pfn kLast = 0x100;
  static constexpr Pfn kBorder = 0x108;
  static Geometry geometry(bool hole) {
    Geometry g = default_small_geometry(GetParam());
    g.zones = {{"DMA32", {0, kBorder}}, {"Normal", {kBorder, 1024}}};
    if (hole) g.holes = {{kLast, kBorder}};
    return g;
  }
  std::string audit() { return found_by(watched_); }
  // Takes a page as a driver would that happens to get it.
  void take(Pfn pfn) {
    claim_frame(machine_, pfn);
    watched_.laws().pages_allocated(pfn, 0, kGfpKernel);
  }

  WatchedMachine watched_{geometry(false)};
  Machine& machine_ = watched_.machine();
};
INSTANTIATE_TEST_SUITE_P(Releases, BorderTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(BorderTest, NothingIsFoundBeforeAnythingIsPlanted) {
  ASSERT_TRUE(machine_.map.page(kLast).has(kPageBuddy) && machine_.map.page(kBorder).has(kPageBuddy));
  ASSERT_EQ(machine_.map.page(kLast).order, 3);
  ASSERT_EQ(machine_.map.page(kBorder).order, 3);
  EXPECT_EQ(audit(), "");
}

TEST_P(BorderTest, AFreeBlockEndsWithItsZone) {
  machine_.map.edit(kLast).order = 4;
  EXPECT_TRUE(says(audit(), "lists", "across a zone's end")) << audit();
}

TEST_P(BorderTest, ABlockOnAPerCpuListEndsWithItsZone) {
  claim_frame(machine_, kLast);
  run_now(machine_.buddy.free_pages(kLast, 0));
  ASSERT_TRUE(machine_.map.page(kLast).has(kPagePcp));
  EXPECT_EQ(audit(), "");
  machine_.map.edit(kLast).order = 4;
  EXPECT_TRUE(says(audit(), "lists", "on a per-CPU list has order 4")) << audit();
}

TEST_P(BorderTest, ABlockInUseEndsWithItsZone) {
  take(kLast);
  EXPECT_EQ(audit(), "");
  machine_.map.edit(kLast).flags = kPageSplitHead;
  machine_.map.edit(kLast).order = 4;
  EXPECT_TRUE(says(audit(), "conserved", "is not the head of its block")) << audit();
}

TEST_P(BorderTest, ABlockInATasksHandsIsAlignedAndEndsWithItsZone) {
  for (const Pfn pfn : {kLast, kBorder}) {
    watched_.restart();
    machine_.map.edit(pfn).flags = kPageInFlight;
    machine_.map.edit(pfn).order = 4;
    EXPECT_TRUE(says(audit(), "conserved", "in a task's hands has 0 references and order 4")) << audit();
  }
}

TEST_P(BorderTest, AListLeadsToBlocksOfItsZone) {
  machine_.map.edit(kLast).next = machine_.map.frame(kBorder);
  EXPECT_TRUE(says(audit(), "lists", "is not linked into its list")) << audit();
}

TEST_P(BorderTest, AListEndsInBlocksOfItsZone) {
  take(kLast);
  EXPECT_EQ(audit(), "");
  const Pfn block = kLast + 4;
  ASSERT_EQ(machine_.map.page(block).order, 2);
  PageList& other = machine_.buddy.zone(1).free_by_order[2].lists[index_of(machine_.map.page(block).list_type)];
  ASSERT_TRUE(other.empty());
  other.first = other.last = machine_.map.frame(block);
  EXPECT_TRUE(says(audit(), "lists", "ends in no block of its own")) << audit();
}

// A pageblock belongs to the zone of its first frame that exists.
TEST_P(BorderTest, AReservedPageblockThatBeginsWithAHoleCountsInOneZone) {
  if (GetParam() >= Release::v6_10) GTEST_SKIP() << "its free blocks would lie on a list of their own";
  for (const bool hole : {false, true}) {
    WatchedMachine watched(geometry(hole));
    watched.machine().map.set_pageblock_type(kBorder, Migratetype::highatomic);
    EXPECT_TRUE(says(found_by(watched), "counters", "nr_reserved_highatomic is 0 in all zones, a recount gives 16"))
        << found_by(watched);
    watched.machine().buddy.zone(hole ? 1 : 0).nr_reserved_highatomic = 16;
    EXPECT_EQ(found_by(watched), "");
  }
}

// --- blocks and their pageblocks ---

TEST_P(StatesTest, TwoFreeBuddiesHaveMerged) {
  WatchedMachine watched(default_small_geometry(GetParam()));
  Machine& machine = watched.machine();
  // Down to a block of two pageblocks, then to one of half a pageblock.
  claim_frame(machine, 0x103);
  watched.laws().pages_allocated(0x103, 0, kGfpKernel);
  EXPECT_EQ(found_by(watched), "");
  const Pfn small = 0x108;
  ASSERT_EQ(machine.map.page(small).order, 3);
  split_without_merging(machine, small, machine.map.page(small).list_type);
  EXPECT_TRUE(says(found_by(watched), "lists", "(order 2) have not merged")) << found_by(watched);
}

// Types that boot and fallbacks give pageblocks forbid nothing.
TEST_P(StatesTest, PageblocksOfOrdinaryTypesMergeThoughTheirTypesDiffer) {
  WatchedMachine watched(default_small_geometry(GetParam()));
  Machine& machine = watched.machine();
  claim_frame(machine, 0x103);
  watched.laws().pages_allocated(0x103, 0, kGfpKernel);
  const Pfn two = 0x120;
  ASSERT_EQ(machine.map.page(two).order, 5);
  ASSERT_NE(machine.map.page(two).list_type, Migratetype::reclaimable);
  machine.map.set_pageblock_type(two + 16, Migratetype::reclaimable);
  split_without_merging(machine, two, Migratetype::reclaimable);
  EXPECT_TRUE(says(found_by(watched), "lists", "(order 4) have not merged")) << found_by(watched);
}

// Since 5.19 an area begins and ends at pageblocks, so that a block of two may have one of the area and one of none.
TEST_P(StatesTest, ABlockCoversPageblocksOfAnAreaOrOfNone) {
  if (GetParam() < Release::v5_19) GTEST_SKIP() << "areas begin at the largest blocks";
  Geometry g = default_small_geometry(GetParam());
  g.areas = {{"a", 0x210, 0x100, 0}};
  WatchedMachine after(g);
  join(after.machine(), 0x200, 0x210, Migratetype::movable);
  EXPECT_TRUE(says(found_by(after), "lists", "covers pageblocks of type Movable and CMA")) << found_by(after);
  g.areas = {{"a", 0x200, 0x10, 0}};
  WatchedMachine before(g);
  join(before.machine(), 0x200, 0x210, Migratetype::cma);
  EXPECT_TRUE(says(found_by(before), "lists", "covers pageblocks of type CMA and Movable")) << found_by(before);
}

// Up to 5.13 per-CPU lists hold single pages.
TEST_P(StatesTest, APerCpuListHoldsBlocksOfItsOrders) {
  if (GetParam() >= Release::v5_14) GTEST_SKIP() << "they hold blocks of two pages";
  WatchedMachine watched(default_small_geometry(GetParam()));
  Machine& machine = watched.machine();
  for (const Pfn pfn : {0x100, 0x101}) claim_frame(machine, pfn);
  watched.laws().pages_allocated(0x101, 0, kGfpKernel);
  run_now(machine.buddy.free_pages(0x100, 0));
  ASSERT_TRUE(machine.map.page(0x100).has(kPagePcp));
  EXPECT_EQ(found_by(watched), "");
  watched.laws().pages_freeing(0x101, 0);
  machine.map.edit(0x101).ref = 0;
  machine.map.edit(0x100).order = 1;
  EXPECT_TRUE(says(found_by(watched), "lists", "a block of order 1 at 0x100 is on a per-CPU list"))
      << found_by(watched);
}

TEST_P(StatesTest, WhatBootKeepsNoProgramHolds) {
  Geometry g = default_small_geometry(GetParam());
  g.reserved = {{0, 16}};
  WatchedMachine watched(g);
  watched.laws().pages_allocated(3, 0, kGfpKernel);
  EXPECT_TRUE(says(found_by(watched), "exclusive", "held by a program, and boot keeps it")) << found_by(watched);
}

// --- while an actor is inside an operation ---

class InsideTest : public StatesTest {
 protected:
  InsideTest() { watched_.perform(watched_.own(PageKind::shmem)); }
  void move_block(Pfn head, Migratetype type) {
    const unsigned order = machine_.map.page(head).order;
    Zone& zone = machine_.buddy.zone(0);
    const SpinGuard zone_lock(machine_.engine);
    free_lists_of(machine_.buddy).take_block(zone, head);
    free_lists_of(machine_.buddy).free_one_block(zone, head, order, type);
  }
  std::string audit() { return found_by(watched_); }

  WatchedMachine watched_{default_small_geometry(GetParam())};
  Machine& machine_ = watched_.machine();
};
INSTANTIATE_TEST_SUITE_P(Releases, InsideTest, ::testing::ValuesIn(modelled_releases()));

// A page may have a reference that only the operation knows of. After it nothing else touches the page.
TEST_P(InsideTest, WhatWasAllowedIsLookedAtAgainAtTheEnd) {
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::isolate_done);
  const Pfn page = watched_.machine_const().owners.owner(watched_.owners[0]).pfn;
  ++machine_.map.edit(page).ref;
  EXPECT_EQ(audit(), "");
  const std::string found = broken_by([&] { watched_.finish(); });
  EXPECT_TRUE(says(found, "content", "references, but only")) << found;
}

TEST_P(InsideTest, AnIsolatedPageblockOfAnAreaIsOnNoOtherList) {
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::isolate_done);
  ASSERT_FALSE(machine_.isolation.isolators().held().empty());
  const Pfn head = machine_.buddy.free_lists().covering_block(machine_.isolation.isolators().held().front().block);
  move_block(head, Migratetype::movable);
  EXPECT_TRUE(says(audit(), "lists", "of a Isolate pageblock is on a list of type Movable")) << audit();
}

TEST_P(InsideTest, APageblockOfAnotherAreaStaysOnItsList) {
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::cma_alloc_entry);
  move_block(machine_.buddy.free_lists().covering_block(machine_.areas.area(1).base), Migratetype::movable);
  EXPECT_TRUE(says(audit(), "lists", "of a CMA pageblock is on a list of type Movable")) << audit();
}

// Up to 6.9 pageblocks become Isolate one after the other, with a block that covers several on one list.
TEST_P(InsideTest, ABlockHasOneTypeSince610) {
  if (GetParam() < Release::v6_10) GTEST_SKIP() << "it may have two while an operation lasts";
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::isolate_done);
  const Pfn head = machine_.buddy.free_lists().covering_block(0x100);
  ASSERT_EQ(machine_.map.page(head).order, 6);
  machine_.map.set_pageblock_type(head + 16, Migratetype::isolate);
  machine_.map.edit(head);
  EXPECT_TRUE(says(audit(), "lists", "covers pageblocks of type Isolate and Movable")) << audit();
}

// Up to 5.17 the types of pageblocks forbid nothing but merging into an isolated one: here one is free as a whole when
// its buddy is, which was isolated first. They may stay apart as long as the operation lasts.
TEST_P(InsideTest, BuddiesMayStayApartWhileOneIsIsolated) {
  const Pfn base = machine_.areas.area(0).base;
  watched_.perform(watched_.own(PageKind::anonymous, base + 5));
  const std::size_t owner = watched_.owners.size() - 1;
  ASSERT_EQ(watched_.machine_const().owners.owner(watched_.owners[owner]).pfn, base + 5);
  run_now(machine_.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  watched_.start(1, watched_.cma_alloc(0, 64, 0), Point::isolate_block, 2);
  ASSERT_EQ(machine_.map.pageblock_type(base), Migratetype::isolate);
  EXPECT_EQ(broken_by([&] { watched_.start(2, watched_.let_go(owner)); }), "");
  EXPECT_EQ(audit(), "");
  EXPECT_EQ(broken_by([&] { watched_.finish(); }), "");
  EXPECT_EQ(watched_.buffers.back().pfn, base);
}

}  // namespace
}  // namespace cma
