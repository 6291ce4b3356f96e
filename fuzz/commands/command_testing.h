// A fixture for tests of commands: runs the command line in this process, with a folder of its own, and keeps what it
// prints. Used by the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/scratch_folder_testing.h"
#include "fuzz/commands/command.h"

namespace cma {

class CommandTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  std::string write(const std::string& name, std::string_view content) const { return folder_.write(name, content); }
  // Returns the exit code of `cmacheck WORDS`; out_ and err_ have what it printed.
  int call(const std::vector<std::string>& words) {
    std::vector<const char*> argv = {"cmacheck"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int exit_code = run_command_line(static_cast<int>(argv.size()), argv.data(), "0123456789ab");
    static_cast<void>(std::fflush(stdout));
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return exit_code;
  }

  ScratchFolder folder_;
  std::string out_;
  std::string err_;
};

}  // namespace cma
