#include "properties/reproduction/remedies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "properties/logs/field_log_testing.h"

namespace cma::reproduction {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;

Remedies remedies_for(std::string_view log) {
  const logs::LogFacts facts = logs::read_log(logs::text_source(log));
  return try_remedies(facts, reproduce(facts));
}

// Returns whether the remedy that begins so helps. Fails the test if it was not tried.
bool helps(const Remedies& remedies, const std::string& what) {
  const auto tried =
      std::ranges::find_if(remedies.tried, [&](const Remedy& remedy) { return remedy.what.starts_with(what); });
  EXPECT_NE(tried, remedies.tried.end()) << what;
  return tried != remedies.tried.end() && tried->helps;
}

constexpr const char* kBusy =
    "alloc_contig_range: [2f100, 2f20a) PFNs busy\n"
    "alloc_contig_range: [2f200, 2f30a) PFNs busy\n"
    "cma: cma_alloc: alloc failed, req-size: 266 pages, ret: -16\n";

// 1792 pages in a row are free, from page 300 on, in an area of 4096.
constexpr const char* kPieces =
    "cma: cma_alloc: alloc failed, req-size: 1900 pages, ret: -12\n"
    "cma: number of available pages: 40@10+1792@300+16@4000=> 1848 free of 4096 total pages\n";

TEST(Remedies, OfPagesInTheWayAreThatTheyGoOrThatThereIsMoreRoom) {
  const Remedies remedies = remedies_for(kBusy);
  EXPECT_EQ(remedies.line, 1U);
  EXPECT_EQ(remedies.pages, 266U);
  EXPECT_FALSE(helps(remedies, "another attempt, while nothing else changes"));
  EXPECT_TRUE(helps(remedies, "another attempt, after the pages in the way were let go"));
  EXPECT_TRUE(helps(remedies, "an area that is larger by 1024 pages"));
  EXPECT_FALSE(helps(remedies, "6.12, in the same state"));
}

TEST(Remedies, OfAnAreaInPiecesAreAnotherAlignmentFewerPagesOrMoreRoom) {
  const Remedies remedies = remedies_for(kPieces);
  EXPECT_EQ(remedies.pages, 1900U);
  EXPECT_FALSE(helps(remedies, "another attempt, while nothing else changes"));
  EXPECT_FALSE(helps(remedies, "the same pages at any page"));
  EXPECT_TRUE(helps(remedies, "an area that is larger by"));
  // From page 512 on, the first multiple of 256 in the run.
  EXPECT_EQ(remedies.most_pages, 1792U - (512 - 300));
}

TEST(Remedies, AFinerAlignmentHelpsWhereTheRunIsLongEnough) {
  std::string log = kPieces;
  log.replace(log.find("1900"), 4, "1700");
  EXPECT_TRUE(helps(remedies_for(log), "the same pages at any page"));
}

TEST(Remedies, AreNotTriedWhereTheStateIsNotKnown) {
  const Remedies remedies = remedies_for("cma: cma_alloc: alloc failed, req-size: 1024 pages, ret: -12\n");
  EXPECT_EQ(remedies.line, 0U);
  EXPECT_THAT(remedies.tried, IsEmpty());
  EXPECT_THAT(remedies_section(remedies).statements, IsEmpty());
}

TEST(Remedies, OfAreasThatBootRefusedAreASizeThatFitsOrNoPlace) {
  const Remedies boundary = remedies_for(logs::field_log("lowmem-boundary.txt"));
  EXPECT_NE(boundary.line, 0U);
  EXPECT_TRUE(helps(boundary, "the size or the base that is said to fit"));
  EXPECT_TRUE(helps(boundary, "the same size without a fixed place"));
  const Remedies limit = remedies_for(
      "Linux version 6.1.0\n"
      "cma: Size (0x0000000040000000) of region at 0x0000000060000000 exceeds limit (0x0000000080000000)\n"
      "cma: Failed to reserve 1024 MiB\n");
  EXPECT_TRUE(helps(limit, "the size or the base that is said to fit"));
  const Remedies unaligned = remedies_for(
      "Linux version 6.1.0\n"
      "cma: Region at 0x0000000010100000 must be aligned to 0x0000000000200000 bytes\n"
      "cma: Failed to reserve 64 MiB\n");
  EXPECT_TRUE(helps(unaligned, "the size or the base that is said to fit"));
}

TEST(Remedies, OnlyFit) {
  for (const logs::Statement& statement : remedies_section(remedies_for(kBusy)).statements)
    EXPECT_EQ(statement.certainty, logs::Certainty::fits) << statement.text;
  EXPECT_THAT(remedies_section(remedies_for(kPieces)).statements.back().text,
              StartsWith("fewer pages: it would get 1580"));
}

TEST(Remedies, OfBootAreOfTheLineThatRefusesAnArea) {
  const Remedies remedies = remedies_for(
      "Linux version 6.1.0\n"
      "OF: fdt: Reserved memory: failed to reserve memory for node 'vpu@90000000': base 0x0000000090000000, size 16 "
      "MiB\n"
      "cma: Size (0x0000000040000000) of region at 0x0000000060000000 exceeds limit (0x0000000080000000)\n"
      "cma: Failed to reserve 1024 MiB\n");
  EXPECT_EQ(remedies.line, 3U);
}

TEST(Remedies, OfAnAreaLargerThanMemoryIsNoOtherPlace) {
  const Remedies remedies = remedies_for(
      "Linux version 6.1.0\n"
      "cma: Region at 0x0000000010000000 defined on low/high memory boundary (0x0000000020000000)\n"
      "cma: Failed to reserve 1024 MiB\n");
  EXPECT_TRUE(helps(remedies, "the size or the base that is said to fit"));
  EXPECT_FALSE(helps(remedies, "the same size without a fixed place"));
  EXPECT_THAT(remedies_section(remedies).statements.back().text, testing::HasSubstr("it is refused again"));
}

}  // namespace
}  // namespace cma::reproduction
