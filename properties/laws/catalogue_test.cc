#include "properties/laws/catalogue.h"

#include <gtest/gtest.h>

#include <set>

namespace cma {
namespace {

TEST(LawCatalogue, EveryLawHasANameOfItsOwnAndSaysWhatItIs) {
  std::set<std::string_view> names;
  for (const LawInfo& law : law_catalogue()) {
    EXPECT_TRUE(names.insert(law.name).second) << law.name;
    EXPECT_EQ(find_law(law.name), &law);
    EXPECT_TRUE(law.sentence.ends_with('.')) << law.name;
    EXPECT_FALSE(law.suspended.empty()) << law.name;
    EXPECT_FALSE(law.checked.empty()) << law.name;
  }
}

TEST(LawCatalogue, KnowsTheLawsThatOthersRaise) {
  for (const char* name : {"sound", "expect", "bounded", "locks"}) EXPECT_NE(find_law(name), nullptr) << name;
  EXPECT_EQ(find_law("justice"), nullptr);
}

}  // namespace
}  // namespace cma
