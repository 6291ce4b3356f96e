#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/areas/areas.h"
#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kUnit = 4 * kMiB;  // a multiple of every release's alignment

class DeclareTest : public ::testing::TestWithParam<Release> {
 protected:
  // Areas are aligned to pageblocks, not to the largest blocks.
  static bool small_unit() { return GetParam() >= Release::v5_19; }
  // Pages of an area that cannot be activated go to the allocator.
  static bool gives_back() { return GetParam() >= Release::v5_12; }
  static std::string on_node() { return GetParam() >= Release::v6_6 ? " on node -1" : ""; }
  static Geometry geometry() {
    Geometry g;
    g.release = GetParam();
    g.memory = {0, 0x8000};  // 128 MiB
    g.cma_debug = false;
    return g;
  }
  static DeclareRequest request(std::uint64_t base, std::uint64_t size, bool fixed = true) {
    DeclareRequest r;
    r.name = "main";
    r.base = base;
    r.size = size;
    r.fixed = fixed;
    return r;
  }

  // Still booting.
  std::unique_ptr<Machine> machine = std::make_unique<Machine>(geometry());
  Areas& areas = machine->areas;
};

INSTANTIATE_TEST_SUITE_P(Releases, DeclareTest, ::testing::ValuesIn(kComparedReleases));

// --- declaring ---

TEST_P(DeclareTest, AFixedAreaLiesWhereItWasAskedFor) {
  EXPECT_EQ(areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB)), 0);
  EXPECT_THAT(log_lines(*machine), ElementsAre("cma: Reserved 16 MiB at 0x0000000004000000" + on_node()));
  ASSERT_EQ(areas.size(), 1U);
  EXPECT_EQ(areas.area(0).base, 0x4000U);
  EXPECT_EQ(areas.area(0).pages, 0x1000U);
  EXPECT_EQ(areas.table().total_pages, 0x1000U);
  EXPECT_TRUE(machine->memblock.is_region_reserved({0x4000, 0x5000}));
  EXPECT_FALSE(areas.area(0).active());
}

TEST_P(DeclareTest, ADebugKernelPrintsTheRequest) {
  Geometry g = geometry();
  g.cma_debug = true;
  Machine m(g);
  DeclareRequest r = request(64 * kMiB, 16 * kMiB);
  r.limit = 96 * kMiB;
  r.alignment = 8 * kMiB;
  m.areas.boot().declare_contiguous(r);
  const bool node = GetParam() >= Release::v5_7;
  const std::string function = node ? "cma_declare_contiguous_nid" : "cma_declare_contiguous";
  EXPECT_EQ(log_lines(m).front(), "cma: " + function +
                                      "(size 0x0000000001000000, base 0x0000000004000000, "
                                      "limit 0x0000000006000000 alignment 0x0000000000800000)");
}

TEST_P(DeclareTest, AFreeAreaLiesAsHighAsItCan) {
  EXPECT_EQ(areas.boot().declare_contiguous(request(0, 16 * kMiB, false)), 0);
  EXPECT_EQ(areas.area(0).base, 0x7000U);
  DeclareRequest below = request(0, 16 * kMiB, false);
  below.limit = 64 * kMiB;
  EXPECT_EQ(areas.boot().declare_contiguous(below), 0);
  EXPECT_EQ(areas.area(1).base, 0x3000U);
}

TEST_P(DeclareTest, BaseZeroIsNotFixed) {
  EXPECT_EQ(areas.boot().declare_contiguous(request(0, 16 * kMiB, true)), 0);
  EXPECT_EQ(areas.area(0).base, 0x7000U);
}

TEST_P(DeclareTest, SizesRoundUpToTheUnit) {
  EXPECT_EQ(areas.boot().declare_contiguous(request(64 * kMiB, 1, true)), 0);
  EXPECT_EQ(areas.area(0).pages, small_unit() ? 512U : 1024U);
}

struct Refusal {
  const char* what;
  DeclareRequest request;
  int error;
  std::vector<std::string> log;
};

std::vector<Refusal> refusals() {
  const auto make = [](std::uint64_t base, std::uint64_t size, std::uint64_t limit, std::uint64_t alignment,
                       unsigned order_per_bit, bool fixed) {
    DeclareRequest r;
    r.name = "main";
    r.base = base;
    r.size = size;
    r.limit = limit;
    r.alignment = alignment;
    r.order_per_bit = order_per_bit;
    r.fixed = fixed;
    return r;
  };
  return {
      {"no size", make(64 * kMiB, 0, 0, 0, 0, true), -kEINVAL, {}},
      {"alignment is no power of two", make(0, kUnit, 0, 3 * kMiB, 0, false), -kEINVAL, {}},
      {"a bit is larger than the area", make(0, kUnit, 0, 0, 11, false), -kEINVAL, {}},
      {"fixed at a base that is not aligned",
       make(65 * kMiB, 5 * kMiB, 0, 0, 0, true),
       -kEINVAL,
       {"cma: Region at 0x0000000004100000 must be aligned to 0xUNIT bytes", "cma: Failed to reserve 5 MiB"}},
      {"fixed at a base that is not aligned as asked",
       make(64 * kMiB + kUnit, kUnit, 0, 8 * kMiB, 0, true),
       -kEINVAL,
       {"cma: Region at 0x0000000004400000 must be aligned to 0x0000000000800000 bytes",
        "cma: Failed to reserve 4 MiB"}},
      {"beyond the end of memory",
       make(120 * kMiB, 16 * kMiB, 0, 0, 0, true),
       -kEINVAL,
       {"cma: Region at 0x0000000007800000 defined on low/high memory boundary (0x0000000008000000)",
        "cma: Failed to reserve 16 MiB"}},
      {"beyond its limit",
       make(64 * kMiB, 16 * kMiB, 72 * kMiB, 0, 0, true),
       -kEINVAL,
       {"cma: Size (0x0000000001000000) of region at 0x0000000004000000 exceeds limit (0x0000000004800000)",
        "cma: Failed to reserve 16 MiB"}},
      {"larger than memory",
       make(0, 256 * kMiB, 0, 0, 0, false),
       -kEINVAL,
       {"cma: Size (0x0000000010000000) of region at 0x0000000000000000 exceeds limit (0x0000000008000000)",
        "cma: Failed to reserve 256 MiB"}},
      {"on top of another reservation",
       make(32 * kMiB, 16 * kMiB, 0, 0, 0, true),
       -kEBUSY,
       {"cma: Failed to reserve 16 MiB"}},
      {"no gap is large enough", make(0, 96 * kMiB, 0, 0, 0, false), -kENOMEM, {"cma: Failed to reserve 96 MiB"}},
      {"the unit is no whole number of bits",
       make(64 * kMiB, 64 * kMiB, 0, 0, 12, true),
       -kEINVAL,
       {"cma: Failed to reserve 64 MiB"}},
  };
}

TEST_P(DeclareTest, ARefusalHasItsErrorAndItsLines) {
  for (const Refusal& refusal : refusals()) {
    // Up to 4.18 the kernel rounds a base, and has no limit to a fixed area.
    const bool checked_since_4_19 = !refusal.log.empty() && (refusal.log.front().find("aligned") != std::string::npos ||
                                                             refusal.log.front().find("exceeds") != std::string::npos);
    if (GetParam() < Release::v4_19 && checked_since_4_19) continue;
    const bool any_bits = since(GetParam(), Release::v6_9, {Release::v5_15, Release::v6_1, Release::v6_6});
    if (any_bits && refusal.what == std::string("the unit is no whole number of bits")) continue;
    Geometry g = geometry();
    g.reserved = {{0x2800, 0x2900}};  // 40 MiB
    Machine m(g);
    std::vector<std::string> expected = refusal.log;
    for (std::string& line : expected) {
      if (const std::size_t at = line.find("0xUNIT"); at != std::string::npos)
        line.replace(at, 6, small_unit() ? "0x0000000000200000" : "0x0000000000400000");
      if (line.starts_with("cma: Failed to reserve")) line += on_node();
    }
    EXPECT_EQ(m.areas.boot().declare_contiguous(refusal.request), refusal.error) << refusal.what;
    EXPECT_EQ(log_lines(m), expected) << refusal.what;
    EXPECT_EQ(m.areas.size(), 0U) << refusal.what;
    EXPECT_THAT(m.memblock.reserved(), ElementsAre(PfnRange{0x2800, 0x2900})) << refusal.what;
  }
}

TEST_P(DeclareTest, TheTableHoldsAsManyAreasAsConfigured) {
  Geometry g = geometry();
  g.max_areas = 2;
  Machine m(g);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, kUnit, false)), 0);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, kUnit, false)), 0);
  const std::size_t first = m.trace.records().size();
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, 0, false)), -kENOSPC) << "asked before anything else";
  EXPECT_THAT(log_lines(m, first), ElementsAre("cma: Not enough slots for CMA reserved regions!"));
  m.memblock.reserve({0, 0x400});
  const std::size_t second = m.trace.records().size();
  EXPECT_EQ(m.areas.boot().init_reserved_mem(0, kUnit, 0, "third"), -kENOSPC);
  EXPECT_THAT(log_lines(m, second), ElementsAre("cma: Not enough slots for CMA reserved regions!"));
}

TEST_P(DeclareTest, AFixedAreaMayNotStraddleHighMemory) {
  Geometry g = geometry();
  g.zones = {{"Normal", {0, 0x4400}}, {"HighMem", {0x4400, 0x8000}}};
  Machine m(g);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB)), -kEINVAL);
  EXPECT_THAT(log_lines(m),
              ElementsAre("cma: Region at 0x0000000004000000 defined on low/high memory boundary (0x0000000004400000)",
                          "cma: Failed to reserve 16 MiB" + on_node()));
}

TEST_P(DeclareTest, AFreeAreaPrefersHighMemoryAndNeverStraddlesIt) {
  Geometry g = geometry();
  g.zones = {{"Normal", {0, 0x6000}}, {"HighMem", {0x6000, 0x8000}}};
  Machine m(g);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, 16 * kMiB, false)), 0);
  EXPECT_EQ(m.areas.area(0).base, 0x7000U);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, 24 * kMiB, false)), 0);
  EXPECT_EQ(m.areas.area(1).base + m.areas.area(1).pages, 0x6000U) << "the rest of high memory is too small";
}

TEST(DeclarePlacement, Since5_12TheFirstMemoryAbove4GiBIsPreferred) {
  for (Release release : kComparedReleases) {
    Geometry g;
    g.release = release;
    g.memory = {0xf0000, 0x110000};  // 3840 MiB to 4352 MiB
    Machine m(g);
    DeclareRequest r;
    r.name = "main";
    r.size = 16 * kMiB;
    EXPECT_EQ(m.areas.boot().declare_contiguous(r), 0);
    EXPECT_EQ(m.areas.area(0).base, release >= Release::v5_12 ? 0x100000U : 0x10f000U);
  }
}

// --- areas over memory that boot has reserved ---

TEST_P(DeclareTest, ReservedMemoryMustBeReservedAlignedAndOfWholeBits) {
  machine->memblock.reserve({0x4000, 0x5000});
  const std::uint64_t base = 64 * kMiB;
  EXPECT_EQ(areas.boot().init_reserved_mem(base, 0, 0, "a"), -kEINVAL);
  EXPECT_EQ(areas.boot().init_reserved_mem(base + kMiB, kUnit, 0, "a"), -kEINVAL);
  EXPECT_EQ(areas.boot().init_reserved_mem(base, kMiB, 0, "a"), -kEINVAL);
  EXPECT_EQ(areas.boot().init_reserved_mem(base + 32 * kMiB, kUnit, 0, "a"), -kEINVAL) << "nothing of it is reserved";
  if (GetParam() < Release::v5_15) {
    EXPECT_EQ(areas.boot().init_reserved_mem(base, kUnit, 11, "a"), -kEINVAL);
  }
  EXPECT_EQ(areas.boot().init_reserved_mem(base, 2 * kMiB, 0, "a"), small_unit() ? 0 : -kEINVAL);
  EXPECT_EQ(areas.boot().init_reserved_mem(base + kUnit, kUnit, 9, "b"), 0);
  EXPECT_THAT(log_lines(*machine), IsEmpty());
}

TEST_P(DeclareTest, AnAreaWithoutANameGetsTheKernelsWithItsNewline) {
  machine->memblock.reserve({0x4000, 0x5000});
  EXPECT_EQ(areas.boot().init_reserved_mem(64 * kMiB, kUnit, 0, ""), 0);
  EXPECT_EQ(areas.area(0).name, "cma0\n");
}

// --- activation ---

TEST_P(DeclareTest, ActivationGivesThePageblocksToTheAllocatorAsCma) {
  areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB));
  machine->finish_boot();
  EXPECT_TRUE(areas.area(0).active());
  EXPECT_EQ(areas.area(0).bitmap.size(), 4096U);
  EXPECT_EQ(machine->buddy.zone(0).nr_free_cma, 4096);
  EXPECT_EQ(machine->buddy.zone(0).managed, 0x8000U);
  for (Pfn pfn = 0x4000; pfn < 0x5000; pfn += 512) EXPECT_EQ(machine->map.pageblock_type(pfn), Migratetype::cma);
  EXPECT_EQ(machine->map.pageblock_type(0x5000), Migratetype::movable);
}

// Three areas; the middle one cannot be activated.
TEST_P(DeclareTest, TheFirstFailureEndsActivationUpTo5_8) {
  for (std::uint64_t base : {32 * kMiB, 64 * kMiB, 96 * kMiB})
    ASSERT_EQ(areas.boot().declare_contiguous(request(base, 8 * kMiB)), 0);
  areas.boot().fail_bitmap_of(1);
  const std::size_t first = machine->trace.records().size();
  machine->finish_boot();
  EXPECT_TRUE(areas.area(0).active());
  EXPECT_FALSE(areas.area(1).active());
  const bool goes_on = GetParam() >= Release::v5_9;
  EXPECT_EQ(areas.area(2).active(), goes_on);
  EXPECT_EQ(areas.area(1).pages, 0U);
  EXPECT_EQ(run_now(areas.cma_alloc(1, 1, 0, Warn::yes)), kNoPfn);
  EXPECT_EQ(machine->buddy.zone(0).nr_free_cma, goes_on ? 4096 : 2048);
  const unsigned lost = gives_back() ? 0 : goes_on ? 1 : 2;
  EXPECT_EQ(machine->buddy.zone(0).managed, 0x8000U - lost * 2048)
      << "up to 5.11 areas that were not activated are lost";
  EXPECT_EQ(machine->map.page(0x4000).has(kPageReserved), !gives_back());
  EXPECT_EQ(areas.table().total_pages, gives_back() ? 2 * 2048U : 3 * 2048U);
  if (goes_on)
    EXPECT_EQ(log_lines(*machine, first).front(), "cma: CMA area main could not be activated");
  else
    EXPECT_THAT(log_lines(*machine, first), IsEmpty()) << "a missing bitmap is not reported";
}

TEST_P(DeclareTest, AnAreaAcrossAZoneBorderFailsLateUpTo5_11AndThenEarly) {
  Geometry g = geometry();
  g.zones = {{"DMA32", {0, 0x4600}}, {"Normal", {0x4600, 0x8000}}};
  Machine m(g);
  ASSERT_EQ(m.areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB)), 0);
  const std::size_t first = m.trace.records().size();
  m.finish_boot();
  EXPECT_FALSE(m.areas.area(0).active());
  EXPECT_THAT(log_lines(m, first), ElementsAre("cma: CMA area main could not be activated"));
  EXPECT_EQ(m.map.pageblock_type(0x4000), gives_back() ? Migratetype::movable : Migratetype::cma)
      << "up to 5.11 the pageblocks before the border were converted";
  EXPECT_EQ(m.buddy.zone(0).nr_free_cma, gives_back() ? 0 : 3 * 512);
  EXPECT_EQ(m.map.page(0x4800).has(kPageReserved), !gives_back());
  EXPECT_EQ(m.buddy.zone(0).managed + m.buddy.zone(1).managed, gives_back() ? 0x8000U : 0x8000U - 5 * 512);
}

TEST_P(DeclareTest, AnInactiveAreaKeepsItsSizeUnderTheFault) {
  Geometry g = geometry();
  g.bugs.switch_on(Bug::inactive_alloc);
  Machine m(g);
  ASSERT_EQ(m.areas.boot().declare_contiguous(request(64 * kMiB, 8 * kMiB)), 0);
  m.areas.boot().fail_bitmap_of(0);
  m.finish_boot();
  EXPECT_EQ(m.areas.area(0).pages, 2048U);
  EXPECT_EQ(m.bugs.times_reached(Bug::inactive_alloc), 1U);
}

TEST_P(DeclareTest, AreasAfterOneThatFailedKeepTheirSizeUnderTheFault) {
  for (const bool on : {false, true}) {
    Geometry g = geometry();
    if (on) g.bugs.switch_on(Bug::never_activated);
    Machine m(g);
    for (std::uint64_t base : {32 * kMiB, 64 * kMiB})
      ASSERT_EQ(m.areas.boot().declare_contiguous(request(base, 8 * kMiB)), 0);
    m.areas.boot().fail_bitmap_of(0);
    m.finish_boot();
    const bool goes_on = GetParam() >= Release::v5_9 && !on;
    EXPECT_EQ(m.areas.area(0).pages, 0U);
    EXPECT_EQ(m.areas.area(1).pages, 2048U);
    EXPECT_EQ(m.areas.area(1).active(), goes_on);
    if (!on && !goes_on) {
      EXPECT_EQ(run_now(m.areas.cma_alloc(1, 1, 0, Warn::yes)), kNoPfn);
    }
    if (on) {
      EXPECT_THROW(run_now(m.areas.cma_alloc(1, 1, 0, Warn::yes)), AssertionFailure) << "its bitmap is searched";
    }
    EXPECT_EQ(m.bugs.times_reached(Bug::never_activated) != 0, on);
  }
}

// --- the width of numbers, the size of pages ---

TEST_P(DeclareTest, AddressesHaveTheWidthOfPhysAddrT) {
  for (const bool large : {true, false}) {
    Geometry g = geometry();
    g.cma_debug = true;
    g.phys_addr_bits = large ? 64 : 32;
    g.long_bits = 32;
    Machine m(g);
    EXPECT_EQ(m.areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB)), 0);
    EXPECT_EQ(m.areas.boot().declare_contiguous(request(120 * kMiB, 16 * kMiB)), -kEINVAL);
    const std::string wide = large ? "0x00000000" : "0x";
    EXPECT_THAT(log_lines(m)[0], HasSubstr("(size " + wide + "01000000, base " + wide + "04000000, limit " + wide +
                                           "00000000 alignment " + wide + "00000000)"));
    EXPECT_EQ(log_lines(m)[1], "cma: Reserved 16 MiB at " + wide + "04000000" + on_node());
    EXPECT_EQ(log_lines(m)[3],
              "cma: Region at " + wide + "07800000 defined on low/high memory boundary (" + wide + "08000000)");
  }
}

TEST(DeclareOf3_6, AddressesArePrintedAsLongs) {
  for (const unsigned bits : {32U, 64U}) {
    Geometry g;
    g.release = Release::v3_6;
    g.memory = {0x100000, 0x108000};  // from 4 GiB on
    g.long_bits = bits;
    Machine m(g);
    DeclareRequest request;
    request.base = (std::uint64_t{4} << 30) + 64 * kMiB;
    request.size = 16 * kMiB;
    EXPECT_EQ(m.areas.boot().declare_contiguous(request), 0);
    const std::string base = bits == 32 ? "04000000" : "104000000";
    EXPECT_THAT(log_lines(m),
                ElementsAre("cma: dma_declare_contiguous(size 1000000, base " + base + ", limit 00000000)",
                            "cma: CMA: reserved 16 MiB at " + base));
  }
}

TEST_P(DeclareTest, ArgumentsOf32BitsLoseTheirUpperHalf) {
  Geometry g = geometry();
  g.phys_addr_bits = 32;
  Machine m(g);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request((std::uint64_t{1} << 32) + 64 * kMiB, 16 * kMiB)), 0);
  EXPECT_EQ(m.areas.area(0).base, 0x4000U);
  EXPECT_EQ(m.areas.boot().declare_contiguous(request(0, std::uint64_t{1} << 32)), -kEINVAL) << "a size of 0";
}

TEST_P(DeclareTest, UnitsAreAsLargeAsThePagesDemand) {
  for (const std::uint64_t page_size : {16384, 65536}) {
    Geometry g = geometry();
    set_page_size(g, page_size);
    g.memory = {0, 0x8000};
    const std::uint64_t unit = g.isolation_unit() * page_size;
    Machine m(g);
    EXPECT_EQ(m.areas.boot().declare_contiguous(request(unit, 1)), 0);
    EXPECT_EQ(m.areas.area(0).base, g.isolation_unit());
    EXPECT_EQ(m.areas.area(0).pages, g.isolation_unit());
    const std::string place = page_size == 16384 ? "32 MiB at 0x0000000002000000" : "512 MiB at 0x0000000020000000";
    EXPECT_THAT(log_lines(m), ElementsAre("cma: Reserved " + place + on_node()));
    EXPECT_EQ(m.areas.boot().init_reserved_mem(unit, unit / 2, 0, "half"), -kEINVAL);
    EXPECT_EQ(m.areas.boot().init_reserved_mem(unit, unit, 0, "whole"), 0);
  }
}

// --- places without memory ---

TEST_P(DeclareTest, TheKernelDoesNotLookForTheStartOfMemory) {
  Geometry g = geometry();
  g.memory = {0x4000, 0xc000};
  Machine m(g);
  EXPECT_EQ(m.areas.boot().place_of(request(32 * kMiB, 16 * kMiB)), (PfnRange{0x2000, 0x3000}));
  EXPECT_EQ(m.areas.boot().place_of(request(32 * kMiB, 64 * kMiB)), (PfnRange{0x2000, 0x6000}));
  EXPECT_EQ(m.areas.boot().place_of(request(32 * kMiB, 256 * kMiB)), std::nullopt) << "it ends beyond memory too";
}

TEST_P(DeclareTest, APlaceBeyondMemoryIsFoundUpTo4_18) {
  const bool checks_limit = GetParam() >= Release::v4_19;
  EXPECT_EQ(areas.boot().place_of(request(128 * kMiB, 16 * kMiB)),
            checks_limit ? std::nullopt : std::optional(PfnRange{0x8000, 0x9000}));
  EXPECT_EQ(areas.boot().place_of(request(120 * kMiB, 16 * kMiB)), std::nullopt) << "it begins inside memory";
  EXPECT_TRUE(log_lines(*machine).empty()) << "asking changes nothing";
  EXPECT_EQ(areas.size(), 0U);
  EXPECT_TRUE(machine->memblock.reserved().empty());
}

TEST_P(DeclareTest, AFixedPlaceInHighMemoryMayEndBeyondItUpTo4_18) {
  Geometry g = geometry();
  g.zones = {{"Normal", {0, 0x4000}}, {"HighMem", {0x4000, 0x8000}}};
  Machine m(g);
  const bool checks_limit = GetParam() >= Release::v4_19;
  EXPECT_EQ(m.areas.boot().place_of(request(120 * kMiB, 16 * kMiB)),
            checks_limit ? std::nullopt : std::optional(PfnRange{0x7800, 0x8800}));
  EXPECT_EQ(m.areas.boot().place_of(request(32 * kMiB, 128 * kMiB)), std::nullopt) << "it begins in low memory";
}

TEST_P(DeclareTest, NoKernelLooksForAnEndThatWrapsRound) {
  Geometry g = geometry();
  g.phys_addr_bits = 32;
  Machine m(g);
  // [0xf8000000, 0x108000000): the end is 0x08000000 in 32 bits, which is within every limit.
  EXPECT_EQ(m.areas.boot().place_of(request(0xf8000000, 256 * kMiB)), (PfnRange{0xf8000, 0x108000}));
}

TEST(DeclareOf3_6, AnEndThatWrapsRoundIsNotLookedForEither) {
  Geometry g;
  g.release = Release::v3_6;
  g.memory = {0, 0x8000};
  g.phys_addr_bits = 32;
  Machine m(g);
  DeclareRequest r;
  r.name = "main";
  r.base = 0xf8000000;
  r.size = 256 * kMiB;
  EXPECT_EQ(m.areas.boot().place_of(r), (PfnRange{0xf8000, 0x108000}));
}

DeclareRequest main_at_64_mib() {
  DeclareRequest request;
  request.name = "main";
  request.base = 64 * kMiB;
  request.size = 16 * kMiB;
  return request;
}

// 3.18 brought addresses of the width of phys_addr_t, and looks at the border of high memory.
TEST(DeclareIn317, AddressesAreLongsAndTheBorderIsNotLookedAt) {
  Geometry g;
  g.release = Release::v3_17;
  g.memory = {0, 0x8000};
  g.zones = {{"Normal", {0, 0x4400}}, {"HighMem", {0x4400, 0x8000}}};
  g.cma_debug = false;
  Machine machine(g);
  DeclareRequest request = main_at_64_mib();
  request.fixed = true;
  EXPECT_EQ(machine.areas.boot().declare_contiguous(request), 0);
  EXPECT_THAT(log_lines(machine), ElementsAre("cma: Reserved 16 MiB at 04000000"));
}

// --- 6.6: nodes, and memory above 4 GiB ---

TEST(DeclareIn612, LinesNameTheNode) {
  Geometry g;
  g.release = Release::v6_12;
  g.memory = {0, 0x8000};
  Machine machine(g);
  EXPECT_EQ(machine.areas.boot().declare_contiguous(main_at_64_mib()), 0);
  DeclareRequest taken = main_at_64_mib();
  taken.fixed = true;
  taken.base = 0x7000000;
  taken.limit = 0x7800000;
  EXPECT_EQ(machine.areas.boot().declare_contiguous(taken), -kEINVAL);
  EXPECT_THAT(
      log_lines(machine),
      ElementsAre("cma: Reserved 16 MiB at 0x0000000007000000 on node -1",
                  "cma: Size (0x0000000001000000) of region at 0x0000000007000000 exceeds limit (0x0000000007800000)",
                  "cma: Failed to reserve 16 MiB on node -1"));
}

TEST(DeclareOnANode, LooksInItsMemoryOnlySince5_7) {
  for (const Release release : {Release::v4_19, Release::v5_10, Release::v6_12}) {
    Geometry g;
    g.release = release;
    g.memory = {0, 0x8000};
    g.zones = {{"Normal", {0, 0x4000}, 0}, {"Normal", {0x4000, 0x8000}, 1}};
    g.cma_debug = false;
    Machine machine(g);
    DeclareRequest request;
    request.name = "main";
    request.size = 16 * kMiB;
    request.node = 0;
    EXPECT_EQ(machine.areas.boot().declare_contiguous(request), 0);
    EXPECT_EQ(machine.areas.area(0).base, release >= Release::v5_7 ? 0x3000U : 0x7000U);
  }
}

// Memory around 4 GiB of a 32-bit kernel with large addresses.
TEST(DeclareAbove4GiB, ComesBeforeHighMemorySince6_6) {
  for (const Release release : {Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6, Release::v6_12}) {
    Geometry g;
    g.release = release;
    g.memory = {0xfc000, 0x108000};
    g.zones = {{"Normal", {0xfc000, 0xfe000}}, {"HighMem", {0xfe000, 0x108000}}};
    g.long_bits = 32;
    Machine machine(g);
    DeclareRequest request;
    request.name = "main";
    request.size = 16 * kMiB;
    EXPECT_EQ(machine.areas.boot().declare_contiguous(request), 0);
    EXPECT_EQ(machine.areas.area(0).base, release >= Release::v6_6 ? 0x100000U : 0x107000U);
  }
}

// The sizes of memblock's ranges wrap, and a range without pages is not asked for.
TEST_P(DeclareTest, ReservedMemoryHasPagesAndWholeBits) {
  const std::uint64_t base = 64 * kMiB;
  machine->memblock.reserve({base >> 12, (base >> 12) + 0x400});
  EXPECT_EQ(areas.boot().init_reserved_mem(base, 0, 0, "none"), -kEINVAL);
  EXPECT_EQ(areas.boot().init_reserved_mem(base, 4 * kMiB, 64, "bits"), -kEINVAL) << "no such order";
  EXPECT_EQ(areas.boot().init_reserved_mem(base, 4 * kMiB, 0, "whole"), 0);
}

// memblock lets ranges beyond memory be reserved, and an area be made of them. Boot finds no pages there.
TEST_P(DeclareTest, AnAreaOutsideMemoryIsNotActivated) {
  const std::uint64_t base = 256 * kMiB;
  machine->memblock.reserve({base >> 12, (base >> 12) + 0x400});
  ASSERT_EQ(areas.boot().init_reserved_mem(base, 4 * kMiB, 0, "outside"), 0);
  machine->finish_boot();
  EXPECT_FALSE(areas.area(0).active());
  EXPECT_EQ(areas.area(0).pages, 0U);
  EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 0x8000);
  EXPECT_EQ(machine->buddy.zone(0).managed, 0x8000U);
}

TEST(DeclareIn36, WithoutDebugLinesOnlyTheReservationIsPrinted) {
  Geometry g;
  g.release = Release::v3_6;
  g.memory = {0, 0x8000};
  g.cma_debug = false;
  Machine machine(g);
  DeclareRequest request = main_at_64_mib();
  EXPECT_EQ(machine.areas.boot().declare_contiguous(request), 0);
  EXPECT_THAT(log_lines(machine), ElementsAre("cma: CMA: reserved 16 MiB at 04000000"));
}

// 128 MiB of which one at 40 MiB is reserved.
Machine& machine_of_3_6(std::unique_ptr<Machine>& machine, unsigned max_areas = 8) {
  Geometry g;
  g.release = Release::v3_6;
  g.memory = {0, 0x8000};
  g.reserved = {{0x2800, 0x2900}};
  g.max_areas = max_areas;
  g.cma_debug = false;
  machine = std::make_unique<Machine>(g);
  return *machine;
}

TEST(DeclareIn36, ARefusalHasItsErrorAndItsLine) {
  struct OldRefusal {
    const char* what;
    std::uint64_t size, base, limit;
    int error;
    std::vector<std::string> lines;
  };
  const OldRefusal refusals[] = {
      {"no size", 0, 64 * kMiB, 0, -kEINVAL, {}},
      {"on top of another", 16 * kMiB, 32 * kMiB, 0, -kEBUSY, {"cma: CMA: failed to reserve 16 MiB"}},
      {"no gap is large enough", 96 * kMiB, 0, 0, -kENOMEM, {"cma: CMA: failed to reserve 96 MiB"}},
      {"larger than memory", 256 * kMiB, 0, 0, -kENOMEM, {"cma: CMA: failed to reserve 256 MiB"}},
      {"nothing below its limit", 64 * kMiB, 0, 48 * kMiB, -kENOMEM, {"cma: CMA: failed to reserve 64 MiB"}},
  };
  for (const OldRefusal& refusal : refusals) {
    std::unique_ptr<Machine> machine;
    Machine& m = machine_of_3_6(machine);
    DeclareRequest request;
    request.size = refusal.size;
    request.base = refusal.base;
    request.limit = refusal.limit;
    EXPECT_EQ(m.areas.boot().declare_contiguous(request), refusal.error) << refusal.what;
    EXPECT_EQ(log_lines(m), refusal.lines) << refusal.what;
    EXPECT_THAT(m.memblock.reserved(), ElementsAre(PfnRange{0x2800, 0x2900})) << refusal.what;
  }
}

TEST(DeclareIn36, AFullTableIsAskedFirst) {
  std::unique_ptr<Machine> machine;
  Machine& m = machine_of_3_6(machine, 1);
  EXPECT_EQ(m.areas.boot().declare_contiguous(main_at_64_mib()), 0);
  const std::size_t first = m.trace.records().size();
  EXPECT_EQ(m.areas.boot().declare_contiguous({}), -kENOSPC);
  EXPECT_THAT(log_lines(m, first), ElementsAre("cma: Not enough slots for CMA reserved regions!"));
}

// Of three areas the first has no bitmap and the second lies in two zones.
TEST(ActivationIn36, FailsWithoutALineAndGoesOn) {
  Geometry g;
  g.release = Release::v3_6;
  g.memory = {0, 0x8000};
  g.zones = {{"DMA32", {0, 0x4600}}, {"Normal", {0x4600, 0x8000}}};
  Machine machine(g);
  for (const std::uint64_t base : {32 * kMiB, 64 * kMiB, 96 * kMiB}) {
    DeclareRequest request = main_at_64_mib();
    request.base = base;
    ASSERT_EQ(machine.areas.boot().declare_contiguous(request), 0);
  }
  machine.areas.boot().fail_bitmap_of(0);
  const std::size_t first = machine.trace.records().size();
  machine.finish_boot();
  EXPECT_FALSE(machine.areas.area(0).active());
  EXPECT_FALSE(machine.areas.area(1).active());
  EXPECT_TRUE(machine.areas.area(2).active());
  EXPECT_THAT(log_lines(machine, first), IsEmpty());
}

// Zones of two nodes differ, whatever their names.
TEST_P(DeclareTest, AnAreaOfTwoNodesIsNotActivated) {
  Geometry g = geometry();
  g.zones = {{"Normal", {0, 0x4600}, 0}, {"Normal", {0x4600, 0x8000}, 1}};
  Machine m(g);
  ASSERT_EQ(m.areas.boot().declare_contiguous(request(64 * kMiB, 16 * kMiB)), 0);
  const std::size_t first = m.trace.records().size();
  m.finish_boot();
  EXPECT_FALSE(m.areas.area(0).active());
  EXPECT_THAT(log_lines(m, first), ElementsAre("cma: CMA area main could not be activated"));
}

// Rounding up wraps round, and memblock reserves nothing.
TEST_P(DeclareTest, ASizeThatRoundsUpToNothingIsRefused) {
  const std::size_t reserved = machine->memblock.reserved().size();
  EXPECT_EQ(areas.boot().declare_contiguous(request(0, ~std::uint64_t{0}, false)), -kEINVAL);
  EXPECT_EQ(machine->memblock.reserved().size(), reserved);
  EXPECT_EQ(areas.size(), 0U);
}

}  // namespace
}  // namespace cma
