// What a shell needs to complete the words of a command line: a script that knows every command and option.
//
// Made from the declarations of the commands, so it cannot miss one. Used by `cmacheck completion`. Where an option or
// argument takes a value, the scripts offer its words if it has some, and files if not. Cost: for output only.
#pragma once

#include <string>
#include <vector>

#include "fuzz/commands/command.h"

namespace cma {

// Each returns the script for one shell, given what CommandLine::commands() returns.
std::string bash_completion(const std::vector<CommandInfo>& commands);
std::string zsh_completion(const std::vector<CommandInfo>& commands);
std::string fish_completion(const std::vector<CommandInfo>& commands);

}  // namespace cma
