// What is answered about areas that cannot be declared: each check of the kernel, and each shortage of memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why_testing.h"

namespace cma {
namespace {

// 64 MiB, units of 4 MiB.
constexpr const char* kOld = "release=4.19 base=0 pages=0x4000 pageblock_order=9 max_areas=2";
constexpr const char* kOldest = "release=3.6 base=0 pages=0x4000 pageblock_order=9 max_areas=2";
constexpr const char* kHighmem =
    "release=4.19 base=0 pages=0x4000 pageblock_order=9\nzone Normal base=0 pages=0x2000\nzone "
    "HighMem base=0x2000 pages=0x2000";

// Boards whose memory has a hole below the limit, and more of it above.
TEST(WhyBoot, NamesWhatEndsTheFreeRangesAndWhatLiesBeyondTheLimit) {
  expect_answers({{"hole",
                   "release=4.19 pages=0x40000 pageblock_order=9\nhole base=0xec00 pages=0x11400",
                   "declare x size=0x10000000 limit=0x10000000\n",
                   {"run    [0x0, 0xec00000) free, 232 MiB of them after alignment, where there is no memory up to "
                    "0x20000000\n",
                    "would  fit without the limit, at [0x30000000, 0x40000000)\n"}}});
}

TEST(WhyBoot, ARequestOfAnAreaThatWasNotDeclaredNamesTheFailure) {
  expect_answers({{"an area that failed",
                   kOld,
                   "declare x size=0x400000\ndeclare y size=0x400000\ndeclare z size=0x400000\nactivate\n"
                   "w = cma_alloc z pages=1\n",
                   {"answer skipped: there is no such area: z failed, -ENOSPC\n"}}});
}

TEST(WhyBoot, AnswersForEachWayADeclarationFails) {
  expect_answers({
      {"no slot",
       kOld,
       "declare x size=0x400000\ndeclare y size=0x400000\ndeclare z size=0x400000\n",
       {"answer failed, -ENOSPC: the kernel has room for 2 areas (MAX_CMA_AREAS) and has them all: x, y\n"}},
      {"no size", kOld, "declare x size=0\n", {"answer failed, -EINVAL: size 0\n"}},
      {"no size", kOldest, "declare x size=0\n", {"answer failed, -EINVAL: size 0\n"}},
      {"bits beyond all sizes",
       kOld,
       "declare x size=0x400000 order_per_bit=64\n",
       {"answer failed, -EINVAL: order_per_bit 64 is not below 64\n"}},
      {"alignment",
       kOld,
       "declare x size=0x400000 alignment=0x300000\n",
       {"answer failed, -EINVAL: alignment 0x300000 is no power of two\n"}},
      {"fixed base",
       kOld,
       "declare x base=0x500000 size=0x400000 fixed\n",
       {"answer failed, -EINVAL: base 0x500000 is no multiple of 4 MiB; 0x400000 or 0x800000 is\n"}},
      {"whole bits",
       kOld,
       "declare x size=0x400000 order_per_bit=11\n",
       {"answer failed, -EINVAL: size 4 MiB is not a whole number of bits of 2^11 pages\n"}},
      {"boundary",
       kHighmem,
       "declare x base=0x1c00000 size=0x800000 fixed\n",
       {"answer failed, -EINVAL: [0x1c00000, 0x2400000) would lie in low and in high memory, which meet at "
        "0x2000000\n"}},
      {"end of memory",
       kOld,
       "declare x base=0x3c00000 size=0x800000 fixed\n",
       {"answer failed, -EINVAL: it ends at 0x4400000, 4 MiB beyond the end of memory, 0x4000000 (the kernel's "
        "line calls that the low/high memory boundary)\n"}},
      {"limit",
       kOld,
       "declare x base=0x1000000 size=0x800000 limit=0x1400000 fixed\n",
       {"answer failed, -EINVAL: [0x1000000, 0x1800000) ends after the limit 0x1400000\n"}},
      {"taken",
       kOld,
       "k = reserve base=0x1000 pages=0x10\ndeclare x base=0x1000000 size=0x400000 fixed\n",
       {"answer failed, -EBUSY: [0x1000000, 0x1400000) is not free: a part of it is reserved already\n",
        "held   [0x1000000, 0x1010000) by "}},
      {"taken by an area",
       kOldest,
       "declare x base=0x1000000 size=0x400000\ndeclare y base=0x1000000 size=0x400000\n",
       {"answer failed, -EBUSY", "by area x\n"}},
      {"no memory",
       kOld,
       "reserve base=0x1000 pages=0x10\ndeclare x size=0x3500000\n",
       {"answer failed, -ENOMEM: no free range of 56 MiB from 0x0 up to the limit 0x4000000; the longest has 44 "
        "MiB after alignment: 12 MiB short\n",
        "wanted 56 MiB (rounded up from 53 MiB) aligned to 4 MiB, below 0x4000000 (the end of memory: no "
        "limit is asked for)\n",
        "run    [0x1010000, 0x4000000) free, 44 MiB of them after alignment, up to the end of memory\n"}},
      {"no memory below the limit", kOld, "declare x size=0x800000 limit=0x400000\n", {"answer failed, -EINVAL: "}},
  });
}

TEST(WhyBoot, AnswersForEachWayReservedMemoryIsRefused) {
  const char* reserved = "reserve base=0x1000 pages=0x1000\n";
  const auto with = [&](const char* rest) { return std::string(reserved) + rest; };
  const std::string base = with("init_reserved_mem x base=0x1200000 size=0x400000\n");
  const std::string size = with("init_reserved_mem x base=0x1000000 size=0x4C0000\n");
  const std::string none = with("init_reserved_mem x base=0x1000000 size=0\n");
  const std::string part = with("init_reserved_mem x base=0x2000000 size=0x800000\n");
  const std::string bits = with("init_reserved_mem x base=0x1000000 size=0x400000 order_per_bit=11\n");
  const std::string slots = with(
      "init_reserved_mem x base=0x1000000 size=0x400000\ninit_reserved_mem y base=0x1400000 size=0x400000\n"
      "init_reserved_mem z base=0x1800000 size=0x400000\n");
  expect_answers({
      {"base",
       kOld,
       base,
       {"answer failed, -EINVAL: base 0x1200000 is no multiple of 4 MiB; 0x1000000 or 0x1400000 is\n",
        "wanted [0x1200000, 0x1600000), both ends at multiples of 4 MiB (the unit of this release; 2 MiB since 5.19), "
        "reserved before\n"}},
      {"size",
       kOld,
       size,
       {"answer failed, -EINVAL: size 0x4c0000 is no multiple of 4 MiB; 0x400000 or 0x800000 is\n"}},
      {"no size", kOld, none, {"answer failed, -EINVAL: size 0\n"}},
      {"not reserved", kOld, part, {"answer failed, -EINVAL: memory from 0x2000000 on is not reserved\n"}},
      {"bits", kOld, bits, {"answer failed, -EINVAL: a bit of 2^11 pages does not divide the unit of 1024 pages\n"}},
      {"no slot", kOld, slots, {"answer failed, -ENOSPC: the kernel has room for 2 areas"}},
  });
}

TEST(WhyBoot, TriesWhatItSaysWouldFit) {
  expect_answers({
      {"smaller, or elsewhere",
       kOld,
       "declare x base=0x3800000 size=0x1000000 fixed\n",
       {"would  fit there with 8 MiB at most\n", "would  fit without a base, at [0x3000000, 0x4000000)\n"}},
      {"no memory",
       kOld,
       "reserve base=0x1000 pages=0x10\ndeclare x size=0x3500000\n",
       {"would  fit with 44 MiB at most\n"}},
      {"base as it was asked for",
       kOld,
       "declare x base=0x500000 size=0x400000 fixed\n",
       {"wanted 4 MiB aligned to 4 MiB, at 0x500000, below 0x4000000"}},
      {"smaller than a unit",
       kOld,
       "reserve base=0x1000 pages=0x400\ninit_reserved_mem x base=0x1000000 size=0x100000\n",
       {"size 0x100000 is no multiple of 4 MiB; the next is 0x400000\n"}},
  });
}

TEST(WhyBoot, ExplainsWhereAnAreaLiesAndWhy) {
  struct Row {
    const char* machine;
    const char* operations;
    std::vector<std::string> texts;
  };
  const Row rows[] = {
      {kHighmem,
       "reserve base=0x1c00 pages=0x400\ndeclare x size=0x400000 limit=0x2000000\n",
       {"answer ok: 4 MiB at [0x1800000, 0x1c00000), the highest free place in [0x0, 0x2000000)\n",
        "wanted 4 MiB aligned to 4 MiB, below 0x2000000\n",
        "found  high memory from 0x2000000 on, which the limit leaves out\n",
        "held   [0x1c00000, 0x2000000) by `reserve base=0x1c00 pages="}},
      {kHighmem,
       "reserve base=0x2000 pages=0x2000\ndeclare x size=0x400000\n",
       {"answer ok: 4 MiB at [0x1c00000, 0x2000000), the highest free place in [0x0, 0x2000000)\n",
        "found  high memory from 0x2000000 on: an area lies in low or in high memory, not in both\n",
        "run    [0x2000000, 0x4000000) was searched first, and no 4 MiB in a row are free there\n",
        "held   [0x2000000, 0x4000000) by `reserve base=0x2000 pages="}},
      {kOld,
       "declare x size=0x400000 limit=0x100000\n",
       {"below 0x4000000 (the end of memory: limit 0x100000 rounds down to 0, which means none)\n"}},
      {kOld,
       "declare x base=0x1000000 size=0x400000 fixed\n",
       {"answer ok: 4 MiB at [0x1000000, 0x1400000), the place that was asked for, which was free\n"}},
      {"release=6.1 base=0 pages=0x140000 pageblock_order=9",
       "declare x size=0x400000\n",
       {"answer ok: 4 MiB at [0x100000000, 0x100400000), the lowest free place in [0x100000000, 0x140000000): this "
        "release looks from 4 GiB on first, upwards\n"}},
      {kOld,
       "reserve base=0x1000 pages=0x1000\ninit_reserved_mem x base=0x1000000 size=0xc00000\n",
       {"answer ok: 12 MiB at [0x1000000, 0x1c00000), memory that was reserved before\n",
        "found  both ends at multiples of 4 MiB (the unit of this release; 2 MiB since 5.19): 4 and 7 of them; "
        "its size need not be a power of two\n"}},
  };
  for (const Row& row : rows) {
    const std::string text = why_text(row.machine, row.operations, "x");
    for (const std::string& wanted : row.texts) EXPECT_THAT(text, ::testing::HasSubstr(wanted));
  }
}

}  // namespace
}  // namespace cma
