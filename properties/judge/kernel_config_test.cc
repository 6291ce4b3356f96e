// The kernels that the judge knows stand twice: for C++ and for the scripts that build them.

#include "properties/judge/kernel_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace cma::judge {
namespace {

// Returns what a command prints. Fails the test if it cannot be run.
std::string output_of(const char* command) {
  std::string output;
  FILE* const pipe = ::popen(command, "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << command;
    return output;
  }
  for (int letter = std::fgetc(pipe); letter != EOF; letter = std::fgetc(pipe)) output += static_cast<char>(letter);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return output;
}

TEST(KernelConfig, TheScriptBuildsTheKernelsThatAreJudged) {
  std::string expected;
  for (const KernelConfig& config : judged_kernels())
    expected += fmt::format("{} {}\n", cma::name_of(config.release), config.pageblock_order);
  EXPECT_EQ(output_of("ci/judge-kernel --list"), expected);
}

TEST(KernelConfig, EveryJudgedReleaseIsModelled) {
  for (const Release release : judged_releases()) EXPECT_TRUE(release_from_name(cma::name_of(release)).has_value());
}

}  // namespace
}  // namespace cma::judge
