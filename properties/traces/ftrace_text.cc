#include <fmt/format.h>

#include "properties/traces/writers.h"

namespace cma {
namespace {

// 5.15 counts what keeps a task on its CPU, 5.17 says that softirqs may be off.
std::string_view header_v5_15(Release release) {
  return release >= Release::v5_17 ? "#                                _-----=> irqs-off/BH-disabled\n"
                                   : "#                                _-----=> irqs-off\n";
}

std::string column_header(Release release) {
  if (release >= Release::v5_15)
    return std::string(header_v5_15(release)) +
           "#                               / _----=> need-resched\n"
           "#                              | / _---=> hardirq/softirq\n"
           "#                              || / _--=> preempt-depth\n"
           "#                              ||| / _-=> migrate-disable\n"
           "#                              |||| /     delay\n"
           "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
           "#              | |         |   |||||     |         |\n";
  if (release >= Release::v5_10)
    return "#                                _-----=> irqs-off\n"
           "#                               / _----=> need-resched\n"
           "#                              | / _---=> hardirq/softirq\n"
           "#                              || / _--=> preempt-depth\n"
           "#                              ||| /     delay\n"
           "#           TASK-PID     CPU#  ||||   TIMESTAMP  FUNCTION\n"
           "#              | |         |   ||||      |         |\n";
  return "#                              _-----=> irqs-off\n"
         "#                             / _----=> need-resched\n"
         "#                            | / _---=> hardirq/softirq\n"
         "#                            || / _--=> preempt-depth\n"
         "#                            ||| /     delay\n"
         "#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION\n"
         "#              | |       |   ||||       |         |\n";
}

}  // namespace

std::string ftrace_text(const RunTrace& trace) {
  std::string text = fmt::format("# tracer: nop\n#\n# entries-in-buffer/entries-written: {0}/{0}   #P:{1}\n#\n",
                                 trace.events.size(), trace.cpus) +
                     column_header(trace.release);
  const int pid_width = trace.release >= Release::v5_10 ? 7 : 5;
  const std::string_view flags = trace.release >= Release::v5_15 ? "....." : "....";
  for (const TraceEvent& event : trace.events) {
    const TraceTask& task = trace.tasks[event.task];
    const std::uint64_t microseconds = event.nanoseconds / 1000;
    text += fmt::format("{:>16}-{:<{}} [{:03}] {} {:5}.{:06}: {}: {}\n", task.name, task.pid, pid_width, event.cpu,
                        flags, microseconds / 1'000'000, microseconds % 1'000'000, event.format.name, event.text);
  }
  return text;
}

}  // namespace cma
