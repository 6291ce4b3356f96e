// A study: one question from the field, answered by thousands of seeded runs of the model, as a table of rates.
//
// Each study stands in a file of its own and is listed in study.cc. It builds its machines itself and reports one row
// for each release or policy that it compares; texts, JSON and plots are made of the rows here, the same way for all.
// Equal options give equal results, to the last digit, on every compiler. Used by `cmacheck study`.
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
  // How much is run, in the study's own unit; 0 stands for the study's full size.
  std::uint64_t size = 0;
};

// What was in the way of the runs that failed, and of how many.
struct StudyCause {
  std::string name;
  std::uint64_t count = 0;
  friend bool operator==(const StudyCause&, const StudyCause&) = default;
};

struct StudyRow {
  std::string release;  // as programs write it
  std::string policy;   // empty where releases are compared
  std::uint64_t runs = 0;
  std::uint64_t failed = 0;
  std::uint64_t sweeps = 0;  // searches over an area, all runs together
  Time virtual_time = 0;     // spent by all runs together
  std::vector<StudyCause> causes;
  std::string remark;  // what no figure says: "never ends: ..."
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
  // options.size is resolved: never 0.
  StudyResult (*run)(const StudyOptions& options) = nullptr;
};

std::span<const Study> study_catalogue();
// nullptr if there is none of this name.
const Study* find_study(std::string_view name);
// Runs a study; size 0 becomes its full size.
StudyResult run_study(const Study& study, const StudyOptions& options);

// A share and the interval that holds the true one with 95 % confidence (Wilson's score interval).
struct Rate {
  double value = 0;
  double low = 0;
  double high = 1;
};
// hits <= runs. Without runs nothing is known: 0 to 1.
Rate rate_of(std::uint64_t hits, std::uint64_t runs);

// --- telling (study_report.cc, study_plot.cc) ---
std::string study_text(const StudyResult& result);
// One object, keys as the members above; rates with their intervals.
std::string study_json(const StudyResult& result);
// The failure rates with their intervals, a bar a row.
std::string study_svg(const StudyResult& result);

}  // namespace cma
