// Where the slow path of a request for pages ends (__alloc_pages_slowpath, mm/page_alloc.c).
//
// A request that no attempt has served is one that the kernel fails too, or one for which it would begin to compact and
// reclaim memory, where the model ends. Operations and explanations ask here which it is. Pure, and cheap.
#pragma once

#include <cstdint>

#include "allocator/base/geometry.h"
#include "allocator/base/gfp.h"
#include "allocator/engine/task_flags.h"

namespace cma {

// What the kernel does next.
enum class SlowPathEnd : std::uint8_t {
  fails,        // it fails the request
  tries_again,  // it repeats the same attempts, without limit: nothing but another task can help
  reclaims,     // it begins to compact or to reclaim memory, which is not modelled
};

// Returns what the kernel does next with a request that a task with these flags makes, when all attempts have failed
// that do not reclaim. Requires: the request is not above the largest order.
SlowPathEnd end_of_slow_path(Gfp gfp, const TaskFlags& task, const Geometry& geometry);

}  // namespace cma
