#include "properties/logs/exact_windows.h"

#include <algorithm>
#include <utility>

namespace cma::logs {
namespace {

// A window that is older was of a request that has ended; a window takes less.
constexpr std::int64_t kOldestWindow = 30'000'000;
// Requests with more windows than these keep them.
constexpr std::size_t kMostLookedAt = 1024;

// Returns the pages of which a request's windows are read: those that a line names, or the most that fit all windows.
std::uint64_t pages_read(const Request& request) {
  if (request.pages) return *request.pages;
  std::uint64_t most = ~std::uint64_t{0};
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows) most = std::min(most, window.range.pages());
  return most;
}

// Returns whether the window overlaps one before or after it that is one alignment away: so do those of one sweep.
bool is_in_row(const Sweep& sweep, std::size_t at, std::uint64_t pages, std::uint64_t step) {
  if (step >= pages) return false;
  const std::vector<Window>& windows = sweep.windows;
  const bool after_other = at > 0 && windows[at].range.end - windows[at - 1].range.end == step;
  return after_other || (at + 1 < windows.size() && windows[at + 1].range.end - windows[at].range.end == step);
}

// Returns whether the window can be one of the only sweep of a request: later windows lie behind earlier ones.
bool can_join(const Request& request, const Window& window) {
  if (request.sweeps.size() > 1) return false;
  for (const Sweep& sweep : request.sweeps)
    for (const Window& own : sweep.windows)
      if (own.range.end == window.range.end || (own.line < window.line) != (own.range.end < window.range.end))
        return false;
  return true;
}

// Takes a window out of a request. Lines that were swallowed before it stand before the next one then.
Window take_out(Request& request, std::size_t sweep, std::size_t at) {
  std::vector<Window>& windows = request.sweeps[sweep].windows;
  Window taken = windows[at];
  windows.erase(windows.begin() + static_cast<std::ptrdiff_t>(at));
  for (Suppressed& suppressed : request.suppressed)
    if (suppressed.sweep == sweep && suppressed.window > at) --suppressed.window;
  return taken;
}

// Puts a window into the only sweep of a request.
void put_in(Request& request, const Window& window) {
  if (request.sweeps.empty()) request.sweeps.emplace_back();
  std::vector<Window>& windows = request.sweeps.front().windows;
  const auto place = std::ranges::find_if(windows, [&](const Window& own) { return own.line > window.line; });
  const auto at = static_cast<std::size_t>(place - windows.begin());
  for (Suppressed& suppressed : request.suppressed)
    if (suppressed.window >= at) ++suppressed.window;
  windows.insert(place, window);
  if (window.line > request.first_line) return;
  request.first_line = window.line;
  request.origin = window.origin;
}

// Makes the lines of a request those of what it has left.
void mend_lines(Request& request, std::uint64_t first_taken, std::uint64_t last_taken) {
  std::erase_if(request.sweeps, [](const Sweep& sweep) { return sweep.windows.empty(); });
  if (request.sweeps.empty()) {
    if (request.first_line == first_taken) request.first_line = request.last_line;
    return;
  }
  const Window& first = request.sweeps.front().windows.front();
  if (request.first_line == first_taken) {
    request.first_line = first.line;
    request.origin = first.origin;
  }
  if (request.last_line != last_taken) return;
  request.last_line = request.last_window()->line;
  request.at_limit = false;
}

// Returns whether nothing is left of a request.
bool is_empty(const Request& request) {
  return request.windows() == 0 && !request.pages && !request.got && request.outcome == Outcome::unknown &&
         request.retry_lines == 0;
}

// Returns whether two requests can have been under way at once: one that has ended was not when later windows failed.
bool may_have_met(const Request& other, const Request& request) {
  if (other.outcome == Outcome::unknown || request.windows() == 0) return true;
  return request.sweeps.front().windows.front().line < other.end_line;
}

// Moves windows of exactly so many pages from another request. What is left of both is then only likely.
void take_from(Request& other, Request& request, std::uint64_t pages, const Origin& now) {
  if (!other.caller.empty() || other.windows() > kMostLookedAt || !may_have_met(other, request)) return;
  const std::uint64_t read = pages_read(other);
  if (read >= pages) return;
  const std::uint64_t unit = order_pages(request.align.value_or(usual_align(pages)));
  const std::uint64_t step = order_pages(other.align.value_or(usual_align(read)));
  std::uint64_t first_taken = 0;
  std::uint64_t last_taken = 0;
  for (std::size_t sweep = 0; sweep < other.sweeps.size(); ++sweep)
    for (std::size_t at = 0; at < other.sweeps[sweep].windows.size();) {
      const Window& window = other.sweeps[sweep].windows[at];
      const auto age = time_between(window.origin, now);
      const bool fits = window.range.pages() == pages && !window.exact && is_aligned(window.range.start, unit);
      if (!fits || (age && *age > kOldestWindow) || is_in_row(other.sweeps[sweep], at, read, step) ||
          !can_join(request, window)) {
        ++at;
        continue;
      }
      const Window taken = take_out(other, sweep, at);
      if (first_taken == 0) first_taken = taken.line;
      last_taken = taken.line;
      put_in(request, taken);
    }
  if (first_taken == 0) return;
  request.windows_loose = other.windows_loose = true;
  mend_lines(other, first_taken, last_taken);
}

// Notes that two requests were under way at once.
void note_overlap(Request& one, Request& other) {
  for (const auto& [request, beside] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    if (request->beside_line == 0) request->beside_line = beside->first_line;
    if (request->caller.empty()) request->windows_loose = true;
  }
}

}  // namespace

void take_exact_windows(std::vector<Request>& open, std::uint64_t pages, const Origin& now) {
  Request& request = open.back();
  if (!request.caller.empty() || !now.caller.empty()) return;
  for (std::size_t i = 0; i + 1 < open.size(); ++i) take_from(open[i], request, pages, now);
  // The last one stays: it has a window, or its pages are known.
  std::erase_if(open, is_empty);
}

void find_overlaps(std::vector<Request>& requests) {
  Request* longest = nullptr;
  for (Request& request : requests) {
    if (request.windows() == 0) continue;
    // If any that began before is still under way, this one is.
    if (longest != nullptr && longest->last_line > request.first_line) note_overlap(*longest, request);
    if (longest == nullptr || request.last_line > longest->last_line) longest = &request;
  }
}

}  // namespace cma::logs
