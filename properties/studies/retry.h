// Study `retry` (field case 4): unmapping and forking tasks hold pages for a while; what does it help to sweep again?
#pragma once

#include "properties/studies/study.h"

namespace cma {

// Policies none, five sweeps more and for ever, on the same programs. size: programs of each kind and policy.
StudyResult run_retry_study(const StudyOptions& options);

}  // namespace cma
