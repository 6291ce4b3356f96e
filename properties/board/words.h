// Sizes, addresses and numbers of a tree as the reports on boards write them.
//
// All of this folder's answers use it. No costs, no locks; it stands on allocator/.
#pragma once

#include <cstdint>
#include <string>

#include "allocator/machine.h"

namespace cma {

// Returns "4 MiB", or KiB or bytes where it is no whole number of them.
std::string size_in_words(std::uint64_t bytes);
// Returns "[0x0, 0x1000)", which leaves its end out.
std::string range_in_words(const ByteRange& range);
// Returns "1 node", "2 nodes".
std::string count_in_words(std::size_t count, const std::string& noun);
// Returns a size as a command line has it: "4M".
std::string size_word(std::uint64_t bytes);

// Returns whether a number fits into so many cells of a device tree, 1 or 2.
bool fits_cells(std::uint64_t number, unsigned cells);

// Returns the size of an area's unit on this machine, in bytes.
std::uint64_t unit_of(const Machine& machine);
// Returns frames as bytes.
ByteRange bytes_of(const Machine& machine, const PfnRange& range);
// Returns the range from `base` on, which ends at the largest address at the latest.
ByteRange range_from(std::uint64_t base, std::uint64_t size);
// Returns what two ranges have in common; a range of size 0 if that is nothing.
ByteRange common_part(const ByteRange& a, const ByteRange& b);

}  // namespace cma
