// Random programs of the kind that real logs come from: areas of some MiB in which buffers, pinned pages and pages of
// files lie, requests of tasks that get into each other's way, and memory that runs out.
//
// Used by known_log_testing.h. Cost: for tests only.
#pragma once

#include <cstddef>
#include <string>

#include "properties/program/random.h"

namespace cma::logs {

// A program as text.
struct KnownProgram {
  std::string text;
  std::size_t boot_ops = 0;   // its operations of boot
  std::size_t setup_ops = 0;  // and those after which the log begins, counted from the first
};

// Returns a random program.
KnownProgram known_program(Random& random);

}  // namespace cma::logs
