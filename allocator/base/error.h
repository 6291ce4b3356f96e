// Error numbers of the modelled kernel functions. Functions return them negative, as the kernel does, so that logs and
// results carry the kernel's own numbers.
#pragma once

#include <string_view>

namespace cma {

inline constexpr int kEINTR = 4;
inline constexpr int kEIO = 5;
inline constexpr int kENOENT = 2;
inline constexpr int kEAGAIN = 11;
inline constexpr int kENOMEM = 12;
inline constexpr int kEFAULT = 14;
inline constexpr int kEBUSY = 16;
inline constexpr int kEINVAL = 22;
inline constexpr int kENOSPC = 28;
inline constexpr int kENOSYS = 38;

// Returns "-EBUSY" for -16, "0" for 0, and "error" for a number that no modelled function returns.
std::string_view errno_name(int error);
// Returns the number for "EBUSY" or "-EBUSY", 1 if the name is unknown.
int errno_from_name(std::string_view name);

}  // namespace cma
