// Interface of a listener that sees each request for pages: before anything is taken for it, and what it got.
//
// Buddy::alloc_pages takes the listener from Trace and calls it as the actor that runs; nothing else runs between the
// two calls. Without a listener a request costs a branch more.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"

namespace cma {

class AllocationWatcher {
 public:
  virtual ~AllocationWatcher() = default;
  // The current actor asks for 2^order pages, of this node if it can have them there.
  virtual void allocation_begins(Gfp gfp, unsigned order, unsigned node) = 0;
  // The same request got the block at `pfn`, or kNoPfn: nothing.
  virtual void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) = 0;
};

}  // namespace cma
