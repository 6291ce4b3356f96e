// What would have helped a request that failed: each change is tried on the model, in the state that explains the log,
// before it is said.
//
// Used by `cmacheck explain --program`. Cost: some twenty runs of one episode, or a few of a machine whose memory
// report the log has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "properties/logs/explain_log.h"
#include "properties/reproduction/memory_remedies.h"
#include "properties/reproduction/reproduce.h"

namespace cma::reproduction {

struct Remedies {
  std::uint64_t line = 0;  // of the request that was tried again; 0: none could be
  bool of_boot = false;    // they are those of areas that boot refused
  std::uint64_t pages = 0;
  // The most pages, from its own number down, that the request would get at its alignment; 0 if it would not get one,
  // or if the log does not tell the free runs.
  std::uint64_t most_pages = 0;
  std::vector<Remedy> tried;
};

// Tries what could help the last request that failed and whose free pages are known: by its windows, or by the free
// runs of its area; or the request for pages that is reproduced. Requires a reproduction of these facts.
Remedies try_remedies(const logs::LogFacts& facts, const Reproduction& reproduction);
// Returns them as a section of the answer; without statements if nothing was tried.
logs::Section remedies_section(const Remedies& remedies);

}  // namespace cma::reproduction
