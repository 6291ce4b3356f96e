#include "properties/program/program.h"

#include <gtest/gtest.h>

#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

Op alloc(OpId id) {
  Op op;
  op.id = id;
  op.body = CmaAlloc{};
  return op;
}

Op release(OpId buffer) {
  Op op;
  op.body = CmaRelease{{buffer}, 0, 0};
  return op;
}

TEST(Program, SettlingLeavesGoodIdentifiersAlone) {
  Program program;
  program.ops = {alloc(9), alloc(2), release(9)};
  const Program before = program;
  program.settle();
  EXPECT_EQ(program, before);
}

TEST(Program, AnOperandWhoseOperationIsGoneIsNotBoundToAnother) {
  Program program = *parse(
      "machine small release=6.1\nfirst = cma_alloc a pages=1\nsecond = cma_alloc a pages=2\n"
      "cma_release first\ncma_release second\n");
  program.ops.erase(program.ops.begin());
  program.settle();
  EXPECT_EQ(print(program),
            "cmacheck 1\nmachine small release=6.1\n\n"
            "second = cma_alloc a pages=2\ncma_release ?1\ncma_release second\n");
  EXPECT_EQ(*parse(print(program)), program);
}

TEST(Program, GivenNamesThatCannotBeKeptAreReplaced) {
  Program program;
  program.ops = {alloc(1), alloc(2), alloc(3), alloc(4), release(3)};
  program.names = {{1, "log"}, {2, "same"}, {3, "same"}, {4, "b1"}, {9, "unused"}};
  program.settle();
  EXPECT_EQ(*parse(print(program)), program) << print(program);
  EXPECT_EQ(program.name_of(program.ops[1]), "same");
  EXPECT_EQ(program.name_of(program.ops[3]), "b1");
  EXPECT_EQ(std::get<CmaRelease>(program.ops[4].body).buffer.id, program.ops[2].id);
}

TEST(Program, SettlingBringsEverythingIntoRange) {
  Program program;
  program.machine.areas.clear();
  program.actors = {{"", 7}, {"cpu0", -1}, {"A", 0}, {"A", 1}};
  program.failing_bitmaps = {3, 0};
  Op odd = alloc(0);
  odd.performer = Performer::actor(200);
  odd.until = {Point::sleep, 0};
  std::get<CmaAlloc>(odd.body).align = 1000;
  program.ops = {odd};
  program.settle();
  EXPECT_EQ(*parse(print(program)), program) << print(program);
}

TEST(Program, SettlingTwiceIsSettlingOnce) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Program program = generate(seed);
    Random random(seed);
    for (int i = 0; i < 5 && !program.ops.empty(); ++i) {
      const std::size_t at = random.below(program.ops.size());
      if (random.chance(50))
        program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(at));
      else
        program.names[program.ops[at].id] = random.chance(50) ? "b1" : "name";
    }
    program.settle();
    const Program once = program;
    program.settle();
    EXPECT_EQ(program, once);
    EXPECT_EQ(*parse(print(program)), program) << print(program);
  }
}

TEST(Program, FindsUnusedIdentifiers) {
  Program program;
  EXPECT_EQ(program.unused_id(), 1);
  program.ops = {alloc(1), release(2)};
  EXPECT_EQ(program.unused_id(), 3);
  EXPECT_EQ(program.find(1), &program.ops[0]);
  EXPECT_EQ(program.find(2), nullptr);
  EXPECT_EQ(program.find(0), nullptr);
}

TEST(Program, NamesAreLettersDigitsAndAFewSigns) {
  EXPECT_TRUE(is_name("linux,cma"));
  EXPECT_TRUE(is_name("_b-1"));
  EXPECT_FALSE(is_name(""));
  EXPECT_FALSE(is_name("1b"));
  EXPECT_FALSE(is_name("a b"));
  EXPECT_FALSE(is_name(std::string(kMaxNameLength + 1, 'a')));
  EXPECT_EQ(default_id("b12", 'b'), 12);
  EXPECT_EQ(default_id("b012", 'b'), std::nullopt);
  EXPECT_EQ(default_id("b0", 'b'), std::nullopt);
  EXPECT_EQ(default_id("b65536", 'b'), std::nullopt);
  EXPECT_EQ(default_id("x12", 'b'), std::nullopt);
  EXPECT_TRUE(is_actor_word("cpu7"));
  EXPECT_FALSE(is_actor_word("cpu8"));
}

}  // namespace
}  // namespace cma
