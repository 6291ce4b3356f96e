#include "properties/judge/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/text.h"

namespace cma::judge {
namespace {

constexpr std::string_view kProgram = R"(machine release=4.19 pages=0x8000 pageblock_order=9 pcp_batch=15 pcp_high=90
area a base=0x4000 pages=0x1000
b = cma_alloc a pages=5
drain
cma_release b
drain
)";

constexpr std::string_view kRecording = R"(orders 9 10
show ev=0 log=1 raw=0
after 1
  log cma: cma_alloc(cma (ptrval), count 5, align 0)
  log cma: cma_alloc(): returned (ptrval)
buffer b ok off=0
page a+1 ref=1
after 2
dump a f
bm 0+5
@9 mt CCCCCCCC
@10 mt CCCC
bd 5:0 6:1 8:3 16:4 32:5 64:6 128:7 256:8 512:9 1024:10 2048:10 3072:10
pg 0+5:a1
fl 0C 5
fl 1C 6
fl 3C 8
fl 4C 16
fl 5C 32
fl 6C 64
fl 7C 128
fl 8C 256
fl 9C 512
fl 10C 3072 2048 1024
after 3
  log cma: cma_release(page (ptrval))
after 4
dump a f
bm
bd* -5:0 -6:1 -8:3 -16:4 -32:5 -64:6 -128:7 -256:8 -512:9 +0:10
pg
-fl 0C
-fl 1C
-fl 3C
-fl 4C
-fl 5C
-fl 6C
-fl 7C
-fl 8C
-fl 9C
fl 10C* 0 3 0
cmaf free=4096 isolblk=0
)";

std::optional<Mismatch> play(std::string_view recorded, unsigned order = 9) {
  auto program = parse(kProgram);
  program->machine.pageblock_order = order;
  const auto recording = parse_recording(recorded, order);
  if (!recording) throw std::runtime_error(recording.error());
  Interpreter interpreter;
  return replay(*program, *recording, interpreter);
}

std::string with(std::string_view line, std::string_view instead) {
  std::string text(kRecording);
  text.replace(text.find(line), line.size(), instead);
  return text;
}

std::string described(const std::optional<Mismatch>& mismatch) {
  if (!mismatch) return "equal";
  return std::to_string(mismatch->line) + ": " + mismatch->expected + " / " + mismatch->got;
}

TEST(Recording, IsReproduced) {
  EXPECT_EQ(described(play(kRecording)), "equal");
  EXPECT_EQ(described(play(kRecording, 10)), "equal");
  EXPECT_THAT(parse_recording(kRecording, 9)->pageblock_orders, ::testing::ElementsAre(9, 10));
}

TEST(Recording, EveryKindOfLineIsCompared) {
  EXPECT_EQ(described(play(with("count 5", "count 6"))),
            "4:   log cma: cma_alloc(cma (ptrval), count 6, align 0) /   log cma: cma_alloc(cma (ptrval), count 5, "
            "align 0)");
  EXPECT_EQ(described(play(with("  log cma: cma_release(page (ptrval))\n", ""))),
            "25: (nothing more printed) /   log cma: cma_release(page (ptrval))");
  EXPECT_EQ(described(play(with("buffer b ok off=0", "buffer b fail"))), "6: buffer b fail / buffer b ok off=0");
  EXPECT_EQ(described(play(with("ref=1", "ref=2"))), "7: page a+1 ref=2 / page a+1 ref=1");
  EXPECT_EQ(described(play(with("bm 0+5", "bm 0+4"))), "9: bm 0+4 / bm 0+5");
  EXPECT_EQ(described(play(with("@9 mt CCCCCCCC", "@9 mt CCCCCCCI"))), "9: mt CCCCCCCI / mt CCCCCCCC");
  EXPECT_EQ(described(play(with("@10 mt CCCC", "@10 mt CCCI"))), "equal") << "another order's line";
  EXPECT_EQ(described(play(with("3072 2048 1024", "3072 1024 2048"))),
            "9: fl 10C 3072 1024 2048 / fl 10C 3072 2048 1024");
  EXPECT_EQ(described(play(with("fl 10C* 0 3 0", "fl 10C* 3 0 0"))),
            "28: fl 10C 3072 2048 1024 0 / fl 10C 0 3072 2048 1024");
  EXPECT_EQ(described(play(with("cmaf free=4096", "cmaf free=4095"))),
            "42: cmaf free=4095 isolblk=0 / cmaf free=4096 isolblk=0");
}

TEST(Recording, EndsWithTheProgram) {
  EXPECT_EQ(described(play(std::string(kRecording) + "after 5\npage a+0 ref=0\n")),
            "43: a checkpoint after operation 5 / the program ended before it");
}

TEST(Recording, QuestionsAboutWhatIsNotThereAreAnswered) {
  const auto first = [](std::string_view line) {
    return described(play("show nothing\nafter 2\n" + std::string(line) + "\n"));
  };
  EXPECT_EQ(first("buffer x ok off=0"), "3: buffer x ok off=0 / (x is no result)");
  EXPECT_EQ(first("where b other"), "3: where b other / (b has no pages)");
  EXPECT_EQ(first("page a+4096 ref=0"), "3: page a+4096 ref=0 / (no such page)");
  EXPECT_EQ(first("page a ref=0"), "3: page a ref=0 / (no such page)");
  EXPECT_EQ(first("dump x f"), "3: dump x f / no such area");
}

TEST(Recording, BadTextIsRefused) {
  EXPECT_EQ(parse_recording("after x\n", 9).error(), "line 1: a number of operations expected after `after`");
  EXPECT_EQ(parse_recording("after 2\nafter 1\n", 9).error(), "line 2: checkpoints must ascend");
  const auto refused = [](std::string_view line) {
    const auto recording = parse_recording("# a comment\n" + std::string(line) + "\n", 9);
    return recording ? "accepted" : recording.error();
  };
  EXPECT_EQ(refused("orders 9 x"), "line 2: a pageblock order is a number, not `x`");
  EXPECT_EQ(refused("frobnicate 1"), "line 2: no line begins with `frobnicate`");
  for (const std::string_view line : {" ", " show ev=1", "\t", "@9  x"})
    EXPECT_THAT(refused(line), ::testing::HasSubstr("a line begins with a word")) << line;
  for (const std::string_view line : {"show ", "show ev=4", "show ev=", "show log=2", "show everything"})
    EXPECT_THAT(refused(line), ::testing::HasSubstr("`show` takes ev=0 to ev=3")) << line;
  for (const std::string_view line : {"dump ", "dump a f g"})
    EXPECT_THAT(refused(line), ::testing::HasSubstr("`dump` takes an area")) << line;
  for (const std::string_view line : {"fl 1C* 1", "fl 1C* 1 x"})
    EXPECT_THAT(refused(line), ::testing::HasSubstr("how many blocks stay")) << line;
  EXPECT_EQ(refused("fl"), "line 2: `fl` takes the name of a list");
  EXPECT_EQ(refused("-fl a b"), "line 2: `-fl` takes the name of a list");
  EXPECT_EQ(refused("bd* +1 -"), "line 2: changes begin with + or -");
  EXPECT_EQ(refused("buffer"), "line 2: `buffer` without its answer");
}

TEST(Recording, BitmapAsRuns) {
  EXPECT_EQ(bitmap_runs("bm 0000"), "bm");
  EXPECT_EQ(bitmap_runs("bm f301"), "bm 0+6 12+1");
  EXPECT_EQ(bitmap_runs("bm ffff"), "bm 0+16");
}

}  // namespace
}  // namespace cma::judge
