// What tests of programs share. Used by the tests of properties/.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "properties/program/text.h"

namespace cma {

// Parses a program that a test wrote. If it is none, the test fails, and the result is an empty program.
inline Program parsed(std::string_view text) {
  const auto program = parse(text, "test");
  EXPECT_TRUE(program.has_value()) << (program ? "" : program.error().text());
  return program.value_or(Program{});
}

}  // namespace cma
