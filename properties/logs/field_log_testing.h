// The logs of corpus/logs, for tests that read them whole.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace cma::logs {

// Returns the text of a log, by its file's name. Fails the test if there is none.
inline std::string field_log(const std::string& name) {
  std::ifstream file("corpus/logs/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace cma::logs
