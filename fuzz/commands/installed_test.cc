#include "fuzz/commands/installed.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "allocator/base/scratch_folder_testing.h"

namespace cma {
namespace {

class InstalledTest : public ::testing::Test {
 protected:
  InstalledTest() {
    for (const char* folder : {"corpus/scenarios", "corpus/logs"})
      std::filesystem::create_directories(data_.path(folder));
    data_.write("corpus/scenarios/only-installed.cma", "cmacheck 1\n");
    data_.write("corpus/logs/camera-two-sweeps.txt", "another one\n");
  }
  std::string found(const std::string& name) const { return input_path(name, data_.path().string()); }

  ScratchFolder data_;
};

TEST_F(InstalledTest, InputsOfTheCorpusAreFoundWhereItIsInstalled) {
  EXPECT_EQ(found("corpus/scenarios/only-installed.cma"), data_.path("corpus/scenarios/only-installed.cma"));
}

TEST_F(InstalledTest, WhatIsThereComesFirst) {
  EXPECT_EQ(found("corpus/logs/camera-two-sweeps.txt"), "corpus/logs/camera-two-sweeps.txt");
  EXPECT_EQ(found("corpus/scenarios"), "corpus/scenarios");
}

TEST_F(InstalledTest, OtherNamesStayAsTheyAre) {
  for (const char* name : {"corpus/scenarios/nowhere.cma", "scenarios/only-installed.cma", "-", "", "/corpus/x"})
    EXPECT_EQ(found(name), name);
}

TEST_F(InstalledTest, TheFolderIsBesideTheProgram) {
  EXPECT_TRUE(data_folder().starts_with('/'));
  EXPECT_TRUE(data_folder().ends_with("/share/cmacheck"));
}

TEST_F(InstalledTest, CommandsThatArePrintedCanBeTyped) {
  EXPECT_EQ(program_name(data_.path().string()), "cmacheck");
  EXPECT_EQ(program_name(data_.path("nowhere")), "ci/cmacheck");
}

}  // namespace
}  // namespace cma
