#include "properties/minimize/minimize.h"

#include <gmock/gmock.h>

#include <set>

#include "properties/laws/checked_run.h"
#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/program_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::Le;

Finding finding_at(std::size_t op) { return {Law::sound, "function", "point", "message", op}; }

// Returns the index of the first operation of this kind, if there is one.
template <class T>
std::optional<std::size_t> first_of(const Program& program) {
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (std::holds_alternative<T>(program.ops[i].body)) return i;
  return std::nullopt;
}

// Returns a program with this bug switched on that breaks a law and is about as long as those of fuzzers.
Program program_with_finding(Bug bug, CheckedRun& run) {
  for (std::uint64_t seed = 101; seed < 20'000; ++seed) {
    Program program = generate(seed, {.min_ops = 16, .max_ops = 48});
    program.machine.bugs.switch_on(bug);
    if (run.find(program)) return program;
  }
  ADD_FAILURE() << "no finding with " << info_of(bug).name;
  return {};
}

struct Planted {
  Bug bug;
  std::size_t at_most;  // operations in the result
};

class MinimizePlanted : public ::testing::TestWithParam<Planted> {};

TEST_P(MinimizePlanted, LeavesAHandfulOfOperationsWithTheSameSignature) {
  CheckedRun run;
  const Program program = program_with_finding(GetParam().bug, run);
  const std::string signature = run.find(program).value().signature();
  const Predicate find = [&](const Program& candidate) { return run.find(candidate); };
  const auto minimized = minimize(program, find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_TRUE(minimized->complete);
  EXPECT_THAT(minimized->program.ops.size(), Le(GetParam().at_most)) << print(minimized->program);
  EXPECT_EQ(minimized->finding.signature(), signature);

  // A fresh run of the result shows the same.
  CheckedRun fresh;
  const auto again = fresh.find(minimized->program);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->signature(), signature);
  EXPECT_EQ(again->message, minimized->finding.message);

  // The result is a fixpoint.
  const auto twice = minimize(minimized->program, find);
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(print(twice->program), print(minimized->program));
}

INSTANTIATE_TEST_SUITE_P(Bugs, MinimizePlanted,
                         ::testing::Values(Planted{Bug::bitmap_forgets_bit, 2}, Planted{Bug::mask_exponent, 4},
                                           Planted{Bug::drain_stays_on_list, 2}),
                         [](const auto& parameters) {
                           std::string name(info_of(parameters.param.bug).name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Minimize, WithoutAFindingThereIsNothingToMinimize) {
  const auto none = [](const Program&) { return std::optional<Finding>(); };
  EXPECT_FALSE(minimize(generate(1), none).has_value());
}

TEST(Minimize, TakesWhatFollowsTheViolationAwayFirst) {
  const Program program = parsed(
      "machine small release=6.1\n"
      "cma_alloc a pages=5\ndrain\ndrain\ndrain\ndrain\ndrain\ndrain\n");
  const Predicate find = [](const Program& candidate) -> std::optional<Finding> {
    const auto op = first_of<CmaAlloc>(candidate);
    return op ? std::optional(finding_at(*op)) : std::nullopt;
  };
  const auto minimized = minimize(program, find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_EQ(minimized->stages[static_cast<std::size_t>(MinimizeStage::after_violation)].accepted, 1U);
  EXPECT_EQ(minimized->program.ops.size(), 1U);
}

TEST(Minimize, KeepsAnOperationWithWhatItsOperandsNeed) {
  const Program program = parsed(
      "machine small release=6.1\n"
      "b1 = cma_alloc a pages=5\nb2 = cma_alloc b pages=7\ndrain\nx = alloc_pages order=1 type=movable\n"
      "cma_release b1\nfree_pages x\ncma_release b2\n");
  // The violation needs a release of a buffer of at least six pages.
  const Predicate find = [](const Program& candidate) -> std::optional<Finding> {
    for (std::size_t i = 0; i < candidate.ops.size(); ++i) {
      const auto* release = std::get_if<CmaRelease>(&candidate.ops[i].body);
      const Op* made = release == nullptr ? nullptr : candidate.find(release->buffer.id);
      const auto* alloc = made == nullptr ? nullptr : std::get_if<CmaAlloc>(&made->body);
      if (alloc != nullptr && alloc->pages >= 6) return finding_at(i);
    }
    return std::nullopt;
  };
  const auto minimized = minimize(program, find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_EQ(print(minimized->program),
            print(parsed("machine small release=6.1\nb1 = cma_alloc a pages=6\ncma_release b1\n")));
  EXPECT_EQ(minimized->stages[static_cast<std::size_t>(MinimizeStage::needed)].accepted, 1U);
}

TEST(Minimize, RemovesPairsThatOnlyGoTogether) {
  const Program program = parsed("machine small release=6.1\ndrain\ndrain_pages\ndrain_lru\nlru_add_drain\n");
  // An even number of operations, one of them lru_add_drain.
  const Predicate find = [](const Program& candidate) -> std::optional<Finding> {
    const auto op = first_of<DrainOp<DrainKind::this_pagevec>>(candidate);
    return op && candidate.ops.size() % 2 == 0 ? std::optional(finding_at(*op)) : std::nullopt;
  };
  const auto minimized = minimize(program, find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_EQ(minimized->program.ops.size(), 2U);
}

TEST(Minimize, TakesStopsResumesAndActorsAway) {
  const Program program = parsed(
      "machine small release=6.1\nactor A cpu=1\n"
      "A: b = cma_alloc a pages=1 until=cma_bitmap_marked#3\ndrain cpu=1\nA: resume\n");
  const Predicate find = [](const Program& candidate) -> std::optional<Finding> {
    const auto op = first_of<CmaAlloc>(candidate);
    return op ? std::optional(finding_at(*op)) : std::nullopt;
  };
  const auto minimized = minimize(program, find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_TRUE(minimized->program.actors.empty());
  EXPECT_FALSE(minimized->program.ops.at(0).until.wanted());
  EXPECT_EQ(minimized->program.ops.at(0).performer, Performer{});
}

TEST(Minimize, MakesTheMachinePlainAndLeavesItsBugs) {
  Program program = generate(3, {.min_ops = 8});
  program.machine = shape(kShapes - 1, Release::v4_19);
  program.machine.bugs.switch_on(Bug::mask_exponent);
  program.audit = Audit::points;
  program.settle();
  const auto minimized = minimize(program, [](const Program&) { return std::optional(finding_at(0)); });
  ASSERT_TRUE(minimized.has_value());
  EXPECT_TRUE(minimized->program.machine.bugs.active(Bug::mask_exponent));
  EXPECT_EQ(minimized->program.machine.release, Release::v4_19);
  EXPECT_EQ(minimized->program.audit, Audit::ops);
  EXPECT_TRUE(minimized->program.ops.empty());
}

TEST(Minimize, ByLawAloneOneBugComesOutAsOneProgram) {
  CheckedRun run;
  const Predicate find = [&](const Program& candidate) { return run.find(candidate); };
  const Program noticed_late =
      parsed("machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=4\ncma_release b1\n");
  const auto wanted = minimize(noticed_late, find, {.same = Same::law});
  ASSERT_TRUE(wanted);
  for (const char* elsewhere : {"machine small release=6.1\nbug bitmap-forgets-bit\n"
                                "b1 = cma_alloc a pages=3 until=contig_migrated\n",
                                "machine small release=4.19\nbug bitmap-forgets-bit\nwindow = cma_alloc a pages=2\n",
                                "machine small release=4.19\nbug bitmap-forgets-bit\n"
                                "debugfs_alloc a pages=2 until=contig_captured\n"}) {
    const Program program = parsed(elsewhere);
    ASSERT_TRUE(run.find(program)) << elsewhere;
    const auto found = minimize(program, find, {.same = Same::law});
    ASSERT_TRUE(found) << elsewhere;
    EXPECT_EQ(print(found->program), print(wanted->program)) << elsewhere;
  }
}

TEST(Minimize, GoesNoFurtherThanItsBudgetAndTriesNothingTwice) {
  std::set<std::vector<std::uint8_t>> tried;
  std::uint64_t executions = 0;
  const Predicate find = [&](const Program& candidate) -> std::optional<Finding> {
    ++executions;
    EXPECT_TRUE(tried.insert(encode(candidate)).second);
    for (std::size_t i = 0; i < candidate.ops.size(); ++i) {
      const auto* alloc = std::get_if<CmaAlloc>(&candidate.ops[i].body);
      if (alloc != nullptr && alloc->pages >= 1000) return finding_at(i);
    }
    return std::nullopt;
  };
  Program program = generate(5, {.min_ops = 40, .max_ops = 40});
  program.ops[20].body = CmaAlloc{.pages = 1'000'000'007};
  program.settle();
  const auto minimized = minimize(program, find, {.executions = 20});
  ASSERT_TRUE(minimized.has_value());
  EXPECT_FALSE(minimized->complete);
  EXPECT_EQ(executions, 20U);
  EXPECT_EQ(minimized->executions, 20U);
}

TEST(Minimize, DoesTheSameEachTime) {
  CheckedRun run;
  const Program program = program_with_finding(Bug::bitmap_forgets_bit, run);
  const Predicate find = [&](const Program& candidate) { return run.find(candidate); };
  const auto first = minimize(program, find);
  const auto second = minimize(program, find);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->program, second->program);
  EXPECT_EQ(first->executions, second->executions);
}

TEST(Minimize, AnExpectationStaysWhatItWasAndFailsForTheSameReason) {
  const auto program = parse(R"(machine release=6.1 pages=0x8000 pageblock_order=9
area a base=0x4000 pages=0x400
other = alloc_pages order=2 type=unmovable
n = anon_page at=a+3
drain
k = pin n
b = cma_alloc a pages=0x10
expect b.pfn == 0x4000
)",
                             "test");
  ASSERT_TRUE(program.has_value());
  CheckedRun run;
  const auto minimized = minimize(*program, [&](const Program& candidate) { return run.find(candidate); });
  ASSERT_TRUE(minimized.has_value());
  const std::string text = print(minimized->program);
  EXPECT_THAT(text, ::testing::HasSubstr("expect b.pfn == 0x4000\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("pin n\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("other")));
}

}  // namespace
}  // namespace cma
