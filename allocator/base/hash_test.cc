#include "allocator/base/hash.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace cma {
namespace {

std::uint64_t hash_of(std::initializer_list<std::uint64_t> values) {
  std::uint64_t hash = kHashSeed;
  for (const std::uint64_t value : values) hash_step(hash, value);
  return hash;
}

TEST(Hash, ItsValuesAreThoseOfEveryEarlierRun) {
  EXPECT_EQ(hash_of({0}), 0xf8bb92ce26585846ULL);
  EXPECT_EQ(hash_of({1, 2, 3}), 0x1538bbb23f267e07ULL);
}

TEST(Hash, OrderAndRepetitionCount) {
  EXPECT_NE(hash_of({1, 2}), hash_of({2, 1}));
  EXPECT_NE(hash_of({7}), hash_of({7, 7}));
  EXPECT_NE(hash_of({}), hash_of({0}));
}

}  // namespace
}  // namespace cma
