// How the lines of boot print addresses and sizes: in the widths of phys_addr_t and of an unsigned long.
//
// Declaring areas and the calls of boot/ use it. Cost: that of the text. No locks; it stands on base/ and trace/.
#pragma once

#include <cstdint>
#include <string>

#include "allocator/base/geometry.h"

namespace cma {

// Returns what is left of a number in an unsigned long.
std::uint64_t as_long(const Geometry& geometry, std::uint64_t value);

// Formats an address or a size in bytes as the kernel prints it: %pa has the width of phys_addr_t. 3.18 brought it;
// before, %08lx printed an unsigned long.
std::string printed_address(const Geometry& geometry, std::uint64_t address);

// Formats a size in bytes as MiB, "16 MiB": the number is cut to an unsigned long before it is divided.
std::string printed_mebibytes(const Geometry& geometry, std::uint64_t bytes);

}  // namespace cma
