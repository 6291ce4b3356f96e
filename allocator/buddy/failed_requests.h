// Interface of the layer that reports requests for pages which fail (warn_alloc): RequestSteps::end() calls it upwards,
// as the actor that runs, before the request's tracepoint. Without a receiver a failing request costs a branch more.
#pragma once

#include "allocator/base/gfp.h"

namespace cma {

class FailedRequests {
 public:
  virtual ~FailedRequests() = default;
  // Nothing was found for a request of 2^order pages, down to the lowest watermark that it may go to. `gfp` are
  // its flags as the slow path has them: without what the task's scope takes away.
  virtual void request_failed(Gfp gfp, unsigned order) = 0;
};

}  // namespace cma
