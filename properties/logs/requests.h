// The contiguous requests of a log: the lines that belong to each, however they are interleaved.
//
// A sweep tries windows in ascending order, so the lines of one ascend, and the ends of its windows differ by whole
// alignments; lines of different tasks are kept apart by their task if the log has it, by those rules if not. Used
// by explain_log. Cost: for each line, a look at the requests that have not ended (kMostOpen).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/pfn.h"
#include "properties/logs/fact_reader.h"

namespace cma::logs {

// A window as the log has it. Its start is the one that was asked for, or the head of the free block that covers it.
struct Window {
  PfnRange range;
  bool exact = false;  // the start is the one that was asked for
  std::uint64_t line = 0;
  Origin origin;
  std::optional<Pfn> stopped_at;  // the first page that was not free
};

// The windows of one way through an area, in order.
struct Sweep {
  std::vector<Window> windows;
};

enum class Outcome : std::uint8_t { unknown, failed, succeeded };

// Lines that the rate limit swallowed, reported before the line of a window.
struct Suppressed {
  std::uint64_t count = 0;
  std::uint64_t line = 0;
  std::size_t sweep = 0;  // of the window that follows
  std::size_t window = 0;
};

// The free runs of an area's bitmap, as a request that failed reported them.
struct FreeRuns {
  struct Run {
    std::uint64_t pages = 0;
    std::uint64_t bit = 0;
  };
  std::vector<Run> runs;
  std::uint64_t free = 0;
  std::uint64_t total = 0;
  std::uint64_t line = 0;
};

struct Request {
  std::vector<Sweep> sweeps;
  std::optional<std::uint64_t> pages;  // as a line names them
  std::uint64_t pages_line = 0;
  std::optional<unsigned> align;
  std::string area;
  Outcome outcome = Outcome::unknown;
  std::optional<int> error;
  std::uint64_t end_line = 0;
  std::optional<PfnRange> got;
  std::optional<Pfn> fin;         // where the test of its pages ended, which may be behind them
  std::uint64_t retry_lines = 0;  // "busy, retrying", one for each window that failed
  std::uint64_t first_retry_line = 0;
  std::vector<Window> retried;  // of those lines that name the start; the ends are not known yet
  std::vector<Suppressed> suppressed;
  std::optional<FreeRuns> runs;
  // What migration did for its windows, as tracepoints have it.
  std::uint64_t moved = 0;
  std::uint64_t not_moved = 0;
  std::uint64_t moved_line = 0;               // of the first time that a page could not be moved
  std::optional<std::uint64_t> driver_bytes;  // that a driver did not get right after its failure
  std::uint64_t driver_line = 0;
  bool reported = false;  // a line of the log has its error
  bool called = false;    // the line with which it begins is there
  bool finished = false;  // the tracepoint with which it ends is there
  bool traced = false;    // the tracepoint with which it begins is there
  std::string caller;
  std::string task;
  std::uint64_t first_line = 0;
  std::uint64_t last_line = 0;
  std::uint64_t beside_line = 0;  // the first of another request with windows that was under way meanwhile; 0: none was
  Origin origin;
  // Without the names of tasks, which lines belong together is not certain where several requests are open.
  bool pages_loose = false;    // the line that names the pages may be of another request
  bool end_loose = false;      // so may the line with which it ends
  bool retries_loose = false;  // and lines of retries
  bool windows_loose = false;  // and windows
  bool only_tested = false;    // all pages of its last window were free when they were tested; its end is not there
  bool at_limit = false;       // its last line about a window is the tenth within five seconds

  std::size_t windows() const;
  const Window* last_window() const;
};

// Returns whether a window can be one of a request for so many pages, given what its printed start can be.
bool window_fits(const Window& window, std::uint64_t pages);
// Returns the alignment that dma_alloc_contiguous asks for with CONFIG_CMA_ALIGNMENT=8.
unsigned usual_align(std::uint64_t pages);

class RequestFinder {
 public:
  void add(const Fact& fact);
  // Returns the requests, in the order of their first lines. Ends those that are open.
  std::vector<Request> take();
  // Returns how many requests were left out, because the log has more than are kept.
  std::uint64_t left_out() const { return left_out_; }

 private:
  Request& open(const Fact& fact);
  Request* find_open(const Fact& fact, auto accepts);
  void close();
  static void decide(Request& request, Outcome outcome, std::uint64_t line);
  void keep(Request&& request);
  void add_window(const Fact& fact, Window window);
  bool merge(const Window& window);
  void add_busy(const Fact& fact);
  void add_suppressed(const Fact& fact);
  void add_called(const Fact& fact);
  void join_end(Request& request, const Fact& fact, std::uint64_t pages) const;
  void add_failed(const Fact& fact);
  void lose_tested(const Fact& fact);
  void add_retry(const Fact& fact);
  void add_returned(const Fact& fact);
  void add_trace_alloc(const Fact& fact);
  void add_trace_retry(const Fact& fact);
  void add_trace_finish(const Fact& fact);
  void add_tested(const Fact& fact);
  void add_migrated(const Fact& fact);
  void add_driver(const Fact& fact);
  void add_runs(const Fact& fact);
  void count_burst(Request& request, const Origin& origin);

  std::vector<Request> open_;  // the one touched last stands last
  std::vector<Request> ended_;
  std::uint64_t left_out_ = 0;
  // Whether the request that find_open() found is one of several that the fact can belong to.
  bool unsure_ = false;
  std::optional<Suppressed> suppressed_;
  Origin burst_begin_;
  std::uint64_t burst_ = 0;
};

}  // namespace cma::logs
