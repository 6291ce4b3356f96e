#include "fuzz/mutation/input.h"

#include <algorithm>
#include <array>

#include "properties/program/byte_form.h"
#include "properties/program/text.h"

namespace cma {
namespace {

std::array<bool, kOpKinds> expectation_kinds() {
  std::array<bool, kOpKinds> kinds{};
  const std::span<const OpInfo> catalogue = op_catalogue();
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) kinds[kind] = catalogue[kind].verb.starts_with("expect");
  return kinds;
}

// Text begins with a letter or a comment; the byte form begins with its version.
bool may_be_text(std::span<const std::uint8_t> input) {
  return !input.empty() && input.front() >= ' ' && std::ranges::none_of(input, [](std::uint8_t byte) {
    return byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r';
  });
}

}  // namespace

void program_from_input(Program& program, std::span<const std::uint8_t> input) {
  bool parsed = false;
  if (may_be_text(input)) {
    auto text = parse({reinterpret_cast<const char*>(input.data()), input.size()});
    parsed = text.has_value();
    if (parsed) program = std::move(*text);
  }
  if (!parsed) decode_into(program, input, kFuzzLimits);
  static const std::array<bool, kOpKinds> kExpectation = expectation_kinds();
  std::erase_if(program.ops, [](const Op& op) { return kExpectation[op.body.index()]; });
}

}  // namespace cma
