#include "allocator/boot/reserved_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReservedMemoryTest : public ::testing::TestWithParam<Release> {
 protected:
  // Runs boot with these regions on 1 GiB, without a default area but by the tree.
  const Boot& run(std::vector<TreeNode> regions, std::string_view cmdline = "") {
    trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
    trial->config.size_mbytes = 0;
    const BootTree tree = tree_of(std::move(regions));
    return trial->run(&tree, cmdline);
  }
  std::vector<std::string> lines() const { return trial->lines(); }
  bool reserved(std::uint64_t base, std::uint64_t size) const {
    return trial->machine.memblock.any_reserved(base, size);
  }
  // Returns the lines of a region that became an area; since 6.4 one more tells its range.
  static std::vector<std::string> area_lines(const std::string& name, const std::string& base, const std::string& end,
                                             std::uint64_t mebibytes) {
    std::vector<std::string> lines = {"Reserved memory: created CMA memory pool at 0x00000000" + base + ", size " +
                                          std::to_string(mebibytes) + " MiB",
                                      "OF: reserved mem: initialized node " + name + ", compatible id shared-dma-pool"};
    if (GetParam() >= Release::v6_4)
      lines.push_back("OF: reserved mem: 0x00000000" + base + "..0x00000000" + end + " (" +
                      std::to_string(mebibytes * 1024) + " KiB) map reusable " + name);
    return lines;
  }
  // Returns the line of a region from which nothing could be made; up to 5.2 there is none.
  static std::vector<std::string> with_failure(std::vector<std::string> lines, const std::string& name) {
    if (GetParam() >= Release::v5_3) lines.push_back("OF: reserved mem: node " + name + " compatible matching fail");
    return lines;
  }

  std::unique_ptr<BootTrial> trial;
};

INSTANTIATE_TEST_SUITE_P(Releases, ReservedMemoryTest,
                         ::testing::Values(Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1,
                                           Release::v6_6, Release::v6_12));

// --- areas ---

TEST_P(ReservedMemoryTest, AFixedRegionBecomesAnArea) {
  const Boot& boot = run({node("camera@10000000", area_at(0x10000000, 0x4000000))});
  EXPECT_EQ(lines(), area_lines("camera@10000000", "10000000", "13ffffff", 64));
  EXPECT_EQ(trial->area("camera@10000000"), (ByteRange{0x10000000, 0x14000000}));
  EXPECT_EQ(boot.dma().default_area(), std::nullopt) << "it belongs to the devices that name it";
  ASSERT_THAT(boot.reserved_memory()->regions(), SizeIs(1));
  EXPECT_EQ(boot.reserved_memory()->regions()[0].error, 0);
  EXPECT_TRUE(boot.reserved_memory()->regions()[0].fixed);
}

TEST_P(ReservedMemoryTest, ARegionOfASizeIsPlacedAsHighAsItCan) {
  run({node("linux,cma", area_of_size(0x4000000))});
  EXPECT_EQ(lines(), area_lines("linux,cma", "3c000000", "3fffffff", 64));
}

TEST_P(ReservedMemoryTest, AllocRangesAreTriedInTheirOrder) {
  const Boot& boot = run({node("linux,cma", area_of_size(0x4000000, {{"alloc-ranges", cells({
                                                                                          0x1000000, 0x2000000,    //
                                                                                          0x20000000, 0x10000000,  //
                                                                                          0x30000000, 0x10000000,  //
                                                                                      })}}))});
  EXPECT_EQ(lines(), area_lines("linux,cma", "2c000000", "2fffffff", 64));
  EXPECT_THAT(boot.reserved_memory()->regions()[0].searched,
              ElementsAre(ByteRange{0x1000000, 0x3000000}, ByteRange{0x20000000, 0x30000000}));
}

TEST_P(ReservedMemoryTest, ARangeThatIsTooSmallIsSaid) {
  const Boot& boot = run({node("linux,cma", area_of_size(0x4000000, {{"alloc-ranges", cells({0, 0x3000000})}}))});
  EXPECT_THAT(lines(), ElementsAre(std::string("OF: reserved mem: failed to allocate memory for node 'linux,cma'") +
                                   (GetParam() >= Release::v6_1 ? ": size 64 MiB" : "")));
  EXPECT_EQ(boot.reserved_memory()->regions()[0].error, -kENOMEM);
  EXPECT_EQ(trial->machine.areas.size(), 0U);
}

TEST_P(ReservedMemoryTest, AlignmentIsThatOfTheUnitAtLeast) {
  run({node("linux,cma", area_of_size(0x1000000, {{"alignment", cells({0x1000})},
                                                  {"alloc-ranges", cells({0x10000000, 0x1f00000})}}))});
  // [0x10000000, 0x11f00000): 16 MiB fit below 0x11e00000, or below 0x11c00000 in units of 4 MiB.
  const bool small_unit = GetParam() >= Release::v5_19;
  EXPECT_EQ(trial->area("linux,cma").start, small_unit ? 0x10e00000U : 0x10c00000U);
}

TEST_P(ReservedMemoryTest, ALargerAlignmentIsKept) {
  run({node("linux,cma", area_of_size(0x1000000, {{"alignment", cells({0x8000000})}}))});
  EXPECT_EQ(trial->area("linux,cma").start, 0x38000000U);
}

TEST_P(ReservedMemoryTest, FixedRegionsAreReservedBeforeAnyIsPlaced) {
  run({node("first", area_of_size(0x4000000)), node("top", area_at(0x3c000000, 0x4000000))});
  EXPECT_EQ(trial->area("first").start, 0x38000000U);
  EXPECT_EQ(trial->area("top").start, 0x3c000000U);
}

TEST_P(ReservedMemoryTest, OfSeveralSizesTheSortDecidesWhoComesFirst) {
  run({node("first", area_of_size(0x4000000)), node("second", area_of_size(0x4000000)),
       node("third", area_of_size(0x4000000))});
  // Up to 6.11 all of them are equal to the sort, which leaves the first one last.
  const bool sorted = GetParam() < Release::v6_12;
  EXPECT_EQ(trial->area("first").start, sorted ? 0x34000000U : 0x3c000000U);
  EXPECT_EQ(trial->area("second").start, sorted ? 0x3c000000U : 0x38000000U);
  EXPECT_EQ(trial->area("third").start, sorted ? 0x38000000U : 0x34000000U);
}

TEST_P(ReservedMemoryTest, AnAlignmentThatNoUnitDividesIsRefused) {
  const Boot& boot = run({node("image_buf0@30000000", area_at(0x30000000, 0x4c0000))});
  EXPECT_EQ(lines(), with_failure({"Reserved memory: incorrect alignment of CMA region"}, "image_buf0@30000000"));
  EXPECT_EQ(reserved(0x30000000, 0x4c0000), GetParam() < Release::v5_3) << "since 5.3 its memory is given back";
  EXPECT_EQ(boot.reserved_memory()->regions()[0].error, GetParam() < Release::v5_3 ? -kENOENT : -kEINVAL);
}

TEST_P(ReservedMemoryTest, WithoutASlotThereIsNoArea) {
  Geometry g = plain_board(GetParam(), 1024);
  g.max_areas = 1;
  trial = std::make_unique<BootTrial>(g);
  trial->config.size_mbytes = 0;
  const BootTree tree =
      tree_of({node("a@10000000", area_at(0x10000000, 0x400000)), node("b@20000000", area_at(0x20000000, 0x400000))});
  trial->run(&tree, "");
  std::vector<std::string> expected = area_lines("a@10000000", "10000000", "103fffff", 4);
  expected.insert(expected.end(),
                  {"cma: Not enough slots for CMA reserved regions!", "Reserved memory: unable to setup CMA region"});
  EXPECT_EQ(lines(), with_failure(expected, "b@20000000"));
}

// --- the default area ---

TEST_P(ReservedMemoryTest, ANodeCanBeTheDefaultArea) {
  const Boot& boot = run({node("linux,cma", area_of_size(0x4000000, {{"linux,cma-default", ""}}))});
  ASSERT_TRUE(boot.dma().default_area());
  EXPECT_EQ(trial->machine.areas.area(*boot.dma().default_area()).name, "linux,cma");
  EXPECT_EQ(trial->machine.areas.size(), 1U);
}

TEST_P(ReservedMemoryTest, ADefaultNodeAndTheCommandLine) {
  const Boot& boot = run({node("linux,cma", area_of_size(0x4000000, {{"linux,cma-default", ""}}))}, "cma=32M");
  ASSERT_TRUE(boot.dma().default_area());
  EXPECT_EQ(trial->machine.areas.size(), 1U);
  if (GetParam() < Release::v5_6) {
    EXPECT_EQ(lines(), area_lines("linux,cma", "3c000000", "3fffffff", 64)) << "cma= is ignored";
    return;
  }
  EXPECT_THAT(lines(), ElementsAre("Reserved memory: bypass linux,cma node, using cmdline CMA params instead",
                                   "OF: reserved mem: node linux,cma compatible matching fail",
                                   reserved_line(GetParam(), 32, 0x3e000000)));
}

TEST_P(ReservedMemoryTest, ANodeThatIsNotTheDefaultStaysBesideTheCommandLine) {
  const Boot& boot = run({node("camera", area_of_size(0x4000000))}, "cma=32M");
  EXPECT_EQ(trial->machine.areas.size(), 2U);
  EXPECT_EQ(trial->machine.areas.area(*boot.dma().default_area()).name, "reserved");
}

TEST_P(ReservedMemoryTest, CmaOfNothingPassesTheDefaultNodeOverSince5_8) {
  const Boot& boot = run({node("linux,cma", area_of_size(0x4000000, {{"linux,cma-default", ""}}))}, "cma=0");
  EXPECT_EQ(boot.dma().default_area().has_value(), GetParam() < Release::v5_6);
}

// --- what is no area ---

TEST_P(ReservedMemoryTest, ARegionWithoutReusableIsAPoolOfCoherentMemory) {
  run({node(
      "dsp@20000000",
      {{"compatible", std::string("shared-dma-pool\0", 16)}, {"no-map", ""}, {"reg", cells({0x20000000, 0x100000})}})});
  std::vector<std::string> expected = {
      "Reserved memory: created DMA memory pool at 0x0000000020000000, size 1 MiB",
      "OF: reserved mem: initialized node dsp@20000000, compatible id shared-dma-pool"};
  if (GetParam() >= Release::v6_4)
    expected.push_back(
        "OF: reserved mem: 0x0000000020000000..0x00000000200fffff (1024 KiB) nomap non-reusable dsp@20000000");
  EXPECT_EQ(lines(), expected);
  EXPECT_EQ(trial->machine.areas.size(), 0U);
}

TEST_P(ReservedMemoryTest, OnArmAPoolOfCoherentMemoryMustNotBeMapped) {
  trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
  trial->config.size_mbytes = 0;
  trial->config.architecture = Architecture::arm;
  const BootTree tree = tree_of({node(
      "dsp@20000000", {{"compatible", std::string("shared-dma-pool\0", 16)}, {"reg", cells({0x20000000, 0x100000})}})});
  trial->run(&tree, "");
  EXPECT_EQ(lines(), with_failure({"Reserved memory: regions without no-map are not yet supported"}, "dsp@20000000"));
}

TEST_P(ReservedMemoryTest, ReusableAndUnmappedIsNothing) {
  run({node("odd@20000000", area_at(0x20000000, 0x400000, {{"no-map", ""}}))});
  EXPECT_EQ(lines(), with_failure({}, "odd@20000000"));
  // Given back and mapped again.
  EXPECT_EQ(trial->machine.memblock.free_ranges().size(), GetParam() < Release::v5_3 ? 2U : 1U);
}

TEST_P(ReservedMemoryTest, ARegionOfNoKnownKindStaysReserved) {
  const Boot& boot = run({node("bootloader@8000", {{"reg", cells({0x8000, 0x123})}})});
  EXPECT_TRUE(reserved(0x8122, 1));
  EXPECT_FALSE(reserved(0x8123, 1));
  EXPECT_EQ(boot.reserved_memory()->regions()[0].error, -kENOENT);
  if (GetParam() >= Release::v6_4) {
    EXPECT_THAT(lines(), ElementsAre("OF: reserved mem: 0x0000000000008000..0x0000000000008122 (0 KiB) map "
                                     "non-reusable bootloader@8000"));
  } else {
    EXPECT_THAT(lines(), IsEmpty());
  }
}

TEST_P(ReservedMemoryTest, ADisabledNodeIsPassedOver) {
  for (const char* status : {"disabled", "okay", "ok"}) {
    run({node("a@10000000", area_at(0x10000000, 0x400000, {{"status", status + std::string(1, '\0')}}))});
    EXPECT_EQ(trial->machine.areas.size(), std::string(status) == "disabled" ? 0U : 1U) << status;
    EXPECT_EQ(reserved(0x10000000, 1), std::string(status) != "disabled") << status;
  }
}

TEST_P(ReservedMemoryTest, UnmappedMemoryIsTakenOutOrMarked) {
  run({node("secure@20000000", {{"reg", cells({0x20000000, 0x400000})}, {"no-map", ""}})});
  EXPECT_EQ(trial->machine.memblock.any_memory(0x20000000, 0x400000), GetParam() >= Release::v5_12);
  EXPECT_FALSE(reserved(0x20000000, 0x400000));
  EXPECT_THAT(trial->machine.memblock.free_ranges(), SizeIs(2));
}

TEST_P(ReservedMemoryTest, UnmappedMemoryMustNotBeReservedSince5_12) {
  trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
  trial->config.size_mbytes = 0;
  trial->machine.memblock.reserve_bytes(0x20001000, 1);
  const BootTree tree = tree_of({node("secure@20000000", {{"reg", cells({0x20000000, 0x400000})}, {"no-map", ""}})});
  trial->run(&tree, "");
  const std::string prefix = GetParam() >= Release::v6_12 ? "OF: reserved mem: " : "OF: fdt: ";
  const std::string line = prefix + "Reserved memory: failed to reserve memory for node 'secure@20000000': base " +
                           "0x0000000020000000, size 4 MiB";
  if (GetParam() >= Release::v5_12) {
    EXPECT_THAT(lines(), Contains(line));
  } else {
    EXPECT_THAT(lines(), IsEmpty());
  }
}

// --- the table ---

TEST_P(ReservedMemoryTest, RegionsWithoutAPlaceInTheTableAreReservedOnly) {
  std::vector<TreeNode> regions;
  for (std::uint32_t i = 0; i < 65; ++i)
    regions.push_back(node("r" + std::to_string(i), area_at(0x10000000 + i * 0x400000, 0x400000)));
  Geometry g = plain_board(GetParam(), 1024);
  g.max_areas = 64;
  trial = std::make_unique<BootTrial>(g);
  trial->config.size_mbytes = 0;
  const BootTree tree = tree_of(std::move(regions));
  const Boot& boot = trial->run(&tree, "");
  const bool last_is_reserved = reserved(0x10000000 + 64 * 0x400000, 1);
  EXPECT_EQ(last_is_reserved, GetParam() < Release::v6_12);
  if (GetParam() >= Release::v6_12) {
    EXPECT_EQ(trial->machine.areas.size(), 64U) << "the table grows; areas run out of slots, and memory is given back";
    EXPECT_THAT(lines(), Contains("cma: Not enough slots for CMA reserved regions!"));
    return;
  }
  const std::string text = GetParam() >= Release::v5_10 ? "not enough space for all defined regions."
                                                        : "not enough space all defined regions.";
  EXPECT_THAT(lines(), Contains("OF: reserved mem: " + text).Times(GetParam() >= Release::v4_19 ? 1 : 49));
  EXPECT_EQ(trial->machine.areas.size(), GetParam() >= Release::v4_19 ? 64U : 16U);
  EXPECT_FALSE(boot.reserved_memory()->regions().back().saved);
}

TEST_P(ReservedMemoryTest, RegionsThatOverlapAreReported) {
  run({node("b", {{"reg", cells({0x10200000, 0x100000})}}), node("a", {{"reg", cells({0x10000000, 0x400000})}})});
  EXPECT_THAT(lines(), Contains("OF: reserved mem: OVERLAP DETECTED!"));
  const std::string a = "a (0x0000000010000000--0x0000000010400000)";
  EXPECT_THAT(lines(), Contains(a + " overlaps with b (0x0000000010200000--0x0000000010300000)"));
}

TEST_P(ReservedMemoryTest, AnOverlapFromAddress0OnWasNotSeen) {
  run({node("a@0", {{"reg", cells({0, 0x10000})}}), node("b@8000", {{"reg", cells({0x8000, 0x1000})}})});
  EXPECT_THAT(lines(), Contains("OF: reserved mem: OVERLAP DETECTED!").Times(GetParam() >= Release::v4_19 ? 1 : 0));
}

// --- nodes that are not as they must be ---

TEST_P(ReservedMemoryTest, CellsOfAnotherWidthAreNotSupported) {
  for (const char* wrong : {"#address-cells", "#size-cells", "ranges"}) {
    trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
    trial->config.size_mbytes = 0;
    BootTree tree = tree_of({node("a@10000000", area_at(0x10000000, 0x400000))});
    for (TreeProperty& property : tree.reserved_memory->properties) {
      if (property.name != wrong) continue;
      if (property.name == "ranges") property.name = "no-ranges";
      property.value = cells({2});
    }
    trial->run(&tree, "");
    const std::string text = "Reserved memory: unsupported node format, ignoring";
    if (GetParam() >= Release::v6_12) {
      EXPECT_THAT(lines(), ElementsAre("OF: reserved mem: " + text, "OF: reserved mem: " + text)) << wrong;
    } else {
      EXPECT_THAT(lines(), ElementsAre("OF: fdt: " + text)) << wrong;
    }
    EXPECT_EQ(trial->machine.areas.size(), 0U);
  }
}

TEST_P(ReservedMemoryTest, LengthsThatAreNotWholeAreSaid) {
  const std::string fdt = GetParam() >= Release::v6_12 ? "OF: reserved mem: " : "OF: fdt: ";
  run({node("a", {{"reg", cells({0x10000000})}}), node("b", {{"size", cells({0, 0x400000})}}),
       node("c", {{"size", cells({0x400000})}, {"alignment", cells({0, 0x1000})}}),
       node("d", {{"size", cells({0x400000})}, {"alloc-ranges", cells({0, 0x1000, 0})}})});
  EXPECT_THAT(lines(), Contains(fdt + "Reserved memory: invalid reg property in 'a', skipping node."));
  EXPECT_THAT(lines(), Contains("OF: reserved mem: invalid size property in 'b' node."));
  EXPECT_THAT(lines(), Contains("OF: reserved mem: invalid alignment property in 'c' node."));
  EXPECT_THAT(lines(), Contains("OF: reserved mem: invalid alloc-ranges property in 'd', skipping node."));
  EXPECT_THAT(trial->machine.memblock.reserved(), IsEmpty());
}

TEST_P(ReservedMemoryTest, AFixedRegionWithoutASizeIsPlacedByItsSizeUpTo6_11) {
  const Boot& boot = run({node("a", area_at(0x10000000, 0, {{"size", cells({0x400000})}}))});
  EXPECT_THAT(lines()[0], ::testing::HasSubstr("Reserved memory: failed to reserve memory for node 'a': base "
                                               "0x0000000010000000, size 0 MiB"));
  if (GetParam() >= Release::v6_12) {
    EXPECT_THAT(boot.reserved_memory()->regions(), IsEmpty());
  } else {
    EXPECT_EQ(trial->area("a").start, 0x3fc00000U);
  }
}

TEST_P(ReservedMemoryTest, FurtherRangesOfARegionAreOnlyReserved) {
  run({node("a", {{"compatible", std::string("shared-dma-pool\0", 16)},
                  {"reusable", ""},
                  {"reg", cells({0x10000000, 0x400000, 0x20000000, 0x400000})}})});
  EXPECT_EQ(trial->area("a"), (ByteRange{0x10000000, 0x10400000}));
  EXPECT_TRUE(reserved(0x20000000, 0x400000));
  if (GetParam() >= Release::v6_12) {
    EXPECT_EQ(lines()[0], "OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores 1 regions in node 'a'");
  }
}

TEST_P(ReservedMemoryTest, NodesFurtherDownAreRegionsUpTo5_17) {
  TreeNode below = node("below@10000000", area_at(0x10000000, 0x400000));
  below.depth = 2;
  run({node("above", {}), below});
  EXPECT_EQ(trial->machine.areas.size(), GetParam() >= Release::v5_18 ? 0U : 1U);
}

TEST_P(ReservedMemoryTest, TheHeaderOfTheTreeReservesToo) {
  trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
  trial->config.size_mbytes = 0;
  BootTree tree = tree_of({});
  tree.header_reservations = {{0x3fff0000, 0x10000}};
  tree.regions = {node("linux,cma", area_of_size(0x400000))};
  trial->run(&tree, "");
  // Since 6.12 regions are placed first.
  EXPECT_EQ(trial->area("linux,cma").start, GetParam() >= Release::v6_12   ? 0x3fc00000U
                                            : GetParam() >= Release::v5_19 ? 0x3fa00000U
                                                                           : 0x3f800000U);
}

TEST_P(ReservedMemoryTest, ATreeWithoutTheNodeIsSaidSince6_12) {
  trial = std::make_unique<BootTrial>(plain_board(GetParam(), 1024));
  trial->config.size_mbytes = 0;
  const BootTree tree;
  trial->run(&tree, "");
  if (GetParam() >= Release::v6_12) {
    EXPECT_THAT(lines(), ElementsAre("OF: reserved mem: Reserved memory: No reserved-memory node in the DT"));
  } else {
    EXPECT_THAT(lines(), IsEmpty());
  }
}

TEST_P(ReservedMemoryTest, ARegionOfASizeOfNothingIsNoArea) {
  run({node("a", area_of_size(0))});
  EXPECT_EQ(lines(), with_failure({"Reserved memory: unable to setup CMA region"}, "a"));
  EXPECT_EQ(trial->machine.areas.size(), 0U);
}

// --- 6.2 and later ---

TEST(RegionsTogether, ARangeThatBeginsAtARegionIsSearchedUpwardsSince6_2) {
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    BootTrial trial(plain_board(release, 1024));
    trial.config.size_mbytes = 0;
    const auto within = [](std::uint32_t base, std::uint32_t size) {
      return area_of_size(0x1000000, {{"alloc-ranges", cells({base, size})}});
    };
    const BootTree tree = tree_of({node("a", within(0x10000000, 0x1000000)), node("b", within(0x11000000, 0x8000000))});
    trial.run(&tree, "");
    EXPECT_EQ(trial.area("a").start, 0x10000000U);
    EXPECT_EQ(trial.area("b").start, release >= Release::v6_2 ? 0x11000000U : 0x18000000U);
  }
}

// On arm the tree is unflattened, and since 6.12 its fixed regions are set up, long after the default area is declared.
TEST(FixedDefaultNode, OnArmComesBesideTheDefaultAreaSince6_12) {
  for (const Architecture architecture : {Architecture::arm, Architecture::arm64}) {
    for (const Release release : {Release::v6_1, Release::v6_12}) {
      BootTrial trial(plain_board(release, 1024));
      trial.config.architecture = architecture;
      const BootTree tree = tree_of({node("linux,cma", area_at(0x10000000, 0x4000000, {{"linux,cma-default", ""}}))});
      const Boot& boot = trial.run(&tree, "");
      const bool both = architecture == Architecture::arm && release >= Release::v6_12;
      EXPECT_EQ(trial.machine.areas.size(), both ? 2U : 1U);
      EXPECT_EQ(trial.machine.areas.area(*boot.dma().default_area()).name, "linux,cma");
    }
  }
}

TEST(OldKernels, KnowNoReservedMemory) {
  BootTrial trial(plain_board(Release::v3_6, 1024));
  trial.config.size_mbytes = 0;
  BootTree tree = tree_of({node("a@10000000", area_at(0x10000000, 0x400000))});
  tree.header_reservations = {{0x1000, 0x1000}};
  trial.run(&tree, "");
  EXPECT_THAT(trial.lines(), IsEmpty());
  EXPECT_THAT(trial.machine.memblock.reserved(), ElementsAre(PfnRange{1, 2}));
}

// With longs of 32 bits, of 4 GiB and 1 MiB.
TEST(Widths, TheSizeOfAPoolIsCutAndThatOfAFailureIsNot) {
  Geometry g = plain_board(Release::v6_1, 64);
  g.long_bits = 32;
  BootTrial trial(g);
  trial.config.size_mbytes = 0;
  BootTree tree = tree_of({});
  tree.address_cells = 2;
  tree.size_cells = 2;
  tree.reserved_memory->properties = {{"#address-cells", cells({2})}, {"#size-cells", cells({2})}, {"ranges", ""}};
  tree.regions = {node("pool", {{"compatible", std::string("shared-dma-pool\0", 16)},
                                {"no-map", ""},
                                {"reg", cells({0, 0x10000000, 1, 0x100000})}}),
                  node("area", {{"size", cells({1, 0x100000})}})};
  trial.run(&tree, "");
  EXPECT_THAT(trial.lines(), ElementsAre("OF: reserved mem: failed to allocate memory for node 'area': size 4097 MiB",
                                         "Reserved memory: created DMA memory pool at 0x0000000010000000, size 1 MiB",
                                         "OF: reserved mem: initialized node pool, compatible id shared-dma-pool"));
}

}  // namespace
}  // namespace cma
