// Mutates a kernel's log by lines: lines are repeated, lost, moved, joined, broken, taken from elsewhere in the log,
// and their numbers change. What loggers, terminals and people who paste logs do to them.
//
// Used by the target `log_fuzzer`, and by a test. A seed gives the same log everywhere. Cost: linear in the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "properties/program/random.h"

namespace cma {

// Returns the log after one to four mutations, at most `max_size` bytes of it.
std::string mutate_lines(std::string_view log, std::size_t max_size, Random& random);
// Mutates bytes in place, as libFuzzer's custom mutators do; returns the new size.
std::size_t mutate_log(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);

}  // namespace cma
