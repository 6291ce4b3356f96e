#include "properties/program/byte_form.h"

#include <gtest/gtest.h>

#include "properties/program/generator.h"
#include "properties/program/program_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

TEST(ByteForm, EveryKindSurvives) {
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    Program program;
    program.ops.push_back({});
    program.ops.back().body = default_body(kind);
    program.settle();
    EXPECT_EQ(decode(encode(program)), program) << print(program);
  }
}

TEST(ByteForm, ShapesAndDefaultNamesTakeTheShortForm) {
  for (Release release : modelled_releases())
    for (std::size_t index = 0; index < kShapes; ++index) {
      Program program;
      program.machine = shape(index, release);
      program.actors = {{"A", 0}, {"B", program.machine.cpus > 1 ? 1 : 0}};
      program.audit = Audit::points;
      program.settle();
      EXPECT_EQ(encode(program).size(), 3U);
      EXPECT_EQ(decode(encode(program)), program) << print(program);
    }
}

TEST(ByteForm, ShapesThatKillProcessesTakeAByteMore) {
  for (Release release : modelled_releases())
    for (std::size_t index = 0; index < kShapes; ++index) {
      Program program;
      program.machine = shape(index, release);
      program.machine.oom_kills = true;
      program.settle();
      EXPECT_EQ(encode(program).size(), 4U);
      EXPECT_EQ(decode(encode(program)), program) << print(program);
    }
}

TEST(ByteForm, OddMachinesAndNamesAreWrittenInFull) {
  const Program program = parsed(
      "machine release=4.19 base=0x800 pages=0x8000 cpus=4 pcp_batch=31 min_free_kbytes=0 debug=off pageblock_order=9 "
      "largest_order=10 page_size=16384 long=32 bugs=as-shipped\n"
      "zone Normal base=0x800 pages=0x4000\nzone Normal base=0x4800 pages=0x4000 node=3\n"
      "hole base=0x900 pages=0x10\nreserved base=0x1000 pages=0x7\n"
      "area linux,cma base=0x4800 pages=0x1000 order_per_bit=1\n"
      "area video base=0x6000 pages=0x400 order_per_bit=2 fail=bitmap\n"
      "bug bitmap-forgets-bit\nactor camera cpu=3\n"
      "camera: first = cma_alloc linux,cma pages=5 until=cma_mutex_taken#3\n"
      "k1 = pin first+2\nexpect log next \"busy \\x00 \\xff\" times=0\nexpect page video used owner=?9\n");
  EXPECT_EQ(decode(encode(program)), program) << print(decode(encode(program)));
}

// Saved bytes keep their meaning: a key that came later is written only for machines that need it.
TEST(ByteForm, AMachineHasTheLowestVersionThatHasItsKeys) {
  Program program;
  program.machine = default_small_geometry(Release::v6_1);
  program.machine.cpus = 3;
  program.settle();
  const std::vector<std::uint8_t> plain = encode(program);
  EXPECT_EQ(plain[0], 1);
  program.machine.oom_kills = true;
  const std::vector<std::uint8_t> killing = encode(program);
  EXPECT_EQ(killing[0], 2);
  EXPECT_EQ(killing.size(), plain.size() + 1);
  EXPECT_EQ(decode(killing), program);
  program.machine.oom_kills = false;
  program.machine.cma_before_highatomic = true;
  const std::vector<std::uint8_t> vendor = encode(program);
  EXPECT_EQ(vendor[0], kByteVersion);
  EXPECT_EQ(vendor.size(), plain.size() + 2);
  EXPECT_EQ(decode(vendor), program);
  for (const int unknown : {0, kByteVersion + 1, 255}) {
    std::vector<std::uint8_t> bytes = plain;
    bytes[0] = static_cast<std::uint8_t>(unknown);
    EXPECT_EQ(decode(bytes), decode(plain)) << unknown;
  }
}

TEST(ByteForm, NoBytesAndZerosAreProgramsToo) {
  EXPECT_EQ(print(decode({})), "cmacheck 1\nmachine small release=3.6\n");
  const std::vector<std::uint8_t> zeros(7, 0);
  EXPECT_EQ(print(decode(zeros)), "cmacheck 1\nmachine small release=3.6\n\ncma_alloc a pages=0\n");
}

// Only what is left after a length can be of that length, whatever it promises.
TEST(ByteForm, NothingIsReadBeyondTheEnd) {
  Program program;
  program.machine = default_small_geometry(Release::v6_1);
  program.machine.areas[0].name = "long_enough";
  program.settle();
  const std::vector<std::uint8_t> whole = encode(program);
  // A text of 'z' lies where a reader would go on that does not stop.
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::vector<std::uint8_t> alone(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    std::vector<std::uint8_t> followed = alone;
    followed.resize(size + 64, 'z');
    EXPECT_EQ(decode(alone), decode(std::span(followed).first(size))) << size;
  }
}

TEST(ByteForm, KeepsToItsLimits) {
  const std::vector<std::uint8_t> bytes(10000, 0x0e);
  EXPECT_LE(decode(bytes, kFuzzLimits).ops.size(), kFuzzLimits.ops);
  Program large;
  large.machine.memory = {0, 0x10000};
  large.settle();
  EXPECT_EQ(decode(encode(large)).machine, large.machine);
  EXPECT_EQ(decode(encode(large), kFuzzLimits).machine, default_small_geometry(Release::v6_1));
}

TEST(ByteForm, ADuplicateIdentifierDoesNotRebind) {
  Program program;
  for (int i = 0; i < 2; ++i) {
    Op alloc;
    alloc.id = 3;
    alloc.body = CmaAlloc{{}, static_cast<std::uint64_t>(i + 1), 0, false};
    program.ops.push_back(alloc);
  }
  Op release;
  release.body = CmaRelease{{3}, 0, 0};
  program.ops.push_back(release);
  const Program decoded = decode(encode(program));
  EXPECT_EQ(decoded.ops[0].id, 3);
  EXPECT_NE(decoded.ops[1].id, 3);
  EXPECT_EQ(std::get<CmaRelease>(decoded.ops[2].body).buffer.id, 3);
}

TEST(ByteForm, DecodingIntoAUsedProgramGivesTheSame) {
  Program reused;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<std::uint8_t> bytes = encode(generate(seed));
    decode_into(reused, bytes);
    EXPECT_EQ(reused, decode(bytes));
  }
}

TEST(ByteForm, VariedMachinesSurvive) {
  Random random(1);
  for (std::size_t i = 0; i < 300; ++i) {
    Program program;
    program.machine = shape(i, modelled_releases()[i % modelled_releases().size()]);
    vary_machine(random, program.machine);
    EXPECT_EQ(program.machine.impossible(), std::nullopt);
    program.settle();
    EXPECT_EQ(decode(encode(program)), program) << print(program);
    EXPECT_EQ(parsed(print(program)), program) << print(program);
  }
}

}  // namespace
}  // namespace cma
