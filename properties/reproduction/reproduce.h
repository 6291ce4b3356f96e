// Reproduces a real log: writes a program for it, runs that, and compares the lines that the model prints with those of
// the log.
//
// Used by `cmacheck explain --program`. Nothing is said to be reproduced that the model did not print. Cost: a machine
// as large as the log's area, and a run of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "properties/logs/explain_log.h"
#include "properties/reproduction/memory_run.h"
#include "properties/reproduction/program_writer.h"

namespace cma::reproduction {

// A line of the log about areas, and whether the program prints it byte for byte. Pointers differ, and count as equal.
struct ComparedLine {
  std::uint64_t line = 0;
  std::string text;
  bool printed = false;
};

struct Reproduction {
  WrittenProgram program;
  Release release = Release::v6_1;
  std::vector<ComparedLine> lines;
  std::uint64_t printed = 0;       // of them
  std::vector<std::string> added;  // lines that the program's requests print and the log lacks; the first few
  std::uint64_t added_count = 0;
  std::optional<MemoryRun> memory;  // of a log whose request for pages is reproduced, and none to an area
  std::string failed;               // why the program could not be run; empty if it was

  // Returns whether the program prints all lines of the log, and there are some.
  bool complete() const { return printed == lines.size() && printed != 0; }
};

// Returns the reproduction of a log. Its program is empty if the log has nothing that can be reproduced.
Reproduction reproduce(const logs::LogFacts& facts);
// Returns the program with comments that say what it is, what was assumed, and how far it agrees with the log.
std::string program_file(const Reproduction& reproduction);
// Returns what came of it as a section of the answer.
logs::Section reproduction_section(const Reproduction& reproduction, const std::string& file);

}  // namespace cma::reproduction
