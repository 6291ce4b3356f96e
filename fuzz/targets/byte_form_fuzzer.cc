// Fuzz target: the byte form. Any bytes are a program, which is the same after encoding and decoding, after printing
// and parsing, and when it is decoded into a program that held another one. What the mutator makes of it fits.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz/mutation/mutator.h"
#include "fuzz/targets/tail.h"
#include "fuzz/targets/target.h"
#include "properties/program/byte_form.h"
#include "properties/program/text.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

// Checks the forms of one program.
void check(const cma::Program& program) {
  cma::Program settled = program;
  settled.settle();
  cma::require(settled == program, "bytes/decoded-program-is-not-settled");
  cma::require(!program.machine.impossible().has_value(), "bytes/decoded-machine-is-impossible");
  const std::string text = cma::print(program);
  const Bytes bytes = cma::encode(program);
  const cma::Program decoded = cma::decode(bytes);
  cma::require(decoded == program, "bytes/decoding-gives-another-program", text);
  cma::require(cma::encode(decoded) == bytes, "bytes/encoding-is-not-canonical", text);
  const auto parsed = cma::parse(text);
  cma::require(parsed.has_value(), "bytes/printed-text-is-refused", text);
  cma::require(*parsed == program, "bytes/text-means-something-else", text);
}

// Checks that the mutator writes no more than it may, and a program.
void check_mutation(std::span<const std::uint8_t> input, std::uint64_t seed) {
  // Exactly as large as the bound, so that a sanitizer notices a write past its end.
  const std::size_t room = input.size() + seed % 64;
  Bytes mutated(room);
  std::ranges::copy(input, mutated.begin());
  const std::size_t size = cma::mutate_bytes(mutated.data(), input.size(), room, seed);
  cma::require(size <= room, "bytes/mutation-is-too-long");
  mutated.resize(size);
  Bytes crossed(room);
  const std::size_t crossed_size = cma::cross_bytes(input, mutated, crossed, seed);
  cma::require(crossed_size <= room, "bytes/crossover-is-too-long");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static cma::Program& reused = *new cma::Program;
  const std::span<const std::uint8_t> input(data, size);
  const cma::Program program = cma::decode(input, cma::kFuzzLimits);
  cma::decode_into(reused, input, cma::kFuzzLimits);
  cma::require(reused == program, "bytes/decoding-depends-on-what-was-there");
  check(program);
  check_mutation(input, size == 0 ? 0 : data[size - 1]);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  return cma::mutate_before_tail({data, max_size}, size, 0, seed);
}
