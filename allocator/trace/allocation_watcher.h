// Interface of a listener that sees each request for pages, and each attempt that is made to serve it.
//
// The allocator takes the listener from Trace and calls it as the actor that runs. An attempt looks at the zones once:
// nothing else runs between its two calls. Between the attempts of a request others may run, and the actor itself may
// make further requests. Without a listener a request costs a branch an attempt more.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"

namespace cma {

// How low an attempt may go, and what rights it has. In the order in which a request comes to them.
enum class AllocAttempt : std::uint8_t {
  low,       // the low watermark: the first attempt of each request
  min,       // the min watermark, or less by the rights of the request and its task
  reserves,  // for tasks that are about to free memory, and victims of the OOM killer
  high,      // the high watermark: before a process is killed
  helped,    // of a request that must not fail, with some of the reserves (4.12)
  last_page  // the same without a watermark, after a process was killed
};

class AllocationWatcher {
 public:
  virtual ~AllocationWatcher() = default;
  // The current actor asks for 2^order pages, of this node if it can have them there.
  virtual void allocation_begins(Gfp /*gfp*/, unsigned /*order*/, unsigned /*node*/) {}
  // The actor's request, which may reclaim, takes down whether its task has a right to the reserves: as each turn of
  // the slow path begins. Up to 3.18 only as the first does, and after a process was killed.
  virtual void rights_taken() {}
  // An attempt at the actor's request begins. `gfp` are the flags that the request had when it began.
  virtual void attempt_begins(AllocAttempt /*attempt*/, Gfp /*gfp*/, unsigned /*order*/, unsigned /*node*/) {}
  // It got the block at `pfn`, or kNoPfn: nothing.
  virtual void attempt_ended(Pfn /*pfn*/) {}
  // The request got the block at `pfn`, or kNoPfn: it fails.
  virtual void allocation_ended(Gfp /*gfp*/, unsigned /*order*/, Pfn /*pfn*/) {}
};

}  // namespace cma
