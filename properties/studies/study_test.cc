#include "properties/studies/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cma {
namespace {

using testing::HasSubstr;
using testing::Not;

StudyResult two_rows() {
  StudyResult result;
  result.name = "example";
  result.question = "Is a < b & c?";
  result.run_means = "loops";
  result.parameters = {{"area", "56 MiB"}};
  StudyRow failing;
  failing.release = "4.19";
  failing.runs = 1000;
  failing.failed = 50;
  failing.sweeps = 1500;
  failing.virtual_time = 2000;
  failing.causes = {{"a slot", 49}, {"a journal", 1}};
  StudyRow fine;
  fine.release = "6.1";
  fine.runs = 1000;
  fine.sweeps = 1000;
  result.rows = {failing, fine};
  return result;
}

TEST(Rates, HaveWilsonsInterval) {
  struct Case {
    std::uint64_t hits, runs;
    double low, high;
  };
  // The published values of Wilson's interval at 95 %.
  constexpr Case kCases[] = {{0, 10, 0.0, 0.2775},
                             {1, 10, 0.0179, 0.4042},
                             {5, 10, 0.2366, 0.7634},
                             {10, 10, 0.7225, 1.0},
                             {450, 8500, 0.0484, 0.0579}};
  for (const Case& c : kCases) {
    const Rate rate = rate_of(c.hits, c.runs);
    EXPECT_NEAR(rate.low, c.low, 5e-5) << c.hits << " of " << c.runs;
    EXPECT_NEAR(rate.high, c.high, 5e-5) << c.hits << " of " << c.runs;
    EXPECT_DOUBLE_EQ(rate.value, static_cast<double>(c.hits) / static_cast<double>(c.runs));
  }
}

TEST(Rates, AreUnknownWithoutRuns) {
  const Rate rate = rate_of(0, 0);
  EXPECT_EQ(rate.low, 0);
  EXPECT_EQ(rate.high, 1);
}

TEST(StudyText, HasALineForEachRowAndItsCauses) {
  const std::string text = study_text(two_rows());
  EXPECT_THAT(text, HasSubstr("4.19     1000  50      5.000 %"));
  EXPECT_THAT(text, HasSubstr("49 x a slot, 1 x a journal"));
  EXPECT_THAT(text, HasSubstr("1.50        0.002"));
  EXPECT_THAT(text, Not(HasSubstr("policy")));
}

TEST(StudyText, NamesPoliciesIfThereAreAny) {
  StudyResult result = two_rows();
  result.rows[1].policy = "no limit";
  result.rows[1].remark = "never ends";
  const std::string text = study_text(result);
  EXPECT_THAT(text, HasSubstr("policy"));
  EXPECT_THAT(text, HasSubstr("6.1, no limit: never ends"));
}

TEST(StudyJson, HasTheFiguresOfTheRows) {
  const auto json = nlohmann::json::parse(study_json(two_rows()));
  EXPECT_EQ(json["rows"].size(), 2U);
  EXPECT_EQ(json["rows"][0]["failed"], 50);
  EXPECT_EQ(json["rows"][0]["causes"]["a slot"], 49);
  EXPECT_NEAR(json["rows"][0]["rate"].get<double>(), 0.05, 1e-12);
  EXPECT_EQ(json["parameters"]["area"], "56 MiB");
}

TEST(StudyPlot, HasABarForEachRowAndEscapesItsTexts) {
  StudyResult result = two_rows();
  result.run_means = "loops <of> 5 & 6";
  const std::string svg = study_svg(result);
  EXPECT_THAT(svg, HasSubstr("50 of 1000 (5.00 %)"));
  EXPECT_THAT(svg, HasSubstr("0 of 1000 (0.00 %)"));
  EXPECT_THAT(svg, HasSubstr("loops &lt;of&gt; 5 &amp; 6"));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
}

TEST(StudyCatalogue, NamesAreDistinctAndFound) {
  for (const Study& study : study_catalogue()) {
    EXPECT_EQ(find_study(study.name), &study);
    EXPECT_GT(study.full_size, 0U) << study.name;
  }
  EXPECT_EQ(find_study("no-such-study"), nullptr);
}

}  // namespace
}  // namespace cma
