#include <fmt/format.h>
#include <gmock/gmock.h>

#include <regex>

#include "properties/laws/checked_run.h"
#include "properties/program/text.h"
#include "properties/report/html.h"
#include "properties/report/html_testing.h"
#include "properties/report/map_svg.h"
#include "properties/report/pages.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kBroken = "machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=2\n";
// The window is marked while its page stays pinned; then the pin is dropped.
constexpr std::string_view kRace =
    "machine release=4.19 cpus=2 pages=0x8000 pageblock_order=9\n"
    "area main base=0x4000 pages=0x1000 order_per_bit=0\n"
    "actor A cpu=0\n"
    "n = anon_page at=main+0x50\n"
    "k = pin n\n"
    "A: b = cma_alloc main pages=148 align=8 until=cma_bitmap_marked\n"
    "unpin k\n"
    "A: resume\n";

ProgramStory story_of(std::string_view text) {
  const auto program = parse(text, "test");
  EXPECT_TRUE(program.has_value()) << (program ? "" : program.error().text());
  CheckedRun run;
  StoryRecorder recorder(*program, run.interpreter(), [](Slot op) { return fmt::format("outcome of {}", op); });
  const RunResult result = run.run(*program, {}, &recorder);
  ProgramStory story = recorder.finish(
      result, [&](Slot op) { return op < program->ops.size() ? print_op(*program, program->ops[op]) : ""; });
  story.file = "folder/test.cma";
  story.text = std::string(text);
  story.replay = "ci/cmacheck run folder/test.cma";
  return story;
}

// --- the story ---

TEST(Story, HasTheChangesOfEachStep) {
  const ProgramStory story = story_of(kRace);
  ASSERT_THAT(story.steps, SizeIs(6));
  EXPECT_THAT(story.actors, ElementsAre("cpu0", "A"));
  EXPECT_THAT(story.steps[0].pages, IsEmpty());
  ASSERT_FALSE(story.steps[1].pages.empty());
  EXPECT_EQ(story.steps[1].pages.front().pfn, 0x4050U);
  EXPECT_EQ(story.steps[1].pages.front().letter, 'n');
  EXPECT_EQ(story.steps[2].pages.front().letter, 'k');
  // The bits of the window, of all pages but the pinned one.
  EXPECT_THAT(story.steps[3].pages, SizeIs(147));
  EXPECT_EQ(story.steps[3].pages.front().bit, '+');
  EXPECT_THAT(story.steps[3].inside, ElementsAre("", HasSubstr("b: outcome of 2")));
  EXPECT_THAT(story.steps[5].inside, ElementsAre("", ""));
}

TEST(Story, MarksThePagesThatTheFindingNames) {
  const ProgramStory story = story_of(kBroken);
  ASSERT_TRUE(story.finding.has_value());
  EXPECT_THAT(story.finding->message, HasSubstr("(page 0x201)"));
  EXPECT_THAT(story.marked, ElementsAre(0x201U));
  EXPECT_EQ(story.steps.back().outcome, "breaks law bitmap");
}

TEST(Story, LeavesTheRunAsItWas) {
  for (const std::string_view text : {kBroken, kRace}) {
    const auto program = parse(text, "test");
    CheckedRun run;
    const std::uint64_t alone = run.run(*program).trace_hash;
    StoryRecorder recorder(*program, run.interpreter(), [](Slot) { return std::string("ok"); });
    EXPECT_EQ(run.run(*program, {}, &recorder).trace_hash, alone);
  }
}

// --- the page of a program ---

TEST(ProgramPage, IsWellFormedAndNeedsNothingElse) {
  for (const std::string_view text : {kBroken, kRace, std::string_view("machine small release=6.1\n")}) {
    const std::string page = program_page(story_of(text));
    EXPECT_EQ(complaint(page), "");
    EXPECT_FALSE(std::regex_search(page, std::regex("https?:|//[a-z]|<script|@import|url\\(")));
    EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
    EXPECT_THAT(page, HasSubstr("@media print"));
    EXPECT_EQ(page, program_page(story_of(text)));
  }
}

TEST(ProgramPage, HasAllThatIsKnown) {
  ProgramStory story = story_of(kBroken);
  story.varies = "pages of b1: 2 to 256";
  const std::string page = program_page(story);
  for (const std::string& text :
       {story.text.substr(0, story.text.find('\n')), story.replay, story.finding->signature(), story.finding->message,
        story.sentence, story.point, story.varies, std::string("buffer b1")})
    EXPECT_THAT(page, HasSubstr(escaped(text)));
  for (const StoryLine& line : story.printed) EXPECT_THAT(page, HasSubstr(escaped(line.text)));
}

TEST(ProgramPage, ShowsWhyAnOperationFailed) {
  const std::string page = program_page(story_of("machine small release=6.1\nb = cma_alloc a pages=257\n"));
  EXPECT_THAT(page, HasSubstr("answer"));
  EXPECT_THAT(page, HasSubstr("cma_alloc a pages=257"));
}

TEST(ProgramPage, EscapesWhatTheProgramSays) {
  ProgramStory story = story_of("machine small release=6.1\nexpect log \"<script>alert('&')</script>\" never\n");
  story.file = "folder/<b>&.cma";
  story.text += "# </pre><img src=x>\x01";
  story.replay = "ci/cmacheck run '<b>&.cma'";
  story.varies = "</pre><script>";
  const std::string page = program_page(story);
  EXPECT_EQ(complaint(page), "");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;&amp;&#39;)"));
  EXPECT_EQ(page.find('\x01'), std::string::npos);
}

TEST(ProgramPage, LeavesOutTheMiddleOfAVeryLongLog) {
  ProgramStory story = story_of(kBroken);
  story.printed.assign(100'000, {1, true, "the same line"});
  story.why.assign(5'000'000, '\n');
  const std::string page = program_page(story);
  EXPECT_LT(page.size(), 300'000U);
  EXPECT_THAT(page, HasSubstr("99200 lines left out"));
}

TEST(ProgramPage, FoldsTheBeginningOfALongLog) {
  std::string text = "machine small release=6.1\n";
  for (int i = 0; i < 20; ++i) text += "cma_alloc a pages=1\n";
  EXPECT_THAT(program_page(story_of(text)), HasSubstr("earlier lines</summary>"));
}

// --- the picture ---

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string folded(int pages) { return fmt::format("A \u00d7{}</text>", pages); }

TEST(Picture, DrawsOnlyWhatChangesAndFoldsPagesWithEqualHistories) {
  const StoryMap map = draw_story(story_of(kRace), "m");
  EXPECT_EQ(complaint(map.svg), "");
  EXPECT_THAT(map.svg, HasSubstr(">0x4000</text>"));
  // The 80 pages before the pinned one, and the 67 after it.
  EXPECT_THAT(map.svg, HasSubstr(folded(80)));
  EXPECT_THAT(map.svg, HasSubstr(folded(67)));
  EXPECT_THAT(map.svg, Not(HasSubstr(">0x4200</text>")));
  EXPECT_THAT(map.svg, HasSubstr("class=\"bit set\""));
  EXPECT_THAT(map.svg, HasSubstr("class=\"inside\""));
}

TEST(Picture, PointsToThePagesOfTheFinding) {
  const StoryMap map = draw_story(story_of(kBroken), "m");
  EXPECT_EQ(count_of(map.svg, "class=\"mark\""), 1U);
  EXPECT_THAT(map.svg, HasSubstr(">0x201</text>"));
  EXPECT_THAT(map.svg, HasSubstr("class=\"bit clear\""));
  EXPECT_THAT(map.svg, HasSubstr(" broken\""));
}

TEST(Picture, OfAMachineOfGigabytesIsSmall) {
  const std::string text =
      "machine release=6.1 cpus=2 pages=0x100000 pageblock_order=9\n"
      "area main base=0x40000 pages=0x10000\n"
      "b1 = cma_alloc main pages=0x8000\n"
      "cma_release b1 from=0x100 pages=0x1000\n";
  const StoryMap map = draw_story(story_of(text), "m");
  EXPECT_LT(map.svg.size(), 20'000U);
  EXPECT_THAT(map.svg, HasSubstr("A \xc3\x97"));
}

TEST(Picture, OfALongProgramSaysWhatItLeavesOut) {
  std::string text = "machine small release=6.1\n";
  for (int i = 0; i < 400; ++i) text += "b" + std::to_string(i + 1) + " = cma_alloc a pages=1\n";
  const StoryMap map = draw_story(story_of(text), "m");
  EXPECT_GE(count_of(map.svg, "<text class=\"step\""), 120U);
  EXPECT_THAT(map.note, HasSubstr("120 of 401 steps are drawn"));
  EXPECT_LT(map.svg.size(), 1'000'000U);
}

TEST(Picture, AloneIsAFile) {
  const std::string file = story_svg_file(story_of(kRace));
  EXPECT_THAT(file, testing::StartsWith("<svg "));
  EXPECT_THAT(file, HasSubstr("xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_THAT(file, HasSubstr("<style>"));
}

// --- the page of a campaign ---

constexpr std::string_view kReadme =
    "# x\n| no | table |\n\n## Does a real kernel agree?\n\nText:\n\n| kernel | programs |\n| --- | ---: |\n| 6.1 | "
    "2,000 |\n"
    "| 6.12 | 1,999 |\n\nMore | text\n| other |\n";

TEST(CampaignPage, ListsFindingsRatesAndTheComparisonWithKernels) {
  Campaign campaign;
  campaign.folder = "build/findings";
  campaign.seconds = 3600;
  campaign.jobs = 2;
  campaign.targets = {{"program_fuzzer", 1234567, 890, 4000, 9000, 321}};
  campaign.findings = {story_of(kBroken), story_of(kBroken)};
  campaign.raw = {{"raw/bitmap_fuzzer-x", "bitmap_fuzzer", "build/fuzz/fuzzers/bitmap_fuzzer raw/bitmap_fuzzer-x"}};
  campaign.unreadable = {"odd<.cma: expected"};
  campaign.fidelity = fidelity_table(std::string(kReadme));
  const std::string page = campaign_page(campaign);
  EXPECT_EQ(complaint(page), "");
  for (const char* text : {"3 findings", "1,234,567", "href=\"#f1\"", "id=\"f1\"", "id=\"f2\"", "1,999", "odd&lt;.cma",
                           "build/fuzz/fuzzers/bitmap_fuzzer", "3,600 s, 2 processes"})
    EXPECT_THAT(page, HasSubstr(text));
  EXPECT_FALSE(std::regex_search(page, std::regex("https?:|<script")));
  EXPECT_EQ(page, campaign_page(campaign));
}

TEST(CampaignPage, SaysThatNothingWasFound) {
  const std::string page = campaign_page({});
  EXPECT_EQ(complaint(page), "");
  EXPECT_THAT(page, HasSubstr("no findings"));
  EXPECT_THAT(page, HasSubstr("stats.json"));
}

TEST(CampaignPage, TakesTheTableBelowItsHeadingOnly) {
  EXPECT_THAT(
      fidelity_table(std::string(kReadme)),
      ElementsAre(ElementsAre("kernel", "programs"), ElementsAre("6.1", "2,000"), ElementsAre("6.12", "1,999")));
  EXPECT_THAT(fidelity_table("| a |\n"), IsEmpty());
}

}  // namespace
}  // namespace cma
