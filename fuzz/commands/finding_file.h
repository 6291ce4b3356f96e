// Keeps a finding as a file of its own: a program whose first lines replay and describe the finding, in a folder, under
// a name made of the finding's signature. Each finding has one file, and no other file is overwritten. Used by the
// commands that minimise.
#pragma once

#include <functional>
#include <string>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// What a finding's file is made of.
struct FindingFile {
  const Finding& finding;
  const Program& program;
  std::string replay;      // the command that shows the finding again, up to the file's name: "cmacheck run"
  std::string written_by;  // written_by()
  std::string notes = {};  // what else there is to know, in lines
};

// Returns the text of the file: the program after comments with the command, the version that wrote it, the finding's
// signature, its message and the notes.
std::string finding_text(const FindingFile& content, const std::string& file);
// Returns whether the file holds this program, whatever its comments are: another version may have written it.
bool holds(const std::string& file, const Program& program);

struct FindingPlace {
  std::string file;
  bool there = false;  // whether the file exists and shows the finding
};

// Returns a place for the finding in the folder. `shows` returns whether a file that exists shows the same finding.
FindingPlace place_for(const std::string& folder, const Finding& finding,
                       const std::function<bool(const std::string& file)>& shows);

}  // namespace cma
