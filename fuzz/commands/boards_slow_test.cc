// What three real boards reserve, by their trees in the kernel's source package: the answers that stand in
// properties/board/README.md. One test, as reading the package takes most of its time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "fuzz/commands/command_testing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct BoardAnswer {
  const char* board;
  std::vector<std::string> options;
  std::vector<const char*> lines;      // that the report has
  int code = kNothingFound;            // kFindings: something that was asked for is not there
  const char* never = "no such text";  // that it has not
};

std::vector<BoardAnswer> answers_for(const std::string& release) {
  const std::vector<std::string> pi = {"--memory", "948M@0", "--memory", "3008M@0x40000000", "--limit", "1G"};
  const auto with = [&](std::vector<std::string> options, const std::vector<std::string>& more) {
    options.insert(options.end(), {"--release", release});
    options.insert(options.end(), more.begin(), more.end());
    return options;
  };
  return {
      {"bcm2711-rpi-4-b",
       with({}, pi),
       {"Reserved memory: created CMA memory pool at 0x0000000037400000, size 64 MiB"}},
      {"bcm2711-rpi-4-b",
       with({"--cmdline", "cma=320M"}, pi),
       {"Reserved memory: bypass linux,cma node, using cmdline CMA params instead",
        "cma: Reserved 320 MiB at 0x0000000027400000"},
       kFindings},
      {"imx6q-sabresd", with({"--arch", "arm", "--cmdline", "cma=320M"}, {}), {"cma: Reserved 320 MiB at 0x2c000000"}},
      {"imx6q-sabresd", with({"--arch", "arm", "--cmdline", "cma=256M"}, {}), {"cma: Reserved 256 MiB at 0x40000000"}},
      {"rk3399-rockpro64",
       with({"--memory", "3966M@0x200000", "--cmdline", "cma=256M"}, {}),
       {"cma: Reserved 256 MiB at 0x00000000e8000000"}},
  };
}

class Boards : public CommandTest {};

TEST_F(Boards, GiveTheAnswersOfTheReadme) {
  std::filesystem::create_directories(path("trees"));
  const int status = std::system(("ci/boards --into " + path("trees")).c_str());
  constexpr int kMissing = 3;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kMissing)
    GTEST_SKIP() << "the kernel's source package, cpp or dtc is missing: ci/setup --judge";
  ASSERT_EQ(status, 0);
  std::vector<BoardAnswer> answers = answers_for("6.1");
  for (BoardAnswer& answer : answers_for("6.12")) answers.push_back(std::move(answer));
  // Up to 5.7 the node is the default area, and cma= is ignored without a line.
  answers.push_back(answers_for("4.19")[1]);
  answers.back().lines = {"created CMA memory pool at 0x0000000037400000"};
  answers.back().code = kNothingFound;
  answers.back().never = "cma: Reserved";
  for (const BoardAnswer& answer : answers) {
    std::vector<std::string> words = {"boot", path(std::string("trees/") + answer.board + ".dts")};
    words.insert(words.end(), answer.options.begin(), answer.options.end());
    EXPECT_EQ(call(words), answer.code) << answer.board << err_;
    for (const char* line : answer.lines) EXPECT_THAT(out_, HasSubstr(line)) << answer.board;
    EXPECT_THAT(out_, Not(HasSubstr(answer.never))) << answer.board;
  }
}

}  // namespace
}  // namespace cma
