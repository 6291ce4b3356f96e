// The first lines of the kernel's warning that an allocation has failed (warn_alloc): what failed, by which task, with
// which flags. The report of the memory follows it (memory_text.h).
//
// Used by reports.h and by tests. Text only; which warnings are printed is decided in reports.h.
//
// Kernel: mm/page_alloc.c, warn_alloc_failed, since 4.9 warn_alloc; kernel/cgroup/cpuset.c,
// cpuset_print_current_mems_allowed (4.11).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/release.h"

namespace cma {

struct FailureWarning {
  std::string task = "cmacheck";  // current->comm
  unsigned order = 0;
  Gfp gfp = 0;
  // What failed in words of the caller's, as "vmalloc: allocation failure: 0 bytes"; nullopt: a page allocation.
  std::optional<std::string> subject;
  std::string cpuset = "/";        // the task's control group
  std::string mems_allowed = "0";  // its nodes, as list_of() writes them
};

// Returns the lines of the release. Up to 4.8 a subject has a line of its own before that of a page allocation.
std::vector<std::string> warning_lines(const FailureWarning& warning, Release release);
// Returns how many there are, without making them.
std::size_t count_warning_lines(const FailureWarning& warning, Release release);

// Returns ascending numbers as the kernel lists them (%*pbl): "0-2,5".
std::string list_of(const std::vector<unsigned>& numbers);

}  // namespace cma
