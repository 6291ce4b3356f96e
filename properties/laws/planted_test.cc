// Breaks laws exclusive and conserved on purpose, and those about owners and areas that were not activated: exactly
// that law fires. The violations are planted into a machine by hand; bugs_test.cc reaches some of them through real
// operations. planted_*_test.cc have the other laws.

#include <gtest/gtest.h>

#include "properties/laws/planted_testing.h"

namespace cma {
namespace {

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
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 5, 0, Warn::no));
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
  leak_unreported();
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, ConservedSeesAnUnreportedLeakAgainInEachAuditThatFollows) {
  leak_unreported();
  for (int audits = 0; audits < 2; ++audits) {
    EXPECT_EQ(audit(), "conserved");
    EXPECT_EQ(law_broken_by([&] { laws_.audit_everything(); }), "conserved");
  }
}

TEST_P(PlantedTest, ConservedSeesInATotalAuditThatTheReportOfALeakIsGone) {
  leak_with_report();
  ASSERT_EQ(audit(), "");
  machine_.trace.clear();
  EXPECT_EQ(law_broken_by([&] { laws_.audit_everything(); }), "conserved");
}

TEST_P(PlantedTest, ALeakWithItsReportIsNoFinding) {
  leak_with_report();
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
  machine.areas.boot().fail_bitmap_of(1);
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
    free_lists_of(machine.buddy).take_block(zone, head);
    for (Pfn pfn = head; pfn < end; ++pfn)
      if (pfn != frame) free_lists_of(machine.buddy).free_one_block(zone, pfn, 0, Migratetype::movable);
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
    ASSERT_EQ(machine.areas.boot().declare_contiguous(request), 0);
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
    machine_.areas.boot().fail_bitmap_of(1);
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

TEST(LawsTest, AnAuditorThatBeginsAfreshFindsAsManyLeaksInAnotherMachine) {
  Ledger ledger;
  Auditor auditor(ledger);
  for (int machines = 0; machines < 2; ++machines) {
    Geometry g = default_small_geometry(Release::v6_1);
    g.areas.clear();
    const std::unique_ptr<Machine> machine = make_machine(g);
    Page& page = machine->map.edit(machine->buddy.alloc_pages(kGfpKernel, 0));
    page.ref = 0;
    page.flags = kPageLeaked;
    ledger.begin(machine->map.range(), machine->map.chunk_order());
    const std::string broken = broken_by([&] { auditor.begin_afresh(*machine); });
    EXPECT_TRUE(broken.ends_with("was leaked without a report")) << broken;
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

}  // namespace
}  // namespace cma
