// Runs small programs and returns the answers about them. For the tests of this folder.
#pragma once

#include <string>
#include <vector>

#include "properties/explain/answer.h"

namespace cma {

// Runs a program, which must parse and pass, on the machine of the line `machine LINE` without any law watching.
// Returns the answers as text, without the lines of operations. `asked`: the name of a result to be explained too.
std::string why_text(const std::string& machine, const std::string& operations, const std::string& asked = "");
// Returns the answers as data.
std::vector<Answer> why_answers(const std::string& machine, const std::string& operations);

// One way in which an operation fails: the answers contain each of the texts.
struct WhyCase {
  const char* name;
  std::string machine;
  std::string operations;
  std::vector<std::string> texts;
};
// Checks each case.
void expect_answers(const std::vector<WhyCase>& cases);

}  // namespace cma
