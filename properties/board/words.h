// Sizes, ranges and texts of a tree, of the command line and of a machine, as the reports on boards have them.
//
// All of this folder's answers use it. No costs, no locks; it stands on allocator/.
#pragma once

#include <cstdint>
#include <string>

#include "allocator/machine.h"

namespace cma {

// Returns a size as a command line has it: "4M".
std::string size_word(std::uint64_t bytes);
// Returns a text of the tree or the command line with '?' for each character that a line cannot show.
std::string printable(std::string text);

// Returns whether a number fits into so many cells of a device tree, 1 or 2.
bool fits_cells(std::uint64_t number, unsigned cells);

// Returns the size of an area's unit on this machine, in bytes.
std::uint64_t unit_of(const Machine& machine);
// Returns frames as bytes; what ends after the largest address ends there.
ByteRange bytes_of(const Machine& machine, const PfnRange& range);
// Returns the range from `base` on, which ends at the largest address at the latest.
ByteRange range_from(std::uint64_t base, std::uint64_t size);
// Returns whether all of the range is memory: it has no hole, and does not wrap round.
bool all_memory(const Machine& machine, std::uint64_t base, std::uint64_t size);
// Returns what two ranges have in common; a range of size 0 if that is nothing.
ByteRange common_part(const ByteRange& a, const ByteRange& b);

}  // namespace cma
