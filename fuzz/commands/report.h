// Formats findings: as text with the law, the operation, the point, the page map and the end of the log, and as JSON.
// Also formats the outcome of one operation for a trace. Used by `cmacheck run`; no decision depends on it.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"

namespace cma {

// Returns the outcome of an operation: "ok: pages 0x200 to 0x203", "failed: -ENOMEM", "skipped: the process is dead" or
// "stopped at cma_bitmap_marked".
std::string outcome_text(const Program& program, const World& world, Slot slot);

// Returns the line for a record of the trace. Lines of tracepoints begin with a bar.
std::string record_line(const Trace& trace, const Record& record);

// Returns the text of an operation with its line: "line 7: b2 = cma_alloc a pages=3".
std::string operation_text(const LoadedProgram& loaded, std::size_t op);

// Returns the whole report; `again` is the command that shows the finding again. `run` must have run this program last.
std::string finding_report(const LoadedProgram& loaded, const CheckedRun& run, const Finding& finding,
                           const std::string& again);

// Returns the result of a run as one JSON object in one line, with the files that `cat` operations read.
std::string run_json(const LoadedProgram& loaded, const RunResult& result,
                     std::span<const std::pair<Slot, std::string>> files = {});

// Returns the word, quoted for a shell if need be.
std::string shell_word(const std::string& word);

}  // namespace cma
