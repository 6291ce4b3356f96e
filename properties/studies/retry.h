// The study of field case 4: tasks hold pages for a while in exit and fork; how much do further sweeps help?
#pragma once

#include "properties/studies/study.h"

namespace cma {

// Runs the policies none, five more sweeps, and sweeps without limit on the same programs. Size: programs of each kind
// and policy.
StudyResult run_retry_study(const StudyOptions& options);

}  // namespace cma
