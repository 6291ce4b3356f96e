// The recordings of a real 4.19 kernel below corpus/recorded: the model gives every answer in them.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "properties/judge/recording.h"
#include "properties/program/text.h"

namespace cma::judge {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> recorded_programs() {
  std::vector<fs::path> programs;
  for (const auto& entry : fs::recursive_directory_iterator("corpus/recorded"))
    if (entry.path().extension() == ".cma") programs.push_back(entry.path());
  std::ranges::sort(programs);
  return programs;
}

void replay_one(const fs::path& path, Program program, const std::string& answers, unsigned order,
                Interpreter& interpreter) {
  program.machine.pageblock_order = order;
  const auto recording = parse_recording(answers, order);
  ASSERT_TRUE(recording) << recording.error();
  const auto mismatch = replay(program, *recording, interpreter);
  if (!mismatch) return;
  ADD_FAILURE() << path.string() << " with pageblock order " << order << ", line " << mismatch->line
                << " of the answers, after " << mismatch->op << " operations\n  kernel " << mismatch->expected
                << "\n  model  " << mismatch->got;
}

TEST(Recorded, TheModelGivesEveryAnswer) {
  Interpreter interpreter;
  std::size_t replayed = 0;
  std::size_t unanswered = 0;
  for (const fs::path& path : recorded_programs()) {
    const auto program = parse(content_of(path), path.string());
    ASSERT_TRUE(program) << program.error().text();
    fs::path answers = path;
    answers.replace_extension(".answers");
    if (!fs::exists(answers)) {
      const RunResult result = interpreter.run(*program);
      EXPECT_TRUE(result.finding_expected) << path.string() << ": the kernel never answered";
      ++unanswered;
      continue;
    }
    const std::string text = content_of(answers);
    auto orders = parse_recording(text, 0)->pageblock_orders;
    if (orders.empty()) orders.push_back(program->machine.pageblock_order);
    for (const unsigned order : orders) {
      replay_one(path, *program, text, order, interpreter);
      ++replayed;
    }
  }
  EXPECT_EQ(replayed, 267U);
  EXPECT_EQ(unanswered, 7U);
}

}  // namespace
}  // namespace cma::judge
