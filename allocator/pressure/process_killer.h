// Interface of the layer that kills a process when nothing else makes memory free (out_of_memory, mm/oom_kill.c). The
// slow path of a request calls it upwards; a machine without one kills no process, and its request fails.
//
// Locks: callers hold none. The task passes the points of what it does.
#pragma once

#include <cstdint>

#include "allocator/buddy/buddy.h"
#include "allocator/engine/task.h"

namespace cma {

enum class Killed : std::uint8_t {
  process,  // one was killed, or the task itself is about to die: the request is tried again
  waits,    // one is about to die, and nothing is done until it has
  none,     // there was none that could be killed: a kernel panics, a machine fails the request
};

// Returns whether the killer leaves a request alone, which may not enter file systems (4.7). It says that it killed
// one. Up to 4.11 it does not if the request must not fail.
constexpr bool leaves_alone(Gfp gfp, Release release) {
  if (release < Release::v4_7 || (gfp & kGfpFs) != 0) return false;
  return (gfp & kGfpNofail) == 0 || release >= Release::v4_12;
}

class ProcessKiller {
 public:
  virtual ~ProcessKiller() = default;
  // Kills the process whose death frees most, unless it leaves the request alone, or the current task is about to die.
  virtual Task<Killed> out_of_memory(const PageRequest& request) = 0;
};

}  // namespace cma
