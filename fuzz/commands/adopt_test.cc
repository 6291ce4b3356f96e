#include <gmock/gmock.h>

#include <filesystem>

#include "fuzz/commands/command_testing.h"
#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kFinding =
    "# bitmap/cma_alloc/cma_mutex_dropped\n# area 0: bit 1 of a live buffer is clear (page 0x201)\n"
    "cmacheck 1\nmachine small release=6.1\nbug bitmap-forgets-bit\n\nb1 = cma_alloc a pages=2\n";
constexpr std::string_view kMended =
    "# bitmap/cma_alloc/cma_mutex_dropped\ncmacheck 1\nmachine small release=6.1\n\nb1 = cma_alloc a pages=2\n";

class Adopt : public CommandTest {
 protected:
  Adopt() { std::filesystem::create_directory(into()); }
  std::string into() const { return path("regressions"); }
  int call(std::vector<std::string> words) {
    words.insert(words.begin(), {"adopt", "--into", into()});
    return CommandTest::call(words);
  }
  std::vector<std::string> adopted() const { return files_below(into()); }
};

TEST_F(Adopt, WritesAFileThatPassesWithItsBugOnAndSaysWhatItShows) {
  ASSERT_EQ(call({write("f.cma", kFinding)}), kNothingFound) << err_;
  EXPECT_EQ(out_, into() + "/bitmap-bitmap-forgets-bit-6.1.cma\n");
  const std::string text = read_file(adopted().front()).value();
  EXPECT_THAT(text,
              StartsWith("# Law `bitmap` must notice bitmap-forgets-bit: area 0: bit 1 of a live buffer is clear"));
  EXPECT_THAT(text, HasSubstr("\n# Finding bitmap/cma_alloc/cma_mutex_dropped.\ncmacheck 1\n"));
  EXPECT_THAT(text, HasSubstr("\nexpect finding law=bitmap\n"));
  CheckedRun run;
  const RunResult result = run.run(load_program(adopted().front())->program);
  EXPECT_TRUE(result.passed() && result.finding_expected);
}

TEST_F(Adopt, TakesItsNameAndCommentAndBugFromTheCommandLine) {
  const std::string comment = "A window of two bits is marked with one only. " + std::string(150, 'x') + " end.";
  ASSERT_EQ(call({write("f.cma", kMended), "--bug", "bitmap-forgets-bit", "--name", "forgets", "--comment", comment}),
            kNothingFound)
      << err_;
  EXPECT_EQ(out_, into() + "/forgets.cma\n");
  EXPECT_THAT(read_file(adopted().front()).value(),
              StartsWith("# A window of two bits is marked with one only.\n# xxx"));
}

TEST_F(Adopt, RefusesWhatDoesNotShowItsFinding) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"cmacheck 1\nmachine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=1\n",
       "breaks no law with its bug on"},
      {std::string(kFinding).replace(2, 6, "counters"), "its finding is counters/cma_alloc/cma_mutex_dropped, but"},
      {std::string(kMended), "no bug is on"},
      {"machine small release=6.1\nb = cma_alloc a pages=1\nexpect b == -EBUSY\n", "still shows expect/"},
      {"machine small release=6.1\nbug bitmap-forgets-bit\nb = cma_alloc a pages=2\nexpect b == -EBUSY\n",
       "without its bug too"},
      {"no program\n", "f.cma:1"},
  };
  for (const auto& [text, why] : cases) {
    EXPECT_EQ(call({write("f.cma", text)}), kBadInput) << text;
    EXPECT_THAT(err_, HasSubstr(why));
    EXPECT_THAT(adopted(), IsEmpty());
  }
}

TEST_F(Adopt, RefusesASignatureThatIsThereAlready) {
  const std::string finding = write("f.cma", kFinding);
  ASSERT_EQ(call({finding}), kNothingFound);
  EXPECT_EQ(call({finding, "--name", "other"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("is there already: " + into() + "/bitmap-bitmap-forgets-bit-6.1.cma"));
  // A file by hand that expects the same, without a word of its signature.
  std::filesystem::remove(adopted().front());
  folder_.write(
      "regressions/by-hand.cma",
      "machine small release=6.1\nbug bitmap-forgets-bit\nb = cma_alloc a pages=2\nexpect finding law=bitmap\n");
  EXPECT_EQ(call({finding}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("by-hand.cma"));
  EXPECT_EQ(adopted().size(), 1U);
}

TEST_F(Adopt, OverwritesNothing) {
  folder_.write("regressions/mine.cma", "machine small release=6.1\n");
  EXPECT_EQ(call({write("f.cma", kFinding), "--name", "mine.cma"}), kBadInput);
  EXPECT_EQ(read_file(into() + "/mine.cma").value(), "machine small release=6.1\n");
  EXPECT_EQ(call({folder_.path("f.cma"), "--name", "../mine"}), kBadInput);
}

TEST_F(Adopt, TakesAMendedFindingOnRequest) {
  ASSERT_EQ(call({write("f.cma", kMended), "--fixed"}), kNothingFound) << err_;
  const std::string text = read_file(adopted().front()).value();
  EXPECT_THAT(text, StartsWith("# Broke law `bitmap` once, and must not again.\n# Finding bitmap/cma_alloc/"));
  EXPECT_EQ(call({write("g.cma", "machine small release=6.1\n"), "--fixed"}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("no comment names the finding"));
}

}  // namespace
}  // namespace cma
