#include "allocator/trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/gfp.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t minus(std::int64_t error) { return static_cast<std::uint64_t>(-error); }

struct Line {
  Record record;
  const char* v4_19;  // nullptr: the release has no such line
  const char* v6_1;
};

Record record(Event event, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0, std::uint64_t d = 0) {
  Record r;
  r.event = event;
  r.a = a;
  r.b = b;
  r.c = c;
  r.d = d;
  return r;
}

constexpr std::uint64_t kFinished = FinishedAlloc{.align = 8, .success = true}.pack();
constexpr std::uint64_t kTypes = AskedAndSource{.asked = 0, .source = 1}.pack();

const Line kLines[] = {
    // The kernel log.
    {record(Event::log_cma_alloc, 0, 148, 8), "cma: cma_alloc(cma (ptrval), count 148, align 8)",
     "cma: cma_alloc(cma (ptrval), count 148, align 8)"},
    {record(Event::log_cma_busy_retrying), "cma: cma_alloc(): memory range at (ptrval) is busy, retrying",
     "cma: cma_alloc(): memory range at (ptrval) is busy, retrying"},
    {record(Event::log_cma_returned, 0x10000), "cma: cma_alloc(): returned (ptrval)",
     "cma: cma_alloc(): returned (ptrval)"},
    {record(Event::log_cma_returned, kNoPfn), "cma: cma_alloc(): returned           (null)",
     "cma: cma_alloc(): returned 0000000000000000"},
    {record(Event::log_cma_release, 0x10000, 148), "cma: cma_release(page (ptrval))",
     "cma: cma_release(page (ptrval), count 148)"},
    {record(Event::log_cma_pages_valid, 0x1, 3), nullptr, "cma: cma_pages_valid(page (ptrval), count 3)"},
    {record(Event::log_cma_alloc_failed, 1, 300, minus(16)),
     "cma: cma_alloc: alloc failed, req-size: 300 pages, ret: -16",
     "cma: cma_alloc: camera: alloc failed, req-size: 300 pages, ret: -16"},
    {record(Event::log_pfns_busy, 0xc3400, 0xc51aa), "alloc_contig_range: [c3400, c51aa) PFNs busy", nullptr},
    {record(Event::log_still_in_use, 2), "2 pages are still in use!", "2 pages are still in use!"},
    // Areas.
    {record(Event::cma_alloc, 0x10000, 148, 8, 1), "cma_alloc: pfn=10000 page=(ptrval) count=148 align=8", nullptr},
    {record(Event::cma_alloc, kNoPfn, 1, 0, 0), "cma_alloc: pfn=ffffffffffffffff page=(null) count=1 align=0", nullptr},
    {record(Event::cma_alloc, 0x10100, 148, 8, 0), "cma_alloc: pfn=10100 page=(null) count=148 align=8", nullptr},
    {record(Event::cma_alloc_start, 1, 148, 8), nullptr, "cma_alloc_start: name=camera count=148 align=8"},
    {record(Event::cma_alloc_busy_retry, 1, 0x10100, 148, 8), nullptr,
     "cma_alloc_busy_retry: name=camera pfn=0x10100 page=(ptrval) count=148 align=8"},
    {record(Event::cma_alloc_finish, 1, 0x10200, 148, kFinished), nullptr,
     "cma_alloc_finish: name=camera pfn=0x10200 page=(ptrval) count=148 align=8"},
    {record(Event::cma_alloc_finish, 0, kNoPfn, 1, 0), nullptr,
     "cma_alloc_finish: name=main pfn=0xffffffffffffffff page=0000000000000000 count=1 align=0"},
    {record(Event::cma_release, 0, 0x10000, 148), "cma_release: pfn=10000 page=(ptrval) count=148",
     "cma_release: name=main pfn=0x10000 page=(ptrval) count=148"},
    // The contiguous path.
    {record(Event::test_pages_isolated, 0xc2400, 0xc41aa, 0xc41aa),
     "test_pages_isolated: start_pfn=0xc2400 end_pfn=0xc41aa fin_pfn=0xc41aa ret=success",
     "test_pages_isolated: start_pfn=0xc2400 end_pfn=0xc41aa fin_pfn=0xc41aa ret=success"},
    {record(Event::test_pages_isolated, 0xc3dc0, 0xc3de4, 0xc3dc2),
     "test_pages_isolated: start_pfn=0xc3dc0 end_pfn=0xc3de4 fin_pfn=0xc3dc2 ret=fail",
     "test_pages_isolated: start_pfn=0xc3dc0 end_pfn=0xc3de4 fin_pfn=0xc3dc2 ret=fail"},
    {record(Event::mm_migrate_pages, 31, 1, 2),
     "mm_migrate_pages: nr_succeeded=31 nr_failed=1 mode=MIGRATE_SYNC reason=contig_range",
     "mm_migrate_pages: nr_succeeded=31 nr_failed=1 nr_thp_succeeded=0 nr_thp_failed=0 nr_thp_split=0 "
     "mode=MIGRATE_SYNC reason=contig_range"},
    {record(Event::isolate_migratepages, 0x10000, 0x10020, 32, 4),
     "mm_compaction_isolate_migratepages: range=(0x10000 ~ 0x10020) nr_scanned=32 nr_taken=4",
     "mm_compaction_isolate_migratepages: range=(0x10000 ~ 0x10020) nr_scanned=32 nr_taken=4"},
    {record(Event::isolate_freepages, 0x10000, 0x10200, 2, 512),
     "mm_compaction_isolate_freepages: range=(0x10000 ~ 0x10200) nr_scanned=2 nr_taken=512",
     "mm_compaction_isolate_freepages: range=(0x10000 ~ 0x10200) nr_scanned=2 nr_taken=512"},
    // Single pages.
    {record(Event::mm_page_alloc, 0x1234, 3, 0, kGfpAtomic | kGfpComp),
     "mm_page_alloc: page=(ptrval) pfn=4660 order=3 migratetype=0 gfp_flags=GFP_ATOMIC|__GFP_COMP",
     "mm_page_alloc: page=(ptrval) pfn=0x1234 order=3 migratetype=0 gfp_flags=GFP_ATOMIC|__GFP_COMP"},
    {record(Event::mm_page_alloc, kNoPfn, 0, 1, kGfpHighuserMovable),
     "mm_page_alloc: page=(null) pfn=0 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE",
     "mm_page_alloc: page=0000000000000000 pfn=0x0 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE"},
    {record(Event::mm_page_free, 0x20, 1), "mm_page_free: page=(ptrval) pfn=32 order=1",
     "mm_page_free: page=(ptrval) pfn=0x20 order=1"},
    {record(Event::mm_page_pcpu_drain, 0x20, 0, 4), "mm_page_pcpu_drain: page=(ptrval) pfn=32 order=0 migratetype=4",
     "mm_page_pcpu_drain: page=(ptrval) pfn=0x20 order=0 migratetype=4"},
    {record(Event::mm_page_alloc_zone_locked, 0x20, 0, 1, 1),
     "mm_page_alloc_zone_locked: page=(ptrval) pfn=32 order=0 migratetype=1 percpu_refill=1",
     "mm_page_alloc_zone_locked: page=(ptrval) pfn=0x20 order=0 migratetype=1 percpu_refill=1"},
    {record(Event::mm_page_alloc_extfrag, 0x40, AskedAndSource{.asked = 0, .source = 4}.pack(), kTypes, 0),
     "mm_page_alloc_extfrag: page=(ptrval) pfn=64 alloc_order=0 fallback_order=4 pageblock_order=9 alloc_migratetype=0 "
     "fallback_migratetype=1 fragmenting=1 change_ownership=0",
     "mm_page_alloc_extfrag: page=(ptrval) pfn=0x40 alloc_order=0 fallback_order=4 pageblock_order=9 "
     "alloc_migratetype=0 fallback_migratetype=1 fragmenting=1 change_ownership=0"},
    {record(Event::mm_page_alloc_extfrag, 0x400, AskedAndSource{.asked = 0, .source = 10}.pack(), kTypes, 1),
     "mm_page_alloc_extfrag: page=(ptrval) pfn=1024 alloc_order=0 fallback_order=10 pageblock_order=9 "
     "alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1",
     nullptr},
};

class TraceTest : public ::testing::TestWithParam<Release> {
 protected:
  TraceTest() {
    trace.add_area("main");
    trace.add_area("camera");
  }
  std::vector<std::string> all() const {
    std::vector<std::string> lines;
    for (const Record& r : trace.records()) lines.push_back(trace.format(r));
    return lines;
  }

  Engine engine{1};
  Trace trace{engine, GetParam(), 9, true};
};

INSTANTIATE_TEST_SUITE_P(Releases, TraceTest, ::testing::Values(Release::v4_19, Release::v6_1));

TEST(TraceOf4_9, MigrationGivesItsOldReasonAndFlagsHaveTheirOldNames) {
  Engine engine{1};
  Trace trace{engine, Release::v4_9, 9, true};
  EXPECT_EQ(trace.format(record(Event::mm_migrate_pages, 31, 1, 2)),
            "mm_migrate_pages: nr_succeeded=31 nr_failed=1 mode=MIGRATE_SYNC reason=cma");
  EXPECT_EQ(gfp_text(kGfpMigrationTarget, Release::v4_9), "GFP_USER|__GFP_REPEAT|__GFP_MOVABLE");
}

TEST(TraceOf5_10, AreasHaveTheTracepointsOf4_1AndNullItsSixteenDigits) {
  Engine engine{1};
  Trace trace{engine, Release::v5_10, 9, true};
  EXPECT_EQ(trace.format(record(Event::cma_alloc, kNoPfn, 1, 0, 0)),
            "cma_alloc: pfn=ffffffffffffffff page=0000000000000000 count=1 align=0");
  EXPECT_EQ(trace.format(record(Event::mm_migrate_pages, 31, 1, 2)),
            "mm_migrate_pages: nr_succeeded=31 nr_failed=1 nr_thp_succeeded=0 nr_thp_failed=0 nr_thp_split=0 "
            "mode=MIGRATE_SYNC reason=contig_range");
}

TEST(TraceOf6_12, TheEndOfARequestHasItsError) {
  Engine engine{1};
  Trace trace{engine, Release::v6_12, 9, true};
  trace.add_area("main");
  const std::string begin = "cma_alloc_finish: name=main pfn=";
  EXPECT_EQ(trace.format(record(Event::cma_alloc_finish, 0, 0x10200, 148, kFinished)),
            begin + "0x10200 page=(ptrval) count=148 align=8 errorno=0");
  const std::uint64_t busy = FinishedAlloc{.align = 8, .success = false, .error = 16}.pack();
  EXPECT_EQ(trace.format(record(Event::cma_alloc_finish, 0, 0x10300, 148, busy)),
            begin + "0x10300 page=0000000000000000 count=148 align=8 errorno=-16");
}

// The line as `release` prints it, in a machine whose only area is "main".
std::string line_of(Release release, const Record& r) {
  Engine engine{1};
  Trace trace{engine, release, 9, true};
  trace.add_area("main");
  return trace.format(r);
}

TEST(TraceOfAnyVersion, ALineChangesWithTheVersionThatChangedIt) {
  const Record released = record(Event::log_cma_release, 0x10000, 148);
  EXPECT_EQ(line_of(Release::v3_16, released), "cma: dma_release_from_contiguous(page ffffea0000400000)");
  EXPECT_EQ(line_of(Release::v3_17, released), "cma: cma_release(page ffffea0000400000)");
  EXPECT_EQ(line_of(Release::v5_10, released), "cma: cma_release(page (ptrval))");
  EXPECT_EQ(line_of(Release::v5_11, released), "cma: cma_release(page (ptrval), count 148)");

  const Record called = record(Event::log_cma_alloc, 0, 148, 8);
  EXPECT_EQ(line_of(Release::v6_1, called), "cma: cma_alloc(cma (ptrval), count 148, align 8)");
  EXPECT_EQ(line_of(Release::v6_2, called), "cma: cma_alloc(cma (ptrval), name: main, count 148, align 8)");
  const Record busy = record(Event::log_cma_busy_retrying, 0x10020);
  EXPECT_EQ(line_of(Release::v6_1, busy), "cma: cma_alloc(): memory range at (ptrval) is busy, retrying");
  EXPECT_EQ(line_of(Release::v6_2, busy), "cma: cma_alloc(): memory range at pfn 0x10020 (ptrval) is busy, retrying");

  const Record failed = record(Event::log_cma_alloc_failed, 0, 3, minus(12));
  EXPECT_EQ(line_of(Release::v5_11, failed), "cma: cma_alloc: alloc failed, req-size: 3 pages, ret: -12");
  EXPECT_EQ(line_of(Release::v5_12, failed), "cma: cma_alloc: main: alloc failed, req-size: 3 pages, ret: -12");
  EXPECT_EQ(line_of(Release::v6_12, failed), "cma: __cma_alloc: main: alloc failed, req-size: 3 pages, ret: -12");

  const Record retried = record(Event::cma_alloc_busy_retry, 0, 0x10, 2, 0);
  EXPECT_EQ(line_of(Release::v5_13, retried), "cma_alloc_busy_retry: name=main pfn=10 page=(ptrval) count=2 align=0");
  EXPECT_EQ(line_of(Release::v5_14, retried), "cma_alloc_busy_retry: name=main pfn=0x10 page=(ptrval) count=2 align=0");

  const Record freed = record(Event::mm_page_free, 0x10, 1);
  EXPECT_EQ(line_of(Release::v5_13, freed), "mm_page_free: page=(ptrval) pfn=16 order=1");
  EXPECT_EQ(line_of(Release::v5_14, freed), "mm_page_free: page=(ptrval) pfn=0x10 order=1");

  const Record scanned = record(Event::isolate_freepages, 0, 0x20, 3, 4);
  EXPECT_EQ(line_of(Release::v3_19, scanned), "mm_compaction_isolate_freepages: nr_scanned=3 nr_taken=4");
  EXPECT_EQ(line_of(Release::v4_0, scanned),
            "mm_compaction_isolate_freepages: range=(0x0 ~ 0x20) nr_scanned=3 nr_taken=4");
}

TEST_P(TraceTest, EveryLineIsTheKernelsText) {
  for (const Line& line : kLines) {
    const char* expected = GetParam() == Release::v4_19 ? line.v4_19 : line.v6_1;
    if (expected != nullptr) {
      EXPECT_EQ(trace.format(line.record), expected);
    }
  }
}

TEST_P(TraceTest, ARecordKnowsItsActorAndItsTime) {
  const ActorId actor = engine.add_actor(0);
  engine.assume(actor);
  engine.advance_to(42);
  trace.emit(Event::log_still_in_use, 1);
  ASSERT_EQ(trace.records().size(), 1U);
  EXPECT_EQ(trace.records()[0].actor, actor);
  EXPECT_EQ(trace.records()[0].time, 42U);
}

TEST_P(TraceTest, TheEleventhBusyLineIsLeftOutAndReportedLater) {
  for (unsigned line = 0; line < 13; ++line)
    trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, line, line + 1);
  EXPECT_EQ(trace.records().size(), 10U);
  engine.advance_to(engine.now() + 5001 * kMillisecond);
  trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, 0x20, 0x21);
  ASSERT_EQ(trace.records().size(), 12U);
  EXPECT_EQ(trace.format(trace.records()[10]), "alloc_contig_range: 3 callbacks suppressed");
  EXPECT_EQ(trace.format(trace.records()[11]), "alloc_contig_range: [20, 21) PFNs busy");
}

TEST_P(TraceTest, WithoutRateLimitsEveryLineIsPrinted) {
  trace.set_rate_limits(false);
  for (unsigned line = 0; line < 30; ++line)
    trace.limited(trace.alloc_failed_limit, "cma_alloc", Event::log_cma_alloc_failed, 0, 1, minus(12));
  EXPECT_EQ(trace.records().size(), 30U);
}

TEST_P(TraceTest, TextLinesAreKeptAsWritten) {
  trace.log("cma: Reserved 16 MiB at 0x0000000010000000");
  trace.log("another");
  EXPECT_THAT(all(), ElementsAre("cma: Reserved 16 MiB at 0x0000000010000000", "another"));
}

TEST_P(TraceTest, TheHashDependsOnTheEventsAndTheirOrder) {
  const std::uint64_t silent = trace.hash();
  trace.emit(Event::log_still_in_use, 1);
  trace.emit(Event::log_still_in_use, 2);
  const std::uint64_t one_two = trace.hash();
  trace.clear();
  EXPECT_EQ(trace.hash(), silent);
  trace.emit(Event::log_still_in_use, 2);
  trace.emit(Event::log_still_in_use, 1);
  EXPECT_NE(trace.hash(), one_two);
}

TEST_P(TraceTest, TheHashLeavesTimeOut) {
  trace.emit(Event::log_still_in_use, 1);
  const std::uint64_t early = trace.hash();
  trace.clear();
  engine.advance_to(1000);
  trace.emit(Event::log_still_in_use, 1);
  EXPECT_EQ(trace.hash(), early);
}

TEST_P(TraceTest, TheHashSeesTexts) {
  trace.log("one");
  const std::uint64_t one = trace.hash();
  trace.clear();
  trace.log("two");
  EXPECT_NE(trace.hash(), one);
}

TEST_P(TraceTest, NothingIsKeptWhileRecordingIsOff) {
  const std::uint64_t before = trace.hash();
  trace.set_recording(false);
  trace.emit(Event::log_still_in_use, 1);
  trace.log("text");
  trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, 1, 2);
  EXPECT_TRUE(trace.records().empty());
  EXPECT_EQ(trace.hash(), before);
}

// Lines left out are counted all the same, and reported to nothing.
TEST_P(TraceTest, LinesThatWereLeftOutAreForgottenWhileRecordingIsOff) {
  ASSERT_TRUE(trace.rate_limits());
  const auto busy = [&] { trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, 1, 2); };
  for (unsigned line = 0; line < 13; ++line) busy();
  trace.set_recording(false);
  engine.advance_to(engine.now() + 5001 * kMillisecond);
  busy();
  EXPECT_EQ(trace.records().size(), 10U);
  trace.set_recording(true);
  engine.advance_to(engine.now() + 5001 * kMillisecond);
  busy();
  EXPECT_EQ(all().back(), "alloc_contig_range: [1, 2) PFNs busy");
  EXPECT_EQ(trace.records().size(), 11U);
}

TEST_P(TraceTest, ClearForgetsTheRateLimitsToo) {
  for (unsigned line = 0; line < 20; ++line)
    trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, line, line + 1);
  trace.clear();
  trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, 1, 2);
  EXPECT_THAT(all(), ElementsAre("alloc_contig_range: [1, 2) PFNs busy"));
}

TEST(Hex, IsLowerCaseWithoutPrefix) {
  EXPECT_EQ(hex(0), "0");
  EXPECT_EQ(hex(0xc51aa), "c51aa");
  EXPECT_EQ(hex(~std::uint64_t{0}), "ffffffffffffffff");
}

// --- messages of several lines ---

class Numbered final : public LazyLines {
 public:
  explicit Numbered(std::string text) : text_(std::move(text)) {}
  std::string line(std::size_t number) const override { return text_ + std::to_string(number); }

 private:
  std::string text_;
};

TEST_P(TraceTest, LinesOfAMessageAreMadeWhenTheyAreRead) {
  trace.log_memory(std::make_shared<Numbered>("first "), 2, 7);
  trace.set_recording(false);
  trace.log_memory(std::make_shared<Numbered>("never seen "), 1, 7);
  trace.set_recording(true);
  trace.log_memory(std::make_shared<Numbered>("second "), 1, 8);
  EXPECT_THAT(all(), ElementsAre("first 0", "first 1", "second 0"));
  EXPECT_EQ(trace.records().front().event, Event::log_memory);
}

TEST_P(TraceTest, TheHashSeesTheDigestOfAMessage) {
  trace.log_memory(std::make_shared<Numbered>(""), 1, 7);
  const std::uint64_t one = trace.hash();
  trace.clear();
  trace.log_memory(std::make_shared<Numbered>(""), 1, 8);
  EXPECT_NE(trace.hash(), one);
}

TEST_P(TraceTest, AMessageIsAdmittedAsOftenAsALineOfItsLimit) {
  const unsigned most = GetParam() >= Release::v5_4 ? 1 : 10;
  for (unsigned message = 0; message < 12; ++message)
    EXPECT_EQ(trace.admits(trace.warn_alloc_limit, "warn_alloc"), message < most);
  EXPECT_THAT(all(), ElementsAre());
  engine.advance_to(10'001 * kMillisecond);
  EXPECT_TRUE(trace.admits(trace.warn_alloc_limit, "warn_alloc"));
  EXPECT_THAT(all(), ElementsAre("warn_alloc: " + std::to_string(12 - most) + " callbacks suppressed"));
  trace.set_rate_limits(false);
  for (unsigned message = 0; message < 12; ++message) EXPECT_TRUE(trace.admits(trace.warn_alloc_limit, "warn_alloc"));
}

TEST_P(TraceTest, ClearingBeginsAllLimitsAnew) {
  for (unsigned message = 0; message < 12; ++message) trace.admits(trace.warn_alloc_limit, "warn_alloc");
  trace.clear();
  EXPECT_TRUE(trace.admits(trace.warn_alloc_limit, "warn_alloc"));
  EXPECT_EQ(trace.admits(trace.warn_alloc_limit, "warn_alloc"), GetParam() < Release::v5_4);
}

TEST(Event, LogLinesComeBeforeTracepointsButForThoseOfMemory) {
  EXPECT_TRUE(is_log(Event::log_memory));
  EXPECT_TRUE(is_log(Event::log_text));
  EXPECT_TRUE(is_log(Event::log_suppressed));
  EXPECT_FALSE(is_log(Event::cma_alloc));
  EXPECT_FALSE(is_log(Event::mm_page_alloc_extfrag));
}

// --- pointers ---

// The line as an old kernel prints it, whose pointers have so many bits. Memory begins at frame 0x10000.
std::string pointer_line(Release release, unsigned bits, const Record& r) {
  Engine engine{1};
  Trace trace{engine, release, 9, true, {.bits = bits, .first_frame = 0x10000}};
  trace.add_area("main");
  trace.add_area("camera");
  return trace.format(r);
}

TEST(Pointers, Until4_14TheyArePrinted) {
  const Record alloc = record(Event::log_cma_alloc, 1, 148, 8);
  EXPECT_EQ(pointer_line(Release::v3_6, 64, alloc),
            "cma: dma_alloc_from_contiguous(cma ffff88003e000020, count 148, align 8)");
  EXPECT_EQ(pointer_line(Release::v3_6, 32, alloc), "cma: dma_alloc_from_contiguous(cma c5e00040, count 148, align 8)");
  EXPECT_EQ(pointer_line(Release::v4_9, 64, alloc), "cma: cma_alloc(cma ffffffff81e00060, count 148, align 8)");
  EXPECT_EQ(pointer_line(Release::v4_9, 32, alloc), "cma: cma_alloc(cma c0e00040, count 148, align 8)");
  EXPECT_EQ(pointer_line(Release::v4_14, 32, alloc), "cma: cma_alloc(cma c0e00040, count 148, align 8)");
  EXPECT_EQ(pointer_line(Release::v4_15, 32, alloc), "cma: cma_alloc(cma (ptrval), count 148, align 8)");

  const Record busy = record(Event::log_cma_busy_retrying, 0x10020);
  EXPECT_EQ(pointer_line(Release::v4_9, 64, busy),
            "cma: cma_alloc(): memory range at ffffea0000400800 is busy, retrying");
  EXPECT_EQ(pointer_line(Release::v4_9, 32, busy), "cma: cma_alloc(): memory range at c1000400 is busy, retrying");
  EXPECT_EQ(pointer_line(Release::v4_9, 64, record(Event::log_cma_returned, 0x10000)),
            "cma: cma_alloc(): returned ffffea0000400000");
  EXPECT_EQ(pointer_line(Release::v3_6, 32, record(Event::log_cma_release, 0x10000, 1)),
            "cma: dma_release_from_contiguous(page c1000000)");
  EXPECT_EQ(pointer_line(Release::v4_9, 64, record(Event::cma_alloc, 0x10000, 148, 8, 1)),
            "cma_alloc: pfn=10000 page=ffffea0000400000 count=148 align=8");
  EXPECT_EQ(pointer_line(Release::v4_9, 64, record(Event::cma_release, 0, 0x10000, 148)),
            "cma_release: pfn=10000 page=ffffea0000400000 count=148");
  EXPECT_EQ(pointer_line(Release::v4_9, 32, record(Event::mm_page_free, 0x10001, 0)),
            "mm_page_free: page=c1000020 pfn=65537 order=0");
}

TEST(Pointers, NullIsAsWideAsAPointerInTheLog) {
  const Record none = record(Event::log_cma_returned, kNoPfn);
  EXPECT_EQ(pointer_line(Release::v4_9, 64, none), "cma: cma_alloc(): returned           (null)");
  EXPECT_EQ(pointer_line(Release::v4_9, 32, none), "cma: cma_alloc(): returned   (null)");
  EXPECT_EQ(pointer_line(Release::v5_10, 32, none), "cma: cma_alloc(): returned 00000000");
  const Record failed = record(Event::cma_alloc, kNoPfn, 1, 0, 0);
  EXPECT_EQ(pointer_line(Release::v4_9, 32, failed), "cma_alloc: pfn=ffffffff page=(null) count=1 align=0");
  EXPECT_EQ(pointer_line(Release::v5_10, 32, failed), "cma_alloc: pfn=ffffffff page=00000000 count=1 align=0");
}

TEST(Pointers, CountsOf32BitKernelsHave32Bits) {
  const Record r = record(Event::log_cma_alloc_failed, 0, 0x100000003, minus(12));
  EXPECT_EQ(pointer_line(Release::v5_10, 32, r), "cma: cma_alloc: alloc failed, req-size: 3 pages, ret: -12");
  EXPECT_EQ(pointer_line(Release::v5_10, 64, r), "cma: cma_alloc: alloc failed, req-size: 4294967299 pages, ret: -12");
}

// Counts and frame numbers in tracepoints, and what is no unsigned long in the kernel.
TEST(Pointers, LinesOf32BitKernelsCutWhatIsALong) {
  struct Case {
    Record record;
    const char* text;
  };
  constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;
  const Case cases[] = {
      {record(Event::log_cma_pages_valid, 0x10001, kHigh + 3), "cma: cma_pages_valid(page (ptrval), count 3)"},
      {record(Event::cma_alloc_busy_retry, 1, kHigh + 0x10100, kHigh + 148, 8),
       "cma_alloc_busy_retry: name=camera pfn=0x10100 page=(ptrval) count=148 align=8"},
      {record(Event::cma_alloc_start, 1, kHigh + 148, 8), "cma_alloc_start: name=camera count=148 align=8"},
      {record(Event::log_pfns_busy, 0x10100, 0x10200), "alloc_contig_range: [10100, 10200) PFNs busy"},
      {record(Event::log_still_in_use, 2), "2 pages are still in use!"},
      {record(Event::mm_page_alloc, 0x10001, 3, 0, kGfpAtomic),
       "mm_page_alloc: page=(ptrval) pfn=0x10001 order=3 migratetype=0 gfp_flags=GFP_ATOMIC"},
      {record(Event::mm_page_pcpu_drain, 0x10001, 0, 4),
       "mm_page_pcpu_drain: page=(ptrval) pfn=0x10001 order=0 migratetype=4"},
      {record(Event::mm_page_alloc_zone_locked, 0x10001, 0, 1, 1),
       "mm_page_alloc_zone_locked: page=(ptrval) pfn=0x10001 order=0 migratetype=1 percpu_refill=1"},
      {record(Event::mm_page_alloc_extfrag, 0x10040, AskedAndSource{.asked = 0, .source = 4}.pack(), kTypes, 0),
       "mm_page_alloc_extfrag: page=(ptrval) pfn=0x10040 alloc_order=0 fallback_order=4 pageblock_order=9 "
       "alloc_migratetype=0 fallback_migratetype=1 fragmenting=1 change_ownership=0"},
  };
  for (const Case& one : cases) EXPECT_EQ(pointer_line(Release::v6_1, 32, one.record), one.text);
}

TEST(Pointers, SuppressedLinesAreCountedOn32BitKernelsToo) {
  Engine engine{1};
  Trace trace{engine, Release::v6_1, 9, true, {.bits = 32, .first_frame = 0}};
  for (unsigned line = 0; line < 12; ++line)
    trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, line, line + 1);
  engine.advance_to(engine.now() + 5001 * kMillisecond);
  trace.limited(trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, 0x20, 0x21);
  EXPECT_EQ(trace.format(trace.records()[10]), "alloc_contig_range: 2 callbacks suppressed");
}

TEST(Pointers, ALineKnowsWhereItsPointerStands) {
  Engine engine{1};
  Trace trace{engine, Release::v4_19, 9, true};
  trace.add_area("main");
  std::optional<PrintedPointer> pointer;
  const std::string line = trace.format(record(Event::log_cma_returned, 0x20), &pointer);
  ASSERT_TRUE(pointer);
  EXPECT_EQ(line.substr(pointer->begin, pointer->end - pointer->begin), "(ptrval)");
  EXPECT_EQ(pointer->address, 0xffffea0000000800U) << "as if it was printed";
  for (const Record& none : {record(Event::log_cma_returned, kNoPfn), record(Event::cma_alloc, 0x10, 1, 0, 0),
                             record(Event::log_still_in_use, 2)}) {
    trace.format(none, &pointer);
    EXPECT_FALSE(pointer);
  }
}

TEST_P(TraceTest, TheHashLeavesPointersOut) {
  trace.emit_pointer(Event::log_cma_busy_retrying, 0x20);
  const std::uint64_t one = trace.hash();
  trace.clear();
  trace.emit_pointer(Event::log_cma_busy_retrying, 0x40);
  EXPECT_EQ(trace.hash(), one);
}

}  // namespace
}  // namespace cma
