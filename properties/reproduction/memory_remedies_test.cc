#include "properties/reproduction/memory_remedies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "properties/logs/field_log_testing.h"
#include "properties/reproduction/memory_log_testing.h"

namespace cma::reproduction {
namespace {

std::vector<Remedy> memory_remedies_of(std::string_view log) {
  const logs::LogFacts facts = logs::read_log(logs::text_source(log));
  return try_memory_remedies(facts, run_memory_report(facts, Release::v6_1), Release::v6_1);
}

bool memory_helps(const std::vector<Remedy>& remedies, const std::string& what) {
  const auto found = std::ranges::find_if(remedies, [&](const Remedy& one) { return one.what.starts_with(what); });
  EXPECT_NE(found, remedies.end()) << what;
  return found != remedies.end() && found->helps;
}

TEST(MemoryRemedies, OfAMachineInPiecesAreSmallerBlocks) {
  const auto remedies = memory_remedies_of(kMemoryInPieces);
  EXPECT_FALSE(memory_helps(remedies, "a request of order 2"));
  EXPECT_TRUE(memory_helps(remedies, "a request of order 1"));
}

TEST(MemoryRemedies, OfABoostedMinAreNoBoostAndASmallerArea) {
  const auto remedies = memory_remedies_of(logs::field_log("oom-boosted.txt"));
  EXPECT_TRUE(memory_helps(remedies, "vm.watermark_boost_factor=0 from the start"));
  EXPECT_TRUE(memory_helps(remedies, "an area of half the size"));
}

TEST(MemoryRemedies, OfAMinThatIsTooLargeIsItsDefault) {
  EXPECT_TRUE(memory_helps(memory_remedies_of(logs::field_log("min-free-too-large.txt")), "vm.min_free_kbytes="));
}

}  // namespace
}  // namespace cma::reproduction
