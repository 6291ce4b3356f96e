// Writes the program for lines of boot: areas that were declared, or refused at the end of low memory.
//
// Used by program_writer.h where a log has no request. Cost: linear in such lines.
#pragma once

#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "properties/logs/explain_log.h"

namespace cma::reproduction {

// Returns whether the log prints addresses with the digits of 32 bits.
bool has_short_addresses(const logs::LogFacts& facts);
// Returns the program; empty if the log has no such line. Adds what the log does not tell to `assumed`.
std::string boot_program(const logs::LogFacts& facts, Release release, std::vector<std::string>& assumed);

}  // namespace cma::reproduction
