// What an installed cmacheck has otherwise than a checkout: where its corpus is, and how it is called.
//
// An installed cmacheck has the corpus beside it, as share/cmacheck/corpus: an input that is named as in a checkout,
// corpus/scenarios/NAME.cma, is found there from any folder. Used by what reads inputs, and by what prints commands;
// outputs are never looked for. Cost: a look at the file system.
#pragma once

#include <string>

namespace cma {

// Returns the folder that an installed cmacheck has its data in: from the executable on, ../share/cmacheck; where the
// kernel does not tell which executable it is (no /proc), that of Debian's package. It need not be there.
std::string data_folder();

// Returns the path of an input that was named: the name itself, unless nothing is there, it begins with corpus/, and
// the folder `data` has it.
std::string input_path(const std::string& name, const std::string& data = data_folder());

// Returns how the program is called in commands that are printed: cmacheck where it is installed, which is where the
// folder `data` exists, ci/cmacheck in a checkout.
std::string program_name(const std::string& data = data_folder());

}  // namespace cma
