// Pages for people: one program, or all findings of a campaign. Each is one HTML file that needs nothing else: no
// script, no network. They follow the reader's light or dark mode, can be printed, and every control is a link or a
// disclosure that the keyboard reaches.
//
// Used by `cmacheck report`. Cost: for output only. Deterministic: the same stories give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/report/story.h"

namespace cma {

// Returns the page of one program.
std::string program_page(const ProgramStory& story);

// One target's share of a campaign, as ci/fuzz writes it.
struct TargetFigures {
  std::string name;
  std::uint64_t executions = 0;
  std::uint64_t per_second = 0;  // of one process
  std::uint64_t coverage = 0;    // counters reached
  std::uint64_t features = 0;
  std::uint64_t corpus = 0;  // inputs kept
};

// A finding that is no program: the raw input of a target.
struct RawFinding {
  std::string file;
  std::string target;
  std::string replay;
};

struct Campaign {
  std::string folder;
  std::string commit;  // empty if unknown; so is `bug`
  std::string bug;
  std::uint64_t seconds = 0;
  std::uint64_t jobs = 0;
  std::vector<TargetFigures> targets;  // empty if unknown
  std::vector<ProgramStory> findings;
  std::vector<std::string> unreadable;  // files of the folder that cannot be shown, each with the reason
  std::vector<RawFinding> raw;
  // The fidelity table: its heading, then its rows. Empty if unknown.
  std::vector<std::vector<std::string>> fidelity;
};

// Returns the page of a campaign.
std::string campaign_page(const Campaign& campaign);

// Returns the table that follows the heading "Does a real kernel agree?" in a Markdown text; empty if there is none.
std::vector<std::vector<std::string>> fidelity_table(const std::string& markdown);

}  // namespace cma
