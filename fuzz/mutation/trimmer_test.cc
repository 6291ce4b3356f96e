#include "fuzz/mutation/trimmer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/mutation/input.h"
#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns whether a program does what "the same code" stands for here: it drains, then frees.
bool keeps_what_matters(const Program& program) {
  const auto drain = std::ranges::find_if(
      program.ops, [](const Op& op) { return std::holds_alternative<DrainOp<DrainKind::everything>>(op.body); });
  return std::any_of(drain, program.ops.end(),
                     [](const Op& op) { return std::holds_alternative<CmaRelease>(op.body); });
}

std::vector<std::uint8_t> trim(const std::vector<std::uint8_t>& input, std::size_t& cuts) {
  Trimmer trimmer;
  trimmer.begin(input);
  std::vector<std::uint8_t> best = input;
  for (cuts = 0; trimmer.next() != nullptr; ++cuts) {
    EXPECT_LE(trimmer.next()->size(), input.size());
    Program program;
    program_from_input(program, *trimmer.next());
    const bool kept = keeps_what_matters(program);
    if (kept) best = *trimmer.next();
    trimmer.judged(kept);
  }
  return best;
}

TEST(Trimmer, LeavesTheOperationsThatMatter) {
  const auto program = parse(
      "machine small release=6.1\nb1 = cma_alloc a pages=4\nn2 = anon_page\ndrain\nb3 = cma_alloc b pages=2\n"
      "cma_release b1\nn4 = anon_page pages=3\ndrain\n");
  std::size_t cuts = 0;
  Program left;
  program_from_input(left, trim(encode(*program), cuts));
  ASSERT_EQ(left.ops.size(), 2u) << print(left);
  EXPECT_TRUE(keeps_what_matters(left));
}

TEST(Trimmer, EndsAndNeverMakesAnInputLonger) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Program program = generate(seed, {});
    std::vector<std::uint8_t> bytes = encode(program);
    if (seed % 3 == 0) bytes.resize(bytes.size() * 2 / 3);
    std::size_t cuts = 0;
    EXPECT_LE(trim(bytes, cuts).size(), bytes.size());
    EXPECT_LE(cuts, 4 * program.ops.size() + 8);
  }
}

TEST(Trimmer, HasNoCutForAnInputWithoutOperations) {
  Trimmer trimmer;
  trimmer.begin({});
  EXPECT_EQ(trimmer.next(), nullptr);
}

}  // namespace
}  // namespace cma
