// The program that a property is asked to try alone: the file that CMACHECK_PROGRAM names.
//
// Read by the main function of property tests, which refuses a file that is no program, and by the properties. Cost:
// that of reading a text.
#pragma once

#include <expected>
#include <string>

#include "properties/program/program.h"

namespace cma {

// Returns the program in a file. Fails with a sentence that names the file, the line and what was expected: also for a
// program of another version of the text form.
std::expected<Program, std::string> read_saved_program(const std::string& file);

}  // namespace cma
