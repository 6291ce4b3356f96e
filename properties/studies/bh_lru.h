// The study of field case 3: buffers held by per-CPU slots while a camera allocates. bh_lru.cc describes the load.
#pragma once

#include "properties/studies/study.h"

namespace cma {

// Runs one row a release. Size: loops.
inline constexpr std::uint64_t kBhLruLoops = 8500;
StudyResult study_bh_lru(const StudyOptions& options);

}  // namespace cma
