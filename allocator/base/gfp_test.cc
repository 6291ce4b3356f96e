#include "allocator/base/gfp.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

struct Composite {
  const char* name;
  Gfp gfp;
  std::uint32_t v4_19;
  std::uint32_t v6_1;
};

constexpr Gfp kNoio = kGfpReclaim;
constexpr Gfp kNofs = kGfpReclaim | kGfpIo;

constexpr Composite kComposites[] = {
    {"GFP_ATOMIC", kGfpAtomic, 0x480020, 0xa20},
    {"GFP_KERNEL", kGfpKernel, 0x6000c0, 0xcc0},
    {"GFP_USER", kGfpUser, 0x6200c0, 0x100cc0},
    {"GFP_HIGHUSER_MOVABLE", kGfpHighuserMovable, 0x6200ca, 0x100cca},
    {"GFP_NOIO", kNoio, 0x600000, 0xc00},
    {"GFP_NOFS", kNofs, 0x600040, 0xc40},
    {"GFP_NOWAIT", kGfpKswapdReclaim, 0x400000, 0x800},
};

TEST(Gfp, CompositesHaveTheNumbersOfTheirRelease) {
  for (const Composite& composite : kComposites) {
    EXPECT_EQ(gfp_value(composite.gfp, Release::v4_19), composite.v4_19) << composite.name;
    EXPECT_EQ(gfp_value(composite.gfp, Release::v6_1), composite.v6_1) << composite.name;
  }
}

TEST(Gfp, CompositesPrintAsTheirName) {
  for (const Composite& composite : kComposites) EXPECT_EQ(gfp_text(composite.gfp), composite.name);
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

}  // namespace
}  // namespace cma
