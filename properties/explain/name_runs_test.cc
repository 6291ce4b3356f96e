// Names that count upwards, as the lines about holders have them.

#include "properties/explain/name_runs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "properties/program/random.h"

namespace cma {
namespace {

TEST(NameRuns, CountAsPeopleDo) {
  struct Row {
    std::vector<std::string> names;
    const char* text;
  };
  const Row rows[] = {
      {{"x"}, "x"},
      {{"b2", "b1"}, "b1 and b2"},
      {{"b10", "b9", "b8"}, "b8 to b10"},
      {{"b0", "b2", "b1"}, "b0 to b2"},
      {{"b9", "b11", "b10", "c"}, "b9 to b11 and c"},
      {{"b1", "b2", "b4", "b5", "b6"}, "b1, b2 and b4 to b6"},
      {{"q1w7", "q3w7", "q2w7"}, "q1w7 to q3w7"},
      {{"q1w1", "q1w2", "q1w3", "q2w1", "q2w2", "q2w3"}, "q1w1 to q1w3 and q2w1 to q2w3"},
      {{"b1", "b3", "b5", "b7", "b9", "b11"}, "b1, b3, b5, b7 and 2 more"},
      {{"b08", "b09", "b10"}, "b08, b09 and b10"},
      {{"b99999999999999999999", "b100000000000000000000"}, "b99999999999999999999 and b100000000000000000000"},
  };
  for (const Row& row : rows) EXPECT_EQ(names_in_runs(row.names), row.text);
}

TEST(NameRuns, NamesThatDifferInANumberHaveOnePattern) {
  EXPECT_EQ(without_numbers("q12w7"), "q#w#");
  EXPECT_EQ(without_numbers("pool"), "pool");
  EXPECT_NE(without_numbers("b1"), without_numbers("c1"));
}

// A sort needs an order in which different names are never equal.
TEST(NameRuns, AreInAStrictOrder) {
  Random random(7);
  constexpr std::string_view kLetters = "ab019";
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) {
    std::string name;
    for (std::uint64_t length = random.between(1, 4); length > 0; --length) name += kLetters[random.below(5)];
    names.push_back(std::move(name));
  }
  for (const std::string& a : names) {
    for (const std::string& b : names) {
      EXPECT_EQ(comes_before(a, b) || comes_before(b, a), a != b) << a << " and " << b;
      for (const std::string& c : names) {
        const bool in_order = comes_before(a, b) && comes_before(b, c);
        EXPECT_TRUE(!in_order || comes_before(a, c)) << a << ", " << b << ", " << c;
      }
    }
  }
}

}  // namespace
}  // namespace cma
