// The memory reports of a log, and the requests for pages that they belong to.
//
// A report is the state shortly after a request failed: its zones, what they keep back, their free blocks. Lines of a
// report that has lost its head make a report without a request. Used by the explanation of requests for pages. Cost: a
// search among the zones of one report for each line.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/logs/fact_reader.h"
#include "properties/logs/gfp_mode.h"

namespace cma::logs {

// The free blocks of one order.
struct BlocksLine {
  std::uint64_t count = 0;
  std::string letters;       // of the lists that have one: "UMECH"; empty up to 3.7, or if there is none
  bool letters_cut = false;  // the line ends inside them
};

// A zone as a report has it. Figures are in kB, as printed, unless stated.
struct ZoneReport {
  std::string name;  // "DMA", "Node 0 Normal"
  bool has_state = false;
  std::uint64_t line = 0;
  std::uint64_t free = 0;
  std::optional<std::uint64_t> boost;
  std::uint64_t min = 0;
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::optional<std::uint64_t> present;
  std::optional<std::uint64_t> managed;
  std::optional<std::uint64_t> anonymous;   // memory of tasks, with or without shared memory
  std::optional<std::uint64_t> of_files;    // the page cache
  std::optional<std::uint64_t> of_areas;    // free_cma
  std::optional<std::uint64_t> highatomic;  // reserved_highatomic
  std::optional<std::uint64_t> free_highatomic;
  std::vector<std::uint64_t> reserve;  // lowmem_reserve[], in pages
  std::uint64_t reserve_line = 0;
  std::vector<BlocksLine> blocks;  // by order
  std::optional<std::uint64_t> blocks_sum;
  std::uint64_t blocks_line = 0;

  // Returns the name without its node.
  std::string bare_name() const { return name.substr(name.rfind(' ') + 1); }
  // Returns whether it is of low memory: such zones share vm.min_free_kbytes.
  bool is_low() const { return bare_name() != "HighMem" && bare_name() != "Movable"; }
};

// Nodes from the first to the last.
struct NodeRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// A request for pages that failed or made the kernel kill a task, and its report.
struct PageFailure {
  enum class Kind : std::uint8_t {
    report_only,
    failure,
    out_of_memory,
    vmalloc,
    stalled,  // it waited for long, and had not failed
    vmemmap,  // for descriptors of pages: single pages are taken then
  };
  Kind kind = Kind::report_only;
  std::uint64_t line = 0;
  Origin origin;  // of that line
  std::string task;
  unsigned order = 0;
  std::optional<GfpMode> mode;
  std::optional<std::uint64_t> bytes;  // of vmalloc
  bool lacked_pages = false;           // of vmalloc: it had the address space
  bool of_cgroup = false;              // the limit of a control group was reached
  bool asked = false;                  // the report was asked for: nothing failed
  // That a driver did not get right after a report which has lost its head: the report is of that request. 0: none.
  std::uint64_t driver_bytes = 0;
  std::uint64_t driver_line = 0;
  std::uint64_t dma_line = 0;   // of the stack, that has the DMA layer's function; 0: none has
  std::uint64_t waited_ms = 0;  // of a request that stalled
  std::string killed;           // the task that was killed; empty if the log does not have it
  std::uint64_t killed_line = 0;
  std::uint64_t limit_kb = 0;  // of the control group; 0: not known
  std::uint64_t limit_line = 0;
  std::uint64_t page_kb = 4;
  std::vector<NodeRange> nodes;  // that the task may use; empty if the log does not tell
  std::uint64_t nodes_line = 0;
  std::vector<ZoneReport> zones;
  bool has_high_memory = false;
  std::uint64_t high_pages = 0;  // of high memory; 0 if the log does not count them
  std::uint64_t last_line = 0;

  // Returns whether it has a report with the state of a zone.
  bool has_report() const { return std::ranges::any_of(zones, &ZoneReport::has_state); }
};

// Returns whether the task of a request may use the node that a zone is of.
bool may_use_node(const PageFailure& failure, const ZoneReport& zone);

// What all zones have as min, and what vm.min_free_kbytes would be by default, in kB.
struct MinFree {
  std::uint64_t min = 0;
  std::uint64_t usual = 0;           // 0 if the report does not tell
  std::vector<std::uint64_t> lines;  // of the zones

  // Returns whether min is at least twice as much as by default.
  bool is_raised() const { return usual != 0 && min >= 2 * usual; }
  // Returns what a zone would have by default, given its min without a boost: zones share it by their sizes. Requires
  // that min is raised.
  std::uint64_t usual_part(std::uint64_t zone_min) const {
    return static_cast<std::uint64_t>(static_cast<double>(std::min(zone_min, min)) / static_cast<double>(min) *
                                      static_cast<double>(usual));
  }
};
// Returns them for a report (mm/page_alloc.c, calculate_min_free_kbytes).
MinFree min_free_of(const PageFailure& report);

class PageFailureFinder {
 public:
  void add(const Fact& fact);
  // Returns the failures, in the order of the log.
  std::vector<PageFailure> take() { return std::move(failures_); }
  std::uint64_t left_out() const { return left_out_; }

 private:
  PageFailure& begin(const Fact& fact, PageFailure::Kind kind);
  PageFailure& report(const Fact& fact);
  void add_failure(const Fact& fact);
  void add_vmalloc(const Fact& fact);
  void add_nodes(const Fact& fact);
  void add_asked(const Fact& fact);
  void add_killed(const Fact& fact);
  void add_limit(const Fact& fact);
  void add_high(const Fact& fact);
  void add_cgroup(const Fact& fact);
  void add_driver(const Fact& fact);
  void add_dma_layer(const Fact& fact);
  void add_zone(const Fact& fact);
  void add_reserve(const Fact& fact);
  void add_blocks(const Fact& fact);

  std::vector<PageFailure> failures_;
  std::uint64_t left_out_ = 0;
};

}  // namespace cma::logs
