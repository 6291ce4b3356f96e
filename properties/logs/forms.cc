#include "properties/logs/forms.h"

#include <algorithm>
#include <array>

namespace cma::logs {
namespace {

using enum Release;

constexpr ReleaseRange kAlways{v3_5};

constexpr std::array kForms = {
    // A window that failed. mm/page_alloc.c, alloc_contig_range.
    Form{Says::window_busy, "alloc_contig_range: [{start:x}, {end:x}) PFNs busy", {v3_18, v5_12}},
    Form{Says::window_busy, "alloc_contig_range test_pages_isolated({start:x}, {end:x}) failed", {v3_5, v3_17}},
    Form{Says::lines_suppressed, "alloc_contig_range: {count:u} callbacks suppressed", {v4_13, v5_12}},
    Form{Says::errors_suppressed, "cma_alloc: {count:u} callbacks suppressed", {v5_13}},
    Form{Says::errors_suppressed, "cma_alloc_frozen: {count:u} callbacks suppressed", {v7_0}},

    // A request that failed. mm/cma.c; the area is named since 5.12, and by vendors before.
    Form{Says::alloc_failed,
         "__cma_alloc_frozen: {area:s}: alloc failed, req-size: {pages:u} pages, ret: {ret:d}",
         {v7_0}},
    Form{Says::alloc_failed,
         "__cma_alloc: {area:s}: alloc failed, req-size: {pages:u} pages, ret: {ret:d}",
         {v6_12, v6_19},
         true},
    Form{Says::alloc_failed, "cma_alloc: alloc failed, req-size: {pages:u} pages, ret: {ret:d}", {v4_11, v5_11}, true},
    Form{Says::alloc_failed,
         "cma_alloc: {area:s}: alloc failed, req-size: {pages:u} pages, ret: {ret:d}",
         {v5_12, v6_11},
         true},
    Form{Says::bitmap_report,
         "cma: number of available pages: range {range:u}: {runs:s}=> {free:u} free of {total:u} total pages",
         {v6_15}},
    Form{Says::bitmap_report,
         "cma: number of available pages: {runs:s}=> {free:u} free of {total:u} total pages",
         {v4_11, v6_14},
         true},

    // Debugging lines of a request.
    Form{Says::alloc_called, "dma_alloc_from_contiguous(cma {cma:p}, count {pages:u}, align {align:d})", {v3_5, v3_16}},
    Form{Says::alloc_called, "cma_alloc(cma {cma:p}, name: {area:s}, count {pages:u}, align {align:d})", {v6_2}},
    Form{Says::alloc_called, "cma_alloc(cma {cma:p}, count {pages:u}, align {align:d})", {v3_17, v6_5}},
    Form{Says::alloc_retries, "dma_alloc_from_contiguous(): memory range at {page:p} is busy, retrying", {v3_5, v3_16}},
    Form{Says::alloc_retries, "cma_alloc(): memory range at pfn {pfn:x} {page:p} is busy, retrying", {v6_2}},
    Form{Says::alloc_retries, "cma_alloc(): memory range at {page:p} is busy, retrying", {v3_17, v6_5}},
    Form{Says::alloc_returned, "dma_alloc_from_contiguous(): returned {page:p}", {v3_5, v3_16}},
    Form{Says::alloc_returned, "cma_alloc(): returned {page:p}", {v3_17}},
    Form{Says::released, "dma_release_from_contiguous(page {page:p})", {v3_5, v3_16}},
    Form{Says::released, "cma_release(page {page:p}, count {pages:u})", {v5_11}},
    Form{Says::released, "cma_release(page {page:p})", {v3_17, v5_10}},

    // Tracepoints. include/trace/events/cma.h, page_isolation.h.
    Form{Says::trace_alloc, "cma_alloc: pfn={pfn:x} page={page:p} count={pages:u} align={align:u}", {v4_1, v5_12}},
    Form{Says::trace_alloc_start,
         "cma_alloc_start: name={area:s} request_count={pages:u} available_count={free:u} "
         "total_count={total:u} align={align:u}",
         {v6_15}},
    Form{Says::trace_alloc_start, "cma_alloc_start: name={area:s} count={pages:u} align={align:u}", {v5_13, v6_14}},
    Form{Says::trace_alloc_retry,
         "cma_alloc_busy_retry: name={area:s} pfn={pfn:x} page={page:p} count={pages:u} align={align:u}",
         {v5_13}},
    Form{Says::trace_alloc_finish,
         "cma_alloc_finish: name={area:s} pfn={pfn:x} page={page:p} count={pages:u} align={align:u} errorno={ret:d}",
         {v6_2}},
    Form{Says::trace_alloc_finish,
         "cma_alloc_finish: name={area:s} pfn={pfn:x} page={page:p} count={pages:u} align={align:u}",
         {v5_13, v6_5}},
    Form{Says::trace_tested,
         "test_pages_isolated: start_pfn={start:x} end_pfn={end:x} fin_pfn={fin:x} ret={result:w}",
         {v4_5}},

    Form{Says::trace_migrated, "mm_migrate_pages: nr_succeeded={moved:u} nr_failed={failed:u}{rest:r}", kAlways},
    Form{Says::trace_page_given,
         "mm_page_alloc: page={page:p} pfn=0x{pfn:x} order={order:u} migratetype={type:d} gfp_flags={flags:w}",
         {v5_12}},
    Form{Says::trace_page_given,
         "mm_page_alloc: page={page:p} pfn={pfn:u} order={order:u} migratetype={type:d} gfp_flags={flags:w}",
         {v3_5, v5_16}},
    Form{Says::trace_page_freed, "mm_page_free: page={page:p} pfn=0x{pfn:x} order={order:u}", {v5_12}},
    Form{Says::trace_page_freed, "mm_page_free: page={page:p} pfn={pfn:u} order={order:u}", {v3_5, v5_16}},
    Form{Says::trace_page_freed, "mm_page_free_batched: page={page:p} pfn=0x{pfn:x} order={order:u}", {v5_12}},
    Form{Says::trace_page_freed, "mm_page_free_batched: page={page:p} pfn={pfn:u} order={order:u}", {v3_5, v5_16}},

    // Pages that could not be moved. mm/debug.c, for alloc_contig_dump_pages with dynamic debug.
    Form{Says::page_dumped,
         "refcount:{references:d} mapcount:{mappings:d} mapping:{mapping:p} index:{index:x} pfn:{pfn:x}", kAlways},

    Form{Says::page_is_anonymous, "anon flags: {flags:x}", kAlways},
    Form{Says::page_is_of_file, "aops:{aops:w}", kAlways},
    Form{Says::page_owner, "page last allocated via order {order:u}, migratetype {type:s}, gfp_mask {mode:r}", kAlways},
    Form{Says::page_dump_reason, "page dumped because: {reason:r}", kAlways},

    // Which kernel.
    Form{Says::kernel_version, "Linux version {version:w}", kAlways},
    Form{Says::kernel_version, "anufacturer: Linux {version:w}", kAlways},
    Form{Says::kernel_version, "Linux {host:w} {version:w} #{build:u}", kAlways},
    Form{Says::kernel_of_trace, " Comm: {rest:r}", kAlways},
    Form{Says::command_line, "ommand line: {text:r}", kAlways},

    // Boot. mm/cma.c, kernel/dma/contiguous.c.
    Form{Says::area_reserved, "CMA: reserved {mib:u} MiB at {base:x}", {v3_5, v3_16}},
    Form{Says::area_reserved, "cma: Reserved {mib:u} MiB at {base:x} on node {node:d}", {v6_6}},
    Form{Says::area_reserved, "cma: Reserved {mib:u} MiB in {ranges:u} range", {v6_15}},
    Form{Says::area_reserved, "cma: Reserved {mib:u} MiB at {base:x}", {v3_17}},
    Form{Says::area_pool, "created CMA memory pool at {base:x}, size {mib:u} MiB", {v3_16}},
    Form{Says::area_failed, "CMA: failed to reserve {mib:u} MiB", {v3_5, v3_16}},
    Form{Says::area_failed, "cma: Failed to reserve {mib:u} MiB", {v3_17}},
    Form{Says::region_unaligned, "cma: Region at {base:x} must be aligned to {alignment:x} bytes", {v4_19}, true},
    Form{Says::region_at_boundary,
         "cma: Region at {base:x} defined on low/high memory boundary ({boundary:x})",
         {v3_17}},
    Form{
        Says::region_over_limit, "cma: Size ({size:x}) of region at {base:x} exceeds limit ({limit:x})", {v4_19}, true},
    Form{Says::node_unaligned, "incorrect alignment of CMA region", {v3_16}},
    Form{Says::node_refused, "unable to setup CMA region", {v3_16}},
    Form{Says::node_bypassed, "bypass {node:s} node, using cmdline CMA params instead", {v5_6}, true},
    Form{Says::node_no_memory, "failed to allocate memory for node '{node:s}': size {mib:u} MiB", kAlways},
    Form{Says::node_not_reserved, "failed to reserve memory for node '{node:s}': base {base:x}, size {mib:u} MiB",
         kAlways},
    Form{Says::nodes_overlap,
         "OVERLAP DETECTED! {one:s} ({base:x}--{end:x}) overlaps with {other:s} ({from:x}--{to:x})", kAlways},
    Form{Says::pool_failed, "failed to allocate {kib:u} KiB pool for atomic coherent allocation", {v3_5, v5_7}},
    Form{Says::pool_failed, "failed to allocate {kib:u} KiB {flags:w} pool for atomic allocation", {v5_8}},
    Form{Says::huge_area_failed, "hugetlb_cma: reservation failed: err {ret:d}, node {node:d}", {v5_7}},
    Form{Says::huge_area_small, "hugetlb_cma: cma area should be at least {mib:u} MiB", {v5_7}},
    Form{Says::huge_pages_failed,
         "HugeTLB: allocating {count:u} of page size {size:s} failed. Only allocated {got:u} hugepages", kAlways},
    Form{Says::memory_size, "Memory: {free:u}K/{kib:u}K available", kAlways},
    Form{Says::area_inactive, "CMA area {area:s} could not be activated", {v3_17}},
    Form{Says::null_pointer, "kernel NULL pointer dereference", kAlways},
    Form{Says::zone_range, "DMA [mem {start:x}-{end:x}]", kAlways},
    Form{Says::zone_range, "DMA32 [mem {start:x}-{end:x}]", kAlways},
    Form{Says::zone_range, "Normal [mem {start:x}-{end:x}]", kAlways},
    Form{Says::zone_range, "HighMem [mem {start:x}-{end:x}]", kAlways},
    Form{Says::no_slots, "Not enough slots for CMA reserved regions", kAlways},
    Form{Says::area_free, "CmaFree:{kib:u} kB", kAlways},
    Form{Says::driver_failed, "dma alloc of size {bytes:u} failed", kAlways},
    Form{Says::driver_failed, "dma_alloc_coherent of size {bytes:u} failed", kAlways},
    Form{Says::driver_failed, "failed to allocate buffer with size {bytes:u}", kAlways},
    Form{Says::region_unusable, "of_reserved_mem_device_init failed. return={ret:d}", kAlways},
    Form{Says::bounce_full, "swiotlb buffer is full (sz: {bytes:u} bytes), total", {v5_2}, true},
    Form{Says::bounce_full, "swiotlb buffer is full (sz: {bytes:u} bytes)", kAlways},
    // Up to 4.20 a coherent buffer could be one of the bounce buffers. lib/swiotlb.c, kernel/dma/swiotlb.c.
    Form{Says::bounce_full, "swiotlb: coherent allocation failed, size={bytes:u}", {v4_16, v4_20}},
    Form{Says::bounce_full, "swiotlb: coherent allocation failed for device {device:w} size={bytes:u}", {v3_5, v4_15}},
    Form{Says::buffer_at, "phys address = {base:x}", kAlways},
    Form{Says::buffer_size, "buffer size = {bytes:u}", kAlways},
    Form{Says::console_size, "frame buffer device {columns:u}x{rows:u}", kAlways},
    Form{Says::node_pages, "On node {node:u} totalpages: {pages:u}", kAlways},
    Form{Says::area_total, "reserved, {kib:u}K cma-reserved", {v3_17}},
    Form{Says::area_total, "CmaTotal:{kib:u} kB", kAlways},
    Form{Says::area_total, " pages cma reserved", kAlways},

    // Files that people paste. mm/cma_debug.c, mm/cma_sysfs.c, mm/vmstat.c.
    Form{Says::area_file, "kernel/debug/cma/{file:w}", kAlways},
    Form{Says::area_file, "kernel/mm/cma/{file:w}", kAlways},
    Form{Says::requests_succeeded, "cma_alloc_success {value:u}", {v5_13}},
    Form{Says::requests_failed, "cma_alloc_fail {value:u}", {v5_13}},
    Form{Says::types_table, "Number of blocks type {types:r}", kAlways},
    Form{Says::zone_type_counts, "Node {node:u}, zone {zone:s}, type {type:w} {first:u} {counts:r}", kAlways},
    Form{Says::zone_counts, "Node {node:u}, zone {zone:w} {first:u} {counts:r}", kAlways},

    // Requests for pages that failed. mm/page_alloc.c (warn_alloc), mm/oom_kill.c, mm/vmalloc.c.
    Form{Says::vmalloc_failure, "vmalloc: allocation failure: {bytes:u} bytes", {v3_5, v5_12}},
    Form{Says::vmalloc_failure, "vmalloc: allocation failure, allocated {done:u} of {bytes:u} bytes", {v3_5, v5_12}},
    Form{Says::vmalloc_failure, "vmalloc error: size {bytes:u}, {what:r}", {v5_13}},
    Form{Says::vmalloc_failure, "vmap allocation for size {bytes:u} failed", kAlways},
    Form{Says::page_failure, "page allocation failure: order:{order:u}, mode:{mode:r}", kAlways},
    Form{Says::dma_layer_asked, "dma_direct_alloc", kAlways},
    // In its first version the line had a letter less.
    Form{Says::page_stalled, "page alloction stalls for {ms:u}ms, order:{order:u}, mode:{mode:r}", {v4_9, v4_14}},
    Form{Says::page_stalled, "page allocation stalls for {ms:u}ms, order:{order:u}, mode:{mode:r}", {v4_9, v4_14}},
    Form{Says::vmemmap_failure, "vmemmap alloc failure: order:{order:u}, mode:{mode:r}", kAlways},
    Form{Says::out_of_memory, "invoked oom-killer: gfp_mask={mode:s}order={order:u}", kAlways},

    // What vm.min_free_kbytes is: as sysctl, its files and shells have it; mm/page_alloc.c, mm/khugepaged.c.
    Form{Says::min_free_set, "vm.min_free_kbytes={kib:u}", kAlways},
    Form{Says::min_free_set, "vm.min_free_kbytes ={kib:u}", kAlways},
    Form{Says::min_free_set, "vm/min_free_kbytes:{kib:u}", kAlways},
    Form{Says::min_free_set, "echo {kib:u} > /proc/sys/vm/min_free_kbytes", kAlways},
    Form{Says::min_free_kept,
         "min_free_kbytes is not updated to {usual:u} because user defined value {kib:u} is preferred", kAlways},
    Form{Says::min_free_raised, "raising min_free_kbytes from {from:u} to {kib:u}", kAlways},

    Form{Says::nodes_allowed, "mems_allowed={nodes:w}", kAlways},
    Form{Says::task_killed, "Killed process {pid:u} ({task:s})", kAlways},
    Form{Says::cgroup_usage, "memory: usage {usage:u}kB, limit {limit:u}kB", kAlways},

    Form{Says::report_asked, "sysrq: Show Memory", kAlways},
    Form{Says::report_asked, "SysRq : Show Memory", kAlways},
    Form{Says::cgroup_limit, "Memory cgroup out of memory", kAlways},
    Form{Says::cgroup_limit, "constraint=CONSTRAINT_MEMCG", kAlways},

    // Memory reports. show_free_areas, since 6.5 in mm/show_mem.c.
    Form{Says::zone_state,
         " free:{free:u}kB boost:{boost:u}kB min:{min:u}kB low:{low:u}kB high:{high:u}kB{rest:r}",
         {v5_16}},
    Form{Says::zone_state, " free:{free:u}kB min:{min:u}kB low:{low:u}kB high:{high:u}kB{rest:r}", {v3_5, v5_15}},
    Form{Says::zone_reserve, "lowmem_reserve[]:{pages:r}", kAlways},
    Form{Says::zone_blocks, "*4kB {rest:r}", kAlways},
    Form{Says::zone_blocks, "*16kB {rest:r}", kAlways},
    Form{Says::zone_blocks, "*64kB {rest:r}", kAlways},
    Form{Says::high_pages, " pages HighMem/MovableOnly", kAlways},
};

}  // namespace

std::string text_of(const Form& form) {
  std::string text;
  std::string_view pattern = form.pattern;
  pattern.remove_prefix(std::min(pattern.find_first_not_of(' '), pattern.size()));
  while (!pattern.empty()) {
    const std::size_t open = std::min(pattern.find('{'), pattern.size());
    text += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const std::size_t close = pattern.find('}');
    if (pattern[close - 1] == 'r')
      text += "...";
    else
      for (const char c : pattern.substr(1, close - 3)) text += static_cast<char>(c - 'a' + 'A');
    pattern.remove_prefix(close + 1);
  }
  return text;
}

std::span<const Form> all_forms() { return kForms; }

}  // namespace cma::logs
