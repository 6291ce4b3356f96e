// How a finding is told: to people with the law, the operation, the point, the page map and the end of the log, and as
// JSON. Also how one operation's outcome reads in a trace. Used by `run` and `minimize`; for output only.
#pragma once

#include <string>

#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"

namespace cma {

// "ok: pages 0x200 to 0x203", "failed: -ENOMEM", "skipped: the process is dead", "stopped at cma_bitmap_marked".
std::string outcome_text(const Program& program, const World& world, Slot slot);

// A record of the trace as its line reads: tracepoints are set off by a bar.
std::string record_line(const Trace& trace, const Record& record);

// "line 7: b2 = cma_alloc a pages=3"
std::string operation_text(const LoadedProgram& loaded, std::size_t op);

// The whole report; `again` is the command that shows it again. The run must be the last one.
std::string finding_report(const LoadedProgram& loaded, const CheckedRun& run, const Finding& finding,
                           const std::string& again);

// The same as one JSON object, in one line.
std::string run_json(const LoadedProgram& loaded, const RunResult& result);

// A word as a shell reads it.
std::string shell_word(const std::string& word);

}  // namespace cma
