#include <gtest/gtest.h>

#include "allocator/buddy/buddy.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

// A zone with figures chosen by hand; lists are non-empty where a test puts a frame.
struct Case {
  const char* what;
  unsigned order;
  std::int64_t mark;
  std::uint32_t flags;
  std::int64_t free;
  bool ok;
};

class WatermarkTest : public ::testing::TestWithParam<Release> {
 protected:
  static void put(Zone& zone, unsigned order, Migratetype type) {
    zone.free_by_order[order].lists[index_of(type)].first = 0;
    ++zone.free_by_order[order].nr_free;
  }
  bool ok(const Zone& zone, const Case& c) const {
    return machine->buddy.watermarks().zone_watermark_ok(zone, static_cast<std::uint64_t>(c.mark),
                                                         {.order = c.order, .flags = c.flags}, c.free);
  }
  std::unique_ptr<Machine> machine = make_machine(tiny_geometry(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Releases, WatermarkTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(WatermarkTest, PagesLeftMustExceedTheMark) {
  Zone zone;
  zone.nr_free_cma = 100;
  zone.nr_reserved_highatomic = 50;
  zone.lowmem_reserve[0] = 10;
  put(zone, 3, Migratetype::unmovable);
  // Since 6.3, and in the long-term series of 6.1, an urgent request counts the reserve, and only an urgent one that
  // cannot wait has a quarter off.
  const std::int64_t hidden = GetParam() >= Release::v6_1 ? 0 : 50;
  const std::int64_t quarter = GetParam() >= Release::v6_1 ? 10 : 0;
  const Case cases[] = {
      {"area pages and the reserve do not count", 0, 40, 0, 201, true},
      {"equal is not enough", 0, 40, 0, 200, false},
      {"area pages count", 0, 40, kAllocCma, 101, true},
      {"by one page", 0, 40, kAllocCma, 100, false},
      {"an order costs its other pages", 3, 40, kAllocCma, 108, true},
      {"again by one page", 3, 40, kAllocCma, 107, false},
      {"high: half the mark", 0, 40, kAllocCma | kAllocHigh, 31 + hidden, true},
      {"high: half and no less", 0, 40, kAllocCma | kAllocHigh, 30 + hidden, false},
      {"an odd mark loses its half rounded down", 0, 41, kAllocCma | kAllocHigh, 32 + hidden, true},
      {"harder: a quarter off, and the reserve counts", 0, 40, kAllocCma | kAllocHarder, 41 + quarter, true},
      {"harder: by one page", 0, 40, kAllocCma | kAllocHarder, 40 + quarter, false},
      {"oom: half off", 0, 40, kAllocCma | kAllocOom, 31, true},
      {"oom: by one page", 0, 40, kAllocCma | kAllocOom, 30, false},
      {"high, then a quarter of what is left", 0, 40, kAllocCma | kAllocHigh | kAllocHarder, 26, true},
      {"and no less", 0, 40, kAllocCma | kAllocHigh | kAllocHarder, 25, false},
  };
  for (const Case& c : cases) EXPECT_EQ(ok(zone, c), c.ok) << c.what;
}

TEST_P(WatermarkTest, ABlockMustBeOnAListThatTheRequestMayUse) {
  struct Listed {
    Migratetype type;
    unsigned order;
    std::uint32_t flags;
    bool ok;
  };
  const Listed listed[] = {
      {Migratetype::unmovable, 3, 0, true},
      {Migratetype::movable, 4, 0, true},
      {Migratetype::reclaimable, 5, 0, true},
      {Migratetype::movable, 2, 0, false},
      {Migratetype::cma, 3, 0, false},
      {Migratetype::cma, 3, kAllocCma, true},
      {Migratetype::highatomic, 3, 0, false},
      {Migratetype::highatomic, 3, kAllocHarder | kAllocHighatomic, true},
      {Migratetype::isolate, 3, kAllocCma | kAllocHarder | kAllocHighatomic, false},
  };
  for (const Listed& l : listed) {
    Zone zone;
    put(zone, l.order, l.type);
    const Case c{"", 3, 0, l.flags, 1000, l.ok};
    EXPECT_EQ(ok(zone, c), l.ok) << letter_of(l.type) << l.order;
    const Case order_0{"", 0, 0, l.flags, 1000, true};
    EXPECT_TRUE(ok(zone, order_0));
  }
}

// --- the figures ---

struct Figures {
  std::uint64_t managed;
  std::uint64_t min;
  std::uint64_t low;
  std::uint64_t high;
};

TEST(Watermarks, FiguresOfARealKernel) {
  constexpr Figures kFigures[] = {{14190, 238, 297, 356},   {30326, 348, 435, 522},     {62598, 500, 625, 750},
                                  {127142, 713, 891, 1069}, {256230, 1012, 1268, 1524}, {855017, 1849, 2704, 3559}};
  for (const Figures& figures : kFigures) {
    Geometry g;
    g.release = Release::v6_1;
    g.memory = {0, figures.managed};
    const std::unique_ptr<Machine> machine = make_machine(g);
    const Zone& zone = machine->buddy.zone(0);
    EXPECT_EQ(zone.managed, figures.managed);
    EXPECT_EQ(Watermarks::watermark(zone, Watermark::min), figures.min);
    EXPECT_EQ(Watermarks::watermark(zone, Watermark::low), figures.low);
    EXPECT_EQ(Watermarks::watermark(zone, Watermark::high), figures.high);
  }
}

TEST(Watermarks, MinFreeKbytesIsClampedPerRelease) {
  for (Release release : kComparedReleases) {
    Geometry g;
    g.release = release;
    g.memory = {0, 64};
    g.pageblock_order = 3;
    g.largest_order = 5;
    EXPECT_EQ(make_machine(g)->buddy.zone(0).watermark[0], 32U) << "128 kB at least";
  }
}

TEST(Watermarks, ZonesShareTheMinimumAndReserveForLowerClasses) {
  Geometry g;
  g.release = Release::v4_19;
  g.memory = {0, 0x8000};
  g.zones = {{"DMA", {0, 0x1000}}, {"Normal", {0x1000, 0x6000}}, {"HighMem", {0x6000, 0x8000}}};
  g.min_free_kbytes = 2400;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const Buddy& buddy = machine->buddy;
  EXPECT_EQ(buddy.zone(0).watermark[0], 100U);  // 600 pages over 0x6000, by size
  EXPECT_EQ(buddy.zone(1).watermark[0], 500U);
  EXPECT_EQ(buddy.zone(2).watermark[0], 32U) << "high memory: managed / 1024, 32 at least";
  EXPECT_EQ(buddy.zone(0).lowmem_reserve[1], 0x5000 / 256U);
  EXPECT_EQ(buddy.zone(0).lowmem_reserve[2], 0x7000 / 256U);
  EXPECT_EQ(buddy.zone(1).lowmem_reserve[2], 0x2000 / 32U);
  EXPECT_EQ(buddy.zone(1).lowmem_reserve[0], 0U);
}

// Returns the marks of zone `z`, as numbers of pages without the boost.
std::array<std::uint64_t, 3> marks_of(const Geometry& g, std::size_t z) {
  return make_machine(g)->buddy.zone(z).watermark;
}

TEST(Watermarks, TheScaleFactorSpreadsThemSince4_6) {
  for (const Release release : modelled_releases()) {
    Geometry g;
    g.release = release;
    g.memory = {0, 0x20000};
    g.min_free_kbytes = 400;
    // Large memory and a small minimum: before, a quarter of that lies between two marks.
    const std::uint64_t gap = release >= Release::v4_6 ? 131 : 25;
    EXPECT_EQ(marks_of(g, 0), (std::array<std::uint64_t, 3>{100, 100 + gap, 100 + 2 * gap})) << release;
    if (release < Release::v4_6) continue;
    g.watermark_scale_factor = 1000;
    EXPECT_EQ(marks_of(g, 0), (std::array<std::uint64_t, 3>{100, 13207, 26314})) << release;
  }
}

TEST(Watermarks, AZoneMovableCountsAsHighMemoryWhereItIsCutFromThat) {
  for (const Release release : modelled_releases()) {
    Geometry g;
    g.release = release;
    g.memory = {0, 0x8000};
    g.zones = {{"Normal", {0, 0x4000}}, {"Movable", {0x4000, 0x8000}}};
    g.min_free_kbytes = 1600;
    const bool high = release >= Release::v6_5;
    EXPECT_EQ(marks_of(g, 0)[0], high ? 400U : 200U) << release;
    EXPECT_EQ(marks_of(g, 1)[0], high ? 32U : 200U) << release;
    g.zones = {{"Normal", {0, 0x2000}}, {"HighMem", {0x2000, 0x4000}}, {"Movable", {0x4000, 0x8000}}};
    EXPECT_EQ(marks_of(g, 0)[0], 400U) << release;
    EXPECT_EQ(marks_of(g, 2)[0], 32U) << release;
  }
}

TEST(Watermarks, TheReserveRatioIsThatOfTheZoneThatKeepsPagesBack) {
  for (const Release release : modelled_releases()) {
    Geometry g;
    g.release = release;
    g.memory = {0, 0x8000};
    g.zones = {{"DMA", {0, 0x1000}},
               {"Normal", {0x1000, 0x6000}},
               {"HighMem", {0x6000, 0x7000}},
               {"Movable", {0x7000, 0x8000}}};
    const auto kept = [&](std::size_t by, std::size_t from) {
      return make_machine(g)->buddy.zone(by).lowmem_reserve[from];
    };
    EXPECT_EQ(kept(0, 1), 0x5000 / 256U);
    EXPECT_EQ(kept(1, 3), 0x2000 / 32U);
    EXPECT_EQ(kept(2, 3), release >= Release::v4_16 ? 0U : 0x1000 / 32U) << release;
    g.lowmem_reserve_ratio = {{64, 256, 0, 8}};
    EXPECT_EQ(kept(0, 1), 0x5000 / 64U);
    EXPECT_EQ(kept(1, 2), release >= Release::v4_16 ? 0U : 0x1000U) << "0 was taken for 1 up to 4.15";
    EXPECT_EQ(kept(2, 3), 0x1000 / 8U);
  }
}

// Raspberry Pi 4, 32 bit: DMA free:519112kB boost:7216kB min:10428kB low:11228kB high:12028kB managed:663836kB.
TEST(FieldCaseSix, TheBoostPrintedIsTheMostThatThereCanBe) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 0xf7400};
  g.zones = {{"DMA", {0, 0x30000}}, {"HighMem", {0x30000, 0xf7400}}};
  g.reserved = {{0, 30649}};
  g.min_free_kbytes = 3212;
  g.watermark_boost = 100'000;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const Zone& zone = machine->buddy.zone(0);
  EXPECT_EQ(zone.watermark_boost * 4, 7216U);
  EXPECT_EQ(Watermarks::watermark(zone, Watermark::min) * 4, 10428U);
  EXPECT_EQ(Watermarks::watermark(zone, Watermark::low) * 4, 11228U);
  EXPECT_EQ(Watermarks::watermark(zone, Watermark::high) * 4, 12028U);
  g.watermark_boost_factor = 0;
  EXPECT_EQ(make_machine(g)->buddy.zone(0).watermark_boost, 0U);
}

// Raspberry Pi 4 with vm.min_free_kbytes=65536: min:65536kB low:81920kB high:98304kB.
TEST(FieldCaseSeven, TheOnlyLowZoneCarriesTheWholeMinimum) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 0x80000};
  g.zones = {{"DMA", {0, 0x30000}}, {"HighMem", {0x30000, 0x80000}}};
  g.reserved = {{0, 39857}};
  g.min_free_kbytes = 65536;
  EXPECT_EQ(marks_of(g, 0), (std::array<std::uint64_t, 3>{16384, 20480, 24576}));
}

// --- the field case: an order-3 atomic request fails with 362 MB free (4.19) ---

Geometry wifi_geometry() {
  Geometry g;
  g.release = Release::v4_19;
  g.memory = {0, 326626};  // managed:1306504kB
  g.zones = {{"DMA32", g.memory}};
  g.min_free_kbytes = 4556;
  g.extra_free_kbytes = 23320;
  return g;
}

TEST(FieldCaseTwo, TheWatermarksPrintedAreMinAndExtraFreeOfTheVendor) {
  const std::unique_ptr<Machine> machine = make_machine(wifi_geometry());
  const Zone& zone = machine->buddy.zone(0);
  EXPECT_EQ(zone.watermark[0] * 4, 4556U);
  EXPECT_EQ(zone.watermark[1] * 4, 29180U);
  EXPECT_EQ(zone.watermark[2] * 4, 30484U);
}

TEST(FieldCaseTwo, TheDefaultMinimumWouldBeAnother) {
  Geometry g = wifi_geometry();
  g.min_free_kbytes.reset();
  EXPECT_EQ(make_machine(g)->buddy.zone(0).watermark[0] * 4, 4572U);
}

TEST(FieldCaseTwo, TheStatePrintedWouldServeTheRequestThroughOneUnmovableBlock) {
  const std::unique_ptr<Machine> machine = make_machine(wifi_geometry());
  Zone zone;
  zone.nr_free_cma = 80512;
  const std::int64_t free = 362116 / 4;
  zone.free_by_order[3].nr_free = 47;  // 47*32kB (UC)
  zone.free_by_order[3].lists[index_of(Migratetype::cma)].first = 0;
  for (unsigned order = 4; order <= 10; ++order) {
    zone.free_by_order[order].nr_free = 1;
    zone.free_by_order[order].lists[index_of(Migratetype::cma)].first = 0;
  }
  const Buddy& buddy = machine->buddy;
  const std::uint32_t atomic = kAllocWmarkMin | kAllocHigh | kAllocHarder;
  // 90529 - 7 - 80512 = 10010 pages against 1139 - 569 - 142 = 428: the number is not what refuses.
  EXPECT_TRUE(buddy.watermarks().zone_watermark_ok(zone, 1139, {.flags = atomic}, free));
  EXPECT_FALSE(buddy.watermarks().zone_watermark_ok(zone, 1139, {.order = 3, .flags = atomic}, free))
      << "area blocks do not serve it";
  zone.free_by_order[3].lists[index_of(Migratetype::unmovable)].first = 0;
  EXPECT_TRUE(buddy.watermarks().zone_watermark_ok(zone, 1139, {.order = 3, .flags = atomic}, free));
}

// Up to 4.3 each order asks for half as much, of the pages left without the smaller blocks.
TEST(WatermarkOf36, EachOrderAsksForHalfAsMuch) {
  const std::unique_ptr<Machine> machine = make_machine(tiny_geometry(Release::v3_6));
  Buddy& buddy = machine->buddy;
  Zone& zone = buddy.zone(0);
  zone.free_by_order[0].nr_free = 40;
  EXPECT_TRUE(buddy.watermarks().zone_watermark_ok(zone, 30, {}, 64));
  EXPECT_TRUE(buddy.watermarks().zone_watermark_ok(zone, 30, {.order = 1}, 64)) << "63 - 40 against 15";
  EXPECT_FALSE(buddy.watermarks().zone_watermark_ok(zone, 50, {.order = 1}, 64)) << "63 - 40 against 25";
  zone.free_by_order[1].nr_free = 8;
  EXPECT_FALSE(buddy.watermarks().zone_watermark_ok(zone, 30, {.order = 2}, 64)) << "61 - 40 - 16 against 7";
}

// 64 pages are free, 16 of them single ones of areas.
TEST(WatermarkOf36, AreaPagesAreSubtractedOnce) {
  for (const bool fault : {false, true}) {
    Geometry g = tiny_geometry(Release::v3_6);
    if (fault) g.bugs.switch_on(Bug::watermark_areas_twice);
    const std::unique_ptr<Machine> machine = make_machine(g);
    Zone& zone = machine->buddy.zone(0);
    zone.nr_free_cma = 16;
    zone.free_by_order[0].nr_free = 16;
    EXPECT_TRUE(machine->buddy.watermarks().zone_watermark_ok(zone, 40, {}, 64));
    EXPECT_EQ(machine->buddy.watermarks().zone_watermark_ok(zone, 70, {.order = 1, .flags = kAllocCma}, 64), false);
    EXPECT_EQ(machine->buddy.watermarks().zone_watermark_ok(zone, 46, {.order = 1}, 64), true);
    zone.free_by_order[0].nr_free = 26;
    EXPECT_EQ(machine->buddy.watermarks().zone_watermark_ok(zone, 46, {.order = 1}, 64), !fault)
        << "63 - 26 against 23, and 63 - 16 - 26 under the fault";
  }
}

TEST(WatermarkOf36, AreaPagesCountForEveryRequestUnderTheFault) {
  for (const bool fault : {false, true}) {
    Geometry g = tiny_geometry(Release::v3_6);
    if (fault) g.bugs.switch_on(Bug::watermark_with_areas);
    const std::unique_ptr<Machine> machine = make_machine(g);
    Zone& zone = machine->buddy.zone(0);
    zone.nr_free_cma = 50;
    EXPECT_EQ(machine->buddy.watermarks().zone_watermark_ok(zone, 30, {}, 64), fault);
    EXPECT_TRUE(machine->buddy.watermarks().zone_watermark_ok(zone, 30, {.flags = kAllocCma}, 64));
  }
}

// An arm64 machine of 4 GiB: what it has in pages depends on their size, what it has in kB does not.
TEST(WatermarkSizes, MinFreeKbytesAreKilobytes) {
  struct Pages {
    std::uint64_t page_size;
    std::uint64_t min;      // of min_free_kbytes=65536
    std::uint64_t by_size;  // sqrt(16 * kB of memory) kB
    int batch;
  };
  for (const Pages& pages : {Pages{4096, 16384, 2048, 63}, Pages{16384, 4096, 512, 15}, Pages{65536, 1024, 128, 3}}) {
    Geometry g;
    g.release = Release::v4_19;
    set_page_size(g, pages.page_size);
    g.memory = {0, (std::uint64_t{4} << 30) / pages.page_size};
    EXPECT_EQ(make_machine(g)->buddy.zone(0).watermark[0], pages.by_size) << pages.page_size;
    EXPECT_EQ(make_machine(g)->buddy.zone(0).pcp[0].batch, pages.batch) << pages.page_size;
    g.min_free_kbytes = 65536;
    g.extra_free_kbytes = 6400;
    const std::unique_ptr<Machine> machine = make_machine(g);
    const Zone& zone = machine->buddy.zone(0);
    EXPECT_EQ(zone.watermark[0], pages.min) << pages.page_size;
    EXPECT_EQ(2 * zone.watermark[1] - zone.watermark[2] - zone.watermark[0], 6400 * 1024 / pages.page_size);
  }
}

// `run --why` prints the terms, so they must decide as the test does.
TEST_P(WatermarkTest, TheTermsOfTheTestDecideAsItDoes) {
  const Watermarks& watermarks = machine->buddy.watermarks();
  Zone zone;
  zone.nr_free_cma = 20;
  zone.nr_reserved_highatomic = 16;
  zone.lowmem_reserve[0] = 10;
  put(zone, 3, Migratetype::unmovable);
  // Up to 4.3 a block is not enough: more must be left in larger blocks.
  const unsigned largest = GetParam() < Release::v4_4 ? 0 : 3;
  for (const std::uint32_t flags :
       {0U, 0U + kAllocNoWatermarks, 0U + kAllocCma, 0U + kAllocHigh, 0U + kAllocHarder, 0U + kAllocOom})
    for (unsigned order = 0; order <= largest; ++order)
      for (zone.nr_free_pages = 20; zone.nr_free_pages < 160; ++zone.nr_free_pages) {
        const WatermarkRequest request = {.order = order, .flags = flags};
        EXPECT_EQ(watermarks.terms(zone, 40, request).enough(),
                  watermarks.zone_watermark_ok(zone, 40, request, zone.nr_free_pages))
            << "order " << order << ", flags " << flags << ", free " << zone.nr_free_pages;
      }
}

}  // namespace
}  // namespace cma
