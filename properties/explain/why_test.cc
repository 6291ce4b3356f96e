// What the recorder reports of windows that fail: the page, its kind, its holder by the program's name, and the step.

#include "properties/explain/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kHead = "actor A cpu=0\nactor B cpu=1\nothers = shmem_page pages=100\n";

// Returns the report on the failed windows of a program on a small machine.
std::string why(const std::string& release, const std::string& operations) {
  const auto program = parse("machine small release=" + release + "\n" + kHead + operations, "why");
  EXPECT_TRUE(program) << program.error().text();
  Interpreter interpreter;
  WhyRecorder recorder(interpreter);
  EXPECT_TRUE(interpreter.run(*program, &recorder).passed());
  return recorder.text([&](Slot op) { return print_op(*program, program->ops[op]); });
}

TEST(Why, NamesThePinAndTheScansVerdict) {
  EXPECT_EQ(why("4.19", "n = anon_page at=a+8\ndrain\nk = pin n\nw = cma_alloc a pages=64 align=6\n"),
            "w = cma_alloc a pages=64 align=6\n"
            "  answer ok: pages 0x240 to 0x27f, after 1 window that failed\n"
            "  window pages 0x240 to 0x27f, bits 64 to 127 of 256\n"
            "  moved  nothing: its pages were free\n"
            "  window [200, 240): -EBUSY, 1 page in the way\n"
            "    0x208  anonymous page of n: 2 references, 1 mapping\n"
            "      held by  pin k\n"
            "      refused  isolate_migratepages_block: anonymous, with more references than mappings\n");
}

TEST(Why, PrintsTheOperationOfAResultWithoutAName) {
  EXPECT_THAT(why("4.19", "n = anon_page at=a+8\ndrain\npin n\nw = cma_alloc a pages=64 align=6\n"),
              HasSubstr("held by  `pin n`\n"));
}

TEST(Why, SaysNothingOfTheLocksOfTheMigrationItself) {
  const std::string report = why("6.12", "s = shmem_page at=a+8\ndrain\nk = pin s\nw = cma_alloc a pages=64 align=6\n");
  EXPECT_THAT(report, HasSubstr("0x208  shmem page of s: 3 references\n"));
  EXPECT_THAT(report, ::testing::Not(HasSubstr("locked")));
}

TEST(Why, CountsTheAttemptsToMigrate) {
  for (const char* release : {"4.19", "6.1"}) {
    const std::string report =
        why(release, "s = shmem_page at=a+8\ndrain\nk = pin s\nw = cma_alloc a pages=64 align=6\n");
    EXPECT_THAT(report, HasSubstr("0x208  shmem page of s: 3 references")) << release;
    EXPECT_THAT(report, HasSubstr("held by  pin k")) << release;
    EXPECT_THAT(
        report,
        HasSubstr("refused  migrate_pages: -EAGAIN in pass 10 of call 5: 3 references, 2 expected (1 of its cache "
                  "and mappings, 1 of the isolation)\n"))
        << release;
  }
}

// 6.1 as shipped: the request that was refused ends the isolation of the first one. No laws are checked here, so the
// first one runs to its end.
TEST(Why, NamesTheRequestThatEndedTheIsolation) {
  const auto program = parse(std::string("machine small release=6.1\nbug failed-start-undoes\n") + kHead +
                                 "A: w = cma_alloc a pages=240 until=isolate_done\n"
                                 "B: g = alloc_range at=a+0x10 pages=8\nA: resume\n",
                             "why");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  WhyRecorder recorder(interpreter);
  EXPECT_TRUE(interpreter.run(*program, &recorder).passed());
  const std::string report = recorder.text([&](Slot op) { return print_op(*program, program->ops[op]); });
  EXPECT_THAT(report,
              HasSubstr("  window [210, 218): -EBUSY, 1 pageblock in the way\n"
                        "    0x210  pageblock of 16 pages\n"
                        "      held by  the isolation of: A: w = cma_alloc a pages=240 until=isolate_done\n"
                        "      refused  set_migratetype_isolate: its pageblock is isolated by another request\n"));
  EXPECT_THAT(report, HasSubstr("  window [200, 2f0): -EBUSY, 1 pageblock in the way\n"
                                "    0x210  pageblock of 16 pages, isolated no more\n"
                                "      held by  no task; it was given back by: B: g = alloc_range at=a+0x10 pages=8\n"
                                "      refused  test_pages_isolated: its pageblock is not isolated\n"));
}

TEST(Why, NamesTheAreaOfAPageblock) {
  EXPECT_THAT(why("6.1", "g = alloc_range at=a+0x10 pages=8\n"),
              HasSubstr("    0x210  pageblock of 16 pages\n"
                        "      held by  area a\n"
                        "      refused  has_unmovable_pages: it is an area's, and the request is not\n"));
}

TEST(Why, NamesTheRangeThatHasThePage) {
  EXPECT_THAT(why("6.1", "g = alloc_range at=0x110 pages=8\nh = alloc_range at=0x114 pages=2\n"),
              HasSubstr("    0x110  page of range g: 1 reference\n      held by  range g\n"));
}

TEST(Why, NamesTheCompactionThatIsolatedThePageFirst) {
  for (const char* release : {"3.6", "4.9", "4.19", "5.10", "5.15", "6.1", "6.6", "6.12"}) {
    const std::string report = why(release,
                                   "free others\nkept = shmem_page at=b+192 pages=50\nn = anon_page at=a+8\ndrain\n"
                                   "B: compact until=scan_page_isolated\nA: w = cma_alloc a pages=64 align=6\n");
    EXPECT_THAT(report, HasSubstr("0x208  anonymous page of n: 2 references, 1 mapping")) << release;
    EXPECT_THAT(report, HasSubstr("held by  an operation that is at scan_page_isolated: B: compact")) << release;
    EXPECT_THAT(report, HasSubstr("refused  isolate_migratepages_block: not on the LRU")) << release;
  }
}

// 3.6 emptied the pagevec of its own CPU only: a page in another one is not on the LRU yet.
TEST(Why, NamesThePagevecOfItsCpu) {
  const std::string report = why("3.6",
                                 "drain\nx = anon_page at=a+8 cpu=1\n"
                                 "A: w = cma_alloc a pages=64 align=6\n");
  EXPECT_EQ(report, "no operation failed; --why-of NAME answers for one all the same\n")
      << "the drain of later releases";
  const auto program = parse(std::string("machine small release=3.6\nbug local-drain-only\n") + kHead +
                                 "drain\nx = anon_page at=a+8 cpu=1\nw = cma_alloc a pages=64 align=6\n",
                             "why");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  WhyRecorder recorder(interpreter);
  EXPECT_TRUE(interpreter.run(*program, &recorder).passed());
  ASSERT_FALSE(recorder.failed().empty());
  const FailedWindow& window = recorder.failed().front();
  ASSERT_EQ(window.pages.size(), 1U);
  EXPECT_EQ(window.pages[0].pfn, 0x208U);
  EXPECT_EQ(window.pages[0].holders, std::vector<std::string>{"the lru_add pagevec of CPU 1"});
  EXPECT_EQ(window.pages[0].refused, "isolate_migratepages_block: not on the LRU");
}

// Up to 5.12 a page may get into a pagevec while a window is scanned.
TEST(Why, NamesEachPagevec) {
  struct Row {
    const char* release;
    const char* page;    // x, within the window
    const char* queued;  // into a pagevec of CPU 1
    const char* holder;
  };
  const std::string anonymous = "p = spawn\nx = mmap_anon p pages=1 at=a+8\ndrain\n";
  const std::string active = anonymous + "mark_accessed x\nmark_accessed x\ndrain\n";
  const std::string cached = "f = file ordered slow\nB: x = read f at=a+8\nio_done\ndrain\n";
  const Row rows[] = {
      {"4.19", anonymous.c_str(), "mark_accessed x cpu=1\nmark_accessed x cpu=1\n", "activate_page"},
      {"4.19", cached.c_str(), "deactivate_file x cpu=1\n", "lru_deactivate_file"},
      {"4.19", anonymous.c_str(), "madv_free x cpu=1\n", "lru_lazyfree"},
      {"5.10", active.c_str(), "deactivate x cpu=1\n", "lru_deactivate"},
  };
  for (const Row& row : rows) {
    const std::string report =
        why(row.release, std::string(row.page) + "A: w = cma_alloc a pages=64 align=6 until=scan_batch\n" + row.queued +
                             "A: resume\n");
    EXPECT_THAT(report, HasSubstr(std::string("held by  the ") + row.holder + " pagevec of CPU 1\n")) << row.holder;
    EXPECT_THAT(report, HasSubstr("0x208  ")) << row.holder;
  }
}

// Migration waits for page locks: one is in the way at the end only if there is no page to move to either.
TEST(Why, NamesTheHolderOfThePageLock) {
  const std::string full = "drain\nunmovable_page pages=600\ncma_alloc b pages=256\nA: w = cma_alloc a pages=256\n";
  EXPECT_THAT(why("6.1", "f = file ordered slow\nr = read f at=a+8 readahead\n" + full),
              HasSubstr("0x208  file page of r: 2 references, locked\n"
                        "      held by  the page lock, until its I/O completes\n"
                        "      refused  migrate_pages: -ENOMEM\n"));
  EXPECT_THAT(why("6.1", "f = file ordered\nr = read f at=a+8\nB: truncate f until=truncate_locked\n" + full),
              HasSubstr("held by  the page lock of: B: truncate f until=truncate_locked\n"));
}

// A long-term pin moves its page out of the area, and has it isolated or locked meanwhile.
TEST(Why, NamesTheMigrationThatHasIsolatedThePage) {
  const std::string pins = "p = spawn\nv = mmap_anon p pages=1 at=a+8\ndrain\nB: k = pin_longterm v until=";
  const std::string window = "\nA: w = cma_alloc a pages=64 align=6\n";
  EXPECT_THAT(
      why("6.1", pins + "pin_isolated" + window),
      HasSubstr("0x208  anonymous page of p: 2 references, 1 mapping\n"
                "      held by  an operation that is at pin_isolated: B: k = pin_longterm v until=pin_isolated\n"
                "      refused  isolate_migratepages_block: not on the LRU\n"));
  EXPECT_THAT(why("6.1", pins + "migrate_locked" + window),
              HasSubstr("held by  the page lock of: B: k = pin_longterm v until=migrate_locked\n"));
}

// The allocation path does not know these counts: a reader's, a transaction's.
TEST(Why, NamesTheHoldersOfABuffersCounts) {
  EXPECT_THAT(
      why("4.19", "d = file block_device slow\nB: r = bread d at=a+8\ndrain\nw = cma_alloc a pages=64 align=6\n"),
      HasSubstr("0x208  file page of d: 3 references\n"
                "      held by  a buffer-head slot of CPU 1\n"
                "      held by  1 count of operations under way on its buffer\n"
                "      held by  its locked buffer\n"));
  EXPECT_THAT(
      why("6.1", "d = file journalled\nr = read d at=a+8\njournal r\ndrain\nw = cma_alloc a pages=64 align=6\n"),
      HasSubstr("held by  1 count of a running transaction on its buffer\n"));
}

TEST(Why, NamesTheBufferHeadSlotOfItsCpu) {
  const std::string report =
      why("4.19", "d = block_device_page at=a+8\ndrain\nbh_touch d cpu=1\nw = cma_alloc a pages=64 align=6\n");
  EXPECT_THAT(report, HasSubstr("0x208  block-device page of d"));
  EXPECT_THAT(report, HasSubstr("held by  a buffer-head slot of CPU 1"));
  EXPECT_THAT(report, HasSubstr("refused  migrate_pages: -EAGAIN"));
}

TEST(Why, NamesTheProcessThatUnmapsAndTheOneThatForks) {
  const std::string memory = "p = spawn\nv = mmap_anon p pages=1 at=a+8\ndrain\n";
  EXPECT_THAT(why("4.19", memory + "A: exit p until=zap_unflushed\nB: w = cma_alloc a pages=64 align=6\n"),
              HasSubstr("held by  the unmapping batch of: A: exit p until=zap_unflushed"));
  const std::string forks =
      why("4.19", memory + "A: c = fork p until=fork_referenced\nB: w = cma_alloc a pages=64 align=6\n");
  EXPECT_THAT(forks, HasSubstr("0x208  anonymous page of p"));
  EXPECT_THAT(forks, HasSubstr("held by  fork, before it counts the mapping: A: c = fork p until=fork_referenced"));
}

TEST(Why, NamesTheDriver) {
  const std::string report =
      why("6.1", "m = movable_page at=a+8\nrefuse m times=all error=EIO\nw = cma_alloc a pages=64 align=6\n");
  EXPECT_THAT(report, HasSubstr("0x208  movable-ops page of m"));
  EXPECT_THAT(report, HasSubstr("held by  its driver, m"));
  EXPECT_THAT(report, HasSubstr("migrate_pages: -EIO"));
}

TEST(Why, NamesTheOperationThatHasAFreePageBetweenTwoLists) {
  const std::string report = why("4.19",
                                 "x = unmovable_page at=a+8\nA: w = cma_alloc a pages=64 align=6 until=isolate_block\n"
                                 "B: free x until=free_page_prepared\nA: resume until=contig_outer_start\n");
  EXPECT_THAT(
      report,
      HasSubstr(
          "    0x208  free page between two lists\n"
          "      held by  an operation that is at free_page_prepared: B: free x until=free_page_prepared\n"
          "      refused  isolate_migratepages_block: no reference: free on no list, or part of a block in use\n"));
}

TEST(Why, NamesTheFreeBlockThatBeganElsewhereAtTheCapture) {
  const std::string report = why("4.19",
                                 "first = cma_alloc a pages=4\nA: w = cma_alloc a pages=4 until=contig_tested\n"
                                 "B: cma_release first\nB: drain_pages\nA: resume\n");
  EXPECT_THAT(report, HasSubstr("    0x204  page inside the free block of 64 pages at 0x200\n"
                                "      refused  isolate_freepages_block: "));
}

TEST(Why, ReportsThatIsolationRefusedAPage) {
  const std::string report = why("6.1", "u = unmovable_page at=0x48\nx = anon_page at=0x49\nexpect x.failed\n");
  EXPECT_THAT(report, HasSubstr("x = anon_page at=0x49"));
  EXPECT_THAT(report, HasSubstr("0x48  unmovable page of u: 1 reference"));
  EXPECT_THAT(report, HasSubstr("held by  its owner, u"));
  EXPECT_THAT(report, HasSubstr("refused  has_unmovable_pages"));
}

TEST(Why, ReportsASignal) {
  const std::string report =
      why("6.1", "A: w = cma_alloc a pages=64 align=6 until=isolate_done\nsignal A\nA: resume\n");
  EXPECT_THAT(report, HasSubstr("window [200, 240): -EINTR, a fatal signal\n"));
}

TEST(Why, MergesWindowsWithTheSamePages) {
  const std::string report = why("4.19", "n = anon_page at=a+8\ndrain\nk = pin n\nw = cma_alloc a pages=16\n");
  EXPECT_THAT(report, HasSubstr("window [200, 210), and 8 more up to [208, 218): -EBUSY, 1 page in the way"));
}

TEST(Why, MergesPagesWithTheSameFacts) {
  const std::string report = why("6.1", "u = unmovable_page at=a+8 pages=4\nw = cma_alloc a pages=64 align=6\n");
  EXPECT_THAT(report,
              HasSubstr("4 pages in the way\n    0x208, and 3 more up to 0x20b  unmovable page of u: 1 reference\n"
                        "      held by  its owner, u\n"));
}

// Without memory to move to the range is not tested, and free pages are not in the way.
TEST(Why, FreePagesAreNotInTheWay) {
  const std::string report = why("6.1",
                                 "s = shmem_page at=a+8 pages=8\ncma_alloc b pages=256\ndrain\n"
                                 "eaten = unmovable_page pages=700\nw = cma_alloc a pages=256\n");
  EXPECT_THAT(
      report,
      HasSubstr("-ENOMEM, no page to move to, 1 page in the way when memory ran out, of 8 that had yet to move\n"));
}

TEST(Why, StopsWatchingAtItsEnd) {
  const auto program = parse("machine small release=6.1\ncma_alloc a pages=1\n", "quiet");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  {
    WhyRecorder recorder(interpreter);
    EXPECT_TRUE(interpreter.run(*program, &recorder).passed());
    EXPECT_THAT(recorder.failed(), IsEmpty());
    EXPECT_NE(interpreter.machine().trace.windows(), nullptr);
  }
  EXPECT_EQ(interpreter.machine().trace.windows(), nullptr);
}

}  // namespace
}  // namespace cma
