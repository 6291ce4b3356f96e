// Operations on what is gone, dead, never obtained or too large are skipped and counted, fail with an errno, or are
// refused as text with their place. The program always comes to its end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class BadInput : public ::testing::TestWithParam<Release> {
 protected:
  // Runs operations on a small machine, and checks that each comes to an end.
  RunResult run(const std::string& operations) {
    const std::string head = "machine small release=" + name_of(GetParam()) + "\nactor A cpu=0\nactor B cpu=1\n";
    const auto program = parse(head + operations, "bad");
    if (!program) {
      ADD_FAILURE() << program.error().text();
      return {};
    }
    const RunResult result = interpreter_.run(*program);
    EXPECT_TRUE(result.passed()) << (result.finding ? result.finding->message : "") << "\n" << operations;
    for (Slot slot = 0; slot < program->ops.size(); ++slot) {
      EXPECT_NE(interpreter_.world().result(slot).state, Result::State::inside) << slot << "\n" << operations;
      EXPECT_NE(interpreter_.world().result(slot).state, Result::State::not_performed) << slot << "\n" << operations;
    }
    EXPECT_TRUE(interpreter_.machine().engine.at_rest());
    return result;
  }
  std::uint64_t skipped(const std::string& operations) {
    run(operations);
    return interpreter_.world().skipped;
  }

  Interpreter interpreter_;
};

INSTANTIATE_TEST_SUITE_P(Releases, BadInput, ::testing::ValuesIn(modelled_releases()));

TEST_P(BadInput, OperationsOnADeadProcessAreSkipped) {
  EXPECT_EQ(
      skipped("p = spawn\nv = mmap_anon p pages=3\nexit p\n"
              "c = fork p\nmmap_anon p pages=1\nwrite v\nmunmap v\nmlock v\nmadv_free v\nexit p\nexec_stack p begin\n"
              "pin v\nwrite v in=c\n"),
      10U);
}

TEST_P(BadInput, MemoryMayBeUnmappedTwiceAndTouchedAgain) {
  EXPECT_EQ(skipped("p = spawn\nv = mmap_anon p pages=3\nmunmap v\nmunmap v\nmunmap v from=1 pages=1\nwrite v from=2\n"
                    "munmap v from=2\nexit p\n"),
            0U)
      << "memory without pages may be unmapped and touched";
}

TEST_P(BadInput, AChildHasNoMappingsThatItsParentMadeAfterTheFork) {
  EXPECT_EQ(skipped("p = spawn\nc = fork p\nv = mmap_anon p pages=1\nwrite v in=c\nmunmap v in=c\nmlock v in=c\n"), 3U);
}

TEST_P(BadInput, PinsThatAreNeverDroppedDoNotDelayTheEnd) {
  run("p = spawn\nv = mmap_anon p pages=2 at=a+8\nk = pin v\npin v+1\npin v+1\nexit p\nA: b = cma_alloc a pages=64 "
      "align=6\n"
      "s = shmem_page at=b+70\npin s\nfree s\nA: c = cma_alloc a pages=256\n");
  run("f = file ordered slow\nr = read f at=a+8 readahead\npin r\ntruncate f\nx = cma_alloc a pages=256\n");
}

TEST_P(BadInput, OperationsOnFilesAndPagesThatAreGoneAreSkipped) {
  EXPECT_EQ(
      skipped("f = file ordered\nr = read f pages=2 at=a+8\ntruncate f\nbh_touch r\nbh_hold r\nbh_put r\nbh_dirty r\n"
              "writeback r\njournal r\npin r\nget_page r\nmark_accessed r\ndeactivate r\ndeactivate_file r\nfree "
              "r\nfree r\n"),
      12U);
  EXPECT_EQ(skipped("f = file ordered\nbread f\ncommit f\ndrop f\ntruncate f\nio_done\n"), 2U)
      << "blocks of a regular file, I/O that was never started";
  EXPECT_EQ(skipped("s = shmem_page\nfree s\nfree s\npin s\nrefuse s times=1\nbh_touch s\n"), 4U);
  EXPECT_EQ(skipped("k = pin a+3\nunpin k\nput_page a+3\nput_page a+5000000\npin a+5000000\n"), 4U);
}

TEST_P(BadInput, OperationsOnBuffersAndBlocksThatWereFreedAreSkipped) {
  EXPECT_EQ(skipped("b = cma_alloc a pages=4\ncma_release b\ncma_release b\ncma_release b from=1 pages=1\npin b\n"
                    "x = alloc_pages order=1 type=movable\nfree_pages x\nfree_pages x\ncma_release x\nfree_pages b\n"),
            6U);
}

TEST_P(BadInput, AnOperationThatFailedYieldsNothing) {
  EXPECT_EQ(skipped("b = cma_alloc a pages=257\ncma_release b\npin b\nv = mmap_anon b pages=1\nwrite v\nfork v\n"), 5U);
}

// __GFP_NOFAIL: the kernel reclaims until there is a block, and here is never one.
TEST_P(BadInput, ARequestThatNeverFailsIsSkippedWhereItNeverEnds) {
  const std::string all = "alloc_pages order=6 gfp=GFP_HIGHUSER_MOVABLE\n";
  std::string many;
  for (int i = 0; i < 16; ++i) many += all;
  const std::uint64_t without = skipped(many);
  EXPECT_EQ(without, 0U) << "others fail";
  const bool gives_up = GetParam() >= Release::v4_8 && GetParam() < Release::v4_12;
  EXPECT_EQ(skipped(many + "alloc_pages order=6 gfp=GFP_KERNEL|__GFP_NOFAIL\n"), gives_up ? 0U : 1U) << "it is large";
  EXPECT_EQ(skipped(many + "alloc_pages order=6 gfp=GFP_ATOMIC|__GFP_NOFAIL\n"), 0U) << "it may not reclaim";
  // The first one takes the last block, if there is one.
  const std::string reclaims = many + "alloc_pages order=6 gfp=GFP_KERNEL scope=noreclaim\n" +
                               "alloc_pages order=6 gfp=GFP_KERNEL|__GFP_NOFAIL scope=noreclaim\n";
  EXPECT_EQ(skipped(reclaims), 1U) << "it would try again without end";
  EXPECT_EQ(skipped("alloc_pages order=9 gfp=GFP_KERNEL|__GFP_NOFAIL\n"), 0U) << "no such block can be";
}

// --- numbers ---

constexpr std::array<std::uint64_t, 10> kHuge = {
    (std::uint64_t{1} << 31) - 1, std::uint64_t{1} << 31,       (std::uint64_t{1} << 32) - 1,
    std::uint64_t{1} << 32,       (std::uint64_t{1} << 63) - 1, std::uint64_t{1} << 63,
    (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0} - 1,        ~std::uint64_t{0},
    std::uint64_t{1} << 52};

// Sets the nth number of an operation.
struct SetNumber : IgnoreFields {
  SetNumber(std::size_t which, std::uint64_t becomes) : nth(which), value(becomes) {}
  std::size_t nth;
  std::uint64_t value;
  bool hit = false;
  std::string name;
  void number(std::uint64_t& number, const NumberSpec& spec) {
    if (hit || nth-- != 0) return;
    hit = true;
    number = value;
    name = spec.name;
  }
};

// Results of each kind, as operands.
constexpr const char* kThings =
    "b1 = cma_alloc a pages=8\nx2 = alloc_pages order=1 type=movable\nm3 = movable_page pages=2\np4 = spawn\n"
    "v5 = mmap_anon p4 pages=4\nf6 = file block_device\nr7 = read f6 pages=2\nk8 = pin v5\n";

// Names a result of the kind that each operand needs.
struct FillOperands : IgnoreFields {
  explicit FillOperands(const Program& filled) : program(filled) {}
  const Program& program;
  void operand(OpRef& operand, const OperandSpec& spec) {
    for (const Op& op : program.ops)
      if (spec.required && info_of(op).yields == spec.wanted) operand.id = op.id;
  }
};

// Each number of each operation, at the limits of integers: the text is refused with its place, or the program runs to
// its end.
TEST_P(BadInput, HugeNumbersInEveryFieldAreRefusedOrSurvived) {
  const std::string head = "machine small release=" + name_of(GetParam()) + "\n" + kThings;
  const auto things = parse(head, "things");
  ASSERT_TRUE(things) << things.error().text();
  unsigned refused = 0;
  unsigned survived = 0;
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    for (std::size_t nth = 0;; ++nth) {
      SetNumber probe(nth, 1);
      OpBody body = default_body(kind);
      visit_fields(body, probe);
      if (!probe.hit) break;
      for (const std::uint64_t value : kHuge) {
        Program program = *things;
        Op op;
        op.body = default_body(kind);
        FillOperands fill(*things);
        visit_fields(op.body, fill);
        SetNumber set(nth, value);
        visit_fields(op.body, set);
        program.ops.push_back(op);
        const std::string text = print(program);
        const auto read = parse(text, "huge");
        const std::string where = std::string(info_of(op).verb) + " " + set.name + "=" + std::to_string(value);
        if (!read) {
          ++refused;
          EXPECT_THAT(read.error().text(), MatchesRegex("huge:[0-9]+:[0-9]+: .*")) << where;
          continue;
        }
        ++survived;
        const RunResult result = interpreter_.run(*read);
        EXPECT_TRUE(interpreter_.machine().engine.at_rest()) << where;
        if (result.finding && !info_of(op).any_time) {
          ADD_FAILURE() << where << ": " << result.finding->message;
        }
      }
    }
  }
  EXPECT_GT(refused, 50U);
  EXPECT_GT(survived, 100U);
}

}  // namespace
}  // namespace cma
