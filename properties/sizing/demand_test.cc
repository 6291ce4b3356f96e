#include "properties/sizing/demand.h"

#include <gmock/gmock.h>

#include "properties/program/program_testing.h"
#include "properties/program/text.h"

namespace cma::sizing {
namespace {

using ::testing::HasSubstr;

TEST(RequestLines, HoldCountTimesAlignmentAndBits) {
  const auto demand = read_requests("# a pipeline\n178 x5 align 8 order_per_bit 2\n\n0x10 align 4 # sixteen\n3\r\n");
  ASSERT_TRUE(demand.has_value());
  EXPECT_EQ(demand->order_per_bit, 2U);
  ASSERT_EQ(demand->requests.size(), 7U);
  EXPECT_EQ(demand->requests[4].pages, 178U);
  EXPECT_EQ(demand->requests[4].align, 8U);
  EXPECT_EQ(demand->requests[4].line, 2);
  EXPECT_EQ(demand->requests[5].pages, 16U);
  EXPECT_EQ(demand->requests[5].line, 4);
  EXPECT_EQ(demand->requests[6].align, 0U);
}

TEST(RequestLines, WordsMayStandInAnyOrderAfterTheCount) {
  const auto demand = read_requests("9 align 3 x2\n");
  ASSERT_TRUE(demand.has_value());
  EXPECT_EQ(demand->requests.size(), 2U);
  EXPECT_EQ(demand->requests[1].align, 3U);
}

struct BadLine {
  const char* text;
  int line;
  const char* reason;
};

TEST(RequestLines, BadOnesAreRefusedWithLineAndReason) {
  const BadLine kBad[] = {
      {"", 0, "no request"},
      {"# nothing\n\n", 0, "no request"},
      {"4\n5 allign 3\n", 2, "unexpected `allign`"},
      {"4 align\n", 1, "expected a number after `align`"},
      {"4 align x\n", 1, "expected a number, not `x`"},
      {"4 align=3\n", 1, "unexpected `align=3`"},
      {"4 align 64\n", 1, "align must be at most 63"},
      {"4 align 3 align 3\n", 1, "unexpected `align`"},
      {"4 x2 x2\n", 1, "unexpected `x2`"},
      {"4 x0\n", 1, "x0"},
      {"4 x2y\n", 1, "expected a number, not `2y`"},
      {"1\n2\n0\n", 3, "no pages"},
      {"-4\n", 1, "expected a number, not `-4`"},
      {"4 99999999999999999999\n", 1, "unexpected"},
      {"99999999999999999999\n", 1, "fits into 64 bits"},
      {"1 order_per_bit 2\n1\n1 order_per_bit 3\n", 3, "line 1 has 2"},
      {"1 x20000\n1\n", 2, "more than 20000 requests"},
      {"1 x18446744073709551615\n", 1, "more than 20000 requests"},
      {"4 \"unclosed\n", 1, "a line reads COUNT"},
  };
  for (const BadLine& bad : kBad) {
    const auto demand = read_requests(bad.text);
    ASSERT_FALSE(demand.has_value()) << bad.text;
    EXPECT_EQ(demand.error().line, bad.line) << bad.text;
    EXPECT_THAT(demand.error().reason, HasSubstr(bad.reason)) << bad.text;
  }
}

TEST(RequestLines, AreToldFromPrograms) {
  EXPECT_TRUE(looks_like_requests("# x\n\n  12 x3\nmachine\n"));
  EXPECT_FALSE(looks_like_requests("# 12\ncmacheck 1\n12\n"));
  EXPECT_FALSE(looks_like_requests(""));
}

TEST(ProgramDemand, HoldsRequestsAndReleasesOfEachArea) {
  const Program asked = parsed(
      "machine small release=6.1\n"
      "x = cma_alloc a pages=4 align=2\n"
      "y = cma_alloc b pages=5\n"
      "pin x\n"
      "cma_release x\n"
      "expect x.ok\n"
      "debugfs_alloc b pages=2\n"
      "z = cma_alloc a pages=6\n");
  const std::vector<int> lines = {2, 3, 4, 5, 6, 7, 8};
  const auto demands = demands_of(asked, lines);
  ASSERT_TRUE(demands.has_value());
  ASSERT_EQ(demands->size(), 2U);
  const Demand& a = (*demands)[0];
  EXPECT_EQ(a.area, "a");
  EXPECT_EQ(a.base, Pfn{512});
  EXPECT_EQ(a.requests.size(), 2U);
  EXPECT_EQ(a.requests[1].line, 8);
  EXPECT_EQ(a.steps.size(), 3U);
  EXPECT_TRUE(a.releases);
  EXPECT_EQ(a.others, 1U) << "the pin";
  const Demand& b = (*demands)[1];
  EXPECT_EQ(b.order_per_bit, 1U);
  EXPECT_EQ(b.requests.size(), 2U);
  EXPECT_FALSE(b.releases);
}

TEST(ProgramDemand, TakesAreasThatAreDeclaredWhileBooting) {
  const Program asked = parsed(
      "machine release=6.1\n"
      "main = declare size=0x800000 order_per_bit=3\n"
      "high = declare base=0x4000000 size=0x800000 fixed\n"
      "cma_alloc high pages=1\n"
      "cma_alloc main pages=4\n");
  const auto demands = demands_of(asked, {});
  ASSERT_TRUE(demands.has_value());
  ASSERT_EQ(demands->size(), 2U);
  for (const Demand& demand : *demands) {
    EXPECT_EQ(demand.base.has_value(), demand.area == "high");
    EXPECT_EQ(demand.order_per_bit, demand.area == "high" ? 0U : 3U);
    EXPECT_EQ(demand.requests[0].line, 0);
  }
}

TEST(ProgramDemand, IsRefusedWhereThereIsNone) {
  const auto none = demands_of(parsed("machine small release=6.1\ndrain\n"), {});
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().reason, HasSubstr("asks no area for pages"));
  const std::vector<int> lines = {2};
  const auto empty = demands_of(parsed("machine small release=6.1\ncma_alloc a pages=0\n"), lines);
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().line, 2);
}

TEST(ProgramDemand, AddressesAreOfPagesOfTheMachinesSize) {
  const auto demands = demands_of(parsed("machine release=6.1 page_size=65536 pages=0x40000\n"
                                         "declare main base=0x40000000 size=0x20000000 fixed\nactivate\n"
                                         "b = cma_alloc main pages=4\n"),
                                  {});
  ASSERT_TRUE(demands.has_value()) << demands.error().reason;
  EXPECT_EQ(demands->front().base, 0x4000U);
}

}  // namespace
}  // namespace cma::sizing
