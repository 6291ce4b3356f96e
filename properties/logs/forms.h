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
  trace_migrated,      // pages of a window were moved, or not
  trace_page_given,    // a block of pages is given to a task
  trace_page_freed,    // and given back
  page_dumped,         // a page, as dump_page() describes it
  page_dump_reason,    // why it was described
  page_is_anonymous,   // what that page is
  page_is_of_file,     // what that page is: the operations of its file are named
  page_owner,          // who was given that page
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
  node_no_memory,      // a region of the device tree found no place
  node_not_reserved,   // a region of the device tree could not have its place
  nodes_overlap,       // two regions of the device tree overlap
  pool_failed,         // there was no room for the pool for atomic requests
  huge_area_failed,    // the area for gigantic pages was not declared
  huge_area_small,     // it would be smaller than one such page
  huge_pages_failed,   // there are fewer gigantic pages than were asked for
  memory_size,         // how much memory there is
  area_inactive,       // a declared area is unusable
  null_pointer,        // the kernel dereferenced a NULL pointer
  zone_range,          // which addresses a zone has
  no_slots,            // there are too many areas
  region_unusable,     // a driver could not have its region
  bounce_full,         // bounce buffers had no room, which are asked for a buffer after the areas
  driver_failed,       // a driver could not have a buffer
  buffer_at,           // where a driver's buffer lies
  buffer_size,         // how large the buffer of the line before is
  console_size,        // a console has a screen of so many characters
  node_pages,          // the pages of a node
  area_free,           // free pages of all areas
  cgroup_limit,        // memory ran out in a control group, not in the machine
  page_failure,        // a request for pages failed; its task stands before
  dma_layer_asked,     // a function of a stack: the DMA layer, which asks for pages where areas gave none
  page_stalled,        // a request for pages waits for long, and has not failed
  vmemmap_failure,     // there was no block for descriptors of pages; pages are taken instead
  report_asked,        // a memory report that was asked for: nothing failed
  nodes_allowed,       // the nodes that a request may use
  task_killed,         // a task that was killed for memory
  cgroup_usage,        // what a control group has, and its limit
  out_of_memory,       // a request for pages made the kernel kill a task
  min_free_set,        // what vm.min_free_kbytes was set to
  min_free_kept,       // memory was added, and what it was set to stays
  min_free_raised,     // khugepaged raised it
  vmalloc_failure,     // no address space, or no pages for all of it
  zone_state,          // a zone of a memory report: {rest} has its figures, its name stands before
  zone_reserve,        // what the zone before keeps from requests that could use higher zones
  zone_blocks,         // the free blocks of a zone: the number of single pages stands before
  high_pages,          // pages of high memory: their number stands before
  area_file,           // a file of debugfs or sysfs about an area: {file} has both, and the value
  requests_succeeded,  // how many requests to areas did, since boot
  requests_failed,     // how many failed, since boot
  zone_counts,         // the free blocks of a zone by order (/proc/buddyinfo)
  zone_type_counts,    // those of one type (/proc/pagetypeinfo)
  types_table,         // the head of a table of all blocks by type
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
