#include "allocator/base/gfp.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace cma {
namespace {

using enum Release;

struct Composite {
  const char* name;
  Release release;
  std::uint32_t number;
};

// As gfp.h of each release defines them.
constexpr Composite kComposites[] = {
    {"GFP_ATOMIC", v3_6, 0x20},
    {"GFP_ATOMIC", v4_9, 0x2080020},
    {"GFP_ATOMIC", v4_19, 0x480020},
    {"GFP_ATOMIC", v5_10, 0xa20},
    {"GFP_ATOMIC", v6_1, 0xa20},
    {"GFP_ATOMIC", v6_12, 0x820},
    {"GFP_KERNEL", v3_6, 0xd0},
    {"GFP_KERNEL", v4_9, 0x24000c0},
    {"GFP_KERNEL", v4_19, 0x6000c0},
    {"GFP_KERNEL", v6_1, 0xcc0},
    {"GFP_KERNEL", v6_12, 0xcc0},
    {"GFP_TEMPORARY", v3_6, 0x800d0},
    {"GFP_TEMPORARY", v4_9, 0x24000d0},
    {"GFP_USER", v3_6, 0x200d0},
    {"GFP_USER", v4_19, 0x6200c0},
    {"GFP_USER", v6_1, 0x100cc0},
    {"GFP_HIGHUSER_MOVABLE", v3_6, 0x200da},
    {"GFP_HIGHUSER_MOVABLE", v4_9, 0x24200ca},
    {"GFP_HIGHUSER_MOVABLE", v4_19, 0x6200ca},
    {"GFP_HIGHUSER_MOVABLE", v5_15, 0x1100cca},
    {"GFP_HIGHUSER_MOVABLE", v6_6, 0x100cca},
    {"GFP_HIGHUSER_MOVABLE", v6_12, 0x100cca},
    {"GFP_KERNEL_ACCOUNT", v6_1, 0x400cc0},
    {"GFP_NOIO", v3_6, 0x10},
    {"GFP_NOIO", v4_19, 0x600000},
    {"GFP_NOIO", v6_1, 0xc00},
    {"GFP_NOFS", v4_19, 0x600040},
    {"GFP_NOFS", v6_1, 0xc40},
    {"GFP_NOWAIT", v4_19, 0x400000},
    {"GFP_NOWAIT", v6_1, 0x800},
    {"GFP_NOWAIT", v6_12, 0x2800},
    {"GFP_TRANSHUGE", v3_6, 0x4352da},
    {"GFP_TRANSHUGE", v4_9, 0x4342ca},
    {"GFP_TRANSHUGE_LIGHT", v4_9, 0x342ca},
};

TEST(Gfp, CompositesHaveTheNumbersOfTheirRelease) {
  for (const Composite& composite : kComposites) {
    const auto word = gfp_from_word(composite.name, composite.release);
    ASSERT_TRUE(word) << composite.name;
    const Gfp gfp = gfp_of_words(*word, composite.release);
    EXPECT_EQ(gfp_value(gfp, composite.release), composite.number) << composite.name << " " << composite.release;
    EXPECT_EQ(gfp_from_value(composite.number, composite.release), gfp) << composite.name << " " << composite.release;
    EXPECT_EQ(gfp_text(gfp, composite.release), composite.name) << composite.release;
    EXPECT_EQ(gfp_words(gfp, composite.release), composite.name) << composite.release;
  }
}

TEST(Gfp, AReleaseDoesNotHaveTheFlagsOfAnother) {
  EXPECT_EQ(gfp_value(kGfpAtomicBit, v6_12), 0U) << "0x200 is unused";
  EXPECT_EQ(gfp_text(kGfpAtomicBit | kGfpZero, v6_12), "__GFP_ZERO");
  EXPECT_EQ(gfp_from_value(0x200, v6_12), std::nullopt);
  EXPECT_EQ(gfp_from_value(0x200, v6_1), Gfp{kGfpAtomicBit});
  EXPECT_EQ(gfp_from_word("__GFP_COLD", v4_9), Gfp{kGfpCold});
  EXPECT_EQ(gfp_from_word("__GFP_COLD", v4_19), std::nullopt);
  EXPECT_EQ(gfp_value(kGfpCold, v4_19), 0U);
}

TEST(Gfp, UpTo4_3AFlagKeepsKswapdAsleep) {
  EXPECT_EQ(gfp_value(kGfpKswapdReclaim, v3_6), 0U);
  EXPECT_EQ(gfp_text(kGfpKswapdReclaim, v3_6), "GFP_NOWAIT");
  EXPECT_EQ(gfp_value(0, v3_6), 0x400000U);
  EXPECT_EQ(gfp_text(0, v3_6), "GFP_NO_KSWAPD");
  EXPECT_EQ(gfp_words(kGfpDirectReclaim, v3_6), "GFP_NOIO|__GFP_NO_KSWAPD");
}

TEST(Gfp, OldTracepointsHaveOtherNames) {
  EXPECT_EQ(gfp_text(kGfpKernel | kGfpNowarn, v3_6), "GFP_KERNEL|GFP_NOWARN");
  EXPECT_EQ(gfp_text(kGfpKernel | kGfpDma, v3_6), "GFP_KERNEL|0x1") << "zones have no names there";
  EXPECT_EQ(gfp_words(kGfpKernel | kGfpDma, v3_6), "GFP_KERNEL|GFP_DMA");
}

// Returns numbers that look drawn: the same ones in every run.
std::vector<Gfp> many_flags() {
  std::vector<Gfp> all;
  std::uint64_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    all.push_back(static_cast<Gfp>(state >> 36));
  }
  return all;
}

TEST(Gfp, SettledFlagsHaveANumberAndWordsOfTheirOwn) {
  for (const Release release : modelled_releases())
    for (const Gfp any : many_flags()) {
      const Gfp gfp = settled_gfp(any, release);
      EXPECT_EQ(settled_gfp(gfp, release), gfp);
      EXPECT_EQ(gfp_from_value(gfp_value(gfp, release), release), gfp) << release << std::hex << " " << gfp;
      EXPECT_LE(std::popcount(gfp & (kGfpDma | kGfpDma32 | kGfpHighmem)), 1);
      EXPECT_NE(gfp & (kGfpMovable | kGfpReclaimable), kGfpMovable | kGfpReclaimable);
    }
}

TEST(Gfp, SingleBitsOf4_19AreThemselves) {
  // On 4.19 bit n of GfpBits is bit n of the kernel; 5.0 moved some.
  for (unsigned bit = 0; bit < 23; ++bit) EXPECT_EQ(gfp_value(1U << bit, Release::v4_19), 1U << bit);
}

TEST(Gfp, SingleBitsOf6_1AreAllDifferent) {
  std::uint32_t seen = 0;
  for (unsigned bit = 0; bit < 23; ++bit) {
    const std::uint32_t value = gfp_value(1U << bit, Release::v6_1);
    EXPECT_TRUE(value != 0 && (value & (value - 1)) == 0);
    EXPECT_EQ(seen & value, 0U);
    seen |= value;
  }
}

TEST(Gfp, TextIsThatOfRealLogs) {
  struct Example {
    std::uint32_t v4_19;
    const char* text;
  };
  constexpr Example kExamples[] = {
      {0x484020, "GFP_ATOMIC|__GFP_COMP"},
      {0x6002c0, "GFP_KERNEL|__GFP_NOWARN"},
      {0x6204c8, "GFP_USER|__GFP_RETRY_MAYFAIL|__GFP_MOVABLE"},
      {0x342ca, "GFP_TRANSHUGE_LIGHT"},
      {0x2342ca, "GFP_TRANSHUGE"},
      {0x7000c0, "GFP_KERNEL_ACCOUNT"},
      {0, ""},
  };
  for (const Example& example : kExamples) EXPECT_EQ(gfp_text(example.v4_19), example.text);
}

TEST(Gfp, MigrationAsksForAUsersMovablePageAndMayFail) {
  EXPECT_EQ(migration_target_gfp(Release::v4_12), kGfpUser | kGfpMovable);
  EXPECT_EQ(migration_target_gfp(Release::v4_13), kGfpMigrationTarget);
  EXPECT_EQ(gfp_value(kGfpMigrationTarget, Release::v4_19), 0x6204c8U);
}

TEST(Gfp, MobilityBitsChooseTheMigratetype) {
  EXPECT_EQ(migratetype_of(kGfpKernel), Migratetype::unmovable);
  EXPECT_EQ(migratetype_of(kGfpKernel | kGfpReclaimable), Migratetype::reclaimable);
  EXPECT_EQ(migratetype_of(kGfpHighuserMovable), Migratetype::movable);
}

// The kernel's table has no word for it.
TEST(Gfp, AFlagWithoutAPrintedWordIsANumber) {
  EXPECT_EQ(gfp_text(kGfpNoObjExt, Release::v6_12), "0x1000000");
  EXPECT_EQ(gfp_text(kGfpKernel | kGfpNoObjExt, Release::v6_12), "GFP_KERNEL|0x1000000");
  EXPECT_EQ(gfp_words(kGfpNoObjExt, Release::v6_12), "__GFP_NO_OBJ_EXT");
  EXPECT_EQ(gfp_words(0, Release::v6_12), "0");
}

}  // namespace
}  // namespace cma
