#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "fuzz/commands/command_testing.h"
#include "fuzz/commands/files.h"

namespace cma {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kPlain = "cmacheck 1\nmachine small release=6.1\n\nb1 = cma_alloc a pages=4\n";
constexpr std::string_view kBroken =
    "machine small release=6.1\nbug bitmap-forgets-bit\ndrain\nb1 = cma_alloc a pages=4\ncma_release b1\n";

class CommandLine : public CommandTest {};

TEST_F(CommandLine, BadUsageIsTwo) {
  EXPECT_EQ(call({"frobnicate"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no command 'frobnicate'"));
  EXPECT_EQ(call({"--versio"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no option '--versio'"));
  EXPECT_EQ(call({"-v"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no option '-v'"));
  EXPECT_EQ(call({"run"}), kBadInput);
  EXPECT_EQ(call({"run", "--bug", "no-such", write("p", kPlain)}), kBadInput);
  EXPECT_EQ(call({"run", "--frobnicate", path("p")}), kBadInput);
  EXPECT_EQ(call({"--help"}), kNothingFound);
  EXPECT_EQ(call({"run", "--help"}), kNothingFound);
}

TEST_F(CommandLine, WithoutArgumentsPrintsTheHelp) {
  EXPECT_EQ(call({"--help"}), kNothingFound);
  const std::string help = out_;
  EXPECT_EQ(call({}), kNothingFound);
  EXPECT_EQ(out_, help);
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(CommandLine, VersionNamesProjectCommitAndReleases) {
  EXPECT_EQ(call({"--version"}), kNothingFound);
  EXPECT_THAT(out_,
              AllOf(StartsWith("cmacheck 0."), HasSubstr("\ncommit 0123456789ab\n"), HasSubstr("models Linux 3.6, ")));
  for (const Release release : modelled_releases()) EXPECT_THAT(out_, HasSubstr(" " + name_of(release)));
}

TEST_F(CommandLine, NumbersAreDigitsWithinBounds) {
  const std::vector<std::vector<std::string>> refused = {
      {"study", "bh-lru", "--size", "-1"},         {"study", "bh-lru", "--size", "99999999999999999999"},
      {"study", "bh-lru", "--seed", "x"},          {"judge", "--random", "-1"},
      {"judge", "--random", "1", "--ops", "4097"}, {"judge", "--random", "1", "--seed", "-5"},
      {"judge", "--random", "1", "--jobs", "0"},   {"minimize", write("broken.cma", kBroken), "--executions", "-1"},
  };
  for (const std::vector<std::string>& words : refused) {
    EXPECT_EQ(call(words), kBadInput);
    EXPECT_THAT(err_, HasSubstr("is no whole number from ")) << words.back();
  }
}

// Hours of work must not end with a result that cannot be written.
TEST_F(CommandLine, OutputsAreTriedBeforeTheWork) {
  const std::string nowhere = path("nowhere") + "/result";
  EXPECT_EQ(call({"study", "bh-lru", "--svg", nowhere}), kBadInput);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_THAT(err_, AllOf(HasSubstr("cannot write " + nowhere), Not(HasSubstr("8500"))));
  EXPECT_EQ(call({"judge", "--random", "1", "--json", nowhere}), kBadInput);
  EXPECT_EQ(call({"minimize", write("broken.cma", kBroken), "--into", nowhere}), kBadInput);
  EXPECT_EQ(call({"minimize", path("broken.cma"), "--output", nowhere}), kBadInput);
  EXPECT_THAT(err_, Not(HasSubstr("executions")));
}

// Gives up the rights of the superuser, which may read and write everything.
class Unprivileged {
 public:
  Unprivileged() : was_(::geteuid()) { EXPECT_TRUE(was_ != 0 || ::seteuid(kNobody) == 0); }
  ~Unprivileged() { EXPECT_TRUE(was_ != 0 || ::seteuid(was_) == 0); }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  static constexpr ::uid_t kNobody = 65534;
  ::uid_t was_;
};

TEST_F(CommandLine, FilesWithoutPermissionAreBadInput) {
  fs::permissions(folder_.path(), fs::perms::all);
  fs::create_directory(path("secret"));
  fs::permissions(path("secret"), fs::perms::none);
  const std::string file = write("kept.cma", kBroken);
  fs::permissions(file, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  {
    const Unprivileged here;
    EXPECT_EQ(call({"judge", path("secret")}), kBadInput);
    EXPECT_THAT(err_, HasSubstr(path("secret") + ": Permission denied"));
    EXPECT_EQ(call({"fmt", "-i", file}), kBadInput);
    EXPECT_THAT(err_, HasSubstr("cannot write " + file));
  }
  EXPECT_EQ(read_file(file), kBroken);
}

TEST_F(CommandLine, OptionsOfAStudyNeedItsName) {
  EXPECT_EQ(call({"study"}), kNothingFound);
  EXPECT_EQ(call({"study", "--json"}), kBadInput);
  EXPECT_EQ(call({"study", "--size", "5"}), kBadInput);
}

TEST_F(CommandLine, RunReportsThatAFileIsNoText) {
  const std::string bytes("\x01\x02\x03", 3);
  call({"run", write("bytes", bytes)});
  EXPECT_THAT(err_, HasSubstr("bytes: not text, so it is read as a program's bytes"));
  call({"run", "--bytes", path("bytes")});
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(CommandLine, JudgeWantsSomethingToJudge) {
  EXPECT_EQ(call({"judge"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("nothing to judge"));
  EXPECT_EQ(call({"judge", "--random", "1", "--into", write("file", "") + "/folder"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("cannot make the folder"));
}

TEST_F(CommandLine, RunReportsWhatItFound) {
  EXPECT_EQ(call({"run", write("plain.cma", kPlain)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("plain.cma: ok, 1 operations"));
  EXPECT_EQ(call({"run", write("broken.cma", kBroken)}), kFindings);
  EXPECT_THAT(out_, AllOf(HasSubstr("law    bitmap: "), HasSubstr("line 4: b1 = cma_alloc a pages=4"),
                          HasSubstr("A  buffer b1"), HasSubstr("log\n"), HasSubstr("ci/cmacheck run " + path(""))));
  EXPECT_EQ(call({"run", "--quiet", path("plain.cma")}), kNothingFound);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(call({"run", "--bug", "bitmap-forgets-bit", path("plain.cma")}), kFindings);
  EXPECT_THAT(out_, HasSubstr("run --bug bitmap-forgets-bit "));
  EXPECT_EQ(call({"run", "--bugs", "repaired", path("broken.cma")}), kNothingFound);
  EXPECT_EQ(call({"run", "--audit", "points", path("plain.cma")}), kNothingFound);
}

TEST_F(CommandLine, OneBadFileDoesNotHideTheOthers) {
  EXPECT_EQ(call({"run", "-q", write("bad.cma", "machine\n"), write("broken.cma", kBroken)}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("bad.cma:1:"));
  EXPECT_THAT(out_, HasSubstr("broken.cma: finding bitmap/"));
}

TEST_F(CommandLine, TraceAndMapComeBetweenTheOperations) {
  EXPECT_EQ(call({"run", "--trace", "--map", write("plain.cma", kPlain)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("# ok: pages 0x200 to 0x203"), HasSubstr("cma: cma_alloc(cma (ptrval), count 4"),
                          HasSubstr("| cma_alloc_finish"), HasSubstr("C AAAA............")));
}

TEST_F(CommandLine, SkippedOperationsShowTheirReasonAndEachLetterIsExplainedOnce) {
  constexpr std::string_view kProgram =
      "machine small release=6.1\nb = cma_alloc a pages=4\ncma_release b\ncma_release b\nn = anon_page\n";
  EXPECT_EQ(call({"run", "--map", write("twice.cma", kProgram)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("# skipped: what it names is gone"), HasSubstr("  n  anonymous page\n")));
  const std::size_t free = out_.find("  .  free\n");
  EXPECT_EQ(out_.find("  .  free\n", free + 1), std::string::npos);
}

TEST_F(CommandLine, BriefOutputExcludesFullOutput) {
  const std::string file = write("plain.cma", kPlain);
  for (const char* brief : {"--quiet", "--json"})
    for (const char* full : {"--trace", "--map"}) EXPECT_EQ(call({"run", brief, full, file}), kBadInput);
  EXPECT_EQ(call({"run", "--quiet", "--why", file}), kBadInput);
}

// The reports of field cases 1 and 3 asked for the page, its kind and its holder.
TEST_F(CommandLine, WhyAnswersTheCameraAndTheFileSystem) {
  EXPECT_EQ(call({"run", "--why", "corpus/scenarios/case-1-sweep-fails.cma"}), kNothingFound);
  EXPECT_THAT(out_,
              AllOf(HasSubstr("camera = cma_alloc media pages=7594 align=8\n  answer failed, -ENOMEM (the caller gets "
                              "NULL; the last window failed with -EBUSY, in the log ret: -16): "),
                    HasSubstr("  window [c3400, c51aa), and 27 more up to [c4f00, c6caa): -EBUSY, 1 page in the way\n"
                              "    0xc4fa0  anonymous page of a: 2 references, 1 mapping\n"
                              "      held by  pin pin_a\n"),
                    HasSubstr("held by  pin pin_b"), HasSubstr("held by  pin pin_c")));
  EXPECT_EQ(call({"run", "--why", "corpus/scenarios/buffer-slot-holds-until-eight-others-came-3.6.cma"}),
            kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("0x208  block-device page of x"), HasSubstr("held by  a buffer-head slot of CPU 0"),
                          HasSubstr("refused  migrate_pages: -EAGAIN in pass 10 of call 5: its buffer is in use")));
  EXPECT_EQ(call({"run", "--why", write("plain", kPlain)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("plain\nno operation failed; --why-of NAME answers for one all the same\n"));
}

struct Race {
  const char* scenario;
  const char* page;
  const char* holder;
  const char* refused;
};
const Race kRaces[] = {
    {"unmapped-not-flushed-is-skipped-4.19", "0x208, and 1 more up to 0x209  anonymous page: 1 reference",
     "the unmapping batch of: A: munmap v until=zap_unflushed", "isolate_migratepages_block: anonymous, with more"},
    {"unmapped-not-flushed-is-tried-in-vain-3.6", "0x208, and 1 more up to 0x209  anonymous page: 2 references",
     "the unmapping batch of: A: munmap v until=zap_unflushed", "migrate_pages: -EAGAIN in pass 10 of call 5"},
    {"fork-between-its-increments-is-skipped-6.1", "0x208  anonymous page of p: 2 references, 1 mapping",
     "fork, before it counts the mapping: A: child = fork p until=fork_referenced", "isolate_migratepages_block"},
    {"exec-stack-stays-until-exec-goes-on-5.10", "0x208  anonymous page of p", "exec's temporary stack of p",
     "migrate_pages: -EAGAIN in pass 10 of call 5"},
    {"reference-taken-after-the-move-6.1", "0x208  page without an owner: 1 reference", "`B: get_page a+0x8`",
     "test_pages_isolated"},
    {"released-while-pinned-4.9", "0x205  page without an owner: 1 reference", "pin k",
     "isolate_migratepages_block: not on the LRU"},
    {"pinned-shared-memory-is-tried-fifty-times-6.12", "0x208  shmem page of s: 3 references", "pin k",
     "migrate_pages: -EAGAIN in pass 10 of call 5"},
    {"permanent-failure-ends-the-window-4.19", "0x208  movable-ops page of m", "its driver, m",
     "migrate_pages: -EIO in pass 1 of call 1"},
    {"buffer-slot-holds-until-sixteen-others-came-4.9", "0x208  block-device page of x", "a buffer-head slot of CPU 0",
     "migrate_pages: -EAGAIN in pass 10 of call 5"},
    {"huge-page-is-skipped-until-it-is-split-4.19", "0x210  transparent huge page (16 pages from 0x210 on) of p",
     "process p", "isolate_migratepages_block: part of a compound page"},
    {"pinned-huge-page-6.12", "0x210  transparent huge page (16 pages from 0x210 on) of p: 2 references, 1 mapping",
     "pin k", "isolate_migratepages_block: anonymous, with more references than mappings"},
    {"window-that-begins-inside-a-huge-page-5.10", "0x200  transparent huge page (16 pages from 0x200 on) of p",
     "process p", "isolate_migratepages_block: not the first page of its compound page"},
    {"hugetlb-pages-are-skipped-4.19", "0x210  free huge page of the hugetlb pool", "the hugetlb pool",
     "isolate_migratepages_block: part of a compound page"},
    {"hugetlb-pages-are-skipped-5.10", "0x210  hugetlb page (16 pages from 0x210 on) of h: 1 reference, 1 mapping",
     "a process that the program does not name", "isolate_migratepages_block: not on the LRU"},
    {"hugetlb-page-moved-from-returns-to-the-pool-6.12", "0x210  free huge page of the hugetlb pool",
     "the hugetlb pool", "test_pages_isolated"},
    {"free-hugetlb-page-without-a-replacement-6.1", "0x90  free huge page of the hugetlb pool", "the hugetlb pool",
     "isolate_or_dissolve_huge_page: -ENOMEM"},
    {"isolated-by-an-area-first-4.19", "0x200  pageblock of 16 pages",
     "the isolation of: A: window = cma_alloc a pages=8 until=isolate_done",
     "set_migratetype_isolate: its pageblock is isolated by another request"},
    {"isolated-by-another-first-4.19", "0x200  pageblock of 16 pages",
     "the isolation of: B: range = alloc_range at=a+0x10 pages=16 until=isolate_done",
     "set_migratetype_isolate: its pageblock is isolated by another request"},
    {"two-owners-in-one-unit-5.10", "0x100  pageblock of 16 pages",
     "the isolation of: A: first = alloc_range at=0x100 pages=16 until=isolate_done",
     "set_migratetype_isolate: its pageblock is isolated by another request"},
    {"two-owners-of-one-pageblock-6.12", "0x100  pageblock of 16 pages",
     "the isolation of: A: first = alloc_range at=0x100 pages=4 until=isolate_done",
     "set_migratetype_isolate: its pageblock is isolated by another request"},
    {"case-5-camera-on-a-16-mib-area", "0x8fc80  anonymous page of a", "pin pin_a", "isolate_migratepages_block"},
};

TEST_F(CommandLine, WhyNamesThePageItsHolderAndTheStepInEachRace) {
  for (const Race& race : kRaces) {
    const std::string file = std::string("corpus/scenarios/") + race.scenario + ".cma";
    EXPECT_EQ(call({"run", "--why", file}), kNothingFound) << file;
    EXPECT_THAT(out_, AllOf(HasSubstr(race.page), HasSubstr(std::string("held by  ") + race.holder),
                            HasSubstr(std::string("refused  ") + race.refused)))
        << file;
  }
}

// The file's text is the kernel's, and stands below a line that names it.
TEST_F(CommandLine, CatPrintsTheFileItReads) {
  const std::string file = write("reads.cma",
                                 "machine small release=4.19\nb = cma_alloc a pages=5\ncat cma/a/bitmap\n"
                                 "cat cma/a/used\ncat sys/a/alloc_pages_success\n");
  EXPECT_EQ(call({"run", file}), kNothingFound);
  EXPECT_THAT(out_,
              AllOf(HasSubstr("line 3: cat cma/a/bitmap                                      # ok\n31 0 0 0 0 0 0 0\n"),
                    HasSubstr("line 4: cat cma/a/used                                        # ok\n5\n"),
                    HasSubstr("line 5: cat sys/a/alloc_pages_success                         # failed: -ENOENT\n"),
                    HasSubstr(": ok, 4 operations"), Not(HasSubstr("cma_alloc a"))));
  EXPECT_EQ(call({"run", "--json", file}), kNothingFound);
  EXPECT_THAT(
      out_, AllOf(StartsWith("{"), HasSubstr(R"({"line":3,"op":1,"path":"cma/a/bitmap","text":"31 0 0 0 0 0 0 0\n"})"),
                  HasSubstr(R"("path":"cma/a/used","text":"5\n")")));
  EXPECT_EQ(call({"run", "-q", file}), kNothingFound);
  EXPECT_THAT(out_, IsEmpty());
}

// The question of each public report is answered by these lines.
const std::pair<const char*, std::vector<const char*>> kReports[] = {
    {"report-3-one-page-in-a-full-area",
     {"window page 0x3ac00, bit 0 of 2048\n", "moved  page 0x3ac00 of film: dropped from its cache\n"}},
    {"report-6-boosted-watermark",
     {"zone DMA has 2577 pages that the request may use, and more than 2607 must stay\n",
      "zone   DMA: 2577 (10308 kB) of 133649 free pages are not the areas'; they must exceed 2607 (10428 kB): min "
      "watermark 803 + boost 1804 (the highest possible); requests that take from another type's "
      "pageblock raise the boost\n",
      "would  let the next page pass in zone DMA without the boost of its watermarks",
      "would  give one more page if 31 more pages outside areas were free in zone DMA, as with an area that is "
      "2 MiB smaller",
      "one = alloc_pages type=unmovable\n  answer failed, -ENOMEM, as above for line 82: more = unmovable_page"}},
    {"report-5-codec-on-a-full-area",
     {"no window: 1024 pages at align 8; longest aligned run 768 (of 828) at bit 130304 of 131072: 256 pages short\n",
      "held   129536 pages by streams\n"}},
    {"report-7-min-free-kbytes-with-8-gb",
     {"zone DMA has 163", " pages that the request may use, and more than 16384 must stay\n", " of 9295 pages\n",
      "9270 pages of zone DMA by eaten\n", "zone   DMA: 16379 (65516 kB) of 147451 free pages are not the areas'",
      "pages free, of no use to this request, which reaches up to zone DMA\n",
      "they must exceed 16384 (65536 kB), the min watermark: all of vm.min_free_kbytes=65536, as zone DMA is the only "
      "zone of low memory\n"}},
    {"report-3-one-page-is-busy-4.19",
     {"window [4000, 4001), and 2047 more up to [47ff, 4800): -EBUSY, in each 1 page in the way; here those of the "
      "first\n",
      "because of \"bug contig-nofs\"", "all 2048 windows of the area were tried; each had a page in the way\n",
      "2047 windows were tried for 1 page; each had a page in the way, and no other was free\n",
      "no buffer has any of its 2048 bits; all its pages are lent to others, none is idle; what is lent is page "
      "cache\n",
      "bug    contig-nofs (in 4.10) took effect 2048 times: ",
      "ended  the run ends here, law complete: the request for 1 page failed, though nothing disturbed it and page "
      "0x4000 was free or could have been moved\n"}},
    {"report-12-frame-buffer-at-boot",
     {"no window: 2025 pages at align 8; longest run 1792 at bit 256 of 2048: 233 pages short\n",
      "they fit at bit 0 only", "held   256 pages by pool\n",
      "left   all as it was: nothing was taken or moved, and only the caller goes without\n"}},
    {"report-13-two-halves",
     {"no window: 32768 pages at align 8; longest run 32512 at bit 33024 of 65536: 256 pages short\n",
      "would  fit in an area of 260 MiB (now 256 MiB) from the same page on"}},
    {"report-15-seven-pipelines-do-not-fit-3.6",
     {"p7b4 = cma_alloc imx pages=203 align=8\n  answer failed, -ENOMEM: no window",
      "so there are enough, but not in a row; 5027 of 16384 bits are lost to this alignment\n",
      "by p1b6 to p1b10, p2b6 to p2b10, p3b6 to p3b10, p4b6 to p4b10 and 10 more, 178 each\n",
      "held   2695 pages by p1b2 to p7b2, 385 each\n",
      "would  not fit at any smaller alignment alone, among the buffers held now\n",
      "would  fit, and so would all requests before it, if they were made with CONFIG_CMA_ALIGNMENT=6\n"}},
    {"report-16-later-areas-4.19",
     {"linux,cma could not be activated: its pages from 0x30000 on lie in zone HighMem, those before in zone DMA",
      "would  be active if it ended at page 0x30000 (128 MiB)\n", "second was never activated",
      "; since 5.9 the kernel goes on to the other areas\n", "never searched: area second is not active\n"}},
    {"report-16-later-areas-as-shipped-4.19",
     {"answer not ended: area second is not active and has no bitmap: the kernel searches for free bits at a NULL "
      "pointer, and crashes; the run ends here (law sound)\n"}},
    {"report-19-where-cma-320m-goes-5.10",
     {"answer ok: 320 MiB at [0x1ac00000, 0x2ec00000), the highest free place in [0x0, 0x30000000)\n",
      "held   [0x2ec00000, 0x30000000) by "}},
    {"report-19-the-same-on-64-bits-5.10",
     {"answer ok: 256 MiB at [0x30000000, 0x40000000), the highest free place in [0x0, 0x40000000)\n",
      "below 0x40000000\n",
      "its memory was given back; cma= got [0x30000000, 0x40000000); the node's alloc-ranges would have kept it below "
      "0x30000000\n",
      "the limit alone, 0x40000000, keeps cma= low",
      "would  be the default area, 256 MiB at [0x1ec00000, 0x2ec00000), without cma= on the command line",
      "one that reaches only what the node allows cannot use those\n"}},
    {"report-20-order-8-from-zone-dma-6.1",
     {"zone   DMA: 512 (2048 kB) of 66048 free pages are not the areas'; less the other 255 of the block, 257 "
      "(1028 kB) remain; they must exceed 512 (2048 kB), the min watermark; ",
      "would  pass without GFP_DMA: zone DMA32 has 786176 pages free, but the device may not reach them\n",
      "by d1 to d191, 1024 each\n",
      "zone DMA has 512 pages that the request may use, 257 without the other 255 of the block, and more than 512 must "
      "stay\n",
      "answer failed, -ENOMEM: area linux: no window: 256 pages at align 8; none of the 65536 bits is free"}},
    {"report-2-area-across-the-end-of-memory-4.9",
     {"it ends at 0x20000000, 64 MiB beyond the end of memory, 0x1c000000 (the kernel's line calls that the low/high "
      "memory boundary)\n"}},
    {"report-9-which-regions-can-be-areas-5.10",
     {"size 0x4c0000 is no multiple of 4 MiB; 0x400000 or 0x800000 is (need not be a power of two; the unit is 2 MiB "
      "since 5.19)\n",
      "base 0x6fc00000 is one (447 * 4 MiB), size 0x100000 is none\n", "the node's `alignment` is not read"}},
    {"report-23-outer-starts",
     {"answer ok: pages 0x2d100 to 0x2e0ff, after 15 windows that failed\n",
      "window [2c200, 2d200), and 14 more up to [2d000, 2e000): -EBUSY, 1 page in the way\n",
      "    0x2d050  anonymous page",
      "    the log prints another start: that of the free block in which a window begins (2c200, 2c400, 2c800, "
      "2cc00); it shows ten lines in 5 s\n"}},
};

TEST_F(CommandLine, WhyAnswersThePublicReports) {
  for (const auto& [name, texts] : kReports) {
    const std::string file = std::string("corpus/scenarios/") + name + ".cma";
    // Reports about successes ask for one.
    const std::string_view report = name;
    const char* asked = nullptr;
    if (report.starts_with("report-3-one-page-in")) asked = "one";
    if (report.starts_with("report-19-")) asked = "main";
    const int code = asked != nullptr ? call({"run", "--why-of", asked, file}) : call({"run", "--why", file});
    EXPECT_EQ(code, kNothingFound) << file;
    for (const char* text : texts) EXPECT_THAT(out_, HasSubstr(text)) << name;
  }
}

TEST_F(CommandLine, JsonIsOneObjectAProgram) {
  EXPECT_EQ(call({"run", "--json", write("broken.cma", kBroken)}), kFindings);
  EXPECT_THAT(out_, AllOf(HasSubstr("\"law\":\"bitmap\""), HasSubstr("\"line\":4"), HasSubstr("\"passed\":false")));
}

constexpr std::string_view kFull =
    "machine small release=6.1\nactor A cpu=0\nA: b = cma_alloc a pages=256 until=cma_bitmap_marked\n"
    "c = cma_alloc a pages=1 cpu=1\nA: resume\n";

TEST_F(CommandLine, JsonHasTheAnswersAsData) {
  EXPECT_EQ(call({"run", "--json", "--why", write("full.cma", kFull)}), kNothingFound);
  EXPECT_THAT(out_,
              AllOf(HasSubstr("\"why\":[{\"answer\":\"no window: 1 page at align 0; none of the 256 bits is free"),
                    HasSubstr("\"line\":4"), HasSubstr("\"error\":\"-ENOMEM\""), HasSubstr("\"kind\":\"held\""),
                    HasSubstr("\"pages\":256")));
  EXPECT_EQ(call({"run", "--json", write("full.cma", kFull)}), kNothingFound);
  EXPECT_THAT(out_, Not(HasSubstr("\"why\"")));
}

TEST_F(CommandLine, AnOperationThatWasResumedReportsItsEndByItsName) {
  EXPECT_EQ(call({"run", "--trace", write("full.cma", kFull)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("until=cma_bitmap_marked  # stopped at cma_bitmap_marked\n"),
                          HasSubstr("# b ended, ok: pages 0x200 to 0x2ff\n")));
  constexpr std::string_view kLeft =
      "machine small release=6.1\nactor A cpu=0\nA: b = cma_alloc a pages=8 until=cma_bitmap_marked\n";
  EXPECT_EQ(call({"run", "--trace", write("left.cma", kLeft)}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("    # b ended, ok: pages 0x200 to 0x207\n"));
}

TEST_F(CommandLine, WhyOfExplainsASuccess) {
  EXPECT_EQ(call({"run", "--why-of", "b1", write("plain.cma", kPlain)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("answer ok: pages 0x200 to 0x203\n"), HasSubstr("moved  nothing")));
  EXPECT_EQ(call({"run", "--why-of", "nobody", write("plain.cma", kPlain)}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no operation has a result of the name nobody"));
}

TEST_F(CommandLine, FormsGoThereAndBack) {
  const std::string text = write("plain.cma", kPlain);
  EXPECT_EQ(call({"encode", text, "-o", path("bytes")}), kNothingFound);
  EXPECT_EQ(call({"decode", path("bytes")}), kNothingFound);
  EXPECT_EQ(out_, kPlain);
  EXPECT_EQ(call({"run", "-q", path("bytes")}), kNothingFound);
  EXPECT_EQ(call({"encode", text, "--into", path("")}), kNothingFound);
  EXPECT_EQ(read_file(path("plain")).value(), read_file(path("bytes")).value());
  EXPECT_EQ(call({"encode", text}), kBadInput);
  EXPECT_EQ(call({"encode", text, "-o", path("no/such/folder")}), kBadInput);
}

TEST_F(CommandLine, RunWritesReportsForOtherTools) {
  const std::string broken = write("broken.cma", kBroken);
  const std::vector<std::string> reports = {"--sarif", path("r.sarif"), "--junit", path("r.xml")};
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"run", "-q"});
    words.insert(words.end(), reports.begin(), reports.end());
    return call(words);
  };
  EXPECT_EQ(run({broken, write("plain.cma", kPlain)}), kFindings);
  EXPECT_THAT(read_file(path("r.sarif")).value(),
              AllOf(HasSubstr("\"version\": \"2.1.0\""), HasSubstr("broken.cma"), HasSubstr("\"startLine\": 4"),
                    HasSubstr("bitmap/cma_alloc/"), Not(HasSubstr("plain.cma"))));
  EXPECT_THAT(read_file(path("r.xml")).value(),
              AllOf(HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\""), HasSubstr("broken.cma:4: b1 = cma_alloc")));
  EXPECT_EQ(run({write("bad.cma", "x\n")}), kBadInput);
  EXPECT_THAT(read_file(path("r.xml")).value(), HasSubstr("errors=\"1\""));
  EXPECT_EQ(run({"--other-input", "crash-1=text/error-without-place"}), kFindings);
  EXPECT_THAT(read_file(path("r.sarif")).value(), AllOf(HasSubstr("crash-1"), HasSubstr("\"ruleId\": \"text\"")));
}

TEST_F(CommandLine, RunRefusesReportsThatCannotBeWritten) {
  const std::string file = write("plain.cma", kPlain);
  EXPECT_EQ(call({"run", file, "--sarif", path("no/such/folder")}), kBadInput);
  EXPECT_THAT(out_, IsEmpty()) << "nothing was performed";
  EXPECT_EQ(call({"run", file, "--junit", "-"}), kBadInput);
  EXPECT_EQ(call({"run", file, "--other-input", "crash-1"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("takes INPUT=SIGNATURE"));
  EXPECT_EQ(call({"run", file, "--other-input", "=x"}), kBadInput);
}

TEST_F(CommandLine, FmtIsCanonicalAndInPlace) {
  const std::string file = write("p.cma", "machine small release=6.1\n  b1  =  cma_alloc a   pages=0x4 # four\n");
  EXPECT_EQ(call({"fmt", file}), kNothingFound);
  EXPECT_EQ(out_, kPlain);
  EXPECT_EQ(call({"fmt", "-i", file}), kNothingFound);
  EXPECT_EQ(read_file(file).value(), kPlain);
  EXPECT_EQ(call({"fmt", write("bad.cma", "x\n")}), kBadInput);
}

TEST_F(CommandLine, MinimizeWritesOneFileASignature) {
  const std::string broken = write("broken.cma", kBroken);
  EXPECT_EQ(call({"minimize", broken, "-o", path("min.cma")}), kNothingFound);
  EXPECT_THAT(read_file(path("min.cma")).value(), AllOf(HasSubstr("# bitmap/"), HasSubstr("cma_alloc a pages=2")));
  EXPECT_EQ(call({"run", "-q", path("min.cma")}), kFindings);
  EXPECT_EQ(call({"minimize", broken, "--into", path("")}), kNothingFound);
  const std::string first = out_;
  EXPECT_THAT(first, HasSubstr(path("bitmap-")));
  EXPECT_EQ(call({"minimize", path("min.cma"), "--into", path("")}), kNothingFound);
  EXPECT_EQ(out_, first) << "the file that shows it already";
  // A file of that name that shows something else is not overwritten.
  write(fs::path(first.substr(0, first.size() - 1)).filename().string(), kPlain);
  EXPECT_EQ(call({"minimize", broken, "--into", path("")}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("-2.cma"));
  EXPECT_EQ(call({"minimize", write("plain.cma", kPlain)}), kBadInput);
  EXPECT_EQ(call({"minimize", broken, "-o", path("no/such/folder")}), kBadInput);
}

TEST_F(CommandLine, HashesAreTheSameEachTimeAndNeedPrograms) {
  EXPECT_EQ(call({"hashes"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no program is named"));
  EXPECT_EQ(call({"hashes", write("plain", kPlain), "--random", "3", "--seed", "7"}), kNothingFound);
  const std::string first = out_;
  EXPECT_THAT(first, AllOf(HasSubstr("plain program="), HasSubstr("seed-9 program="), Not(HasSubstr("seed-10"))));
  EXPECT_EQ(call({"hashes", path("plain"), "--random", "3", "--seed", "7"}), kNothingFound);
  EXPECT_EQ(out_, first);
}

TEST_F(CommandLine, TablesArePrinted) {
  EXPECT_EQ(call({"laws"}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("exclusive\n"));
  EXPECT_EQ(call({"points"}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("cma_bitmap_marked "));
  EXPECT_EQ(call({"bugs"}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("bitmap-forgets-bit       planted\n"),
                          HasSubstr("count-truncated          in 3.5 to 4.8, A5-COUNT-TRUNCATED\n"),
                          HasSubstr("failed-start-undoes      in 3.5 to 3.7, again since 5.19\n"),
                          HasSubstr("in 3.17, between the modelled releases, A1-MASK-EXPONENT\n")));
  EXPECT_EQ(call({"releases"}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("6.12  judged "));
}

TEST_F(CommandLine, AReleaseThatIsNotModelledHasANearestOne) {
  EXPECT_EQ(call({"releases", "6.3.13-vendor"}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("6.3 is not modelled; the nearest release is 6.1: release=6.1\n"),
                          HasSubstr("6.3 has, and 6.1 has not:\n"), HasSubstr("Pages move in batches")));
  EXPECT_EQ(call({"releases", "5.6"}), kNothingFound);
  EXPECT_THAT(out_, HasSubstr("5.10 has, and 5.6 has not:\n"));
  EXPECT_EQ(call({"releases", "6.12"}), kNothingFound);
  EXPECT_EQ(out_, "6.12 is modelled: release=6.12\n");
  EXPECT_EQ(call({"releases", "2.6"}), kBadInput);
}

TEST_F(CommandLine, FitReportsTheSmallestAreaForLinesAndPrograms) {
  const std::string lines = write("lines", "178 x5 align 8\n");
  EXPECT_EQ(call({"fit", lines, "--release", "4.19"}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("lines: 5 requests, 890 pages"),
                          HasSubstr("2 units, 2048 pages; in 1 unit request 5 of 5 fails (line 1: "),
                          HasSubstr("saves 4 MiB")));
  EXPECT_EQ(call({"fit", lines, "--json"}), kNothingFound);
  EXPECT_THAT(out_, AllOf(StartsWith("{\"file\":"), HasSubstr("\"release\":\"6.1\""), HasSubstr("\"unit_pages\":512")));
  EXPECT_EQ(call({"fit", write("plain.cma", kPlain)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("area a, 1 request, 4 pages"), HasSubstr("its base is page 0x200")));
}

TEST_F(CommandLine, FitRefusesBadInputWithLineAndReason) {
  const std::string lines = write("lines", "4\n5 x\n");
  EXPECT_EQ(call({"fit", lines}), kBadInput);
  EXPECT_THAT(err_, StartsWith(lines + ":2: unexpected `x`"));
  EXPECT_EQ(call({"fit", write("bad.cma", "machine small release=6.1\nfrobnicate\n")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("bad.cma:2:"));
  EXPECT_EQ(call({"fit", write("plain.cma", kPlain), "--base", "0x1"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("plain.cma: an area cannot begin at 0x1"));
  EXPECT_EQ(call({"fit", path("plain.cma"), "--base", "x"}), kBadInput);
  EXPECT_EQ(call({"fit", path("plain.cma"), "--release", "2.6"}), kBadInput);
  EXPECT_EQ(call({"fit", path("plain.cma"), "--cma-alignment", "13"}), kBadInput);
  EXPECT_EQ(call({"fit", path("plain.cma"), "--release", "3.6", "--cma-alignment", "9"}), kBadInput);
  EXPECT_EQ(call({"fit", path("plain.cma"), "--pageblock-order", "12"}), kBadInput);
  EXPECT_EQ(call({"fit", path("nothing")}), kBadInput);
}

TEST_F(CommandLine, EmitsATestCase) {
  EXPECT_EQ(call({"emit", "gtest", write("broken.cma", kBroken)}), kNothingFound);
  EXPECT_THAT(out_, AllOf(HasSubstr("TEST(Emitted, Bitmap"), HasSubstr("bug bitmap-forgets-bit")));
}

}  // namespace
}  // namespace cma
