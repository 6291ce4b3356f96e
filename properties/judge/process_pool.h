// The processes, mappings and forks that the judge's driver must have ready before a program begins.
//
// A process consists of page tables and slab objects, which a kernel allocates on the way and the model does not know.
// So the driver makes its processes before the counters are noted: as many as the program may need, rounded up to one
// of a few sizes, since the figures of a machine are asked for once a size. Used by fit.h, which refuses programs that
// need more than the largest, and model_machine.h, which asks for the pool. Linear in the program times its mappings.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "properties/program/program.h"

namespace cma::judge {

struct ProcessPool {
  std::uint64_t processes = 0;
  std::uint64_t mappings = 0;  // of each process
  std::uint64_t pages = 0;     // of each mapping
  std::uint64_t forks = 0;     // of one mapping: each takes an anon_vma and two links of an anon_vma chain
};

// Adds up what operations need. An upper bound: operations count even if they will be skipped.
class ProcessNeeds {
 public:
  void add(const Op& op);
  // Returns the smallest pool that is large enough, an empty one if there are no processes; nullopt if none is.
  std::optional<ProcessPool> pool() const;

 private:
  struct Process {
    std::uint64_t mappings = 0;
    std::uint64_t depth = 0;  // of forks
  };

  std::uint64_t processes_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t anon_vmas_ = 0;
  std::uint64_t links_ = 0;
  std::uint64_t mappings_ = 0;
  std::map<OpId, Process> by_result_;
  std::map<OpId, std::uint64_t> shared_pages_;
};

// Returns the driver's operation that makes the pool: "prepare processes 8 8 128 256".
std::string prepare_line(const ProcessPool& pool);

}  // namespace cma::judge
