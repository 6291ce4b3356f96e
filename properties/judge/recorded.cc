#include "properties/judge/recorded.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "properties/program/text.h"

namespace cma::judge {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> programs_below(const fs::path& folder) {
  std::vector<fs::path> programs;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".cma") programs.push_back(entry.path());
  std::ranges::sort(programs);
  return programs;
}

class Replayer {
 public:
  void replay_program(const fs::path& path);
  RecordedSummary take() { return std::move(summary_); }

 private:
  void replay_order(const fs::path& path, Program program, const std::string& text, unsigned order);
  void run_unanswered(const fs::path& path, const Program& program);

  Interpreter interpreter_;
  RecordedSummary summary_;
};

void Replayer::replay_order(const fs::path& path, Program program, const std::string& text, unsigned order) {
  program.machine.pageblock_order = order;
  const auto recording = parse_recording(text, order);
  if (!recording) {
    summary_.differences.push_back(fmt::format("{}: {}", path.string(), recording.error()));
    return;
  }
  ++summary_.recordings;
  summary_.operations += program.ops.size();
  for (const Checkpoint& checkpoint : recording->checkpoints) summary_.answers += checkpoint.lines.size();
  const auto mismatch = replay(program, *recording, interpreter_);
  if (!mismatch) return;
  summary_.differences.push_back(
      fmt::format("{} with pageblock order {}, line {} of the answers, after {} operations\n  kernel {}\n  model  {}",
                  path.string(), order, mismatch->line, mismatch->op, mismatch->expected, mismatch->got));
}

void Replayer::run_unanswered(const fs::path& path, const Program& program) {
  ++summary_.unanswered;
  if (interpreter_.run(program).finding_expected) return;
  summary_.differences.push_back(path.string() + ": the kernel never answered, the model did");
}

void Replayer::replay_program(const fs::path& path) {
  const auto program = parse(content_of(path), path.string());
  if (!program) {
    summary_.differences.push_back(program.error().text());
    return;
  }
  fs::path answers = path;
  answers.replace_extension(".answers");
  if (!fs::exists(answers)) return run_unanswered(path, *program);
  const std::string text = content_of(answers);
  const auto heading = parse_recording(text, 0);
  std::vector<unsigned> orders = heading ? heading->pageblock_orders : std::vector<unsigned>{};
  if (orders.empty()) orders.push_back(program->machine.pageblock_order);
  for (const unsigned order : orders) replay_order(path, *program, text, order);
}

}  // namespace

RecordedSummary replay_all(const fs::path& folder) {
  Replayer replayer;
  for (const fs::path& path : programs_below(folder)) replayer.replay_program(path);
  return replayer.take();
}

}  // namespace cma::judge
