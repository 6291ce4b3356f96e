// The byte form of programs: for fuzzers. Every byte string is a program; every program has a byte string, and
// decode(encode(p)) == p for settled programs.
//
//   version (1 byte), machine (1 byte: release, shape, or "in full"), actors (1 byte), then operations up to the end:
//   kind | marks follow << 7, [performer given | until given << 1], identifier, [performer], [point, nth], fields in
//   order
//
// Numbers are LEB128; what lies out of a field's range is folded into it, and missing bytes read as zero. Machines
// other than the listed shapes, named results and named actors make the machine byte 0x80 and are told in full behind
// it. Cost: about 10 ns a byte; decode_into reuses what the program already holds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "properties/program/program.h"
#include "properties/program/shapes.h"

namespace cma {

inline constexpr std::uint8_t kByteVersion = 1;

// What arbitrary bytes may ask for. Beyond it the machine is replaced by the default small one, operations are left
// out.
struct ByteLimits {
  std::uint64_t pages = std::uint64_t{1} << 26;
  std::size_t ops = kMaxOps;
};
// For fuzzers: small machines, short programs.
inline constexpr ByteLimits kFuzzLimits{.pages = 4096, .ops = 256};

// The program must be settled.
std::vector<std::uint8_t> encode(const Program& program);
Program decode(std::span<const std::uint8_t> bytes, const ByteLimits& limits = {});
void decode_into(Program& program, std::span<const std::uint8_t> bytes, const ByteLimits& limits = {});

}  // namespace cma
