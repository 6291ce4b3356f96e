// What a real kernel answered to a program, written down: the judge for releases that cannot be built here.
//
// A recording stands beside its program under the same name, ending in .answers. It is a list of checkpoints: after the
// Nth operation these lines were printed since the last checkpoint, these results were had, and the areas looked like
// this. Dumps tell only what has changed since the last dump of the same area. One recording may hold the answers for
// two pageblock orders, which are nearly equal. replay() runs the program on the model and compares line by line; the
// format is in README.md. Linear in the size of the recording.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "properties/program/interpreter.h"

namespace cma::judge {

// One line of a recording, with its number for reports.
struct RecordedLine {
  int number = 0;
  std::string text;
};

// What is compared after one operation.
struct Checkpoint {
  std::size_t after = 0;  // operations performed so far
  int number = 0;         // its line in the recording
  std::vector<RecordedLine> lines;
};

struct Recording {
  // Those it was made with; empty: only the program's own.
  std::vector<unsigned> pageblock_orders;
  std::vector<Checkpoint> checkpoints;
};

// Where model and recording part.
struct Mismatch {
  int line = 0;        // of the recording
  std::size_t op = 0;  // operations performed
  std::string expected;
  std::string got;
};

// What was recorded with this pageblock order.
std::expected<Recording, std::string> parse_recording(std::string_view text, unsigned pageblock_order);

// Runs the program, whose pageblock order must be the recording's, and compares. Nothing: the model gave every recorded
// answer.
std::optional<Mismatch> replay(const Program& program, const Recording& recording, Interpreter& interpreter);

// A `bm` line of hexadecimal digits as runs of set bits: "bm 0+148 256+12".
std::string bitmap_runs(std::string_view line);

}  // namespace cma::judge
