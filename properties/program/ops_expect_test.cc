#include "properties/program/ops_expect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using testing::HasSubstr;

// A machine and its history: `b` lies at the beginning of area a, `f` failed, `n` lies in area b.
constexpr std::string_view kStory = R"(machine small release=6.1
actor A cpu=0
b = cma_alloc a pages=12
f = cma_alloc a pages=300
n = anon_page at=area:b+0x20
drain_lru
k = pin n
gone = cma_alloc a pages=4
cma_release gone
s = free_pages gone
A: i = cma_alloc a pages=4 until=cma_bitmap_marked
sleep us=7
)";

// Returns the message of an expectation at the end of the story; empty if it is met.
std::string verdict(const std::string& expectation) {
  const auto program = parse(std::string(kStory) + "expect " + expectation + "\n", "test");
  if (!program) return program.error().text();
  const RunResult result = run(*program);
  if (!result.finding) return "";
  EXPECT_EQ(result.finding->law, Law::expect);
  EXPECT_EQ(result.finding->op, program->ops.size() - 1);
  return result.finding->message;
}

void met(const std::string& expectation) { EXPECT_EQ(verdict(expectation), ""); }
void unmet(const std::string& expectation, const std::string& why) {
  EXPECT_EQ(verdict(expectation), "expect " + expectation + ": " + why);
}

TEST(Expect, States) {
  met("b.ok");
  met("gone.ok");
  met("gone.gone");
  met("f.failed");
  met("s.skipped");
  met("i.inside");
  unmet("b.failed", "it is ok");
  unmet("b.gone", "it is ok");
  unmet("f.ok", "it is failed");
  unmet("s.ok", "it is skipped");
  unmet("i.ok", "it is inside");
  unmet("?99.ok", "it has not been performed");
}

TEST(Expect, Figures) {
  met("b.pfn == 0x200");
  met("b.pfn == a");
  met("b.pfn < a+0x1");
  met("b.pfn != n");
  met("n.pfn == area:b+0x20");
  met("k.pfn == n");
  met("b.pages == 12");
  met("b.pages >= 12");
  unmet("b.pfn == 0x201", "pfn is 0x200");
  unmet("b.pfn > 0x200", "pfn is 0x200");
  unmet("b.pages < 12", "pages is 12");
  unmet("f.pfn == 0x200", "it has no pfn: it is failed");
  unmet("b.pfn == gone", "there is no such page");
}

TEST(Expect, Errors) {
  met("f == -ENOMEM");
  met("f != 0");
  met("b == 0");
  unmet("f == 0", "the error is -ENOMEM");
  unmet("b == -EBUSY", "the error is 0");
  unmet("i == 0", "it is inside");
  unmet("s == 0", "it is skipped");
}

TEST(Expect, EveryErrorOfTheModelHasItsWord) {
  for (int error = 0; error > -4096; --error) {
    if (errno_from_name(errno_name(error)) != error) continue;
    EXPECT_THAT(kErrorWords, testing::Contains(errno_name(error)));
  }
}

TEST(Expect, SharedMemoryThatWasTruncatedCannotBeTouched) {
  const auto program = parse(
      "machine small release=6.1\np = spawn\ns = shmem_page\nv = mmap_shared p s\nfree s\nw = write v\n"
      "expect w == -EFAULT\n",
      "test");
  ASSERT_TRUE(program) << program.error().text();
  EXPECT_FALSE(run(*program).finding);
}

TEST(Expect, Counters) {
  // 512 less the 12 of b, n, and the 4 of `gone`, which are on a per-CPU list.
  met("free_cma == 495");
  met("skipped == 1");
  met("time == 7");
  met("free_pages > 495");
  unmet("free_cma == 500", "it is 495");
  unmet("skipped < 1", "it is 1");
  unmet("time != 7", "it is 7");
}

TEST(Expect, FiguresOfZones) {
  met("zone Normal.free_cma == 495");
  met("zone Normal.cma == 512");
  met("zone Normal.managed == 1024");
  met("zone Normal.spanned >= 1024");
  met("zone Normal.min == 4");
  met("zone Normal.high > 4");
  met("zone Normal.boost == 0");
  met("zone Normal.reserved_highatomic == 0");
  unmet("zone Normal.low == 4", "it is 5");
  unmet("zone Normal.present < 1024", "it is 1024");
}

TEST(Expect, TheMarksOfAZoneIncludeItsBoost) {
  const auto program = parse(
      "machine small release=6.1 boost=3\n"
      "expect zone Normal.boost == 3\nexpect zone Normal.min == 7\nexpect cat zoneinfo \"boost    3\"\n"
      "expect cat zoneinfo \"min      7\"\n",
      "boost");
  ASSERT_TRUE(program) << program.error().text();
  const RunResult result = run(*program);
  EXPECT_FALSE(result.finding) << result.finding->message;
}

TEST(Expect, Lines) {
  met("log \"cma_alloc(cma (ptrval), count 12\"");
  met("log \"cma_alloc(cma\" times=4");
  met("log \"busy\" never");
  met("log \"busy\" times=0");
  met("trace \"cma_alloc_start: name=a count=12\"");
  met("trace next \"cma_alloc_start\"");
  unmet("log \"cma_alloc(cma\" times=1", "there are 4 such lines");
  unmet("log \"busy\"", "there is no such line");
  unmet("log \"returned\" never", "there are 2 such lines");
  // Log lines are no tracepoints, and the other way round.
  unmet("log \"cma_alloc_start\"", "there is no such line");
  unmet("trace \"count 12\"", "there is no such line");
}

// A real kernel's pointer is the same each time it prints the same object.
TEST(Expect, PointersStandForObjects) {
  const std::string area = "log \"cma_alloc(cma 00000000deadbeef, count 12\"\nexpect ";
  met(area + "log \"cma_alloc(cma 00000000deadbeef, count 300\"");
  met(area + "log \"cma_alloc(cma (ptrval), count 300\"");
  EXPECT_THAT(verdict(area + "log \"cma_alloc(cma 00000000deadbee0, count 300\""), HasSubstr("there is no such line"));
  met(area + "trace \"cma_alloc_finish: name=a pfn=0x200 page=0000000012345678 count=12\"");
  EXPECT_THAT(verdict(area + "trace \"pfn=0x200 page=00000000deadbeef count=12\""), HasSubstr("there is no such line"));
}

TEST(Expect, LinesInOrder) {
  const std::string first = "log next \"count 12\"\nexpect log next \"count 300\"\nexpect ";
  met(first + "log next \"count 4\"");
  met(first + "log next \"count 12\" never");
  met(first + "log \"count 12\"");
  met(first + "log next \"count 4,\" times=2");
  EXPECT_THAT(verdict(first + "log next \"count 12\""), HasSubstr("there is no such line"));
  // Each source has a place of its own.
  met(first + "trace next \"count=12\"");
}

TEST(Expect, Files) {
  met("cat cma/a/base_pfn \"512\"");
  met("cat cma/b/used \"0\"");
  met("cat pagetypeinfo \"Page block order: 4\"");
  unmet("cat cma/a/base_pfn \"51\"", "the file reads \"512\"");
  unmet("cat cma/q/base_pfn \"512\"", "there is no such file");
}

TEST(Expect, Pages) {
  met("page b used ref=1 type=cma");
  met("page n used ref=2 owner=n");
  met("page a+0x40 free type=cma");
  met("page area:b+0x80 buddy order=6");
  met("page 0x9999 hole");
  unmet("page b free", "page 0x200 is used");
  unmet("page area:b+0x80 pcp", "page 0x380 is buddy");
  unmet("page area:b+0x80 order=5", "page 0x380 is of order 6");
  unmet("page n ref=1", "page 0x320 has 2 references");
  unmet("page n type=movable", "the pageblock of page 0x320 is cma");
  unmet("page b owner=n", "page 0x200 has another owner");
  unmet("page 0x9999 used", "there is no such page");
}

// Bytes can name any law; settling makes a program of them that can be printed and read.
TEST(Expect, AFindingIsOfALawThatThereIs) {
  Program program;
  program.machine = default_small_geometry(Release::v6_1);
  program.ops.push_back({.body = ExpectFinding{"justice"}});
  program.settle();
  EXPECT_EQ(std::get<ExpectFinding>(program.ops[0].body).law, name_of(Law::exclusive));
}

TEST(Expect, CanBeSwitchedOffForFuzzers) {
  const auto program = parse("machine small release=6.1\nexpect free_cma == 1\nexpect finding law=views\n", "test");
  ASSERT_TRUE(program);
  EXPECT_TRUE(run(*program).finding);
  EXPECT_FALSE(run(*program, nullptr, {.expectations = false}).finding);
}

// Returns the signature of the finding of an expectation at the end of the story.
std::string signature(const std::string& expectation) {
  const auto program = parse(std::string(kStory) + "expect " + expectation + "\n", "test");
  return run(program.value()).finding.value().signature();
}

// The minimiser keeps signatures, so that a smaller program fails to meet the same expectation in the same way.
TEST(ExpectationUnmet, IsKnownByWhatWasExpectedAndWhatCameInstead) {
  EXPECT_EQ(signature("b.pfn == 0x201"), "expect/pfn == 0x201 (pfn is 0x200)/-");
  EXPECT_EQ(signature("f.pfn == 0x201"), "expect/pfn == 0x201 (it has no pfn: it is failed)/-");
  EXPECT_EQ(signature("f.ok"), "expect/ok (it is failed)/-");
  EXPECT_EQ(signature("free_cma == 1"), "expect/free_cma == 1 (it is 495)/-");
}

}  // namespace
}  // namespace cma
