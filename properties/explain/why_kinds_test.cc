// What is answered about operations on single pages, processes, files and ranges: each way in which each kind fails.
// Requests to areas, declarations and requests for pages have tests of their own.

#include "properties/explain/why_kinds.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why.h"
#include "properties/explain/why_testing.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Both areas are taken, so that all memory left is ordinary.
constexpr const char* kNoAreas = "keep = cma_alloc a pages=256\nmore = cma_alloc b pages=256\n";
constexpr const char* kSmall = "small release=6.1";

TEST(WhyKinds, AnswersForReferencesOnFreePages) {
  expect_answers({
      {"pin",
       "small release=6.1",
       "k = pin 0x40\n",
       {"k = pin 0x40\n  answer failed, -ENOENT: page 0x40 is free, and a reference needs a page in use\n",
        "page   0x40  free block"}},
      {"get_page",
       "small release=6.1",
       "get_page 0x45\n",
       {"answer failed, -ENOENT: page 0x45 is free", "page   0x45  page inside the free block of "}},
      {"per-CPU list",
       "small release=6.1",
       "u = unmovable_page at=0x45\nfree u\npin 0x45\n",
       {"page   0x45  free page on a per-CPU list\n"}},
  });
}

TEST(WhyKinds, AnswersForPagesOnChosenFrames) {
  expect_answers({
      {"in the way",
       "small release=6.1",
       "x = anon_page at=0x4e pages=4\n",
       {"x = anon_page at=0x4e pages=4\n  answer failed, -EBUSY: page 0x4f could not be emptied: 1 page in the way, "
        "beside it in what must be isolated with it\n",
        "got    1 of 4 pages\n",
        "  window [4f, 50): -EBUSY, 1 page in the way\n    0x4e  anonymous page of x: 2 references, 1 mapping\n"
        "      held by  the lru_add pagevec of CPU 0\n"}},
      {"beyond memory",
       "small release=6.1",
       "x = shmem_page at=0x3fe pages=4\n",
       {"answer failed, -EINVAL: page 0x400 cannot be asked for: page 0x400 does not exist: memory ends at 0x400\n",
        "got    2 of 4 pages\n"}},
      {"no target",
       "small release=6.1",
       "s = shmem_page at=0x48\ndrain\na1 = cma_alloc a pages=256\nb1 = cma_alloc b pages=256\n"
       "eaten = anon_page pages=700\nx = movable_page at=0x48\n",
       {"x = movable_page at=0x48\n  answer failed, -ENOMEM: what uses page 0x48 has no page to move to; no zone can "
        "give a "
        "page: zone Normal has "}},
      {"signal",
       "small release=6.1",
       "actor A cpu=0\nA: x = anon_page at=0x48 until=isolate_done\nsignal A\nA: resume\n",
       {"answer failed, -EINTR: a fatal signal ended the wait for page 0x48\n"}},
      {"zone border",
       "release=4.19 base=0 pages=0x1400 pageblock_order=9\nzone DMA base=0 pages=0xa00\nzone Normal "
       "base=0xa00 pages=0xa00",
       "x = block_device_page at=0x900\n",
       {"page 0x900 cannot be asked for: its isolation units, [0x800, 0xc00), reach out of zone DMA, [0x0, 0xa00)\n"}},
      {"unit of a failed area",
       "small release=3.6\nhole base=0x64 pages=1",
       "declare c base=1 size=1\nx = anon_page at=0x40\nr = alloc_range at=0x50 pages=1\n",
       {"page 0x40 cannot be asked for: a part of its isolation unit [0x40, 0x80) was given to an area that then "
        "failed\n",
        "page 0x50 cannot be asked for: a part of its isolation unit [0x40, 0x80) was given to an area that then "
        "failed\n"}},
      {"range",
       "small release=6.1",
       "u = unmovable_page at=0x48\nr = alloc_range at=0x40 pages=16\n",
       {"answer failed, -EBUSY: pages 0x40 to 0x4f could not be emptied: 1 page in the way\n"}},
      {"range of an area",
       "small release=6.1",
       "r = alloc_range at=a pages=16\n",
       {"answer failed, -EBUSY: pages 0x200 to 0x20f could not be emptied: the pageblock in the way\n"}},
      {"beyond the end",
       "small release=6.1",
       "r = alloc_range at=0x3f0 pages=17\n",
       {"cannot be asked for: its range ends after the end of memory, 0x400\n"}},
  });
}

TEST(WhyKinds, AnswersForHugePages) {
  expect_answers({
      {"no huge pages",
       "small release=6.1",
       "p = spawn\nv = mmap_huge p\n",
       {"answer failed, -EINVAL: the machine has no transparent huge pages; thp=on adds them\n"}},
      {"not aligned",
       "small release=6.1 thp=on",
       "p = spawn\nv = mmap_huge p count=2 at=0x48\n",
       {"answer failed, -EINVAL: a huge page begins at a multiple of 16 pages, and 0x48 is none\n",
        "got    0 of 2 huge pages\n"}},
      {"referenced",
       "small release=6.1 thp=on",
       "actor A cpu=0\np = spawn\nA: v = mmap_huge p at=0x40 until=contig_captured\nk = pin 0x41\nA: resume\n",
       {"answer failed, -EBUSY: another task has taken a reference on pages 0x40 to 0x4f meanwhile\n",
        "got    0 of 1 huge page\n"}},
      {"process ended",
       "small release=6.1 thp=on",
       "actor A cpu=0\np = spawn\nA: v = mmap_huge p count=2 at=0x40 until=isolate_done\nexit p\nA: resume\n",
       {"answer failed, -ENOENT: the process ended meanwhile\n", "got    0 of 2 huge pages\n"}},
      {"in the way",
       "small release=6.1 thp=on",
       "u = unmovable_page at=0x58\np = spawn\nv = mmap_huge p count=2 at=0x40\n",
       {"answer failed, -EBUSY: pages 0x50 to 0x5f could not be emptied: 1 page in the way\n",
        "got    1 of 2 huge pages\n"}},
      {"split in use",
       "small release=6.1 thp=on",
       "p = spawn\nv = mmap_huge p at=0x40\ndrain\nk = pin v\nsplit_huge v\n",
       {"split_huge v\n  answer failed, -", ": the huge page at 0x40 has references besides its mappings\n",
        "page   0x40  transparent huge page (16 pages from 0x40 on) of p", "held by pin k"}},
      {"pool grows",
       "small release=6.1",
       std::string(kNoAreas) + "eaten = unmovable_page pages=460\nhugetlb_pool count=4\n",
       {"hugetlb_pool count=4\n  answer failed, -ENOMEM: no zone can give a block of order 4 (16 pages): ",
        " of 4 huge pages\n"}},
      {"pool grows at",
       "small release=6.1",
       "u = unmovable_page at=0x58\nhugetlb_pool count=2 at=0x40\n",
       {"answer failed, -EBUSY: pages 0x50 to 0x5f could not be emptied", "got    1 of 2 huge pages\n"}},
      {"pool empty",
       "small release=6.1",
       "hugetlb_pool\nh = hugetlb_page count=2\n",
       {"answer failed, -ENOMEM: the hugetlb pool has no free page; hugetlb_pool adds some\n",
        "got    1 of 2 huge pages\n"}},
  });
}

TEST(WhyKinds, AnswersForPrivateMemory) {
  const std::string full = std::string(kNoAreas) + "p = spawn\n";
  expect_answers({
      {"no memory",
       kSmall,
       full + "v = mmap_anon p pages=700\n",
       {"answer failed, -ENOMEM: no zone can give a page: zone Normal has ", " of 700 pages\n"}},
      {"chosen",
       kSmall,
       "p = spawn\nv = mmap_anon p pages=4 at=0x4e\n",
       {"-EBUSY: page 0x4f could not be emptied", "got    1 of 4 pages\n"}},
      {"copies",
       kSmall,
       full + "v = mmap_anon p pages=300\nc = fork p\nwrite v from=10 pages=250\n",
       {"write v from=10 pages=250\n  answer failed, -ENOMEM: ", " of 250 pages\n"}},
      {"locked",
       kSmall,
       "p = spawn\nv = mmap_anon p pages=1\nmlock v\nmadv_free v\n",
       {"answer failed, -EINVAL: MADV_FREE is for memory that is not locked, and this mapping is\n"}},
      {"early",
       "small release=3.6",
       "p = spawn\nv = mmap_anon p pages=1\nmadv_free v\n",
       {"answer failed, -EINVAL: MADV_FREE came with 4.5\n"}},
      {"process ended",
       kSmall,
       "actor A cpu=0\nactor B cpu=1\np = spawn\nA: v = mmap_anon p pages=2 at=0x48 until=isolate_done\nB: exit p\n"
       "A: resume\n",
       {"answer failed, -ENOENT: the process ended meanwhile\n", "got    0 of 2 pages\n"}},
      {"killed",
       "small release=5.15 oom_killer=on",
       "actor A cpu=1\np = spawn\nv = mmap_anon p pages=29\nu = unmovable_page pages=995 scope=noreclaim\n"
       "n = anon_page pages=1024 scope=noreclaim\nA: c = fork p until=fork_referenced\nx = anon_page\nA: resume\n",
       {"answer failed, -EINTR: p was killed meanwhile\n"}},
      {"fork",
       kSmall,
       "p = spawn\nv = mmap_anon p pages=1\nk = pin_longterm v\n" + std::string(kNoAreas) +
           "eaten = unmovable_page pages=700\neven = anon_page pages=200\nc = fork p\n",
       {"c = fork p\n  answer failed, -ENOMEM: a page of p that a device may write to must be copied for the child; no "
        "zone can give a page"}},
  });
}

TEST(WhyKinds, AnswersForLongtermPins) {
  const std::string memory = "p = spawn\nv = mmap_anon p pages=1 at=a+8\ndrain\n";
  expect_answers({
      {"no target",
       kSmall,
       memory + "x = cma_alloc b pages=256\neaten = unmovable_page pages=700\nk = pin_longterm v\n",
       {"k = pin_longterm v\n  answer failed, -ENOMEM: page 0 of v is at 0x208, where a long-term pin may not leave "
        "it, and it cannot be moved: migrate_pages: -ENOMEM\n",
        "found  no page to move it to: no zone can give a page"}},
      {"held",
       kSmall,
       memory + "l = pin v\nk = pin_longterm v\n",
       {"k = pin_longterm v\n  answer failed, -ENOMEM: page 0 of v is at 0x208, where a long-term pin may not leave it",
        "held by pin l"}},
      {"untouched",
       kSmall,
       std::string(kNoAreas) + "p = spawn\nv = mmap_anon p pages=8\nmunmap v\neaten = unmovable_page pages=700\n"
                               "k = pin_longterm v\n",
       {"k = pin_longterm v\n  answer failed, -ENOMEM: page 0 of v could not be touched first; no zone can give a "
        "page"}},
  });
}

TEST(WhyKinds, AnswersForSharedMemory) {
  expect_answers({
      {"truncated",
       kSmall,
       "s = shmem_page pages=2\np = spawn\nv = mmap_shared p s\nmunmap v\nfree s\nwrite v\n",
       {"write v\n  answer failed, -EFAULT: what it maps was truncated: its next page is gone\n",
        "got    0 of 2 pages\n"}},
      {"lazily freed",
       kSmall,
       "s = shmem_page\np = spawn\nv = mmap_shared p s\nmadv_free v\n",
       {"answer failed, -EINVAL: MADV_FREE is for private memory, and this mapping is shared\n"}},
  });
}

TEST(WhyKinds, AnswersForFilesAndCompaction) {
  expect_answers({
      {"read",
       kSmall,
       std::string(kNoAreas) + "eaten = unmovable_page pages=500\nf = file\nr = read f pages=700\n",
       {"r = read f pages=700\n  answer failed, -ENOMEM: no zone can give a page", " of 700 pages\n"}},
      {"bread",
       kSmall,
       "eaten = unmovable_page pages=500\nd = file block_device\nr = bread d pages=700 unmovable\n",
       {"r = bread d pages=700 unmovable\n  answer failed, -ENOMEM: ", " of 700 pages\n"}},
      {"read at",
       kSmall,
       "f = file\nr = read f at=0x4e pages=4\n",
       {"-EBUSY: page 0x4f could not be emptied", "got    1 of 4 pages\n"}},
      {"bread dropped",
       kSmall,
       "actor A cpu=0\nactor B cpu=1\nd = file block_device\n"
       "A: r = bread d at=0x40 until=contig_captured\nB: bread d\nB: drain\nB: bh_invalidate\n"
       "A: resume until=put_page_dropped\nB: drop d\nA: resume\n",
       {"answer failed, -EAGAIN: another task dropped the page before its buffer could be held\n",
        "got    0 of 1 page\n"}},
      {"compact, signal",
       kSmall,
       "actor A cpu=0\neaten = unmovable_page pages=470\n"
       "A: compact order=6 full type=unmovable until=compact_begin\nsignal A\nA: resume\n",
       {"answer failed, -EAGAIN: a fatal signal ended it before a block of order 6 came to be\n"}},
      {"compact",
       kSmall,
       "eaten = unmovable_page pages=470\ncompact order=6 full type=unmovable\n",
       {"answer failed, -ENOMEM: moving pages made no block of order 6: ", "zone   Normal: "}},
      {"reclaim, nothing there",
       kSmall,
       "reclaim\n",
       {"answer failed, -ENOMEM: no page of a file is on the LRU lists, and without swap 0 anonymous pages cannot be "
        "freed\n",
        "wanted 32 pages to be freed\n"}},
      {"reclaim, all in use",
       kSmall,
       "f = file\nr = read f pages=3\nbh_dirty r\ndrain_lru\nreclaim pages=8\n",
       {"answer failed, -ENOMEM: none of 3 pages of files on the LRU lists could be freed: they are dirty, in use or "
        "locked\n",
        "wanted 8 pages to be freed\n"}},
      {"cat",
       kSmall,
       "cat cma/nosuch/count\n",
       {"answer failed, -ENOENT: there is no such area; areas are a, b\n",
        "found  files buddyinfo, pagetypeinfo, zoneinfo, meminfo, vmstat, cma/AREA/", "; areas a, b\n"}},
      {"bitmap",
       "release=6.1 pages=0x10000 pageblock_order=9\narea main base=0x4000 pages=0x8000",
       "u = unmovable_page pages=0x7e00\ncat cma/main/bitmap\n",
       {"answer failed, -ENOMEM: a reader of the bitmap needs a block for all of its text; no zone can give a block of "
        "order 2 (4 pages): "}},
  });
}

TEST(WhyKinds, AnswersForSkippedOperations) {
  EXPECT_EQ(why_text(kSmall, "b = cma_alloc a pages=4\ncma_release b\ncma_release b\n"),
            "cma_release b\n  answer skipped: b is gone since \"cma_release b\"\n");
}

TEST(WhyKinds, SaysWhyBootOrAResumeWasSkipped) {
  expect_answers({
      {"boot that came too late, and what it was to read",
       "release=5.10 pages=0x10000 pageblock_order=9",
       "region r size=0x1000000 shared-dma-pool reusable\nn = anon_page\nboot main cmdline=\"\"\nb = cma_alloc r "
       "pages=1\n",
       {"answer skipped: boot has finished: \"n = anon_page\" finished it\n",
        "answer skipped: there is no such area: r is no area: main, the boot that would read it, was skipped\n",
        "answer ok: but nothing is reserved: main, the boot that would read it, was skipped\n"}},
      {"no boot",
       "release=5.10 pages=0x10000 pageblock_order=9",
       "region r size=0x1000000 shared-dma-pool reusable\n",
       {"answer ok: but nothing is reserved: no `boot` follows, which would read it\n"}},
      {"regions that overlap",
       "release=6.6 pages=0x10000 pageblock_order=9",
       "region r base=0x2000000 size=0x1000000 shared-dma-pool reusable\n"
       "region s base=0x2800000 size=0x1000000 shared-dma-pool reusable\nboot main cmdline=\"cma=0\"\n",
       {"answer skipped: two areas would have the same memory, which no kernel checks: r and s both have [0x2800000, "
        "0x3000000)\n"}},
      {"resumed though its stop never came",
       kSmall,
       "actor A cpu=0\nA: b = cma_alloc a pages=257 until=cma_bitmap_marked\nA: resume\n",
       {"answer skipped: its actor is not stopped at a point: \"A: b = cma_alloc a pages=257 until=cma_bitmap_marked\" "
        "has ended without coming to cma_bitmap_marked\n"}},
      {"resumed once too often",
       kSmall,
       "actor A cpu=0\nA: b = cma_alloc a pages=8 until=cma_bitmap_marked\nA: resume\nA: resume\n",
       {"until=cma_bitmap_marked\" has ended\n"}},
      {"resumed without an operation",
       kSmall,
       "actor A cpu=0\nA: resume\n",
       {"answer skipped: its actor is not stopped at a point: it has begun no operation\n"}},
  });
}

TEST(WhyKinds, NamesWhatWasNotThere) {
  expect_answers({
      {"beyond memory",
       kSmall,
       "x = anon_page at=0x800\n",
       {"answer skipped: page 0x800 does not exist: memory ends at 0x400\n"}},
      {"hole",
       "release=6.1 base=0 pages=0x8000 pageblock_order=9\nhole base=0x7000 pages=0x200",
       "x = anon_page at=0x7010\n",
       {"answer skipped: page 0x7010 does not exist: it is in the hole [0x7000, 0x7200)\n"}},
      {"ended process",
       kSmall,
       "p = spawn\nv = mmap_anon p pages=4\nexit p\nk = fork p\n",
       {"k = fork p\n  answer skipped: ", "p is gone since \"exit p\"\n"}},
      {"no such page of a mapping",
       kSmall,
       "p = spawn\nv = mmap_anon p pages=4\nk = pin_longterm v from=9\n",
       {"answer skipped: the mapping has no such page: v has 4 pages, 0 to 3\n"}},
      {"failed",
       kSmall,
       "b = cma_alloc a pages=257\ncma_release b\n",
       {"cma_release b\n  answer skipped: b failed, -ENOMEM\n"}},
      {"still inside",
       kSmall,
       "actor A cpu=0\nA: b = cma_alloc a pages=8 until=cma_bitmap_marked\nA: drain\ncma_release b cpu=1\nA: resume\n",
       {"answer skipped: its actor is still inside \"A: b = cma_alloc a pages=8 until=cma_bitmap_marked\", which is "
        "stopped at cma_bitmap_marked\n",
        "answer skipped: b is still inside \"A: b = "}},
      {"waits",
       kSmall,
       "actor A cpu=0\nf = file slow\nA: r = read f pages=2\nx = pin r cpu=1\nio_done\n",
       {"r is still inside \"A: r = read f pages=2\", which waits for "}},
  });
}

TEST(WhyKinds, NamesTheHoldersOfPagesByWhatTheyAre) {
  expect_answers({
      {"boot",
       "release=6.1 base=0 pages=0x8000 pageblock_order=9\nreserved base=0x2000 pages=0x10",
       "x = anon_page at=0x2000\n",
       {"held by  boot (reserved)\n"}},
      {"a read that keeps its count",
       "small release=6.1",
       "d = file block_device\nsb = bread d at=a+8 keep\ndrain\nw = cma_alloc a pages=256\n",
       {"held by  a count that sb keeps on its buffer\n"}},
      {"a block that is no compound page",
       "small release=6.1",
       "x = alloc_pages order=4 type=unmovable\nr = alloc_range at=x+4 pages=1\n",
       {"page of block x"}},
  });
}

// 6.1 gives a page that is refused for good back to the next call.
TEST(WhyKinds, CountsTheCallsOfAPageThatIsRefusedForGood) {
  const auto refused = [](const char* release) {
    return why_text(std::string("small release=") + release,
                    "m = movable_page at=a+8\ndrain\nrefuse m times=all error=EIO\nw = cma_alloc a pages=256\n");
  };
  EXPECT_THAT(refused("6.1"), HasSubstr("-EIO in pass 1 of call 5\n"));
  EXPECT_THAT(refused("6.12"), HasSubstr("-EIO in pass 2 of call 5\n")) << "first all pages together, then one by one";
  EXPECT_THAT(refused("4.19"), HasSubstr("-EIO in pass 1 of call 1\n"));
}

TEST(WhyKinds, SaysWhetherCompactionBegan) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  std::string pinned;
  for (int i = 0; i < 16; ++i) pinned += fmt::format("n{} = anon_page at={:#x}\n", i, i * 512 + 256);
  pinned += "drain\n";
  for (int i = 0; i < 16; ++i) pinned += fmt::format("k{} = pin n{}\n", i, i);
  expect_answers({
      {"too little memory",
       machine,
       "u = unmovable_page pages=9000\ncompact order=9\n",
       {"answer failed, -ENOMEM: compaction was not begun: zone Normal has 256 pages free, and needs more than 1",
        " to have some to move pages to (low watermark + 1024)\n"}},
      {"pages that stay",
       machine,
       pinned + "compact order=9 full type=unmovable\n",
       {"answer failed, -ENOMEM: moving pages made no block of order 9: ", " could not be\n", "held by pin k",
        " more pages that stayed\n"}},
  });
}

TEST(WhyKinds, SaysOfACompactionNothingThatOnlyAnAllocationDoes) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  const std::string text = why_text(machine, "u = unmovable_page pages=9000\ncompact order=9\n");
  const std::size_t compact = text.find("compact order=9\n");
  ASSERT_NE(compact, std::string::npos);
  EXPECT_THAT(text.substr(compact), ::testing::AllOf(HasSubstr("compaction was not begun"), Not(HasSubstr("  next "))));
}

TEST(WhyKinds, ExplainsSuccessesIfAsked) {
  const std::string pages = why_text(kSmall, "x = movable_page at=0x48 pages=3\n", "x");
  EXPECT_THAT(pages, ::testing::AllOf(HasSubstr("answer ok: 3 pages\n"), HasSubstr("moved  nothing"),
                                      HasSubstr("got    pages 0x48 to 0x4a in zone Normal\n")));
  EXPECT_THAT(why_text(kSmall, "x = alloc_pages order=3 type=unmovable\n", "x"), HasSubstr(" in zone Normal\n"));
  EXPECT_THAT(
      why_text(kSmall, "x = shmem_page pages=3\n", "x"),
      ::testing::AllOf(HasSubstr("answer ok: 3 pages\n"), HasSubstr("got    page"), HasSubstr(" in zone Normal")));
}

// Each operation that fails has an answer of its own.
TEST(WhyKinds, ExplainsEveryFailureOfRandomPrograms) {
  KindSet failed;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    GeneratorOptions options;
    options.huge_pages = seed % 3 == 0;
    const Program program = generate(seed, options);
    Interpreter interpreter;
    WhyRecorder recorder(interpreter);
    RunOptions run;
    run.expectations = false;
    if (interpreter.run(program, &recorder, run).finding) continue;
    const std::vector<Answer> answers = recorder.answers();
    for (Slot op = 0; op < program.ops.size(); ++op) {
      if (interpreter.world().result(op).state != Result::State::failed) continue;
      failed.set(program.ops[op].body.index());
      const auto answer = std::ranges::find_if(
          answers, [&](const Answer& one) { return one.op == op && one.ending == Ending::failed; });
      ASSERT_NE(answer, answers.end()) << seed << ": " << print_op(program, program.ops[op]);
      EXPECT_THAT(answer->brief, Not(HasSubstr("does not fail"))) << seed << ": " << print_op(program, program.ops[op]);
      EXPECT_NE(answer->brief, "") << seed << ": " << print_op(program, program.ops[op]);
      EXPECT_THAT(answer->brief, Not(HasSubstr("no memory"))) << seed << ": " << print_op(program, program.ops[op]);
    }
  }
  EXPECT_GE(failed.count(), 15U) << "kinds of which random programs made one fail";
}

}  // namespace
}  // namespace cma
