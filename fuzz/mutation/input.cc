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

// The most pages that one operation may make one by one. Requests for tens of thousands, on a machine of a thousand
// pages, were one input in a hundred and took two thirds of all time. Two requests of half the machine fill it as well.
constexpr std::uint64_t kManyPages = 512;

// The most times that a machine sweeps an area again.
constexpr std::uint64_t kManySweeps = 3;

struct PageBounds : IgnoreFields {
  void number(std::uint64_t& number, const NumberSpec& spec) const {
    if (spec.scale == Scale::pages && spec.max != kAnyNumber && number > kManyPages) number = 1 + number % kManyPages;
  }
};

// Returns whether the input may be text. Text begins with a letter or a comment, the byte form with its version.
bool may_be_text(std::span<const std::uint8_t> input) {
  return !input.empty() && input.front() >= ' ' && std::ranges::none_of(input, [](std::uint8_t byte) {
    return byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r';
  });
}

}  // namespace

void program_from_input(Program& program, std::span<const std::uint8_t> input, const ByteLimits& limits) {
  if (may_be_text(input)) {
    auto text = parse({reinterpret_cast<const char*>(input.data()), input.size()});
    if (text) {
      program = std::move(*text);
      return;
    }
  }
  decode_into(program, input, limits);
  program.machine.bugs = {};
  program.machine.retry_sweeps = std::min(program.machine.retry_sweeps.value_or(kManySweeps), kManySweeps);
  static const std::array<bool, kOpKinds> kExpectation = expectation_kinds();
  std::erase_if(program.ops, [](const Op& op) { return kExpectation[op.body.index()]; });
  PageBounds bounds;
  for (Op& op : program.ops) visit_fields(op.body, bounds);
}

}  // namespace cma
