// A finding as a file of its own: a program in a folder, under a name made of the finding's signature, its first lines
// saying what it shows. One finding is one file, and nothing is ever overwritten. Used by the commands that minimise.
#pragma once

#include <functional>
#include <string>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// The program's text with the finding as a comment before it.
std::string finding_text(const Finding& finding, const Program& program);

struct FindingPlace {
  std::string file;
  bool there = false;  // a file that shows the finding already
};

// A place in the folder; `shows` says of a file of that name whether it shows the same finding.
FindingPlace place_for(const std::string& folder, const Finding& finding,
                       const std::function<bool(const std::string& file)>& shows);

}  // namespace cma
