// Giving back everything that a program holds when it has ended, so that a promise can look at what is left.
//
// The program runs without laws: what is left over speaks for itself. Used by promises about releases. Cost: the run's,
// and that of the releases.
#pragma once

#include "properties/program/interpreter.h"

namespace cma {

// Runs a program to its end. Then drops its references, ends its processes, frees its pages and files, releases its
// buffers, blocks and ranges, and empties every cache. Returns the machine, at rest; nullptr if the run ended with a
// finding. The machine lives until the next call.
Machine* run_and_give_back(const Program& program, Observer& observer);

// Performs a task alone, by the actor of CPU 0.
// Requires: the machine is at rest.
void perform_alone(Machine& machine, Task<void> task);
// Empties pagevecs, buffer slots and per-CPU lists.
Task<void> empty_caches(Machine& machine);

}  // namespace cma
