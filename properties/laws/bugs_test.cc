// Historical faults, switched on and reached through real operations: which law sees which. The same operations on a
// machine without the fault break no law.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "properties/laws/checked_run.h"
#include "properties/laws/laws_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns the law that a script breaks with the bug. Without the bug it must break none.
template <class Script>
std::string law_against(Bug bug, const Geometry& geometry, Script script) {
  const auto run = [&](bool on) {
    WatchedMachine watched(geometry);
    if (on) watched.machine().bugs.switch_on(bug);
    const std::string broken = broken_by([&] {
      script(watched);
      watched.finish();
    });
    EXPECT_EQ(watched.machine().bugs.times_reached(bug) != 0, on);
    return broken;
  };
  EXPECT_EQ(run(false), "");
  const std::string broken = run(true);
  return broken.substr(0, broken.find(':'));
}

Geometry area_at(Release release, Pfn base, unsigned order_per_bit) {
  Geometry g = default_small_geometry(release);
  g.areas = {{"a", base, 256, order_per_bit}};
  return g;
}

TEST(BugsAndLaws, ContractSeesMaskExponent) {
  // 2^5 pages by bits of 2^1: the mask is 2^4 - 1, and was 2^(5 >> 1) - 1.
  const auto law = law_against(Bug::mask_exponent, default_small_geometry(Release::v4_19), [](WatchedMachine& watched) {
    watched.perform(watched.cma_alloc(1, 8, 0));
    watched.perform(watched.cma_alloc(1, 8, 5));
  });
  EXPECT_EQ(law, "contract");
}

TEST(BugsAndLaws, ContractSeesOffsetUpward) {
  // The base is 32 pages above a multiple of 128: the next such frame lies 96 pages up, not 32.
  Geometry g = area_at(Release::v6_1, 0x220, 0);
  const auto law =
      law_against(Bug::offset_upward, g, [](WatchedMachine& watched) { watched.perform(watched.cma_alloc(0, 8, 7)); });
  EXPECT_EQ(law, "contract");
}

TEST(BugsAndLaws, CompleteSeesContigNofs) {
  for (const Release release : modelled_releases()) {
    const auto law_of = [&](bool fault) {
      const std::string text =
          fmt::format("machine small release={}\n{}f = file\nr = read f at=a pages=256\nb = cma_alloc a pages=1\n",
                      name_of(release), fault ? "bug contig-nofs\n" : "");
      const auto program = parse(text, "contig-nofs");
      EXPECT_TRUE(program.has_value());
      CheckedRun run;
      const auto finding = run.find(*program);
      return finding ? std::string(name_of(finding->law)) : std::string();
    };
    EXPECT_EQ(law_of(false), "") << release;
    EXPECT_EQ(law_of(true), "complete") << release;
  }
}

TEST(BugsAndLaws, SoundSeesCountTruncated) {
  const auto law = law_against(
      Bug::count_truncated, default_small_geometry(Release::v4_19),
      [](WatchedMachine& watched) { watched.perform(watched.cma_alloc(0, (std::uint64_t{1} << 32) + 4, 0)); });
  EXPECT_EQ(law, "sound");
}

TEST(BugsAndLaws, CountersSeeMergeIntoIsolated) {
  // A pageblock of the area is isolated while the free one beside it comes back in pieces.
  const auto law =
      law_against(Bug::merge_into_isolated, default_small_geometry(Release::v4_19), [](WatchedMachine& watched) {
        Machine& machine = watched.machine();
        watched.perform(watched.cma_alloc(0, 256, 0));
        // Pageblocks 0x200 and 0x210 of one unit: the first is released and isolated, the second follows.
        watched.perform(watched.release_part(0, 0, 16));
        run_now(machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
        watched.start(1, watched.own(PageKind::anonymous, 0x200), Point::isolate_block);
        watched.start(2, watched.release_part(0, 16, 16));
        watched.finish();
        run_now(machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
        watched.laws().audit();
      });
  EXPECT_EQ(law, "counters");
}

TEST(BugsAndLaws, ConservedSeesSuccessReportedBusy) {
  // A page refuses until the last call gives it up, and its owner lets go before the test.
  const auto law =
      law_against(Bug::success_reported_busy, default_small_geometry(Release::v4_19), [](WatchedMachine& watched) {
        Machine& machine = watched.machine();
        for (int i = 0; i < 16; ++i) watched.perform(watched.own(PageKind::anonymous));
        watched.perform(watched.own(PageKind::movable_ops, 0x204));
        machine.owners.refuse(watched.owners.back(), -1, -11);
        watched.start(1, watched.cma_alloc(0, 16, 0), Point::contig_migrated);
        watched.start(2, watched.let_go(watched.owners.size() - 1));
      });
  EXPECT_EQ(law, "conserved");
}

TEST(BugsAndLaws, ConservedSeesSpeculativeLeak) {
  const auto law =
      law_against(Bug::speculative_leak, default_small_geometry(Release::v4_19), [](WatchedMachine& watched) {
        watched.perform(watched.alloc_pages(kGfpKernel, 2));
        watched.pin(watched.blocks[0].pfn);
        watched.perform(watched.free_pages(0));
        watched.perform(watched.unpin(0));
      });
  EXPECT_EQ(law, "conserved");
}

// A pageblock inside a free block is isolated, and the block claimed for another type before it is split there.
TEST(BugsAndLaws, CountersSeeStealEndsIsolation) {
  const auto law =
      law_against(Bug::steal_ends_isolation, default_small_geometry(Release::v6_1), [](WatchedMachine& watched) {
        watched.start(1, watched.own(PageKind::anonymous, 0x1c), Point::isolate_peek);
        watched.start(2, watched.alloc_pages(kGfpKernel, 0));
      });
  EXPECT_EQ(law, "counters");
}

// The area's base is a multiple of 64 pages only, and the request asks for 128.
TEST(BugsAndLaws, ContractSeesRegionRelative) {
  const Geometry g = area_at(Release::v3_6, 0x240, 0);
  const auto law = law_against(Bug::region_relative, g,
                               [](WatchedMachine& watched) { watched.perform(watched.cma_alloc(0, 8, 7)); });
  EXPECT_EQ(law, "contract");
}

TEST(BugsAndLaws, CountersSeeIsolatedCounted) {
  const auto law =
      law_against(Bug::isolated_counted, default_small_geometry(Release::v3_6), [](WatchedMachine& watched) {
        watched.start(1, watched.cma_alloc(0, 8, 0), Point::isolate_done);
        watched.laws().audit();
      });
  EXPECT_EQ(law, "counters");
}

// A page waits in the pagevec of another CPU.
TEST(BugsAndLaws, CompleteSeesLocalDrainOnly) {
  const auto law =
      law_against(Bug::local_drain_only, default_small_geometry(Release::v3_6), [](WatchedMachine& watched) {
        for (int i = 0; i < 14; ++i) watched.perform(watched.own(PageKind::anonymous));
        watched.start(1, watched.own(PageKind::anonymous, 0x210));
        watched.perform(watched.cma_alloc(0, 256, 0));
      });
  EXPECT_EQ(law, "complete");
}

// Returns the law that a program breaks; empty if none.
std::string law_broken_by_program(const std::string& text) {
  const auto program = parse(text, "contended");
  EXPECT_TRUE(program) << program.error().text();
  CheckedRun checked;
  const RunResult result = checked.run(*program);
  EXPECT_EQ(checked.laws().contended().size(), 1U) << "the call was disturbed";
  return result.finding ? std::string(name_of(result.finding->law)) : "";
}

// The call fails while a process is in the middle of a fault, which is allowed. At the end the process is done, its
// page is on the LRU or in a pagevec of its CPU, and a failure is no longer allowed.
TEST(BugsAndLaws, CompleteSeesWhatAContendedCallLeftBehind) {
  const std::string program =
      "actor A cpu=0\nactor B cpu=1\nothers = shmem_page pages=100\ndrain\np = spawn\n"
      "B: v = mmap_anon p pages=1 at=a+8 until=fault_allocated\nA: w = cma_alloc a pages=256\nexpect w.failed\n";
  EXPECT_EQ(law_broken_by_program("machine small release=3.6\n" + program), "");
  EXPECT_EQ(law_broken_by_program("machine small release=3.6\nbug local-drain-only\n" + program), "complete");
  for (const char* release : {"4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"})
    EXPECT_EQ(law_broken_by_program(std::string("machine small release=") + release + "\n" + program), "") << release;
}

// One task is about to migrate when another isolates the same unit.
TEST(BugsAndLaws, CountersSeeTwoIsolators) {
  const auto law = law_against(Bug::two_isolators, default_small_geometry(Release::v4_9), [](WatchedMachine& watched) {
    watched.start(1, watched.cma_alloc(0, 8, 0), Point::isolate_done);
    run_now(watched.machine().isolation.start_isolate_page_range(0x200, 0x240, Migratetype::movable));
    watched.laws().audit();
  });
  EXPECT_EQ(law, "counters");
}

// Returns the law that a program breaks with `bugs` switched on; empty if none.
std::string law_with(const std::string& release, const std::string& bugs, const std::string& operations) {
  const auto program = parse("machine small release=" + release + "\n" + bugs +
                                 "actor A cpu=0\nactor B cpu=1\nothers = shmem_page pages=100\n" + operations,
                             "ranges");
  EXPECT_TRUE(program) << program.error().text();
  CheckedRun checked;
  const RunResult result = checked.run(*program);
  return result.finding ? std::string(name_of(result.finding->law)) : "";
}

// One task has isolated a unit, another is refused a range of it.
TEST(BugsAndLaws, RestoredSeesFailedStartUndoes) {
  const std::string program =
      "A: w = cma_alloc a pages=8 until=isolate_done\nB: g = alloc_range at=a+8 pages=4\nexpect g == -EBUSY\n";
  for (const char* release : {"3.6", "6.1", "6.12"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    EXPECT_EQ(law_with(release, "bug failed-start-undoes\n", program), "restored") << release;
  }
}

TEST(BugsAndLaws, PolicySeesAreaGivenAway) {
  const std::string program = "g = alloc_range at=a+8 pages=4\n";
  for (const char* release : {"3.6", "4.9", "4.19"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    const std::string law = law_with(release, "bug area-given-away\n", program);
    EXPECT_EQ(law, "policy") << release;
  }
}

// A unit whose first pageblock begins with a hole, and whose last is refused.
TEST(BugsAndLaws, RestoredSeesUndoSkipsHole) {
  const std::string program = "u = unmovable_page at=0x138\ng = alloc_range at=0x110 pages=8\nexpect g == -EBUSY\n";
  for (const char* release : {"4.19", "5.10"}) {
    EXPECT_EQ(law_with(release, "hole base=0x100 pages=4\n", program), "") << release;
    EXPECT_EQ(law_with(release, "hole base=0x100 pages=4\nbug undo-skips-hole\n", program), "restored") << release;
  }
}

// One pageblock of a unit is isolated when it and its buddy are freed.
TEST(BugsAndLaws, CountersSeeMergeFromIsolated) {
  const std::string program =
      "g = alloc_range at=0x100 pages=16\nh = alloc_range at=0x110 pages=48\n"
      "A: again = alloc_range at=0x100 pages=64 until=isolate_block\nB: free_range g\nB: free_range h\n"
      "B: drain_pages\n";
  EXPECT_EQ(law_with("3.6", "", program), "");
  EXPECT_EQ(law_with("3.6", "bug merge-from-isolated\n", program), "counters");
}

// The type is read while the unit is isolated, the page freed afterwards.
TEST(BugsAndLaws, ListsSeeFreeStaleType) {
  const std::string program =
      "g = alloc_range at=0x100 pages=4\nA: h = alloc_range at=0x110 pages=4 until=isolate_done\n"
      "B: free_range g until=free_page_prepared\nA: resume\nB: resume\n";
  EXPECT_EQ(law_with("3.6", "", program), "");
  EXPECT_EQ(law_with("3.6", "bug free-stale-type\n", program), "lists");
}

// One task has dropped its reference on a block, and the other one frees it before the first looks at it again. What
// the reference was taken by has been given back by then, and still stands for the frame.
TEST(BugsAndLaws, ConservedSeesHeadReadLate) {
  const auto program = [](const std::string& type) {
    return "k = alloc_pages order=2 type=unmovable" + type + "\nget_page k\nA: free_pages k until=put_page_dropped\n" +
           "B: put_page k\nA: resume\n";
  };
  for (const char* release : {"5.10", "5.15", "6.1"}) {
    EXPECT_EQ(law_with(release, "", program(" comp")), "") << release;
    EXPECT_EQ(law_with(release, "bug head-read-late\n", program(" comp")), "conserved") << release;
    EXPECT_EQ(law_with(release, "bug head-read-late\n", program("")), "") << release;
  }
}

// A page of a file with a buffer moves out of a window.
TEST(BugsAndLaws, ContentSeesBufferStaysBehind) {
  const std::string program = "f = file ordered\np = read f at=a pages=1\nbh_hold p\ndrain\ncma_alloc a pages=4\n";
  for (const char* release : {"3.6", "4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    EXPECT_EQ(law_with(release, "bug buffer-stays-behind\n", program), "content") << release;
  }
}

// A page of a file moves between a write and its writeback.
TEST(BugsAndLaws, ContentSeesMoveForgetsDirty) {
  const std::string program = "f = file ordered\np = read f at=a pages=1\nbh_dirty p\ndrain\ncma_alloc a pages=4\n";
  for (const char* release : {"3.6", "4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    EXPECT_EQ(law_with(release, "bug move-forgets-dirty\n", program), "content") << release;
  }
}

// A process forks while its page moves.
TEST(BugsAndLaws, ContentSeesForkEntryWritable) {
  const std::string program =
      "p = spawn\nv = mmap_anon p pages=1 at=a\ndrain\nA: w = cma_alloc a pages=4 until=migrate_unmapped\n"
      "B: q = fork p\nA: resume\n";
  for (const char* release : {"3.6", "4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    EXPECT_EQ(law_with(release, "bug fork-entry-writable\n", program), "content") << release;
  }
}

TEST(BugsAndLaws, ConservedSeesFailedAreaLosesFrame) {
  for (const Release release : {Release::v6_1, Release::v6_12})
    for (const bool on : {false, true}) {
      Program program;
      program.machine = default_small_geometry(release);
      if (on) program.machine.bugs.switch_on(Bug::failed_area_loses_frame);
      program.failing_bitmaps = {0};
      CheckedRun checked;
      const std::optional<Finding> finding = checked.find(program);
      EXPECT_EQ(finding ? name_of(finding->law) : "", on ? "conserved" : "") << name_of(release);
    }
}

// Pages of one type are on a CPU's lists, and the drain begins with those of another.
TEST(BugsAndLaws, BoundedSeesDrainStaysOnList) {
  const std::string program = "k = alloc_pages type=reclaimable\nfree_pages k\ndrain_pages\n";
  for (const char* release : {"3.6", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"}) {
    EXPECT_EQ(law_with(release, "", program), "") << release;
    EXPECT_EQ(law_with(release, "bug drain-stays-on-list\n", program), "bounded") << release;
  }
}

// --- requests for pages ---

// Returns the law that a program breaks on a small machine of which boot keeps the first `kept` frames. Without the bug
// it must break none.
std::string law_of_request(Bug bug, Release release, const std::string& machine, Pfn kept,
                           const std::string& operations) {
  const auto run = [&](bool on) {
    auto program = parse("machine small release=" + name_of(release) + " " + machine +
                             fmt::format("\nreserved base=0x0 pages={:#x}\n", kept) + operations,
                         "requests");
    EXPECT_TRUE(program) << program.error().text();
    if (on) program->machine.bugs.switch_on(bug);
    CheckedRun checked;
    const RunResult result = checked.run(*program);
    return result.finding ? std::string(name_of(result.finding->law)) : "";
  };
  EXPECT_EQ(run(false), "");
  return run(true);
}

// 16 pages are free outside areas, and 32 must stay.
TEST(BugsAndLaws, GrantedSeesWatermarkWithAreas) {
  EXPECT_EQ(law_of_request(Bug::watermark_with_areas, Release::v3_6, "min_free_kbytes=128", 0x1f0,
                           "x1 = alloc_pages type=unmovable\n"),
            "granted");
}

// Blocks of 16 pages are free outside areas, and 30 pages in smaller blocks inside.
TEST(BugsAndLaws, GrantedSeesWatermarkAreasTwice) {
  EXPECT_EQ(law_of_request(Bug::watermark_areas_twice, Release::v3_6, "min_free_kbytes=16", 0x1e0,
                           "b1 = cma_alloc a pages=256\nb2 = cma_alloc b pages=256\n"
                           "cma_release b1 from=1 pages=15\ncma_release b1 from=17 pages=15\ndrain_pages\n"
                           "x1 = alloc_pages order=4 type=unmovable\n"),
            "granted");
}

// The reserve is all that is free outside areas.
TEST(BugsAndLaws, GrantedSeesAtomicPageRefused) {
  EXPECT_EQ(law_of_request(Bug::atomic_page_refused, Release::v6_1, "min_free_kbytes=64", 0x1f0,
                           "x1 = alloc_pages order=1 type=unmovable atomic\nx2 = alloc_pages type=unmovable atomic\n"),
            "granted");
}

// 16 pages are free outside areas, and 32 must stay.
TEST(BugsAndLaws, GrantedSeesNoreclaimLikeOthers) {
  EXPECT_EQ(law_of_request(Bug::noreclaim_like_others, Release::v6_1, "min_free_kbytes=128", 0x1f0,
                           "x1 = alloc_pages type=unmovable scope=noreclaim\n"),
            "granted");
}

TEST(BugsAndLaws, GrantedSeesNomemallocIgnored) {
  EXPECT_EQ(law_of_request(Bug::nomemalloc_ignored, Release::v6_1, "min_free_kbytes=128", 0x1f0,
                           "x1 = alloc_pages gfp=GFP_KERNEL|__GFP_NOMEMALLOC scope=noreclaim\n"),
            "granted");
}

// 24 pages are free outside areas. 32 must stay, of which a victim may have half.
TEST(BugsAndLaws, GrantedSeesVictimLikeOthers) {
  EXPECT_EQ(law_of_request(Bug::victim_like_others, Release::v4_19, "min_free_kbytes=128", 0x1e8,
                           "x1 = alloc_pages type=unmovable scope=victim\n"),
            "granted");
}

// 24 pages are free outside areas. 32 must stay, of which a real-time task may have half.
TEST(BugsAndLaws, GrantedSeesRealtimeLikeOthers) {
  EXPECT_EQ(law_of_request(Bug::realtime_like_others, Release::v6_1, "min_free_kbytes=128", 0x1e8,
                           "x1 = alloc_pages type=unmovable scope=realtime\n"),
            "granted");
}

// 16 pages are free on node 0, and more on node 1.
TEST(BugsAndLaws, GrantedSeesThisnodeIgnored) {
  EXPECT_EQ(law_of_request(Bug::thisnode_ignored, Release::v6_1, "", 0x1f0,
                           "zone Normal base=0x0 pages=0x200\nzone Normal base=0x200 pages=0x200 node=1\n"
                           "x1 = alloc_pages order=5 gfp=GFP_HIGHUSER_MOVABLE|__GFP_THISNODE\n"),
            "granted");
}

// Zone Normal has no free pageblock, and DMA32 has one.
TEST(BugsAndLaws, GrantedSeesFragmentsFirst) {
  EXPECT_EQ(law_of_request(Bug::fragments_first, Release::v6_1, "min_free_kbytes=0", 0x1e0,
                           "zone DMA32 base=0x0 pages=0x1f8\nzone Normal base=0x1f8 pages=0x208\n"
                           "x1 = alloc_pages type=unmovable\n"),
            "granted");
}

// A reference keeps the page in its area, so the pin fails.
TEST(BugsAndLaws, GrantedSeesPinScopeKept) {
  EXPECT_EQ(law_of_request(Bug::pin_scope_kept, Release::v6_1, "", 0x10,
                           "p = spawn\nv = mmap_anon p pages=1 at=a+8\nget_page a+8\nk = pin_longterm v\n"
                           "x1 = alloc_pages type=movable\n"),
            "granted");
}

// A write for the pin copies a page that is shared since a fork. The first mapping's page came with another of an area.
TEST(BugsAndLaws, PolicySeesPagesOfAreasGivenToATaskThatPins) {
  const std::string program = "p = spawn\nv = mmap_anon p pages=1\nq = fork p\n";
  EXPECT_EQ(law_of_request(Bug::nocma_from_pcp, Release::v5_10, "", 0x1c0, program + "k = pin_longterm v\n"), "policy");
  EXPECT_EQ(law_of_request(Bug::nocma_slow_path_only, Release::v5_10, "", 0x1c0,
                           program + "drain_pages\nk = pin_longterm v\n"),
            "policy");
}

TEST(BugsAndLaws, PolicySeesHugePagesMixed) {
  EXPECT_EQ(law_of_request(Bug::huge_pages_mixed, Release::v6_1, "thp=on", 0x1c0,
                           "x1 = alloc_pages order=4 type=movable\nfree_pages x1\n"
                           "x2 = alloc_pages order=4 type=unmovable\n"),
            "policy");
}

TEST(BugsAndLaws, PolicySeesPinStays) {
  EXPECT_EQ(law_of_request(Bug::pin_stays, Release::v6_1, "", 0x10,
                           "p = spawn\nv = mmap_anon p pages=1 at=a+8\nk = pin_longterm v\n"),
            "policy");
}

TEST(BugsAndLaws, PolicySeesReserveToAnyone) {
  EXPECT_EQ(law_of_request(Bug::reserve_to_anyone, Release::v4_19, "min_free_kbytes=16 extra_free_kbytes=400", 0x1c0,
                           "x1 = alloc_pages order=1 type=unmovable atomic\nx2 = alloc_pages order=1 type=unmovable\n"),
            "policy");
}

// 1 % of the zone is less than a pageblock, so the reserve may have two.
TEST(BugsAndLaws, PolicySeesReserveFallsShort) {
  EXPECT_EQ(law_of_request(Bug::reserve_falls_short, Release::v4_19, "min_free_kbytes=160", 0x1c0,
                           "x1 = alloc_pages order=4 type=unmovable atomic\n"
                           "x2 = alloc_pages order=4 type=unmovable atomic\n"),
            "policy");
}

// A page waits on a per-CPU list while the rest of its pageblock is reserved, and is freed to the list of its old type.
TEST(BugsAndLaws, CountersSeeStealTakesReserve) {
  EXPECT_EQ(law_of_request(Bug::steal_takes_reserve, Release::v4_9, "min_free_kbytes=44", 0x1f0,
                           "x1 = alloc_pages type=unmovable\nx2 = alloc_pages order=1 type=unmovable atomic\n"
                           "drain_pages\nx3 = alloc_pages type=reclaimable\n"),
            "counters");
}

TEST(BugsAndLaws, CountersSeeReserveUncounted) {
  EXPECT_EQ(law_of_request(Bug::reserve_uncounted, Release::v6_1, "min_free_kbytes=160", 0x1c0,
                           "x1 = alloc_pages order=4 type=unmovable atomic\n"),
            "counters");
}

TEST(BugsAndLaws, CountersSeeReserveWithoutLimit) {
  EXPECT_EQ(law_of_request(Bug::reserve_without_limit, Release::v4_19, "min_free_kbytes=160", 0x1c0,
                           "x1 = alloc_pages order=4 type=unmovable atomic\n"
                           "x2 = alloc_pages order=4 type=unmovable atomic\n"
                           "x3 = alloc_pages order=4 type=unmovable atomic\n"),
            "counters");
}

// A window with more pages to move than the rest of the machine has on its LRU lists.
TEST(BugsAndLaws, CompleteSeesThrottleIsSignal) {
  const auto law =
      law_against(Bug::throttle_is_signal, default_small_geometry(Release::v5_10), [](WatchedMachine& watched) {
        for (Pfn pfn : {0x200U, 0x201U, 0x210U, 0x211U}) watched.perform(watched.own(PageKind::anonymous, pfn));
        run_now(watched.machine().lru.drain().add_drain_all());
        watched.perform(watched.cma_alloc(0, 256, 0));
      });
  EXPECT_EQ(law, "complete");
}

TEST(BugsAndLaws, BitmapSeesTheForgottenBit) {
  const auto law = law_against(Bug::bitmap_forgets_bit, default_small_geometry(Release::v6_1),
                               [](WatchedMachine& watched) { watched.perform(watched.cma_alloc(0, 4, 0)); });
  EXPECT_EQ(law, "bitmap");
}

TEST(BugsAndLaws, ViewsSeeDebugBitmapSizeWhenTheFileIsRead) {
  for (const char* reading : {"cat cma/b/maxchunk", "expect cat cma/b/maxchunk \"512\"", "cat cma/b/used"}) {
    auto program = parse(std::string("machine small release=6.1\n") + reading + "\n", "reading");
    ASSERT_TRUE(program);
    program->machine.bugs.switch_on(Bug::debug_bitmap_size);
    CheckedRun checked;
    const std::optional<Finding> finding = checked.find(*program);
    const bool wrong = std::string_view(reading).find("maxchunk") != std::string_view::npos;
    EXPECT_EQ(finding ? finding->signature() : "", wrong ? "views/cma_maxchunk_get/-" : "") << reading;
  }
}

// The LRU has only pages in two pageblocks of the window. After the first two are isolated the scan waits until fewer
// are. The interpreter sees that nothing will ever change.
TEST(BugsAndLaws, BoundedSeesThrottleOwnPages) {
  for (const bool on : {false, true}) {
    auto program = parse(
        "machine small release=4.19\nn1 = anon_page at=a+0x2 pages=2\nn2 = anon_page at=a+0x12 pages=2\ndrain_lru\n"
        "cma_alloc a pages=64 align=6\n",
        "throttled");
    ASSERT_TRUE(program);
    if (on) program->machine.bugs.switch_on(Bug::throttle_own_pages);
    CheckedRun checked;
    const std::optional<Finding> finding = checked.find(*program);
    EXPECT_EQ(finding ? finding->signature() : "", on ? "bounded/isolate_migratepages_block/sleep" : "");
    EXPECT_EQ(checked.machine().bugs.times_reached(Bug::throttle_own_pages) != 0, on);
  }
}

// An area whose activation failed, asked for a buffer.
TEST(BugsAndLaws, SoundSeesInactiveAlloc) {
  for (const bool on : {false, true}) {
    Geometry g = default_small_geometry(Release::v6_1);
    if (on) g.bugs.switch_on(Bug::inactive_alloc);
    Machine machine(g);
    machine.areas.boot().fail_bitmap_of(0);
    Laws laws;
    laws.program_begins(machine);
    machine.finish_boot();
    laws.booted(machine);
    const std::string law = law_broken_by([&] {
      laws.alloc_begins(0, 4, 0);
      static_cast<void>(run_now(machine.areas.cma_alloc(0, 4, 0, Warn::yes)));
      laws.alloc_failed(0, 4, 0);
      laws.op_performed(machine, 0);
    });
    EXPECT_EQ(law, on ? "sound" : "");
  }
}

// An area after one that could not be activated, asked for a buffer. The initcall ended there from 3.17 to 5.8. Since
// 5.9 a failed area gives its frames back; such an end leaves them reserved, and breaks law `conserved` at boot.
TEST(BugsAndLaws, SoundSeesNeverActivated) {
  for (const Release release : {Release::v4_9, Release::v4_19, Release::v6_12})
    for (const bool on : {false, true}) {
      auto program =
          parse(fmt::format("machine small release={}\nzone DMA32 base=0 pages=592\nzone Normal base=592 pages=432\n"
                            "b1 = cma_alloc b pages=4\n",
                            name_of(release)),
                "test");
      ASSERT_TRUE(program) << program.error().text();
      if (on) program->machine.bugs.switch_on(Bug::never_activated);
      CheckedRun checked;
      const std::optional<Finding> finding = checked.find(*program);
      const bool asks = release < Release::v5_9;
      EXPECT_EQ(finding ? std::string(name_of(finding->law)) : "", !on    ? ""
                                                                   : asks ? "sound"
                                                                          : "conserved")
          << name_of(release);
      EXPECT_EQ(checked.machine().bugs.times_reached(Bug::never_activated) != 0, on && asks);
    }
}

// A window fails for a pinned page after its first unit, all of which is one free block. Giving that unit back begins
// with its first pageblock, and puts the whole block on the list of the area; a page is taken from it before the other
// pageblocks follow.
class UndoWindow : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, UndoWindow, ::testing::Values(Release::v4_19, Release::v6_1));

TEST_P(UndoWindow, CountersSeeUndoCountsTwice) {
  Geometry g = default_small_geometry(GetParam());
  g.memory = {0, 256};
  g.areas = {{"a", 128, 128, 0}};
  const auto law = law_against(Bug::undo_counts_twice, g, [](WatchedMachine& watched) {
    watched.perform(watched.cma_alloc(0, 65, 0));
    watched.perform(watched.cma_alloc(0, 63, 0));
    watched.perform(watched.alloc_pages(kGfpHighuserMovable, 6));
    watched.pin(128 + 64);
    watched.perform(watched.cma_release(0));
    run_now(watched.machine().buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    // Nothing else is free from here on.
    watched.perform(watched.alloc_pages(kGfpHighuserMovable, 6));
    watched.start(1, watched.cma_alloc(0, 65, 0), Point::undo_block);
    watched.start(2, watched.alloc_pages(kGfpHighuserMovable, 0));
  });
  EXPECT_EQ(law, "counters");
}

}  // namespace
}  // namespace cma
