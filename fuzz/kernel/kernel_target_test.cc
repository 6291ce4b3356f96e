// What the kernel target does without a kernel: its inputs, its mutations, and what it says where there is no kernel.

#include "fuzz/kernel/kernel_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "properties/judge/fit.h"
#include "properties/judge/random_programs.h"
#include "properties/judge/translate.h"
#include "properties/program/byte_form.h"
#include "properties/program/generator.h"

namespace cma {
namespace {

using ::testing::HasSubstr;

constexpr judge::KernelConfig kKernel{Release::v6_12, 9};
constexpr std::size_t kRoom = 4096;

// Requires what a kernel needs of every program before the judge removes operations.
void expect_confined(const Program& program) {
  EXPECT_TRUE(judge::can_have(program.machine, kKernel));
  EXPECT_TRUE(program.actors.empty());
  for (const Op& op : program.ops) {
    EXPECT_TRUE(judge::performed_kinds().test(op.body.index())) << info_of(op).verb;
    EXPECT_FALSE(op.until.wanted());
    EXPECT_EQ(op.performer, Performer());
  }
}

TEST(KernelTarget, MakesAnyProgramOneForTheKernel) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) expect_confined(kernel_program(encode(generate(seed)), kKernel));
}

TEST(KernelTarget, LeavesAProgramForTheKernelAsItIs) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Program program = kernel_program(encode(judge::generate_for_kernel(seed, 40, kKernel)), kKernel);
    EXPECT_FALSE(program.ops.empty());
    EXPECT_EQ(kernel_program(encode(program), kKernel), program) << seed;
  }
}

TEST(KernelTarget, AnyBytesAreAProgramForTheKernel) {
  Random random(7);
  for (int input = 0; input < 200; ++input) {
    std::vector<std::uint8_t> bytes(random.below(100));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    expect_confined(kernel_program(bytes, kKernel));
  }
}

TEST(KernelTarget, MutatesWithinWhatTheKernelPerforms) {
  std::vector<std::uint8_t> room(kRoom);
  std::size_t size = 0;
  std::vector<std::uint8_t> before;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    size = mutate_for_kernel(room, size, seed, kKernel);
    const std::vector<std::uint8_t> now(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
    std::vector<std::uint8_t> again(kRoom);
    std::ranges::copy(before, again.begin());
    again.resize(kRoom);
    ASSERT_EQ(mutate_for_kernel(again, before.size(), seed, kKernel), size) << "equal seeds make equal changes";
    expect_confined(decode(now, {.pages = 0x100000}));
    before = now;
  }
  EXPECT_GT(size, 0U);
}

TEST(KernelTarget, ExchangesMachinesForThoseOfTheKernel) {
  std::vector<std::uint8_t> room(kRoom);
  std::size_t size = 0;
  std::set<std::uint64_t> memories;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    size = mutate_for_kernel(room, size, seed, kKernel);
    memories.insert(kernel_program(std::span(room).first(size), kKernel).machine.memory.pages());
  }
  EXPECT_GE(memories.size(), 3U);
}

TEST(KernelTarget, AnUnknownKernelIsRefusedWithTheKnownOnes) {
  const auto found = kernel_for_target("6.5-p9");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error(), HasSubstr("there is no kernel '6.5-p9'; there are: 5.10-p9"));
  EXPECT_THAT(found.error(), HasSubstr(" 6.1-p9"));
  EXPECT_EQ(kernel_for_target("6.1-p10"), (judge::KernelConfig{Release::v6_1, 10}));
}

TEST(KernelTarget, WithoutAKernelItSaysHowToBuildOne) {
  const char* before = std::getenv("CMACHECK_JUDGE_CACHE");
  const std::string saved = before == nullptr ? "" : before;
  setenv("CMACHECK_JUDGE_CACHE", "/nonexistent", 1);
  const auto found = kernel_for_target("");
  EXPECT_THROW(KernelTarget({.kernel = kKernel}), judge::NoKernel);
  if (before == nullptr)
    unsetenv("CMACHECK_JUDGE_CACHE");
  else
    setenv("CMACHECK_JUDGE_CACHE", saved.c_str(), 1);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error(), HasSubstr("build it with: ci/judge-kernel --coverage --only 6.12"));
}

}  // namespace
}  // namespace cma
