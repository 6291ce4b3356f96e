// What RapidCheck is given: the distribution of programs, and shrinking that ends with a few lines.

#include "properties/arbitrary/arbitrary_testing.h"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "properties/arbitrary/promise_testing.h"
#include "properties/minimize/steps.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns programs as a property sees them: sizes from 0 to 99 in turn.
std::vector<Program> sample(std::size_t count, const Programs& programs = {}) {
  std::vector<Program> drawn;
  const auto generator = any_program(programs);
  for (std::size_t i = 0; i < count; ++i)
    drawn.push_back(generator(rc::Random(i), static_cast<int>(i % rc::kNominalSize)).value());
  return drawn;
}

template <class Predicate>
double share(const std::vector<Program>& programs, Predicate predicate) {
  return static_cast<double>(std::ranges::count_if(programs, predicate)) / static_cast<double>(programs.size());
}

TEST(Arbitrary, EveryReleaseHasItsShare) {
  const auto programs = sample(3000);
  for (const Release release : modelled_releases()) {
    const double of_release = share(programs, [&](const Program& p) { return p.machine.release == release; });
    const double fair = 1.0 / static_cast<double>(modelled_releases().size());
    EXPECT_GT(of_release, 0.8 * fair) << name_of(release);
    EXPECT_LT(of_release, 1.2 * fair) << name_of(release);
  }
}

TEST(Arbitrary, FaultsAndInterleavingAreOnAndOff) {
  const auto programs = sample(3000);
  const double faulty = share(programs, has_faults);
  EXPECT_GT(faulty, 0.15);
  EXPECT_LT(faulty, 0.60);
  const double interleaved = share(programs, is_interleaved);
  EXPECT_GT(interleaved, 0.30);
  EXPECT_LT(interleaved, 0.60);
  const double both = share(programs, [](const Program& p) { return has_faults(p) && is_interleaved(p); });
  EXPECT_GT(both, 0.07);
}

TEST(Arbitrary, TheLengthFollowsTheSize) {
  const auto generator = any_program();
  std::size_t longest = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    EXPECT_LE(generator(rc::Random(i), 0).value().ops.size(), 11U) << "six operations, and up to five of boot";
    longest = std::max(longest, generator(rc::Random(i), rc::kNominalSize).value().ops.size());
  }
  EXPECT_GT(longest, 45U);
}

TEST(Arbitrary, MostProgramsAllocateFromAreasAndReleaseAgain) {
  const auto programs = sample(1000);
  const auto has = [](std::size_t kind) {
    return [kind](const Program& p) {
      return std::ranges::any_of(p.ops, [kind](const Op& op) { return op.body.index() == kind; });
    };
  };
  EXPECT_GT(share(programs, has(kind_of<CmaAlloc>())), 0.6);
  EXPECT_GT(share(programs, has(kind_of<CmaRelease>())), 0.25);
}

TEST(Arbitrary, WithoutFaultsAndInterleavingThereAreNone) {
  for (const Program& program : sample(500, {.faults = false, .interleaved = false})) {
    EXPECT_FALSE(has_faults(program));
    EXPECT_FALSE(is_interleaved(program));
  }
}

TEST(Arbitrary, ProgramsSettleAndSurviveTheTextForm) {
  for (const Program& program : sample(300)) {
    const auto read = parse(print(program));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, program);
  }
}

TEST(Arbitrary, WhatAPropertyPreparesStaysWhenOperationsAreLeftOut) {
  Programs programs;
  programs.prepare = [](Random& random, Program& program) { program.machine.retry_sweeps = 1 + random.below(9); };
  std::set<std::uint64_t> drawn;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto program = any_program(programs)(rc::Random(seed), rc::kNominalSize);
    ASSERT_TRUE(program.value().machine.retry_sweeps);
    const std::uint64_t sweeps = *program.value().machine.retry_sweeps;
    drawn.insert(sweeps);
    auto shrinks = program.shrinks();
    while (const auto smaller = shrinks.next()) {
      const bool has_fewer = smaller->value().ops.size() < program.value().ops.size();
      if (has_fewer) {
        EXPECT_EQ(smaller->value().machine.retry_sweeps, sweeps);
      }
    }
  }
  EXPECT_GT(drawn.size(), 5U);
}

TEST(Runs, TheLastProgramIsTheOneThatRan) {
  forget_last_program();
  EXPECT_FALSE(last_program());
  Program program = sample(1).front();
  run_plainly(program);
  EXPECT_EQ(last_program(), program);
  program.machine.retry_sweeps = 3;
  run_checked(program);
  EXPECT_EQ(last_program(), program);
}

// --- shrinking ---

// Follows the first step that keeps `holds` true until none does, as RapidCheck does.
template <class Holds>
Program shrunk(rc::Shrinkable<Program> from, Holds holds) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    auto shrinks = from.shrinks();
    while (const auto next = shrinks.next()) {
      if (!holds(next->value())) continue;
      from = *next;
      smaller = true;
      break;
    }
  }
  return from.value();
}

TEST(Shrinking, EndsWithTheOperationThatMatters) {
  const auto allocates = [](const Program& program) {
    return std::ranges::any_of(program.ops, [](const Op& op) {
      const auto* alloc = std::get_if<CmaAlloc>(&op.body);
      return alloc != nullptr && alloc->pages >= 7;
    });
  };
  int tried = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto program = any_program()(rc::Random(seed), rc::kNominalSize);
    if (!allocates(program.value())) continue;
    ++tried;
    const Program smallest = shrunk(program, allocates);
    ASSERT_EQ(smallest.ops.size(), 1U) << print(smallest);
    EXPECT_EQ(std::get<CmaAlloc>(smallest.ops[0].body).pages, 7U) << print(smallest);
    EXPECT_EQ(smallest.ops[0].until, Stop{});
    EXPECT_TRUE(smallest.actors.empty()) << print(smallest);
    EXPECT_EQ(smallest.machine, default_small_geometry(smallest.machine.release)) << print(smallest);
  }
  EXPECT_GT(tried, 20);
}

TEST(Shrinking, AFindingEndsWithAFewLines) {
  CheckedRun checked;
  const auto broken = [&](const Program& program) {
    Program planted = program;
    planted.machine.bugs.switch_on(Bug::bitmap_forgets_bit);
    const auto found = checked.find(planted);
    return found && found->law == Law::bitmap;
  };
  int found = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto program = any_program()(rc::Random(seed), rc::kNominalSize);
    if (!broken(program.value())) continue;
    ++found;
    EXPECT_LE(shrunk(program, broken).ops.size(), 2U) << print(shrunk(program, broken));
  }
  EXPECT_GT(found, 10);
}

TEST(Shrinking, EachStepIsSmallerSoThatItEnds) {
  for (const Program& program : sample(60)) {
    Program current = program;
    std::size_t steps = 0;
    for (bool changed = true; changed; ++steps) {
      changed = false;
      for (const Change& step : cheap_steps(current)) {
        Program smaller = current;
        if (!step(smaller)) continue;
        smaller.settle();
        if (smaller == current || smaller.machine.impossible()) continue;
        EXPECT_LE(smaller.ops.size(), current.ops.size());
        current = std::move(smaller);
        changed = true;
        break;
      }
      ASSERT_LT(steps, 2000U) << print(current);
    }
    EXPECT_TRUE(current.ops.empty()) << print(current);
  }
}

// --- operations, stops, machines ---

TEST(Arbitrary, OperationsFitTheProgramAndShrinkByTheirArguments) {
  // Operations work on what a program holds: here a result of each sort.
  const auto parsed = parse(
      "machine small release=6.1\nactor A\nb = cma_alloc a pages=4\nx = alloc_pages type=movable\nm = movable_page\n"
      "d = block_device_page\nk = pin d\nget_page m\np = spawn\nv = mmap_anon p pages=2\nf = file block_device\n"
      "r = read f\n");
  ASSERT_TRUE(parsed);
  const Program& program = *parsed;
  const auto generator = any_op(program);
  std::map<std::size_t, int> kinds;
  bool shrank = false;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto op = generator(rc::Random(seed), rc::kNominalSize);
    ++kinds[op.value().body.index()];
    auto shrinks = op.shrinks();
    while (const auto smaller = shrinks.next()) {
      EXPECT_EQ(smaller->value().body.index(), op.value().body.index());
      shrank = true;
    }
  }
  EXPECT_GT(kinds.size(), kOpKinds / 3);
  EXPECT_TRUE(shrank);
}

TEST(Arbitrary, MachinesArePossibleAndOfTheReleaseAskedFor) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_FALSE(any_machine()(rc::Random(seed), rc::kNominalSize).value().impossible());
    EXPECT_EQ(any_machine(Release::v4_19)(rc::Random(seed), rc::kNominalSize).value().release, Release::v4_19);
  }
}

}  // namespace
}  // namespace cma
