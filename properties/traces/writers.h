// Writes a run's trace in the forms that tools for kernel traces read.
//
// Each function returns the whole file. Used by `cmacheck run`. Cost: linear in the events. Deterministic: the same run
// gives the same bytes.
#pragma once

#include <string>

#include "properties/traces/run_trace.h"

namespace cma {

// Returns the kernel's file `trace` as the release prints it: its header, then a line an event. The flags of a line are
// dots: interrupts, preemption and the like are not modelled.
std::string ftrace_text(const RunTrace& trace);

// Returns a trace.dat of version 6, as trace-cmd.dat.v6(5) describes it, of a little-endian machine with longs of 64
// bits and pages of 4 KiB. `trace-cmd report` prints it, KernelShark opens it.
std::string trace_dat(const RunTrace& trace);

// Returns a trace in the JSON form of trace events, which ui.perfetto.dev opens: operations are slices of their actor's
// track, events are instants.
std::string perfetto_json(const RunTrace& trace);

}  // namespace cma
