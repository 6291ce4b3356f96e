// Writes the program for lines of boot: areas that were declared, or refused for their place or size.
//
// Used by program_writer.h where a log has no request that a program can show. Cost: linear in such lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "properties/logs/explain_log.h"

namespace cma::reproduction {

// Returns whether the log prints addresses with the digits of 32 bits.
bool has_short_addresses(const logs::LogFacts& facts);
// Returns whether a line refuses an area for its place or size, which a program can declare again.
bool refuses_area(const logs::Fact& fact);
// A change of the areas that were refused.
enum class BootChange : std::uint8_t {
  none,
  fitting,   // the size, or the base, that fits
  anywhere,  // no fixed place
};

// Returns the program; empty if the log has no such line. Adds what the log does not tell to `assumed`.
std::string boot_program(const logs::LogFacts& facts, Release release, std::vector<std::string>& assumed,
                         BootChange change = BootChange::none);

}  // namespace cma::reproduction
