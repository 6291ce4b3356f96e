#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "allocator/base/gfp.h"
#include "allocator/base/scratch_folder_testing.h"
#include "allocator/machine_testing.h"
#include "properties/laws/checked_run.h"
#include "properties/program/text.h"
#include "properties/traces/writers.h"

namespace cma {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A window whose second page stays, so that a request moves on, among two actors of different CPUs.
constexpr std::string_view kStory =
    "actor A cpu=1\n"
    "n = anon_page at=a+0x2 pages=2\n"
    "k = pin n+1\n"
    "A: b = cma_alloc a pages=8 until=cma_bitmap_marked\n"
    "cma_release b\n"
    "A: resume\n"
    "cma_release b\n"
    "m = cma_alloc b pages=200\n"
    "f = cma_alloc b pages=200\n";

struct Traced {
  RunTrace trace;
  RunResult result;
};

Traced trace_of(const std::string& text, bool page_events = false) {
  const auto program = parse(text, "test");
  EXPECT_TRUE(program.has_value()) << (program ? "" : program.error().text());
  CheckedRun run;
  RunTraceRecorder recorder(*program, run.interpreter(), [](Slot op) { return fmt::format("outcome of {}", op); });
  Traced traced;
  traced.result = run.run(*program, {.page_events = page_events}, &recorder);
  traced.trace = recorder.finish(traced.result.finding);
  return traced;
}

std::string story(Release release, const std::string& keys = "") {
  return fmt::format("machine small release={}{}\n{}", name_of(release), keys, kStory);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Returns the line without the flags, and with single blanks.
std::string plain(const std::string& line) {
  const std::string unflagged = std::regex_replace(line, std::regex(R"((\[\d+\]) \.+ )"), "$1 ");
  std::string words;
  std::istringstream in(unflagged);
  for (std::string word; in >> word;) words += (words.empty() ? "" : " ") + word;
  return words;
}

// --- the text ---

TEST(FtraceText, BeginsAsTheReleasesTraceFileDoes) {
  const auto head = [](Release release) {
    std::vector<std::string> lines = lines_of(ftrace_text(trace_of(story(release)).trace));
    std::erase_if(lines, [](const std::string& line) { return !line.starts_with("#"); });
    lines.erase(lines.begin() + 2);  // the number of events
    return lines;
  };
  EXPECT_THAT(head(Release::v4_19),
              ElementsAre("# tracer: nop", "#", "#", "#                              _-----=> irqs-off",
                          "#                             / _----=> need-resched",
                          "#                            | / _---=> hardirq/softirq",
                          "#                            || / _--=> preempt-depth",
                          "#                            ||| /     delay",
                          "#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION",
                          "#              | |       |   ||||       |         |"));
  EXPECT_EQ(head(Release::v5_10)[8], "#           TASK-PID     CPU#  ||||   TIMESTAMP  FUNCTION");
  EXPECT_THAT(head(Release::v6_1),
              ElementsAre("# tracer: nop", "#", "#", "#                                _-----=> irqs-off/BH-disabled",
                          "#                               / _----=> need-resched",
                          "#                              | / _---=> hardirq/softirq",
                          "#                              || / _--=> preempt-depth",
                          "#                              ||| / _-=> migrate-disable",
                          "#                              |||| /     delay",
                          "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION",
                          "#              | |         |   |||||     |         |"));
}

TEST(FtraceText, NamesTaskCpuAndTimeOfEachEventAsTheReleasePrintsThem) {
  const std::string old = ftrace_text(trace_of(story(Release::v4_19)).trace);
  EXPECT_THAT(old, HasSubstr("\n               A-1002  [001] ....     0.0001"));
  const std::string now = ftrace_text(trace_of(story(Release::v6_1)).trace);
  EXPECT_TRUE(std::regex_search(now, std::regex("\n               A-1002    \\[001\\] [.]{5}     0[.][0-9]{6}: "
                                                "cma_alloc_start: name=a count=8 align=0\n")));
  EXPECT_THAT(now, HasSubstr(": console: cma: cma_alloc(cma (ptrval), count 8, align 0)\n"));
  EXPECT_THAT(now, HasSubstr(": op_pause: op=2 state=outcome of 2\n"));
}

TEST(FtraceText, CountsStepsInMicrosecondsAndNeverGoesBack) {
  for (const Release release : modelled_releases()) {
    const Traced traced = trace_of(story(release));
    std::uint64_t last = 0;
    for (const TraceEvent& event : traced.trace.events) {
      EXPECT_GT(event.nanoseconds, last);
      last = event.nanoseconds;
    }
    EXPECT_GE(last / 1000, traced.result.steps);
    EXPECT_LE(last / 1000, traced.result.steps + 1);
  }
}

TEST(FtraceText, SaysWhichLawWasBroken) {
  const Traced traced = trace_of("machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=2\n");
  ASSERT_TRUE(traced.result.finding);
  EXPECT_THAT(ftrace_text(traced.trace),
              HasSubstr(": finding: signature=" + traced.result.finding->signature() + " what="));
}

// --- what the trace is of ---

TEST(RunTrace, IsTheSameEachTimeAndLeavesTheRunAsItWas) {
  for (const std::string keys : {"", " audit=points"})
    for (const Release release : modelled_releases()) {
      const Traced once = trace_of(story(release, keys));
      EXPECT_EQ(ftrace_text(once.trace), ftrace_text(trace_of(story(release, keys)).trace));
      EXPECT_EQ(trace_dat(once.trace), trace_dat(trace_of(story(release, keys)).trace));
      const auto program = parse(story(release, keys), "test");
      EXPECT_EQ(CheckedRun().run(*program).trace_hash, once.result.trace_hash);
    }
}

TEST(RunTrace, HasEachRecordOfTheMachineOnce) {
  for (const Release release : modelled_releases()) {
    const auto program = parse(story(release), "test");
    CheckedRun run;
    RunTraceRecorder recorder(*program, run.interpreter(), [](Slot) { return std::string("done"); });
    run.run(*program, {.page_events = true}, &recorder);
    const RunTrace trace = recorder.finish(std::nullopt);
    std::vector<std::string> expected;
    for (const Record& record : run.machine().trace.records())
      expected.push_back((is_log(record.event) ? "console: " : "") + run.machine().trace.format(record));
    std::vector<std::string> got;
    for (const TraceEvent& event : trace.events)
      if (event.format.system != "cmacheck") got.push_back(event.format.name + ": " + event.text);
    EXPECT_EQ(got, expected) << release;
    EXPECT_GT(got.size(), 20U);
  }
}

// Every event of every release has a format that its text fits.
TEST(Tracepoints, FitWhatEachReleasePrints) {
  for (const Release release : modelled_releases())
    for (unsigned number = 0; number <= static_cast<unsigned>(Event::mm_page_alloc_extfrag); ++number) {
      const auto event = static_cast<Event>(number);
      if (is_log(event)) continue;
      Engine engine(1);
      Trace trace(engine, release, 9, true);
      trace.add_area("camera");
      std::uint64_t d = 1;
      if (event == Event::cma_alloc_finish) d = FinishedAlloc{.align = 4, .success = false, .error = 16}.pack();
      if (event == Event::mm_migrate_pages) d = HugeResults{.succeeded = 1, .failed = 2, .split = 3}.pack();
      const bool gfp = event == Event::mm_page_alloc;
      Record record;
      record.event = event;
      if (gfp) d = 0;
      record.b = 3;
      record.c = event == Event::mm_migrate_pages ? MigrateCause{}.pack() : 7;
      record.d = d;
      const std::string line = trace.format(record);
      const TraceFormat format = format_of(event, release);
      ASSERT_THAT(line, StartsWith(format.name + ": "));
      const auto fields = fields_of(format, line.substr(format.name.size() + 2));
      ASSERT_TRUE(fields.has_value()) << release << ": " << line << " does not fit " << format.print;
      EXPECT_EQ(fields->size(), static_cast<std::size_t>(std::ranges::count(format.print, '%')));
    }
}

TEST(Tracepoints, SplitATextIntoNamedFields) {
  const TraceFormat range = format_of(Event::isolate_freepages, Release::v6_1);
  const auto fields = fields_of(range, "range=(0x1f ~ 0x40) nr_scanned=3 nr_taken=2");
  ASSERT_TRUE(fields.has_value());
  std::vector<std::string> names;
  for (const TraceField& field : *fields) names.push_back(field.name + ":" + field.value);
  EXPECT_THAT(names, ElementsAre("start_pfn:1f", "end_pfn:40", "nr_scanned:3", "nr_taken:2"));
  EXPECT_FALSE(fields_of(range, "range=(0x1f ~ 0x40) nr_scanned=x nr_taken=2"));
  EXPECT_FALSE(fields_of(range, "range=(0x1f ~ 0x40) nr_scanned=3"));
  EXPECT_FALSE(fields_of(range, "range=(0x1f ~ 0x40) nr_scanned=3 nr_taken=2 and more"));
}

// --- trace.dat ---

// Returns what `trace-cmd report` prints, a line each; nullopt if there is no trace-cmd.
std::optional<std::vector<std::string>> report_of(const std::string& file) {
  if (std::system("command -v trace-cmd > /dev/null 2>&1") != 0) return std::nullopt;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      ::popen(("trace-cmd report " + file + " 2>&1").c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), size);
  return lines_of(text);
}

void expect_same_report(const RunTrace& trace) {
  const ScratchFolder folder;
  auto report = report_of(folder.write("trace.dat", trace_dat(trace)));
  if (!report) GTEST_SKIP() << "trace-cmd is not installed (ci/setup installs it)";
  ASSERT_FALSE(report->empty());
  EXPECT_EQ(report->front(), fmt::format("cpus={}", trace.cpus));
  report->erase(report->begin());
  std::vector<std::string> expected;
  for (const std::string& line : lines_of(ftrace_text(trace)))
    if (!line.starts_with("#")) expected.push_back(plain(line));
  ASSERT_THAT(*report, SizeIs(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(plain((*report)[i]), expected[i]);
}

TEST(TraceDat, IsPrintedByTraceCmdLineForLineAsTheText) {
  for (const Release release : modelled_releases()) expect_same_report(trace_of(story(release), true).trace);
}

TEST(TraceDat, HasSeveralPagesAndLongTextsAndLongPauses) {
  RunTrace trace = trace_of(story(Release::v6_1), true).trace;
  const TraceEvent like = trace.events.back();
  std::uint64_t time = like.nanoseconds;
  for (std::size_t i = 0; i < 40; ++i) {
    TraceEvent event = like;
    event.nanoseconds = time += 100'000'000;  // two of them are more than 27 bits
    event.cpu = static_cast<int>(i % 3 == 0);
    event.format = {"cmacheck", "op_begin", "op=%lu text=%s"};
    event.text = fmt::format("op={} text={}", i, std::string(i * 50, 'x'));
    event.fields = *fields_of(event.format, event.text);
    trace.events.push_back(std::move(event));
  }
  expect_same_report(trace);
}

TEST(TraceDat, KeepsTheOrderOfManyEventsOfOneStep) {
  std::string program = "machine small release=6.1\n";
  for (int i = 0; i < 400; ++i) program += "sleep us=1\n";
  const RunTrace trace = trace_of(program).trace;
  ASSERT_THAT(trace.events, SizeIs(800));
  expect_same_report(trace);
}

// --- trace events as JSON ---

TEST(Perfetto, ShowsOperationsAsSlicesOfTheirActor) {
  const RunTrace trace = trace_of(story(Release::v6_1)).trace;
  const nlohmann::json file = nlohmann::json::parse(perfetto_json(trace));
  std::vector<std::string> slices;
  std::size_t instants = 0;
  for (const nlohmann::json& event : file["traceEvents"]) {
    if (event["ph"] == "X")
      slices.push_back(fmt::format("{} {}", event["tid"].get<int>(), event["name"].get<std::string>()));
    instants += event["ph"] == "i";
  }
  EXPECT_THAT(slices, ElementsAre("1000 n = anon_page at=a+0x2 pages=2", "1000 k = pin n+1",
                                  "1002 A: b = cma_alloc a pages=8 until=cma_bitmap_marked", "1000 cma_release b",
                                  "1000 m = cma_alloc b pages=200", "1000 f = cma_alloc b pages=200"));
  EXPECT_GT(instants, 10U);
}

// Slices of one track must not cross: viewers drop those that do.
TEST(Perfetto, SlicesOfATrackFollowEachOther) {
  for (const Release release : modelled_releases()) {
    const RunTrace trace = trace_of(story(release)).trace;
    for (const TraceSpan& a : trace.spans)
      for (const TraceSpan& b : trace.spans) {
        if (a.op >= b.op || a.task != b.task || !a.slice || !b.slice) continue;
        EXPECT_LE(a.end, b.begin) << a.text << " and " << b.text;
      }
  }
}

}  // namespace
}  // namespace cma
