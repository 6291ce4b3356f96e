#include "properties/report/log_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "properties/logs/explain_log.h"
#include "properties/logs/field_log_testing.h"
#include "properties/report/html_testing.h"
#include "properties/report/windows_svg.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string log_page_of(const std::string& name, bool redact = false) {
  const std::string log = logs::field_log(name);
  return log_page(logs::explain_log(logs::text_source(log), {redact}), "folder/" + name);
}

std::size_t times_in(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(LogPage, HasTheAnswerItsPictureAndTheEvidence) {
  const std::string page = log_page_of("camera-two-sweeps.txt");
  EXPECT_THAT(complaint(page), IsEmpty());
  EXPECT_THAT(page,
              AllOf(HasSubstr("<h1>camera-two-sweeps.txt</h1>"),
                    HasSubstr("<strong>A request for 1280 pages (5 MiB) failed with -16.</strong>"),
                    HasSubstr("<dt>kernel</dt><dd>4.11 to 5.11</dd>"), HasSubstr(">sweep 1: 0x8fb00 to 0x8ffff</text>"),
                    HasSubstr(">in the way: 0x8fc00 to 0x8fcff</text>"),
                    HasSubstr("<td>follows</td><td>sweep 2: 2 windows failed, beginning at 0x8f800, 0x8f900</td>"
                              "<td>lines 3&#8209;4</td>"),
                    HasSubstr("page-types -l -a 0x8fc00,0x8fd00")));
}

TEST(LogPage, OfEachFieldLogIsOneFileThatNeedsNothingElse) {
  for (const char* name : {"media-swallowed-windows.txt", "media-traces.txt", "outer-starts.txt", "codec-full-area.txt",
                           "cma-parameter.txt", "oom-boosted.txt", "vmalloc-zero-bytes.txt"}) {
    const std::string page = log_page_of(name);
    EXPECT_THAT(complaint(page), IsEmpty()) << name;
    for (const char* outside : {"<script", "src=", "http:", "https:", "@import", "url("})
      EXPECT_THAT(page, Not(HasSubstr(outside))) << name;
  }
}

TEST(LogPage, OfALogWithoutWindowsHasNoPicture) {
  EXPECT_THAT(log_page_of("codec-full-area.txt"), AllOf(Not(HasSubstr("<svg")), HasSubstr("area linux,cma")));
}

TEST(LogPage, ShowsNothingThatIsRedacted) {
  const std::string page = log_page_of("codec-full-area.txt", /*redact=*/true);
  EXPECT_THAT(page, AllOf(Not(HasSubstr("linux,cma")), HasSubstr("area area-1")));
  EXPECT_THAT(log_page_of("camera-two-sweeps.txt", true), AllOf(Not(HasSubstr("8fc00")), HasSubstr("0x400 to 0x4ff")));
}

TEST(LogPage, NamesOfALogAreText) {
  const std::string log = "cma: cma_alloc: <b>&: alloc failed, req-size: 1024 pages, ret: -12\n";
  const std::string page = log_page(logs::explain_log(logs::text_source(log)), "<i>");
  EXPECT_THAT(complaint(page), IsEmpty());
  EXPECT_THAT(page, AllOf(HasSubstr("<h1>&lt;i&gt;</h1>"), HasSubstr("&lt;b&gt;&amp;")));
}

// --- the picture ---

constexpr PfnRange kArea = {0x1000, 0x2000};

TEST(WindowsPicture, BeginsAndEndsWithTheAreaThatHasThem) {
  logs::RequestSummary request;
  request.swept = {{{0x1400, 0x1800}}};
  const std::string within = draw_windows(request, {{0x8000, 0x9000}, kArea}, "p");
  EXPECT_THAT(complaint(within), IsEmpty());
  // A quarter of the way, and a quarter wide.
  EXPECT_THAT(within, AllOf(HasSubstr(">area: 0x1000 to 0x1fff<"), HasSubstr(">window: 0x1400 to 0x17ff<"),
                            HasSubstr("<rect class=\"mv\" x=\"490\" y=\"44\" width=\"200\"")));
  const std::string alone = draw_windows(request, {{0x8000, 0x9000}}, "p");
  EXPECT_THAT(alone, HasSubstr("<rect class=\"mv\" x=\"290\" y=\"24\" width=\"800\""));
}

TEST(WindowsPicture, HasWhatWasFreeWhatWasGotAndWhatIsInTheWay) {
  logs::RequestSummary request;
  request.swept = {{{0x1000, 0x1400}}, {{0x1100, 0x1500}}};
  request.free_blocks = {{0x1100, 0x1180}};
  request.suspects = {{0x1180, 0x1400}};
  request.got = PfnRange{0x1400, 0x1800};
  const std::string svg = draw_windows(request, {}, "p");
  EXPECT_THAT(svg, AllOf(HasSubstr(">sweep 1: 0x1000 to 0x13ff<"), HasSubstr(">sweep 2: 0x1100 to 0x14ff<"),
                         HasSubstr(">free then: 0x1100 to 0x117f<"), HasSubstr(">got: 0x1400 to 0x17ff<"),
                         HasSubstr(">in the way: 0x1180 to 0x13ff<")));
  // Where the page itself is known, the pages that it could be among are left out.
  request.stopped_at = {0x1200};
  EXPECT_THAT(draw_windows(request, {}, "p"), AllOf(HasSubstr(">in the way: 0x1200<"), Not(HasSubstr("0x1180 to"))));
}

TEST(WindowsPicture, LeavesOutTheMiddleOfVeryMany) {
  logs::RequestSummary request;
  request.swept.emplace_back();
  for (Pfn pfn = 0; pfn < 1000; ++pfn) request.swept.back().push_back({pfn, pfn + 4});
  const std::string svg = draw_windows(request, {}, "p");
  EXPECT_THAT(svg, AllOf(HasSubstr("... 960 windows more ..."), HasSubstr(">window: 0x0 to 0x3<"),
                         HasSubstr(">window: 0x3e7 to 0x3ea<")));
  EXPECT_EQ(times_in(svg, "class=\"mv\""), 40U);
}

TEST(WindowsPicture, IsNoneWithoutWindows) { EXPECT_THAT(draw_windows({}, {kArea}, "p"), IsEmpty()); }

}  // namespace
}  // namespace cma
