#include "allocator/boot/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct SizeCase {
  const char* text;
  std::uint64_t bytes;
  std::size_t length;
};

TEST(Memparse, ReadsNumbersAndSuffixes) {
  constexpr SizeCase kCases[] = {
      {"64M", 64 * kMiB, 3},
      {"64m@", 64 * kMiB, 3},
      {"0x40000000-", 0x40000000, 10},
      {"0X1k", 1024, 4},
      {"010K", 8 * 1024, 4},  // octal
      {"08", 0, 1},           // 8 is no octal digit
      {"0x", 0, 1},           // no hexadecimal digit: an octal 0
      {"0xg", 0, 1},          //
      {"2G", std::uint64_t{2} << 30, 2},
      {"1T", std::uint64_t{1} << 40, 2},
      {"1p", std::uint64_t{1} << 50, 2},
      {"1E", std::uint64_t{1} << 60, 2},
      {"16E", 0, 3},                    // wraps
      {"18446744073709551617", 1, 20},  // wraps
      {"-1", 0, 0},                     // there is no sign
      {"M", 0, 1},
      {"", 0, 0},
      {"12 M", 12, 2},
      {"1MM", kMiB, 2},
      {"0x1e", 0x1e, 4},  // a digit, no suffix
  };
  for (const SizeCase& c : kCases) {
    const ParsedSize size = memparse(c.text, Release::v6_1);
    EXPECT_EQ(size.bytes, c.bytes) << c.text;
    EXPECT_EQ(size.length, c.length) << c.text;
  }
}

TEST(Memparse, TerabytesCameWith3_16) {
  EXPECT_EQ(memparse("1T", Release::v3_6).bytes, 1U);
  EXPECT_EQ(memparse("1T", Release::v3_6).length, 1U);
  EXPECT_EQ(memparse("1G", Release::v3_6).bytes, std::uint64_t{1} << 30);
}

std::vector<std::string> split(std::string_view cmdline) {
  std::vector<std::string> words;
  for (const ParameterWord& word : words_of(cmdline))
    words.push_back(word.name + (word.value ? "|" + *word.value : ""));
  return words;
}

TEST(CommandLine, WordsEndAtBlanksOutsideQuotes) {
  EXPECT_THAT(split("  quiet cma=64M\troot=/dev/mmcblk0p2  "), ElementsAre("quiet", "cma|64M", "root|/dev/mmcblk0p2"));
  EXPECT_THAT(split("a=\"b c\" \"d e=f\" g"), ElementsAre("a|b c", "d e|f", "g"));
  EXPECT_THAT(split("x=\"y"), ElementsAre("x|y")) << "the quotes need no end";
  EXPECT_THAT(split("=a b=c=d e="), ElementsAre("=a", "b|c=d", "e|"));
  EXPECT_THAT(split(""), IsEmpty());
}

class ParametersTest : public ::testing::Test {
 protected:
  BootParameters read(std::string_view cmdline, Release release, unsigned phys_bits = 64, bool numa = true) {
    Geometry g;
    g.release = release;
    g.memory = {0, 1024};
    g.phys_addr_bits = phys_bits;
    machine = std::make_unique<Machine>(g);
    return read_parameters(cmdline, machine->geometry(), numa, machine->trace);
  }
  std::unique_ptr<Machine> machine;
};

TEST_F(ParametersTest, ASizeAloneHasNoPlace) {
  const BootParameters p = read("cma=64M", Release::v6_1);
  EXPECT_EQ(p.size, 64 * kMiB);
  EXPECT_EQ(p.base, 0U);
  EXPECT_EQ(p.limit, 0U);
}

TEST_F(ParametersTest, ABaseAloneLimitsTheAreaToItsOwnEnd) {
  const BootParameters p = read("cma=64M@256M", Release::v6_1);
  EXPECT_EQ(p.base, 256 * kMiB);
  EXPECT_EQ(p.limit, 320 * kMiB);
}

TEST_F(ParametersTest, BaseAndLimitAreAWindow) {
  const BootParameters p = read("cma=64M@256M-1G", Release::v6_1);
  EXPECT_EQ(p.base, 256 * kMiB);
  EXPECT_EQ(p.limit, 1024 * kMiB);
}

TEST_F(ParametersTest, PlacesCameWith3_16) {
  const BootParameters p = read("cma=64M@256M", Release::v3_6);
  EXPECT_EQ(p.size, 64 * kMiB);
  EXPECT_EQ(p.base, 0U);
  EXPECT_EQ(p.limit, 0U);
}

TEST_F(ParametersTest, ALaterSizeLeavesTheEarlierPlace) {
  const BootParameters p = read("cma=64M@256M cma=32M", Release::v6_1);
  EXPECT_EQ(p.size, 32 * kMiB);
  EXPECT_EQ(p.base, 256 * kMiB);
  EXPECT_EQ(p.limit, 320 * kMiB);
}

TEST_F(ParametersTest, AllBitsSetMeanNotGiven) {
  EXPECT_EQ(read("cma=0xffffffffffffffff", Release::v6_1).size, std::nullopt);
  EXPECT_EQ(read("cma=0xffffffff", Release::v6_1, 32).size, std::nullopt);
  EXPECT_EQ(read("cma=0xffffffff", Release::v6_1).size, 0xffffffffU);
  EXPECT_EQ(read("cma=0", Release::v6_1).size, 0U) << "given: no area";
}

TEST_F(ParametersTest, NumbersAreCutToPhysAddrT) {
  const BootParameters p = read("cma=0x140000000@0x110000000", Release::v6_1, 32);
  EXPECT_EQ(p.size, 0x40000000U);
  EXPECT_EQ(p.base, 0x10000000U);
  EXPECT_EQ(p.limit, 0x50000000U);
}

TEST_F(ParametersTest, AWordWithoutAValueIsReportedSince4_19) {
  EXPECT_EQ(read("cma", Release::v6_1).size, std::nullopt);
  EXPECT_THAT(log_lines(*machine), ElementsAre("cma: Config string not provided", "Malformed early option 'cma'"));
  EXPECT_EQ(read("cma", Release::v6_1).null_pointer, "");
  EXPECT_EQ(read("quiet cma debug", Release::v4_9).null_pointer, "cma");
  EXPECT_THAT(log_lines(*machine), IsEmpty());
}

// What they ask for is read before there is a machine (movable_zones.h).
TEST_F(ParametersTest, SizesOfZonesWithoutAValueAreReported) {
  EXPECT_EQ(read("kernelcore movablecore=1G movablecore", Release::v4_5).null_pointer, "");
  EXPECT_THAT(log_lines(*machine),
              ElementsAre("Malformed early option 'kernelcore'", "Malformed early option 'movablecore'"));
}

// 4.6 brought kernelcore=mirror, and looks for that word first.
TEST_F(ParametersTest, KernelcoreWithoutAValueStopsTheKernelSince4_6) {
  for (const Release release : {Release::v4_6, Release::v6_1, Release::v6_12}) {
    EXPECT_EQ(read("quiet kernelcore", release).null_pointer, "kernelcore") << release;
    EXPECT_THAT(log_lines(*machine), IsEmpty()) << release;
    EXPECT_EQ(read("kernelcore=1G movablecore", release).null_pointer, "") << release;
    EXPECT_THAT(log_lines(*machine), ElementsAre("Malformed early option 'movablecore'")) << release;
  }
}

TEST_F(ParametersTest, WordsAfterTwoDashesAreForInit) {
  EXPECT_EQ(read("quiet -- cma=64M", Release::v6_1).size, std::nullopt);
  EXPECT_EQ(read("quiet -- cma=64M", Release::v3_6).size, 64 * kMiB) << "3.15 brought it";
}

TEST_F(ParametersTest, EachNodeGetsTheSizeOfCmaPernumaSince5_10) {
  EXPECT_EQ(read("cma_pernuma=32M", Release::v5_10).pernuma_size, 32 * kMiB);
  EXPECT_EQ(read("cma-pernuma=32M", Release::v5_10).pernuma_size, 32 * kMiB) << "dashes are underscores";
  EXPECT_EQ(read("cma_pernuma=32M", Release::v4_19).pernuma_size, 0U);
  EXPECT_EQ(read("cma_pernuma=32M", Release::v5_10, 64, /*numa=*/false).pernuma_size, 0U);
  EXPECT_EQ(read("cma_pernuma", Release::v6_1).null_pointer, "cma_pernuma");
}

TEST_F(ParametersTest, NumaCmaNamesNodesSince6_6) {
  const BootParameters p = read("numa_cma=0:16M,2:32M", Release::v6_12);
  EXPECT_THAT(p.node_sizes, ElementsAre(16 * kMiB, 0, 32 * kMiB, 0));
  EXPECT_THAT(read("numa_cma=0:16M", Release::v6_1).node_sizes, ElementsAre(0, 0, 0, 0));
}

TEST_F(ParametersTest, NumaCmaEndsAtTheFirstThingThatIsNoNodeAndSize) {
  for (const char* text : {"1:16M;2:32M", "1:16M,x", "1:16M,16:32M", "1:16M,2=32M", "1:16M,", "1:16M,,2:32M"})
    EXPECT_THAT(read(std::string("numa_cma=") + text, Release::v6_12).node_sizes, ElementsAre(0, 16 * kMiB, 0, 0))
        << text;
  EXPECT_THAT(read("numa_cma=9:1M,1:16M", Release::v6_12).node_sizes, ElementsAre(0, 16 * kMiB, 0, 0))
      << "the kernel knows the node, no machine has it";
}

}  // namespace
}  // namespace cma
