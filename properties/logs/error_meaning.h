// What the error in the line of a request that failed means: it depends on the kernel, since an area without room ends
// with -ENOMEM up to 6.14 and with -EBUSY from then on (mm/cma.c, cma_alloc). Used by the explanation of requests.
#pragma once

#include <string>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/reading.h"
#include "properties/logs/requests.h"

namespace cma::logs {

struct ErrorMeaning {
  Culprit culprit = Culprit::unknown;
  Certainty certainty = Certainty::follows;
  std::string text;
};

// Returns what the end of a request means, given its windows and the kernel. Requires that it did not succeed, and that
// the reading is of this request.
ErrorMeaning error_meaning(const Request& request, const Reading& reading, const Kernel& kernel);

}  // namespace cma::logs
