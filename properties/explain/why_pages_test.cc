// What is answered about requests for pages: the arithmetic of each zone's watermark, its blocks, and how far an
// operation came.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(WhyPages, AnswersForEachWayAZoneRefuses) {
  expect_answers({
      {"order",
       "small release=6.1",
       "x = alloc_pages order=10 type=unmovable\n",
       {"answer failed, -ENOMEM: order 10 is above the largest one, 6: not tried, with a WARNING\n",
        "wanted a block of order 10 (1024 pages) for GFP_KERNEL\n"}},
      {"order, silently",
       "small release=6.1",
       "x = alloc_pages order=10 gfp=GFP_KERNEL|__GFP_NOWARN\n",
       {"above the largest one, 6: not tried, without a WARNING because of __GFP_NOWARN\n"}},
      {"watermark",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages type=unmovable\n",
       {"answer failed, -ENOMEM: no zone can give a page: zone Normal has ",
        " pages that the request may use, and more than ", " free pages are not the areas'; they must exceed ",
        ", the min watermark\n", "would  let the next page pass in zone Normal if it were movable: the "}},
      {"blocks",
       "small release=6.1",
       "keep = cma_alloc a pages=256\nmore = cma_alloc b pages=256\nx0 = alloc_pages order=6 type=unmovable\n"
       "x1 = alloc_pages order=6 type=unmovable\nx2 = alloc_pages order=6 type=unmovable\n"
       "x3 = alloc_pages order=6 type=unmovable\nx4 = alloc_pages order=6 type=unmovable\n"
       "z1 = alloc_pages order=5 type=unmovable\nz2 = alloc_pages order=5 type=unmovable\n"
       "z3 = alloc_pages order=5 type=unmovable\nz4 = alloc_pages order=5 type=unmovable\n"
       "z5 = alloc_pages order=5 type=unmovable\nfree_pages z1\nfree_pages z3\nx5 = alloc_pages order=6 "
       "type=unmovable\n",
       {"x5 = alloc_pages order=6 type=unmovable\n  answer failed, -ENOMEM: no zone can give a block of order 6 "
        "(64 pages): zone Normal has enough pages, but its largest free block that the request may use is of order "
        "5\n"}},
      {"zones",
       "release=6.1 base=0 pages=0x4000 pageblock_order=9 min_free_kbytes=8192\nzone Normal base=0 "
       "pages=0x2000\nzone HighMem base=0x2000 pages=0x2000",
       "eaten = unmovable_page pages=9000\nx = alloc_pages type=unmovable\n",
       {"zone   HighMem: 8192 pages free, of no use to this request, which reaches up to zone Normal\n",
        "zone   Normal: ",
        " free; they must exceed 2048 (8192 kB), the min watermark: all of vm.min_free_kbytes=8192, as zone Normal "
        "is the only zone of low memory\n",
        "or with vm.min_free_kbytes below ", " (now 8192)\n"}},
      {"atomic",
       "small release=4.19",
       "eaten = unmovable_page pages=1000\nx = alloc_pages type=unmovable atomic\n"
       "y = alloc_pages order=6 type=unmovable atomic\n",
       {"lowered by ", " for an urgent request"}},
  });
}

TEST(WhyPages, NamesTheRightsOfATask) {
  expect_answers({
      {"real-time",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages order=6 type=unmovable scope=realtime\n",
       {"; its task is a real-time task\n", "lowered by ", " for a real-time task",
        "next   the kernel fails the request: it has reclaimed and compacted what it could\n"}},
      {"victim",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages order=6 type=unmovable scope=victim\n",
       {"; its task is a victim of the OOM killer\n", "lowered by ", " for a victim of the OOM killer"}},
      {"PF_MEMALLOC",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages order=6 type=unmovable scope=noreclaim\n",
       {"; its task has PF_MEMALLOC, so no watermark binds it\n",
        "next   the kernel fails the request: it must not reclaim\n"}},
      {"__GFP_NOMEMALLOC",
       "small release=6.1",
       "eaten = unmovable_page pages=1000\nx = alloc_pages gfp=GFP_KERNEL|__GFP_NOMEMALLOC scope=noreclaim\n",
       {"; its task has PF_MEMALLOC, of which __GFP_NOMEMALLOC takes the right to the last pages\n"}},
  });
}

// 128 MiB with a largest order of 14: a pageblock of 64 MiB is the reserve, and counts whole though most of it is free.
TEST(WhyPages, NamesTheReserveForAtomicRequests) {
  expect_answers(
      {{"reserve",
        "release=5.10 base=0x20000 pages=0x8000 pageblock_order=14 largest_order=14 min_free_kbytes=8192",
        "reserve base=0x20008 pages=0xc00\nreserve base=0x27ff0 pages=0x10\nu1 = unmovable_page pages=15574\n"
        "u2 = unmovable_page pages=11626\na = alloc_pages order=1 gfp=GFP_ATOMIC\nfree u1\ndrain_pages\n"
        "big = alloc_pages order=13 gfp=GFP_KERNEL\n",
        {" free; less the reserve for atomic requests, counted whole (16384, of which ",
         "would  pass in zone Normal without its reserve for atomic requests, 16384 pages\n"}}});
}

// The same with more in use elsewhere: the reserve is larger than all that is free.
TEST(WhyPages, SaysThatTheReserveAloneLeavesNothing) {
  expect_answers(
      {{"reserve",
        "release=5.10 base=0x20000 pages=0x8000 pageblock_order=14 largest_order=14 min_free_kbytes=8192",
        "reserve base=0x20008 pages=0xc00\nreserve base=0x27ff0 pages=0x10\nu1 = unmovable_page pages=15574\n"
        "u2 = unmovable_page pages=11626\na = alloc_pages order=1 gfp=GFP_ATOMIC\nfree u2\ndrain_pages\n"
        "k = alloc_pages gfp=GFP_KERNEL|__GFP_NORETRY\n",
        {"zone Normal has 14104 pages free, less a reserve of 16384 for atomic requests: not more than the 2048 "
         "that must stay\n",
         "counted whole (16384, of which 14102 are free), none remains; more than 2048 (8192 kB) must stay"}}});
}

// Raspberry Pi, 32 bits: high memory is of no use to the kernel, and one low zone carries the whole reserve.
TEST(WhyPages, CountsHowManyPagesItGot) {
  const std::string text = why_text(
      "release=6.1 base=0 pages=0x4000 pageblock_order=9 min_free_kbytes=8192\nzone Normal base=0 pages=0x2000\nzone "
      "HighMem base=0x2000 pages=0x2000",
      "eaten = unmovable_page pages=9000\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("answer failed, -ENOMEM: no zone can give a page: zone Normal has 2048 pages that the "
                              "request may use, and more than 2048 must stay\n"),
                    HasSubstr("got    6"), HasSubstr(" of 9000 pages\n"), HasSubstr(" of zone Normal by eaten\n")));
}

// The watermarks of a zone are raised when types mix in a pageblock (5.0).
TEST(WhyPages, NamesTheBoost) {
  const auto blocks = [](const char* verb, int from, int step) {
    std::string lines;
    for (int i = from; i <= 56; i += step) lines += fmt::format(fmt::runtime(verb), i) + "\n";
    return lines;
  };
  // Every other block of half a pageblock is free, and then goes to requests of another type.
  const std::string text =
      why_text("small release=6.1 min_free_kbytes=256",
               "keep = cma_alloc a pages=256\nmore = cma_alloc b pages=256\n" +
                   blocks("u{} = alloc_pages order=3 type=unmovable", 1, 1) + blocks("free_pages u{}", 2, 2) +
                   blocks("r{} = alloc_pages order=3 type=reclaimable", 41, 1) + "eaten = unmovable_page pages=1000\n");
  EXPECT_THAT(text, AllOf(HasSubstr(" + boost "),
                          HasSubstr("; requests that take from another type's pageblock raise the boost"),
                          HasSubstr("would  let the next page pass in zone Normal without the boost")));
}

// A write of the setting computes the watermarks anew and clears the boost, whatever it writes.
TEST(WhyPages, KnowsThatAWriteOfMinFreeKbytesClearsTheBoost) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  const std::string eaten = "u = unmovable_page pages=7786\n";
  EXPECT_THAT(why_text(machine + " boost=150", eaten + "x = alloc_pages type=unmovable\n"),
              AllOf(HasSubstr("406 usable, 256 to stay (vm.watermark_boost_factor=0 prevents further boosts)"),
                    HasSubstr("or with a write of vm.min_free_kbytes, even of 1024 as now: that clears the boost")));
  EXPECT_EQ(why_text(machine, eaten + "x = alloc_pages type=unmovable\n"),
            "no operation failed; --why-of NAME answers for one all the same\n");
}

// Of a block that is no compound page, only the first page has a reference.
TEST(WhyPages, CountsAllPagesOfEachHolder) {
  const std::string machine =
      "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024 thp=on\narea main "
      "base=0x1000 pages=0x400 order_per_bit=0";
  const std::string text =
      why_text(machine,
               "b1 = alloc_pages order=10 type=unmovable\nb2 = alloc_pages order=9 type=unmovable comp\np = spawn\n"
               "v = mmap_anon p pages=2000\nr = alloc_range at=0x1e00 pages=0x100\nf = file\ne = read f pages=300\n"
               "buf = cma_alloc main pages=0x300\nu = unmovable_page pages=5000\n");
  EXPECT_THAT(text, AllOf(HasSubstr("held   2000 pages of zone Normal by v of process p\n"),
                          HasSubstr("held   1024 pages of zone Normal by b1\n"),
                          HasSubstr("held   512 pages of zone Normal by b2\n"),
                          HasSubstr("held   256 pages of zone Normal by r\n")));
  EXPECT_THAT(text,
              HasSubstr("held   768 pages of zone Normal in areas: of no use to this request if they were freed\n"));
  std::string many;
  for (int i = 0; i < 9; ++i) many += fmt::format("x{} = alloc_pages order={} type=unmovable\n", i, i + 1);
  EXPECT_THAT(why_text(machine, many + "u = unmovable_page pages=9000\n"), HasSubstr(" more holders\n"));
}

TEST(WhyPages, ProposesWhatWouldPass) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  expect_answers({
      {"smaller order",
       machine,
       "u = unmovable_page pages=7500\nx = alloc_pages order=9 type=unmovable\n",
       {"a costly order: the kernel does not retry without end", "would  pass at order "}},
      {"fewer pages than the block",
       machine,
       "u = unmovable_page pages=7700\nx = alloc_pages order=9 type=unmovable\n",
       {": zone Normal has 492 usable, fewer than the 512 of the block\n",
        "zone   Normal: 492 (1968 kB) free, fewer than the 512 of the block; more than 256 (1024 kB) must stay, "
        "the min watermark; ",
        "would  pass if 276 more pages were free in zone Normal, and made a block of order 9\n"}},
      {"above the largest order",
       "small release=6.1",
       "x = alloc_pages order=10 type=unmovable\n",
       {"would  pass at order 6, in zone Normal\n"}},
      {"kilobytes",
       machine,
       "u = unmovable_page pages=9000\n",
       {"256 (1024 kB) free; they must exceed 256 (1024 kB), the min watermark\n",
        ", or with vm.min_free_kbytes below 1024 (now 1024)\n"}},
  });
}

// A request is for a page, an operation for many.
TEST(WhyPages, TellsTheNextPageFromTheWholeOperation) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  EXPECT_THAT(why_text(machine, "u = unmovable_page pages=9000\n"),
              AllOf(HasSubstr("would  give one more page if 1 more page were free in zone Normal, or with "
                              "vm.min_free_kbytes below 1024 (now 1024)\n"),
                    HasSubstr("would  pass for all "), HasSubstr(" pages that it lacks if "),
                    HasSubstr(" more pages were free in zone Normal; should requests ")));
  EXPECT_THAT(why_text(machine, "e = unmovable_page pages=7936\nx = alloc_pages type=unmovable\n"),
              HasSubstr("would  pass if 1 more page were free in zone Normal"))
      << "a block is all that alloc_pages asks for";
}

// The flushers of a kernel write the pages meanwhile.
TEST(WhyPages, SaysWhatOfTheMemoryIsPageCacheThatHasToBeWritten) {
  const std::string machine = "release=6.1 pages=0x2000 pageblock_order=9 debug=off min_free_kbytes=1024";
  const std::string dirty = "f = file\nr = read f pages=0x1800\np = spawn\nm = mmap_shared p r\nwrite m pages=0x1800\n";
  const std::string text = why_text(machine, dirty + "e = unmovable_page pages=0xb00\n");
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("would  pass once 6144 pages of files in zone Normal are written, which reclaim can "
                      "drop then: a kernel writes them meanwhile, here `writeback` or `kswapd` does\n"),
            HasSubstr("next   the kernel would kill a process, as machines with oom_killer=on do, unless enough pages "
                      "of files have been written by then\n"),
            HasSubstr("held   6144 pages of zone Normal by r: page cache, 6144 dirty\n")));
  EXPECT_EQ(why_text(machine, dirty + "writeback r\ne = unmovable_page pages=0xb00\n"),
            "no operation failed; --why-of NAME answers for one all the same\n");
  EXPECT_THAT(
      why_text(machine, dirty + "e = unmovable_page pages=0x1f00\n"),
      AllOf(HasSubstr("would  let the next page pass once 6144 pages of files"), Not(HasSubstr("would  pass once"))))
      << "all of the cache is less than what it asks for";
}

// A machine that kills none has a process to kill or has none, as one that kills.
TEST(WhyPages, KnowsWhetherThereIsAProcessToKill) {
  const std::string machine = "release=6.1 pages=0x2000 pageblock_order=9 min_free_kbytes=1024 oom_killer=";
  const std::string full = "u = unmovable_page pages=9000\n";
  const std::string process = "p = spawn\n";
  EXPECT_THAT(why_text(machine + "off", full),
              HasSubstr("next   the kernel would kill a process, and as there is none it would panic\n"));
  EXPECT_THAT(why_text(machine + "off", process + full), HasSubstr("next   the kernel would kill a process, as "));
  EXPECT_THAT(why_text(machine + "on", full),
              HasSubstr("next   the kernel panics: there is no process that it could kill\n"));
  EXPECT_THAT(why_text(machine + "on", process + "m = mmap_anon p pages=100\n" + full),
              HasSubstr("next   the kernel panics: since the operation began it has killed a process, which freed too "
                        "little of what the request may use, and no other is left\n"));
}

TEST(WhyPages, CountsABoostThatMayComeApartFromWhatIsMissing) {
  const std::string full = "u = unmovable_page pages=9000\n";
  const auto on = [&](const char* release) {
    return why_text(std::string("release=") + release + " pages=0x2000 pageblock_order=9 min_free_kbytes=1024", full);
  };
  const std::string boost =
      "; should requests take from another type's pageblock meanwhile, which boosts the watermark";
  EXPECT_THAT(on("6.1"), HasSubstr(boost + ", up to "));
  EXPECT_THAT(on("4.19"), AllOf(HasSubstr("would  pass for all "), Not(HasSubstr(boost))));
}

TEST(WhyPages, SaysWhyPageCacheCouldNotBeDropped) {
  const std::string machine = "release=6.1 pages=0x2000 pageblock_order=9 debug=off min_free_kbytes=1024";
  const std::string full = "u = unmovable_page pages=0x1f00\n";
  const std::string read = "f = file\nr = read f pages=0x800\ndrain_lru\n";
  EXPECT_THAT(why_text(machine, read + "h = bh_hold r\n" + full),
              AllOf(HasSubstr("by r: page cache, 2048 with buffers in use, which cannot be dropped (page 0x"),
                    HasSubstr(": a count of bh_hold r on its buffer)\n"), Not(HasSubstr("are written"))));
  EXPECT_THAT(
      why_text(machine, read + "k = pin r\n" + full),
      HasSubstr("held   1 page of zone Normal by r: page cache, 1 with other references, which cannot be dropped"));
  EXPECT_THAT(why_text(machine, "s = shmem_page pages=0x800\n" + full),
              HasSubstr("held   2048 pages of zone Normal by s: page cache, 2048 of shared memory, which cannot be "
                        "dropped without swap\n"));
  EXPECT_THAT(why_text(machine, read + "e = unmovable_page pages=0x1600\nx = alloc_pages order=9 gfp=GFP_ATOMIC\n"),
              HasSubstr("held   2048 pages of zone Normal by r: page cache, 2048 clean\n"));
}

TEST(WhyPages, KnowsThatALargeBlockWithoutIoIsAskedForWithoutEnd) {
  std::string operations;
  for (int i = 0; i < 16; ++i) operations += fmt::format("s{} = shmem_page at={:#x}\n", i, 64 * i + 5);
  EXPECT_THAT(
      why_text("small release=4.19 pageblock_order=6", operations + "hugetlb_pool count=1 scope=noio\n"),
      AllOf(HasSubstr("next   the kernel tries again without end: reclaim leaves a large block to a compaction"),
            Not(HasSubstr("the kernel does not retry"))));
}

TEST(WhyPages, KnowsThatADriversPageMayKeepACompactionGoingWithoutEnd) {
  EXPECT_THAT(
      why_text("release=6.12 pages=0x100 pageblock_order=4 largest_order=6 pcp_batch=1 pcp_high=0 min_free_kbytes=4",
               "m = movable_page at=0xc9\nrefuse m times=all\nu0 = unmovable_page at=0x0\n"
               "u1 = unmovable_page at=0x40\nu2 = unmovable_page at=0x80\n"
               "x = alloc_pages order=6 type=movable\n"),
      HasSubstr("next   the kernel compacts without end: it finds a pageblock again and again"));
}

// What the kernel repeats without end is skipped at the end of a program: it needs the same evidence.
TEST(WhyPages, AnswersForRequestsThatNeverEnd) {
  const std::string machine = "release=6.1 pages=0x2000 pageblock_order=9 debug=off min_free_kbytes=1024";
  const std::string full = "p = unmovable_page pages=0x1f00\n";
  EXPECT_THAT(
      why_text(machine, full + "b = alloc_pages order=2 gfp=GFP_NOFS\n"),
      AllOf(HasSubstr("answer skipped: the kernel tries again without end: each turn finds the machine as it was, "
                      "and no other actor can run; no zone can give a block of order 2 (4 pages): zone Normal has "),
            HasSubstr("wanted a block of order 2 (4 pages) for GFP_NOFS\n"), HasSubstr("zone   Normal: "),
            HasSubstr("would  pass if "),
            HasSubstr("next   the kernel tries again without end: nothing that it could reclaim is left\n"),
            HasSubstr(" pages of zone Normal by p\n")));
  EXPECT_THAT(why_text(machine, full + "c = alloc_pages order=9 gfp=GFP_KERNEL|__GFP_NOFAIL\n"),
              HasSubstr("no other actor can run; no zone can give a block of order 9"));
  EXPECT_THAT(why_text(machine, full + "c = alloc_pages order=9 gfp=GFP_KERNEL|__GFP_NOFAIL\nd = alloc_pages order=0 "
                                       "gfp=GFP_KERNEL\n"),
              HasSubstr("d = alloc_pages gfp=GFP_KERNEL\n  answer skipped: its actor is still inside \"c = alloc_pages "
                        "order=9 gfp=GFP_KERNEL|__GFP_NOFAIL\", which waits for the clock\n"))
      << "nothing of the other request";
}

// All that the later answers have of their own are lines about what they want.
TEST(WhyPages, RefersToAnAnswerAboutTheSameWant) {
  const std::string machine = "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024";
  const std::string text = why_text(machine,
                                    "u = unmovable_page pages=9000\nv = unmovable_page pages=40\n"
                                    "x = alloc_pages type=unmovable\ny = alloc_pages gfp=GFP_KERNEL|__GFP_NORETRY\n"
                                    "z = alloc_pages order=1 type=unmovable\n");
  const std::string above = ", as above for u = unmovable_page pages=9000";
  EXPECT_THAT(text, HasSubstr("v = unmovable_page pages=40\n  answer failed, -ENOMEM" + above +
                              ", but:\n  got    0 of 40 pages\n  would  pass for all 40 pages that it lacks if "));
  EXPECT_THAT(text, HasSubstr("x = alloc_pages type=unmovable\n  answer failed, -ENOMEM" + above + "\ny = "));
  EXPECT_THAT(text, HasSubstr("y = alloc_pages gfp=GFP_KERNEL|__GFP_NORETRY\n  answer failed, -ENOMEM" + above +
                              ", but:\n  wanted a page for GFP_KERNEL|__GFP_NORETRY\n  next   the kernel fails the "
                              "request: it has reclaimed what it could\nz = "));
  EXPECT_THAT(text,
              HasSubstr("z = alloc_pages order=1 type=unmovable\n  answer failed, -ENOMEM: no zone can give a block "
                        "of order 1 (2 pages): "));
}

// A device that reaches the first 16 MiB, of which an area has 4.
constexpr const char* kDmaZone =
    "release=6.1 pages=0x8000 pageblock_order=9 min_free_kbytes=1024\nzone DMA base=0x0 pages=0x1000\n"
    "zone DMA32 base=0x1000 pages=0x7000\narea main base=0x400 pages=0x400 order_per_bit=0";

// What a request may use is one number, what is left of it beside the block another.
TEST(WhyPages, TellsWhatMayBeUsedFromWhatIsLeftBesideTheBlock) {
  std::string blocks;
  for (int i = 1; i <= 12; ++i) blocks += fmt::format("e{} = alloc_pages order=8 gfp=GFP_KERNEL|GFP_DMA\n", i);
  EXPECT_THAT(
      why_text(kDmaZone, blocks),
      HasSubstr("no zone can give a block of order 8 (256 pages): zone DMA has 256 pages that the request may use, "
                "1 without the other 255 of the block, and more than 32 must stay\n"));
}

// A zone with a small part of the setting: the setting that would do is the present one in round numbers.
TEST(WhyPages, NamesNoSettingThatIsThePresentOne) {
  const std::string text = why_text(
      "release=4.19 pages=0x10000 pageblock_order=9 min_free_kbytes=4096\n"
      "zone DMA base=0x0 pages=0x1000\nzone DMA32 base=0x1000 pages=0xf000\narea main base=0x8000 pages=0x4000",
      "u = unmovable_page pages=60000\n");
  EXPECT_THAT(text, HasSubstr("or with vm.min_free_kbytes a little lower than now (about 4096)\n"));
}

// A size that vmalloc refuses lacks no page.
TEST(WhyPages, SaysThatNoPageWasMissingForASize) {
  const std::string machine = "release=3.6 pages=0x2000 pageblock_order=9";
  EXPECT_THAT(why_text(machine, "v = vmalloc bytes=0 gfp=GFP_KERNEL\n"),
              AllOf(HasSubstr("answer failed, -ENOMEM: a size of 0 is refused before a page is asked for"),
                    HasSubstr("wanted a size of 1 byte to 32768 kB, which is all memory that is not reserved\n"),
                    HasSubstr("found  8192 pages (32768 kB) free: no page was missing\n"),
                    HasSubstr("log    its warning is printed by the page allocator's function for failures")));
  EXPECT_THAT(why_text(machine, "v = vmalloc bytes=0x100000000 gfp=GFP_KERNEL|__GFP_NOWARN\n"),
              AllOf(HasSubstr("a size above all memory is refused before a page is asked for\n"),
                    HasSubstr("no page was missing\n"), Not(HasSubstr("its warning"))));
}

TEST(WhyPages, SaysThatAZoneBeyondTheReachOfADeviceHasRoom) {
  std::string blocks;
  for (int i = 1; i <= 12; ++i) blocks += fmt::format("e{} = alloc_pages order=8 gfp=GFP_KERNEL|GFP_DMA\n", i);
  const std::string text = why_text(kDmaZone, blocks);
  EXPECT_THAT(text,
              AllOf(HasSubstr("zone   DMA: 256 (1024 kB) of 1280 free pages are not the areas'; less the other 255 "
                              "of the block, 1 (4 kB) remains; it must exceed 32 (128 kB), the min watermark; its "
                              "largest free block "),
                    HasSubstr("would  pass without GFP_DMA: zone DMA32 has 28672 pages free, but the device may "
                              "not reach them\n"),
                    HasSubstr("held   2816 pages of zone DMA by e1 to e11, 256 each\n")));
  EXPECT_THAT(text,
              HasSubstr("would  pass if 32 more pages outside areas were free in zone DMA, as with an area that is 2 "
                        "MiB smaller\n"))
      << "a setting of a thirtieth is no remedy";
  EXPECT_LT(text.find("would  pass if 32 more"), text.find("if it were movable"));
}

// No area has a part of this zone: there is nothing outside one.
TEST(WhyPages, NamesTheFlagThatKeepsARequestBelow4GiB) {
  std::string blocks;
  for (int i = 1; i <= 16; ++i) blocks += fmt::format("e{} = alloc_pages order=8 gfp=GFP_KERNEL|GFP_DMA32\n", i);
  EXPECT_THAT(why_text("release=6.1 pages=0x8000 pageblock_order=9 min_free_kbytes=1024\n"
                       "zone DMA32 base=0x0 pages=0x1000\nzone Normal base=0x1000 pages=0x7000",
                       blocks),
              AllOf(HasSubstr("zone   DMA32: 256 (1024 kB) free; less the other 255 of the block, 1 (4 kB) remains; it "
                              "must exceed 32 (128 kB), the min watermark; "),
                    HasSubstr("would  pass if 32 more pages were free in zone DMA32\n"),
                    HasSubstr("would  pass without GFP_DMA32: zone Normal has 28672 pages free, but the device may not "
                              "reach them\n")));
}

// Several zones: the one that is tried first is the one to look at first.
TEST(WhyPages, ExplainsThePreferredZoneToo) {
  const std::string text = why_text(
      "release=5.10 base=0 pages=0x8000 pageblock_order=9 min_free_kbytes=4096\nzone DMA base=0 pages=0x1000\n"
      "zone Normal base=0x1000 pages=0x7000\narea main base=0x6000 pages=0x1000 order_per_bit=0",
      "u = unmovable_page pages=40000\n");
  EXPECT_THAT(text,
              AllOf(HasSubstr("would  let the next page pass in zone Normal if it were movable: the 4096 free pages "
                              "of areas would count\n"),
                    HasSubstr(" of zone Normal by u\n")));
}

// Node 0 is all areas, and node 1 is free.
TEST(WhyPages, NamesTheZonesOfOtherNodesThatARequestPassesOver) {
  const std::string text =
      why_text("small release=6.1\nzone Normal base=0x0 pages=0x200 node=1\nzone Normal base=0x200 pages=0x200",
               "b1 = cma_alloc a pages=256\nb2 = cma_alloc b pages=256\n"
               "x = alloc_pages order=5 gfp=GFP_HIGHUSER_MOVABLE|__GFP_THISNODE\n");
  EXPECT_THAT(text, HasSubstr("zone   Normal of node 1: 512 pages free, of no use to this request, which has "
                              "__GFP_THISNODE\n"));
}

TEST(WhyPages, NamesWhatALongTermPinMayNotHave) {
  const std::string text = why_text(
      "release=6.1 base=0 pages=0x2000 pageblock_order=9 min_free_kbytes=1024\narea main base=0x1000 pages=0x400",
      "u = unmovable_page pages=7000\np = spawn\nv = mmap_anon p pages=10\nc = fork p\nlt = pin_longterm v from=2 "
      "in=c\n");
  EXPECT_THAT(text,
              HasSubstr("for GFP_HIGHUSER_MOVABLE less __GFP_MOVABLE: a long-term pin may not have an area's page\n"));
  const std::size_t pin = text.find("lt = pin_longterm");
  ASSERT_NE(pin, std::string::npos);
  EXPECT_THAT(text.substr(pin), Not(HasSubstr("if it were movable")));
}

}  // namespace
}  // namespace cma
