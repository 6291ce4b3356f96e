// Recorded answers of a real kernel to a program, for releases that cannot be built here.
//
// A recording stands beside its program under the same name, ending in .answers. It is a list of checkpoints: the lines
// printed since the last checkpoint, the results and the state of the areas after the Nth operation. A dump lists only
// what has changed since the last dump of the same area. One recording may hold the answers for two pageblock orders,
// which are nearly equal. replay() runs the program on the model and compares line by line. README.md describes the
// format. Linear in the size of the recording.
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
  // The orders it was made with; empty if only the program's own.
  std::vector<unsigned> pageblock_orders;
  std::vector<Checkpoint> checkpoints;
};

// The first difference between model and recording.
struct Mismatch {
  int line = 0;        // of the recording
  std::size_t op = 0;  // operations performed
  std::string expected;
  std::string got;
};

// Parses what was recorded with this pageblock order. On bad text returns its line and what is wrong.
std::expected<Recording, std::string> parse_recording(std::string_view text, unsigned pageblock_order);

// Runs the program and compares. Requires that its pageblock order is the recording's. Returns nullopt if the model
// gave every recorded answer.
std::optional<Mismatch> replay(const Program& program, const Recording& recording, Interpreter& interpreter);

// Returns a `bm` line of hexadecimal digits as runs of set bits: "bm 0+148 256+12".
std::string bitmap_runs(std::string_view line);

}  // namespace cma::judge
