#include "properties/logs/short_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cma::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Finding finding_of(const std::string& what, const std::string& blame, const std::string& next) {
  Finding finding;
  finding.weight = kFailed;
  finding.what = what;
  finding.blame = blame;
  finding.next = next;
  return finding;
}

// Returns an answer with a section that says what a finding says, and a line more.
LogAnswer answer_with_evidence() {
  LogAnswer answer;
  Section section{"areas", {}};
  section.add(Certainty::seen, "An area is missing.", {4});
  section.add(Certainty::fits, "the place was taken", {4, 6});
  section.add(Certainty::follows, "Take another place.", {4});
  section.add(Certainty::follows, "it would have been large", {5});
  answer.sections.push_back(section);
  return answer;
}

TEST(ShortAnswer, HasTheLinesOfWhatAStatementSaysToo) {
  LogAnswer answer = answer_with_evidence();
  tell_briefly({finding_of("An area is missing.", "The place was taken.", "Take another place.")}, answer);
  EXPECT_THAT(answer.brief, ElementsAre("An area is missing.", "The place was taken.", "Take another place."));
  EXPECT_THAT(answer.cited, ElementsAre("An area is missing (line 4).", "The place was taken (fits, lines 4, 6).",
                                        "Take another place."));
  EXPECT_EQ(answer_text(answer, "log"),
            "log: 0 lines, 0 facts\n"
            "answer  An area is missing (line 4).\n"
            "answer  The place was taken (fits, lines 4, 6).\n"
            "answer  Take another place.\n"
            "\nareas\n"
            "  follows  it would have been large (line 5)\n");
}

TEST(ShortAnswer, ASectionThatSaysNothingMoreIsLeftOut) {
  LogAnswer answer = answer_with_evidence();
  answer.sections[0].statements.pop_back();
  answer.sections.push_back({"much more is left out", {}});
  tell_briefly({finding_of("An area is missing.", "The place was taken.", "Take another place.")}, answer);
  EXPECT_THAT(answer_text(answer, "log"), Not(HasSubstr("\nareas\n")));
  EXPECT_THAT(answer_text(answer, "log"), HasSubstr("\nmuch more is left out\n"));
}

TEST(ShortAnswer, OfSeveralEqualStatementsItHasAllLinesAndTheLeastCertainty) {
  LogAnswer answer = answer_with_evidence();
  answer.sections[0].add(Certainty::guess, "the place was taken", {9});
  tell_briefly({finding_of("An area is missing.", "The place was taken.", "")}, answer);
  EXPECT_EQ(answer.cited.at(1), "The place was taken (guess, lines 4, 6, 9).");
}

TEST(ShortAnswer, WhatFollowedIsSaidBeforeWhatElseFailed) {
  LogAnswer answer = answer_with_evidence();
  Finding finding = finding_of("An area is missing.", "", "");
  finding.then = {"It would have been large."};
  finding.besides = {"Another one failed."};
  Finding other = finding_of("The place was taken.", "unsaid", "");
  tell_briefly({finding, other}, answer);
  EXPECT_THAT(answer.cited, ElementsAre("An area is missing (line 4). It would have been large (line 5). Besides: "
                                        "Another one failed. The place was taken."));
  // What else failed stays where it has its reason.
  EXPECT_FALSE(answer.sections[0].statements[1].in_brief);
}

TEST(ShortAnswer, WithoutAFindingSaysNotEnough) {
  LogAnswer answer;
  tell_briefly({}, answer);
  EXPECT_THAT(answer.sentences().at(0), HasSubstr("Not enough: no line"));
  answer = {};
  answer.facts = 1;
  tell_briefly({}, answer);
  EXPECT_THAT(answer.sentences().at(0), HasSubstr("none about a request that failed"));
}

}  // namespace
}  // namespace cma::logs
