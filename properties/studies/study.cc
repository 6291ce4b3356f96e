#include "properties/studies/study.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "allocator/base/assert.h"
#include "properties/studies/bh_lru.h"
#include "properties/studies/retry.h"

namespace cma {
namespace {

// A study is a line here; its run function is declared in its own header.
constexpr std::array<Study, 2> kCatalogue = {{
    {"bh-lru", "How often do per-CPU buffer slots keep a camera from its memory?", "loops", kBhLruLoops, study_bh_lru},
    {"retry", "Tasks hold pages for a while in exit and fork: what does it help to sweep again?", "programs", 1000,
     run_retry_study},
}};

// Of the standard normal distribution: 95 % lie within.
constexpr double kZ = 1.959963984540054;

}  // namespace

std::span<const Study> study_catalogue() { return kCatalogue; }

const Study* find_study(std::string_view name) {
  const auto studies = study_catalogue();
  const auto it =
      std::find_if(studies.begin(), studies.end(), [name](const Study& study) { return study.name == name; });
  return it == studies.end() ? nullptr : &*it;
}

StudyResult run_study(const Study& study, const StudyOptions& options) {
  StudyOptions resolved = options;
  if (resolved.size == 0) resolved.size = study.full_size;
  StudyResult result = study.run(resolved);
  result.name = study.name;
  result.question = study.question;
  return result;
}

Rate rate_of(std::uint64_t hits, std::uint64_t runs) {
  CMA_ASSERT(hits <= runs);
  if (runs == 0) return {};
  const auto n = static_cast<double>(runs);
  const double p = static_cast<double>(hits) / n;
  const double z2 = kZ * kZ;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  // At the ends, rounding may put the share just outside the interval.
  return {p, std::clamp(centre - half, 0.0, p), std::clamp(centre + half, p, 1.0)};
}

}  // namespace cma
