// What the kernel does next with a request for pages that no attempt without reclaim has served, by its flags and its
// task alone. The slow path (slow_path.h) decides the same as it runs; this says it beforehand and afterwards.
//
// Reports, explanations and the interpreter ask it why a request has failed or waits. Cost: O(1).
//
// Locks: none; reads nothing of a machine but its geometry.
#pragma once

#include <cstdint>

#include "allocator/base/geometry.h"
#include "allocator/base/gfp.h"
#include "allocator/engine/task_flags.h"

namespace cma {

enum class AfterAttempts : std::uint8_t {
  fails,        // it fails the request
  tries_again,  // it repeats the same attempts, without limit: nothing but another task can help
  reclaims,     // it begins to compact or to reclaim memory
};

// Returns what follows the attempts that do not reclaim, of a request that a task with these flags makes
// (__alloc_pages_slowpath). Requires: the request is not above the largest order.
AfterAttempts after_attempts(Gfp gfp, const TaskFlags& task, const Geometry& geometry);

// Returns whether the task is a victim of the OOM killer that gets no more once it has had what it may of the reserves
// (4.12). Requires: its request was reclaimed for, which up to 4.11 is done for no victim's but one that must not fail.
bool victim_has_its_share(Gfp gfp, const TaskFlags& task, Release release);
// Returns whether the kernel fails a request for that reason. One that must not fail begins again.
bool victim_gives_up(Gfp gfp, const TaskFlags& task, Release release);

}  // namespace cma
