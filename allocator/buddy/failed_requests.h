// Interface of the layer that reports requests for pages which fail (warn_alloc): RequestSteps calls it upwards, as the
// actor that runs, before the request's tracepoint. Without a receiver a failing request costs a branch more.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/engine/task.h"

namespace cma {

class FailedRequests {
 public:
  virtual ~FailedRequests() = default;
  // Nothing was found for a request of 2^order pages, down to the lowest watermark that it may go to. `gfp` are
  // its flags as the slow path has them: without what the task's scope takes away. The report is one step of the actor.
  virtual void request_failed(Gfp gfp, unsigned order) = 0;
  // The same, with a point between the parts of the report. Requires: no spinlock is held.
  virtual Task<void> request_failed_in_parts(Gfp gfp, unsigned order) = 0;
};

}  // namespace cma
