#include "properties/logs/pattern.h"

#include <gtest/gtest.h>

namespace cma::logs {
namespace {

struct PatternCase {
  const char* pattern;
  const char* text;
  Fit fit;
  std::vector<std::string> fields;
};

TEST(Pattern, FieldsEndWhereTheirTypeEnds) {
  const PatternCase cases[] = {
      {"[{start:x}, {end:x}) busy", "[c3400, 0xc51aa) busy", Fit::whole, {"c3400", "0xc51aa"}},
      {"ret: {ret:d}", "ret: -16", Fit::whole, {"-16"}},
      {"free:{kb:u}kB", "free:   12kB", Fit::whole, {"   12"}},
      {"(cma {cma:p}, count {n:u})", "(cma (ptrval), count 4)", Fit::whole, {"(ptrval)", "4"}},
      {"(cma {cma:p}, count {n:u})", "(cma c5eb4a80, count 4)", Fit::whole, {"c5eb4a80", "4"}},
      {"returned {page:p}", "returned   (null)", Fit::whole, {"  (null)"}},
      {"name={area:s} count={n:u}", "name=linux,cma count=4", Fit::whole, {"linux,cma", "4"}},
      {"version {version:w}", "version 4.19.176 (gcc)", Fit::whole, {"4.19.176"}},
      {"line: {text:r}", "line: a b", Fit::whole, {"a b"}},
      {"[{start:x}, {end:x})", "[c3400, zz)", Fit::none, {}},
      {"[{start:x}, {end:x}) busy", "[c3400, c51", Fit::begins, {}},
      {"[{start:x}, {end:x}) busy", "[c3400,", Fit::begins, {}},
      {"n {n:u}", "n 99999999999999999999", Fit::none, {}},
      {"ret: {ret:d}", "ret: x", Fit::none, {}},
  };
  for (const PatternCase& one : cases) {
    Match match;
    EXPECT_EQ(match_pattern(one.pattern, one.text, 0, match), one.fit) << one.pattern << " on " << one.text;
    if (one.fit != Fit::whole) continue;
    std::vector<std::string> fields;
    for (const FieldValue& value : match.fields) fields.push_back(value.text);
    EXPECT_EQ(fields, one.fields) << one.text;
  }
}

TEST(Pattern, NumbersAreReadInTheirBase) {
  Match match;
  ASSERT_EQ(match_pattern("{a:x} {b:u} {c:d}", "1f 10 -12", 0, match), Fit::whole);
  EXPECT_EQ(match.fields[0].number, 0x1fU);
  EXPECT_EQ(match.fields[1].number, 10U);
  EXPECT_EQ(static_cast<std::int64_t>(match.fields[2].number), -12);
}

}  // namespace
}  // namespace cma::logs
