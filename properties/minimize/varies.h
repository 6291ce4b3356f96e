// What does not matter in a program with a finding: which numbers may be others, which operations may change places, on
// which releases it happens too, which of its bugs it needs. And the proof that it can be cut no further.
//
// Used by `cmacheck minimize` and `cmacheck report`, on programs that the minimiser has made small. Deterministic.
// Cost: an execution a candidate: some hundred a number, never more than the budget.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/minimize/minimize.h"

namespace cma {

// A number of an operation, and the interval around it in which every value shows the same finding.
struct NumberRange {
  std::size_t op = 0;
  std::string field;  // as the text names it; "place" for one without a name
  std::uint64_t value = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  // Whether each value of the interval and those next to it were tried; else its ends were found by bisection.
  bool exact = true;
  bool open = false;  // whether `most` is the largest value that was tried, and larger ones may do as well
  bool hex = false;
};

// What a release makes of the program.
enum class OnRelease : std::uint8_t { same, same_law, other, nothing, impossible };

struct Varies {
  std::vector<NumberRange> numbers;                        // in the order of the program; those alone that may vary
  std::size_t fixed_numbers = 0;                           // written numbers of which no other value does
  std::vector<std::pair<std::size_t, std::size_t>> swaps;  // operations that may change places
  std::size_t swaps_tried = 0;
  std::vector<std::pair<Release, OnRelease>> releases;  // oldest first, all that are modelled
  std::vector<std::pair<Bug, bool>> bugs;               // those that are on, and whether the finding needs it
  std::vector<Bug> alone;                               // of several bugs those of which one alone suffices
  std::uint64_t executions = 0;
  bool complete = true;  // false if the budget ran out: what was not tried is missing
};

// Finds out what varies in a program that shows the finding. "The same" is the same signature. Requires: the program is
// settled, and `find` finds the finding in it.
Varies what_varies(const Program& program, const Finding& finding, const Predicate& find,
                   std::uint64_t executions = 100'000);
// Returns it as text for people, a line each, with operations by their text.
std::string varies_text(const Program& program, const Varies& varies);

// The most operations of a program of which prove_smallest() tries all sub-sequences.
inline constexpr std::size_t kProvedOps = 6;

// What was tried to cut a program further.
struct Smallest {
  bool tried = false;              // whether the program has kProvedOps operations at most
  std::uint64_t subsequences = 0;  // of its operations, without all of them: each was tried
  std::uint64_t replacements = 0;  // of a number by a smaller one of the program or the finding
  Program program;                 // the smallest: the one given, or a smaller one that was found on the way
  Finding finding;
};

// Tries every sub-sequence of the operations, and every replacement of a number by a smaller one that occurs in the
// program or in the finding. What shows the same signature takes the program's place, and all is tried again; the
// counts are those of the last time, when nothing did.
Smallest prove_smallest(const Program& program, const Finding& finding, const Predicate& find);
// Returns it as one sentence.
std::string smallest_text(const Smallest& smallest);

}  // namespace cma
