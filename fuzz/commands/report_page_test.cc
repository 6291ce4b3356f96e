#include <gmock/gmock.h>

#include <filesystem>

#include "fuzz/commands/command_testing.h"
#include "fuzz/commands/files.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kTwoPagesBroken =
    "machine small release=6.1\nbug bitmap-forgets-bit\n\nb1 = cma_alloc a pages=2\n";
constexpr std::string_view kTwoPages = "machine small release=6.1\nb1 = cma_alloc a pages=2\n";

class ReportCommand : public CommandTest {
 protected:
  // Returns what the command writes.
  std::string page(std::vector<std::string> words) {
    const std::string file = folder_.path("page");
    words.insert(words.begin(), {"report", "-o", file});
    EXPECT_EQ(call(words), kNothingFound) << err_;
    return read_file(file).value_or("");
  }
};

TEST_F(ReportCommand, WritesAPageOfAProgram) {
  const std::string file = write("f.cma", kTwoPagesBroken);
  const std::string text = page({file});
  EXPECT_THAT(text,
              AllOf(StartsWith("<!DOCTYPE html>"), HasSubstr("finding bitmap/cma_alloc/cma_mutex_dropped"),
                    HasSubstr("line 4: "), HasSubstr("ci/cmacheck run " + file), HasSubstr("What does not matter")));
  ASSERT_EQ(call({"report", file}), kNothingFound);
  EXPECT_EQ(out_, text);
  EXPECT_THAT(page({write("plain.cma", kTwoPages)}), HasSubstr("no law broken"));
}

TEST_F(ReportCommand, NamesItsOptionsInTheCommandThatReplays) {
  const std::string file = write("f.cma", kTwoPages);
  EXPECT_THAT(page({file, "--bug", "bitmap-forgets-bit"}),
              AllOf(HasSubstr("ci/cmacheck run --bug bitmap-forgets-bit " + file), HasSubstr("finding bitmap/")));
}

TEST_F(ReportCommand, WritesTheMapAlone) {
  EXPECT_THAT(page({write("f.cma", kTwoPagesBroken), "--svg"}), AllOf(StartsWith("<svg "), HasSubstr("0x201")));
}

TEST_F(ReportCommand, WritesAPageOfACampaign) {
  std::filesystem::create_directories(folder_.path("findings/raw"));
  write("findings/one.cma", kTwoPagesBroken);
  write("findings/odd.cma", "nonsense\n");
  write("findings/raw/bitmap_fuzzer-crash-1", "x");
  write("findings/raw/program_fuzzer-crash-1", "x");
  write("findings/stats.json", R"({"version": 1, "seconds": 60, "jobs": 2, "commit": "abc", "targets": [)"
                               R"({"name": "program_fuzzer", "executions": 4321000, "per_second": 7}]})");
  const std::string readme = write("README.md", "## Does a real kernel agree?\n| kernel |\n| --- |\n| 6.12 |\n");
  const std::string text = page({"--campaign", folder_.path("findings"), "--readme", readme});
  EXPECT_THAT(text, AllOf(HasSubstr("2 findings"), HasSubstr("4,321,000"), HasSubstr("odd.cma:1:1: expected"),
                          HasSubstr("build/fuzz/fuzzers/bitmap_fuzzer "), HasSubstr("<td class=\"n\">6.12</td>"),
                          Not(HasSubstr("build/fuzz/fuzzers/program_fuzzer "))));
}

TEST_F(ReportCommand, RefusesWhatItCannotReadOrWrite) {
  const std::string file = write("f.cma", kTwoPages);
  std::filesystem::create_directory(folder_.path("findings"));
  write("findings/stats.json", "{}");
  EXPECT_EQ(call({"report"}), kBadInput);
  EXPECT_EQ(call({"report", folder_.path("none.cma")}), kBadInput);
  EXPECT_EQ(call({"report", file, "--campaign", folder_.path("findings")}), kBadInput);
  EXPECT_EQ(call({"report", file, "-o", folder_.path("no/such/folder")}), kBadInput);
  EXPECT_EQ(call({"report", "--campaign", folder_.path("findings")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("stats.json: not the figures of a campaign"));
}

TEST_F(ReportCommand, WritesTracesOfOneProgramOnly) {
  const std::string file = write("f.cma", kTwoPages);
  ASSERT_EQ(call({"run", file, "--ftrace", folder_.path("t"), "--trace-dat", folder_.path("d"), "--perfetto",
                  folder_.path("p")}),
            kNothingFound);
  EXPECT_THAT(read_file(folder_.path("t")).value(), StartsWith("# tracer: nop\n"));
  EXPECT_THAT(read_file(folder_.path("d")).value(), HasSubstr("Dtracing6"));
  EXPECT_THAT(read_file(folder_.path("p")).value(), HasSubstr("\"traceEvents\""));
  EXPECT_EQ(call({"run", file, file, "--ftrace", folder_.path("t")}), kBadInput);
  EXPECT_EQ(call({"run", file, "--ftrace", folder_.path("no/such/folder")}), kBadInput);
}

// Tests run in the root of the repository.
TEST_F(ReportCommand, SampleReportIsWhatTheCommandWrites) {
  EXPECT_EQ(page({"ci/sample/finding.cma"}), read_file("ci/sample/report.html").value_or(""));
  EXPECT_EQ(page({"ci/sample/finding.cma", "--svg"}), read_file("ci/sample/map.svg").value_or(""));
}

}  // namespace
}  // namespace cma
