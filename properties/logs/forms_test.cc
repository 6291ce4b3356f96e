// The table of forms fits the filter and the patterns: a line of each form gets through and is read as that form.

#include "properties/logs/forms.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "properties/logs/fact_reader.h"
#include "properties/logs/needles.h"

namespace cma::logs {
namespace {

// Returns a line of this form, with some value in each field.
std::string sample_of(std::string_view pattern) {
  const std::map<char, std::string> values = {{'x', "1f000"},  {'u', "7"},     {'d', "-12"}, {'p', "(ptrval)"},
                                              {'w', "4.19.1"}, {'s', "name "}, {'r', "rest"}};
  std::string text;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}');
    text += values.at(pattern[close - 1]);
    pattern.remove_prefix(close + 1);
  }
  return text;
}

TEST(Forms, EachLineHasANeedle) {
  const NeedleSet needles(log_needles());
  for (const Form& form : all_forms()) EXPECT_TRUE(needles.found_in(sample_of(form.pattern))) << form.pattern;
}

TEST(Forms, EachLineIsReadAsItsForm) {
  for (const Form& form : all_forms()) {
    const std::string line = "[    1.000000] " + sample_of(form.pattern);
    FactReader reader(text_source(line));
    Fact fact;
    ASSERT_TRUE(reader.next(fact)) << line;
    EXPECT_EQ(fact.form->pattern, form.pattern) << line;
    EXPECT_EQ(fact.says(), form.says) << line;
  }
}

TEST(Forms, VersionsAreInOrder) {
  for (const Form& form : all_forms())
    EXPECT_LE(form.printed.first, form.printed.last.value_or(form.printed.first)) << form.pattern;
}

}  // namespace
}  // namespace cma::logs
