// Programs written from real logs, and from logs of the model, print what the logs have.

#include "properties/reproduction/reproduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/field_log_testing.h"
#include "properties/logs/known_log_testing.h"
#include "properties/program/text.h"

namespace cma::reproduction {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Reproduction reproduction_of(std::string_view log) { return reproduce(logs::read_log(logs::text_source(log))); }

struct FieldCase {
  const char* file;
  std::uint64_t lines;  // about areas, each of which the program prints
  std::uint64_t added;  // lines that the log lacks
};

TEST(Reproduce, PrintsTheLinesOfRealLogs) {
  const FieldCase cases[] = {
      {"camera-two-sweeps.txt", 5, 0},
      {"cma-parameter.txt", 1, 0},
      {"codec-full-area.txt", 3, 0},
      // The report leaves out the lines with which the requests return.
      {"encoder-debug-lines.txt", 11, 11},
      {"framebuffer-at-boot.txt", 1, 0},
      {"lowmem-boundary.txt", 2, 0},
      // Left out are the first line of the request, two windows, and its last line.
      {"media-swallowed-windows.txt", 15, 4},
      // The fifth request is traced without its line.
      {"media-traces.txt", 5, 1},
      // The kernel passed over pages of files without a line.
      {"one-page-busy.txt", 1, 1},
      {"one-window-each.txt", 5, 0},
      {"outer-starts.txt", 11, 0},
      {"region-unaligned.txt", 1, 0},
      {"sweep-to-the-end.txt", 14, 0},
  };
  for (const FieldCase& one : cases) {
    const Reproduction reproduction = reproduction_of(logs::field_log(one.file));
    EXPECT_EQ(reproduction.failed, "") << one.file;
    EXPECT_EQ(reproduction.lines.size(), one.lines) << one.file;
    EXPECT_TRUE(reproduction.complete()) << one.file;
    EXPECT_EQ(reproduction.added_count, one.added) << one.file << ": " << reproduction.added.front();
  }
}

TEST(Reproduce, FindsNothingToDoInLogsWithoutRequests) {
  for (const char* file : {"two-halves.txt", "vmalloc-zero-bytes.txt", "order-8-dma.txt"}) {
    const Reproduction reproduction = reproduction_of(logs::field_log(file));
    EXPECT_EQ(reproduction.program.text, "") << file;
    EXPECT_FALSE(reproduction.complete()) << file;
  }
}

TEST(Reproduce, ShowsARequestForPagesOfALogWithoutRequestsToAreas) {
  const Reproduction reproduction = reproduction_of(logs::field_log("oom-boosted.txt"));
  ASSERT_TRUE(reproduction.memory);
  EXPECT_TRUE(parse(program_file(reproduction)));
  EXPECT_THAT(reproduction_section(reproduction, "a.cma").statements.front().text,
              HasSubstr("its request fails as in the log, and all 8 figures of zones agree"));
}

TEST(Reproduce, WritesAFileThatIsAProgram) {
  const Reproduction reproduction = reproduction_of(logs::field_log("outer-starts.txt"));
  const std::string file = program_file(reproduction);
  EXPECT_TRUE(parse(file));
  EXPECT_THAT(file, HasSubstr("prints all of the log's 11 lines about areas"));
  EXPECT_THAT(file, HasSubstr("# Assumed: an earlier request had 14 busy windows, of which the last 4 have no line."));
}

TEST(Reproduce, SaysWhichLinesItDoesNotPrint) {
  const Reproduction reproduction = reproduction_of(
      "alloc_contig_range: [5c00, 5e00) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 512 pages, ret: -4\n");
  EXPECT_FALSE(reproduction.complete());
  EXPECT_THAT(reproduction_section(reproduction, "a.cma").statements.front().text, HasSubstr("none: "));
  EXPECT_THAT(reproduction.program.left_out, testing::ElementsAre(HasSubstr("a program has no cause for its error")));
}

TEST(Reproduce, ProgramsForLogsOfTheModelCanBeRun) {
  std::uint64_t lines = 0;
  std::uint64_t printed = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Reproduction reproduction = reproduction_of(logs::known_log(seed).text);
    EXPECT_THAT(reproduction.failed, IsEmpty()) << seed;
    lines += reproduction.lines.size();
    printed += reproduction.printed;
  }
  // Requests that get into each other's way, and lines that were lost, leave some that no program of this form prints.
  EXPECT_GE(printed * 100, lines * 85) << printed << " of " << lines;
}

// Expects a program that prints all five lines. Besides them it prints the one that such a release always does.
void expect_all_five_printed(const Reproduction& reproduction) {
  EXPECT_EQ(reproduction.lines.size(), 5U);
  EXPECT_TRUE(reproduction.complete()) << reproduction.program.text;
  EXPECT_THAT(reproduction.added, testing::ElementsAre(HasSubstr("number of available pages")));
}

// Of a window whose pages cannot be moved such a release says nothing but that it tries the next.
TEST(Reproduce, MakesAsManyWindowsAsThereAreLinesOfRetries) {
  const Reproduction reproduction = reproduction_of(
      "Linux version 3.6.0\n"
      "cma: dma_alloc_from_contiguous(cma ffff88003e000000, count 1200, align 2)\n"
      "cma: dma_alloc_from_contiguous(): memory range at ffffea0000259700 is busy, retrying\n"
      "cma: dma_alloc_from_contiguous(): memory range at ffffea0000259800 is busy, retrying\n"
      "cma: dma_alloc_from_contiguous(): memory range at ffffea0000259900 is busy, retrying\n"
      "cma: cma_alloc: alloc failed, req-size: 1200 pages, ret: -16\n");
  expect_all_five_printed(reproduction);
}

TEST(Reproduce, BuffersWhosePlaceIsNotToldDoNotHinderLaterRequests) {
  const Reproduction reproduction = reproduction_of(
      "Linux version 3.6.0\n"
      "cma: dma_alloc_from_contiguous(cma ffff88003e000000, count 512, align 8)\n"
      "cma: dma_alloc_from_contiguous(): returned ffffea00001d0000\n"
      "cma: dma_alloc_from_contiguous(cma ffff88003e000000, count 1200, align 2)\n"
      "cma: dma_alloc_from_contiguous(): memory range at ffffea0000259700 is busy, retrying\n"
      "cma: cma_alloc: alloc failed, req-size: 1200 pages, ret: -16\n");
  expect_all_five_printed(reproduction);
}

TEST(Reproduce, SaysWhyARequestForPagesCouldNotBeShown) {
  const Reproduction reproduction = reproduction_of(
      "a: page allocation failure: order:40, mode:0xcc0(GFP_KERNEL)\n"
      "Normal free:4096kB boost:0kB min:1024kB low:1280kB high:1536kB present:65536kB managed:61440kB free_cma:0kB\n");
  EXPECT_FALSE(reproduction.memory);
  EXPECT_THAT(reproduction.program.left_out,
              testing::ElementsAre(HasSubstr("the request for pages of line 1: its program could not be run: ")));
  EXPECT_THAT(reproduction_section(reproduction, "a.cma").statements.front().text,
              testing::Not(HasSubstr("the log has no request")));
}

TEST(Reproduce, AnAtomicRequestWhoseReportIsLaterSucceedsOnItsMachine) {
  const Reproduction reproduction = reproduction_of(logs::field_log("wifi-atomic-order-3.txt"));
  ASSERT_TRUE(reproduction.memory);
  EXPECT_FALSE(reproduction.memory->refused);
  EXPECT_THAT(reproduction_section(reproduction, "a.cma").statements.front().text,
              HasSubstr("its request succeeds, unlike that of the log"));
}

}  // namespace
}  // namespace cma::reproduction
