// Breaks each law on purpose: exactly that law fires. The violations are planted into a machine by hand; bugs_test.cc
// reaches some of them through real operations.

#include <gtest/gtest.h>

#include "allocator/areas/area_files.h"
#include "properties/laws/laws_testing.h"
#include "properties/laws/recount.h"

namespace cma {
namespace {

class PlantedTest : public ::testing::TestWithParam<Release> {
 protected:
  PlantedTest() : watched_(default_small_geometry(GetParam())), machine_(watched_.machine()), laws_(watched_.laws()) {
    // Some of everything that a program can hold.
    watched_.perform(watched_.cma_alloc(0, 20, 0));
    watched_.perform(watched_.cma_alloc(1, 7, 2));
    watched_.perform(watched_.alloc_pages(kGfpKernel, 0));
    watched_.perform(watched_.alloc_pages(kGfpKernel, 3));
    watched_.perform(watched_.alloc_pages(kGfpHighuserMovable | kGfpComp, 2));
    for (const PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::movable_ops, PageKind::unmovable})
      watched_.perform(watched_.own(kind));
    run_now(machine_.lru.add_drain_all());
    laws_.audit();
  }

  // Returns the law that the next audit finds broken.
  std::string audit() {
    return law_broken_by([&] { laws_.audit(); });
  }
  // Returns the law that is broken if a request gets `pfn` at an attempt, or fails after all that it must make.
  std::string law_of_request(Gfp gfp, unsigned order, Pfn pfn, AllocAttempt attempt = AllocAttempt::low) {
    AllocationWatcher& watcher = *machine_.trace.allocations();
    return law_broken_by([&] {
      watcher.allocation_begins(gfp, order, 0);
      if (order <= machine_.buddy.largest_order()) {
        watcher.attempt_begins(attempt, gfp, order, 0);
        watcher.attempt_ended(pfn);
      }
      for (const AllocAttempt next : {AllocAttempt::min, AllocAttempt::reserves}) {
        const bool due = next == AllocAttempt::min || machine_.buddy.may_use_reserves(gfp);
        if (pfn != kNoPfn || !due) break;
        watcher.attempt_begins(next, gfp, order, 0);
        watcher.attempt_ended(kNoPfn);
      }
      watcher.allocation_ended(gfp, order, pfn);
    });
  }
  Pfn buffer() const { return watched_.buffers[0].pfn; }
  Pfn block() const { return watched_.blocks[1].pfn; }  // order 3
  Pfn page_of(std::size_t owner) const { return watched_.machine_const().owners.owner(watched_.owners[owner]).pfn; }
  // Returns a free block of at least this order.
  Pfn free_block(unsigned order) const {
    for (const Page& page : watched_.machine_const().map.pages())
      if (page.has(kPageBuddy) && page.order >= order)
        return static_cast<Pfn>(&page - &watched_.machine_const().map.page(0));
    return kNoPfn;
  }

  WatchedMachine watched_;
  Machine& machine_;
  Laws& laws_;
};

INSTANTIATE_TEST_SUITE_P(Releases, PlantedTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(PlantedTest, NothingFiresBeforeAnythingIsPlanted) {
  EXPECT_EQ(audit(), "");
  laws_.audit_everything();
  laws_.check_views();
}

// --- exclusive ---

TEST_P(PlantedTest, ExclusiveSeesABufferHandedOutTwice) {
  EXPECT_EQ(law_broken_by([&] { laws_.buffer_allocated(0, buffer(), 3, 0); }), "exclusive");
}

TEST_P(PlantedTest, ExclusiveSeesABlockInsideABuffer) {
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(buffer(), 0, kGfpHighuserMovable); }), "exclusive");
}

TEST_P(PlantedTest, ExclusiveSeesAnOwnersPageHandedOut) {
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(page_of(0), 0, kGfpHighuserMovable); }), "exclusive");
}

TEST_P(PlantedTest, ExclusiveSeesAnOwnerOfABuffersPage) {
  const OwnerId id = run_now(machine_.owners.adopt(buffer(), PageKind::unmovable));
  EXPECT_EQ(law_broken_by([&] { laws_.owner_adopted(id); }), "exclusive");
}

TEST_P(PlantedTest, ExclusiveSeesAHeldPageThatIsFree) {
  machine_.map.edit(buffer()).ref = 0;
  machine_.buddy.free_now(buffer(), 0);
  EXPECT_EQ(audit(), "exclusive");
}

TEST_P(PlantedTest, ExclusiveSeesAFreeBlockInsideAnother) {
  const Pfn outer = free_block(3);
  Page& inner = machine_.map.edit(outer + 4);
  inner.flags = kPageBuddy;
  inner.order = 1;
  EXPECT_EQ(audit(), "exclusive");
}

// --- conserved ---

TEST_P(PlantedTest, ConservedSeesALostPage) {
  laws_.pages_freeing(watched_.blocks[0].pfn, 0);
  machine_.map.edit(watched_.blocks[0].pfn).ref = 0;
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, ConservedSeesAPageWithoutAHolder) {
  ASSERT_NE(machine_.buddy.alloc_pages(kGfpHighuserMovable, 0), kNoPfn);
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, ConservedSeesAForgottenBuffer) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 5, 0, true));
  ASSERT_NE(pfn, kNoPfn);
  const std::string broken = broken_by([&] { laws_.audit(); });
  EXPECT_TRUE(broken.starts_with("conserved: ")) << broken;
  EXPECT_NE(broken.find(hex(pfn)), std::string::npos) << broken;
}

TEST_P(PlantedTest, ConservedSeesAPageInFlightAtRest) {
  laws_.pages_freeing(watched_.blocks[0].pfn, 0);
  machine_.map.edit(watched_.blocks[0].pfn).ref = 0;
  static_cast<void>(machine_.buddy.prepare_free(watched_.blocks[0].pfn, 0));
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, ConservedSeesAPageLeakedWithoutAReport) {
  laws_.pages_freeing(watched_.blocks[0].pfn, 0);
  Page& page = machine_.map.edit(watched_.blocks[0].pfn);
  page.ref = 0;
  page.flags = kPageLeaked;
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, ALeakWithItsReportIsNoFinding) {
  laws_.pages_freeing(watched_.blocks[0].pfn, 0);
  Page& page = machine_.map.edit(watched_.blocks[0].pfn);
  page.ref = 0;
  page.flags = kPageSlab;
  machine_.buddy.free_now(watched_.blocks[0].pfn, 0);
  EXPECT_TRUE(machine_.map.page(watched_.blocks[0].pfn).has(kPageLeaked));
  EXPECT_EQ(audit(), "");
}

TEST_P(PlantedTest, ConservedSeesAPageThatBecomesReserved) {
  laws_.pages_freeing(watched_.blocks[0].pfn, 0);
  machine_.map.edit(watched_.blocks[0].pfn).flags = kPageReserved;
  --machine_.buddy.zone(0).managed;
  EXPECT_EQ(audit(), "conserved");
}

// An area without a bitmap gives back all of its frames, or keeps them all. One that goes the other way is managed as
// the zone says, and in one state.
TEST_P(PlantedTest, ConservedSeesAFrameOfAFailedAreaThatGoesTheOtherWay) {
  Machine machine(default_small_geometry(GetParam()));
  machine.areas.fail_bitmap_of(1);
  Laws laws;
  laws.program_begins(machine);
  machine.finish_boot();
  EXPECT_EQ(law_broken_by([&] { laws.booted(machine); }), "");
  const Pfn frame = machine.geometry().areas[1].base;
  if (GetParam() < Release::v5_12) {
    machine.buddy.free_reserved_page(frame);
  } else {
    const SpinGuard zone_lock(machine.engine);
    Zone& zone = machine.buddy.zone(0);
    const Pfn head = machine.buddy.free_lists().covering_block(frame);
    const Pfn end = head + order_pages(machine.map.page(head).order);
    machine.buddy.free_lists().take_block(zone, head);
    for (Pfn pfn = head; pfn < end; ++pfn)
      if (pfn != frame) machine.buddy.free_lists().free_one_block(zone, pfn, 0, Migratetype::movable);
    machine.map.edit(frame).flags = kPageReserved;
    machine.map.edit(frame).ref = 1;
    --zone.managed;
  }
  EXPECT_EQ(law_broken_by([&] { laws.audit_everything(); }), "conserved");
}

// Up to 5.11 the pageblocks before the border are given, the others kept; up to 5.8 the next area is kept as well.
TEST_P(PlantedTest, AnAreaAcrossAZoneBorderIsNoFinding) {
  Geometry g = default_small_geometry(GetParam());
  g.areas.clear();
  g.zones = {{"DMA32", {g.memory.start, 0x2a0}}, {"Normal", {0x2a0, g.memory.end}}};
  Machine machine(g);
  Laws laws;
  laws.program_begins(machine);
  for (const Pfn base : {0x200U, 0x300U}) {
    DeclareRequest request;
    request.name = base == 0x200 ? "across" : "after";
    request.base = std::uint64_t{base} << machine.geometry().page_shift();
    request.size = std::uint64_t{0x100} << machine.geometry().page_shift();
    request.fixed = true;
    ASSERT_EQ(machine.areas.declare_contiguous(request), 0);
    laws.op_performed(machine, 0);
  }
  machine.finish_boot();
  ASSERT_FALSE(machine.areas.area(0).active());
  EXPECT_EQ(broken_by([&] { laws.booted(machine); }), "");
  EXPECT_EQ(broken_by([&] { laws.audit_everything(); }), "");
}

TEST_P(PlantedTest, ConservedSeesAZoneThatManagesMore) {
  ++machine_.buddy.zone(0).managed;
  EXPECT_EQ(audit(), "conserved");
}

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
    PageList& list = machine_.buddy.zone(0).area[order].lists[index_of(Migratetype::cma)];
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
  machine_.buddy.free_lists().take_block(zone, head);
  machine_.buddy.free_lists().free_one_block(zone, head, order, Migratetype::movable);
  EXPECT_EQ(audit(), "lists");
}

// Two buddies that were put on a list without the allocator.
TEST_P(PlantedTest, ListsSeeBuddiesThatHaveNotMerged) {
  const Pfn head = machine_.buddy.free_lists().covering_block(0x2ff);
  const unsigned order = machine_.map.page(head).order;
  ASSERT_GT(order, 0U);
  Zone& zone = machine_.buddy.zone(0);
  PageList& list = zone.area[order - 1].lists[index_of(Migratetype::cma)];
  const SpinGuard zone_lock(machine_.engine);
  machine_.buddy.free_lists().take_block(zone, head);
  zone.mod_freepage_state(static_cast<std::int64_t>(order_pages(order)), Migratetype::cma);
  for (const Pfn half : {head, head + order_pages(order - 1)}) {
    Page& page = machine_.map.edit(half);
    page.flags = kPageBuddy;
    page.order = static_cast<std::uint8_t>(order - 1);
    page.list_type = Migratetype::cma;
    list.push_front(machine_.map, machine_.map.frame(half));
    ++zone.area[order - 1].nr_free;
  }
  EXPECT_EQ(audit(), "lists");
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
  PageList& list = machine_.buddy.zone(0).area[page.order].lists[index_of(page.list_type)];
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
  ++zone.area[2].nr_free;
  EXPECT_EQ(audit(), "counters");
  --zone.area[2].nr_free;
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
  ASSERT_TRUE(machine_.lru.isolate(page_of(0)));
  machine_.map.edit(page_of(0)).flags &= ~kPageTaskList;
  --machine_.map.edit(page_of(0)).ref;
  EXPECT_EQ(audit(), "counters");
}

// --- bitmap ---

class BitmapLaw : public PlantedTest {
 protected:
  Bitmap& bitmap(AreaId id) { return const_cast<Area&>(machine_.areas.area(id)).bitmap; }
};
INSTANTIATE_TEST_SUITE_P(Releases, BitmapLaw, ::testing::ValuesIn(modelled_releases()));

TEST_P(BitmapLaw, SeesAClearBitOfABuffer) {
  bitmap(0).clear(3, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, SeesASetBitWithoutABuffer) {
  bitmap(1).set(100, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, AllowsOneWindowOfARequestUnderWay) {
  watched_.start(1, watched_.cma_alloc(0, 10, 0), Point::cma_bitmap_marked);
  EXPECT_EQ(audit(), "");
  bitmap(0).set(200, 1);
  EXPECT_EQ(audit(), "bitmap");
}

// Where their windows lie is not known, but how many bits they have.
TEST_P(BitmapLaw, AllowsSeveralRequestsAsManyBitsAsTheyAskFor) {
  laws_.alloc_begins(0, 1, 0);
  laws_.alloc_begins(0, 1, 0);
  bitmap(0).set(100, 1);
  bitmap(0).set(200, 1);
  EXPECT_EQ(audit(), "");
  bitmap(0).set(150, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, AllowsTheBitsOfAReleaseUnderWay) {
  watched_.start(1, watched_.cma_release(0), Point::cma_release_pages_freed);
  EXPECT_EQ(audit(), "");
  watched_.finish();
  EXPECT_EQ(audit(), "");
}

// --- contract ---

TEST_P(PlantedTest, ContractSeesWhatABufferMustNotBe) {
  const auto law = [&](Pfn pfn, std::uint64_t count, unsigned align) {
    return law_broken_by([&] { laws_.buffer_allocated(1, pfn, count, align); });
  };
  EXPECT_EQ(law(0x2ff, 1, 0), "contract") << "outside";
  EXPECT_EQ(law(0x3fe, 4, 0), "contract") << "past the end";
  EXPECT_EQ(law(0x321, 1, 0), "contract") << "in the middle of a bit";
  EXPECT_EQ(law(0x322, 1, 2), "contract") << "misaligned";
  EXPECT_EQ(law(0x340, 1, 0), "contract") << "a free page";
}

TEST_P(PlantedTest, ContractWantsOneReferenceBesidesThoseOfPrograms) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 2, 0, true));
  watched_.pin(pfn + 1);
  EXPECT_EQ(law_broken_by([&] { laws_.buffer_allocated(0, pfn, 2, 0); }), "");
  const Pfn other = run_now(machine_.areas.cma_alloc(0, 2, 0, true));
  machine_.lru.get_page(other);
  EXPECT_EQ(law_broken_by([&] { laws_.buffer_allocated(0, other, 2, 0); }), "contract");
}

// --- restored, policy, locks, balanced ---

TEST_P(PlantedTest, RestoredSeesAnAreasPageblockOfAnotherType) {
  machine_.map.set_pageblock_type(buffer(), Migratetype::movable);
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, RestoredSeesAPageblockOfNoAreaThatIsCma) {
  machine_.map.set_pageblock_type(0x100, Migratetype::cma);
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, RestoredSeesAnIsolatedPageblockAtRest) {
  ASSERT_EQ(run_now(machine_.isolation.start_isolate_page_range(0x340, 0x380, Migratetype::cma)), 0);
  EXPECT_EQ(audit(), "restored");
}

// Counters and lists are right; only the record of the isolating actor shows that it relies on the pageblocks.
TEST_P(PlantedTest, RestoredSeesAnIsolationThatAnotherActorEnds) {
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::isolate_done);
  ASSERT_FALSE(machine_.isolation.held().empty());
  EXPECT_EQ(audit(), "");
  const Pfn block = machine_.isolation.held().front().block;
  machine_.engine.assume(kMainActor);
  run_now(machine_.isolation.undo_isolate_page_range(block, block + machine_.map.pageblock_pages(), Migratetype::cma));
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenAsARange) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, true));
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(pfn, 1); }), "policy");
}

TEST_P(PlantedTest, ContractAndExclusiveSeeWhatARangeMustNotBe) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, true));
  machine_.lru.get_page(pfn);
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(pfn, 1); }), "contract");
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(block(), 1); }), "exclusive");
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(page_of(0), 1); }), "exclusive");
}

TEST_P(PlantedTest, ARangeHasAHolderUntilItIsFreed) {
  const Pfn start = 0x100;
  ASSERT_EQ(run_now(machine_.contig.alloc_contig_range(start, start + 4, Migratetype::movable)), 0);
  EXPECT_EQ(audit(), "conserved") << "it has no holder";
  laws_.range_allocated(start, 4);
  EXPECT_EQ(audit(), "");
  laws_.range_freeing(start, 4);
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenToADriver) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, true));
  EXPECT_EQ(law_of_request(kGfpKernel, 0, pfn), "policy");
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, pfn), "");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenWhileItsRangeIsEmptied) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, true));
  machine_.map.set_pageblock_type(pfn, Migratetype::isolate);
  EXPECT_EQ(law_of_request(kGfpKernel, 0, pfn), "policy");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenToATaskThatPins) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, true));
  machine_.engine.flags().memalloc_pin = true;
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, pfn), GetParam() >= Release::v5_1 ? "policy" : "");
}

TEST_P(PlantedTest, PolicySeesThatTheReserveServesOthers) {
  machine_.map.edit(block()).list_type = Migratetype::highatomic;
  EXPECT_EQ(law_of_request(kGfpKernel, 3, block()), "policy");
  machine_.map.edit(page_of(0)).list_type = Migratetype::highatomic;
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, page_of(0)), "") << "it may come from a per-CPU list";
}

// A pageblock may be isolated for a range that is no area's.
TEST_P(PlantedTest, PolicyKnowsAnIsolatedPageOfNoArea) {
  machine_.map.set_pageblock_type(block(), Migratetype::isolate);
  EXPECT_EQ(law_of_request(kGfpKernel, 3, block()), "");
}

// --- granted ---

// Of the free memory, one block is large enough: one of the reserve.
TEST_P(PlantedTest, GrantedKnowsThatTheReserveIsForAtomicRequests) {
  Zone& zone = machine_.buddy.zone(0);
  for (unsigned order = 4; order <= machine_.buddy.largest_order(); ++order)
    for (PageList& list : zone.area[order].lists) list = {};
  EXPECT_EQ(law_of_request(kGfpKernel, 4, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 4, kNoPfn), "") << "and the areas have none";
  EXPECT_EQ(law_of_request(kGfpHighuserMovable | kGfpMemalloc, 4, kNoPfn), "") << "nor for one that may have all";
  EXPECT_EQ(law_of_request(kGfpAtomic, 4, kNoPfn), "") << "nor has the reserve yet";
  if (GetParam() < Release::v4_4) return;
  PageList& reserve = zone.area[4].lists[index_of(Migratetype::highatomic)];
  reserve.first = reserve.last = machine_.map.frame(block());
  EXPECT_EQ(law_of_request(kGfpKernel, 4, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpAtomic, 4, kNoPfn), "granted");
}

TEST_P(PlantedTest, GrantedSeesARefusalAndAGrantAgainstTheArithmetic) {
  EXPECT_EQ(law_of_request(kGfpKernel, 0, kNoPfn), "granted");
  EXPECT_EQ(law_of_request(kGfpKernel, 0, block()), "");
  machine_.buddy.zone(0).watermark = {2000, 2000, 2000};
  EXPECT_EQ(law_of_request(kGfpKernel, 0, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpKernel, 0, block()), "granted");
  EXPECT_EQ(law_of_request(kGfpKernel, machine_.buddy.largest_order() + 1, block()), "granted");
}

TEST_P(PlantedTest, GrantedSeesARequestThatFailsBeforeItsLastAttempt) {
  AllocationWatcher& watcher = *machine_.trace.allocations();
  const auto fails_after = [&](std::initializer_list<AllocAttempt> attempts) {
    return law_broken_by([&] {
      watcher.allocation_begins(kGfpKernel, 0, 0);
      for (const AllocAttempt attempt : attempts) {
        watcher.attempt_begins(attempt, kGfpKernel, 0, 0);
        watcher.attempt_ended(kNoPfn);
      }
      watcher.allocation_ended(kGfpKernel, 0, kNoPfn);
    });
  };
  machine_.buddy.zone(0).watermark = {2000, 2000, 2000};
  EXPECT_EQ(fails_after({}), "granted");
  EXPECT_EQ(fails_after({AllocAttempt::low}), "granted");
  EXPECT_EQ(fails_after({AllocAttempt::low, AllocAttempt::min}), "");
  machine_.engine.flags().scope = ReclaimScope::noreclaim;
  EXPECT_EQ(fails_after({AllocAttempt::low, AllocAttempt::min}), "granted");
}

TEST_P(PlantedTest, GrantedKnowsHowLowEachAttemptGoes) {
  const auto had_at = [&](AllocAttempt attempt, Gfp gfp = kGfpKernel) {
    return law_of_request(gfp, 0, buffer(), attempt) == "" || law_of_request(gfp, 0, block(), attempt) == "";
  };
  const auto free =
      static_cast<std::uint64_t>(machine_.buddy.zone(0).nr_free_pages - machine_.buddy.zone(0).nr_free_cma);
  const std::uint64_t above = 2 * free;
  machine_.buddy.zone(0).watermark = {above, above, above};
  EXPECT_FALSE(had_at(AllocAttempt::min));
  EXPECT_FALSE(had_at(AllocAttempt::reserves)) << "no task that may have them";
  EXPECT_TRUE(had_at(AllocAttempt::last_page));
  machine_.buddy.zone(0).watermark = {free - 1, above, above};
  EXPECT_TRUE(had_at(AllocAttempt::min));
  EXPECT_FALSE(had_at(AllocAttempt::low));
  machine_.buddy.zone(0).watermark = {0, 0, above};
  EXPECT_TRUE(had_at(AllocAttempt::low));
  EXPECT_FALSE(had_at(AllocAttempt::high)) << "another has been killed, or none is";
  machine_.buddy.zone(0).watermark = {free + free / 5, above, above};
  EXPECT_FALSE(had_at(AllocAttempt::min));
  EXPECT_TRUE(had_at(AllocAttempt::helped)) << "a quarter less must stay, or half";
}

TEST(GrantedLaw, SeesTheWrongZone) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 256}}, {"Normal", {256, 1024}}};
  WatchedMachine watched(g);
  AllocationWatcher& watcher = *watched.machine().trace.allocations();
  const auto law = [&](Gfp gfp, Pfn pfn) {
    return law_broken_by([&] {
      watcher.attempt_begins(AllocAttempt::low, gfp, 0, 0);
      watcher.attempt_ended(pfn);
    });
  };
  EXPECT_EQ(law(kGfpKernel, 5), "granted");
  EXPECT_EQ(law(kGfpKernel, 300), "");
  EXPECT_EQ(law(kGfpKernel | kGfpDma32, 300), "granted");
  EXPECT_EQ(law(kGfpKernel | kGfpDma32, 5), "");
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAnArea) {
  const std::string expected = GetParam() >= Release::v5_13 ? "policy" : "";
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(buffer(), 1024, /*longterm=*/true); }), expected);
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(buffer(), 1, /*longterm=*/false); }), "");
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAnIsolatedPageblock) {
  machine_.map.set_pageblock_type(block(), Migratetype::isolate);
  const std::string expected = GetParam() >= Release::v5_13 ? "policy" : "";
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(block(), 1024, /*longterm=*/true); }), expected);
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAMovableZone) {
  Geometry g = default_small_geometry(GetParam());
  g.zones = {{"Normal", {0, 0x300}}, {"Movable", {0x300, 1024}}};
  g.areas.clear();
  WatchedMachine watched(g);
  const auto found = [&](Pfn pfn) {
    return broken_by([&] { watched.laws().reference_taken(pfn, 1024, /*longterm=*/true); });
  };
  EXPECT_EQ(found(0x2ff), "");
  const std::string in_movable = found(0x300);
  if (GetParam() < Release::v5_13) {
    EXPECT_EQ(in_movable, "");
  } else {
    EXPECT_TRUE(in_movable.starts_with("policy: ") && in_movable.ends_with(" of a Movable zone")) << in_movable;
  }
}

TEST_P(PlantedTest, LocksSeeLocksThatAreHeldAtRest) {
  ASSERT_TRUE(machine_.areas.cma_mutex().try_lock(machine_.engine));
  EXPECT_EQ(audit(), "locks");
  machine_.areas.cma_mutex().reset();
  ASSERT_TRUE(machine_.buddy.per_cpu().drain_mutex().try_lock(machine_.engine));
  EXPECT_EQ(audit(), "locks");
  machine_.buddy.per_cpu().drain_mutex().reset();
  ASSERT_TRUE(machine_.page_locks.try_lock(page_of(0)));
  EXPECT_EQ(audit(), "locks");
}

// A page that is being read or written is locked by its device, which is in order. A lock or a writeback without a
// holder is not.
TEST_P(PlantedTest, LocksKnowThoseOfDevices) {
  const FileId file = machine_.files.open(FileMethod::ordered, true);
  const Pfn pfn = machine_.owners.owner(run_now(machine_.files.read(file, 0, true)).page).pfn;
  EXPECT_EQ(audit(), "");
  run_now(machine_.device.complete_one());
  EXPECT_EQ(audit(), "");
  machine_.map.edit(pfn).flags |= kPageWriteback;
  EXPECT_EQ(audit(), "locks");
}

TEST_P(PlantedTest, ContentSeesACountWithoutAHolder) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.touch(buffer);
  EXPECT_EQ(audit(), "") << "a slot's count is accounted for";
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  EXPECT_EQ(audit(), "") << "and a program's";
  machine_.buffers.get(buffer);
  EXPECT_EQ(audit(), "content");
  machine_.buffers.put(buffer);
  machine_.buffers.put(buffer);
  EXPECT_EQ(audit(), "content") << "one too few";
}

// A page of a file and its buffer, which a program holds.
TEST_P(PlantedTest, ContentSeesAHeldBufferUnderAnotherPage) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  EXPECT_EQ(audit(), "");
  const Pfn here = machine_.owners.owner(page).pfn;
  machine_.buffers.move_to(buffer, page_of(0));
  EXPECT_EQ(audit(), "content") << "the page of another owner";
  machine_.buffers.move_to(buffer, here);
  EXPECT_EQ(audit(), "");
  machine_.map.edit(here).token ^= 2;
  EXPECT_EQ(audit(), "content") << "other data";
}

// The page leaves its cache, and the buffer keeps it where it is.
TEST_P(PlantedTest, ContentKnowsAHeldBufferOfAPageThatWasTruncated) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  // Truncated alone, which leaves it in its pagevec: on the LRU it would break another law first.
  run_now(machine_.owners.release(page));
  EXPECT_EQ(audit(), "");
  const Pfn other = watched_.blocks[0].pfn;
  machine_.buffers.move_to(buffer, other);
  EXPECT_EQ(audit(), "content");
}

// The record is of the data alone, as the page had no owner any more.
TEST_P(PlantedTest, ContentKnowsABufferThatIsHeldSinceItsPageWasTruncated) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const Pfn here = machine_.owners.owner(page).pfn;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  run_now(machine_.files.truncate(file, 0));
  laws_.buffer_held(buffer);
  ASSERT_EQ(laws_.ledger().held_buffer(buffer).owner, 0U);
  EXPECT_EQ(audit(), "");
  machine_.map.edit(here).token ^= 2;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesABufferThatWasLeftBehind) {
  const FileId file = machine_.files.open(FileMethod::ordered, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  EXPECT_EQ(audit(), "");
  machine_.buffers.move_to(buffer, watched_.blocks[0].pfn);
  EXPECT_EQ(audit(), "content") << "no program holds it";
}

TEST_P(PlantedTest, ContentSeesAJournalThatLostItsBuffer) {
  const FileId file = machine_.files.open(FileMethod::journalled, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  ASSERT_TRUE(machine_.files.journal(page));
  EXPECT_EQ(audit(), "");
  machine_.buffers.put(machine_.page_cache.buffer_of(page));
  EXPECT_EQ(audit(), "content");
}

// The chain of ptes of a page runs in a circle, and the one looked for is not in it.
TEST_P(PlantedTest, BoundedSeesALoopThatPassesNoPoint) {
  const PteId first = machine_.owners.owner(watched_.owners[0]).first_pte;
  ASSERT_NE(first, 0U);
  const PteId stray = machine_.spaces.add_ptes(0, 1);
  machine_.spaces.pte(stray).page = watched_.owners[0];
  machine_.spaces.pte(stray).state = Pte::State::present;
  machine_.spaces.pte(first).next = first;
  EXPECT_EQ(law_broken_by([&] { machine_.reverse_map.zap_pte(stray); }), "bounded");
}

TEST_P(PlantedTest, BalancedSeesCachesThatStayDisabled) {
  run_now(machine_.lru.cache_disable());
  EXPECT_EQ(audit(), "balanced");
}

// --- hints, content ---

TEST_P(PlantedTest, HintsSeeASkipBitThatNoCompactionHasSet) {
  const bool ranges_set_hints = GetParam() >= Release::v5_1 && GetParam() < Release::v6_3;
  machine_.scanner.hints().set_skip(machine_.areas.area(0).base);
  EXPECT_EQ(audit(), ranges_set_hints ? "" : "hints");
  run_now(machine_.compaction.compact_memory());
  EXPECT_EQ(audit(), "");
}

TEST_P(PlantedTest, ContentSeesLostData) {
  machine_.map.edit(page_of(1)).token ^= 1;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAnOwnerWithoutAPage) {
  Page& page = machine_.map.edit(page_of(3));
  page.owner = 0;
  laws_.reference_taken(page_of(3), 1, /*longterm=*/false);
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAReferenceTooFewAndOneTooMany) {
  laws_.reference_taken(page_of(1), 1, /*longterm=*/false);
  EXPECT_EQ(audit(), "content");
  ++machine_.map.edit(page_of(1)).ref;
  EXPECT_EQ(audit(), "");
  ++machine_.map.edit(page_of(1)).ref;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAMappingTooMany) {
  ++machine_.map.edit(page_of(0)).map;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentWantsABlockWithOneReference) {
  const Pfn pfn = machine_.buddy.alloc_pages(kGfpKernel, 1);
  machine_.map.edit(pfn).ref = 2;
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(pfn, 1, kGfpKernel); }), "content");
}

TEST_P(PlantedTest, ContentWantsABlockThatNothingMaps) {
  const Pfn pfn = machine_.buddy.alloc_pages(kGfpKernel, 1);
  machine_.map.edit(pfn + 1).map = 1;
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(pfn, 1, kGfpKernel); }), "content");
}

// --- owners ---

TEST_P(PlantedTest, AnOwnerTakesOverABlockOfOnePage) {
  const OwnerId id = run_now(machine_.owners.adopt(watched_.blocks[0].pfn, PageKind::unmovable));
  EXPECT_EQ(law_broken_by([&] { laws_.owner_adopted(id); }), "");
  EXPECT_EQ(audit(), "");
}

// The kernel may drop the page before the program learns of it.
TEST_P(PlantedTest, APageOfAFileMayBeGoneWhenItIsReported) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  run_now(machine_.files.truncate(file, 0));
  ASSERT_TRUE(machine_.owners.released(page));
  EXPECT_EQ(law_broken_by([&] { laws_.owner_adopted(page); }), "");
  EXPECT_EQ(audit(), "");
}

// --- areas that boot could not activate ---

class InactiveArea : public ::testing::TestWithParam<Release> {
 protected:
  InactiveArea() {
    machine_.areas.fail_bitmap_of(1);
    laws_.program_begins(machine_);
    laws_.check_views();  // there are none before boot
    machine_.finish_boot();
    laws_.booted(machine_);
  }
  Pfn base() const { return machine_.geometry().areas[1].base; }

  Machine machine_{default_small_geometry(GetParam())};
  Laws laws_;
};
INSTANTIATE_TEST_SUITE_P(Releases, InactiveArea, ::testing::ValuesIn(modelled_releases()));

TEST_P(InactiveArea, HasNoBuffers) {
  const std::string found = broken_by([&] { laws_.buffer_allocated(1, base(), 1, 0); });
  EXPECT_TRUE(found.starts_with("contract: ") && found.ends_with("not in the area")) << found;
}

TEST_P(InactiveArea, ItsPagesMayBeGivenAsARangeOrToADriver) {
  if (GetParam() < Release::v5_12) GTEST_SKIP() << "boot keeps them";
  ASSERT_EQ(run_now(machine_.contig.alloc_contig_range(base(), base() + 4, Migratetype::movable)), 0);
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(base(), 4); }), "");
  EXPECT_EQ(law_broken_by([&] { laws_.audit(); }), "");
  machine_.map.set_pageblock_type(base(), Migratetype::isolate);
  AllocationWatcher& requests = *machine_.trace.allocations();
  requests.attempt_begins(AllocAttempt::low, kGfpKernel, 0, 0);
  EXPECT_EQ(law_broken_by([&] { requests.attempt_ended(base()); }), "") << "isolated, as any may be";
}

// --- what laws look at ---

TEST(LawsTest, NothingIsFoundBeforeAnyProgram) {
  Laws laws;
  EXPECT_EQ(broken_by([&] { laws.audit(); }), "");
}

TEST(LawsTest, AnAuditorBeginsAfreshWithAMachineOfAnotherGeometry) {
  Ledger ledger;
  Auditor auditor(ledger);
  for (const std::uint64_t pages : {1024U, 4096U, 1024U}) {
    Geometry g = default_small_geometry(Release::v6_1);
    g.memory = {0, pages};
    g.areas.clear();
    const std::unique_ptr<Machine> machine = make_machine(g);
    ledger.begin(machine->map.range(), machine->map.chunk_order());
    EXPECT_EQ(broken_by([&] { auditor.begin(*machine); }), "");
    EXPECT_EQ(auditor.zone_sums()[0][Counted::free_pages], static_cast<std::int32_t>(pages));
  }
}

// Nothing of the machine changed, but what a program holds.
TEST_P(PlantedTest, ACallAuditsWhatOnlyTheLedgerKnows) {
  laws_.reference_taken(page_of(1), 1, /*longterm=*/false);
  EXPECT_EQ(law_broken_by([&] { laws_.alloc_begins(0, 1, 0); }), "content");
}

TEST_P(PlantedTest, ContractKnowsTheErrorsOfACall) {
  for (const int code : {12, 16, 4, 5}) {
    laws_.alloc_begins(0, 257, 0);
    machine_.trace.emit(Event::log_cma_alloc_failed, 0, 257, static_cast<std::uint64_t>(-std::int64_t{code}));
    EXPECT_EQ(law_broken_by([&] { laws_.alloc_failed(0, 257, 0); }), code == 5 ? "contract" : "") << code;
  }
}

// --- views ---

TEST_P(PlantedTest, ViewsSeeAFileThatDoesNotExist) {
  const auto found = [&](const std::string& path, const std::optional<std::string>& text) {
    return law_broken_by([&] { laws_.file_read(path, text); });
  };
  EXPECT_EQ(found("cma/a/nothing", std::nullopt), "");
  EXPECT_EQ(found("cma/a/nothing", "0\n"), "views");
  const bool counts_releases = GetParam() >= Release::v6_9;
  EXPECT_EQ(found("sys/a/release_pages_success", std::nullopt), counts_releases ? "views" : "");
  try {
    laws_.file_read("cma/a/nothing", "0\n");
    FAIL();
  } catch (const LawBroken& broken) {
    EXPECT_EQ(broken.function(), "cma_debugfs_get") << "what reads numbers";
  }
}

// As /proc/pagetypeinfo does.
TEST(Views, TheRecountCountsToAHundredThousand) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 0x20000};
  const std::unique_ptr<Machine> machine = make_machine(g);
  for (Page& page : machine->map.edit_run(0, 0x20000)) {
    page.flags = kPageBuddy;
    page.order = 0;
    page.list_type = Migratetype::movable;
  }
  const std::string text = recounted_view(*machine, Ledger(), "pagetypeinfo").value_or("");
  EXPECT_NE(text.find("type      Movable >100000      0 "), std::string::npos) << text;
}

TEST(Views, NodesShowTheHighMemoryThatTheyLack) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.zones = {{"Normal", {0, 256}}, {"HighMem", {256, 512}}, {"Normal", {512, 1024}, 1}};
    g.areas.clear();
    WatchedMachine watched(g);
    EXPECT_EQ(broken_by([&] { watched.laws().check_views(); }), "") << name_of(release);
  }
}

TEST(Views, ALongNameOfAZoneIsNotCut) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"Normal", {0, 512}}, {"Reservoir", {512, 1024}}};
  g.areas.clear();
  WatchedMachine watched(g);
  watched.laws().check_views();
  const Machine& machine = watched.machine_const();
  const std::string text = machine.read_file("buddyinfo").value_or("");
  EXPECT_NE(text.find("\nNode 0, zone Reservoir      0 "), std::string::npos) << text;
}

TEST_P(PlantedTest, ViewsSeeAFileThatIsWrong) {
  for (const std::string& path : all_views(machine_)) {
    const auto text = machine_.read_file(path);
    const auto wrong = "7" + text.value_or("");
    EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, text); }), "") << path;
    EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, wrong); }), "views") << path;
    if (text) {
      EXPECT_EQ(law_broken_by([&] { laws_.file_read(path, std::nullopt); }), "views") << path;
    }
  }
}

TEST_P(PlantedTest, ViewsSeeACallThatIsNotCounted) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "areas count nothing";
  ++const_cast<Area&>(machine_.areas.area(0)).nr_pages_failed;
  EXPECT_EQ(audit(), "views");
}

}  // namespace
}  // namespace cma
