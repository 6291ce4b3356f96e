// Fuzz target: the text form. No text makes the parser crash or hang. Text that it refuses has an error with a place.
// Text that it accepts is a program that is the same after printing and parsing, and after encoding and decoding.

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "properties/program/byte_form.h"
#include "properties/program/text.h"

namespace {

// Reports a finding and aborts unless the condition holds.
void require(bool holds, std::string_view what, std::string_view text) {
  if (holds) return;
  fmt::print(stderr, "FINDING: text/{}\n{}\n", what, text);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto program = cma::parse(input);
  if (!program) {
    const cma::TextError& error = program.error();
    require(error.line >= 1 && error.column >= 1 && !error.message.empty(), "error-without-place", input);
    return 0;
  }
  const std::string text = cma::print(*program);
  const auto again = cma::parse(text);
  require(again.has_value(), "printed-text-is-refused", text);
  require(*again == *program, "printed-text-means-something-else", text);
  require(cma::print(*again) == text, "printed-text-is-not-canonical", text);
  require(cma::decode(cma::encode(*program)) == *program, "bytes-mean-something-else", text);
  return 0;
}
