// Real logs (corpus/logs) and the answers that people who know the kernel gave to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "properties/logs/answer_testing.h"
#include "properties/logs/explain_log.h"
#include "properties/logs/field_log_testing.h"

namespace cma::logs {
namespace {

using ::testing::HasSubstr;

LogAnswer field_answer(const std::string& name) {
  const std::string log = field_log(name);
  return explain_log(text_source(log));
}

struct RequestCase {
  const char* file;
  const char* versions;
  std::size_t requests;  // groups of them
  std::uint64_t count;   // of the first group
  std::uint64_t pages;
  std::optional<unsigned> align;
  std::optional<int> error;
  Culprit culprit;
  std::uint64_t windows;
};

TEST(FieldLogs, HaveTheirKernelRequestAndCulprit) {
  const RequestCase cases[] = {
      {"media-swallowed-windows.txt", "4.15 to 5.12", 1, 1, 7594, 8, {}, Culprit::page_in_the_way, 4},
      {"camera-two-sweeps.txt", "4.11 to 5.11", 1, 1, 1280, 8, -16, Culprit::page_in_the_way, 4},
      {"outer-starts.txt", "4.13 to 5.12", 1, 1, 4096, 8, {}, Culprit::page_in_the_way, 10},
      {"sweep-to-the-end.txt", "3.18 to 4.12", 1, 1, 266, 8, {}, Culprit::page_in_the_way, 14},
      {"one-page-busy.txt", "4.11 to 5.11", 1, 1, 1, 0, -16, Culprit::page_in_the_way, 0},
      {"codec-full-area.txt", "5.16 to 6.11", 1, 3, 1024, 8, -12, Culprit::no_room, 0},
      {"framebuffer-at-boot.txt", "4.11 to 5.11", 1, 1, 2025, 8, -12, Culprit::no_room, 0},
      {"encoder-debug-lines.txt", "up to 3.16", 7, 1, 4, 2, {}, Culprit::unknown, 0},
      {"one-window-each.txt", "3.18 to 5.12", 3, 3, 1, 0, {}, Culprit::page_in_the_way, 1},
  };
  for (const RequestCase& one : cases) {
    const LogAnswer answer = field_answer(one.file);
    EXPECT_EQ(answer.versions, one.versions) << one.file;
    ASSERT_EQ(answer.requests.size(), one.requests) << one.file;
    const RequestSummary& request = answer.requests.front();
    EXPECT_EQ(request.count, one.count) << one.file;
    EXPECT_EQ(request.pages, one.pages) << one.file;
    EXPECT_EQ(request.align, one.align) << one.file;
    EXPECT_EQ(request.error, one.error) << one.file;
    EXPECT_EQ(request.culprit, one.culprit) << one.file;
    EXPECT_EQ(request.windows, one.windows) << one.file;
  }
}

struct SuspectCase {
  const char* file;
  PfnRange suspects;
};

TEST(FieldLogs, HaveTheirSuspects) {
  const SuspectCase cases[] = {
      {"outer-starts.txt", {0x2cc00, 0x2d200}},
      {"camera-two-sweeps.txt", {0x8fc00, 0x8fd00}},
      {"media-swallowed-windows.txt", {0xc3a00, 0xc51aa}},
  };
  for (const SuspectCase& one : cases) {
    const LogAnswer answer = field_answer(one.file);
    ASSERT_EQ(answer.requests.size(), 1U) << one.file;
    EXPECT_EQ(answer.requests[0].suspects, std::vector{one.suspects}) << one.file;
  }
}

struct SentenceCase {
  const char* file;
  std::vector<const char*> sentences;
};

TEST(FieldLogs, AreExplainedAsPeopleDid) {
  const SentenceCase cases[] = {
      {"media-swallowed-windows.txt",
       {"11 lines of retries, one for each window that failed, and 4 lines about windows: at least 7 windows failed",
        "0xc3400, 0xc3500, 0xc3600, 0xc3900", "the log does not show that it failed"}},
      {"camera-two-sweeps.txt",
       {"110 ms lie between them", "the area may end at 0x90000", "windows behind the last one lie in the area",
        "a sweep only goes forward", "sweep 2: 2 windows failed, beginning at 0x8f800, 0x8f900"}},
      {"outer-starts.txt",
       {"4 lines about busy windows were swallowed", "swallowed is of an earlier request or sweep",
        "its last line is the tenth", "[0x2c400, 0x2c800)"}},
      {"sweep-to-the-end.txt", {"more than one page is in the way", "eleven lines about busy windows within 5 s"}},
      {"encoder-debug-lines.txt",
       {"11 requests for 1906 pages", "2738 pages (10.7 MiB) of an area in the order of the log, and 2684 pages",
        "178 pages (712 KiB), alignment 8 (256 pages), 5 times"}},
      {"one-page-busy.txt",
       {"This does not look like a leak", "each page that no buffer has is a window of its own",
        "a request for one page fails only while none is free (lines 1-2, 7)"}},
      {"codec-full-area.txt",
       {"3 requests for 1024 pages (4 MiB) of area linux,cma failed with -12", "no window was tried",
        "those of up to 512 kB sum up to 94764 kB, so some 16276 kB are in larger ones: at most 3 of 4096 kB, and none",
        "asks the page allocator for 1024 pages (4 MiB) in a row (order 10) (lines 1, 9)",
        "must be more than 932 (min): enough, unless areas have 25805 or more of them"}},
      {"framebuffer-at-boot.txt",
       {"one place for it, at its begin", "leave 1792 of 2048: the 2025 do not fit beside them (lines 1-2, 4)",
        "the console has 240x67 characters", "It need not matter"}},
      {"two-halves.txt",
       {"A driver did not get a buffer of 128 MiB.", "32768 pages",
        "lies at 0x6fd00000, 1 MiB above a multiple of 4 MiB: if the area begins there, something had pages of the "
        "first 256 before it; with those, 2 buffers of 128 MiB do not fit into 256 MiB"}},
      {"lowmem-boundary.txt",
       {"it ends at 0x20000000, 64 MiB beyond the end of memory, 0x1c000000", "From 0x10000000 on 192 MiB fit"}},
      {"region-unaligned.txt",
       {"4 MiB up to 5.18, and of a pageblock from then on (2 MiB on arm64 and x86 with huge pages, 4 MiB on 32-bit",
        "Round base and size up; a power of two is not needed", "2 drivers then failed with -22"}},
      {"cma-parameter.txt",
       {"cma= on the command line has precedence", "on 64 bits above all", "and [0x1ec00, 0x2ec00) overlap"}},
      {"oom-boosted.txt",
       {"129778 pages free - 128398 of areas, which it may not use = 1380; must be more than 2607 (min): refused",
        "min is raised by 7216 kB, from 3212 kB", "the most that vm.watermark_boost_factor=15000 allows",
        "Without that the request would pass", "vm.watermark_boost_factor=0"}},
      {"min-free-too-large.txt",
       {"145501 pages free - 129151 of areas, which it may not use = 16350; must be more than 16384 (min): refused",
        "vm.min_free_kbytes is 65536 kB (by default about 3167), and zone DMA, the only zone of low memory, must",
        "High memory is of no use here", "10.4 s earlier", "GFP_KERNEL_ACCOUNT|__GFP_ZERO"}},
      {"wifi-atomic-order-3.txt",
       {"90529 pages free - 80450 of areas, which it may not use - 7 of the block itself = 10072;",
        "must be more than 428 (min 1139, lowered for an urgent request): enough",
        "the smallest that is large enough has order 3 (47*32kB UC)", "the printed state would grant it",
        "extra_free_kbytes gives 23320 kB"}},
      {"order-8-dma.txt", {"order 8", "GFP_KERNEL|GFP_DMA", "above order 3", "It may use no zone above DMA, whatever"}},
      {"vmalloc-zero-bytes.txt", {"vmalloc was asked for 0 bytes", "no page was missing"}},
      {"area-in-two-zones.txt", {"Not enough", "[0x1ec00, 0x2ec00)"}},
      {"media-traces.txt", {"[0xc2400, 0xc41aa)", "the first page in the way of a window is 0xc3dc2"}},
  };
  for (const SentenceCase& one : cases) {
    const std::string text = whole_text(field_answer(one.file));
    for (const char* sentence : one.sentences) EXPECT_THAT(text, HasSubstr(sentence)) << one.file;
  }
}

TEST(FieldLogs, OfMemoryReportsHaveTheirVersions) {
  EXPECT_EQ(field_answer("wifi-atomic-order-3.txt").versions, "4.10 to 4.20");
  EXPECT_EQ(field_answer("oom-boosted.txt").versions, "5.16 or newer");
  EXPECT_EQ(field_answer("order-8-dma.txt").versions, "5.0 or newer");
  EXPECT_EQ(field_answer("vmalloc-zero-bytes.txt").versions, "up to 4.5");
}

TEST(FieldLogs, OfBounceBuffersHaveTheirVersions) {
  EXPECT_EQ(field_answer("two-halves.txt").versions, "4.16 to 4.20");
}

TEST(FieldLogs, OfRequestsAreSizedForTheirRelease) {
  EXPECT_THAT(field_answer("encoder-debug-lines.txt").collect,
              ::testing::Contains(HasSubstr("cmacheck fit --release 3")));
}

}  // namespace
}  // namespace cma::logs
