#include "properties/program/text.h"
#include "properties/program/program_testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace cma {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Returns the error of bad text: "LINE:COLUMN: MESSAGE".
std::string error_of(std::string_view text) {
  const auto program = parse(text, "f");
  return program.has_value() ? "accepted" : program.error().text().substr(2);
}

constexpr std::string_view kSmall = "machine small release=6.1\n";
std::string on_small(std::string_view ops) { return std::string(kSmall) + std::string(ops); }
// Returns the error of an operation, which stands in the second line.
std::string op_error(std::string_view op) { return error_of(on_small(op)); }

// Returns the operation as it is printed after it was read.
std::string reprinted(std::string_view line, std::string_view before = "") {
  const Program program = parsed(on_small(std::string("actor A cpu=1\n") + std::string(before) + std::string(line)));
  return program.ops.empty() ? "" : print_op(program, program.ops.back());
}

// --- operations ---

// Lines as they are printed.
constexpr std::string_view kLines[] = {
    "b1 = cma_alloc a pages=20 align=4 nowarn",
    "cma_alloc b pages=18446744073709551615",
    "cma_release ?1",
    "cma_release ?1 from=4 pages=8",
    "x1 = alloc_pages type=unmovable",
    "x1 = alloc_pages order=3 type=movable atomic high highmem comp nowarn",
    "alloc_pages gfp=GFP_KERNEL",
    "alloc_pages order=3 gfp=GFP_ATOMIC|__GFP_ZERO",
    "alloc_pages gfp=0",
    "v1 = vmalloc bytes=0x5000 gfp=GFP_KERNEL",
    "vmalloc bytes=0x0 gfp=GFP_KERNEL|__GFP_NORETRY",
    "free_pages ?1",
    "u1 = unmovable_page",
    "m1 = movable_page at=a+0x10 pages=3",
    "n1 = anon_page at=0x123",
    "s1 = shmem_page at=?4+2",
    "d1 = block_device_page pages=2",
    "f1 = file",
    "f1 = file journalled slow",
    "r1 = read ?2 at=a+0x10 from=4 pages=3 readahead",
    "r1 = bread ?2 pages=2 keep unmovable",
    "truncate ?1",
    "drop ?1",
    "commit ?1",
    "writeback ?1",
    "journal ?1",
    "io_done",
    "io_done times=all",
    "mark_accessed ?3+1",
    "mark_accessed_range ?3 pages=7",
    "mark_accessed_range ?3 from=2 pages=7",
    "u1 = kernel_page slab",
    "u1 = kernel_page page_table pages=12",
    "free_runs ?1",
    "free_runs ?1 order=3 runs=5 from=8",
    "deactivate a+0x8",
    "deactivate_file 0x10",
    "madv_free ?1 from=2 pages=3",
    "lru_cache_off",
    "v1 = mmap_shared ?2 ?3",
    "v1 = mmap_huge ?2",
    "v1 = mmap_huge ?2 count=3 at=a+0x20",
    "split_huge ?1 in=?2",
    "k1 = pin_longterm ?2",
    "k1 = pin_longterm ?2 from=3 in=?4",
    "hugetlb_pool count=2 at=a+0x10",
    "h1 = hugetlb_page count=3",
    "g1 = alloc_range at=a+0x10 pages=32",
    "free_range ?1",
    "compact",
    "compact order=4 light type=unmovable restarting",
    "reclaim",
    "reclaim pages=100 order=4 priority=3",
    "kswapd",
    "kswapd order=3 node=1",
    "free ?1",
    "refuse ?1 times=49",
    "refuse ?1 times=all error=EIO",
    "k1 = pin b+0x7f",
    "k1 = pin ?3",
    "unpin ?1",
    "get_page 0x10",
    "put_page 0x10",
    "drain",
    "drain_pages",
    "drain_lru",
    "lru_add_drain cpu=1",
    "signal A",
    "signal cpu1",
    "sleep us=100000",
    "resume",
    "A: resume until=cma_mutex_taken#2",
    "reserve base=0x40 pages=3",
    "declare c1 base=0x100000 size=0x40000 limit=0x300000 alignment=0x10000 order_per_bit=1 fixed",
    "declare size=0x40000",
    "init_reserved_mem c1 base=0x100000 size=0x40000 order_per_bit=2",
    "activate",
    "region c1 size=0x400000",
    "region c1 base=0x100000 size=0x400000 alignment=0x1000 alloc_base=0x0 alloc_size=0x800000 shared-dma-pool "
    "reusable no-map linux,cma-default",
    "boot cmdline=\"\"",
    "b1 = dma_alloc size=0x1000 gfp=GFP_KERNEL",
    "b1 = dma_alloc size=0x12345 gfp=GFP_ATOMIC|__GFP_NOWARN memory_region=?2 node=1 cma_alignment=4",
    "dma_free ?1",
    "boot c1 cmdline=\"cma=64M@0 x=\\\"y z\\\"\" arch=riscv limit=0x800000 size_sel=max size_mbytes=3 "
    "size_percentage=20 node_areas possible_nodes=4",
    "device_tree \"/ { x = \\\"y\\\"; };\"",
    "boot_area c1 area=pernuma0",
    "boot_area c1 area=linux,cma",
    "cat cma/a/bitmap",
    "cat \"no such file\"",
    "debugfs_alloc a pages=3",
    "debugfs_free b pages=3",
    "expect ?1.failed",
    "expect ?1.gone",
    "expect ?1.pfn == a+0x10",
    "expect ?1.pfn != 0x200",
    "expect ?1.pages >= 12",
    "expect ?1 == -ENOMEM",
    "expect ?1 == 0",
    "expect free_cma == 508",
    "expect skipped <= 2",
    "expect log \"is busy, retrying\" never",
    "expect log next \"a \\\"quoted\\\" \\\\ \\x07 word\"",
    "expect trace \"test_pages_isolated\" times=3",
    "expect cat cma/a/used \"12\"",
    "expect zone Normal.min >= 4",
    "expect zone Normal.reserved_highatomic == 0",
    "expect page a+0x3 buddy order=4 ref=0 type=cma",
    "expect page 0x7 used owner=?1",
    "expect finding law=bitmap",
    "A: b1 = cma_alloc a pages=1 until=cma_bitmap_marked",
    "b1 = cma_alloc a pages=1 cpu=1",
    "b1 = cma_alloc a pages=1 scope=nofs",
    "compact order=3 cpu=1 scope=noio until=scan_batch",
};

TEST(Text, OperationsAreReadAndPrinted) {
  for (std::string_view line : kLines) EXPECT_EQ(reprinted(line), line);
}

// Returns the error of an operation on a release, or how it is printed.
std::string on_release(Release release, std::string_view op) {
  const auto program = parse(fmt::format("machine small release={}\n{}", name_of(release), op), "f");
  return program ? print_op(*program, program->ops.back()) : program.error().text().substr(2);
}

TEST(Text, GfpWordsAreThoseOfTheRelease) {
  EXPECT_EQ(on_release(Release::v4_9, "alloc_pages gfp=GFP_TEMPORARY|__GFP_COLD"),
            "alloc_pages gfp=GFP_TEMPORARY|__GFP_COLD");
  EXPECT_EQ(on_release(Release::v4_19, "alloc_pages gfp=GFP_TEMPORARY"),
            "2:17: release 4.19 has no `GFP_TEMPORARY`: it is there up to 4.13");
  EXPECT_EQ(on_release(Release::v4_9, "alloc_pages gfp=GFP_KERNEL|__GFP_RETRY_MAYFAIL"),
            "2:28: release 4.9 has no `__GFP_RETRY_MAYFAIL`: it is there since 4.13");
  EXPECT_EQ(on_release(Release::v3_6, "alloc_pages gfp=__GFP_RECLAIM"),
            "2:17: release 3.6 has no `__GFP_RECLAIM`: it is there since 4.4");
  EXPECT_EQ(on_release(Release::v6_12, "alloc_pages gfp=__GFP_ATOMIC"),
            "2:17: release 6.12 has no `__GFP_ATOMIC`: it is there from 4.4 to 6.2");
  EXPECT_EQ(on_release(Release::v6_12, "alloc_pages gfp=GFP_KERNL"),
            "2:17: expected a gfp word: the kernel has no `GFP_KERNL`: did you mean `GFP_KERNEL`?");
  EXPECT_EQ(on_release(Release::v3_6, "alloc_pages gfp=GFP_TRANSHUGE"), "alloc_pages gfp=GFP_TRANSHUGE");
  EXPECT_EQ(on_release(Release::v3_6, "alloc_pages gfp=GFP_NOWAIT"), "alloc_pages gfp=GFP_NOWAIT");
  EXPECT_EQ(on_release(Release::v6_12, "alloc_pages gfp=GFP_NOWAIT"), "alloc_pages gfp=GFP_NOWAIT");
}

TEST(Text, GfpNumbersAreThoseOfTheRelease) {
  EXPECT_EQ(on_release(Release::v6_1, "alloc_pages order=8 gfp=0xcc1"), "alloc_pages order=8 gfp=GFP_KERNEL|GFP_DMA");
  EXPECT_EQ(on_release(Release::v3_6, "alloc_pages gfp=0xd0"), "alloc_pages gfp=GFP_KERNEL");
  EXPECT_EQ(on_release(Release::v4_9, "alloc_pages gfp=0x2080020"), "alloc_pages gfp=GFP_ATOMIC");
  EXPECT_EQ(on_release(Release::v6_12, "alloc_pages gfp=0xa20"),
            "2:17: expected a number of gfp flags: release 6.12 has not all of `0xa20`");
}

TEST(Text, OtherWordsBesideGfpAddTheirFlags) {
  EXPECT_EQ(reprinted("alloc_pages type=movable gfp=GFP_USER highmem comp nowarn"),
            "alloc_pages gfp=GFP_HIGHUSER_MOVABLE|__GFP_NOWARN|__GFP_COMP");
  EXPECT_EQ(reprinted("alloc_pages gfp=__GFP_ZERO atomic"), "alloc_pages gfp=GFP_ATOMIC|__GFP_ZERO");
  EXPECT_EQ(reprinted("alloc_pages type=unmovable gfp=GFP_KERNEL"), "alloc_pages gfp=GFP_KERNEL");
}

TEST(Text, WordsThatContradictGfpAreRefused) {
  EXPECT_EQ(op_error("alloc_pages gfp=GFP_KERNEL atomic"),
            "2:28: `atomic` contradicts `gfp=`: such a request may wait");
  EXPECT_EQ(op_error("alloc_pages type=unmovable gfp=GFP_HIGHUSER_MOVABLE"),
            "2:13: `type=unmovable` contradicts `gfp=`: it has another type");
  EXPECT_EQ(op_error("alloc_pages gfp=GFP_KERNEL|GFP_DMA highmem"),
            "2:36: `highmem` contradicts `gfp=`: it asks for another zone");
  EXPECT_THAT(op_error("alloc_pages gfp=GFP_DMA|GFP_DMA32"), HasSubstr("2:17: expected one of GFP_DMA"));
  EXPECT_THAT(op_error("alloc_pages gfp=__GFP_MOVABLE|__GFP_RECLAIMABLE"),
              HasSubstr("2:17: expected __GFP_MOVABLE or"));
  EXPECT_THAT(op_error("alloc_pages gfp=GFP_KERNEL|"), HasSubstr("2:28: expected a gfp word here"));
}

TEST(Text, ScopesAreThoseOfTheRelease) {
  EXPECT_EQ(on_release(Release::v4_9, "drain scope=noio"), "drain scope=noio");
  EXPECT_EQ(on_release(Release::v3_6, "drain scope=noreclaim"), "drain scope=noreclaim");
  EXPECT_EQ(on_release(Release::v3_6, "drain scope=realtime"), "drain scope=realtime");
  EXPECT_EQ(on_release(Release::v4_9, "drain scope=nofs"),
            "2:7: release 4.9 has no memalloc_nofs_save: it came with 4.12");
  EXPECT_EQ(op_error("drain scope=nomem"), "2:13: expected nofs|noio|noreclaim|realtime|victim, not `nomem`");
  EXPECT_EQ(op_error("resume scope=nofs"), "2:8: `resume` begins nothing that a scope binds: leave out `scope=nofs`");
}

TEST(Text, ExpectationsNameAZoneOfTheMachine) {
  EXPECT_EQ(op_error("expect zone DMA.min == 3"), "2:13: expected a zone: none is named `DMA`, only Normal");
  EXPECT_THAT(op_error("expect zone Normal.mid == 3"), HasSubstr("2:19: expected free|boost|min"));
}

TEST(Text, ReserveRatiosAreFourNumbers) {
  const auto printed = [](std::string_view words) {
    const auto program = parse(fmt::format("machine small release=6.1 {}\n", words), "f");
    return program ? print(*program) : program.error().text();
  };
  EXPECT_THAT(printed("lowmem_reserve_ratio=256,64,32,0"), HasSubstr(" lowmem_reserve_ratio=256,64,32,0\n"));
  EXPECT_THAT(printed("lowmem_reserve_ratio=auto"), HasSubstr("release=6.1\n"));
  EXPECT_THAT(printed("lowmem_reserve_ratio=256,64"), HasSubstr("1:48: expected four numbers"));
  EXPECT_THAT(printed("lowmem_reserve_ratio=256,64,32,70000"), HasSubstr("1:58: lowmem_reserve_ratio must be at most"));
}

TEST(Text, EveryKindIsAmongTheLinesOrHasATestOfItsOwn) {
  // Kinds without operands need no line.
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    Program program;
    program.ops.push_back({});
    program.ops.back().body = default_body(kind);
    program.settle();
    const std::string text = print(program);
    EXPECT_EQ(parsed(text), program) << text;
  }
}

TEST(Text, WordsMayStandInAnyOrderAndNumbersInAnyBase) {
  EXPECT_EQ(reprinted("b1 =   cma_alloc a nowarn align=0x4   pages=0X14 # words"),
            "b1 = cma_alloc a pages=20 align=4 nowarn");
  EXPECT_EQ(reprinted("alloc_pages comp type=movable order=02"), "alloc_pages order=2 type=movable comp");
  EXPECT_EQ(reprinted("get_page 0x10+2"), "get_page 0x12");
}

// --- names ---

TEST(Text, NamesArePrintedAsTheyWereGiven) {
  const std::string text =
      "cmacheck 1\nmachine small release=6.1\n\n"
      "b = cma_alloc a pages=4\nb1 = cma_alloc a pages=4\nx1 = alloc_pages type=movable\npin = pin b+1\n"
      "unpin pin\ncma_release b1\nfree_pages x1\n";
  EXPECT_EQ(print(parsed(text)), text);
}

TEST(Text, DefaultNamesCarryTheIdentifier) {
  const Program program = parsed(on_small("b7 = cma_alloc a pages=4\nbuffer = cma_alloc a pages=4\n"));
  EXPECT_EQ(program.ops[0].id, 7);
  EXPECT_EQ(program.ops[1].id, 1);
  EXPECT_EQ(program.names.size(), 1U);
}

TEST(Text, AResultHidesAnAreaOfTheSameName) {
  const Program program = parsed(on_small("b = cma_alloc b pages=4\npin b+1\npin area:b+1\npin a+1\n"));
  EXPECT_EQ(print_op(program, program.ops[0]), "b = cma_alloc b pages=4");
  EXPECT_EQ(std::get<Pin>(program.ops[1].body).page.kind, Place::Kind::result);
  EXPECT_EQ(std::get<Pin>(program.ops[2].body).page.kind, Place::Kind::area);
  EXPECT_EQ(print_op(program, program.ops[2]), "pin area:b+0x1");
}

TEST(Text, AnOperandMayNameWhatComesLater) {
  const Program program = parsed(on_small("cma_release b\nb = cma_alloc a pages=4\n"));
  EXPECT_EQ(std::get<CmaRelease>(program.ops[0].body).buffer.id, program.ops[1].id);
}

TEST(Text, DeclaredAreasAreNamedLikeTheMachines) {
  const Program program = parsed(on_small("declare video size=0x40000\nb1 = cma_alloc video pages=4\npin video+2\n"));
  EXPECT_EQ(std::get<CmaAlloc>(program.ops[1].body).area, (AreaRef{true, program.ops[0].id}));
  EXPECT_EQ(print_op(program, program.ops[1]), "b1 = cma_alloc video pages=4");
}

// Bytes name any result where an area is wanted. The operation is skipped, and must stay the same in the text.
TEST(Text, AResultNamedLikeAnAreaCanBeNamedWhereAnAreaIsWanted) {
  Program program = parsed(on_small("b = cma_alloc a pages=4\nc = cma_alloc b pages=4\n"));
  EXPECT_EQ(std::get<CmaAlloc>(program.ops[1].body).area, (AreaRef{false, 1})) << "the area, as always";
  std::get<CmaAlloc>(program.ops[1].body).area = {true, program.ops[0].id};
  EXPECT_EQ(print_op(program, program.ops[1]), "c = cma_alloc result:b pages=4");
  EXPECT_EQ(parsed(print(program)), program);
}

// --- machines ---

TEST(Text, MachinesArePrintedAsShortAsTheyCanBe) {
  EXPECT_EQ(print(parsed("machine small release=4.19")), "cmacheck 1\nmachine small release=4.19\n");
  EXPECT_EQ(print(parsed("machine small cpus=2 pages=1024 release=6.1 pcp_batch=auto bugs=repaired audit=ops")),
            "cmacheck 1\nmachine small release=6.1 pcp_batch=auto\n");
  const std::string full =
      "cmacheck 1\n"
      "machine release=4.19 base=0x800 cpus=4 max_areas=4 pcp_batch=31 pcp_high=186 min_free_kbytes=4096 "
      "extra_free_kbytes=100 debug=off rate_limits=off audit=points\n"
      "zone DMA32 base=0x800 pages=0x4000\nzone Normal base=0x4800 pages=0x4000\n"
      "hole base=0x900 pages=0x10\nreserved base=0x1000 pages=0x7\n"
      "area linux,cma base=0x4800 pages=0x1000 order_per_bit=0\n"
      "area video base=0x6000 pages=0x400 order_per_bit=2 fail=bitmap\n"
      "bug bitmap-forgets-bit\nactor A cpu=0\nactor camera cpu=3\n";
  EXPECT_EQ(print(parsed(full)), full);
}

TEST(Text, ShippedBugsAreOneWord) {
  const Program program = parsed("machine small release=4.19 bugs=as-shipped\nbug bitmap-forgets-bit\n");
  EXPECT_TRUE(program.machine.bugs.active(Bug::bitmap_forgets_bit));
  EXPECT_TRUE(program.machine.bugs.active(Bug::undo_counts_twice));
  EXPECT_EQ(print(program), "cmacheck 1\nmachine small release=4.19 bugs=as-shipped\nbug bitmap-forgets-bit\n");
}

TEST(Text, AFailingBitmapOfASmallMachineIsKept) {
  Program program;
  program.failing_bitmaps = {0};
  program.settle();
  EXPECT_EQ(parsed(print(program)), program) << print(program);
}

// --- refusals ---

// The word after a name and a dot may stand apart, in quotes, and be empty.
TEST(Text, AWordThatIsNotJoinedToItsOperandIsRefused) {
  const std::string head = "machine small release=6.1\nb = cma_alloc a pages=1\n";
  for (const std::string_view word : {"\"\"", "\"free\"", "free"}) {
    EXPECT_THAT(error_of(head + "expect zone Normal " + std::string(word) + " == 1"), StartsWith("3:20: expected "));
    EXPECT_THAT(error_of(head + "expect b " + std::string(word)), StartsWith("3:10: expected "));
  }
}

TEST(Text, ErrorsOfTheMachineHaveThePlaceAndWhatWasExpected) {
  EXPECT_EQ(error_of(""), "1:1: expected a `machine` line");
  EXPECT_EQ(error_of("# nothing\n\ndrain"), "3:1: expected a `machine` line first");
  EXPECT_EQ(error_of("cmacheck 2\n"), "1:10: expected version 1: no other can be read");
  EXPECT_EQ(error_of("area a base=0 pages=64"), "1:1: expected a `machine` line first");
  EXPECT_EQ(error_of("machine release=6.0"),
            "1:17: expected 3.6|4.9|4.19|5.10|5.15|6.1|6.6|6.12, not `6.0`: `cmacheck releases 6.0` names the nearest");
  EXPECT_EQ(error_of("machine release=new"), "1:17: expected 3.6|4.9|4.19|5.10|5.15|6.1|6.6|6.12, not `new`");
  EXPECT_EQ(error_of("machine small release=6.1 cpus=x"), "1:32: expected a number, not `x`");
  EXPECT_EQ(error_of("machine small release=6.1 cpus=1 cpus=2"), "1:34: `cpus=` is given twice");
  EXPECT_EQ(error_of("machine small release=6.1 thp=1"), "1:31: expected on|off, not `1`");
  EXPECT_EQ(error_of("machine small release=6.1 bugs=all"), "1:32: expected repaired|as-shipped, not `all`");
  EXPECT_EQ(error_of("machine small release=6.1 speed=9"), "1:27: a machine has no `speed=`");
  EXPECT_EQ(error_of("machine small release=6.1 cpu=2"), "1:27: a machine has no `cpu=`: did you mean `cpus`?");
  EXPECT_THAT(error_of("machine large release=6.1"), HasSubstr("1:9: `large` does not belong here in"));
  EXPECT_EQ(error_of("machine small release=6.1\nmachine small release=6.1"),
            "2:1: expected one `machine` line, not two");
  EXPECT_EQ(error_of(on_small("area a base=0 pages=64")), "2:6: there is an area `a` already");
  EXPECT_EQ(error_of(on_small("area 7 base=0 pages=64")), "2:6: expected the area's name, not `7`");
  EXPECT_EQ(error_of(on_small("bug nice")), "2:5: expected a bug: none is named `nice`");
  EXPECT_EQ(error_of(on_small("bug bitmap-forget-bit")),
            "2:5: expected a bug: none is named `bitmap-forget-bit`: did you mean `bitmap-forgets-bit`?");
  EXPECT_EQ(error_of(on_small("actor A cpu=2")), "2:13: expected a CPU below 2");
  EXPECT_EQ(error_of(on_small("actor A cpu=9")), "2:13: expected a CPU below 2");
  EXPECT_EQ(error_of(on_small("actor A\nactor A")), "3:7: there is an actor `A` already");
  EXPECT_EQ(error_of(on_small("actor A cpu 1")), "2:9: expected a value: `cpu=`, then the value without blanks");
  EXPECT_EQ(error_of("machine small release=6.1 cpus 2"),
            "1:27: expected a value: `cpus=`, then the value without blanks");
  EXPECT_EQ(error_of(on_small("actor cpu0")), "2:7: `cpu0` is the CPU's own actor");
  EXPECT_EQ(error_of(on_small("drain\nactor A")), "3:1: expected `actor` lines before the operations");
  EXPECT_EQ(error_of(on_small("hole base=1")), "2:12: expected `pages=` in `hole base=N pages=N`");
}

TEST(Text, ErrorsOfImpossibleMachinesHaveTheRule) {
  EXPECT_THAT(error_of("machine small release=6.1 cpus=9"), HasSubstr("1:1: this machine is impossible: cpus must be"));
  EXPECT_THAT(error_of("machine small release=6.1 pages=0"), HasSubstr("1:1: this machine is impossible: memory must"));
  EXPECT_THAT(error_of(on_small("area c base=0x210 pages=0x10")),
              HasSubstr("2:1: this machine is impossible: area c overlaps area a"));
  EXPECT_THAT(error_of(on_small("area c base=0x11 pages=0x10")),
              HasSubstr("2:1: this machine is impossible: area c: base must be"));
  EXPECT_THAT(error_of(on_small("area c base=0x10 pages=0")),
              HasSubstr("2:1: this machine is impossible: area c has no pages"));
  EXPECT_THAT(error_of(on_small("zone DMA base=0 pages=0x1000")),
              HasSubstr("2:1: this machine is impossible: zone DMA does not lie inside"));
  // Area a was possible before the hole.
  EXPECT_THAT(error_of(on_small("hole base=0x200 pages=1")), HasSubstr("2:1: this machine is impossible: area a"));
  EXPECT_THAT(error_of("machine release=3.6\narea c base=0x400 pages=0x400 order_per_bit=1"),
              HasSubstr("2:1: this machine is impossible: area c: before 3.17 a bit is a page"));
}

TEST(Text, ErrorsOfOperationsHaveThePlaceAndWhatWasExpected) {
  EXPECT_EQ(op_error("frobnicate"), "2:1: expected an operation: `frobnicate` is none");
  EXPECT_EQ(op_error("cma_aloc a pages=1"),
            "2:1: expected an operation: `cma_aloc` is none: did you mean `cma_alloc`?");
  EXPECT_EQ(op_error("cma_alloc(a, 16)"),
            "2:1: expected an operation: `cma_alloc(a,` is none: did you mean `cma_alloc`?");
  EXPECT_EQ(op_error("alloc a pages=1"), "2:1: expected an operation: `alloc` is none: did you mean `cma_alloc`?");
  EXPECT_EQ(op_error("b cma_alloc a pages=1"), "2:3: expected `=` after the name `b`, not `cma_alloc`");
  EXPECT_EQ(op_error("drain // all"), "2:7: a comment begins with `#`, not `//`");
  EXPECT_EQ(op_error("// drain"), "2:1: expected an operation: a comment begins with `#`, not `//`");
  EXPECT_EQ(op_error("b := cma_alloc a pages=1"), "2:3: expected `=` after the name `b`, not `:=`");
  EXPECT_EQ(op_error("b = "), "2:4: expected an operation");
  EXPECT_EQ(op_error("b=cma_alloc a pages=1"),
            "2:1: expected an operation; after a name, blanks around the `=`: `b = cma_alloc`");
  EXPECT_EQ(op_error("7b = cma_alloc a pages=1"), "2:1: expected a name, not `7b`");
  EXPECT_EQ(op_error("log = cma_alloc a pages=1"), "2:1: `log` cannot be a name: it is a word of operations");
  EXPECT_EQ(op_error("b = cma_alloc"), "2:14: expected an area in `cma_alloc AREA pages=N [align=N] [nowarn]`");
  EXPECT_EQ(op_error("cma_alloc q pages=1"), "2:11: expected an area: nothing is named `q`, only a, b");
  EXPECT_EQ(op_error("cma_alloc a"), "2:12: expected `pages=` in `cma_alloc AREA pages=N [align=N] [nowarn]`");
  EXPECT_EQ(op_error("cma_alloc a 16"),
            "2:13: expected `pages=16`, not `16` in `cma_alloc AREA pages=N [align=N] [nowarn]`");
  EXPECT_EQ(op_error("alloc_range a+0x10 pages=4"),
            "2:13: expected `at=a+0x10`, not `a+0x10` in `alloc_range at=PLACE pages=N`");
  EXPECT_EQ(op_error("cma_alloc a nowarn"), "2:19: expected `pages=` in `cma_alloc AREA pages=N [align=N] [nowarn]`");
  EXPECT_EQ(op_error("cma_release buffer=b"),
            "2:13: `buffer=b` does not belong here in `cma_release BUFFER [from=N] [pages=N]`");
  EXPECT_EQ(op_error("sleep ms=1"), "2:7: `ms=1` does not belong here in `sleep us=N`");
  EXPECT_EQ(op_error("drain cpu 1"), "2:7: `cpu` does not belong here in `drain`");
  EXPECT_EQ(op_error("cma_alloc a pages = 4"), "2:13: expected `pages=4` without blanks");
  EXPECT_EQ(op_error("cma_alloc a pages="), "2:19: expected a value after `pages=`");
  EXPECT_EQ(op_error("cma_alloc a pages=-1"), "2:19: expected a number, not `-1`");
  EXPECT_EQ(op_error("cma_alloc a pages=0x"), "2:19: expected a number, not `0x`");
  EXPECT_EQ(op_error("cma_alloc a pages=1 align=256"), "2:27: expected 0 to 255");
  EXPECT_EQ(op_error("cma_alloc a pages=18446744073709551616"),
            "2:19: expected a number that fits into 64 bits, not `18446744073709551616`");
  EXPECT_EQ(op_error("cma_alloc a pages=1 pages=2"), "2:21: `pages=` is given twice");
  EXPECT_EQ(op_error("cma_alloc a pages=1 soon"),
            "2:21: `soon` does not belong here in `cma_alloc AREA pages=N [align=N] [nowarn]`");
  EXPECT_EQ(op_error("cma_release b"), "2:13: expected a buffer: nothing is named `b`");
  EXPECT_THAT(op_error("dma_alloc size=0x1000 gfp=GFP_KERNEL memory_region=b"), HasSubstr("expected an area: "));
  EXPECT_EQ(op_error("buffer = cma_alloc a pages=1\ncma_release bufer"),
            "3:13: expected a buffer: nothing is named `bufer`: did you mean `buffer`?");
  EXPECT_EQ(op_error("mmap_anon pages=4"), "2:18: expected a process in `mmap_anon PROCESS pages=N [at=PLACE]`");
  EXPECT_EQ(op_error("alloc_pages type=fast"), "2:18: expected movable|unmovable|reclaimable, not `fast`");
  EXPECT_EQ(op_error("refuse ?1 times=4294967296"), "2:17: expected 0 to 4294967295, or `all`");
  EXPECT_EQ(op_error("region x base=0xffffffffffffffff size=1"), "2:15: expected 0 to 18446744073709551614")
      << "it stands for a region without a base";
  EXPECT_EQ(op_error("dma_alloc size=1 gfp=GFP_KERNEL node=18446744073709551615").substr(0, 20),
            "2:38: expected 0 to ");
  EXPECT_EQ(op_error("pin b+"), "2:7: expected a number here");
  EXPECT_EQ(op_error("pin b+x"), "2:7: expected a number, not `x`");
  EXPECT_EQ(op_error("pin area:x"), "2:5: expected an area: nothing is named `x`, only a, b");
  EXPECT_EQ(op_error("pin ?65536"), "2:5: expected an identifier below 65536");
  EXPECT_EQ(op_error("b = cma_alloc a pages=1\nb = cma_alloc a pages=1"),
            "3:1: `b` names another result already: choose another name");
  EXPECT_EQ(op_error("c = declare main size=0x1000"),
            "2:1: `declare` is given two names, `c` and `main`: leave out `c =`");
  EXPECT_EQ(op_error("main = declare size=0x1000 fixed"), "accepted");
  EXPECT_EQ(op_error("declare a size=0x1000"), "2:9: there is an area `a` already");
}

TEST(Text, ErrorsOfActorsPointsAndExpectationsHaveThePlaceAndWhatWasExpected) {
  EXPECT_EQ(op_error("B: drain"), "2:1: expected an actor: none is named `B` (a line `actor B cpu=0` adds it)");
  EXPECT_EQ(op_error("drain cpu=2"), "2:11: expected a CPU below 2");
  EXPECT_EQ(op_error("cpu1: drain cpu=1"), "2:13: expected an actor or `cpu=`, not both");
  EXPECT_EQ(op_error("drain until=lunch"), "2:13: expected a point: none is named `lunch`");
  EXPECT_EQ(op_error("drain until=sleep#0"), "2:19: expected 1 to 65535");
  EXPECT_EQ(op_error("sleep us=1 until=sleep"),
            "2:12: `sleep` is performed by no actor and passes no point: leave out `until=sleep`");
  EXPECT_EQ(op_error("cpu0: signal cpu1"),
            "2:1: `signal` is performed by no actor and passes no point: leave out `cpu0:`");
  EXPECT_EQ(op_error("cpu1 drain"), "2:1: expected an operation: an actor is written `cpu1:`");
  EXPECT_EQ(op_error("A : drain"), "2:1: expected an operation: an actor is written `A:`");
  EXPECT_EQ(op_error("drain until=cma_mutex_take"),
            "2:13: expected a point: none is named `cma_mutex_take`: did you mean `cma_mutex_taken`?");
  EXPECT_THAT(op_error("expect"), HasSubstr("2:7: expected log, trace, cat, page, zone, finding"));
  EXPECT_THAT(op_error("expect ?1.size == 4"), HasSubstr("2:11: expected ok|failed"));
  EXPECT_EQ(op_error("expect ?1.pfn = 4"), "2:15: expected ==|!=|<|<=|>|>=, not `=`");
  EXPECT_EQ(op_error("expect ?1 failed"), "2:11: expected `?1.failed`, one word");
  EXPECT_THAT(op_error("expect ?1"), HasSubstr("2:10: expected ==|!=|<|<=|>|>= in `expect RESULT"));
  EXPECT_EQ(op_error("expect log busy"), "2:12: expected a text in quotes, not `busy`");
  EXPECT_EQ(op_error("expect log \"busy"), "2:12: expected a closing `\"` on this line");
  EXPECT_EQ(op_error("expect log \"a\\q\""), "2:14: expected one of \\\" \\\\ \\n \\xHH");
  EXPECT_EQ(op_error("expect log \"a\"never"), "2:15: expected a blank after `\"`");
  EXPECT_THAT(op_error("expect finding law=justice"), HasSubstr("2:20: expected exclusive|conserved|"));
}

TEST(Text, AValueWithoutItsKeyIsShownTheKey) {
  EXPECT_EQ(op_error("x = alloc_range a pages=3"), "2:17: expected `at=a`, not `a` in `alloc_range at=PLACE pages=N`");
  EXPECT_THAT(op_error("alloc_pages order=2 movable"), HasSubstr("2:21: expected `type=movable`, not `movable`"));
  EXPECT_EQ(op_error("b = cma_alloc a pages =2"), "2:17: expected `pages=2` without blanks");
  EXPECT_EQ(op_error("b = cma_alloc a pages = 2"), "2:17: expected `pages=2` without blanks");
  EXPECT_THAT(op_error("alloc_pages order=2 comp"), HasSubstr("2:25: expected `type=` in"));
}

// `declare NAME fixed`: as a name it would read as the flag once it is printed.
TEST(Text, AFlagIsNoName) {
  EXPECT_EQ(op_error("fixed = declare size=0x100000"), "2:1: `fixed` cannot be a name: it is a word of operations");
  EXPECT_TRUE(parse(on_small("fixed = cma_alloc a pages=2"), "program").has_value());
}

TEST(Text, AResultMayBeNamedLikeAState) {
  EXPECT_TRUE(parse(on_small("ok = cma_alloc a pages=2\nexpect ok == 0"), "program").has_value());
}

TEST(Text, RefusesTooManyOperations) {
  std::string text(kSmall);
  for (std::size_t i = 0; i <= kMaxOps; ++i) text += "drain\n";
  EXPECT_THAT(error_of(text), HasSubstr("4098:1: expected at most 4096 operations"));
}

TEST(Text, TheReferenceHasALineForEachKind) {
  const std::string reference = op_reference();
  EXPECT_THAT(reference, HasSubstr("| `cma_alloc AREA pages=N [align=N] [nowarn]` |"));
  EXPECT_EQ(static_cast<std::size_t>(std::count(reference.begin(), reference.end(), '\n')), kOpKinds + 2);
}

// Tests run from the repository's root.
TEST(Text, TheReadmeHasTheReference) {
  std::ifstream file("properties/program/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  EXPECT_NE(readme.str().find(op_reference()), std::string::npos) << "properties/program/README.md needs this table:\n"
                                                                  << op_reference();
}

TEST(Text, ThePageSizeDecidesTheOrdersThatAreNotGiven) {
  const auto orders = [](std::string_view line) {
    const Geometry machine = parsed(line).machine;
    return std::make_pair(machine.pageblock_order, machine.largest_order);
  };
  EXPECT_EQ(orders("machine release=4.19 page_size=4096"), std::make_pair(9U, 10U));
  EXPECT_EQ(orders("machine release=4.19 page_size=16384"), std::make_pair(11U, 11U));
  EXPECT_EQ(orders("machine release=4.19 page_size=65536"), std::make_pair(13U, 13U));
  EXPECT_EQ(orders("machine release=4.19 pageblock_order=9 page_size=65536"), std::make_pair(9U, 13U));
  EXPECT_EQ(orders("machine release=4.19 page_size=65536 pageblock_order=9 largest_order=10"), std::make_pair(9U, 10U));
  EXPECT_EQ(orders("machine small release=4.19 page_size=65536"), std::make_pair(4U, 6U));
  EXPECT_EQ(parsed("machine small release=4.19 page_size=65536").machine.min_free_kbytes, 256U);
}

TEST(Text, WidthsAreKeysOfTheMachine) {
  for (const std::string_view line :
       {"machine release=4.19 page_size=16384", "machine release=4.19 pageblock_order=9 page_size=65536",
        "machine release=4.19 phys_addr=32", "machine release=4.19 long=32",
        "machine small release=6.1 page_size=65536", "machine small release=6.1 min_free_kbytes=16 page_size=65536",
        "machine release=4.19 phys_addr=32 long=32"})
    EXPECT_EQ(print(parsed(line)), "cmacheck 1\n" + std::string(line) + "\n");
  EXPECT_EQ(print(parsed("machine release=4.19 page_size=4096 phys_addr=64 long=auto")),
            "cmacheck 1\nmachine release=4.19\n");
  EXPECT_EQ(error_of("machine release=4.19 page_size=8192"),
            "1:1: this machine is impossible: page_size must be 4096, 16384 or 65536");
  EXPECT_EQ(error_of("machine release=4.19 phys_addr=36"),
            "1:1: this machine is impossible: phys_addr must be 32 or 64");
  EXPECT_EQ(error_of("machine release=4.19 phys_addr=32 long=64"),
            "1:1: this machine is impossible: long=64 needs phys_addr=64");
}

TEST(Text, ZonesOfTwoNodesMayHaveOneName) {
  const std::string two =
      "cmacheck 1\nmachine release=6.1 pages=0x10000\nzone Normal base=0x0 pages=0x8000\n"
      "zone Normal base=0x8000 pages=0x8000 node=1\n";
  EXPECT_EQ(print(parsed(two)), two);
  EXPECT_EQ(error_of("machine release=6.1 pages=0x10000\nzone Normal base=0 pages=64\nzone Normal base=64 pages=64"),
            "3:6: node 0 has a zone `Normal` already: give one of them another `node=`");
  EXPECT_EQ(error_of("machine release=6.1 pages=0x10000\nzone Normal base=0 pages=64 node=4"),
            "2:34: node must be at most 3");
}

}  // namespace
}  // namespace cma
