// For tests: all that an answer says in one text, whose lines are as long as its sentences.
#pragma once

#include <fmt/format.h>

#include <string>

#include "properties/logs/answer.h"

namespace cma::logs {

// Returns the short answer, titles and statements, each with its lines: "it asked for 1 page (line 3)".
inline std::string whole_text(const LogAnswer& answer) {
  std::string text;
  for (const std::string& brief : answer.brief) text += brief + "\n";
  for (const Section& section : answer.sections) {
    text += section.title + "\n";
    for (const Statement& statement : section.statements) {
      const std::string place = lines_text(statement.lines);
      text += statement.text + (place.empty() ? "" : fmt::format(" ({})", place)) + "\n";
    }
  }
  return text;
}

}  // namespace cma::logs
