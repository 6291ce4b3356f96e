// A kernel that has booted and waits: each copy of it begins where it stands, as if it had booted for one client.
//
// The kernel is one of ci/judge-kernel --coverage (kernel/judge_coverage.c). It forks, and the copy's writes to its
// memory are its own. Used through KernelProcess, by kernel_pool.h. One copy at a time. Cost: a boot, then a
// millisecond a copy, and the memory that the kernel has touched, some 10 MB, for as long as the snapshot lives.
#pragma once

#include <sys/types.h>

#include <string>

#include "properties/judge/kernel_start.h"

namespace cma::judge {

class KernelSnapshot {
 public:
  // Boots the kernel. `counters` is the descriptor of the table that it counts in (kernel_coverage.h). Does not wait:
  // what goes wrong is noticed by the first copy.
  KernelSnapshot(const KernelOptions& options, int counters);
  KernelSnapshot(const KernelSnapshot&) = delete;
  KernelSnapshot& operator=(const KernelSnapshot&) = delete;
  // Ends the kernel, and its copy if one runs.
  ~KernelSnapshot();

  // Starts a copy with these channels. Returns its process, or -1: then why() has the reason, and all later calls
  // fail too.
  pid_t copy(int input, int output, int console);
  // Waits for the end of the copy and returns its status, as waitpid does. Unless `leaving`, which means that it is
  // about to end by itself, it is killed.
  int end_copy(bool leaving);

  // Returns what the kernel wrote to its console before the first copy, if a copy failed.
  const std::string& why() const { return why_; }

 private:
  bool receive(int& value, int milliseconds);
  void give_up(const std::string& reason);

  pid_t server_ = -1;
  pid_t copy_ = -1;  // while one runs
  int control_ = -1;
  int console_ = -1;
  std::string why_;
};

}  // namespace cma::judge
