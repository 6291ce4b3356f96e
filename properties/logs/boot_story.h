// What is said of one line about areas, or of a driver that did not get one's memory: what happened, the rule, what
// fits instead. Made by tell_boot.cc and tell_drivers.cc. Cost: for output only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/fact_reader.h"
#include "properties/logs/shown.h"

namespace cma::logs {

inline constexpr std::uint64_t kBytesOfMib = std::uint64_t{1} << 20;

// What stands in the section besides, with lines of its own.
struct Detail {
  Certainty certainty = Certainty::fits;
  std::string text;
  std::vector<std::uint64_t> lines;
};

// What happened is seen, unless stated.
struct BootStory {
  std::string what = {};     // as a sentence; empty: there is nothing to say
  std::string rule = {};     // why, without a full stop
  std::string instead = {};  // as a sentence
  Certainty certainty = Certainty::follows;
  bool failed = true;
  Certainty what_certainty = Certainty::seen;
  bool follows_other = false;                  // it follows from another line of the log
  bool of_driver = false;                      // rather than of the boot
  std::vector<std::uint64_t> lines = {};       // empty: the one of the fact
  std::vector<std::uint64_t> rule_lines = {};  // empty: the one of the fact
  std::vector<Detail> details = {};
};

// Returns "256 MiB", "0x4c0000 bytes".
std::string bytes_text(std::uint64_t bytes);

// Returns what is to be said of a line of a driver (tell_drivers.cc); a story without `what` is nothing. `facts`: all
// that are kept.
BootStory driver_story(const Fact& fact, const std::vector<Fact>& facts, const Context& context, const Shown& shown);

}  // namespace cma::logs
