// Breaks laws lists and counters on purpose: exactly that law fires.

#include <gtest/gtest.h>

#include "properties/laws/planted_testing.h"

namespace cma {
namespace {

// --- lists ---

TEST_P(PlantedTest, ListsSeeAWrongOrder) {
  machine_.map.edit(free_block(3)).order = 7;
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, ListsSeeABrokenLink) {
  machine_.map.edit(free_block(3)).next = static_cast<Frame>(buffer());
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, ListsSeeAnEndThatIsNone) {
  for (unsigned order = 0; order <= machine_.buddy.largest_order(); ++order) {
    PageList& list = machine_.buddy.zone(0).free_by_order[order].lists[index_of(Migratetype::cma)];
    if (list.empty()) continue;
    list.first = kNil;
    break;
  }
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, ListsSeeAnAreasBlockOnAnotherList) {
  const Pfn head = machine_.buddy.free_lists().covering_block(0x2ff);
  const unsigned order = machine_.map.page(head).order;
  Zone& zone = machine_.buddy.zone(0);
  const SpinGuard zone_lock(machine_.engine);
  free_lists_of(machine_.buddy).take_block(zone, head);
  free_lists_of(machine_.buddy).free_one_block(zone, head, order, Migratetype::movable);
  EXPECT_EQ(audit(), "lists");
}

// Two buddies that were put on a list without the allocator.
// Divides a free block of an area into halves that do not merge. Returns the order of the halves.
unsigned divide_for_good(Machine& machine, Pfn head) {
  const unsigned order = machine.map.page(head).order;
  CMA_ASSERT(order > 0);
  Zone& zone = machine.buddy.zone(0);
  PageList& list = zone.free_by_order[order - 1].lists[index_of(Migratetype::cma)];
  const SpinGuard zone_lock(machine.engine);
  free_lists_of(machine.buddy).take_block(zone, head);
  zone.mod_freepage_state(static_cast<std::int64_t>(order_pages(order)), Migratetype::cma);
  for (const Pfn half : {head, head + order_pages(order - 1)}) {
    Page& page = machine.map.edit(half);
    page.flags = kPageBuddy;
    page.order = static_cast<std::uint8_t>(order - 1);
    page.list_type = Migratetype::cma;
    list.push_front(machine.map, machine.map.frame(half));
    ++zone.free_by_order[order - 1].nr_free;
  }
  return order - 1;
}

TEST_P(PlantedTest, ListsSeeBuddiesThatHaveNotMerged) {
  divide_for_good(machine_, machine_.buddy.free_lists().covering_block(0x2ff));
  EXPECT_EQ(audit(), "lists");
}

// The other pageblocks have nothing to do with it.
TEST_P(PlantedTest, ListsKnowAPageblockThatLeftTheReserve) {
  const Pfn head = machine_.buddy.free_lists().covering_block(0x2ff);
  const unsigned order = divide_for_good(machine_, head);
  ASSERT_GE(order, machine_.map.pageblock_order());
  machine_.buddy.zone(0).left_highatomic = {head - machine_.map.pageblock_pages()};
  EXPECT_EQ(audit(), "lists");
  machine_.buddy.zone(0).left_highatomic = {head + order_pages(order)};
  laws_.audit_everything();
}

TEST_P(PlantedTest, ListsSeeAPageInUseThatIsListed) {
  machine_.map.edit(watched_.blocks[0].pfn).next = 5;
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, ListsSeeAnAreasPageCachedAsMovable) {
  // The last page freed is still on a per-CPU list.
  const Pfn pfn = buffer() + 19;
  watched_.perform(watched_.cma_release(0));
  ASSERT_TRUE(machine_.map.page(pfn).has(kPagePcp));
  machine_.map.edit(pfn).list_type = Migratetype::movable;
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, ListsSeeAnLruPageOfAnotherList) {
  machine_.map.edit(page_of(0)).flags |= kPageActive;
  EXPECT_EQ(audit(), "lists");
}

TEST_P(PlantedTest, OnlyATotalAuditSeesARing) {
  const Pfn head = machine_.buddy.free_lists().covering_block(0x2ff);
  const Page& page = machine_.map.page(head);
  PageList& list = machine_.buddy.zone(0).free_by_order[page.order].lists[index_of(page.list_type)];
  list.remove(machine_.map, machine_.map.frame(head));
  machine_.map.edit(head).next = machine_.map.frame(head);
  machine_.map.edit(head).prev = machine_.map.frame(head);
  EXPECT_EQ(law_broken_by([&] { laws_.audit_everything(); }), "lists");
}

// --- counters ---

TEST_P(PlantedTest, CountersSeeEachCounter) {
  Zone& zone = machine_.buddy.zone(0);
  ++zone.nr_free_pages;
  EXPECT_EQ(audit(), "counters");
  --zone.nr_free_pages;
  --zone.nr_free_cma;
  EXPECT_EQ(audit(), "counters");
  ++zone.nr_free_cma;
  ++zone.free_by_order[2].nr_free;
  EXPECT_EQ(audit(), "counters");
  --zone.free_by_order[2].nr_free;
  ++zone.nr_isolate_pageblock;
  EXPECT_EQ(audit(), "counters");
  --zone.nr_isolate_pageblock;
  ++zone.pcp[1].count;
  EXPECT_EQ(audit(), "counters");
  --zone.pcp[1].count;
  zone.nr_reserved_highatomic += machine_.map.pageblock_pages();
  EXPECT_EQ(audit(), "counters");
  zone.nr_reserved_highatomic = 0;
  EXPECT_EQ(audit(), "");
}

TEST_P(PlantedTest, CountersSeeAReservedPageblockThatIsNotCounted) {
  machine_.map.set_pageblock_type(block(), Migratetype::highatomic);
  EXPECT_NE(audit(), "") << "or its free blocks lie on other lists, since 6.10";
}

TEST_P(PlantedTest, CountersSeeAReserveThatGrewTooLarge) {
  const std::uint64_t pages = machine_.map.pageblock_pages();
  machine_.buddy.zone(0).nr_reserved_highatomic = 3 * pages;
  machine_.buddy.zone(0).lost_highatomic = 3 * pages;
  EXPECT_EQ(audit(), "counters") << "10 pages are 1 %";
}

TEST_P(PlantedTest, CountersSeeCpusThatCountForEachOther) {
  Zone& zone = machine_.buddy.zone(0);
  ++zone.pcp[0].count;
  --zone.pcp[1].count;
  EXPECT_EQ(audit(), "counters");
}

TEST_P(PlantedTest, CountersSeePagesIsolatedForGood) {
  ASSERT_TRUE(machine_.lru.listed().isolate(page_of(0)));
  machine_.map.edit(page_of(0)).flags &= ~kPageTaskList;
  --machine_.map.edit(page_of(0)).ref;
  EXPECT_EQ(audit(), "counters");
}

}  // namespace
}  // namespace cma
