// Fuzz target: recordings of a kernel's answers. No text makes the parser or the comparison crash or hang. What the
// parser refuses has a line and a reason. What it accepts has checkpoints that ascend, with the lines of the text in
// their order; the comparison with a small program ends equal, or at one of these lines.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "fuzz/targets/target.h"
#include "properties/judge/recording.h"
#include "properties/program/text.h"

namespace {

// A buffer that is released in part, pages of every kind that recordings ask for, and a block.
constexpr std::string_view kProgram = R"(machine small release=4.19
b1 = cma_alloc a pages=5
n1 = anon_page at=a+0x20
m1 = movable_page at=a+0x24
k1 = pin n1
p1 = alloc_pages type=movable
b2 = cma_alloc a pages=40 align=3
cma_release b1 pages=2
unpin k1
)";

cma::Program program_of_target() {
  auto program = cma::parse(kProgram);
  cma::require(program.has_value(), "recording/the-target's-program-is-none");
  return *program;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Checks what was made of the text. Returns the number of the last line that is kept.
int check(const cma::judge::Recording& recording, std::string_view text) {
  const std::vector<std::string_view> lines = lines_of(text);
  cma::require(!recording.checkpoints.empty() && recording.checkpoints.front().after == 0, "recording/no-beginning");
  int last = 0;
  std::size_t after = 0;
  for (const cma::judge::Checkpoint& checkpoint : recording.checkpoints) {
    cma::require(checkpoint.after >= after, "recording/checkpoints-do-not-ascend", text);
    after = checkpoint.after;
    for (const cma::judge::RecordedLine& line : checkpoint.lines) {
      cma::require(line.number > last && line.number <= std::ssize(lines), "recording/lines-do-not-ascend", text);
      // Without the order of pageblocks that it is meant for.
      const std::string_view written = lines[static_cast<std::size_t>(line.number) - 1];
      cma::require(written.ends_with(line.text), "recording/line-is-another", line.text);
      last = line.number;
    }
    last = std::max(last, checkpoint.number);
  }
  return last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cma::Program& program = *new cma::Program(program_of_target());
  static cma::Interpreter& interpreter = *new cma::Interpreter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto recording = cma::judge::parse_recording(text, program.machine.pageblock_order);
  if (!recording) {
    const std::string& error = recording.error();
    cma::require(error.starts_with("line ") && error.contains(": "), "recording/error-without-place", error);
    return 0;
  }
  const int last = check(*recording, text);
  const auto mismatch = cma::judge::replay(program, *recording, interpreter);
  if (mismatch) cma::require(mismatch->line >= 0 && mismatch->line <= last, "recording/difference-without-place", text);
  return 0;
}
