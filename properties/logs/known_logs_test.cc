// What explanations find out, compared with what is true: 200 logs that the model made of random programs.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "properties/logs/explain_log.h"
#include "properties/logs/score_testing.h"

namespace cma::logs {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kLogs = 240;

Score score_of_all() {
  Score score;
  for (std::uint64_t seed = 0; seed < kLogs; ++seed) {
    const KnownLog log = known_log(seed);
    add_to_score(log, explain_log(text_source(log.text)), fmt::format("log {}", seed), score);
  }
  return score;
}

TEST(KnownLogs, AreExplainedAsTheyWereMade) {
  const Score score = score_of_all();
  EXPECT_THAT(score.wrong_claims, IsEmpty());
  EXPECT_GE(score.right() * 100, score.facts() * 95) << ::testing::PrintToString(score.wrong_facts);
  // A law that finds nothing to judge holds of nothing.
  for (const char* kind : {"versions", "pages", "align", "ending", "error", "culprit", "window", "unseen", "suspects",
                           "stopped at", "page size", "flags", "verdict", "usable", "needed"})
    EXPECT_GE(score.kinds.contains(kind) ? score.kinds.at(kind).facts : 0U, 10U) << kind;
}

// --- the scorer ---

// Returns the score of a log after its answer was changed.
template <class Change>
Score score_of_changed(std::uint64_t seed, const Change& change) {
  const KnownLog log = known_log(seed);
  LogAnswer answer = explain_log(text_source(log.text));
  Score score;
  change(answer);
  add_to_score(log, answer, "log", score);
  return score;
}

// Returns the first seed whose log has a request with windows of which the pages are known.
std::uint64_t seed_with_windows() {
  for (std::uint64_t seed = 0; seed < kLogs; ++seed) {
    const KnownLog log = known_log(seed);
    for (const RequestSummary& request : explain_log(text_source(log.text)).requests)
      if (request.windows > 1 && request.pages_certain) return seed;
  }
  return kLogs;
}

TEST(KnownLogs, AClaimThatIsWrongIsFound) {
  const std::uint64_t seed = seed_with_windows();
  ASSERT_LT(seed, kLogs);
  EXPECT_THAT(score_of_changed(seed, [](LogAnswer&) {}).wrong_claims, IsEmpty());
  const auto wrong = [&](const auto& change) {
    const Score score = score_of_changed(seed, [&](LogAnswer& answer) {
      for (RequestSummary& request : answer.requests)
        if (request.windows > 1 && request.pages_certain) change(request);
    });
    return score.wrong_claims.size();
  };
  EXPECT_NE(wrong([](RequestSummary& request) { ++request.pages; }), 0U);
  EXPECT_NE(wrong([](RequestSummary& request) { --request.tried.front().start; }), 0U);
  EXPECT_NE(wrong([](RequestSummary& request) { request.stopped_at = {1}; }), 0U);
  EXPECT_NE(wrong([](RequestSummary& request) {
              request.culprit = Culprit::no_room;
              request.culprit_certainty = Certainty::follows;
            }),
            0U);
  EXPECT_NE(wrong([](RequestSummary& request) {
              request.culprit = Culprit::signal;
              request.culprit_certainty = Certainty::follows;
            }),
            0U);
  EXPECT_NE(wrong([](RequestSummary& request) {
              request.unseen = 100'000;
              request.unseen_certainty = Certainty::follows;
            }),
            0U);
}

TEST(KnownLogs, ASizeOfPagesThatIsWrongIsFound) {
  const auto score_of_size = [](std::uint64_t kb) {
    return score_of_changed(0, [&](LogAnswer& answer) {
      answer.page_kb = kb;
      answer.page_kb_told = true;
    });
  };
  const std::uint64_t right = known_log(0).page_kb;
  EXPECT_THAT(score_of_size(right).wrong_claims, IsEmpty());
  EXPECT_EQ(score_of_size(right == 4 ? 16 : 4).wrong_claims.size(), 1U);
}

TEST(KnownLogs, WhatIsOnlySaidToFitIsNoClaim) {
  const Score score = score_of_changed(seed_with_windows(), [](LogAnswer& answer) {
    for (RequestSummary& request : answer.requests) {
      ++request.pages;
      request.pages_certain = false;
    }
  });
  EXPECT_THAT(score.wrong_claims, IsEmpty());
  EXPECT_NE(score.wrong_facts.size(), 0U);
}

}  // namespace
}  // namespace cma::logs
