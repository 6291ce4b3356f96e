// What would have helped a request for pages that failed: each change of its machine, or of the request, is tried on
// the model.
//
// Used by remedies.h. Cost: a few runs of a machine whose memory report the log has.
#pragma once

#include <string>
#include <vector>

#include "properties/reproduction/memory_run.h"

namespace cma::reproduction {

// A change, and whether the request then gets its pages, or boot declares the areas.
struct Remedy {
  std::string what;
  bool helps = false;
};

// Tries what could help a request that the program shows to fail.
std::vector<Remedy> try_memory_remedies(const logs::LogFacts& facts, const MemoryRun& run, Release release);

}  // namespace cma::reproduction
