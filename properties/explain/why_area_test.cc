// What is answered about requests to areas: never searched, no window, windows that failed, and what was given.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPi3 =
    "release=4.19 base=0x3a000 pages=0x1400 pageblock_order=9 debug=off\narea cma base=0x3ac00 pages=0x800 "
    "order_per_bit=0\n";

// A frame buffer of 1920 x 1080 and a coherent pool: only bit 0 can be a start.
TEST(WhyArea, NamesTheLongestRunAndHowManyPagesAreMissing) {
  EXPECT_EQ(why_text(kPi3, "pool = cma_alloc cma pages=256 align=8\nfb = cma_alloc cma pages=2025 align=8\n"),
            "fb = cma_alloc cma pages=2025 align=8\n"
            "  answer failed, -ENOMEM: no window: 2025 pages at align 8; longest run 1792 at bit 256 of 2048: 233 "
            "pages short\n"
            "  wanted 2025 free bits in a row, the first at a multiple of 256 bits (mask 0xff, offset 0); they fit at "
            "bit 0 only: one page held among the 2025 there leaves no room\n"
            "  found  1792 bits of 2048 free, in 1 run; their pages are free\n"
            "  run    1792 bits at bit 256, pages 0x3ad00 to 0x3b3ff\n"
            "  held   256 pages by pool\n"
            "  would  not fit at any smaller alignment alone, among the buffers held now; nor if all requests "
            "were made with a smaller CONFIG_CMA_ALIGNMENT\n"
            "  would  fit with 1792 pages at most\n"
            "  would  find free bits in an area of 12 MiB (now 8 MiB) that begins lower, as memory ends at page "
            "0x3b400, after the "
            "buffers held now; `cmacheck fit` prints the least for all requests\n"
            "  left   all as it was: nothing was taken or moved, and only the caller goes without\n");
}

TEST(WhyArea, AnswersForEachWayWithoutASearch) {
  expect_answers({
      {"larger than the area",
       "small release=6.1",
       "w = cma_alloc a pages=257\n",
       {"answer failed, -ENOMEM: never searched: 257 pages (257 bits) are more than area a has, 256 pages (256 bits)",
        "would  fit with 256 pages at most"}},
      {"nothing asked for",
       "small release=6.1",
       "w = cma_alloc a pages=0\n",
       {"never searched: 0 pages are asked for"}},
      {"larger by debugfs",
       "small release=6.1",
       "w = debugfs_alloc a pages=257\n",
       {"never searched: 257 pages (257 bits) are more than area a has"}},
      {"zone border",
       "release=4.19 base=0 pages=0x4000 pageblock_order=9\nzone DMA base=0 pages=0x2000\nzone HighMem "
       "base=0x2000 pages=0x2000\n",
       "reserve base=0x1c00 pages=0x800\ninit_reserved_mem high base=0x1c00000 size=0x800000\nactivate\n"
       "w = cma_alloc high pages=1\n",
       {"activate\n  answer ok: boot has finished, but not every area is active\n",
        "area   high could not be activated: its pages from 0x2000 on lie in zone HighMem, those before in "
        "zone DMA: an area must lie in one zone\n",
        "area   high: 1024 of its 2048 pages were given to the allocator as CMA before that, for movable "
        "requests only; the others stay reserved\n",
        "would  be active if it ended at page 0x2000 (4 MiB)\n",
        "answer failed, -ENOMEM: never searched: area high is not active\n"}},
      {"after one that failed",
       "release=4.19 base=0 pages=0x4000 pageblock_order=9\nzone DMA base=0 pages=0x2000\nzone "
       "HighMem base=0x2000 pages=0x2000\n",
       "reserve base=0x1c00 pages=0x800\nreserve base=0x800 pages=0x400\n"
       "init_reserved_mem high base=0x1c00000 size=0x800000\ninit_reserved_mem low base=0x800000 size=0x400000\n"
       "w = cma_alloc low pages=1\n",
       {"area   low was never activated: this release ends at the first area that fails, which is high: its pages from "
        "0x2000 on lie in zone HighMem",
        "never searched: area low is not active\n"}},
      {"ordinary memory since 5.12",
       "release=6.1 base=0 pages=0x4000 pageblock_order=9\nzone DMA base=0 pages=0x2000\n"
       "zone HighMem base=0x2000 pages=0x2000\n",
       "reserve base=0x1c00 pages=0x800\ninit_reserved_mem high base=0x1c00000 size=0x800000\nactivate\n",
       {"area   high: its 2048 pages are ordinary memory now\n"}},
  });
}

TEST(WhyArea, TellsFragmentedFromFull) {
  const std::string full = why_text("small release=6.1", "x = cma_alloc a pages=256\nw = cma_alloc a pages=1\n");
  EXPECT_THAT(
      full,
      AllOf(HasSubstr("; none of the 256 bits is free: 1 page short\n"),
            HasSubstr("found  0 bits of 256 free, in 0 runs\n"), HasSubstr("held   256 pages by x\n"),
            Not(HasSubstr("fewer pages")),
            HasSubstr("would  find free bits in an area of 1088 KiB (now 1 MiB) in another place, as area b begins ")));
  const std::string fragmented =
      why_text("small release=6.1",
               "x = cma_alloc a pages=32 align=5\ny = cma_alloc a pages=200\ncma_release y from=10 pages=100\n"
               "w = cma_alloc a pages=110\n");
  EXPECT_THAT(fragmented, AllOf(HasSubstr("longest run 100 at bit 42 of 256: 10 pages short\n"),
                                HasSubstr("found  124 bits of 256 free, in 2 runs; their pages are free; so there are "
                                          "enough, but not in a row\n"),
                                HasSubstr("held   100 pages by y\n  held   32 pages by x\n")));
}

// The area that an answer names holds the request after the same buffers, and one unit less does not.
TEST(WhyArea, NamesTheSizeOfAnAreaThatWouldDo) {
  const auto answer = [](std::uint64_t pages) {
    return why_text(fmt::format("release=4.19 pages=0x10000 pageblock_order=9\narea cma base=0x4000 pages={}", pages),
                    "a = cma_alloc cma pages=256 align=8\nb = cma_alloc cma pages=2000 align=8\n"
                    "c = cma_alloc cma pages=1500 align=8\n");
  };
  EXPECT_THAT(answer(3072), HasSubstr("would  fit in an area of 16 MiB (now 12 MiB) from the same page on, after the "
                                      "buffers held now; "));
  EXPECT_EQ(answer(4096), "no operation failed; --why-of NAME answers for one all the same\n");
  EXPECT_THAT(why_text("release=6.1 pages=0x10000 pageblock_order=9\narea cma base=0x4000 pages=0x200",
                       "a = cma_alloc cma pages=1000\n"),
              HasSubstr("would  fit in an area of 4 MiB (now 2 MiB) from the same page on"));
}

TEST(WhyArea, NamesWhatALargerAreaWouldRunInto) {
  EXPECT_THAT(
      why_text("release=6.1 pages=0x10000 pageblock_order=9\narea cma base=0x4000 pages=0x200\n"
               "area next base=0x4200 pages=0x200",
               "a = cma_alloc cma pages=1000\n"),
      HasSubstr(
          "would  find free bits in an area of 4 MiB (now 2 MiB) in another place, as area next begins at page 0x4200, "
          "after the buffers held now"));
  EXPECT_THAT(why_text("release=6.1 pages=0x10000 pageblock_order=9\nzone DMA base=0x0 pages=0x4200\n"
                       "zone Normal base=0x4200 pages=0xbe00\narea cma base=0x4000 pages=0x200",
                       "a = cma_alloc cma pages=1000\n"),
              HasSubstr("(now 2 MiB) that begins lower, as the zone ends at page 0x4200, after the buffers held now"));
}

// What lies in the way at the end of the area is in the way in a larger one too.
TEST(WhyArea, PromisesNoLargerAreaWherePagesCannotMove) {
  EXPECT_THAT(
      why_text("release=6.1 pages=0x400 pageblock_order=6\narea a base=0x200 pages=0x100",
               "x = cma_alloc a pages=200\nn = anon_page at=a+0xd0\ndrain\nk = pin n\nw = cma_alloc a pages=100\n"),
      HasSubstr("would  find free bits in an area of 1280 KiB (now 1 MiB) from the same page on, after the "
                "buffers held now; 1 lent page there would have to move, and at least 1 page cannot now: 0x2d0, "
                "anonymous page of n: 2 references, 1 mapping; `cmacheck fit` prints"));
}

// A full area without a buffer is no leak.
TEST(WhyArea, CountsThePageCacheAmongWhatIsLent) {
  EXPECT_THAT(why_text("small release=4.19\nbug contig-nofs",
                       "f = file\nread f at=a pages=256\ndrain\nw = cma_alloc a pages=1\n"),
              HasSubstr("all its pages are lent to others, none is idle; what is lent is page cache\n"));
  EXPECT_THAT(why_text("small release=4.19",
                       "f = file\nread f at=a pages=2\nu = anon_page at=a+9\ndrain\nk = pin u\nw = cma_alloc a "
                       "pages=256\n"),
              HasSubstr("253 are free and 3 lent to others, which would have to move (at least 1 page cannot now: "
                        "0x209, anonymous page of u: 2 references, 1 mapping); 2 of those lent are page cache\n"));
}

// Area b has bits of two pages.
TEST(WhyArea, CountsBitsAndPagesApart) {
  const std::string text = why_text("small release=6.1",
                                    "p = cma_alloc b pages=1 align=4\nq = cma_alloc b pages=1 align=6\n"
                                    "w = cma_alloc b pages=250\n");
  EXPECT_THAT(text, AllOf(HasSubstr("no window: 250 pages at align 0, which take 125 bits; longest run "),
                          HasSubstr("held   1 page by p, in 1 bit\n"),
                          HasSubstr("would  not fit with order_per_bit 0 either, with all buffers where they are\n")));
  const std::string rounded =
      why_text("small release=6.1", "p = cma_alloc b pages=1\nq = cma_alloc b pages=253\nw = cma_alloc b pages=1\n");
  EXPECT_THAT(rounded,
              HasSubstr("would  fit with order_per_bit 0, at page 0x301: rounding up to whole bits costs it\n"));
}

// A free bit says that no buffer has its page; the cache of a file may.
TEST(WhyArea, TellsFreeBitsFromFreePages) {
  EXPECT_THAT(why_text("small release=6.1",
                       "x = cma_alloc a pages=200\ns = shmem_page at=a+0xd0 pages=4\n"
                       "w = cma_alloc a pages=100\n"),
              HasSubstr("found  56 bits of 256 free, in 1 run; of their 56 pages 52 are free and 4 lent to "
                        "others, which would have to move; what is lent is page cache\n"));
}

TEST(WhyArea, NamesTheAlignmentThatWouldFit) {
  EXPECT_THAT(
      why_text("small release=6.1", "x = cma_alloc a pages=1\nw = cma_alloc a pages=200 align=6\n"),
      AllOf(HasSubstr("longest aligned run 192 (of 255) at bit 64 of 256: 8 pages short\n"),
            HasSubstr("run    255 bits at bit 1, pages 0x201 to 0x2ff: 192 count, from the aligned bit 64 on\n"),
            HasSubstr(
                "would  fit at align 5 or less, at bit 32 (CONFIG_CMA_ALIGNMENT=5 limits the DMA layer to that)\n")));
}

// From align 64 on only a multiple of 2^64 is aligned.
TEST(WhyArea, AnswersForAlignmentsBeyondTheArea) {
  const std::string text = why_text("small release=6.1", "w = cma_alloc a pages=2 align=70\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("; no free run has an aligned bit, and the longest has 256 bits\n"),
                    HasSubstr("the first at a multiple of 2^64 bits"),
                    HasSubstr("no bit of this area is so aligned that they fit after it\n"),
                    HasSubstr("found  no buffer has any of its 256 bits; its pages are free; so there are enough in "
                              "a row, but not from an aligned bit on; 256 of 256 bits are lost to this alignment\n"),
                    HasSubstr("would  fit at align 9 or less, at bit 0\n")))
      << "the DMA layer does not ask for more than the alignment of the size, so its limit is no remedy";
  EXPECT_THAT(why_text("small release=6.1", "w = cma_alloc b pages=18446744073709551615\n"),
              HasSubstr("never searched: 18446744073709551615 pages are more than area b has, 256 pages (128 bits)\n"));
}

// A window that another actor tries has its bits set.
TEST(WhyArea, NamesARequestThatHasTheBits) {
  EXPECT_THAT(why_text("small release=6.1",
                       "actor A cpu=0\nA: v = cma_alloc a pages=200 until=cma_bitmap_marked\n"
                       "w = cma_alloc a pages=100 cpu=1\n"),
              HasSubstr("held   200 pages by v, which is under way\n"));
}

// The bits of a window are set while it is tried, which hides it from requests of others.
TEST(WhyArea, NamesARequestThatHidesWindowsFromOneThatTriedOthers) {
  const std::string both =
      "m = anon_page at=a+0x88\ndrain\nl = pin m\nA: x = cma_alloc a pages=64 align=6 until=cma_bitmap_marked\n"
      "w = cma_alloc a pages=128 align=7 cpu=1\n";
  const auto told_after = [&](const std::string& operations) {
    return why_text("small release=4.19", "actor A cpu=0\n" + operations + both);
  };
  EXPECT_THAT(
      told_after(""),
      AllOf(HasSubstr("the only window that was free for 128 pages had a page in the way; others were marked by "
                      "x, which is under way\n"),
            HasSubstr("held   [200, 280), where no buffer is and no window was tried: [200, 240) is marked by "
                      "x, which is under way; its pages are free\n")));
  EXPECT_THAT(
      told_after("n = anon_page at=a+8\ndrain\nk = pin n\n"),
      HasSubstr("is marked by x, which is under way; at least 1 page there cannot move now: 0x208, anonymous "));
  EXPECT_THAT(told_after("y = cma_alloc a pages=1\n"), Not(HasSubstr("marked by")))
      << "a buffer is in that window as well";
}

TEST(WhyArea, ListsTheLargestHoldersAndSumsUpTheOthers) {
  std::string operations;
  for (int i = 0; i < 12; ++i)
    operations += "b" + std::to_string(i) + " = cma_alloc a pages=" + std::to_string(i + 1) + "\n";
  const std::string text = why_text("small release=6.1", operations + "w = cma_alloc a pages=200\n");
  EXPECT_THAT(text, AllOf(HasSubstr("held   12 pages by b11\n  held   11 pages by b10\n"),
                          HasSubstr("held   10 pages by 4 more holders\n")));
}

TEST(WhyArea, TellsBootFromTheOperationThatEndedIt) {
  const std::string machine = "release=6.1 pages=0x8000 pageblock_order=9\narea a base=0x4000 pages=0x400 fail=bitmap";
  const std::string text = why_text(machine, "x = cma_alloc a pages=1\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("the end of boot, before x = cma_alloc a pages=1\n  answer ok: boot has finished, but "
                              "not every area is active\n"),
                    HasSubstr("\nx = cma_alloc a pages=1\n  answer failed, -ENOMEM: never searched: area a is not "
                              "active\n")));
  EXPECT_THAT(why_text(machine, "activate\n"), ::testing::StartsWith("activate\n  answer ok: boot has finished"));
  EXPECT_THAT(why_text(machine, "reserve base=0x100 pages=1\n"),
              ::testing::StartsWith("the end of boot, after reserve base=0x100 pages=1\n"));
}

// Bits are set from the moment that a window is chosen, up to 3.15 from the moment that it is obtained.
TEST(WhyArea, NamesOnlyOperationsThatHaveBitsOfTheArea) {
  const std::string actors = "actor A cpu=0\nactor B cpu=1\nactor C cpu=1\n";
  const std::string apart = why_text("small release=6.1", actors +
                                                              "A: x = cma_alloc a pages=256 until=cma_mutex_taken\n"
                                                              "B: y = cma_alloc b pages=256\n"
                                                              "z = cma_alloc a pages=16 cpu=1\n"
                                                              "w = cma_alloc b pages=16 cpu=1\n");
  EXPECT_THAT(apart, AllOf(HasSubstr("held   256 pages by x, which is under way\n"),
                           HasSubstr("held   256 pages by y, which is under way\n"), Not(HasSubstr("x, y")),
                           Not(HasSubstr("as above"))))
      << "y waits for x, and has no window of area a";
  const std::string waiting = why_text("small release=6.1", actors +
                                                                "A: x = cma_alloc a pages=100 until=cma_bitmap_marked\n"
                                                                "B: y = cma_alloc a pages=50 until=cma_alloc_entry\n"
                                                                "z = cma_alloc a pages=200 cpu=1\n");
  EXPECT_THAT(waiting, AllOf(HasSubstr("held   100 pages by x, which is under way\n"), Not(HasSubstr("by y"))));
  const std::string both = why_text("small release=6.1", actors +
                                                             "A: x = cma_alloc a pages=100 until=cma_bitmap_marked\n"
                                                             "B: y = cma_alloc a pages=50 until=isolate_done\n"
                                                             "z = cma_alloc a pages=200 cpu=1\n");
  EXPECT_THAT(both, AllOf(HasSubstr("held   100 pages by x, which is under way\n"),
                          HasSubstr("held   50 pages by y, which is under way\n")));
}

TEST(WhyArea, NamesReleasesUnderWay) {
  const std::string text =
      why_text("small release=6.1",
               "actor A cpu=0\nactor B cpu=1\nx = cma_alloc a pages=100\ny = cma_alloc a pages=20\n"
               "A: cma_release x until=cma_release_pages_freed\nB: cma_release y until=cma_release_pages_freed\n"
               "z = cma_alloc a pages=200\n");
  EXPECT_THAT(text, HasSubstr("held   120 pages by `A: cma_release x until=cma_release_pages_freed`, `B: cma_release y "
                              "until=cma_release_pages_freed`, which are under way\n"));
}

TEST(WhyArea, AnswersForWindowsThatFailed) {
  expect_answers({
      {"busy",
       "small release=4.19",
       "n = anon_page at=a+8\ndrain\nk = pin n\nm = anon_page at=a+0x88\ndrain\nl = pin m\nw = cma_alloc a pages=128\n",
       {"answer failed, -ENOMEM (the caller gets NULL; the last window failed with -EBUSY, in the log ret: -16): ",
        "all 129 windows of the area were tried; each had a page in the way\n"}},
      {"no page to move to",
       "small release=6.1",
       "s = shmem_page at=a+8 pages=8\ncma_alloc b pages=256\ndrain\neaten = unmovable_page pages=700\n"
       "w = cma_alloc a pages=256\n",
       {"answer failed, -ENOMEM: 1 window was tried; in the last one pages were in the way, and there was no page to "
        "move to\n",
        "found  no page to move to: no zone can give a page: zone Normal has", "would  give one more page if ",
        "would  have a page to move each of the 7 to with ",
        "window [200, 300): -ENOMEM, no page to move to, 1 page in the way when memory ran out, of 7 that had yet to "
        "move\n"}},
      {"signal",
       "small release=6.1",
       "actor A cpu=0\nA: w = cma_alloc a pages=64 align=6 until=isolate_done\nsignal A\nA: resume\n",
       {"answer failed, -ENOMEM (the caller gets NULL; the last window failed with -EINTR, in the log ret: -4): a "
        "fatal signal ended it; 1 window was tried\n"}},
      {"second sweep without a window",
       "small release=4.9 retry=1 error_line=on",
       "actor A cpu=0\nothers = shmem_page pages=100\nn = anon_page at=a+8\nm = anon_page at=a+0x88\ndrain\n"
       "k = pin n\nl = pin m\nA: w = cma_alloc a pages=128 align=7 until=cma_retry\n"
       "x = cma_alloc a pages=64 align=6 cpu=1\ny = cma_alloc a pages=64 align=6 cpu=1\nsleep us=200000\n",
       {"answer failed, -ENOMEM: ", "were tried before; the last sweep over the area found none to try\n",
        "held   64 pages by x\n"}},
  });
}

// One that was stopped and resumed is answered by its own text, when it ends.
TEST(WhyArea, AnswersForARequestThatSucceededAfterAWindow) {
  const std::string text = why_text("small release=4.19",
                                    "actor A cpu=0\nothers = shmem_page pages=100\nn = anon_page at=a+8\nfree others\n"
                                    "drain\nk = pin n\ns = shmem_page at=a+0x48 pages=3\ndrain\n"
                                    "A: w = cma_alloc a pages=64 align=6 until=cma_bitmap_cleared\nA: resume\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("A: w = cma_alloc a pages=64 align=6 until=cma_bitmap_cleared\n"
                              "  answer ok: pages 0x240 to 0x27f, after 1 window that failed\n"
                              "  window pages 0x240 to 0x27f, bits 64 to 127 of 256\n"
                              "  moved  3 pages of s: moved away, the first from 0x248 to "),
                    HasSubstr("  window [200, 240): -EBUSY, 1 page in the way\n"), Not(HasSubstr("A: resume\n"))));
}

TEST(WhyArea, ExplainsASuccessIfAsked) {
  const std::string operations = "f = file\nr = read f at=a+2 pages=2\ndrain\nw = cma_alloc a pages=8\n";
  EXPECT_EQ(why_text("small release=6.1", operations),
            "no operation failed; --why-of NAME answers for one all the same\n");
  EXPECT_THAT(why_text("small release=6.1", operations, "w"),
              AllOf(HasSubstr("answer ok: pages 0x200 to 0x207\n"),
                    HasSubstr("moved  2 pages of r: dropped from its cache, the first from 0x202\n")));
  EXPECT_THAT(why_text("small release=6.1", "w = cma_alloc a pages=8\n", "w"),
              HasSubstr("moved  nothing: its pages were free\n"));
}

TEST(WhyArea, GivesItsFiguresAsData) {
  const std::vector<Answer> answers =
      why_answers(kPi3, "pool = cma_alloc cma pages=256 align=8\nfb = cma_alloc cma pages=2025 align=8\n");
  ASSERT_EQ(answers.size(), 1U);
  const auto run = std::ranges::find(answers[0].evidence, About::run, &Evidence::about);
  ASSERT_NE(run, answers[0].evidence.end());
  const auto counts = std::ranges::find(run->figures, "counts", &Figure::name);
  ASSERT_NE(counts, run->figures.end());
  EXPECT_EQ(std::get<std::uint64_t>(counts->value), 1792U);
}

// Attempts move pages away: what the request found is what was there before.
TEST(WhyArea, CountsWhatIsLentBeforeTheAttempts) {
  EXPECT_THAT(
      why_text("small release=4.19",
               "others = shmem_page pages=100\ns = shmem_page at=a+0x40 pages=4\nn = anon_page at=a+8\ndrain\n"
               "k = pin n\nw = cma_alloc a pages=256\n"),
      AllOf(HasSubstr("found  no buffer has any of its 256 bits; of its 256 pages 251 are free and 5 lent to "
                      "others, which would have to move (at least 1 page cannot now: 0x208, anonymous page of n: 2 "
                      "references, 1 mapping); 4 of those lent are page cache\n"),
            HasSubstr("left   4 of the 5 lent pages moved away or dropped, and 1 still lent\n")));
}

TEST(WhyArea, PromisesNoRoomWherePagesCannotMove) {
  expect_answers({
      {"unmovable page in the only run",
       "small release=6.1",
       "c = cma_alloc a pages=5\nu = unmovable_page at=a+0x50\ny = cma_alloc a pages=256\n",
       {"would  find free bits with 251 pages at most; 1 lent page there would have to move, and at least 1 page "
        "cannot now: 0x250, unmovable page of u: 1 reference\n"}},
      {"pages that move",
       "small release=6.1",
       "c = cma_alloc a pages=5\ns = shmem_page at=a+0x50\ny = cma_alloc a pages=256\n",
       {"would  find free bits with 251 pages at most; 1 lent page there would have to move\n"}},
      {"larger than the area, from an aligned bit on",
       "release=6.1 base=0 pages=0x8000 pageblock_order=9\narea main base=0x4200 pages=0x600 order_per_bit=0",
       "x = cma_alloc main pages=0x601 align=10\n",
       {"would  fit with 1024 pages at most, if the whole area were free\n"}},
  });
}

TEST(WhyArea, NamesTheLimitOfTheAlignment) {
  EXPECT_THAT(
      why_text("release=3.6 base=0 pages=0x8000 pageblock_order=10\narea main base=0x4000 pages=0x400",
               "x = cma_alloc main pages=0x3c0\nz = cma_alloc main pages=0x48 align=12\n"),
      AllOf(HasSubstr("no window: 72 pages at align 8 (12 is asked for, and CONFIG_CMA_ALIGNMENT limits it); no "
                      "free run has an aligned bit, and the longest has 64 bits\n"),
            HasSubstr("; each such buffer takes 256 bits, 184 more than it uses\n")));
}

TEST(WhyArea, CountsRunsWithoutAnAlignedBit) {
  std::string operations;
  for (int i = 0; i < 32; ++i) operations += "b" + std::to_string(i) + " = cma_alloc a pages=8\n";
  for (int i = 1; i < 32; i += 2) operations += "cma_release b" + std::to_string(i) + "\n";
  EXPECT_THAT(why_text("small release=6.1", operations + "w = cma_alloc a pages=8 align=4\n"),
              AllOf(HasSubstr("; no free run has an aligned bit, and the longest has 8 bits\n"),
                    HasSubstr("run    and 8 more runs, none with an aligned bit\n")));
}

// A vendor's retry sweeps again from the first bit on.
TEST(WhyArea, CountsWindowsOnceAndSweepsApart) {
  EXPECT_THAT(
      why_text("small release=4.9 retry=2",
               "others = shmem_page pages=100\nn = anon_page at=a+5\ndrain\nk = pin n\n"
               "b = cma_alloc a pages=256\nsleep us=1000000\n"),
      AllOf(HasSubstr("1 window was tried in 3 sweeps over the area for 256 pages; it had a page in the way, and no "
                      "other was free\n"),
            HasSubstr("  window [200, 300), 3 times: -EBUSY, 1 page in the way\n"),
            HasSubstr("ended  later, inside \"sleep us=1000000\"\n")));
}

TEST(WhyArea, MergesWindowsThatFailForTheSameReason) {
  const std::string text = why_text("small release=4.19\nbug contig-nofs",
                                    "f = file\nr = read f at=a pages=256\ndrain\nw = cma_alloc a pages=1\n");
  EXPECT_THAT(text, AllOf(HasSubstr("window [200, 201), and 255 more up to [2ff, 300): -EBUSY, in each 1 page in the "
                                    "way; here those of the first\n    0x200  file page of r"),
                          HasSubstr("the caller has no __GFP_FS because of \"bug contig-nofs\"; without the bug it "
                                    "has\n"),
                          HasSubstr("bug    contig-nofs (in 4.10) took effect 256 times: The scan ")));
  EXPECT_LT(std::ranges::count(text, '\n'), 14);
}

TEST(WhyArea, NamesTheScopeOfTheCaller) {
  EXPECT_THAT(
      why_text("small release=6.1", "f = file\nr = read f at=a pages=4\ndrain\nw = cma_alloc a pages=256 scope=nofs\n"),
      HasSubstr("refused  isolate_migratepages_block: of a file, and the caller has no __GFP_FS (scope=nofs)\n"));
}

TEST(WhyArea, GroupsPagesByTheirReason) {
  std::string operations = "n = anon_page at=a pages=40\ns = shmem_page at=a+0x80 pages=40\ndrain\n";
  for (int i = 0; i < 6; ++i) operations += "k" + std::to_string(i) + " = pin n+" + std::to_string(2 * i) + "\n";
  for (int i = 0; i < 3; ++i) operations += "q" + std::to_string(i) + " = pin s+" + std::to_string(i) + "\n";
  EXPECT_THAT(why_text("small release=6.1", operations + "w = cma_alloc a pages=256\n"),
              AllOf(HasSubstr("    0x200, and 5 more up to 0x20a  anonymous page of n: 2 references, 1 mapping\n"
                              "      held by  pin k0, pin k1, pin k2, pin k3 and 2 more\n"),
                    HasSubstr("      held by  pin q0, pin q1, pin q2\n"),
                    HasSubstr("      refused  never scanned: the call ended before, as pages of an earlier batch "
                              "stayed\n")));
}

TEST(WhyArea, CountsCompoundPagesByTheirFirst) {
  EXPECT_THAT(why_text("release=4.19 base=0 pages=0x8000 pageblock_order=9 thp=on\narea main base=0x4000 pages=0x800",
                       "p = spawn\nh = mmap_huge p count=1 at=main+0x200\ng = get_page h\nb = cma_alloc main "
                       "pages=0x800\n"),
              HasSubstr("-EBUSY, 1 compound page in the way\n    0x4200  transparent huge page (512 pages from 0x4200 "
                        "on) of p"));
}

TEST(WhyArea, AnswersForAWindowWithNothingInTheWay) {
  EXPECT_THAT(why_text("small release=4.19",
                       "actor A cpu=0\nothers = shmem_page pages=40\ndrain_lru\nn = anon_page pages=4 at=a+0\ndrain\n"
                       "A: b = cma_alloc a pages=8 until=migrate_page\nsignal A\nA: resume\n"),
              HasSubstr("  window [200, 208): -EBUSY, nothing in the way: a fatal signal stopped "
                        "isolate_freepages_range before it took all pages\n"));
}

// Up to 5.12 the line of a busy window has the start of the free block that reaches into it.
TEST(WhyArea, NamesTheStartThatTheLogHas) {
  EXPECT_THAT(
      why_text("small release=4.19", "n = anon_page at=a+0x68\ndrain\nk = pin n\nw = cma_alloc a pages=200 align=4\n"),
      AllOf(HasSubstr("  window [200, 2c8), and 3 more up to [230, 2f8): -EBUSY, 1 page in the way\n"),
            HasSubstr("    the log prints another start: that of the free block in which a window begins (200); it "
                      "shows ten lines in 5 s\n")));
}

// Up to 4.12 no limit is on these lines.
TEST(WhyArea, SpeaksOfARateLimitOnlyWhereThereIsOne) {
  EXPECT_THAT(
      why_text("small release=4.9", "n = anon_page at=a+0x68\ndrain\nk = pin n\nw = cma_alloc a pages=200 align=4\n"),
      HasSubstr("    the log prints another start: that of the free block in which a window begins (200)\n"));
}

// A vendor's retry tries the same windows again.
TEST(WhyArea, CountsAWindowOnceThoughEachSweepTriesIt) {
  EXPECT_THAT(why_text("small release=4.9 retry=1",
                       "actor A cpu=0\nn = anon_page at=a+0x68\ndrain\nk = pin n\n"
                       "A: w = cma_alloc a pages=200 align=5\nsleep us=200000\n"),
              AllOf(HasSubstr("all 2 windows of the area were tried, in 2 sweeps; each had a page in the way\n"),
                    HasSubstr("  window [200, 2c8) and [220, 2e8), in 4 attempts: -EBUSY, 1 page in the way\n")));
}

TEST(WhyArea, SaysWhyTheLogHasNoLine) {
  const std::string none =
      why_text("small release=6.1", "w = cma_alloc a pages=256 nowarn\nv = cma_alloc a pages=1 nowarn\n");
  EXPECT_THAT(none, HasSubstr("log    no line: the caller asks for none (nowarn, __GFP_NOWARN)\n"));
  const std::string busy = "n = anon_page at=a+0x68\ndrain\nk = pin n\nw = cma_alloc a pages=256\n";
  EXPECT_THAT(why_text("small release=4.9", busy),
              AllOf(HasSubstr("(the caller gets NULL; the last window failed with -EBUSY): "),
                    HasSubstr("log    no line but those of CONFIG_CMA_DEBUG: since 4.11 kernels print one for a "
                              "request that failed\n")));
  EXPECT_THAT(
      why_text("small release=4.9 debug=off", busy),
      HasSubstr("log    no line: only since 4.11 the kernel prints one for a request that failed, before that with "
                "CONFIG_CMA_DEBUG alone\n"));
  EXPECT_THAT(
      why_text("small release=4.9 error_line=on", busy),
      AllOf(HasSubstr("the last window failed with -EBUSY, in the log ret: -16): "), Not(HasSubstr("no line"))));
}

// Since 5.13 ten lines in five seconds.
TEST(WhyArea, SaysThatALineFellToTheRateLimit) {
  std::string requests = "n = anon_page at=a+0x68\ndrain\nk = pin n\n";
  for (int i = 0; i < 11; ++i) requests += "cma_alloc a pages=256\n";
  const std::string fell = "log    no line: it fell to the rate limit of these lines\n";
  EXPECT_THAT(why_text("small release=6.1", requests), HasSubstr(fell));
  EXPECT_THAT(why_text("small release=6.1 rate_limits=off", requests), Not(HasSubstr(fell)));
  EXPECT_THAT(why_text("small release=4.19", requests), Not(HasSubstr(fell)));
}

TEST(WhyArea, RefersToAnEqualAnswer) {
  EXPECT_THAT(
      why_text("small release=6.1", "x = cma_alloc a pages=256\nv = cma_alloc a pages=1\nw = cma_alloc a pages=1\n"),
      HasSubstr("w = cma_alloc a pages=1\n  answer failed, -ENOMEM, as above for v = cma_alloc a pages=1\n"));
}

// Sixteen megabytes, of which buffers of 130 pages lie at each multiple of 256.
constexpr const char* kAligned =
    "release=6.1 base=0 pages=0x8000 pageblock_order=9 debug=off\narea main base=0x4000 pages=0x800 order_per_bit=0";

TEST(WhyArea, SaysWhatAlignmentCostsAndWithWhichAllRequestsWouldFit) {
  std::string held;
  for (int i = 1; i <= 8; ++i) held += "q" + std::to_string(i) + "w1 = cma_alloc main pages=130 align=8\n";
  const std::string text = why_text(kAligned, held + "w = cma_alloc main pages=136 align=8\n");
  EXPECT_THAT(
      text, AllOf(HasSubstr("; so there are enough, but not in a row; 1008 of 2048 bits are lost to this alignment\n"),
                  HasSubstr("; each such buffer takes 256 bits, 120 more than it uses\n"),
                  HasSubstr("held   1040 pages by q1w1 to q8w1, 130 each\n"),
                  HasSubstr("would  not fit at any smaller alignment alone, among the buffers held now\n"),
                  HasSubstr("would  fit, and so would all requests before it, if they were made with "
                            "CONFIG_CMA_ALIGNMENT=6\n")));
  const std::string others =
      why_text(kAligned, "u = unmovable_page pages=1\n" + held + "w = cma_alloc main pages=136 align=8\n");
  EXPECT_THAT(others, Not(HasSubstr("CONFIG_CMA_ALIGNMENT"))) << "pages of others may be in the way of other places";
}

// One with three pages is apart, and so is the pool, though it has as many.
TEST(WhyArea, ListsHoldersOfOneSizeInOneLine) {
  std::string operations = "pool = cma_alloc a pages=2\n";
  for (int i = 1; i <= 11; ++i)
    operations += "b" + std::to_string(i) + " = cma_alloc a pages=" + (i == 5 ? "3" : "2") + "\n";
  EXPECT_THAT(why_text("small release=6.1", operations + "w = cma_alloc a pages=250\n"),
              HasSubstr("held   20 pages by b1 to b4 and b6 to b11, 2 each\n  held   3 pages by b5\n"
                        "  held   2 pages by pool\n"));
}

TEST(WhyArea, SaysThatAnAreaWithoutBuffersIsAllLent) {
  EXPECT_THAT(why_text("small release=4.19\nbug contig-nofs",
                       "f = file\nr = read f at=a pages=256\ndrain\nw = cma_alloc a pages=3\n"),
              AllOf(HasSubstr("all 254 windows of the area were tried; each had pages in the way\n"),
                    HasSubstr("found  no buffer has any of its 256 bits; all its pages are lent to others, none is "
                              "idle; what is lent is page cache\n")));
}

TEST(WhyArea, NamesSinglePagesAndBits) {
  const std::string operations =
      "f = file\nr = read f at=a+2\ns = shmem_page at=a+5\ndrain\nw = cma_alloc a pages=8\nx = cma_alloc a pages=1\n";
  EXPECT_THAT(why_text("small release=6.1", operations, "w"),
              AllOf(HasSubstr("moved  page 0x202 of r: dropped from its cache\n"),
                    HasSubstr("moved  page 0x205 of s: moved away to 0x")));
  EXPECT_THAT(why_text("small release=6.1", operations, "x"), HasSubstr("window page 0x208, bit 8 of 256\n"));
}

TEST(WhyArea, HasNoAnswerToASkipThatTheProgramExpects) {
  const std::string operations = "n = anon_page at=0x48\nfree n\nk = pin n\n";
  EXPECT_THAT(why_text("small release=6.1", operations), HasSubstr("answer skipped: n is gone"));
  EXPECT_EQ(why_text("small release=6.1", operations + "expect k.skipped\n"),
            "no operation failed; --why-of NAME answers for one all the same\n");
  EXPECT_THAT(why_text("small release=6.1", operations + "expect k.skipped\n", "k"), HasSubstr("answer skipped: "));
}

// The request at which a kernel as shipped crashes is answered too, of whatever kind it is.
TEST(WhyArea, AnswersForTheOperationAtWhichTheRunEnds) {
  const std::string machine =
      "release=4.19 base=0 pages=0x4000 pageblock_order=9 bugs=as-shipped\nzone DMA base=0 pages=0x2000\n"
      "zone HighMem base=0x2000 pages=0x2000";
  const std::string areas =
      "reserve base=0x1c00 pages=0x800\nreserve base=0x800 pages=0x400\n"
      "init_reserved_mem high base=0x1c00000 size=0x800000\n"
      "init_reserved_mem low base=0x800000 size=0x400000\nactivate\n";
  for (const char* request : {"w = cma_alloc low pages=1\n", "w = debugfs_alloc low pages=1\n"})
    EXPECT_THAT(why_text(machine, areas + request + "expect finding law=sound\n"),
                AllOf(HasSubstr(std::string(request) +
                                "  answer not ended: area low is not active and has no bitmap: the kernel searches for "
                                "free bits at a NULL pointer, and crashes; the run ends here (law sound)\n"),
                      HasSubstr("area   low was never activated: this release ends at the first area that fails, which "
                                "is high (above); since 5.9 the kernel goes on to the other areas\n"),
                      Not(HasSubstr(".cc:"))));
  EXPECT_THAT(why_text("release=4.19 pages=0x40000 pageblock_order=9 debug=off long=32 bugs=as-shipped\n"
                       "zone DMA base=0 pages=0x30000\nzone HighMem base=0x30000 pages=0x10000",
                       "region x base=0x28000000 size=0xc000000 shared-dma-pool reusable\n"
                       "boot cmdline=\"cma=64M@0x10000000\" arch=arm limit=0xffffffff\nactivate\n"
                       "d = dma_alloc size=0x10000 gfp=GFP_KERNEL\nexpect finding law=sound\n"),
              HasSubstr("answer not ended: area reserved is not active and has no bitmap: "));
}

}  // namespace
}  // namespace cma
