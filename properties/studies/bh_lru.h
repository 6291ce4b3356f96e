// The study of case 3 from the field: buffers that per-CPU slots hold. See bh_lru.cc.
#pragma once

#include "properties/studies/study.h"

namespace cma {

// Size: loops.
inline constexpr std::uint64_t kBhLruLoops = 8500;
StudyResult study_bh_lru(const StudyOptions& options);

}  // namespace cma
