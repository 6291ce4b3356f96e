// Keeps a finding as a file of its own: a program whose first lines describe the finding, in a folder, under a name
// made of the finding's signature. Each finding has one file, and no other file is overwritten. Used by the commands
// that minimise.
#pragma once

#include <functional>
#include <string>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// Returns the program's text with the finding as a comment before it.
std::string finding_text(const Finding& finding, const Program& program);

struct FindingPlace {
  std::string file;
  bool there = false;  // whether the file exists and shows the finding
};

// Returns a place for the finding in the folder. `shows` returns whether a file that exists shows the same finding.
FindingPlace place_for(const std::string& folder, const Finding& finding,
                       const std::function<bool(const std::string& file)>& shows);

}  // namespace cma
