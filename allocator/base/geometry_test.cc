#include "allocator/base/geometry.h"

#include <gtest/gtest.h>

#include <functional>

namespace cma {
namespace {

TEST(Geometry, TheDefaultsArePossibleOnEachRelease) {
  for (Release release : modelled_releases()) {
    EXPECT_EQ(default_small_geometry(release).impossible(), std::nullopt);
    Geometry g;
    g.release = release;
    EXPECT_EQ(g.impossible(), std::nullopt);
  }
}

TEST(Geometry, TheDefaultSmallMachineIsTheOneOfTheSpeedFigures) {
  const Geometry g = default_small_geometry(Release::v6_1);
  EXPECT_EQ(g.memory.pages(), 1024U);
  EXPECT_EQ(g.pageblock_order, 4U);
  EXPECT_EQ(g.largest_order, 6U);
  EXPECT_EQ(g.cpus, 2);
  ASSERT_EQ(g.areas.size(), 2U);
  EXPECT_EQ(g.areas[0].pages, 256U);
  EXPECT_EQ(g.areas[1].order_per_bit, 1U);
  EXPECT_EQ(g.pcp_batch, 2);
  EXPECT_EQ(g.pcp_high, 6);
}

TEST(Geometry, AreasAlignToTheLargestBlockUntilPageblocksAreIsolatedSingly) {
  Geometry g;
  g.release = Release::v5_18;
  EXPECT_EQ(g.isolation_unit(), 1024U);
  g.release = Release::v5_19;
  EXPECT_EQ(g.isolation_unit(), 512U);
}

TEST(Geometry, WithoutZonesAllMemoryIsOneNormalZone) {
  Geometry g;
  g.memory = {512, 4096};
  ASSERT_EQ(g.effective_zones().size(), 1U);
  EXPECT_EQ(g.effective_zones()[0].name, "Normal");
  EXPECT_EQ(g.effective_zones()[0].range, g.memory);
}

struct Impossible {
  const char* why;  // a part of the sentence
  std::function<void(Geometry&)> spoil;
};

const Impossible kImpossible[] = {
    {"largest_order must be below 16", [](Geometry& g) { g.largest_order = 16; }},
    {"pageblock_order must not exceed largest_order", [](Geometry& g) { g.pageblock_order = 7; }},
    {"pageblock_order must be at least 1", [](Geometry& g) { g.pageblock_order = 0; }},
    {"cpus must be 1 to 8", [](Geometry& g) { g.cpus = 0; }},
    {"cpus must be 1 to 8", [](Geometry& g) { g.cpus = 9; }},
    {"pcp_batch must be 1", [](Geometry& g) { g.pcp_batch = 0; }},
    {"pcp_high must be 0", [](Geometry& g) { g.pcp_high = -1; }},
    {"pcp_batch must be 1 to 1000000", [](Geometry& g) { g.pcp_batch = 1'000'001; }},
    {"pcp_high must be 0 to 1000000", [](Geometry& g) { g.pcp_high = 1'000'001; }},
    {"pcp_high_min must be 0 to 1000000", [](Geometry& g) { g.pcp_high_min = -1; }},
    {"pcp_high_min must be 0 to 1000000", [](Geometry& g) { g.pcp_high_min = 1'000'001; }},
    {"pcp_high_max must be pcp_high_min to 1000000", [](Geometry& g) { g.pcp_high_max = -1; }},
    {"pcp_high_max must be pcp_high_min to 1000000", [](Geometry& g) { g.pcp_high_max = 1'000'001; }},
    {"pcp_high_max must be pcp_high_min to 1000000",
     [](Geometry& g) {
       g.pcp_high_min = 64;
       g.pcp_high_max = 63;
     }},
    {"watermark_scale_factor must be 1 to 3000", [](Geometry& g) { g.watermark_scale_factor = 0; }},
    {"watermark_scale_factor must be 1 to 3000", [](Geometry& g) { g.watermark_scale_factor = 3001; }},
    {"watermark_scale_factor came with 4.6",
     [](Geometry& g) {
       g.release = Release::v4_5;
       g.watermark_scale_factor = 20;
     }},
    {"watermark_boost_factor must be 0 to 1000000", [](Geometry& g) { g.watermark_boost_factor = 1'000'001; }},
    {"watermark_boost_factor came with 5.0", [](Geometry& g) { g.watermark_boost_factor = 0; }},
    {"before 5.0 no watermark is boosted", [](Geometry& g) { g.watermark_boost = 1; }},
    {"boost is larger than any memory",
     [](Geometry& g) {
       g.release = Release::v5_0;
       g.watermark_boost = 0x4000001;
     }},
    {"min_free_kbytes", [](Geometry& g) { g.min_free_kbytes = ~std::uint64_t{0}; }},
    {"extra_free_kbytes", [](Geometry& g) { g.extra_free_kbytes = ~std::uint64_t{0}; }},
    {"area b: before 3.17 a bit is a page", [](Geometry& g) { g.release = Release::v3_6; }},
    {"retry must be 0 to 1000000, or forever", [](Geometry& g) { g.retry_sweeps = 1'000'001; }},
    {"memory must hold at least one page", [](Geometry& g) { g.memory = {0, 0}; }},
    {"memory must hold at least one page", [](Geometry& g) { g.memory = {64, 32}; }},
    {"memory must end at or below pfn 0xffffffff", [](Geometry& g) { g.memory = {0xfffffff0, 0x100000000}; }},
    {"memory must not exceed 0x4000000 pages", [](Geometry& g) { g.memory = {0, 0x4000001}; }},
    {"memory must begin at a pageblock", [](Geometry& g) { g.memory = {8, 1024}; }},
    {"hole at 0x3ff does not lie inside", [](Geometry& g) { g.holes = {{0x3ff, 0x401}}; }},
    {"hole at 0x10 does not lie inside", [](Geometry& g) { g.holes = {{0x10, 0x10}}; }},
    {"reservation at 0x400 does not lie inside", [](Geometry& g) { g.reserved = {{0x400, 0x410}}; }},
    {"hole at 0x10 does not lie inside",
     [](Geometry& g) {
       g.memory = {64, 1024};
       g.holes = {{0x10, 0x20}};
     }},
    {"at most 8 zones", [](Geometry& g) { g.zones.resize(9); }},
    {"a zone needs a name", [](Geometry& g) { g.zones = {{"", {0, 1024}}}; }},
    {"zone Normal does not lie inside", [](Geometry& g) { g.zones = {{"Normal", {0, 1025}}}; }},
    {"zone Normal overlaps the zone before it",
     [](Geometry& g) { g.zones = {{"DMA", {0, 512}}, {"Normal", {511, 1024}}}; }},
    {"or is out of order", [](Geometry& g) { g.zones = {{"DMA", {512, 1024}}, {"Normal", {0, 512}}}; }},
    {"two zones of node 1 are named Normal",
     [](Geometry& g) { g.zones = {{"Normal", {0, 512}, 1}, {"Normal", {512, 1024}, 1}}; }},
    {"zone Normal of node 1 overlaps the zone before it",
     [](Geometry& g) { g.zones = {{"Normal", {0, 512}}, {"Normal", {511, 1024}, 1}}; }},
    {"zone Normal: node must be below 4", [](Geometry& g) { g.zones = {{"Normal", {0, 512}, 4}}; }},
    {"page_size must be 4096, 16384 or 65536", [](Geometry& g) { g.page_size = 8192; }},
    {"page_size must be 4096, 16384 or 65536", [](Geometry& g) { g.page_size = 0; }},
    {"phys_addr must be 32 or 64", [](Geometry& g) { g.phys_addr_bits = 40; }},
    {"long must be 32 or 64", [](Geometry& g) { g.long_bits = 0; }},
    {"long=64 needs phys_addr=64",
     [](Geometry& g) {
       g.phys_addr_bits = 32;
       g.long_bits = 64;
     }},
    {"memory must end at or below pfn 0xfffff: addresses have 32 bits",
     [](Geometry& g) {
       g.phys_addr_bits = 32;
       g.memory = {0xff000, 0x100000};
     }},
    {"memory must end at or below pfn 0xffff: addresses have 32 bits",
     [](Geometry& g) {
       g.phys_addr_bits = 32;
       g.page_size = 65536;
       g.memory = {0xf000, 0x10000};
     }},
    {"max_areas must not exceed 64", [](Geometry& g) { g.max_areas = 65; }},
    {"more areas than max_areas=1", [](Geometry& g) { g.max_areas = 1; }},
    {"area a has no pages", [](Geometry& g) { g.areas[0].pages = 0; }},
    {"area a does not lie inside", [](Geometry& g) { g.areas[0].pages = ~std::uint64_t{0}; }},
    {"area b does not lie inside", [](Geometry& g) { g.areas[1].base = 1024; }},
    {"area a: base must be a multiple of 0x40", [](Geometry& g) { g.areas[0].base = 0x210; }},
    {"area a: pages must be a multiple of 0x40", [](Geometry& g) { g.areas[0].pages = 0x50; }},
    {"area a: order_per_bit must not exceed", [](Geometry& g) { g.areas[0].order_per_bit = 7; }},
    {"area a: order_per_bit must not exceed", [](Geometry& g) { g.areas[0].order_per_bit = 64; }},
    {"area b overlaps area a", [](Geometry& g) { g.areas[1].base = 704; }},
    {"two areas are named a", [](Geometry& g) { g.areas[1].name = "a"; }},
    {"area a overlaps a hole", [](Geometry& g) { g.holes = {{767, 768}}; }},
    {"area b overlaps a reservation", [](Geometry& g) { g.reserved = {{768, 769}}; }},
};

TEST(Geometry, EachImpossibleOneNamesItsRule) {
  for (const Impossible& impossible : kImpossible) {
    Geometry g = default_small_geometry(Release::v4_19);
    impossible.spoil(g);
    const std::optional<std::string> why = g.impossible();
    ASSERT_TRUE(why) << impossible.why;
    EXPECT_NE(why->find(impossible.why), std::string::npos) << *why << " instead of " << impossible.why;
  }
}

TEST(Geometry, ThePageblockIsEnoughAlignmentSince5_19) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.areas = {{"a", 0x210, 0x30, 4}};
  EXPECT_EQ(g.impossible(), std::nullopt);
  g.areas[0].order_per_bit = 5;
  EXPECT_NE(g.impossible(), std::nullopt);
}

TEST(Geometry, OrdersFollowThePageSize) {
  struct Orders {
    std::uint64_t page_size;
    unsigned pageblock, largest;
    std::uint64_t unit_mib;  // to which areas are aligned
  };
  for (const Orders& wanted : {Orders{4096, 9, 10, 4}, Orders{16384, 11, 11, 32}, Orders{65536, 13, 13, 512}}) {
    Geometry g;
    g.release = Release::v4_19;
    set_page_size(g, wanted.page_size);
    EXPECT_EQ(g.pageblock_order, wanted.pageblock);
    EXPECT_EQ(g.largest_order, wanted.largest);
    EXPECT_EQ(g.huge_page_order(), wanted.pageblock);
    EXPECT_EQ((g.isolation_unit() << g.page_shift()) >> 20, wanted.unit_mib);
    EXPECT_EQ(g.impossible(), std::nullopt);
  }
}

TEST(Geometry, AKernelOf32BitsMayHaveAddressesOf64) {
  Geometry g;
  EXPECT_EQ(g.bits_per_long(), 64U);
  g.long_bits = 32;
  EXPECT_EQ(g.bits_per_long(), 32U);
  EXPECT_EQ(g.phys_mask(), ~std::uint64_t{0});
  g.long_bits.reset();
  g.phys_addr_bits = 32;
  EXPECT_EQ(g.bits_per_long(), 32U);
  EXPECT_EQ(g.phys_mask(), 0xffffffffU);
}

TEST(Geometry, ZonesOfTwoNodesMayHaveOneName) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 256}}, {"Normal", {256, 512}}, {"Normal", {512, 1024}, 1}};
  EXPECT_EQ(g.impossible(), std::nullopt);
  EXPECT_TRUE(g.several_nodes());
  g.zones[2].node = 0;
  EXPECT_FALSE(g.several_nodes());
  EXPECT_NE(g.impossible(), std::nullopt);
}

}  // namespace
}  // namespace cma
