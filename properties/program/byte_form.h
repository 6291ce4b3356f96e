// The byte form of programs: for fuzzers. Every byte string is a program; every program has a byte string, and
// decode(encode(p)) == p for settled programs.
//
//   version (1 byte: the lowest that has all keys of its machine), machine (1 byte: release, shape, or "in full"),
//   actors (1 byte), the machine's keys that came after version 1 (a number each), then operations up to the end:
//   kind | marks follow << 7, [performer given | until given << 1], identifier, [performer], [point, nth], and the
//   operation's fields
//
// Numbers are LEB128. A value outside of a field's range is folded into it; missing bytes read as zero. For machines
// that are no shapes, named results and named actors the machine byte is 0x80, and they follow in full, all keys too.
// Cost: about 10 ns a byte; decode_into reuses the memory of the program.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "properties/program/program.h"
#include "properties/program/shapes.h"

namespace cma {

// The latest version. Bytes that begin with no version are read as the first.
inline constexpr std::uint8_t kByteVersion = 3;

// What arbitrary bytes may ask for. A larger machine becomes the default small one; operations beyond the limit are
// left out.
struct ByteLimits {
  std::uint64_t pages = std::uint64_t{1} << 26;
  std::size_t ops = kMaxOps;
};
// For fuzzers: machines up to the large shapes, programs up to the longest that the generator makes.
inline constexpr ByteLimits kFuzzLimits{.pages = 0xc000, .ops = 1500};

// Returns the bytes of a program. Requires that it is settled.
std::vector<std::uint8_t> encode(const Program& program);
// Returns the program of any bytes, settled.
Program decode(std::span<const std::uint8_t> bytes, const ByteLimits& limits = {});
void decode_into(Program& program, std::span<const std::uint8_t> bytes, const ByteLimits& limits = {});

}  // namespace cma
