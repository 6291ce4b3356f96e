#include <gmock/gmock.h>

#include "fuzz/commands/command_testing.h"
#include "fuzz/commands/files.h"
#include "properties/program/byte_form.h"

namespace cma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kClean = "machine small release=6.1\ndrain\nb1 = cma_alloc a pages=20\ncma_release b1\n";
constexpr std::string_view kNotSmall =
    "machine small release=6.1\nbug bitmap-forgets-bit\ndrain\nb1 = cma_alloc a pages=20\ncma_release b1\n";

class MinimizeCommand : public CommandTest {
 protected:
  // Writes the bytes of a program, as a fuzzer leaves them.
  std::string write_bytes(const std::string& name, std::string_view text) const {
    const auto loaded = program_of("text", text);
    const std::vector<std::uint8_t> bytes = encode(loaded->program);
    return write(name, std::string(bytes.begin(), bytes.end()));
  }
  int call(std::vector<std::string> words) {
    words.insert(words.begin(), "minimize");
    return CommandTest::call(words);
  }
};

// The file is all that is passed on: it says how to see the finding, and which version saw it.
TEST_F(MinimizeCommand, WritesFirstHowToReplayTheFinding) {
  const std::string file = folder_.path("smallest.cma");
  ASSERT_EQ(call({write("f.cma", kNotSmall), "-o", file}), kNothingFound);
  const std::string text = read_file(file).value();
  EXPECT_THAT(text, StartsWith("# cmacheck run " + file + "\n# written by cmacheck "));
  EXPECT_THAT(text, HasSubstr(", commit 0123456789ab\n# bitmap/"));
  EXPECT_EQ(CommandTest::call({"run", file}), kFindings);
}

TEST_F(MinimizeCommand, ReportsWhatDoesNotMatter) {
  ASSERT_EQ(call({write("f.cma", kNotSmall), "-o", folder_.path("min.cma")}), kNothingFound);
  EXPECT_THAT(
      err_, AllOf(HasSubstr("it can be cut no further: 1 sub-sequences and 2 smaller numbers were tried"),
                  HasSubstr("pages of operation 1 `b1 = cma_alloc a pages=2`: 2 to 256\n"),
                  HasSubstr("releases with the same finding: 4.9, 4.19, 5.10, 5.15, 6.1, 6.6, 6.12; no finding: 3.6\n"),
                  HasSubstr("bug bitmap-forgets-bit is needed (planted)\n")));
}

TEST_F(MinimizeCommand, SaysNothingOfThatWhereTheLawAloneCounts) {
  ASSERT_EQ(call({write("f.cma", kNotSmall), "--same", "law"}), kNothingFound);
  EXPECT_THAT(err_, Not(HasSubstr("does not matter")));
}

TEST_F(MinimizeCommand, TakesARawInputOfProgramFuzzer) {
  const std::string raw = write_bytes("program_fuzzer-crash-1f", kClean);
  ASSERT_EQ(call({raw, "--bug", "bitmap-forgets-bit"}), kNothingFound) << err_;
  EXPECT_THAT(err_, HasSubstr(raw + ": read as an input of program_fuzzer (bytes)\n"));
  EXPECT_THAT(out_, HasSubstr("\nb1 = cma_alloc a pages=2\n"));
}

// The expectations of raw bytes are random: an unmet one is no finding of the fuzzer.
TEST_F(MinimizeCommand, OverlooksExpectationsOfARawInput) {
  const std::string text = std::string(kClean) + "expect free_pages == 3\n";
  ASSERT_EQ(call({write_bytes("raw", text), "--bug", "bitmap-forgets-bit"}), kNothingFound) << err_;
  EXPECT_THAT(err_, HasSubstr("bitmap/cma_alloc/cma_mutex_dropped"));
}

TEST_F(MinimizeCommand, TakesBytesWithTheirBug) {
  ASSERT_EQ(call({write_bytes("finding", kNotSmall)}), kNothingFound) << err_;
  EXPECT_THAT(err_, HasSubstr("read as a program's bytes"));
}

TEST_F(MinimizeCommand, NamesTheTargetOfAnInputThatIsNoProgram) {
  EXPECT_EQ(call({write("bitmap_fuzzer-crash-1f", std::string("\x01\x02\x03", 3))}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("by its name it is an input of bitmap_fuzzer"));
  EXPECT_EQ(call({write("program_text_fuzzer-crash-1f", "machine small\nnonsense\n")}), kBadInput);
  EXPECT_THAT(err_, AllOf(HasSubstr("-crash-1f:1:"), HasSubstr("by its name it is an input of program_text_fuzzer")));
  EXPECT_EQ(call({write_bytes("1f", kClean)}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("it may be an input of another target, or need a bug"));
}

TEST_F(MinimizeCommand, SaysWhereATextIsNoProgram) {
  EXPECT_EQ(call({write("t.cma", "machine small release=6.1\nnonsense\n")}), kBadInput);
  EXPECT_THAT(err_, HasSubstr("t.cma:2:"));
}

}  // namespace
}  // namespace cma
