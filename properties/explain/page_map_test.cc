#include "properties/explain/page_map.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PageMapTest : public ::testing::Test {
 protected:
  PageMap after(std::string_view text) {
    auto program = parse(text);
    EXPECT_TRUE(program.has_value()) << program.error().text();
    program_ = program.value_or(Program{});
    interpreter_.run(program_);
    return {program_, interpreter_.world()};
  }

  Program program_;
  Interpreter interpreter_;
};

TEST_F(PageMapTest, ShowsBuffersBlocksPinsAndFreePages) {
  const PageMap map = after(
      "machine small release=6.1\n"
      "b1 = cma_alloc a pages=3\nmain = cma_alloc a pages=2\nk = pin main\nx = alloc_pages order=1 type=movable\n");
  EXPECT_THAT(map.draw({512, 576}), HasSubstr("0x200    C AAAkB........... C ................"));
  EXPECT_THAT(map.draw({0, 64}), HasSubstr("M xx"));
  EXPECT_THAT(map.legend(), HasSubstr("A  buffer b1\n  B  buffer main\n"));
  EXPECT_THAT(map.legend(), HasSubstr("k  pinned"));
  EXPECT_THAT(map.legend(), Not(HasSubstr("its bit is set")));
}

TEST_F(PageMapTest, FitsAScreenAndFoldsEqualRows) {
  const std::string drawn = after("machine small release=6.1\n").draw();
  EXPECT_EQ(std::ranges::count(drawn, '\n'), 4) << drawn;
  EXPECT_THAT(drawn, HasSubstr("...      7 rows like this\n"));
}

TEST_F(PageMapTest, MarksBitsThatDoNotMatch) {
  const PageMap wrong = after("machine small release=6.1\nbug bitmap-forgets-bit\nb1 = cma_alloc a pages=4\n");
  EXPECT_THAT(wrong.draw({512, 576}), HasSubstr("AAAA............"));
  EXPECT_THAT(wrong.draw({512, 576}), HasSubstr("\n              -\n"));
  EXPECT_THAT(wrong.legend(), HasSubstr("a buffer has it, its bit is clear"));
}

TEST_F(PageMapTest, LargePageblocksAreRunsWithTheirLengths) {
  const PageMap map = after(
      "machine release=6.1 pages=0x2000 pageblock_order=9 largest_order=10\n"
      "area main base=0x1000 pages=0x800 order_per_bit=0\nb = cma_alloc main pages=148\n");
  EXPECT_THAT(map.draw(), HasSubstr("0x1000   C A148 .364\n"));
  EXPECT_THAT(map.draw(), HasSubstr("...      2 rows like this\n"));
}

TEST_F(PageMapTest, DrawsOnlyRowsThatHaveChanged) {
  const PageMap before = after("machine small release=6.1\n");
  EXPECT_EQ(before.draw_changes(before), "");
  const PageMap now = after("machine small release=6.1\nb1 = cma_alloc b pages=2\n");
  const std::string changed = now.draw_changes(before);
  EXPECT_THAT(changed, HasSubstr("0x300    C AA.............."));
  EXPECT_THAT(changed, Not(HasSubstr("0x200")));
}

}  // namespace
}  // namespace cma
