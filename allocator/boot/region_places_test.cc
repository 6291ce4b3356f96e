// Where regions without a fixed place go, in which order regions are set up, and what older releases make of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/boot/reserved_memory.h"
#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A board of 1 GiB without a default area but by the tree.
class RegionBoard {
 public:
  explicit RegionBoard(Release release) : trial(with_slots(release)) { trial.config.size_mbytes = 0; }
  const ReservedMemory& run(std::vector<TreeNode> regions) {
    const BootTree tree = tree_of(std::move(regions));
    return *trial.run(&tree, "").reserved_memory();
  }
  // Returns the names of the regions, in the order in which they were set up.
  std::vector<std::string> order(const std::vector<TreeNode>& regions) {
    std::vector<std::string> names;
    for (const ReservedRegion& region : run(regions).regions()) names.push_back(regions[region.node].name);
    return names;
  }

  BootTrial trial;

 private:
  static Geometry with_slots(Release release) {
    Geometry g = plain_board(release, 1024);
    g.max_areas = 64;
    return g;
  }
};

TreeNode within(std::string name, std::uint32_t base, std::uint32_t size) {
  return node(std::move(name), area_of_size(0x1000000, {{"alloc-ranges", cells({base, size})}}));
}

// --- order ---

TEST(RegionOrder, AtOneAddressTheSmallerComesFirst) {
  const std::vector<TreeNode> regions = {node("large", {{"reg", cells({0x10000000, 0x2000})}}),
                                         node("twin", {{"reg", cells({0x10000000, 0x1000})}}),
                                         node("small", {{"reg", cells({0x10000000, 0x1000})}})};
  for (const Release release :
       {Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6, Release::v6_12}) {
    EXPECT_EQ(RegionBoard(release).order(regions).back(), "large") << name_of(release);
    EXPECT_EQ(RegionBoard(release).order({regions[1], regions[0]}).back(), "large") << name_of(release);
  }
  EXPECT_THAT(RegionBoard(Release::v6_12).order(regions), ElementsAre("twin", "small", "large"))
      << "equal ones in the order of the tree";
}

TEST(RegionOrder, IsTheTreesUpTo4_3AndOverlapsAreNotSeen) {
  const std::vector<TreeNode> regions = {node("b", {{"reg", cells({0x10200000, 0x100000})}}),
                                         node("a", {{"reg", cells({0x10000000, 0x400000})}})};
  for (const Release release : {Release::v4_3, Release::v4_4}) {
    RegionBoard board(release);
    const bool sorts = release >= Release::v4_4;
    EXPECT_EQ(board.order(regions).front(), sorts ? "a" : "b");
    EXPECT_THAT(board.trial.lines(), SizeIs(sorts ? 2 : 0)) << "an overlap has two lines";
  }
}

// --- releases ---

TEST(OldRegions, LinesHaveNoPrefixUpTo4_7) {
  for (const Release release : {Release::v4_7, Release::v4_8}) {
    RegionBoard board(release);
    board.run({node("a", {{"reg", cells({0x10000000})}}),
               node("b", area_of_size(0x4000000, {{"alloc-ranges", cells({0, 0x3000000})}}))});
    const std::string fdt = release >= Release::v4_8 ? "OF: fdt: " : "";
    const std::string rmem = release >= Release::v4_8 ? "OF: reserved mem: " : "Reserved memory: ";
    EXPECT_THAT(board.trial.lines(), ElementsAre(fdt + "Reserved memory: invalid reg property in 'a', skipping node.",
                                                 rmem + "failed to allocate memory for node 'b'"));
  }
}

TEST(OldRegions, BecomeAreasSince3_18) {
  for (const Release release : {Release::v3_15, Release::v3_17, Release::v3_18}) {
    RegionBoard board(release);
    const ReservedMemory& memory = board.run({node("camera@10000000", area_at(0x10000000, 0x4000000))});
    const bool area = release >= Release::v3_18;
    EXPECT_EQ(board.trial.machine.areas.size(), area ? 1U : 0U) << name_of(release);
    EXPECT_EQ(memory.regions()[0].error, area ? 0 : -kENOENT) << name_of(release);
    EXPECT_TRUE(board.trial.machine.memblock.any_reserved(0x10000000, 1)) << "it is reserved in either case";
  }
}

TEST(OldRegions, TheTableHasGrown) {
  constexpr std::pair<Release, std::size_t> kSizes[] = {
      {Release::v4_16, 16}, {Release::v4_17, 32}, {Release::v4_18, 32}, {Release::v4_19, 64}, {Release::v6_12, 64}};
  for (const auto& [release, size] : kSizes)
    EXPECT_EQ(RegionBoard(release).run({}).most_regions(), size) << name_of(release);
}

TEST(NewRegions, OfTooManyToPlaceTheLastArePassedOverSince6_12) {
  std::vector<TreeNode> regions;
  for (int i = 0; i < 65; ++i) regions.push_back(node("r" + std::to_string(i), {{"size", cells({0x1000})}}));
  RegionBoard board(Release::v6_12);
  const ReservedMemory& memory = board.run(regions);
  EXPECT_THAT(board.trial.lines(), Contains("OF: reserved mem: too many defined dynamic regions, skip 'r64'").Times(1));
  EXPECT_THAT(memory.regions(), SizeIs(64));
  EXPECT_EQ(board.trial.machine.memblock.reserved_bytes()[0].size(), 64 * 0x1000U);
}

// --- nodes that are not as they must be ---

TEST(OddRegions, CellsThatAreMissingOrShortAreNotSupported) {
  for (const Release release : {Release::v5_10, Release::v6_1})
    for (const std::string& value : {std::string(), std::string(3, '\0')}) {
      RegionBoard board(release);
      BootTree tree = tree_of({node("a@10000000", area_at(0x10000000, 0x400000))});
      std::vector<TreeProperty>& properties = tree.reserved_memory->properties;
      ASSERT_EQ(properties[1].name, "#size-cells");
      if (value.empty())
        properties.erase(properties.begin() + 1);
      else
        properties[1].value = value;
      board.trial.run(&tree, "");
      EXPECT_THAT(board.trial.lines(), ElementsAre("OF: fdt: Reserved memory: unsupported node format, ignoring"));
      EXPECT_EQ(board.trial.machine.areas.size(), 0U);
    }
}

TEST(OddRegions, OneWithoutAnyRangeIsNone) {
  for (const Release release : {Release::v4_19, Release::v6_1, Release::v6_12}) {
    RegionBoard board(release);
    EXPECT_THAT(board.run({node("a", {{"reg", ""}, {"size", cells({0x400000})}})}).regions(), IsEmpty())
        << name_of(release);
    EXPECT_THAT(board.trial.lines(), IsEmpty()) << name_of(release);
  }
}

TEST(OddRegions, ARangeOfNoSizeAndNoOtherSizeIsNowhere) {
  for (const Release release : {Release::v4_19, Release::v6_1}) {
    RegionBoard board(release);
    const ReservedMemory& memory = board.run({node("a", area_at(0x10000000, 0))});
    ASSERT_THAT(memory.regions(), SizeIs(1));
    EXPECT_EQ(memory.regions()[0].error, -kEINVAL);
    EXPECT_THAT(board.trial.machine.memblock.reserved(), IsEmpty());
  }
}

TEST(OddRegions, WithoutCoherentPoolsAPoolIsNothing) {
  for (const Release release : {Release::v4_19, Release::v6_1}) {
    RegionBoard board(release);
    board.trial.config.coherent_pools = false;
    board.run({node("dsp@20000000", {{"compatible", std::string("shared-dma-pool\0", 16)},
                                     {"no-map", ""},
                                     {"reg", cells({0x20000000, 0x100000})}})});
    EXPECT_THAT(board.trial.lines(), Each(Not(HasSubstr("created DMA memory pool"))));
    EXPECT_THAT(board.trial.lines(), SizeIs(release >= Release::v5_3 ? 1 : 0)) << "since 5.3 it is given up";
  }
}

TEST(OddRegions, OnArmAPoolThatIsNotMappedIsOne) {
  RegionBoard board(Release::v6_1);
  board.trial.config.architecture = Architecture::arm;
  board.run({node(
      "dsp@20000000",
      {{"compatible", std::string("shared-dma-pool\0", 16)}, {"no-map", ""}, {"reg", cells({0x20000000, 0x100000})}})});
  EXPECT_THAT(board.trial.lines(), Contains(HasSubstr("created DMA memory pool at 0x0000000020000000, size 1 MiB")));
}

// --- places ---

TEST(RegionPlaces, OnlyAreasAreAlignedToTheUnit) {
  const std::string pool("shared-dma-pool\0", 16);
  const TreeProperty size{"size", cells({0x400000})};
  const TreeProperty compatible{"compatible", pool};
  for (const Release release : {Release::v4_19, Release::v6_1}) {
    RegionBoard board(release);
    const std::uint64_t unit = board.trial.machine.geometry().isolation_unit() << 12;
    const ReservedMemory& memory =
        board.run({node("area", {size, compatible, {"reusable", ""}}), node("pool", {size, compatible}),
                   node("hidden", {size, compatible, {"reusable", ""}, {"no-map", ""}}),
                   node("other", {size, {"reusable", ""}})});
    ASSERT_THAT(memory.regions(), SizeIs(4));
    for (const ReservedRegion& region : memory.regions())
      EXPECT_EQ(region.alignment, region.node == 0 ? unit : 64U) << name_of(release) << ": " << region.node;
  }
}

// A region that is not to be mapped, and that the kernel places: taken out of memory up to 5.14, marked since 5.15;
// reserved but for 5.10 to 5.14.
TEST(RegionPlaces, WhatIsNotMappedIsPlacedAsAllElse) {
  for (const Release release :
       {Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_14, Release::v5_15, Release::v6_1, Release::v6_12}) {
    RegionBoard board(release);
    const ReservedMemory& memory = board.run({node("secure", {{"size", cells({0x400000})}, {"no-map", ""}})});
    ASSERT_THAT(memory.regions(), SizeIs(1));
    EXPECT_EQ(memory.regions()[0].base, 0x3fc00000U) << name_of(release);
    const Memblock& memblock = board.trial.machine.memblock;
    EXPECT_EQ(memblock.any_memory(0x3fc00000, 0x400000), release >= Release::v5_15) << name_of(release);
    const bool reserved = release < Release::v5_10 || release >= Release::v5_15;
    EXPECT_EQ(memblock.any_reserved(0x3fc00000, 0x400000), reserved) << name_of(release);
    EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{0, 0x3fc00}));
  }
}

TEST(RegionPlaces, ARangeThatEndsAt0EndsWithAllAddresses) {
  for (const Release release : {Release::v4_19, Release::v6_1, Release::v6_12}) {
    RegionBoard board(release);
    const ReservedMemory& memory = board.run({within("a", 0, 0)});
    EXPECT_THAT(memory.regions()[0].searched, ElementsAre(ByteRange{0, board.trial.machine.geometry().phys_mask()}));
    EXPECT_EQ(board.trial.area("a").start, 0x3f000000U);
  }
}

// Regions stay together (6.2): a range that begins at a region is searched upwards. One that also ends at a region, or
// lies apart, or has only regions without a place or a size beside it, is searched downwards as before.
TEST(RegionPlaces, OnlyARangeThatBeginsAtARegionAndEndsAtNoneIsSearchedUpwards) {
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    RegionBoard board(release);
    board.run({node("nothing", area_of_size(0, {{"alloc-ranges", cells({0x38000000, 0x1000000})}})),
               node("nowhere", area_of_size(0x1000000, {{"alloc-ranges", cells({0x4000000, 0x1000})}})),
               within("low", 0x10000000, 0x1000000), within("high", 0x18000000, 0x1000000),
               within("last", 0x3c000000, 0x1000000), within("between", 0x11000000, 0x7000000),
               within("above", 0x19000000, 0x7000000), within("below", 0x8000000, 0x3000000),
               within("apart", 0x28000000, 0x4000000)});
    const bool upwards = release >= Release::v6_2;
    EXPECT_EQ(board.trial.area("between").start, 0x17000000U) << name_of(release);
    EXPECT_EQ(board.trial.area("above").start, upwards ? 0x19000000U : 0x1f000000U) << name_of(release);
    EXPECT_EQ(board.trial.area("below").start, 0xa000000U) << name_of(release);
    EXPECT_EQ(board.trial.area("apart").start, 0x2b000000U) << name_of(release);
    EXPECT_FALSE(board.trial.machine.areas.find("nowhere"));
  }
}

// --- how much memory there is ---

// Parts of pages are left of four pages. 5.10 counts all bytes, kernels before what is in whole pages range by range.
TEST(MemoryOfBoot, PartsOfPagesCountTogetherSince5_10) {
  for (const Release release : {Release::v5_9, Release::v5_10}) {
    RegionBoard board(release);
    board.trial.config.selection = BootConfig::SizeSelection::percentage;
    board.trial.config.size_percentage = 100;
    const auto taken = [](const char* name, std::uint32_t base, std::uint32_t size) {
      return node(name, {{"reg", cells({base, size})}, {"no-map", ""}});
    };
    const BootTree tree = tree_of({taken("a", 0x1000000, 0x800), taken("b", 0x2000000, 0x800),
                                   taken("c", 0x3000000, 0x400), taken("d", 0x3000800, 0x800)});
    const Boot& boot = board.trial.run(&tree, "cma=0");
    const std::uint64_t lost = release >= Release::v5_10 ? 2 : 3;
    EXPECT_EQ(boot.dma().configured_size(), (0x40000 - lost) << 12) << name_of(release);
  }
}

}  // namespace
}  // namespace cma
