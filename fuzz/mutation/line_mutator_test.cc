#include "fuzz/mutation/line_mutator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "properties/logs/explain_log.h"

namespace cma {
namespace {

std::string all_field_logs() {
  std::set<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("corpus/logs"))
    if (entry.path().extension() == ".txt") paths.insert(entry.path());
  std::string log;
  for (const auto& path : paths) {
    std::ifstream file(path);
    log.append(std::istreambuf_iterator<char>(file), {});
  }
  return log;
}

TEST(LineMutator, ASeedGivesTheSameLogAgainAndSeedsDiffer) {
  const std::string log = "one 1\ntwo 22\nthree 333\n";
  std::set<std::string> mutants;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random first(seed);
    Random second(seed);
    mutants.insert(mutate_lines(log, 1000, first));
    EXPECT_TRUE(mutants.contains(mutate_lines(log, 1000, second)));
  }
  EXPECT_GT(mutants.size(), 60U);
}

TEST(LineMutator, KeepsToTheSizeAndBearsNothing) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    EXPECT_LE(mutate_lines("alpha\nbeta", 7, random).size(), 7U);
    EXPECT_LE(mutate_lines("", 7, random).size(), 7U);
    std::uint8_t bytes[16] = {'a', '\n', '1'};
    EXPECT_LE(mutate_log(bytes, 3, sizeof bytes, static_cast<unsigned>(seed)), sizeof bytes);
  }
}

// What the target checks, on logs that are far from the real ones.
TEST(LineMutator, NoMutantOfRealLogsGetsALongAnswerOrOneAboutLinesThatAreNotThere) {
  std::string log = all_field_logs();
  ASSERT_FALSE(log.empty());
  Random random(1);
  for (int i = 0; i < 150; ++i) {
    log = mutate_lines(log, 100'000, random);
    const logs::LogAnswer answer = logs::explain_log(logs::text_source(log));
    ASSERT_GE(answer.brief.size(), 1U);
    ASSERT_LE(answer.brief.size(), 3U);
    for (const logs::Section& section : answer.sections)
      for (const logs::Statement& statement : section.statements)
        for (const std::uint64_t line : statement.lines) ASSERT_LE(line, answer.lines) << statement.text;
    if (i % 30 == 29) log = all_field_logs();
  }
}

}  // namespace
}  // namespace cma
