// Kernels with coverage, one a machine: each has booted once, and every program gets a fresh copy of it.
//
// KernelJudge (compare.h) takes them in place of kernels of its own. The machines used last keep their kernels; a
// machine that comes again later boots again, which changes nothing but the time. Not thread safe. Cost: a millisecond
// a copy, a boot a machine, some 10 MB a kernel.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "properties/judge/kernel_coverage.h"
#include "properties/judge/kernel_process.h"
#include "properties/judge/kernel_snapshot.h"

namespace cma::judge {

class KernelPool {
 public:
  // Throws NoKernel if the kernel was not built with coverage, or its list of points is not what it should be.
  explicit KernelPool(const KernelConfig& config);

  // Returns a kernel that has just booted with this machine. The options' program is not used.
  KernelProcess start(KernelOptions options);

  const std::string& program() const { return program_; }
  const Points& points() const { return points_; }
  KernelCounters& counters() { return *counters_; }
  std::uint64_t boots() const { return boots_; }

 private:
  struct Booted {
    KernelOptions options;
    std::unique_ptr<KernelSnapshot> snapshot;
  };

  std::string program_;
  Points points_;
  std::unique_ptr<KernelCounters> counters_;
  std::list<Booted> kernels_;  // the one used last first
  std::uint64_t boots_ = 0;
};

}  // namespace cma::judge
