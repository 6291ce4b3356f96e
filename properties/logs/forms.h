// The lines of a kernel's log that are understood: their texts, and the versions that print them so.
//
// One table (forms.cc), whose rows come from the kernel's sources: mm/cma.c (drivers/base/dma-contiguous.c up to 3.16),
// mm/page_alloc.c, mm/vmalloc.c, kernel/dma/contiguous.c and include/trace/events/. Used by the fact reader, and to
// find out which kernel a log is from. Cost: a table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "allocator/base/release.h"

namespace cma::logs {

// What a line reports.
enum class Says : std::uint8_t {
  window_busy,         // a window of a request failed; {start} may be the head of a free block that reaches into it
  lines_suppressed,    // lines that the rate limit swallowed
  errors_suppressed,   // lines about requests that failed, swallowed
  alloc_failed,        // a request failed
  alloc_called,        // a request begins
  alloc_retries,       // a window failed, the next one is tried
  alloc_returned,      // a request ends
  released,            // a buffer is given back
  bitmap_report,       // the free runs of an area
  trace_alloc,         // a request has ended (up to 5.12)
  trace_alloc_start,   // a request begins (since 5.13)
  trace_alloc_retry,   // a window failed
  trace_alloc_finish,  // a request ends
  trace_tested,        // whether the pages of a window are all free
  page_dumped,         // a page, as dump_page() describes it
  page_dump_reason,    // why it was described
  kernel_version,      // "Linux version"
  kernel_of_trace,     // the head of a stack trace
  command_line,        // the kernel's parameters
  area_reserved,       // an area was declared
  area_pool,           // an area of the device tree was declared
  area_failed,         // an area was not declared
  region_unaligned,    // why not: its base
  region_at_boundary,  // why not: it lies in low and high memory
  region_over_limit,   // why not: it ends beyond a limit
  node_unaligned,      // why not: base or size of a node of the device tree
  node_refused,        // why not: another reason
  node_bypassed,       // why not: the command line has precedence
  area_inactive,       // a declared area is unusable
  no_slots,            // there are too many areas
  region_unusable,     // a driver could not have its region
  bounce_full,         // a buffer was not had from an area, nor from the bounce buffers
  driver_failed,       // a driver could not have a buffer
  area_free,           // free pages of all areas
  cgroup_limit,        // memory ran out in a control group, not in the machine
  page_failure,        // a request for pages failed; its task stands before
  out_of_memory,       // a request for pages made the kernel kill a task
  vmalloc_failure,     // no address space, or no pages for all of it
  zone_state,          // a zone of a memory report: {rest} has its figures, its name stands before
  zone_reserve,        // what the zone before keeps from requests that could use higher zones
  zone_blocks,         // the free blocks of a zone: the number of single pages stands before
  high_pages,          // pages of high memory: their number stands before
  area_total,          // the pages of all areas: {kib}, or a number before " pages cma reserved"
};

struct Form {
  Says says;
  std::string_view pattern;
  ReleaseRange printed;
  // Whether kernels of vendors are known to print it in versions that mainline's did not.
  bool backported = false;
};

// Returns the text of a form for people: the names of its fields in capitals.
std::string text_of(const Form& form);
// Returns the table. Where a line has several forms, the more special ones stand first.
std::span<const Form> all_forms();

}  // namespace cma::logs
