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

TEST(ExplainLog, RedactedNamesNothingOfAnySortOfLine) {
  const std::string log =
      "Linux version 6.1.55-secret (build@secrethost) #1 SMP\n"
      "OF: reserved mem: OVERLAP DETECTED!\n"
      "secret,cma (0x0000000038000000--0x0000000040000000) overlaps with secret@37000000 "
      "(0x0000000037000000--0x0000000038100000)\n"
      "OF: fdt: Reserved memory: failed to reserve memory for node 'secret@90000000': base 0x0000000090000000, size 16 "
      "MiB\n"
      "cma: Size (0x0000000040000000) of region at 0x0000000060000000 exceeds limit (0x0000000035000000)\n"
      "Kernel command line: root=/dev/secret cma=64M@0x36000000\n"
      "  secret-77    [001] .....   300.000001: mm_page_alloc: page=00000000a1b2c3d4 pfn=0x3c120 order=1 migratetype=1 "
      "gfp_flags=GFP_USER|__GFP_MOVABLE\n"
      "  secret-1402 [002] .....   310.221001: cma_alloc_start: name=secretarea count=1013 align=8\n"
      "  secret-1402 [002] .....   310.221700: test_pages_isolated: start_pfn=0x3c000 end_pfn=0x3c3f5 fin_pfn=0x3c121 "
      "ret=fail\n"
      "  secret-1402 [002] .....   310.223705: cma_alloc_finish: name=secretarea pfn=0x3c200 page=00000000c0ffee00 "
      "count=1013 align=8\n"
      "page:00000000c4c1b0aa refcount:3 mapcount:1 mapping:000000005f1a2b3c index:0x7f3a2 pfn:0x9a123\n"
      "page dumped because: migration failure\n"
      "page last allocated via order 0, migratetype Movable, gfp_mask 0xcc0(GFP_KERNEL), pid 2144, tgid 2144 "
      "(secretcamera), ts 488\n"
      "secrettask invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
      "Killed process 321 (secretd) total-vm:500000kB\n"
      "/sys/kernel/debug/cma/cma-secret/base_pfn:360448\n"
      "/sys/kernel/debug/cma/cma-secret/count:163840\n";
  const std::string open = text_of(log);
  const std::string redacted = text_of(log, true);
  EXPECT_THAT(redacted, Not(HasSubstr("secret")));
  for (const char* word : {"3c121", "9a123", "38000000", "37000000", "60000000", "35000000", "0x58000", "pid 2144",
                           "secret-77", "secretd", "secretarea", "64M@0x36000000"}) {
    EXPECT_THAT(open, HasSubstr(word));
    EXPECT_THAT(redacted, Not(HasSubstr(word)));
  }
  EXPECT_THAT(redacted, HasSubstr("the kernel killed task-"));
}

TEST(ExplainLog, RedactedRegionsThatOverlapCountFromTheLowerOne) {
  const std::string text = text_of(
      "OF: reserved mem: OVERLAP DETECTED!\n"
      "linux,cma (0x0000000038000000--0x0000000040000000) overlaps with ramoops@37000000 "
      "(0x0000000037000000--0x0000000038100000)\n",
      true);
  EXPECT_THAT(text, HasSubstr("0x1000000 to 0x9000000 and 0x0 to 0x1100000 have memory in common"));
}

TEST(ExplainLog, SaysOnceWhatElseFailed) {
  const std::string log =
      "cma: cma_alloc: alloc failed, req-size: 16 pages, ret: -12\n"
      "cma: cma_alloc: alloc failed, req-size: 32 pages, ret: -12\n"
      "cma: cma_alloc: alloc failed, req-size: 64 pages, ret: -12\n"
      "b: page allocation failure: order:3, mode:0xcc0(GFP_KERNEL)\n";
  EXPECT_THAT(answer_to(log).brief[0],
              HasSubstr("failed with -12. Besides: 2 other requests failed. A request for 8 pages (32 KiB) in a row"));
}

TEST(ExplainLog, CountsLinesOfFailuresThatWereSwallowed) {
  const std::string failed = "cma: cma_alloc: linux,cma: alloc failed, req-size: 16 pages, ret: -12\n";
  EXPECT_THAT(text_of(failed + "cma_alloc: 1 callbacks suppressed\n"), HasSubstr("1 more line of failures was"));
  const std::string several =
      text_of(failed + "cma_alloc: 1 callbacks suppressed\ncma_alloc: 3 callbacks suppressed\n");
  EXPECT_THAT(several, HasSubstr("4 more lines of failures were swallowed"));
  EXPECT_THAT(several, HasSubstr("4 lines about requests that failed were swallowed"));
}

TEST(ExplainLog, KnowsOfARequestThatIsLargerThanItsArea) {
  const std::string area = "Memory: 940000K/1048576K available (43040K reserved, 16384K cma-reserved)\n";
  const std::string failed = "cma: cma_alloc: alloc failed, req-size: ";
  EXPECT_THAT(text_of("Linux version 5.10.0\n" + area + failed + "4097 pages, ret: -12\n"),
              HasSubstr("larger than its area: it can never succeed"));
  EXPECT_THAT(text_of("Linux version 5.10.0\n" + area + failed + "4096 pages, ret: -12\n"),
              Not(HasSubstr("larger than its area")));
}

TEST(ExplainLog, HasTheLineOfTheNumberOfPages) {
  const std::string text = text_of(
      "Linux version 5.10.0\n"
      "4096 pages cma reserved\n"
      "CmaTotal:       16384 kB\n"
      "cma: cma_alloc: linux,cma: alloc failed, req-size: 9000 pages, ret: -12\n");
  EXPECT_THAT(text, HasSubstr("all areas together have 4096 pages (16 MiB): it can never fit"));
  EXPECT_THAT(text, HasSubstr("(lines 2, 4)"));
}

TEST(ExplainLog, TakesBuffersOfAnAreaForNoGiganticPages) {
  const std::string windows =
      "alloc_contig_range: [40000, 42000) PFNs busy\n"
      "alloc_contig_range: [44000, 46000) PFNs busy\n"
      "alloc_contig_range: [48000, 4a000) PFNs busy\n";
  EXPECT_THAT(text_of(windows), HasSubstr("as gigantic pages do"));
  EXPECT_THAT(text_of(windows + "cma: cma_alloc: alloc failed, req-size: 8192 pages, ret: -16\n"),
              Not(HasSubstr("gigantic")));
}

TEST(ExplainLog, SaysNothingOfWindowsBehindTheLastWhereTheSweepEnded) {
  const std::string area = "Linux version 5.10.0\ncma: Reserved 32 MiB at 0x000000003e000000\n";
  const std::string windows = "alloc_contig_range: [3e100, 3e1fe) PFNs busy\n";
  const std::string failed = "cma: cma_alloc: alloc failed, req-size: 254 pages, ret: ";
  EXPECT_THAT(text_of(area + windows + failed + "-16\n"), HasSubstr("windows behind the last one would lie in"));
  for (const std::string error : {"-12\n", "-4\n"}) {
    EXPECT_THAT(text_of(area + windows + failed + error), Not(HasSubstr("behind"))) << error;
    EXPECT_THAT(text_of(windows + failed + error), Not(HasSubstr("behind"))) << error;
  }
}

TEST(ExplainLog, NamesNoPagesWhereAllThatAreSharedWereFree) {
  const std::string log =
      "cma: cma_alloc(cma (ptrval), count 16, align 4)\n"
      "alloc_contig_range: [8f800, 8fa10) PFNs busy\n"
      "cma: cma_alloc: alloc failed, req-size: 16 pages, ret: -16\n";
  const std::string text = text_of(log);
  EXPECT_THAT(answer_to(log).brief.at(1),
              HasSubstr("which ones is not clear, as all pages that the windows share were free."));
  EXPECT_THAT(text, HasSubstr("which page is in the way is not clear"));
  EXPECT_THAT(text, Not(HasSubstr(" in .")));
}

TEST(ExplainLog, OfOneLineThatTellsTheVersionsSaysThemOnce) {
  const std::string area = "cma: Reserved 64 MiB at 0x000000003c000000\n";
  EXPECT_THAT(text_of(area), HasSubstr("kernel\n  follows  3.17 or newer, unless a vendor changed the line: cma: "
                                       "Reserved MIB MiB at BASE (line 1)\n\n"));
  // A line that another one makes needless is left out.
  EXPECT_THAT(text_of(area + "cma: Failed to reserve 16 MiB\nReserved memory: bypass linux,cma node, using cmdline CMA "
                             "params instead\n"),
              HasSubstr("kernel\n  fits     5.6 or newer, unless a vendor changed the line: bypass NODE node"));
  // Of two that both count each is there.
  const std::string both = text_of(
      "alloc_contig_range: [8fa00, 8ff00) PFNs busy\nalloc_contig_range: 4 callbacks suppressed\n"
      "cma: cma_alloc: alloc failed, req-size: 1280 pages, ret: -16\n" +
      area);
  EXPECT_THAT(both, HasSubstr("4.13 to 5.11, by the form of its lines"));
  EXPECT_THAT(both, HasSubstr("4.13 to 5.12: alloc_contig_range: COUNT callbacks suppressed (line 2)"));
  EXPECT_THAT(both, HasSubstr("4.11 to 5.11: cma_alloc: alloc failed"));
  EXPECT_THAT(both, Not(HasSubstr("3.17 or newer")));
}

TEST(ExplainLog, RedactedHidesWhereBuffersLie) {
  const std::string log =
      "secret a: phys address   = 0x0000000038200000\nsecret a: buffer size    = 67108864\n"
      "secret b: swiotlb buffer is full (sz: 67108864 bytes)\n"
      "secret b: swiotlb: coherent allocation failed, size=67108864\n";
  EXPECT_THAT(text_of(log), HasSubstr("0x38200000"));
  EXPECT_THAT(text_of(log, true), Not(AnyOf(HasSubstr("38200000"), HasSubstr("secret"))));
}

}  // namespace
}  // namespace cma::logs
