// Compares an explanation with what is true of its log.
//
// A fact is something that an answer states about the machine: it is right or not. A claim is one that it calls seen,
// or says that it follows; it must be right. Used by known_logs_test.cc. Cost: windows times statements.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/known_log_testing.h"

namespace cma::logs {

struct Score {
  struct Kind {
    std::uint64_t facts = 0;
    std::uint64_t right = 0;
  };
  std::map<std::string, Kind> kinds;
  std::vector<std::string> wrong_claims;
  std::vector<std::string> wrong_facts;

  std::uint64_t facts() const;
  std::uint64_t right() const;
};

// Adds what the answer states to the score. `name` is that of the log in sentences about what is wrong.
void add_to_score(const KnownLog& log, const LogAnswer& answer, const std::string& name, Score& score);

}  // namespace cma::logs
