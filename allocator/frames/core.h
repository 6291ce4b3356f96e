// The parts of a machine that every layer above frames/ works on: its geometry, bugs, engine, trace and pages.
//
// A layer's constructor takes a Core, and the layer keeps a copy: five pointers and three numbers. So a page, and what
// conditions ask most, are no further away than through members of its own. The machine owns the parts and outlives
// its layers.
#pragma once

#include "allocator/base/bug.h"
#include "allocator/base/geometry.h"
#include "allocator/engine/await.h"
#include "allocator/frames/memory_map.h"
#include "allocator/trace/trace.h"

namespace cma {

struct Core {
  const Geometry& geometry;
  BugSet& bugs;
  Engine& engine;
  Trace& trace;
  MemoryMap& map;
  // Of the geometry.
  Release release = geometry.release;
  unsigned pageblock_order = geometry.pageblock_order;
  unsigned largest_order = geometry.largest_order;
};

}  // namespace cma
