#include "properties/logs/requests.h"

#include <algorithm>
#include <utility>

#include "allocator/base/error.h"
#include "properties/logs/exact_windows.h"
#include "properties/logs/stable_order.h"

namespace cma::logs {
namespace {

constexpr std::size_t kMostOpen = 32;
constexpr std::size_t kMostRequests = 20'000;
// With pages of 64 KiB; with 4 KiB it is 10, unless a board's kernel has larger ones.
constexpr unsigned kLargestOrder = 13;
constexpr std::size_t kMostRetried = 4096;
// 256 GiB: beyond that a line is damaged.
constexpr std::uint64_t kMostWindowPages = std::uint64_t{1} << 26;
// CONFIG_CMA_ALIGNMENT, its default.
constexpr unsigned kUsualMostAlign = 8;
constexpr unsigned kMostAlignOrder = 40;
constexpr std::int64_t kMostError = 4096;
// Vendors' kernels sleep for 100 ms between two sweeps of a request.
constexpr std::int64_t kShortestSleep = 80'000;
constexpr std::int64_t kLongestSleep = 200'000;
// A request that has been silent for so long has ended; a window takes less.
constexpr std::int64_t kSilence = 30'000'000;
constexpr std::int64_t kLongestWindow = 3'000'000;
constexpr std::int64_t kLongestJump = 200'000;
// A driver reports right after its request has failed.
constexpr std::uint64_t kLinesToDriver = 10;
constexpr std::uint64_t kLinesToReport = 3;
constexpr std::uint64_t kBytesOfFrame = 4096;
// How many lines of others may stand between the line with the error and the one with the free runs.
constexpr std::uint64_t kLinesToRuns = 8;
constexpr std::uint64_t kLimitBurst = 10;
constexpr std::int64_t kLimitInterval = 5'000'000;

// Returns whether a line is about the end of a request.
bool is_end(Says says) {
  return says == Says::alloc_failed || says == Says::alloc_returned || says == Says::trace_alloc ||
         says == Says::trace_alloc_finish;
}

// Makes windows of the starts that lines of retries name, if the log has no other windows of the request.
void use_retried(Request& request) {
  if (!request.pages || request.windows() != 0 || *request.pages > kMostWindowPages) return;
  for (Window window : request.retried) {
    window.range.end = window.range.start + *request.pages;
    const Window* last = request.last_window();
    if (window.range.end <= window.range.start) continue;
    if (last == nullptr || window.range.start <= last->range.start) request.sweeps.emplace_back();
    request.sweeps.back().windows.push_back(window);
  }
  request.retried.clear();
}

bool callers_differ(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() && one != other;
}

bool is_null(const std::string& pointer) {
  return pointer.find("null") != std::string::npos || pointer.find_first_not_of("0x ") == std::string::npos;
}

// Returns the most pages that a request can ask for which has tried these windows.
std::uint64_t most_pages(const Request& request) {
  if (request.pages) return *request.pages;
  std::uint64_t most = ~std::uint64_t{0};
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows) most = std::min(most, window.range.pages());
  return most;
}

// Returns the field `align`, without what only a damaged line has.
unsigned align_of(const Fact& fact) {
  return static_cast<unsigned>(std::min<std::uint64_t>(fact.number("align"), kMostAlignOrder));
}

unsigned expected_align(const Request& request, std::uint64_t pages) {
  return request.align ? *request.align : usual_align(pages);
}

// Returns whether all windows begin where the DMA layer's alignment for so many pages lets them.
bool starts_are_aligned(const Request& request, std::uint64_t pages) {
  const std::uint64_t unit = order_pages(expected_align(request, pages));
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows)
      if (!is_aligned(window.range.end - pages, unit)) return false;
  return true;
}

// Returns the field `ret`, as far as it can be an error.
int error_of(const Fact& fact) {
  const auto error = static_cast<std::int64_t>(fact.number("ret"));
  return static_cast<int>(std::clamp<std::int64_t>(error, -kMostError, kMostError));
}

// Takes over what the tracepoint of a window says of its request.
void name_request(Request& request, const Fact& fact) {
  if (fact.says() != Says::trace_alloc_retry) return;
  request.area = fact.text("area");
  request.pages = fact.number("pages");
  request.pages_line = fact.line;
  request.align = align_of(fact);
}

// Returns whether the window can be one of the request, wherever it lies.
bool size_fits(const Request& request, const Window& window) {
  const std::uint64_t pages = std::min(most_pages(request), window.range.pages());
  if (request.pages && window.range.pages() < *request.pages) return false;
  const std::uint64_t unit = order_pages(expected_align(request, pages));
  const auto fits = [&](const Window& tried) {
    return window_fits(tried, pages) && is_aligned(tried.range.end - pages, unit);
  };
  for (const Sweep& sweep : request.sweeps)
    if (!std::ranges::all_of(sweep.windows, fits)) return false;
  return fits(window);
}

// Returns whether the window can come after the last one of the request, in the same sweep.
bool continues(const Request& request, const Window& window) {
  const Window* last = request.last_window();
  if (last == nullptr) return size_fits(request, window);
  if (window.range.end <= last->range.end) return false;
  // Heads of free blocks ascend too, unless blocks merge; known pages say more.
  if (!request.pages && window.range.start < last->range.start) return false;
  const auto time = time_between(last->origin, window.origin);
  if (time && *time > kLongestWindow) return false;
  // Between windows that lie apart buffers have all places; that is rare, and the search takes no time.
  const std::uint64_t step = order_pages(expected_align(request, std::min(most_pages(request), window.range.pages())));
  const bool jumps = window.range.end - last->range.end > step && window.range.start >= last->range.end;
  if (jumps && time && *time > kLongestJump) return false;
  if (size_fits(request, window)) return true;
  // Requests of other callers than the DMA layer have other alignments: windows that overlap go on.
  return !request.pages && window.range.start < last->range.end &&
         window_fits(window, std::min(most_pages(request), window.range.pages()));
}

// Returns whether the window overlaps the last one of the request and lies one alignment behind it, as hardly one of
// another request does.
bool is_next(const Request& request, const Window& window) {
  const Window* last = request.last_window();
  if (last == nullptr || !continues(request, window)) return false;
  const std::uint64_t pages = std::min(most_pages(request), window.range.pages());
  const std::uint64_t step = order_pages(expected_align(request, pages));
  return step < pages && window.range.end - last->range.end == step;
}

// Returns whether the window can begin another sweep of the request: vendors' kernels sleep in between.
bool sweeps_again(const Request& request, const Window& window) {
  const Window* last = request.last_window();
  if (last == nullptr || window.range.end > last->range.end) return false;
  const auto slept = time_between(last->origin, window.origin);
  return slept && *slept >= kShortestSleep && *slept <= kLongestSleep && size_fits(request, window);
}

}  // namespace

std::size_t Request::windows() const {
  std::size_t count = 0;
  for (const Sweep& sweep : sweeps) count += sweep.windows.size();
  return count;
}

const Window* Request::last_window() const {
  return sweeps.empty() || sweeps.back().windows.empty() ? nullptr : &sweeps.back().windows.back();
}

bool window_fits(const Window& window, std::uint64_t pages) {
  if (pages == 0 || pages > window.range.pages()) return false;
  const Pfn start = window.range.end - pages;
  if (start == window.range.start) return true;
  if (window.exact) return false;
  // The start is printed as that of the free block which covers it.
  const unsigned order = floor_log2(start - window.range.start) + 1;
  return order <= kLargestOrder && is_aligned(window.range.start, order_pages(order));
}

unsigned usual_align(std::uint64_t pages) {
  return pages <= 1 ? 0 : std::min(floor_log2(pages - 1) + 1, kUsualMostAlign);
}

void RequestFinder::add(const Fact& fact) {
  struct Handler {
    Says says;
    void (RequestFinder::*add)(const Fact&);
  };
  static constexpr Handler handlers[] = {
      {Says::window_busy, &RequestFinder::add_busy},
      {Says::lines_suppressed, &RequestFinder::add_suppressed},
      {Says::alloc_called, &RequestFinder::add_called},
      {Says::trace_alloc_start, &RequestFinder::add_called},
      {Says::alloc_failed, &RequestFinder::add_failed},
      {Says::alloc_retries, &RequestFinder::add_retry},
      {Says::alloc_returned, &RequestFinder::add_returned},
      {Says::trace_alloc, &RequestFinder::add_trace_alloc},
      {Says::trace_alloc_retry, &RequestFinder::add_trace_retry},
      {Says::trace_alloc_finish, &RequestFinder::add_trace_finish},
      {Says::trace_tested, &RequestFinder::add_tested},
      {Says::trace_migrated, &RequestFinder::add_migrated},
      {Says::bitmap_report, &RequestFinder::add_runs},
      {Says::driver_failed, &RequestFinder::add_driver},
  };
  for (const Handler& handler : handlers)
    if (handler.says == fact.says()) (this->*handler.add)(fact);
}

void RequestFinder::add_busy(const Fact& fact) {
  add_window(fact, {{fact.number("start"), fact.number("end")}, false, fact.line, fact.origin, {}});
}

void RequestFinder::add_suppressed(const Fact& fact) {
  suppressed_ = Suppressed{fact.number("count"), fact.line, 0, 0};
}

void RequestFinder::add_trace_retry(const Fact& fact) {
  lose_tested(fact);
  const Pfn start = fact.number("pfn");
  add_window(fact, {{start, start + fact.number("pages")}, true, fact.line, fact.origin, {}});
}

std::vector<Request> RequestFinder::take() {
  for (Request& request : open_) ended_.push_back(std::move(request));
  open_.clear();
  for (Request& request : ended_) {
    use_retried(request);
    if (request.outcome != Outcome::unknown || !request.got) continue;
    request.outcome = Outcome::succeeded;
    request.only_tested = true;
  }
  sort_in_stable_order(ended_, [](const Request& a, const Request& b) { return a.first_line < b.first_line; });
  find_overlaps(ended_);
  return std::move(ended_);
}

// Begins a request with this fact.
Request& RequestFinder::open(const Fact& fact) {
  if (open_.size() == kMostOpen) {
    keep(std::move(open_.front()));
    open_.erase(open_.begin());
  }
  Request& request = open_.emplace_back();
  request.caller = fact.origin.caller;
  request.task = fact.origin.task;
  request.first_line = request.last_line = fact.line;
  request.origin = fact.origin;
  return request;
}

// Returns the open request touched last that this fact can belong to, now the last of them; nullptr if there is none.
Request* RequestFinder::find_open(const Fact& fact, auto accepts) {
  const auto can_have = [&](const Request& open) {
    if (callers_differ(open.caller, fact.origin.caller)) return false;
    // Of one that has ended only other lines about its end can follow.
    if ((open.outcome != Outcome::unknown || open.got) && !is_end(fact.says())) return false;
    if (!accepts(open)) return false;
    const Window* last = open.last_window();
    const auto silence = time_between(last != nullptr ? last->origin : open.origin, fact.origin);
    return !silence || *silence <= kSilence;
  };
  const auto found = std::find_if(open_.rbegin(), open_.rend(), can_have);
  if (found == open_.rend()) return nullptr;
  unsure_ = (found->caller.empty() || fact.origin.caller.empty()) && std::any_of(found + 1, open_.rend(), can_have);
  std::rotate(found.base() - 1, found.base(), open_.end());
  open_.back().last_line = fact.line;
  return &open_.back();
}

// Ends the last of the requests that are open.
void RequestFinder::close() {
  keep(std::move(open_.back()));
  open_.pop_back();
}

// Notes how a request ended, which is the last of those that are open. It stays open, for other lines about its end.
void RequestFinder::decide(Request& request, Outcome outcome, std::uint64_t line) {
  request.outcome = outcome;
  request.end_line = line;
}

// Keeps a request that has ended, if there is room.
void RequestFinder::keep(Request&& request) {
  if (ended_.size() < kMostRequests)
    ended_.push_back(std::move(request));
  else
    ++left_out_;
}

// Notes that a window is in the log twice: as a tracepoint and as a line. Returns false if it is not.
bool RequestFinder::merge(const Window& window) {
  if (open_.empty() || open_.back().last_window() == nullptr) return false;
  Window& last = open_.back().sweeps.back().windows.back();
  // One is the start of a free block, the other the one that was asked for.
  const bool same = last.range == window.range || (last.exact != window.exact && last.range.end == window.range.end);
  if (!same || last.line == window.line) return false;
  const auto time = time_between(last.origin, window.origin);
  const bool both_lines = !last.exact && !window.exact && !last.stopped_at && !window.stopped_at;
  if (both_lines || (time && *time > kShortestSleep)) return false;
  if (window.exact) last.range = window.range;
  last.exact = last.exact || window.exact;
  if (window.stopped_at) last.stopped_at = window.stopped_at;
  open_.back().last_line = window.line;
  return true;
}

void RequestFinder::add_window(const Fact& fact, Window window) {
  if (window.range.end <= window.range.start || window.range.pages() > kMostWindowPages) return;
  if (merge(window)) {
    name_request(open_.back(), fact);
    return;
  }
  Request* request = nullptr;
  // A request that is known to be of its size comes before one for which its start would be that of a free block.
  if (open_.empty() || !is_next(open_.back(), window))
    request = find_open(
        fact, [&](const Request& open) { return open.pages == window.range.pages() && continues(open, window); });
  if (request == nullptr) request = find_open(fact, [&](const Request& open) { return continues(open, window); });
  if (request == nullptr) {
    request = find_open(fact, [&](const Request& open) { return sweeps_again(open, window); });
    if (request != nullptr) request->sweeps.emplace_back();
  }
  const bool is_new = request == nullptr;
  if (!is_new && unsure_) request->windows_loose = true;
  if (is_new) request = &open(fact);
  if (request->sweeps.empty()) request->sweeps.emplace_back();
  name_request(*request, fact);
  if (suppressed_ && fact.says() == Says::window_busy) {
    suppressed_->sweep = request->sweeps.size() - 1;
    suppressed_->window = request->sweeps.back().windows.size();
    request->suppressed.push_back(*suppressed_);
  }
  request->sweeps.back().windows.push_back(window);
  if (fact.says() != Says::window_busy) return;
  count_burst(*request, fact.origin);
  suppressed_.reset();
  if (is_new) take_exact_windows(open_, window.range.pages(), fact.origin);
}

// Counts the lines of an interval of the rate limit.
void RequestFinder::count_burst(Request& request, const Origin& origin) {
  const auto time = time_between(burst_begin_, origin);
  if (burst_ == 0 || suppressed_ || (time && *time > kLimitInterval)) {
    burst_begin_ = origin;
    burst_ = 0;
  }
  request.at_limit = ++burst_ == kLimitBurst;
}

// Takes in that a request begins. Its line and its tracepoint come right after each other, if the log has both.
void RequestFinder::add_called(const Fact& fact) {
  const bool traced = fact.says() == Says::trace_alloc_start;
  const unsigned align = align_of(fact);
  Request* request = find_open(fact, [&](const Request& open) {
    const bool other = traced ? open.called && !open.traced : open.traced && !open.called;
    return other && open.pages == fact.number("pages") && open.align == align && open.windows() == 0;
  });
  if (request == nullptr) request = &open(fact);
  (traced ? request->traced : request->called) = true;
  request->pages = fact.number("pages");
  request->pages_line = fact.line;
  request->align = align;
  if (request->area.empty()) request->area = fact.text("area");
}

// Notes how certain it is that the line of an end, which names the pages, belongs to the request that was found for it.
void RequestFinder::join_end(Request& request, const Fact& fact, std::uint64_t pages) const {
  // -ENOMEM is rarely the end of a request that tried windows, and often that of another for as many pages.
  const bool no_room = fact.says() == Says::alloc_failed && error_of(fact) == -kENOMEM && request.windows() != 0;
  if (unsure_ || no_room) request.end_loose = true;
  if (request.pages || (!request.caller.empty() && !fact.origin.caller.empty())) return;
  bool exact = false;
  for (const Sweep& sweep : request.sweeps)
    exact = exact || std::ranges::any_of(sweep.windows, [&](const Window& one) { return one.range.pages() == pages; });
  if (!exact) request.pages_loose = request.end_loose = true;
}

void RequestFinder::add_failed(const Fact& fact) {
  const std::uint64_t pages = fact.number("pages");
  const int error = error_of(fact);
  Request* request = find_open(fact, [&](const Request& open) {
    if (open.got || open.reported || (open.error && *open.error != error)) return false;
    if (open.pages) return *open.pages == pages;
    if (!starts_are_aligned(open, pages) && starts_are_aligned(open, most_pages(open))) return false;
    for (const Sweep& sweep : open.sweeps)
      for (const Window& window : sweep.windows)
        if (!window_fits(window, pages)) return false;
    return open.windows() != 0;
  });
  if (request == nullptr)
    request = &open(fact);
  else
    join_end(*request, fact, pages);
  request->pages = pages;
  request->pages_line = fact.line;
  request->error = error;
  request->reported = true;
  if (request->area.empty()) request->area = fact.text("area");
  decide(*request, Outcome::failed, fact.line);
  // Only then the last window that it tried was busy.
  if (error == -kEBUSY) take_exact_windows(open_, pages, fact.origin);
}

// Takes back that the request touched last got the pages that were all free when they were tested: others took one
// before it could, and it goes on.
void RequestFinder::lose_tested(const Fact& fact) {
  if (open_.empty() || callers_differ(open_.back().caller, fact.origin.caller)) return;
  Request& request = open_.back();
  if (!request.got || request.outcome != Outcome::unknown) return;
  if (request.sweeps.empty()) request.sweeps.emplace_back();
  request.sweeps.back().windows.push_back({*request.got, false, request.end_line, request.origin, {}});
  request.got.reset();
}

void RequestFinder::add_retry(const Fact& fact) {
  lose_tested(fact);
  Request* request = find_open(fact, [](const Request&) { return true; });
  if (request == nullptr)
    request = &open(fact);
  else if (unsure_ || (request->windows() == 0 && (request->caller.empty() || fact.origin.caller.empty())))
    request->retries_loose = true;
  if (request->retry_lines++ == 0) request->first_retry_line = fact.line;
  const FieldValue* start = fact.field("pfn");
  if (start != nullptr && request->retried.size() < kMostRetried)
    request->retried.push_back({{start->number, start->number}, true, fact.line, fact.origin, {}});
}

void RequestFinder::add_returned(const Fact& fact) {
  const Outcome outcome = is_null(fact.text("page")) ? Outcome::failed : Outcome::succeeded;
  Request* request = find_open(fact, [&](const Request& open) {
    return open.called && (open.outcome == Outcome::unknown || open.outcome == outcome);
  });
  if (request == nullptr) return;
  // The line names no request.
  if (request->outcome == Outcome::unknown && (request->caller.empty() || fact.origin.caller.empty()))
    request->end_loose = true;
  request->outcome = outcome;
  request->end_line = fact.line;
  close();
}

// Takes in the tracepoint with which a request ended up to 5.12. Its frame is that of the last window.
void RequestFinder::add_trace_alloc(const Fact& fact) {
  const std::uint64_t pages = fact.number("pages");
  const Pfn start = fact.number("pfn");
  const bool failed = is_null(fact.text("page"));
  Request* request = find_open(fact, [&](const Request& open) {
    if (open.got && open.got->end != start + pages) return false;
    if (open.pages) return *open.pages == pages;
    const Window* last = open.last_window();
    return open.got || (last != nullptr && window_fits(*last, pages));
  });
  if (request == nullptr)
    request = &open(fact);
  else
    join_end(*request, fact, pages);
  request->pages = pages;
  request->pages_line = fact.line;
  request->align = align_of(fact);
  if (!failed) request->got = PfnRange{start, start + pages};
  decide(*request, failed ? Outcome::failed : Outcome::succeeded, fact.line);
}

void RequestFinder::add_trace_finish(const Fact& fact) {
  const std::uint64_t pages = fact.number("pages");
  const Pfn start = fact.number("pfn");
  const std::string area = fact.text("area");
  const bool failed = is_null(fact.text("page"));
  Request* request = find_open(fact, [&](const Request& open) {
    const bool open_end =
        open.outcome == Outcome::unknown || (failed && open.reported && open.outcome == Outcome::failed);
    return open.pages == pages && (open.area == area || open.area.empty()) && open_end && !open.finished;
  });
  if (request == nullptr)
    request = &open(fact);
  else
    join_end(*request, fact, pages);
  request->pages = pages;
  request->pages_line = fact.line;
  request->area = area;
  request->align = align_of(fact);
  request->finished = true;
  if (failed && fact.field("ret") != nullptr) request->error = error_of(fact);
  if (!failed) request->got = PfnRange{start, start + pages};
  decide(*request, failed ? Outcome::failed : Outcome::succeeded, fact.line);
}

void RequestFinder::add_tested(const Fact& fact) {
  Window window{{fact.number("start"), fact.number("end")}, false, fact.line, fact.origin, {}};
  if (window.range.end <= window.range.start) return;
  if (fact.text("result") == "fail") {
    window.stopped_at = fact.number("fin");
    add_window(fact, window);
    return;
  }
  Request* request = find_open(fact, [&](const Request& open) { return continues(open, window); });
  if (request == nullptr) request = &open(fact);
  const std::uint64_t pages = std::min(most_pages(*request), window.range.pages());
  // The pages are taken next; the end is not there yet.
  request->got = PfnRange{window.range.end - pages, window.range.end};
  request->fin = fact.number("fin");
  request->end_line = fact.line;
}

// Takes in what migration did for the request of this task.
void RequestFinder::add_migrated(const Fact& fact) {
  const std::string rest = fact.text("rest");
  if (rest.find("reason=contig_range") == std::string::npos && rest.find("reason=cma") == std::string::npos) return;
  if (fact.origin.caller.empty()) return;
  Request* request = find_open(fact, [&](const Request& open) {
    return open.caller == fact.origin.caller && open.outcome == Outcome::unknown && !open.got;
  });
  if (request == nullptr) return;
  const auto counted = [&](std::string_view name) {
    return std::min<std::uint64_t>(fact.number(name), kMostWindowPages);
  };
  request->moved += counted("moved");
  request->not_moved += counted("failed");
  if (request->moved_line == 0 && counted("failed") != 0) request->moved_line = fact.line;
}

// Takes in that a driver did not get a buffer of the size that windows before it were for.
void RequestFinder::add_driver(const Fact& fact) {
  // It may be that of a request whose failure has a line: then both tell the size of pages.
  for (Request& open : open_)
    if (open.reported && !open.driver_bytes && fact.line - open.end_line <= kLinesToReport &&
        fact.number("bytes") != 0) {
      open.driver_bytes = fact.number("bytes");
      open.driver_line = fact.line;
      return;
    }
  const std::uint64_t pages =
      (fact.number("bytes") / kBytesOfFrame) + (fact.number("bytes") % kBytesOfFrame != 0 ? 1 : 0);
  Request* request = find_open(fact, [&](const Request& open) {
    return open.windows() != 0 && most_pages(open) == pages && fact.line - open.last_line <= kLinesToDriver;
  });
  if (request != nullptr) decide(*request, Outcome::failed, fact.line);
}

// Takes in the free runs of the area of the request that failed just before: "3@125+20@172".
void RequestFinder::add_runs(const Fact& fact) {
  Request* request = nullptr;
  for (Request& open : open_)
    if (open.reported && !open.runs && (request == nullptr || open.end_line > request->end_line)) request = &open;
  if (request == nullptr || fact.line - request->end_line > kLinesToRuns) return;
  FreeRuns runs;
  runs.free = fact.number("free");
  runs.total = fact.number("total");
  runs.line = fact.line;
  const std::string text = fact.text("runs");
  std::size_t at = 0;
  while (at < text.size()) {
    Match match;
    if (text[at] == '+') ++at;
    if (match_pattern("{pages:u}@{bit:u}", text, at, match) != Fit::whole) return;
    runs.runs.push_back({match.fields[0].number, match.fields[1].number});
    at = match.end;
  }
  request->runs = std::move(runs);
}

}  // namespace cma::logs
