// A study: one question from the field, answered by thousands of seeded runs of the model as a table of rates.
//
// Each study is a file of its own, listed in study.cc. It builds its machines and returns a row for each release or
// policy that it compares; text, JSON and plots are made of the rows here. Equal options give equal results on every
// compiler, to the last digit. Used by `cmacheck study`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allocator/engine/engine.h"

namespace cma {

struct StudyOptions {
  std::uint64_t seed = 1;
  // How much is run, in the study's unit; 0 is the study's full size.
  std::uint64_t size = 0;
};

// A cause of failures, and the number of runs that failed for it.
struct StudyCause {
  std::string name;
  std::uint64_t count = 0;
  friend bool operator==(const StudyCause&, const StudyCause&) = default;
};

struct StudyRow {
  std::string release;  // as programs write it
  std::string policy;   // empty if the study compares releases
  std::uint64_t runs = 0;
  std::uint64_t failed = 0;
  std::uint64_t sweeps = 0;  // searches over an area, all runs together
  Time virtual_time = 0;     // spent by all runs together
  std::vector<StudyCause> causes;
  std::string remark;  // a sentence below the table: "does not end: ..."
  friend bool operator==(const StudyRow&, const StudyRow&) = default;
};

struct StudyResult {
  std::string name;
  std::string question;
  std::string run_means;                                        // what one run is, in the plural: "loops of 56 buffers"
  std::vector<std::pair<std::string, std::string>> parameters;  // what was held fixed, and the free ones
  std::vector<StudyRow> rows;
  friend bool operator==(const StudyResult&, const StudyResult&) = default;
};

struct Study {
  std::string_view name;      // as written on the command line
  std::string_view question;  // one sentence
  std::string_view unit;      // what `size` counts
  std::uint64_t full_size = 0;
  // Requires options.size != 0.
  StudyResult (*run)(const StudyOptions& options) = nullptr;
};

// Returns all studies.
std::span<const Study> study_catalogue();
// Returns the study of that name; nullptr if there is none.
const Study* find_study(std::string_view name);
// Runs a study; size 0 becomes its full size.
StudyResult run_study(const Study& study, const StudyOptions& options);

// A share and the interval that holds the true one with 95 % confidence (Wilson's score interval).
struct Rate {
  double value = 0;
  double low = 0;
  double high = 1;
};
// Returns the rate of hits. Requires hits <= runs. Without runs the interval is 0 to 1.
Rate rate_of(std::uint64_t hits, std::uint64_t runs);

// --- reports (study_report.cc, study_plot.cc) ---
// Returns the table, the parameters and the remarks.
std::string study_text(const StudyResult& result);
// Returns one object with the members above as keys, and the rates with their intervals.
std::string study_json(const StudyResult& result);
// Returns a plot of the failure rates with their intervals, a bar a row.
std::string study_svg(const StudyResult& result);

}  // namespace cma
