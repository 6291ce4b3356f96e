// Names of tests that are instantiated for each kernel. Used by the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "properties/judge/kernel_config.h"

namespace cma::judge {

// Returns a kernel's name as GoogleTest takes names: "on_6_1_p9".
inline std::string test_name(const ::testing::TestParamInfo<KernelConfig>& info) {
  std::string name = name_of(info.param);
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == ' '; }, '_');
  return "on_" + name;
}

}  // namespace cma::judge
