// The lines that the kernel prints when it kills a process for memory: the first ones, the list of processes, the
// victim; or that there is none (dump_header, dump_tasks, oom_kill_process; mm/oom_kill.c). The report of the memory
// stands between the first lines and the list (reports/).
//
// Used by OomKiller and tests. Text only, made of plain data: figures of a report from the field can be given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/release.h"

namespace cma {

// A process as its lines name it. Sizes are in pages.
struct OomProcess {
  unsigned pid = 0;
  std::string name;
  unsigned uid = 0;
  std::uint64_t total = 0;  // total_vm: mapped, touched or not
  std::uint64_t anonymous = 0;
  std::uint64_t file = 0;
  std::uint64_t shared = 0;  // shared memory
  std::uint64_t page_tables = 0;
  std::uint64_t pmds = 0;  // of them, those of the second level (4.0 to 4.14)
  std::uint64_t swapped = 0;
  int score_adj = 0;
  std::uint64_t resident() const { return anonymous + file + shared; }
};

// The request that found no memory, and its task.
struct OomRequest {
  std::string task = "cmacheck";
  Gfp gfp = 0;
  unsigned order = 0;
  int score_adj = 0;
  std::string cpuset = "/";
  std::string mems_allowed = "0";
};

// What all of these lines depend on.
struct OomKernel {
  Release release = Release::v6_1;
  std::uint64_t page_size = 4096;
};

// Returns the lines before the report of the memory.
std::vector<std::string> oom_first_lines(const OomRequest& request, const OomKernel& kernel);
// Returns the list of processes after it.
std::vector<std::string> oom_process_lines(const std::vector<OomProcess>& processes, const OomKernel& kernel);
// Returns the line that sums up the request and its victim: since 5.0, before that none.
std::vector<std::string> oom_summary_lines(const OomRequest& request, const OomProcess& victim);
// Returns the line on the process that was chosen: up to 5.0, after that none. `score` is its badness in thousandths of
// all memory.
std::vector<std::string> oom_chosen_lines(const OomProcess& chosen, std::uint64_t score, const OomKernel& kernel);
// Returns the line on the process that is killed; up to 5.0 it may be a child of the chosen one.
std::string oom_killed_line(const OomProcess& victim, const OomKernel& kernel);
// Returns the line on a process whose private memory was taken away while one of its tasks is inside the kernel (4.6).
std::string oom_reaped_line(const OomProcess& victim, const OomKernel& kernel);
// Returns the lines where there is no process to kill, the last of which is the panic's.
std::vector<std::string> oom_panic_lines(Release release);

}  // namespace cma
