#include "properties/judge/process_pool.h"

#include <gtest/gtest.h>

#include "properties/program/text.h"

namespace cma::judge {
namespace {

// Returns the line that asks the driver for the program's pool; "nothing", or "too much".
std::string pool_of(const std::string& ops) {
  const auto program = parse("machine small release=6.1\n" + ops);
  if (!program) throw std::runtime_error(program.error().text());
  ProcessNeeds needs;
  for (const Op& op : program->ops) needs.add(op);
  const auto pool = needs.pool();
  if (!pool) return "too much";
  return pool->processes == 0 ? "nothing" : prepare_line(*pool);
}

std::string times(int count, const std::string& line) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

TEST(ProcessPool, IsNotAskedForWithoutProcesses) { EXPECT_EQ(pool_of("drain\n"), "nothing"); }

TEST(ProcessPool, IsTheSmallestThatHoldsEverything) {
  const std::string small = "prepare processes 8 8 128 256";
  EXPECT_EQ(pool_of("spawn\n"), small);
  EXPECT_EQ(pool_of(times(8, "spawn\n")), small);
  EXPECT_EQ(pool_of(times(9, "spawn\n")), "prepare processes 16 8 128 256");
  EXPECT_EQ(pool_of("p = spawn\nmmap_anon p pages=128\n"), small);
  EXPECT_EQ(pool_of("p = spawn\nmmap_anon p pages=129\n"), "prepare processes 8 8 640 256");
  EXPECT_EQ(pool_of("p = spawn\n" + times(8, "mmap_anon p pages=1\n")), small);
  EXPECT_EQ(pool_of("p = spawn\n" + times(9, "mmap_anon p pages=1\n")), "prepare processes 8 16 128 256");
  EXPECT_EQ(pool_of(times(49, "spawn\n")), "too much");
}

TEST(ProcessPool, CountsALinkForEachAncestorOfAForkedMapping) {
  // Links: 8 of the mappings, then 8 x 2, 8 x 3, ... one more a generation.
  std::string ops = "p0 = spawn\n" + times(8, "mmap_anon p0 pages=1\n");
  for (int i = 1; i < 8; ++i) ops += "p" + std::to_string(i) + " = fork p" + std::to_string(i - 1) + "\n";
  EXPECT_EQ(pool_of(ops), "prepare processes 8 8 128 256");
  ops = "p0 = spawn\n" + times(16, "mmap_anon p0 pages=1\n");
  for (int i = 1; i < 16; ++i) ops += "p" + std::to_string(i) + " = fork p" + std::to_string(i - 1) + "\n";
  EXPECT_EQ(pool_of(ops), "prepare processes 16 16 128 4096") << "16 x (1 + 2 + ... + 16) links";
}

}  // namespace
}  // namespace cma::judge
