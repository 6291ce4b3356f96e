#include "properties/logs/reading.h"

#include <algorithm>
#include <numeric>

namespace cma::logs {
namespace {

constexpr unsigned kMostAlign = 20;
constexpr std::size_t kMostBlocks = 64;
// In pages: of 1 GiB with 4 KiB, and the smallest that arm64 has.
constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 18;
constexpr std::uint64_t kSmallestGigantic = std::uint64_t{1} << 13;
constexpr std::size_t kEnoughSteps = 3;

// Calls `use(window)` for each window of the request.
template <class Use>
void each_window(const Request& request, const Use& use) {
  for (const Sweep& sweep : request.sweeps)
    for (const Window& window : sweep.windows) use(window);
}

// Fills in the pages: those that a line names, or the most that fit all windows.
void read_pages(const Request& request, Reading& reading) {
  std::uint64_t most = ~std::uint64_t{0};
  each_window(request, [&](const Window& window) { most = std::min(most, window.range.pages()); });
  reading.pages_named = request.pages && !request.pages_loose;
  if (request.pages)
    reading.pages = *request.pages;
  else if (reading.windows != 0)
    reading.pages = most;
}

// Removes the free blocks that are parts of others.
void drop_parts(std::vector<PfnRange>& blocks) {
  std::ranges::sort(blocks, [](const PfnRange& one, const PfnRange& other) {
    return one.start != other.start ? one.start < other.start : one.end > other.end;
  });
  Pfn covered = 0;
  std::erase_if(blocks, [&](const PfnRange& block) {
    if (block.end <= covered) return true;
    covered = block.end;
    return false;
  });
}

// Fills in the windows as they were asked for, and the free blocks that the printed starts show.
void read_starts(const Request& request, Reading& reading) {
  for (const Sweep& sweep : request.sweeps) {
    auto& swept = reading.swept.emplace_back();
    for (const Window& window : sweep.windows) {
      const Pfn start = window.range.end - std::min(reading.pages, window.range.pages());
      swept.push_back({start, window.range.end});
      if (start == window.range.start || window.exact) continue;
      ++reading.misplaced;
      const unsigned order = floor_log2(start - window.range.start) + 1;
      const PfnRange block{window.range.start, window.range.start + order_pages(order)};
      if (std::ranges::find(reading.free_blocks, block) == reading.free_blocks.end() &&
          reading.free_blocks.size() < kMostBlocks)
        reading.free_blocks.push_back(block);
    }
  }
  drop_parts(reading.free_blocks);
}

// Returns whether a line of the request shows that it asked an area.
bool asked_area(const Request& request) {
  return request.reported || request.called || request.traced || request.finished || !request.area.empty();
}

// Returns whether the windows lie at multiples of their own size and apart from each other, as those of gigantic pages.
bool are_gigantic(const Request& request, const Reading& reading, std::uint64_t least_step) {
  if (asked_area(request)) return false;
  const bool enough = reading.windows >= 3 || (reading.windows == 2 && reading.pages >= kGigabyte);
  return enough && is_power_of_two(reading.pages) && reading.pages >= kSmallestGigantic &&
         lowest_bit(reading.pages) <= reading.most_align && least_step >= reading.pages;
}

// Fills in the alignment: the one that a line names, or the one that starts and steps show.
void read_align(const Request& request, Reading& reading) {
  std::uint64_t starts = order_pages(kMostAlign);
  std::uint64_t steps = 0;
  std::uint64_t least = ~std::uint64_t{0};
  std::size_t count = 0;
  for (const auto& sweep : reading.swept)
    for (std::size_t i = 0; i < sweep.size(); ++i) {
      starts = std::gcd(starts, sweep[i].start);
      if (i == 0) continue;
      const std::uint64_t step = sweep[i].start - sweep[i - 1].start;
      steps = std::gcd(steps, step);
      least = std::min(least, step);
      ++count;
    }
  reading.most_align = lowest_bit(starts);
  reading.align_named = request.align.has_value();
  if (request.align) {
    reading.align = request.align;
    return;
  }
  if (reading.pages == 0) return;
  if (reading.windows == 0) {
    reading.align = usual_align(reading.pages);
    return;
  }
  const unsigned usual = usual_align(reading.pages);
  if (are_gigantic(request, reading, least)) {
    reading.gigantic = true;
    reading.align = lowest_bit(reading.pages);
    return;
  }
  // One or two larger steps show rather that lines are missing.
  const bool lines_missing = count < kEnoughSteps && usual <= reading.most_align && least > order_pages(usual);
  // Windows that overlap follow each other by one step, as no buffer can lie between their starts.
  if (!lines_missing && least == steps && is_power_of_two(least) && least < reading.pages &&
      lowest_bit(least) <= reading.most_align) {
    reading.align = lowest_bit(least);
    reading.align_stepped = true;
  } else if (usual <= reading.most_align) {
    reading.align = usual;
  }
}

// Counts the windows between the first and the last of each sweep that have no line, as far as they must have been
// tried: those between two windows that overlap.
void count_missing(Reading& reading) {
  if (!reading.align) return;
  std::uint64_t step = order_pages(*reading.align);
  std::uint64_t steps = 0;
  for (const auto& sweep : reading.swept)
    for (std::size_t i = 1; i < sweep.size(); ++i) {
      const std::uint64_t distance = sweep[i].start - sweep[i - 1].start;
      steps = std::gcd(steps, distance);
      reading.single_step = reading.single_step || distance == step;
    }
  // Where a bit stands for more pages than the alignment has, windows lie whole bits apart.
  if (steps != 0) step = std::max(step, order_pages(lowest_bit(steps)));
  for (const auto& sweep : reading.swept)
    for (std::size_t i = 1; i < sweep.size(); ++i) {
      if (sweep[i].start >= sweep[i - 1].end || sweep[i].start <= sweep[i - 1].start) continue;
      const std::uint64_t windows = (sweep[i].start - sweep[i - 1].start) / step;
      reading.without_line += windows - std::min<std::uint64_t>(windows, 1);
    }
}

// Returns the parts of a range that lie in none of the others.
std::vector<PfnRange> without(PfnRange range, std::vector<PfnRange> others) {
  std::ranges::sort(others, {}, &PfnRange::start);
  std::vector<PfnRange> parts;
  for (const PfnRange& other : others) {
    if (!other.overlaps(range)) continue;
    if (other.start > range.start) parts.push_back({range.start, other.start});
    range.start = std::max(range.start, std::min(other.end, range.end));
  }
  if (range.start < range.end) parts.push_back(range);
  return parts;
}

// Fills in which pages can be in the way of all windows.
void read_suspects(Reading& reading) {
  PfnRange common{0, ~Pfn{0}};
  reading.span = {~Pfn{0}, 0};
  for (const auto& sweep : reading.swept)
    for (const PfnRange& window : sweep) {
      common = {std::max(common.start, window.start), std::min(common.end, window.end)};
      reading.span = {std::min(reading.span.start, window.start), std::max(reading.span.end, window.end)};
    }
  if (common.start >= common.end) return;
  reading.common = common;
  reading.suspects = without(common, reading.free_blocks);
}

// Fills in whether a free run has room for the request.
void read_room(const Request& request, Reading& reading) {
  if (!request.runs || reading.pages == 0) return;
  const std::uint64_t unit = order_pages(reading.align.value_or(0));
  reading.room = Room::none;
  for (const FreeRuns::Run& run : request.runs->runs) {
    const std::uint64_t skipped = align_up(run.bit, unit) - run.bit;
    reading.most_room = std::max(reading.most_room, run.pages - std::min(run.pages, skipped));
    if (run.pages >= reading.pages) reading.room = Room::none_at_alignment;
  }
  if (reading.most_room >= reading.pages) reading.room = Room::some;
}

}  // namespace

Reading read_request(const Request& request) {
  Reading reading;
  reading.windows = request.windows();
  reading.windows_loose = request.windows_loose;
  read_pages(request, reading);
  if (reading.windows != 0) read_starts(request, reading);
  read_align(request, reading);
  read_room(request, reading);
  if (reading.windows == 0) return reading;
  count_missing(reading);
  read_suspects(reading);
  each_window(request, [&](const Window& window) {
    if (window.stopped_at && std::ranges::find(reading.stopped_at, *window.stopped_at) == reading.stopped_at.end() &&
        reading.stopped_at.size() < kMostBlocks)
      reading.stopped_at.push_back(*window.stopped_at);
  });
  return reading;
}

}  // namespace cma::logs
