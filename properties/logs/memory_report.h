// The memory reports of a log, and the requests for pages that they belong to.
//
// A report is the state shortly after a request failed: its zones, what they keep back, their free blocks. Lines of a
// report that has lost its head make a report without a request. Used by the explanation of requests for pages. Cost: a
// search among the zones of one report for each line.
#pragma once

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
  std::optional<std::uint64_t> managed;
  std::optional<std::uint64_t> of_areas;    // free_cma
  std::optional<std::uint64_t> highatomic;  // reserved_highatomic
  std::optional<std::uint64_t> free_highatomic;
  std::vector<std::uint64_t> reserve;  // lowmem_reserve[], in pages
  std::uint64_t reserve_line = 0;
  std::vector<BlocksLine> blocks;  // by order
  std::optional<std::uint64_t> blocks_sum;
  std::uint64_t blocks_line = 0;
};

// A request for pages that failed or made the kernel kill a task, and its report.
struct PageFailure {
  enum class Kind : std::uint8_t { report_only, failure, out_of_memory, vmalloc };
  Kind kind = Kind::report_only;
  std::uint64_t line = 0;
  std::string task;
  unsigned order = 0;
  std::optional<GfpMode> mode;
  std::optional<std::uint64_t> bytes;  // of vmalloc
  bool lacked_pages = false;           // of vmalloc: it had the address space
  bool of_cgroup = false;              // the limit of a control group was reached
  std::uint64_t page_kb = 4;
  std::vector<ZoneReport> zones;
  bool has_high_memory = false;
  std::uint64_t last_line = 0;
};

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
  void add_high(const Fact& fact);
  void add_cgroup(const Fact& fact);
  void add_zone(const Fact& fact);
  void add_reserve(const Fact& fact);
  void add_blocks(const Fact& fact);

  std::vector<PageFailure> failures_;
  std::uint64_t left_out_ = 0;
};

}  // namespace cma::logs
