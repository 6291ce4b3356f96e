// The rule for loops of the model (README.md) held against the sources: a loop that does not end by itself counts its
// turns, in the first line of its body.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "allocator/engine/engine.h"

namespace cma {
namespace {

namespace fs = std::filesystem;

// Returns whether the file is part of the model, in a folder that knows the engine. Boot runs no operation: its loops
// end with the text or the entries that it reads.
bool is_model(const fs::path& file) {
  const std::string stem = file.stem().string();
  if (file.extension() != ".cc" && file.extension() != ".h") return false;
  for (const char* kind : {"_test", "_testing", "_bench", "_property"})
    if (stem.ends_with(kind)) return false;
  for (const char* folder : {"base", "bitmap", "boot", "engine", "memblock", "trace"})
    if (file.parent_path().filename() == folder) return false;
  return true;
}

// Returns whether the line begins a loop that ends by state. clang-format keeps such a header on one line.
bool ends_by_state(const std::string& line) {
  static const std::regex kLoop(R"(^\s*(while \(|do \{|for \(.*;\s*\)|for \([^;]*;[^;]*;.*\.(next|prev)\)))");
  static const std::regex kStepsInCondition(R"(^\s*for \([^;]*;[^;]*-- > [^;]*;\))");
  // The end of a list is not the only bound of this one.
  static const std::regex kCounted(R"(^\s*for \([^;]*;[^;]*<= most;)");
  return std::regex_search(line, kLoop) && !std::regex_search(line, kStepsInCondition) &&
         !std::regex_search(line, kCounted);
}

std::vector<std::string> loops_that_do_not_count(const std::vector<std::string>& lines, const std::string& name) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!ends_by_state(lines[i])) continue;
    const bool counts = i + 1 < lines.size() && lines[i + 1].find("engine.turn();") != std::string::npos;
    if (!counts) found.push_back(name + ":" + std::to_string(i + 1) + ": " + lines[i]);
  }
  return found;
}

TEST(Loops, OfTheModelCountTheirTurnsUnlessTheyEndByThemselves) {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator("allocator")) {
    if (!is_model(entry.path())) continue;
    std::ifstream file(entry.path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    for (std::string& loop : loops_that_do_not_count(lines, entry.path().string())) found.push_back(std::move(loop));
  }
  EXPECT_THAT(found, ::testing::IsEmpty());
}

TEST(Loops, AreToldApartByTheirHeaders) {
  for (const char* line : {"  while (!list.empty()) {", "  do {", "  for (;;) {", "  for (Pfn p = pfn; p < end;) {",
                           "  for (Frame f = list.first; f != kNil; f = map.at(f).next) {", "  while (x) --x;"})
    EXPECT_TRUE(ends_by_state(line)) << line;
  for (const char* line : {"  for (Pfn p = pfn; p < end; ++p) {", "  for (unsigned o = top; o-- > 0;)",
                           "  } while (count > 0);", "  for (Page& page : pages) {"})
    EXPECT_FALSE(ends_by_state(line)) << line;
  EXPECT_THAT(loops_that_do_not_count({"  do {", "    core_.engine.turn();", "  while (x) --x;"}, "f"),
              ::testing::ElementsAre("f:3:   while (x) --x;"));
}

// --- turns ---

TEST(Turns, AreBoundedFromOnePointToTheNext) {
  Engine engine(1);
  engine.bound_turns(3);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) engine.turn();
    engine.passed(Point::cma_alloc_entry);
  }
  for (int i = 0; i < 3; ++i) engine.turn();
  try {
    engine.turn();
    FAIL() << "a fourth turn";
  } catch (const EngineFault& fault) {
    EXPECT_EQ(fault.kind(), EngineFault::Kind::bounded);
    EXPECT_EQ(fault.function(), info_of(Point::cma_alloc_entry).function);
  }
}

TEST(Turns, AreNoSteps) {
  Engine engine(1);
  const std::uint64_t steps = engine.steps();
  for (int i = 0; i < 1000; ++i) engine.turn();
  EXPECT_EQ(engine.steps(), steps);
}

TEST(Turns, BeginAgainWhenTheMachineDoes) {
  Engine engine(1);
  engine.bound_turns(2);
  for (int i = 0; i < 2; ++i) engine.turn();
  engine.reset();
  EXPECT_NO_THROW(engine.turn());
}

}  // namespace
}  // namespace cma
