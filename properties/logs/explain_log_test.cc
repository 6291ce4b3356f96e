// What an answer may never do, whatever the log: crash, be long, name lines that are not there, depend on portions.

#include "properties/logs/explain_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace cma::logs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LogAnswer answer_to(std::string_view log, bool redact = false) { return explain_log(text_source(log), {redact}); }
std::string text_of(std::string_view log, bool redact = false) { return answer_text(answer_to(log, redact), "log"); }

// Returns the logs of corpus/logs, in order of their names.
std::vector<std::string> corpus_logs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("corpus/logs"))
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> logs;
  for (const auto& path : paths) {
    std::ifstream file(path);
    logs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return logs;
}

void expect_sound(const LogAnswer& answer) {
  EXPECT_GE(answer.brief.size(), 1U);
  EXPECT_LE(answer.brief.size(), 3U);
  for (const Section& section : answer.sections)
    for (const Statement& statement : section.statements)
      for (const std::uint64_t line : statement.lines) EXPECT_LE(line, answer.lines) << statement.text;
}

TEST(ExplainLog, OfNothingSaysNotEnough) {
  for (const char* log : {"", "\n", "hello\nworld\n"}) {
    const LogAnswer answer = answer_to(log);
    ASSERT_EQ(answer.brief.size(), 1U);
    EXPECT_THAT(answer.brief[0], HasSubstr("Not enough"));
    EXPECT_FALSE(answer.collect.empty());
  }
}

TEST(ExplainLog, BearsALogThatIsCutAnywhere) {
  for (const std::string& log : corpus_logs())
    for (std::size_t at = 0; at < log.size(); at += 7) expect_sound(answer_to(std::string_view(log).substr(0, at)));
}

TEST(ExplainLog, BearsALogOfWhichAByteIsDamaged) {
  for (std::string log : corpus_logs())
    for (std::size_t at = 0; at < log.size(); at += 11) {
      const char was = log[at];
      log[at] = static_cast<char>(at * 37 % 256);
      expect_sound(answer_to(log));
      log[at] = was;
    }
}

TEST(ExplainLog, BearsNumbersThatAreTooLarge) {
  const char* logs[] = {
      "alloc_contig_range: [ffffffffffffffff, ffffffffffffffff) PFNs busy\n",
      "alloc_contig_range: [0, ffffffffffffffff) PFNs busy\n",
      "alloc_contig_range: [10, 5) PFNs busy\n",
      "cma: cma_alloc: alloc failed, req-size: 18446744073709551615 pages, ret: -9223372036854775808\n",
      "cma: cma_alloc: alloc failed, req-size: 0 pages, ret: 0\n",
      "cma_alloc_busy_retry: name=a pfn=ffffffffffffffff page=0 count=18446744073709551615 align=4294967295\n",
      "cma: Reserved 18446744073709551615 MiB at 0xffffffffffffffff\n",
      "cma: Region at 0xffffffffffffffff must be aligned to 0x0 bytes\n",
      "DMA free:18446744073709551615kB min:18446744073709551615kB low:1kB high:0kB managed:1kB\n",
      "x: page allocation failure: order:4294967295, mode:0xffffffffffffffff(x)\n",
      "DMA: 18446744073709551615*4kB (U) 18446744073709551615*8kB (U) = 1kB\n",
  };
  for (const char* log : logs) expect_sound(answer_to(log));
}

TEST(ExplainLog, DoesNotDependOnHowTheLogIsRead) {
  for (const std::string& log : corpus_logs()) {
    const std::string whole = text_of(log);
    std::string_view rest = log;
    const LogAnswer portions = explain_log([&](char* buffer, std::size_t size) {
      const std::size_t taken = std::min({std::size_t{3}, size, rest.size()});
      std::copy_n(rest.data(), taken, buffer);
      rest.remove_prefix(taken);
      return taken;
    });
    EXPECT_EQ(answer_text(portions, "log"), whole);
  }
}

TEST(ExplainLog, DoesNotDependOnLineEnds) {
  for (const std::string& log : corpus_logs()) {
    std::string other;
    for (const char c : log) other += c == '\n' ? std::string("\r\n") : std::string(1, c);
    EXPECT_EQ(text_of(other), text_of(log));
  }
}

TEST(ExplainLog, DoesNotDependOnUnrelatedLinesBetween) {
  for (const std::string& log : corpus_logs()) {
    std::string other;
    for (const char c : log)
      other += c == '\n' ? std::string("\n[    9.000000] usb 1-1: new device\n") : std::string(1, c);
    EXPECT_EQ(answer_to(other).brief, answer_to(log).brief) << log;
  }
}

TEST(ExplainLog, RedactedNamesNothing) {
  const std::string text = text_of(
      "[    1.000000] (2)[2074:secretcamera] alloc_contig_range: [8fa00, 8ff00) PFNs busy\n"
      "[    1.000100] (2)[2074:secretcamera] cma: cma_alloc: secretarea: alloc failed, req-size: 1280 pages, ret: -16\n"
      "secrettask: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)\n",
      true);
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_THAT(text, Not(HasSubstr("8fa00")));
  EXPECT_THAT(text, HasSubstr("area-1"));
}

TEST(ExplainLog, KnowsFromFreeRunsWhetherTheAreaHadRoom) {
  const std::string failed = "cma: __cma_alloc: linux,cma: alloc failed, req-size: 256 pages, ret: -16\n";
  const std::string pieces = "cma: number of available pages: range 0: 4@572+127@1921=> 131 free of 2048 total pages\n";
  const std::string askew = "cma: number of available pages: range 0: +300@100=> 300 free of 2048 total pages\n";
  const std::string room = "cma: number of available pages: range 0: 300@1024=> 300 free of 2048 total pages\n";
  EXPECT_EQ(answer_to(failed + pieces).requests[0].culprit, Culprit::no_room);
  EXPECT_EQ(answer_to(failed + askew).requests[0].culprit, Culprit::no_room);
  EXPECT_EQ(answer_to(failed + room).requests[0].culprit, Culprit::page_in_the_way);
}

TEST(ExplainLog, SaysThatAControlGroupRanOutOfMemory) {
  const std::string text = text_of(
      "[   10.000000] a invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
      "[   10.100000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0\n");
  EXPECT_THAT(text, HasSubstr("A control group reached its limit"));
}

TEST(ExplainLog, TakesADriversLineForTheEndOfItsRequest) {
  const LogAnswer answer = answer_to(
      "[    1.000000] alloc_contig_range: [2f100, 2f20a) PFNs busy\n"
      "[    1.000100] vc4-drm soc:gpu: failed to allocate buffer with size 1089536\n");
  EXPECT_THAT(answer.brief[0], HasSubstr("probably 266 pages (1.0 MiB) failed"));
}

TEST(ExplainLog, CountsRequestsThatFailedAlikeTogether) {
  std::string log;
  for (int i = 0; i < 1000; ++i) log += "cma: cma_alloc: alloc failed, req-size: 512 pages, ret: -12\n";
  const LogAnswer answer = answer_to(log);
  ASSERT_EQ(answer.requests.size(), 1U);
  EXPECT_EQ(answer.requests[0].count, 1000U);
}

TEST(ExplainLog, ReadsTheErrorAsItsVersionMeansIt) {
  const std::string busy = "alloc failed, req-size: 512 pages, ret: -16\n";
  EXPECT_EQ(answer_to("cma: cma_alloc: " + busy).requests[0].culprit, Culprit::page_in_the_way);
  EXPECT_EQ(answer_to("Linux version 6.18.2\ncma: __cma_alloc: linux,cma: " + busy).requests[0].culprit,
            Culprit::no_room_or_page);
  EXPECT_EQ(answer_to("cma: __cma_alloc_frozen: linux,cma: " + busy).requests[0].culprit, Culprit::no_room_or_page);
  EXPECT_EQ(answer_to("Linux version 6.12.1\ncma: __cma_alloc: linux,cma: " + busy).requests[0].culprit,
            Culprit::page_in_the_way);
  EXPECT_EQ(answer_to("cma: __cma_alloc: linux,cma: " + busy).requests[0].culprit, Culprit::no_room_or_page);
}

}  // namespace
}  // namespace cma::logs
