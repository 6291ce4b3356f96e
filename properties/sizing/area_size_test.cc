#include "properties/sizing/area_size.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "properties/program/text.h"
#include "properties/sizing/sizing_report.h"

namespace cma::sizing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The encoders of an i.MX6 with 3.10 (CONFIG_CMA_DEBUG): what one pipeline asks for. The buffer of 124 pages is a pool
// that is made once.
constexpr std::string_view kPool = "124 align 7\n";
constexpr std::string_view kPipeline =
    "4 align 2\n385 align 8\n152 align 8\n203 align 8\n148 align 8\n178 x5 align 8\n";

Demand pipelines(int count, bool pool) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    if (i == 0 && pool) text += kPool;
    text += kPipeline;
  }
  return *read_requests(text);
}

Setting of(Release release, unsigned pageblock_order = 9, unsigned largest_order = 10) {
  Setting setting;
  setting.shape.release = release;
  setting.shape.pageblock_order = pageblock_order;
  setting.shape.largest_order = largest_order;
  return setting;
}

Answer answer_to(const Demand& demand, const Setting& setting) {
  const auto answer = area_size(demand, setting);
  EXPECT_TRUE(answer.has_value()) << answer.error().reason;
  return answer.value_or(Answer());
}

Answer answer_to(std::string_view lines, const Setting& setting) { return answer_to(*read_requests(lines), setting); }

std::uint64_t sum(const Share& share) {
  return share.asked + share.whole_bits + share.alignment + share.fragmentation + share.whole_units;
}

const Alternative& with(const Answer& answer, unsigned cma_alignment) {
  for (const Alternative& other : answer.alternatives)
    if (other.cma_alignment == cma_alignment) return other;
  ADD_FAILURE() << "no row for " << cma_alignment;
  return answer.alternatives.front();
}

TEST(EncodersOfAnImx6, EightPipelinesNeed80MiBAndTheirPoolOneBlockMore) {
  Setting setting = of(Release::v3_6, 10);
  const Answer without = answer_to(pipelines(8, false), setting);
  EXPECT_EQ(without.unit, 1024U) << "4 MiB";
  EXPECT_EQ(without.given.units, 20U + 1U) << "each pipeline begins with a buffer that spoils an aligned place";
  EXPECT_EQ(without.best.units, 20U) << "80 MiB";
  EXPECT_EQ(without.proof, Proof::bound) << "20 units are what the bits alone take";
  const Answer with_pool = answer_to(pipelines(8, true), setting);
  EXPECT_EQ(with_pool.best.units, 21U);
  EXPECT_EQ(with_pool.given.units, 21U);
  EXPECT_TRUE(with_pool.given.checked && with_pool.best.checked);
}

TEST(EncodersOfAnImx6, FitInto60MiBWithASmallerCmaAlignment) {
  const Answer answer = answer_to(pipelines(8, true), of(Release::v3_6, 10));
  EXPECT_EQ(with(answer, 4).given_units, 15U);
  EXPECT_EQ(with(answer, 8).given_units, answer.given.units);
}

TEST(AreaSize, OneRequestNeedsItsUnits) {
  const Answer answer = answer_to("1025\n", of(Release::v4_19));
  EXPECT_EQ(answer.given.units, 2U);
  EXPECT_EQ(answer.given.pages, 2048U);
  EXPECT_EQ(answer.given.share.whole_units, 1023U);
  EXPECT_EQ(answer.given.fails_below, std::size_t{0});
  EXPECT_EQ(answer_to("1025\n", of(Release::v6_1)).given.units, 3U) << "since 5.19 the unit is a pageblock";
  EXPECT_EQ(answer_to("1\n", of(Release::v6_1)).given.fails_below, std::nullopt);
}

TEST(AreaSize, SharesAddUpToTheArea) {
  for (const char* lines : {"3 align 2\n5 align 3\n1 x7\n", "5 order_per_bit 2\n9 align 4\n2 x3 align 3\n"}) {
    const Answer answer = answer_to(lines, of(Release::v6_1, 3, 5));
    EXPECT_EQ(sum(answer.given.share), answer.given.pages) << lines;
    EXPECT_EQ(sum(answer.best.share), answer.best.pages) << lines;
    EXPECT_EQ(answer.best.share.fragmentation, 0U);
  }
}

TEST(AreaSize, ShareNamesWhatIsLost) {
  // Bits of four pages: 5 pages take 8. The buffer aligned to 16 pages is put after a gap of 8.
  const Answer bits = answer_to("5 order_per_bit 2\n16 align 4\n", of(Release::v6_1, 5, 6));
  EXPECT_EQ(bits.given.share.whole_bits, 3U);
  EXPECT_EQ(bits.given.share.fragmentation, 8U) << "the other order leaves no gap";
  EXPECT_EQ(bits.given.share.alignment, 0U);
  // Two of nine pages at multiples of sixteen: seven are lost whatever the order.
  const Answer aligned = answer_to("9 x2 align 4\n", of(Release::v6_1, 5, 6));
  EXPECT_EQ(aligned.given.share.alignment, 7U);
  EXPECT_EQ(aligned.given.share.fragmentation, 0U);
}

TEST(AreaSize, ReleasesMakeRoomOnlyInTheirOwnFigure) {
  const auto program = parse(
      "machine small release=6.1\n"
      "x = cma_alloc a pages=30\n"
      "cma_release x from=8 pages=8\n"
      "y = cma_alloc a pages=8\n"
      "cma_release x\n"
      "z = cma_alloc a pages=16\n");
  ASSERT_TRUE(program.has_value());
  const auto demands = demands_of(*program, {});
  Setting setting;
  setting.shape = program->machine;
  const Answer answer = answer_to(demands->front(), setting);
  EXPECT_EQ(answer.given.units, 4U) << "54 pages";
  ASSERT_TRUE(answer.released.has_value());
  EXPECT_EQ(answer.released->units, 2U);
  EXPECT_EQ(answer.released->fails_below, std::size_t{0});
  EXPECT_TRUE(answer.released->checked);
}

TEST(AreaSize, DebugfsFreesItsNewestFirst) {
  const auto program = parse(
      "machine small release=6.1\n"
      "debugfs_alloc a pages=10\n"
      "debugfs_alloc a pages=20\n"
      "debugfs_free a pages=25\n"
      "debugfs_alloc a pages=11\n");
  ASSERT_TRUE(program.has_value());
  Setting setting;
  setting.shape = program->machine;
  const Answer answer = answer_to(demands_of(*program, {})->front(), setting);
  EXPECT_EQ(answer.given.units, 3U);
  EXPECT_EQ(answer.released->units, 2U);
}

TEST(AreaSize, BaseDecidesWhereAlignedBuffersMayLie) {
  Setting setting = of(Release::v6_1, 3, 5);
  EXPECT_EQ(answer_to("4 align 5\n", setting).given.units, 1U) << "without a base it is taken for aligned";
  setting.base = 0x28;
  const Answer answer = answer_to("4 align 5\n", setting);
  EXPECT_EQ(answer.given.places.front(), 0x18U);
  EXPECT_EQ(answer.given.units, 4U);
  EXPECT_FALSE(answer.base_assumed);
}

TEST(AreaSize, IsRefusedWithAReason) {
  Setting setting = of(Release::v6_1, 3, 5);
  const auto reason = [](std::string_view lines, const Setting& chosen) {
    const auto answer = area_size(*read_requests(lines), chosen);
    return answer.has_value() ? std::string() : fmt::format("{}: {}", answer.error().line, answer.error().reason);
  };
  EXPECT_THAT(reason("1 order_per_bit 4\n", setting), HasSubstr("1: order_per_bit 4: a bit is larger than the unit"));
  EXPECT_THAT(reason("1 order_per_bit 1\n", of(Release::v3_6)), HasSubstr("1: before 3.17 a bit is a page"));
  EXPECT_THAT(reason("1 x3\n0x4000001\n", setting), HasSubstr("2: up to here the requests need more than 67108864"));
  EXPECT_THAT(reason("1 align 63\n1 align 63\n", setting), HasSubstr("2: up to here"));
  setting.base = 0x24;
  EXPECT_THAT(reason("1\n", setting), HasSubstr("cannot begin at 0x24: its base must be a multiple of 0x8"));
  setting.base = 0x28;
  EXPECT_THAT(reason("1\n1 align 63\n", setting), HasSubstr("2: no page of an area at 0x28 is aligned to 2^63 pages"));
}

TEST(CmaAlignment, IsFollowedByWhatTheDmaLayerAligns) {
  const auto align = [](std::uint64_t pages, unsigned asked, unsigned other, Release release = Release::v6_1) {
    return align_with({pages, asked}, 8, other, release);
  };
  EXPECT_EQ(align(178, 8, 4), 4U);
  EXPECT_EQ(align(385, 8, 9), 9U) << "its own order";
  EXPECT_EQ(align(178, 8, 9), 8U);
  EXPECT_EQ(align(124, 7, 12), 7U);
  EXPECT_EQ(align(1000, 3, 12), 3U) << "explicit: never raised";
  EXPECT_EQ(align(4, 6, 4), 4U) << "explicit: limited";
  EXPECT_EQ(align(1000, 10, 4), 10U) << "asked of cma_alloc itself";
  EXPECT_EQ(align(1000, 10, 4, Release::v3_6), 4U) << "the DMA layer is the allocator";
  EXPECT_EQ(align(1000, 10, 8, Release::v3_6), 8U);
}

TEST(CmaAlignment, HasTheRangeOfTheRelease) {
  EXPECT_EQ(cma_alignments(Release::v3_6), std::pair(4U, 9U));
  EXPECT_EQ(cma_alignments(Release::v4_9), std::pair(4U, 12U));
  EXPECT_EQ(cma_alignments(Release::v5_10), std::pair(2U, 12U));
}

TEST(CmaAlignment, OfTheDmaLayerIsTakenWhereNoneIsGiven) {
  Setting setting = of(Release::v6_1);
  EXPECT_EQ(answer_to("178 x5\n", setting).given.units, 2U);
  setting.dma = true;
  const Answer answer = answer_to("178 x5\n", setting);
  EXPECT_EQ(answer.given.units, 3U);
  EXPECT_EQ(with(answer, 4).given_units, 2U);
}

TEST(BestOrder, OfManyDifferentRequestsIsMarkedAsFoundOnly) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += fmt::format("{} align {}\n", 3 + i * 7 % 61, i % 5);
  const Demand demand = *read_requests(lines);
  std::vector<Item> items;
  for (const Request& request : demand.requests) items.push_back(item_of(request, 0, 0));
  const std::vector<std::vector<std::size_t>> starts = {given_order(demand)};
  const BestOrder best = best_order(items, starts, 1);
  EXPECT_EQ(best.compared, 0U);
  EXPECT_GE(best.end, best.least);
  const Answer answer = answer_to(demand, of(Release::v6_1, 3, 5));
  EXPECT_LE(answer.best.units, answer.given.units);
  EXPECT_GE(answer.best.units, answer.least_units);
}

TEST(SizingReport, NamesSizesReasonsAndWhatIsAssumed) {
  const Demand demand = pipelines(8, true);
  const Setting setting = of(Release::v3_6, 10);
  const Answer answer = answer_to(demand, setting);
  const std::string text = answer_text({"imx6", demand, setting}, answer);
  EXPECT_THAT(text, AllOf(HasSubstr("84 MiB"), HasSubstr("Linux 3.6"), HasSubstr("whole units of 1024 pages (4 MiB)"),
                          HasSubstr("taken for a multiple of every alignment"), HasSubstr("saves 24 MiB"),
                          HasSubstr("no order needs less"), HasSubstr("as it is")));
  const std::string json = answer_json({"imx6", demand, setting}, answer);
  EXPECT_THAT(json, AllOf(HasSubstr("\"unit_pages\":1024"), HasSubstr("\"units\":21"), HasSubstr("\"proof\":"),
                          HasSubstr("\"cma_alignment\":4,\"given_units\":15"), Not(HasSubstr("with_releases"))));
}

TEST(AreaSize, PagesOf64KiBHaveUnitsOf512MiB) {
  Setting setting = of(Release::v6_1);
  set_page_size(setting.shape, 65536);
  const Answer answer = answer_to("1\n", setting);
  EXPECT_EQ(answer.unit, 8192U);
  EXPECT_THAT(answer_text({"requests", *read_requests("1\n"), setting}, answer),
              AllOf(HasSubstr("1 page (64 KiB), all held"), HasSubstr("whole units of 8192 pages (512 MiB)")));
}

}  // namespace
}  // namespace cma::sizing
