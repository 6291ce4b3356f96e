#include "properties/minimize/varies.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "properties/laws/checked_run.h"
#include "properties/program/program_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

std::string small(const std::string& operations, const std::string& release = "6.1") {
  return fmt::format("machine small release={}\n{}", release, operations);
}

// A predicate made by hand: a finding where `shows` holds.
template <class Shows>
Predicate where(Shows shows) {
  return [shows](const Program& program) {
    return shows(program) ? std::optional(Finding{Law::sound, "function", "point", "message", 0}) : std::nullopt;
  };
}

const CmaAlloc* request_in(const Program& program) {
  for (const Op& op : program.ops)
    if (const auto* request = std::get_if<CmaAlloc>(&op.body)) return request;
  return nullptr;
}

// Returns the ranges as "op.field least..most", with "~" where not each value was tried and "+" where it is open.
std::vector<std::string> ranges_of(const Varies& varies) {
  std::vector<std::string> texts;
  for (const NumberRange& range : varies.numbers)
    texts.push_back(fmt::format("{}.{} {}..{}{}{}", range.op, range.field, range.least, range.most,
                                range.exact ? "" : "~", range.open ? "+" : ""));
  return texts;
}

Varies varies_of(const std::string& text, const Predicate& find) {
  const Program program = parsed(text);
  return what_varies(program, find(program).value(), find);
}

// Real findings, whose intervals follow from the bug and the machine.
Varies real(const std::string& text) {
  CheckedRun run;
  return varies_of(text, [&run](const Program& program) { return run.find(program); });
}

// --- numbers ---

TEST(Varies, FindsTheIntervalOfANumber) {
  const Predicate find = where([](const Program& program) {
    const CmaAlloc* request = request_in(program);
    return request != nullptr && request->pages >= 3 && request->pages <= 40 && request->align <= 4;
  });
  const Varies varies = varies_of(small("b = cma_alloc a pages=10\n"), find);
  EXPECT_THAT(ranges_of(varies), ElementsAre("0.pages 3..40", "0.align 0..4"));
  EXPECT_TRUE(varies.complete);
}

// What shows the same beyond a value that does not is no part of the interval.
TEST(Varies, EndsAnIntervalAtItsFirstGap) {
  const Predicate find = where([](const Program& program) {
    const CmaAlloc* request = request_in(program);
    return request != nullptr && request->pages != 12 && request->pages != 7 && request->align == 0;
  });
  const Varies varies = varies_of(small("b = cma_alloc a pages=10\n"), find);
  EXPECT_THAT(ranges_of(varies), ElementsAre("0.pages 8..11"));
}

TEST(Varies, BisectsTheEndsOfALongInterval) {
  const Predicate find = where([](const Program& program) {
    const auto* sleep = std::get_if<SleepOp>(&program.ops[0].body);
    return sleep != nullptr && print_op(program, program.ops[0]) != "sleep us=0" &&
           std::stoull(print_op(program, program.ops[0]).substr(9)) <= 123'456;
  });
  EXPECT_THAT(ranges_of(varies_of(small("sleep us=5000\n"), find)), ElementsAre("0.us 1..123456~"));
}

TEST(Varies, SaysThatAnIntervalIsOpen) {
  const Predicate find = where([](const Program& program) { return !program.ops.empty(); });
  EXPECT_THAT(ranges_of(varies_of(small("b = cma_alloc a pages=10\n"), find)),
              ElementsAre(HasSubstr("0.pages 0..2048~+"), HasSubstr("0.align 0..")));
}

TEST(Varies, CountsNumbersThatMayNotVary) {
  const Predicate find = where([](const Program& program) {
    const CmaAlloc* request = request_in(program);
    return request != nullptr && request->pages == 10 && request->align == 2;
  });
  const Varies varies = varies_of(small("b = cma_alloc a pages=10 align=2\n"), find);
  EXPECT_THAT(varies.numbers, IsEmpty());
  EXPECT_EQ(varies.fixed_numbers, 2U);
}

// The bug forgets the last bit of a window of two bits or more. The area has 256 pages of a bit each, and begins at
// 0x200, which is a multiple of 2^9 pages and no more.
TEST(Varies, HasTheIntervalsOfTheForgottenBit) {
  const Varies varies = real("machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=2\n");
  EXPECT_THAT(ranges_of(varies), ElementsAre("0.pages 2..256", "0.align 0..9"));
}

// Area b has two pages a bit: three pages are two bits.
TEST(Varies, HasTheIntervalsOfTheForgottenBitWhereABitIsTwoPages) {
  const Varies varies = real("machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc b pages=4\n");
  EXPECT_THAT(ranges_of(varies), ElementsAre("0.pages 3..256", "0.align 0..8"));
}

// A count of how often a point is passed varies too: nothing else comes between the first and the 40th.
TEST(Varies, HasTheIntervalOfAStop) {
  const Predicate find = where([](const Program& program) {
    return !program.ops.empty() && program.ops[0].until.wanted() && program.ops[0].until.nth <= 40;
  });
  const Varies varies = varies_of(small("b = cma_alloc a pages=4 until=migrate_page#3\n"), find);
  EXPECT_THAT(ranges_of(varies), testing::Contains("0.until # 1..40"));
}

// --- operations, releases, bugs ---

TEST(Varies, FindsWhichOperationsMayChangePlaces) {
  // The first release comes before the second request; all else is free.
  const Predicate find = where([](const Program& program) {
    const auto kind = [&](std::size_t i) { return print_op(program, program.ops[i]); };
    for (std::size_t i = 0; i < program.ops.size(); ++i)
      if (kind(i) == "drain")
        for (std::size_t j = i + 1; j < program.ops.size(); ++j)
          if (kind(j) == "drain_lru") return true;
    return false;
  });
  const Varies varies = varies_of(small("drain\ndrain_lru\nsleep us=1\n"), find);
  EXPECT_THAT(varies.swaps, ElementsAre(Pair(1U, 2U)));
  EXPECT_EQ(varies.swaps_tried, 3U);
}

TEST(Varies, SaysOnWhichReleasesItHappens) {
  const Predicate find = [](const Program& program) -> std::optional<Finding> {
    const Release release = program.machine.release;
    if (release < Release::v4_19 || release >= Release::v6_12) return std::nullopt;
    return Finding{Law::sound, "function", release >= Release::v6_1 ? "point" : "earlier", "message", 0};
  };
  const Program program = parsed(small("drain\n"));
  const Varies varies = what_varies(program, find(program).value(), find);
  std::vector<std::string> shown;
  for (const auto& [release, shows] : varies.releases)
    shown.push_back(fmt::format("{} {}", name_of(release), static_cast<int>(shows)));
  EXPECT_THAT(shown, ElementsAre("3.6 3", "4.9 3", "4.19 1", "5.10 1", "5.15 1", "6.1 0", "6.6 0", "6.12 3"));
  const std::string text = varies_text(program, varies);
  EXPECT_THAT(text, HasSubstr("releases with the same finding: 6.1, 6.6; "
                              "the same law at another point: 4.19, 5.10, 5.15; no finding:"));
  EXPECT_THAT(text, HasSubstr("it appeared after 4.9, by 4.19, and ended after 6.6, by 6.12"));
}

TEST(Varies, SaysWhichBugsAreNeeded) {
  const Predicate find =
      where([](const Program& program) { return program.machine.bugs.active(Bug::bitmap_forgets_bit); });
  const Varies varies = varies_of(
      "machine small release=6.1\nbug bitmap-forgets-bit\nbug retry-step-short\nb = cma_alloc a pages=2\n", find);
  const auto forgets = *bug_from_name("bitmap-forgets-bit");
  const auto other = *bug_from_name("retry-step-short");
  EXPECT_THAT(varies.bugs, testing::UnorderedElementsAre(Pair(forgets, true), Pair(other, false)));
  EXPECT_THAT(varies.alone, ElementsAre(forgets));
}

TEST(Varies, StopsAtItsBudgetAndSaysSo) {
  std::uint64_t calls = 0;
  const Predicate find = [&calls](const Program&) {
    ++calls;
    return std::optional(Finding{Law::sound, "f", "p", "m", 0});
  };
  const Program program = parsed(small("b = cma_alloc a pages=10\n"));
  const Varies varies = what_varies(program, {Law::sound, "f", "p", "m", 0}, find, 20);
  EXPECT_EQ(calls, 20U);
  EXPECT_EQ(varies.executions, 20U);
  EXPECT_FALSE(varies.complete);
  EXPECT_THAT(varies_text(program, varies), HasSubstr("incomplete: 20 executions"));
}

// --- the smallest ---

TEST(Smallest, TriesEverySubsequenceAndEverySmallerNumber) {
  const Predicate find = where([](const Program& program) {
    const CmaAlloc* request = request_in(program);
    return program.ops.size() == 3 && request != nullptr && request->pages == 10 && request->align == 4;
  });
  const Program program = parsed(small("drain\nb = cma_alloc a pages=10 align=4\nsleep us=7\n"));
  const Finding finding = find(program).value();
  const Smallest smallest = prove_smallest(program, finding, find);
  EXPECT_TRUE(smallest.tried);
  EXPECT_EQ(smallest.subsequences, 7U);
  // The sleep is free, so it takes the smallest number that occurs. Then 4 is all that could replace a number, the 10.
  EXPECT_EQ(smallest.replacements, 1U);
  EXPECT_THAT(print(smallest.program), HasSubstr("sleep us=4"));
}

// The minimiser halves, rounds and counts down, so it stops at 10; that 3 does as well is found as it occurs elsewhere.
TEST(Smallest, FindsASmallerNumberThatTheMinimiserMisses) {
  const Predicate find = where([](const Program& program) {
    const CmaAlloc* request = request_in(program);
    return request != nullptr && (request->pages == 10 || request->pages == 3) && request->align == 3;
  });
  const auto minimized = minimize(parsed(small("b = cma_alloc a pages=10 align=3\n")), find);
  ASSERT_TRUE(minimized.has_value());
  EXPECT_EQ(request_in(minimized->program)->pages, 10U);
  const Smallest smallest = prove_smallest(minimized->program, minimized->finding, find);
  EXPECT_EQ(request_in(smallest.program)->pages, 3U);
}

TEST(Smallest, FindsASubsequenceThatTheMinimiserMisses) {
  // Three operations of five do, and nothing between.
  const Predicate find = where([](const Program& program) {
    return program.ops.size() == 5 || (program.ops.size() == 2 && print_op(program, program.ops[0]) == "sleep us=1");
  });
  const Program program = parsed(small("drain\ndrain_lru\ndrain\nsleep us=1\ndrain_lru\n"));
  const Smallest smallest = prove_smallest(program, find(program).value(), find);
  EXPECT_EQ(smallest.program.ops.size(), 2U);
  EXPECT_EQ(smallest.subsequences, 3U);
}

TEST(Smallest, SaysThatALongProgramWasNotTried) {
  std::string text = "machine small release=6.1\n";
  for (int i = 0; i < 7; ++i) text += "drain\n";
  std::uint64_t calls = 0;
  const Smallest smallest = prove_smallest(parsed(text), {}, [&calls](const Program&) {
    ++calls;
    return std::optional<Finding>();
  });
  EXPECT_EQ(calls, 0U);
  EXPECT_FALSE(smallest.tried);
  EXPECT_THAT(smallest_text(smallest), HasSubstr("more than 6 operations"));
}

}  // namespace
}  // namespace cma
