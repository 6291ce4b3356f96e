// What is answered about regions of a device tree that are no areas, and about the default area.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kBoard = "release=6.1 pages=0x10000 pageblock_order=9 debug=off";

TEST(WhyBoard, AnswersForEachWayARegionFails) {
  expect_answers({
      {"no place",
       kBoard,
       "region x size=0x8000000 alloc_base=0 alloc_size=0x4000000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -ENOMEM: no place for 128 MiB aligned to 2 MiB\n", "[0x0, 0x4000000) free\n",
        "would  fit with 62 MiB at most\n"}},
      {"an empty range",
       kBoard,
       "region x size=0x1000000 alloc_base=0x1000000 alloc_size=0\nboot cmdline=\"cma=0\"\n",
       {"16 MiB aligned to 64 bytes in [0x1000000, 0x1000000), an empty range\n"}},
      {"the command line",
       kBoard,
       "region x size=0x800000 shared-dma-pool reusable linux,cma-default\nboot cmdline=\"cma=16M\"\n",
       {"answer failed, -EBUSY: the command line has cma=, which since 5.6 takes precedence over the tree's default "
        "area: its memory was given back; cma= got [0xf000000, 0x10000000)\n"}},
      {"no whole units",
       kBoard,
       "region x base=0x1100000 size=0x400000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -EINVAL: base 0x1100000 is no multiple of 2 MiB; 0x1000000 or 0x1200000 is (need not "
        "be a power of two; the unit is 4 MiB up to 5.18)\n"}},
      {"no slot",
       "release=6.1 pages=0x10000 pageblock_order=9 debug=off max_areas=1",
       "region x base=0x1000000 size=0x400000 shared-dma-pool reusable\nregion y base=0x2000000 size=0x400000 "
       "shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -ENOSPC: all 1 slots for areas are taken (MAX_CMA_AREAS, by CONFIG_CMA_AREAS)\n"}},
      {"two words that contradict each other",
       kBoard,
       "region x base=0x2000000 size=0x400000 shared-dma-pool reusable no-map\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -EINVAL: `reusable` and `no-map` contradict each other: memory that is not mapped cannot be "
        "lent\n"}},
      {"no size",
       kBoard,
       "region x base=0x2000000 size=0 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -EINVAL: its `reg` has size 0, and it has no `size`\n"}},
      {"memory that another region gave back",
       "release=6.12 pages=0x10000 pageblock_order=9 debug=off",
       "region x base=0x2000000 size=0x400000 shared-dma-pool reusable linux,cma-default\n"
       "region y base=0x2000000 size=0x400000 shared-dma-pool reusable\nboot cmdline=\"cma=16M\"\n",
       {"answer failed, -EINVAL: nothing of [0x2000000, 0x2400000) is reserved any more: a region that overlaps it was "
        "given back\n"}},
      {"no default area",
       kBoard,
       "boot x cmdline=\"cma=512M\"\n",
       {"answer failed, -EINVAL: [0x0, 0x20000000) ends after the limit 0x10000000\n"}},
  });
}

TEST(WhyBoard, SaysWhereTheCommandLinesAreaLiesAndWhatTheNodeAllows) {
  expect_answers({
      {"the command line, and a node that would have kept it lower",
       kBoard,
       "region x size=0x800000 alloc_base=0 alloc_size=0x4000000 shared-dma-pool reusable linux,cma-default\n"
       "boot cmdline=\"cma=8M\"\n",
       {"; cma= got [0xf800000, 0x10000000); the node's alloc-ranges would have kept it below 0x4000000\n"}},
      {"the command line, and a node with a range",
       kBoard,
       "region x size=0x800000 alloc_base=0x2000000 alloc_size=0x4000000 shared-dma-pool reusable linux,cma-default\n"
       "boot cmdline=\"cma=8M\"\n",
       {"; cma= got [0xf800000, 0x10000000); the node's alloc-ranges would have kept it in [0x2000000, 0x6000000)\n"}},
      {"the command line, and a node with a place",
       kBoard,
       "region x base=0x2000000 size=0x800000 shared-dma-pool reusable linux,cma-default\nboot cmdline=\"cma=8M\"\n",
       {"; cma= got [0xf800000, 0x10000000); the node's reg would have kept it in [0x2000000, 0x2800000)\n"}},
      {"the command line, within the node's range",
       kBoard,
       "region x size=0x800000 alloc_base=0 alloc_size=0x10000000 shared-dma-pool reusable linux,cma-default\n"
       "boot cmdline=\"cma=8M\"\n",
       {": its memory was given back; cma= got [0xf800000, 0x10000000)\n"}},
  });
}

TEST(WhyBoard, NamesTheUnitAndTheReleasesThatHaveAnother) {
  expect_answers({
      {"no whole units of an older release",
       "release=5.10 pages=0x10000 pageblock_order=9 debug=off",
       "region x base=0x2000000 size=0x600000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"answer failed, -EINVAL: size 0x600000 is no multiple of 4 MiB; 0x400000 or 0x800000 is (need not "
        "be a power of two; the unit is 2 MiB since 5.19)\n"}},
      {"neither end at a unit, which is the same in all releases",
       "release=5.10 pages=0x10000 pageblock_order=10 debug=off",
       "region x base=0x2100000 size=0x100000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"base 0x2100000 is no multiple of 4 MiB; 0x2000000 or 0x2400000 is; size 0x100000 is no multiple of 4 MiB; the "
        "next is 0x400000 (need not be a power of two)\n"}},
  });
}

// The size that an answer names has a place, and a unit more has none.
TEST(WhyBoard, NamesTheLargestSizeThatHasAPlace) {
  const auto answer = [](int mib) {
    return why_text(kBoard, fmt::format("region x size={} alloc_base=0 alloc_size=0x4000000 shared-dma-pool reusable\n"
                                        "boot cmdline=\"cma=0\"\n",
                                        mib << 20));
  };
  EXPECT_EQ(answer(62), "no operation failed; --why-of NAME answers for one all the same\n");
  EXPECT_THAT(answer(64), HasSubstr("would  fit with 62 MiB at most\n"));
}

TEST(WhyBoard, SaysWhatBecomesOfARegionThatIsNoArea) {
  const std::string fixed =
      "region x base=0x2000000 size=0x500000 alignment=0x1000 shared-dma-pool reusable\nboot cmdline=";
  expect_answers({
      {"base or size, an alignment that is not read, and the devices",
       kBoard,
       fixed + "\"cma=16M\"\n",
       {"wanted base and size both multiples of 2 MiB: base 0x2000000 is one (16 * 2 MiB), size 0x500000 is none; the "
        "node's `alignment` is not read, as its `reg` names the place\n",
        "left   its memory is given back, as ordinary memory\n",
        "next   a driver that asks for the region gets -EINVAL (of_reserved_mem_device_init, -22); one that goes on "
        "without it gets buffers from the default area, 16 MiB at [0xf000000, 0x10000000)\n"}},
      {"up to 5.2 its memory stays reserved, and without a default area there is none",
       "release=4.19 pages=0x10000 pageblock_order=9 debug=off",
       fixed + "\"cma=0\"\n",
       {"left   its memory stays reserved, and nothing uses it\n",
        "one that goes on without it gets buffers from no area\n"}},
      {"a place by boot, whose alignment is that of the base",
       kBoard,
       "region x size=0x500000 alignment=0x400000 shared-dma-pool reusable\nboot cmdline=\"cma=0\"\n",
       {"size 0x500000 is none; the node's `alignment` is for its base only\n"}},
      {"no default area",
       kBoard,
       "boot x cmdline=\"cma=512M\"\n",
       {"left   no default area: buffers of devices without an area of their own come from the page allocator, in "
        "blocks of 4 MiB at most\n"}},
  });
}

TEST(WhyBoard, SaysWhatKeepsTheCommandLinesAreaLowAndWhatWouldKeepTheNodes) {
  const std::string node =
      "region x size=0x800000 alloc_base=0 alloc_size=0x4000000 shared-dma-pool reusable linux,cma-default\n";
  expect_answers({
      {"64 bits",
       kBoard,
       node + "boot cmdline=\"cma=8M\" limit=0x8000000\n",
       {"found  cma= got 8 MiB at [0x7800000, 0x8000000), the highest free place in [0x0, 0x8000000)\n",
        "found  no high memory (a 64-bit kernel has none): the limit alone, 0x8000000, keeps cma= low, as what ",
        "the node allows does not bind it\n",
        "would  be the default area, 8 MiB at [0x3800000, 0x4000000), without cma= on the command line; its size is "
        "then that of the node\n",
        "next   devices without an area of their own get buffers from the default area, 8 MiB at [0x7800000, "
        "0x8000000): one that reaches only what the node allows cannot use those\n"}},
      {"32 bits",
       std::string(kBoard) + " long=32\nzone DMA base=0 pages=0x4000\nzone HighMem base=0x4000 pages=0xc000",
       node + "boot cmdline=\"cma=8M\" arch=arm limit=0x4000000\n",
       {"found  high memory from 0x4000000 on, which the limit leaves out\n",
        "get buffers from the default area, 8 MiB at [0x3800000, 0x4000000)\n"}},
  });
}

TEST(WhyBoard, SaysWhereARegionLies) {
  EXPECT_THAT(
      why_text(kBoard, "region x base=0x1000000 size=0x400000 shared-dma-pool reusable\nboot cmdline=\"\"\n", "x"),
      HasSubstr("answer ok: 4 MiB at [0x1000000, 0x1400000), the place that its node names\n"));
  EXPECT_THAT(why_text(kBoard,
                       "region x size=0x400000 alloc_base=0 alloc_size=0x2000000 shared-dma-pool reusable\nboot "
                       "cmdline=\"\"\n",
                       "x"),
              HasSubstr("answer ok: 4 MiB at [0x1c00000, 0x2000000), a free place in [0x0, 0x2000000)\n"));
}

TEST(WhyBoard, SaysWhatARegionIsNotThoughNoErrorSaysIt) {
  EXPECT_THAT(why_text("release=4.9 pages=0x10000 pageblock_order=9 debug=off",
                       "region x base=0x1000000 size=0x400000 shared-dma-pool\nboot cmdline=\"\" arch=arm\n", "x"),
              HasSubstr("the place that its node names; on arm a pool of coherent memory must have `no-map`: nothing "
                        "is made of it\n"));
  EXPECT_THAT(why_text(kBoard,
                       "region w base=0x1000000 size=0x400000\nregion x base=0x1000000 size=0x400000 no-map\n"
                       "boot cmdline=\"\"\n",
                       "x"),
              HasSubstr("the place that its node names; a part of it is reserved already, so it stays mapped: since "
                        "5.12 the kernel refuses to unmap that\n"));
}

TEST(WhyBoard, AnswersForTheAreaOfANodeAsForItsRegion) {
  const std::string text = why_text(
      kBoard,
      "device_tree \"/ { reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges; cam { compatible = "
      "\\\"shared-dma-pool\\\"; reusable; size = <0x8000000>; alloc-ranges = <0 0x4000000>; }; }; };\"\n"
      "boot cmdline=\"cma=0\"\nboot_area x area=cam\n");
  EXPECT_THAT(text, AllOf(HasSubstr("answer failed, -ENOMEM: no place for 128 MiB aligned to 2 MiB\n"),
                          HasSubstr("[0x0, 0x4000000) free\n")));
}

TEST(WhyBoard, SaysWhereTheDefaultAreaComesFrom) {
  EXPECT_THAT(why_text(kBoard, "boot x cmdline=\"cma=16M\"\n", "x"),
              HasSubstr("16 MiB at [0xf000000, 0x10000000), the highest free place"));
  EXPECT_THAT(
      why_text(kBoard, "region n size=0x800000 shared-dma-pool reusable linux,cma-default\nboot x cmdline=\"\"\n", "x"),
      HasSubstr("the region n is the default area, 8 MiB at [0xf800000, 0x10000000)\n"));
  EXPECT_THAT(why_text(kBoard, "boot x cmdline=\"cma=0\"\n", "x"), HasSubstr("neither command line"));
}

// A driver's developer needs to know of the area first: the block is a fallback.
TEST(WhyBoard, AnswersForTheAreasOfADeviceBeforeTheBlock) {
  const std::string full = why_text(kBoard,
                                    "boot m cmdline=\"cma=16M\"\nx = dma_alloc size=0xc00000 gfp=GFP_KERNEL\n"
                                    "d = dma_alloc size=0x800000 gfp=GFP_KERNEL|__GFP_NOWARN\n");
  EXPECT_THAT(full,
              AllOf(HasSubstr("answer failed, -ENOMEM: area reserved: no window: 2048 pages at align 8; longest run "
                              "1024 at bit 3072 of 4096: 1024 pages short; then order 11 is above the largest one, "
                              "10: not tried, without a WARNING because of __GFP_NOWARN\n"),
                    HasSubstr("run    1024 bits at bit 3072"), HasSubstr("held   3072 pages by x\n"),
                    HasSubstr("would  find free bits in an area of 20 MiB (now 16 MiB) that begins lower, as memory "
                              "ends at page 0x10000, "),
                    HasSubstr("log    no line: the caller asks for none")));
  EXPECT_LT(full.find("held   3072 pages by x"), full.find("found  no block of the page allocator instead: order 11"));
  const std::string pinned = why_text(kBoard,
                                      "boot m cmdline=\"cma=16M\"\nactivate\nn = anon_page at=0xf010\n"
                                      "n2 = anon_page at=0xf800\ndrain\nk = pin n\nk2 = pin n2\n"
                                      "d = dma_alloc size=0x800000 gfp=GFP_KERNEL\n");
  EXPECT_THAT(pinned,
              AllOf(HasSubstr("(the caller gets NULL; the last window failed with -EBUSY, in the log ret: -16): area "
                              "reserved: all 9 windows of the area were tried; each had "),
                    HasSubstr("held by  pin k\n"), HasSubstr("held by  pin k2\n")));
  EXPECT_LT(pinned.find("held by  pin k2"), pinned.find("found  no block of the page allocator instead"));
}

TEST(WhyBoard, HasTheSameInJson) {
  const std::vector<Answer> answers =
      why_answers(kBoard,
                  "boot m cmdline=\"cma=16M\"\nx = dma_alloc size=0xc00000 gfp=GFP_KERNEL\n"
                  "d = dma_alloc size=0x800000 gfp=GFP_KERNEL\n");
  ASSERT_EQ(answers.size(), 1U);
  const nlohmann::json json = answer_json(answers.front());
  EXPECT_EQ(json["subject"], "area reserved");
  EXPECT_EQ(json["sweep_error"], "-ENOMEM");
  EXPECT_THAT(json["answer"].get<std::string>(), ::testing::StartsWith("area reserved: no window: 2048 pages"));
  EXPECT_EQ(json["evidence"].front()["area"], "reserved");
  EXPECT_THAT(json["fallback"].front()["text"].get<std::string>(), HasSubstr("no block of the page allocator instead"));
}

TEST(WhyBoard, AnswersForEachAreaThatADeviceWasAskedOf) {
  const std::string nodes =
      "release=6.1 pages=0x10000 pageblock_order=9 debug=off\n"
      "zone Normal base=0 pages=0x8000 node=0\nzone Normal base=0x8000 pages=0x8000 node=1";
  const std::string text = why_text(nodes,
                                    "boot m cmdline=\"cma=8M cma_pernuma=8M\" node_areas\n"
                                    "d = dma_alloc size=0x1000000 gfp=GFP_KERNEL node=0\n");
  EXPECT_THAT(text, AllOf(HasSubstr("pernuma0: never searched: 4096 pages (4096 bits) are more than area pernuma0 has"),
                          HasSubstr("pernuma0 was asked first for 4096 pages"),
                          HasSubstr("reserved was asked next for 4096 pages"),
                          HasSubstr("; area reserved: never searched: 4096 pages")));
}

TEST(WhyBoard, SaysThatASizeWrapsRound) {
  EXPECT_THAT(why_text(kBoard, "boot m cmdline=\"cma=16M\"\nd = dma_alloc size=0xffffffffffffffff gfp=GFP_KERNEL\n"),
              AllOf(HasSubstr("order 52 is above the largest one"),
                    HasSubstr("no area was asked: rounded up to whole pages, the size wraps round to 0\n")));
}

// 5.3 took single pages from areas.
TEST(WhyBoard, SaysWhyNoAreaWasAskedForOnePage) {
  const auto answer = [](const char* release, const char* cmdline) {
    return why_text(fmt::format("release={} pages=0x1000 pageblock_order=9 debug=off", release),
                    fmt::format("boot cmdline=\"{}\"\ne = unmovable_page pages=4080\nd = dma_alloc size=0x1000 "
                                "gfp=GFP_KERNEL\n",
                                cmdline));
  };
  constexpr const char* kNone = "no area was asked: there is none for the device\n";
  EXPECT_THAT(answer("4.9", "cma=0"), HasSubstr(kNone));
  EXPECT_THAT(answer("6.1", "cma=0"), HasSubstr(kNone));
  EXPECT_THAT(answer("6.1", "cma=4M"),
              HasSubstr("no area was asked: since 5.3 one page is as contiguous as any other\n"));
  EXPECT_THAT(why_text("release=6.1 pages=0x1000 pageblock_order=9 debug=off",
                       "e = unmovable_page pages=4080\nd = dma_alloc size=0x1000 gfp=GFP_KERNEL\n"),
              HasSubstr(kNone))
      << "no boot that declares areas";
}

TEST(WhyBoard, SaysWhichAreasABufferOfADeviceWasAskedOf) {
  expect_answers({{"full",
                   kBoard,
                   "boot x cmdline=\"cma=16M\"\nb = dma_alloc size=0x1000000 gfp=GFP_KERNEL\nc = dma_alloc "
                   "size=0x1000000 gfp=GFP_KERNEL\n",
                   {"reserved was asked first for 4096 pages, aligned to 2^8, and had none\n"}},
                  {"atomic",
                   kBoard,
                   "boot x cmdline=\"cma=16M\"\nc = dma_alloc size=0x1000000 gfp=GFP_ATOMIC\n",
                   {"no area was asked: the request may not sleep\n"}}});
}

}  // namespace
}  // namespace cma
