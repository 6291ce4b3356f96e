#include "fuzz/mutation/mutator.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fuzz/mutation/input.h"
#include "properties/program/passages_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes mutated(const Bytes& from, std::size_t max_size, std::uint64_t seed) {
  Bytes buffer = from;
  buffer.resize(std::max(from.size(), max_size));
  const std::size_t size = mutate_bytes(buffer.data(), from.size(), max_size, seed);
  EXPECT_LE(size, max_size);
  buffer.resize(std::min(size, max_size));
  return buffer;
}

Bytes crossed(const Bytes& first, const Bytes& second, std::size_t max_size, std::uint64_t seed) {
  Bytes out(max_size);
  const std::size_t size = cross_bytes(first, second, out, seed);
  EXPECT_LE(size, max_size);
  out.resize(std::min(size, max_size));
  return out;
}

Bytes noise(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

TEST(Mutator, StaysWithinTheSizeForAnyInput) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const std::size_t max_size = 1 + seed % 300;
    const Bytes from = seed % 3 == 0 ? noise(seed, seed % (max_size + 1)) : encode(generate(seed));
    const Bytes start(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), max_size)));
    crossed(start, mutated(start, max_size, seed), max_size, seed);
  }
}

TEST(Mutator, GivesSettledProgramsOnPossibleMachines) {
  Program program = generate(1);
  Program other = generate(2);
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Mutator mutator(seed);
    if (seed % 4 == 0)
      mutator.cross(program, other);
    else
      mutator.mutate(program);
    Program settled = program;
    settled.settle();
    ASSERT_EQ(settled, program) << print(program);
    ASSERT_FALSE(program.machine.impossible().has_value());
    ASSERT_EQ(decode(encode(program)), program) << print(program);
    ASSERT_LE(program.ops.size(), MutationOptions{}.ops);
    if (seed % 100 == 0) other = generate(seed);
  }
}

TEST(Mutator, DoesTheSameForTheSameSeed) {
  const Bytes first = encode(generate(1));
  const Bytes second = encode(generate(2));
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    EXPECT_EQ(mutated(first, 512, seed), mutated(first, 512, seed));
    EXPECT_EQ(crossed(first, second, 512, seed), crossed(first, second, 512, seed));
  }
}

TEST(Mutator, NearlyAlwaysChangesSomething) {
  const Bytes from = encode(generate(9, {.min_ops = 16, .max_ops = 16}));
  std::set<Bytes> seen;
  std::size_t unchanged = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const Bytes to = mutated(from, 1024, seed);
    unchanged += to == from ? 1 : 0;
    seen.insert(to);
  }
  EXPECT_LT(unchanged, 200U);
  EXPECT_GT(seen.size(), 1200U);
}

// A kind of change that never happens is the classic fault of mutators. Programs must not grow or shrink without limit.
TEST(Mutator, BeginsOneProgramInTenAnew) {
  const Bytes from = encode(generate(1));
  std::size_t anew = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) anew += mutated(from, 1 << 16, seed) == encode(generate(seed));
  EXPECT_GT(anew, 150U);
  EXPECT_LT(anew, 250U);
}

TEST(Mutator, MakesEveryKindOfChange) {
  std::size_t stops = 0;
  std::size_t resumes = 0;
  std::size_t two_performers = 0;
  std::size_t other_machines = 0;
  std::size_t ops = 0;
  std::set<std::size_t> kinds;
  constexpr std::size_t kPrograms = 400;
  for (std::uint64_t walk = 1; walk <= kPrograms; ++walk) {
    Program program = generate(walk, {.min_ops = 8, .max_ops = 16, .shapes = false});
    for (Op& op : program.ops) op.until = {};
    for (std::uint64_t step = 0; step < 30; ++step) Mutator(walk * 1000 + step).mutate(program);
    std::set<std::uint8_t> performers;
    for (const Op& op : program.ops) {
      kinds.insert(op.body.index());
      stops += op.until.wanted() ? 1 : 0;
      resumes += std::holds_alternative<Resume>(op.body) ? 1 : 0;
      if (info_of(op).performed == Performed::by_actor) performers.insert(op.performer.code);
    }
    ops += program.ops.size();
    two_performers += performers.size() > 1 ? 1 : 0;
    other_machines += program.machine == default_small_geometry(program.machine.release) ? 0 : 1;
  }
  EXPECT_GT(stops, kPrograms);
  EXPECT_GT(resumes, kPrograms / 4);
  EXPECT_GT(two_performers, kPrograms / 2);
  EXPECT_GT(other_machines, kPrograms / 20);
  EXPECT_GT(kinds.size(), 20U);
  EXPECT_GT(ops / kPrograms, 8U);
  EXPECT_LT(ops / kPrograms, 40U);
}

// For real kernels, which perform one operation after the other.
TEST(Mutator, LeavesPerformersAndStopsOfASequentialProgramAlone) {
  MutationOptions options;
  options.generated.sequential = true;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Program program = generate(seed, options.generated);
    std::set<std::uint8_t> performers;
    for (const Op& op : program.ops) performers.insert(op.performer.code);
    Mutator(seed, options).mutate(program);
    for (const Op& op : program.ops) {
      EXPECT_FALSE(op.until.wanted()) << print(program);
      const bool performed = info_of(op).performed == Performed::by_actor;
      EXPECT_TRUE(!performed || performers.contains(op.performer.code)) << print(program);
    }
  }
}

// Returns the operation that has a stop in one program alone, if the programs differ in nothing else.
std::optional<Slot> only_new_stop(const Program& before, const Program& after) {
  if (before.ops.size() != after.ops.size()) return std::nullopt;
  std::optional<Slot> found;
  Program without = after;
  for (Slot slot = 0; slot < after.ops.size(); ++slot) {
    if (!after.ops[slot].until.wanted() || before.ops[slot].until.wanted()) continue;
    found = slot;
    without.ops[slot].until = {};
  }
  return without == before ? found : std::nullopt;
}

TEST(Mutator, AddsStopsThatStop) {
  Interpreter interpreter;
  Passages passages(interpreter.world());
  std::uint64_t added = 0;
  std::uint64_t stopped = 0;
  for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
    const Program before = generate(seed, {.min_ops = 8, .max_ops = 16});
    Program after = before;
    Mutator(seed).mutate(after);
    const std::optional<Slot> slot = only_new_stop(before, after);
    if (!slot) continue;
    interpreter.run(after, &passages);
    if (interpreter.world().result(*slot).state == Result::State::skipped) continue;
    ++added;
    stopped += passages.operations()[*slot].stopped ? 1 : 0;
  }
  EXPECT_GT(added, 100U);
  EXPECT_GT(stopped * 10, added * 7) << stopped << " of " << added;
}

TEST(Mutator, PutsOperationsOfTheOtherProgramIn) {
  const auto first = parse("machine small release=6.1\nb1 = cma_alloc a pages=1\ncma_release b1\n");
  const auto second = parse("machine small release=6.1\nb1 = cma_alloc b pages=77\ncma_release b1\n");
  ASSERT_TRUE(first && second);
  std::size_t brought = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Program program = *first;
    Mutator(seed).cross(program, *second);
    for (const Op& op : program.ops) {
      const auto* alloc = std::get_if<CmaAlloc>(&op.body);
      brought += alloc != nullptr && alloc->pages == 77 ? 1 : 0;
    }
  }
  EXPECT_GT(brought, 60U);
}

Program from_input(const Bytes& input) {
  Program program = generate(77);  // nothing of it may remain
  program_from_input(program, input);
  return program;
}

Program from_input(std::string_view text) { return from_input(Bytes(text.begin(), text.end())); }

TEST(Input, TextIsTheProgramItParsesAs) {
  const std::string_view text =
      "cmacheck 1\nmachine small release=6.1\nbug mask-exponent\n\n"
      "n1 = anon_page pages=50000\nb2 = cma_alloc a pages=1\nexpect b2.pfn == 0x7\n";
  EXPECT_EQ(print(from_input(text)), text);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Program program = generate(seed);
    ASSERT_EQ(from_input(print(program)), program);
  }
}

TEST(Input, BytesAreMadeFitForHunting) {
  const auto written = parse(
      "machine small release=6.1\nbug mask-exponent\nn = anon_page pages=50000\nb = cma_alloc a pages=50000\n"
      "expect b.pfn == 0x7\nexpect log \"x\"\n");
  ASSERT_TRUE(written.has_value());
  const Program program = from_input(encode(*written));
  EXPECT_FALSE(program.machine.bugs.any());
  ASSERT_EQ(program.ops.size(), 2U);
  EXPECT_LE(std::get<OwnedPages<PageKind::anonymous>>(program.ops[0].body).pages, 512U);
  EXPECT_EQ(std::get<CmaAlloc>(program.ops[1].body).pages, 50000U) << "a refusal costs nothing";
}

TEST(Input, BytesOfTheResultGiveTheResultAgain) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Program once = from_input(seed % 2 == 0 ? noise(seed, seed % 200) : encode(generate(seed)));
    ASSERT_EQ(from_input(encode(once)), once) << print(once);
  }
}

}  // namespace
}  // namespace cma
