// What a machine prints: kernel log lines and tracepoints, kept as numbers and formatted only when they are read.
//
// The text is byte for byte that of the machine's release. The kernel's pointers depend on where it lies in memory, and
// since 4.15 it prints hashes of them, with a secret key: here each object has one address, which is printed up
// to 4.14, and "(ptrval)" since then, as kernels print before the key is made. Every layer above emits events;
// expectations, laws, the comparison with real kernels and `--trace` read them. Recording an event appends 48 bytes and
// takes two hash steps. Events about single pages are off unless asked for. No locks: recording is one step of the
// actor that runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/hash.h"
#include "allocator/base/pfn.h"
#include "allocator/base/release.h"
#include "allocator/engine/engine.h"
#include "allocator/trace/allocation_watcher.h"
#include "allocator/trace/lazy_lines.h"
#include "allocator/trace/packed.h"
#include "allocator/trace/rate_limit.h"
#include "allocator/trace/window_watcher.h"

namespace cma {

// What can be recorded, and what `a` to `d` of its record stand for; those that hold several numbers are named for
// their struct in packed.h. Numbers are part of a trace's hash: never reorder.
enum class Event : std::uint8_t {
  // Kernel log.
  log_text,               // a = index into texts
  log_cma_alloc,          // a = area, b = count, c = align
  log_cma_busy_retrying,  // a = pfn, which is no part of the hash
  log_cma_returned,       // a = pfn or kNoPfn
  log_cma_release,        // a = pfn, b = count
  log_cma_pages_valid,    // since 5.16, of a range outside the area: a = pfn, b = count
  log_cma_alloc_failed,   // a = area, b = count, c = -errno as two's complement, d = the area is named on any release
  log_pfns_busy,          // a = outer start, b = end
  log_still_in_use,       // a = pages
  log_suppressed,         // a = index into texts (function), b = lines
  // Tracepoints of areas.
  cma_alloc,             // 4.1 to 5.12: a = pfn or kNoPfn, b = count, c = align, d = success
  cma_alloc_start,       // since 5.13: a = area, b = count, c = align
  cma_alloc_busy_retry,  // since 5.13: a = area, b = pfn, c = count, d = align
  cma_alloc_finish,      // since 5.13: a = area, b = pfn or kNoPfn, c = count, d = FinishedAlloc
  cma_release,           // a = area, b = pfn, c = count
  // Tracepoints of the contiguous path.
  test_pages_isolated,   // a = start, b = end, c = fin
  mm_migrate_pages,      // a = succeeded, b = failed, c = MigrateCause, d = HugeResults
  isolate_migratepages,  // a = start, b = end, c = scanned, d = taken
  isolate_freepages,     // the same
  // Tracepoints of single pages (category pages).
  mm_page_alloc,              // a = pfn or kNoPfn, b = order, c = migratetype, d = gfp
  mm_page_free,               // a = pfn, b = order
  mm_page_pcpu_drain,         // a = pfn, b = order, c = migratetype
  mm_page_alloc_zone_locked,  // a = pfn, b = order, c = migratetype, d = refill
  mm_page_alloc_extfrag,      // a = pfn, b = orders and c = types as AskedAndSource, d = ownership changed
  // Kernel log: a line of the warning that a request for pages failed, and of the report of the memory after it.
  log_memory,  // a = index into messages, b = line, d = digest of the message
};

constexpr bool is_log(Event event) { return event <= Event::log_suppressed || event == Event::log_memory; }

// One event: when and where it was emitted, and its arguments.
struct Record {
  Event event{};
  std::uint8_t cpu = 0;
  ActorId actor = 0;
  Time time = 0;
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
};

// A pointer in a formatted line: where it stands, and what it is the address of. A line has one at most.
struct PrintedPointer {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t address = 0;
};

// What a kernel's pointers look like: their width, and the frame whose descriptor is the first of the memory map where
// that is an array (32 bits).
struct PointerForm {
  unsigned bits = 64;
  Pfn first_frame = 0;
};

class Trace {
 public:
  Trace(Engine& engine, Release release, unsigned pageblock_order, bool rate_limits, PointerForm pointers = {})
      : engine_(engine),
        release_(release),
        pageblock_order_(pageblock_order),
        rate_limits_(rate_limits),
        pointers_(pointers) {
    reset_limits();
  }

  // --- recording ---
  // Records an event of the actor that runs; does nothing while recording is off.
  void emit(Event event, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0, std::uint64_t d = 0) {
    if (!recording_) return;
    hash_step(hash_, static_cast<std::uint64_t>(event) ^ (a << 8) ^ (b << 24) ^ (c << 40));
    hash_step(hash_, d ^ a);
    records_.push_back({event, static_cast<std::uint8_t>(engine_.cpu()), engine_.current(), engine_.now(), a, b, c, d});
  }
  // Records an event that has a frame which is printed as a pointer only. The hash leaves the frame out.
  void emit_pointer(Event event, Pfn pfn) {
    if (!recording_) return;
    emit(event);
    records_.back().a = pfn;
  }
  // Records a log line that is rare enough to be kept as text; does nothing while recording is off.
  void log(std::string text);
  // Records a message of so many lines, of a report on memory, which are made when they are read. `digest` stands for
  // their text in the hash: equal if the text is, else different. Does nothing while recording is off.
  void log_memory(std::shared_ptr<const LazyLines> message, std::size_t lines, std::uint64_t digest);
  // Keeps a message whose lines are recorded in parts. Returns its number, until the next clear() or copy_from().
  std::uint64_t add_message(std::shared_ptr<const LazyLines> message);
  // Records lines of a message that was added, from `first` on. Does nothing while recording is off.
  void log_memory_part(std::uint64_t message, std::size_t first, std::size_t lines, std::uint64_t digest);
  // Emits a line that is under `limit`, or counts it as left out. Lines left out in an earlier interval are reported
  // first, in the name of `function`, which is copied. While recording is off nothing is emitted, but lines count
  // against the limit as ever. Without rate limits emits every line and counts none.
  void limited(RateLimit& limit, const char* function, Event event, std::uint64_t a, std::uint64_t b = 0,
               std::uint64_t c = 0);
  // Returns whether a message under `limit` may be printed now, and counts it, as limited() does for a line.
  bool admits(RateLimit& limit, const char* function);
  // Names the next area, recording or not: events give areas by their index. Called by Areas as it appends one.
  void add_area(std::string name) { area_names_.push_back(std::move(name)); }

  // Returns whether events about single pages are wanted. Callers ask before they emit one, because there are many.
  bool page_events() const { return page_events_; }
  void set_page_events(bool on) { page_events_ = on; }
  // Switches all recording on or off: benchmarks and campaigns read nothing.
  bool recording() const { return recording_; }
  void set_recording(bool on) { recording_ = on; }
  // Returns whether limited() keeps to the limits, as kernels do.
  bool rate_limits() const { return rate_limits_; }
  void set_rate_limits(bool on) { rate_limits_ = on; }

  // --- why windows fail ---
  // Returns the watcher, nullptr if there is none.
  WindowWatcher* windows() const { return windows_; }
  // Sets the watcher, nullptr for none. It is not owned, and must stay until another is set.
  void watch_windows(WindowWatcher* watcher) { windows_ = watcher; }
  // Reports a refused page to the watcher, if there is one.
  void page_refused(Pfn pfn, Refusal why, int error = 0) const {
    if (windows_ != nullptr) [[unlikely]]
      windows_->page_refused(pfn, why, error);
  }

  // --- which requests for pages are granted ---
  // Returns the watcher, nullptr if there is none. Callers report to it.
  AllocationWatcher* allocations() const { return allocations_; }
  // Sets the watcher, nullptr for none. It is not owned, and must stay until another is set.
  void watch_allocations(AllocationWatcher* watcher) { allocations_ = watcher; }

  // --- reading ---
  // Returns the records since the last clear(), oldest first.
  const std::vector<Record>& records() const { return records_; }
  // Returns the line as the kernel prints it: a log line without time stamp, a tracepoint as "name: fields". Requires:
  // the record is of this trace, and no clear() or copy_from() came after it; its areas have been named by add_area().
  std::string format(const Record& record) const { return format(record, nullptr); }
  // Returns the same, and where its pointer stands: nullopt if it has none, or prints NULL.
  std::string format(const Record& record, std::optional<PrintedPointer>* pointer) const;
  // Returns a value that is equal for runs that recorded the same events and texts in the same order. Time, CPU and
  // actor are left out.
  std::uint64_t hash() const { return hash_; }
  Release release() const { return release_; }

  // Forgets all records, the hash and the state of the rate limits; keeps names, settings and watchers.
  void clear();
  // Copies records, names, settings and the rate limits' state of a machine of the same geometry; keeps its watchers.
  void copy_from(const Trace& other);

  // The limits of two lines, for limited(), and of the two parts of a report on memory, for admits(). They are here to
  // be copied and cleared with the lines.
  RateLimit pfns_busy_limit;
  RateLimit alloc_failed_limit;
  RateLimit warn_alloc_limit;
  RateLimit show_mem_limit;

 private:
  void reset_limits();
  std::uint64_t add_text(std::string text);
  std::string text_of(const Record& record) const;
  std::optional<std::uint64_t> address_in(const Record& record) const;
  std::uint64_t page_address(Pfn pfn) const;
  std::uint64_t area_address(std::uint64_t area) const;

  Engine& engine_;
  Release release_;
  unsigned pageblock_order_;
  bool rate_limits_;
  PointerForm pointers_;
  bool recording_ = true;
  bool page_events_ = false;
  WindowWatcher* windows_ = nullptr;
  AllocationWatcher* allocations_ = nullptr;
  std::uint64_t hash_ = kHashSeed;
  std::vector<Record> records_;
  std::vector<std::string> texts_;  // of records, by index
  std::vector<std::shared_ptr<const LazyLines>> messages_;
  std::vector<std::string> area_names_;  // by area
};

// Returns the number in lower-case hexadecimal without 0x, as %lx prints it.
std::string hex(std::uint64_t value);

}  // namespace cma
