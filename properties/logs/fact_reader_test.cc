#include "properties/logs/fact_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cma::logs {
namespace {

std::vector<Fact> facts_of(std::string_view log) {
  FactReader reader(text_source(log));
  std::vector<Fact> facts;
  Fact fact;
  while (reader.next(fact)) facts.push_back(fact);
  return facts;
}

constexpr const char* kBusy = "alloc_contig_range: [8fa00, 8ff00) PFNs busy";

TEST(FactReader, FindsALineAfterAnyPrefix) {
  const char* prefixes[] = {"",
                            "[  224.202345] ",
                            "<6>[ 3371.081458] ",
                            "May 16 12:34:56 host kernel: ",
                            "2019-05-12T12:34:56,789012+00:00 host kernel: ",
                            "11-29 12:34:56.789  1234  5678 I kernel  : ",
                            "[  224.202345] I .(1)[2074:media]",
                            "> > [  224.202345] ",
                            "\x1b[32m[  224.202345]\x1b[0m ",
                            "ttyUSB0: [12:34:56] "};
  for (const std::string prefix : prefixes) {
    for (const std::string end : {"", "\n", "\r\n", " \r\n"}) {
      const auto facts = facts_of("x\n" + prefix + kBusy + end);
      ASSERT_EQ(facts.size(), 1U) << prefix;
      EXPECT_EQ(facts[0].says(), Says::window_busy) << prefix;
      EXPECT_EQ(facts[0].line, 2U) << prefix;
      EXPECT_EQ(facts[0].number("start"), 0x8fa00U) << prefix;
      EXPECT_EQ(facts[0].number("end"), 0x8ff00U) << prefix;
    }
  }
}

TEST(FactReader, JoinsALineThatWasBroken) {
  const std::string line = std::string("[    1.000000] ") + kBusy;
  // Broken at each place behind the first letters, once.
  for (std::size_t at = 40; at < line.size(); ++at) {
    const auto facts = facts_of(line.substr(0, at) + "\n" + line.substr(at) + "\n");
    ASSERT_EQ(facts.size(), 1U) << at;
    EXPECT_EQ(facts[0].number("end"), 0x8ff00U) << at;
    EXPECT_EQ(facts[0].line, 1U) << at;
  }
}

TEST(FactReader, JoinsALineThatWasBrokenTwice) {
  const auto facts = facts_of("alloc_contig_range: [8fa00,\n> 8ff00)\n> PFNs busy\n");
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].number("end"), 0x8ff00U);
}

TEST(FactReader, JoinsALineThatAConsoleHasCutForAnother) {
  const auto facts = facts_of(
      "[   61.200300] alloc_contig_range: [3a1[   61.200310] usb 1-1: new device\n"
      "00, 3a8e9) PFNs busy\n");
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].number("start"), 0x3a100U);
  EXPECT_EQ(facts[0].origin.micros, 61'200'300);
}

TEST(FactReader, JoinsNoLinesOfTwoTimes) {
  EXPECT_TRUE(facts_of("[  1.000000] alloc_contig_range: [8fa00,\n[  2.000000]  8ff00) PFNs busy\n").empty());
}

TEST(FactReader, FindsTwoFactsInOneLine) {
  const auto facts = facts_of(std::string(kBusy) + std::string(kBusy) + "\n" + kBusy + "\n");
  ASSERT_EQ(facts.size(), 3U);
  EXPECT_EQ(facts[1].line, 1U);
  EXPECT_EQ(facts[2].line, 2U);
}

TEST(FactReader, TakesNoWordsThatOnlyEndSo) {
  EXPECT_TRUE(facts_of("mycma_alloc: alloc failed, req-size: 1 pages, ret: -12").empty());
  EXPECT_EQ(facts_of("__cma_alloc: linux,cma: alloc failed, req-size: 1 pages, ret: -12").size(), 1U);
}

TEST(FactReader, ReadsAnAreasNameWithItsNewline) {
  const auto facts = facts_of("cma: CMA area cma0\n could not be activated\n");
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].says(), Says::area_inactive);
}

}  // namespace
}  // namespace cma::logs
