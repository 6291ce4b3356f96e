// Fuzz target: recordings of a kernel's answers. No text makes the parser or the comparison crash or hang. What the
// parser refuses has a line and a reason. What it accepts has checkpoints that ascend, with the lines of the text in
// their order; the comparison with a small program ends equal, or at one of these lines.

#include <algorithm>
#include <cstdint>

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

// Checks what was made of the text. Returns the number of the last line that is kept.
int check(const cma::judge::Recording& recording, std::string_view text) {
  const auto lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
  cma::require(!recording.checkpoints.empty() && recording.checkpoints.front().after == 0, "recording/no-beginning");
  int last = 0;
  std::size_t after = 0;
  for (const cma::judge::Checkpoint& checkpoint : recording.checkpoints) {
    cma::require(checkpoint.after >= after, "recording/checkpoints-do-not-ascend", text);
    after = checkpoint.after;
    for (const cma::judge::RecordedLine& line : checkpoint.lines) {
      cma::require(line.number > last && line.number <= lines, "recording/lines-do-not-ascend", text);
      cma::require(text.contains(line.text), "recording/line-is-not-in-the-text", line.text);
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
