// Machines made from memory reports refuse the requests that the logs have, and print the same figures.

#include "properties/reproduction/memory_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "properties/logs/field_log_testing.h"

namespace cma::reproduction {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

MemoryRun run_of(std::string_view log, Release release = Release::v6_1) {
  return run_memory_report(logs::read_log(logs::text_source(log)), release);
}

std::string differences(const MemoryRun& run) {
  std::string text;
  for (const ComparedFigure& figure : run.different)
    text += figure.what + ": " + figure.of_log + " | " + figure.of_program + "\n";
  return text;
}

bool memory_helps(const std::vector<Remedy>& remedies, const std::string& what) {
  const auto found = std::ranges::find_if(remedies, [&](const Remedy& one) { return one.what.starts_with(what); });
  EXPECT_NE(found, remedies.end()) << what;
  return found != remedies.end() && found->helps;
}

// 64 MiB, of which half a MiB is free in pages and blocks of two pages.
constexpr const char* kMemoryInPieces =
    "a: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null)\n"
    "Normal free:4096kB boost:0kB min:1024kB low:1280kB high:1536kB reserved_highatomic:0KB present:65536kB "
    "managed:61440kB free_cma:0kB\n"
    "lowmem_reserve[]: 0 0\n"
    "Normal: 512*4kB (UM) 256*8kB (UM) 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = "
    "4096kB\n";

TEST(MemoryRun, AMachineInPiecesRefusesABlockAsTheLogDoes) {
  const MemoryRun run = run_of(kMemoryInPieces);
  EXPECT_EQ(run.failed, "");
  EXPECT_THAT(run.program.left_out, IsEmpty());
  EXPECT_TRUE(run.refused);
  EXPECT_GE(run.figures, 7U);
  // What compaction took it gives back to the lists of a CPU, which the kernel does not count as free.
  for (const ComparedFigure& figure : run.different) EXPECT_THAT(figure.what, HasSubstr("zone Normal: free"));
  EXPECT_THAT(memory_agreement_text(run), HasSubstr("its request fails as in the log, and"));
}

TEST(MemoryRun, OfAMachineInPiecesSmallerBlocksAreHad) {
  const logs::LogFacts facts = logs::read_log(logs::text_source(kMemoryInPieces));
  const auto remedies = try_memory_remedies(facts, run_memory_report(facts, Release::v6_1), Release::v6_1);
  EXPECT_FALSE(memory_helps(remedies, "a request of order 2"));
  EXPECT_TRUE(memory_helps(remedies, "a request of order 1"));
}

TEST(MemoryRun, ABoostedMinRefusesAPageAsInTheField) {
  const std::string log = logs::field_log("oom-boosted.txt");
  const MemoryRun run = run_of(log);
  EXPECT_EQ(run.failed, "") << run.program.text;
  EXPECT_TRUE(run.refused);
  EXPECT_GE(run.figures, 7U);
  EXPECT_EQ(differences(run), "");
}

TEST(MemoryRun, OfABoostedMinItsRemediesAreTried) {
  const std::string log = logs::field_log("oom-boosted.txt");
  const logs::LogFacts facts = logs::read_log(logs::text_source(log));
  const auto remedies = try_memory_remedies(facts, run_memory_report(facts, Release::v6_1), Release::v6_1);
  EXPECT_TRUE(memory_helps(remedies, "vm.watermark_boost_factor=0"));
  EXPECT_TRUE(memory_helps(remedies, "an area of half the size"));
}

TEST(MemoryRun, AMinThatIsTooLargeRefusesAPageAsInTheField) {
  const std::string log = logs::field_log("min-free-too-large.txt");
  const logs::LogFacts facts = logs::read_log(logs::text_source(log));
  const MemoryRun run = run_memory_report(facts, Release::v6_1);
  EXPECT_EQ(run.failed, "") << run.program.text;
  EXPECT_TRUE(run.refused);
  EXPECT_EQ(differences(run), "");
  EXPECT_TRUE(memory_helps(try_memory_remedies(facts, run, Release::v6_1), "vm.min_free_kbytes="));
}

TEST(MemoryRun, WhatAProgramCannotShowIsLeftOut) {
  const MemoryRun cut = run_of(
      "a: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL)\n"
      "Normal free:4096kB min:1024kB low:1280kB high:1536kB active_anon:0kB\n");
  EXPECT_EQ(cut.program.text, "");
  EXPECT_THAT(cut.program.left_out, testing::ElementsAre(HasSubstr("the report does not have all of its zones")));
  EXPECT_EQ(run_of("cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -12\n").line, 0U);
}

}  // namespace
}  // namespace cma::reproduction
