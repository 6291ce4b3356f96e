// What each part of an explanation hands back: the few sentences that can become the short answer. Used by explain_log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/logs/answer.h"

namespace cma::logs {

struct Finding {
  // The finding with the most weight becomes the short answer.
  std::uint64_t weight = 0;
  std::string what;   // what happened, as a sentence
  std::string blame;  // what kept it from its pages; may be empty
  std::string next;   // what would help, or what to look at; may be empty
  std::vector<std::string> collect = {};
  std::vector<std::string> besides = {};  // what else failed, each as a sentence
  std::vector<std::string> then = {};     // what followed from it, each as a sentence
};

// What a finding weighs: a failure that was seen more than what only may be one.
inline constexpr std::uint64_t kFailed = 1'000'000'000;
inline constexpr std::uint64_t kSuspicious = 1'000'000;

}  // namespace cma::logs
