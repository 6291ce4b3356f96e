// Reports requests for pages that fail: the kernel's warning and the report of its memory, in the log (warn_alloc).
//
// The machine has one MemoryReports; Buddy calls it by FailedRequests, and it reads all layers and writes the trace
// only. Between the parts of a report other actors may run, as a kernel's other CPUs do: each part has the figures of
// its own moment. It is one step where the caller holds a spinlock, and before a process is killed.
//
// Cost: a request that is not reported costs a few branches. A report is O(pages + owners), and its text is made when
// it is read. Its figures are gathered anew after each point where the actor was stopped. While the trace does not
// record it costs the points, O(zones).
//
// Kernel: the end of __alloc_pages_slowpath, warn_alloc and warn_alloc_show_mem in mm/page_alloc.c.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/geometry.h"
#include "allocator/buddy/failed_requests.h"
#include "allocator/engine/task.h"
#include "allocator/engine/task_flags.h"
#include "allocator/reports/gather.h"
#include "allocator/reports/warning.h"

namespace cma {

// Returns whether a kernel fails a request, with no pages left to reclaim. Others it repeats without end, or after it
// has killed a process: where a machine ends them, a kernel would have nothing to report. `highest` is the kind of the
// last zone that may serve the request (Buddy::gfp_zone).
bool kernel_gives_up(Gfp gfp, unsigned order, ZoneKind highest, Release release);
// Returns the same for a task with these flags: it may be one that reclaims, or a victim of the OOM killer.
bool kernel_fails(Gfp gfp, unsigned order, ZoneKind highest, const TaskFlags& task, const Geometry& geometry);

class MemoryReports final : public FailedRequests {
 public:
  // Refers to what `from` names, which outlives it.
  explicit MemoryReports(const FigureSources& from) : from_(from) {}

  // Returns the figures of the machine as it is now.
  MemoryFigures figures() const { return gather_figures(from_); }
  // Returns those that a report on a request would have.
  MemoryFigures figures_for(Gfp gfp) const { return gather_figures_for(from_, gfp); }

  // Returns the files of /proc that describe the memory: "meminfo", "vmstat".
  static std::span<const std::string_view> files();
  // Returns the content of one of them; nullopt if there is no such file. O(pages + owners).
  std::optional<std::string> read(std::string_view path) const;

  // Print a report, but for requests that a kernel does not give up: as one step, and with a point between its parts.
  void request_failed(Gfp gfp, unsigned order) override;
  Task<void> request_failed_in_parts(Gfp gfp, unsigned order) override;
  // Prints a warning and the report of the memory (warn_alloc), unless its flags ask for silence (__GFP_NOWARN) or the
  // limit of messages is reached. Fills in the nodes that the task may have. Passes a point between two parts.
  // Requires: no spinlock is held.
  Task<void> warn(FailureWarning warning);
  // Prints the report of the memory alone, as for a request with these flags (show_mem), as one step.
  void show_memory(Gfp gfp);
  // Returns the nodes that have memory, as list_of() writes them.
  std::string nodes_with_memory() const;

 private:
  bool is_reported(Gfp gfp, unsigned order) const;
  bool admits(const FailureWarning& warning);
  void print(FailureWarning warning);
  bool admits_memory();
  std::uint64_t add_memory(Gfp gfp, std::uint64_t& digest);
  Task<void> show_memory_in_parts(Gfp gfp);

  FigureSources from_;
};

}  // namespace cma
