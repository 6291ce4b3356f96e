// What every layer above frames/ stands on: the machine's geometry, its bugs, who runs, what is recorded, and the
// pages.
//
// A layer's constructor takes one Core instead of five references, and the layer keeps a copy: five pointers, and no
// step more to a page than a reference of its own. The machine owns what it refers to.
#pragma once

#include "allocator/base/bug.h"
#include "allocator/base/geometry.h"
#include "allocator/engine/engine.h"
#include "allocator/frames/memory_map.h"
#include "allocator/trace/trace.h"

namespace cma {

struct Core {
  const Geometry& geometry;
  BugSet& bugs;
  Engine& engine;
  Trace& trace;
  MemoryMap& map;
};

}  // namespace cma
