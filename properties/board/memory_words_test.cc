#include "properties/board/memory_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMeg = std::uint64_t{1} << 20;
constexpr ByteRange kFirst{1024 * kMeg, 1536 * kMeg};
constexpr ByteRange kSecond{2048 * kMeg, 3072 * kMeg};

MemoryWords words_for(const char* cmdline, Architecture architecture, Release release = Release::v6_1) {
  return read_memory_words({kFirst, kSecond}, cmdline, release, architecture, 4096);
}

TEST(MemoryWords, MemIsHowMuchThereIsInAllBanks) {
  for (const Architecture architecture : {Architecture::arm64, Architecture::riscv}) {
    EXPECT_THAT(words_for("mem=256M", architecture).banks, ElementsAre(ByteRange{1024 * kMeg, 1280 * kMeg}));
    EXPECT_THAT(words_for("mem=512M", architecture).banks, ElementsAre(kFirst));
    EXPECT_THAT(words_for("mem=768M", architecture).banks, ElementsAre(kFirst, ByteRange{2048 * kMeg, 2304 * kMeg}));
    EXPECT_THAT(words_for("mem=768M", architecture).notes,
                ElementsAre("mem= ends memory at 0x90000000: what lies beyond is not there"));
  }
}

TEST(MemoryWords, MemOfMoreThanThereIsOrOfNothingLimitsNothing) {
  for (const char* cmdline : {"mem=1536M", "mem=16G", "mem=0", "mem=100", "quiet -- mem=64M"}) {
    const MemoryWords words = words_for(cmdline, Architecture::arm64);
    EXPECT_THAT(words.banks, ElementsAre(kFirst, kSecond)) << cmdline;
    EXPECT_THAT(words.notes, IsEmpty()) << cmdline;
    EXPECT_FALSE(words.limited) << cmdline;
  }
}

TEST(MemoryWords, TheLastOfSeveralCountsOnArm64AndTheLeastOnRiscv) {
  EXPECT_THAT(words_for("mem=64M mem=128M", Architecture::arm64).banks,
              ElementsAre(ByteRange{1024 * kMeg, 1152 * kMeg}));
  EXPECT_THAT(words_for("mem=64M mem=128M", Architecture::riscv).banks,
              ElementsAre(ByteRange{1024 * kMeg, 1088 * kMeg}));
}

TEST(MemoryWords, RiscvKnowsMemSince57) {
  const MemoryWords words = words_for("mem=64M", Architecture::riscv, Release::v4_19);
  EXPECT_THAT(words.banks, ElementsAre(kFirst, kSecond));
  EXPECT_THAT(words.notes, ElementsAre(HasSubstr("mem= is ignored")));
}

TEST(MemoryWords, OnArmMemIsMemory) {
  EXPECT_THAT(words_for("mem=64M", Architecture::arm).banks, ElementsAre(ByteRange{1024 * kMeg, 1088 * kMeg}));
  EXPECT_THAT(words_for("mem=64M@0x48000000 mem=1M@0x60000000", Architecture::arm).banks,
              ElementsAre(ByteRange{1152 * kMeg, 1216 * kMeg}, ByteRange{1536 * kMeg, 1537 * kMeg}));
  const char* below = "mem=512M@0x30000000";
  EXPECT_THAT(words_for(below, Architecture::arm).banks, ElementsAre(ByteRange{1024 * kMeg, 1280 * kMeg}));
  EXPECT_THAT(words_for(below, Architecture::arm, Release::v3_6).banks,
              ElementsAre(ByteRange{768 * kMeg, 1280 * kMeg}));
}

TEST(MemoryWords, OnArmAMemThatAddsNothingLeavesNothing) {
  for (const char* cmdline : {"mem=0", "mem=16M@0x10000000", "mem=none"})
    EXPECT_THAT(words_for(cmdline, Architecture::arm).banks, IsEmpty()) << cmdline;
  EXPECT_THAT(words_for("mem=0 mem=64M", Architecture::arm).banks, ElementsAre(ByteRange{1024 * kMeg, 1088 * kMeg}));
  EXPECT_THAT(words_for("mem", Architecture::arm).banks, ElementsAre(kFirst, kSecond));
}

TEST(MemoryWords, WordsAfterTwoDashesAreForInitSince3_15) {
  for (const char* cmdline : {"quiet -- mem=64M", "-- mem=64M"}) {
    EXPECT_THAT(words_for(cmdline, Architecture::arm64, Release::v3_15).banks, ElementsAre(kFirst, kSecond)) << cmdline;
    EXPECT_THAT(words_for(cmdline, Architecture::arm64, Release::v3_14).banks,
                ElementsAre(ByteRange{1024 * kMeg, 1088 * kMeg}))
        << cmdline;
  }
}

TEST(MemoryWords, WordsThatAreNotModelledAreRemarkedOnce) {
  EXPECT_THAT(words_for("crashkernel=64M crashkernel=8M,low memmap=1M@2M", Architecture::arm64).notes,
              ElementsAre(HasSubstr("crashkernel= is not modelled"), HasSubstr("memmap= is no parameter")));
}

}  // namespace
}  // namespace cma
