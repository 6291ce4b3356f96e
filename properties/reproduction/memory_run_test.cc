// Machines made from memory reports refuse the requests that the logs have, and print the same figures.

#include "properties/reproduction/memory_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/field_log_testing.h"
#include "properties/reproduction/memory_log_testing.h"

namespace cma::reproduction {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MemoryRun run_of(std::string_view log, Release release = Release::v6_1) {
  return run_memory_report(logs::read_log(logs::text_source(log)), release);
}

std::string differences(const MemoryRun& run) {
  std::string text;
  for (const ComparedFigure& figure : run.different)
    text += figure.what + ": " + figure.of_log + " | " + figure.of_program + "\n";
  return text;
}

TEST(MemoryRun, AMachineInPiecesRefusesABlockAsTheLogDoes) {
  const MemoryRun run = run_of(kMemoryInPieces);
  EXPECT_EQ(run.failed, "");
  EXPECT_THAT(run.program.left_out, IsEmpty());
  EXPECT_TRUE(run.refused);
  EXPECT_GE(run.figures, 7U);
  // What compaction took it gives back to the lists of a CPU, which the kernel does not count as free.
  for (const ComparedFigure& figure : run.different)
    EXPECT_THAT(figure.what, AnyOf("zone Normal: free", "zone Normal: free blocks by order"));
  EXPECT_THAT(memory_agreement_text(run), HasSubstr("its request fails as in the log, and"));
}

TEST(MemoryRun, ABoostedMinRefusesAPageAsInTheField) {
  const std::string log = logs::field_log("oom-boosted.txt");
  const MemoryRun run = run_of(log);
  EXPECT_EQ(run.failed, "") << run.program.text;
  EXPECT_TRUE(run.refused);
  EXPECT_GE(run.figures, 7U);
  EXPECT_EQ(differences(run), "");
}

TEST(MemoryRun, AMinThatIsTooLargeRefusesAPageAsInTheField) {
  const std::string log = logs::field_log("min-free-too-large.txt");
  const MemoryRun run = run_of(log);
  EXPECT_EQ(run.failed, "") << run.program.text;
  EXPECT_TRUE(run.refused);
  EXPECT_EQ(differences(run), "");
}

TEST(MemoryRun, WhatAProgramCannotShowIsLeftOut) {
  const MemoryRun cut = run_of(
      "a: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL)\n"
      "Normal free:4096kB min:1024kB low:1280kB high:1536kB active_anon:0kB\n");
  EXPECT_EQ(cut.program.text, "");
  EXPECT_THAT(cut.program.left_out, ElementsAre(HasSubstr("the report does not have all of its zones")));
  EXPECT_EQ(run_of("cma: cma_alloc: alloc failed, req-size: 1 pages, ret: -12\n").line, 0U);
}

TEST(MemoryRun, AFigureThatDiffersIsNamed) {
  std::string log = kMemoryInPieces;
  log.replace(log.find("low:1280kB"), 10, "low:1300kB");
  const MemoryRun run = run_of(log);
  EXPECT_THAT(differences(run), HasSubstr("zone Normal: low: 1300 kB | 1280 kB\n"));
  EXPECT_THAT(memory_agreement_text(run), Not(HasSubstr("all ")));
}

TEST(MemoryRun, AZoneThatTheModelsReportLacksIsNamed) {
  const MemoryRun run = run_of(
      "Linux version 6.1.0\n"
      "a: page allocation failure: order:4, mode:0xcc4(GFP_DMA32|GFP_KERNEL), nodemask=(null)\n"
      "DMA32 free:4096kB boost:0kB min:1024kB low:1280kB high:1536kB reserved_highatomic:0KB present:65536kB "
      "managed:61440kB free_cma:0kB\n"
      "lowmem_reserve[]: 0 0\n"
      "DMA32: 512*4kB (UM) 256*8kB (UM) 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB 0*4096kB = "
      "4096kB\n"
      "Normal free:40960kB boost:0kB min:1024kB low:1280kB high:1536kB reserved_highatomic:0KB present:65536kB "
      "managed:61440kB free_cma:0kB\n"
      "lowmem_reserve[]: 0 0\n");
  EXPECT_EQ(run.failed, "");
  EXPECT_TRUE(run.refused);
  EXPECT_THAT(run.not_printed, ElementsAre("Normal"));
  EXPECT_THAT(memory_agreement_text(run), HasSubstr("; 1 zone of the log it does not print"));
  EXPECT_THAT(memory_agreement_text(run), Not(HasSubstr("all ")));
}

TEST(MemoryRun, ARequestThatSucceedsIsUnlikeTheLog) {
  std::string log = kMemoryInPieces;
  log.replace(log.find("order:4"), 7, "order:0");
  const MemoryRun run = run_of(log);
  EXPECT_FALSE(run.refused);
  EXPECT_EQ(memory_agreement_text(run), "its request succeeds, unlike that of the log: its lines do not tell enough");
}

TEST(MemoryRun, MachinesOfSeveralNodesOrAreasAreLeftOut) {
  const std::string head = "a: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL)\n";
  const auto zone = [](const std::string& name, const std::string& of_areas) {
    return name +
           " free:40960kB boost:0kB min:1024kB low:1280kB high:1536kB present:65536kB managed:61440kB free_cma:" +
           of_areas + "kB\n";
  };
  EXPECT_THAT(run_of(head + zone("Node 0 Normal", "0") + zone("Node 1 Normal", "0")).program.left_out,
              ElementsAre(HasSubstr("there are several nodes")));
  EXPECT_THAT(run_of(head + zone("DMA", "4096") + zone("Normal", "4096")).program.left_out,
              ElementsAre(HasSubstr("several zones have areas")));
}

}  // namespace
}  // namespace cma::reproduction
