// What the kernel is asked about its state after each operation, with the model's answers.
//
// One question a line of the driver's language (kernel/README.md): a dump of each area, counters, LRU sizes, where
// owned pages are, per-CPU lists, and with processes where their pages are. Used by translate.h. Linear in the size of
// the areas and the number of owned pages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/program/world.h"

namespace cma::judge {

// A question, and the model's answer in the kernel's words.
struct Question {
  std::string ask;
  std::vector<std::string> answer;
};

// Returns whether the program has operations that show the order of the LRU lists.
bool watches_lrus(const Program& program);

// Free pages of the zone, and free CMA pages among them.
struct FreeCounts {
  std::int64_t pages = 0;
  std::int64_t cma = 0;
};

FreeCounts free_counts(const Machine& machine);

// Returns the questions about the machine's present state. `boot` is what was free before the first operation: the
// kernel reports changes only. `lrus`: the order of the LRU lists is asked for, too.
std::vector<Question> state_questions(const Machine& machine, const World& world, const FreeCounts& boot, bool lrus);

}  // namespace cma::judge
