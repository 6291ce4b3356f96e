// Fuzz target: the text form. No text makes the parser crash or hang. Text that it refuses has an error with a place.
// Text that it accepts is a program that is the same after printing and parsing, and after encoding and decoding.

#include <cstdint>
#include <string_view>

#include "fuzz/targets/target.h"
#include "properties/program/byte_form.h"
#include "properties/program/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto program = cma::parse(input);
  if (!program) {
    const cma::TextError& error = program.error();
    cma::require(error.line >= 1 && error.column >= 1 && !error.message.empty(), "text/error-without-place", input);
    return 0;
  }
  const std::string text = cma::print(*program);
  const auto again = cma::parse(text);
  cma::require(again.has_value(), "text/printed-text-is-refused", text);
  cma::require(*again == *program, "text/printed-text-means-something-else", text);
  cma::require(cma::print(*again) == text, "text/printed-text-is-not-canonical", text);
  cma::require(cma::decode(cma::encode(*program)) == *program, "text/bytes-mean-something-else", text);
  return 0;
}
