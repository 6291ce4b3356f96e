#include "properties/reproduction/scene.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma::reproduction {
namespace {

constexpr unsigned kLargestOrder = 10;
// What is tried within a range of candidates: its ends, and so many steps between.
constexpr std::uint64_t kSteps = 16;

bool has_busy(const std::vector<Pfn>& busy, const PfnRange& range) {
  const auto first = std::ranges::lower_bound(busy, range.start);
  return first != busy.end() && *first < range.end;
}

void insert(std::vector<Pfn>& busy, Pfn pfn) {
  const auto at = std::ranges::lower_bound(busy, pfn);
  if (at == busy.end() || *at != pfn) busy.insert(at, pfn);
}

// Returns whether each window would be printed as it is wanted, as far as it fails already.
bool heads_hold(const Scene& scene, const std::vector<WantedWindow>& windows) {
  return std::ranges::all_of(windows, [&](const WantedWindow& window) {
    if (window.head && printed_head(scene, window.range.start) != *window.head) return false;
    if (!window.stopped_at) return true;
    const auto first = std::ranges::lower_bound(scene.busy, window.range.start);
    return first != scene.busy.end() && *first == *window.stopped_at;
  });
}

// Returns a page of the range with which all heads hold; nullopt if none of those that were tried is one.
std::optional<Pfn> page_in(const Scene& scene, const std::vector<WantedWindow>& windows, const PfnRange& range) {
  const std::uint64_t step = std::max<std::uint64_t>(1, range.pages() / kSteps);
  const auto holds = [&](Pfn pfn) {
    Scene with = scene;
    insert(with.busy, pfn);
    return heads_hold(with, windows);
  };
  for (Pfn pfn = range.end; pfn > range.start; pfn -= std::min(step, pfn - range.start))
    if (holds(pfn - 1)) return pfn - 1;
  return holds(range.start) ? std::optional(range.start) : std::nullopt;
}

// Puts a page into the way of the windows from `first` on, of as many as one page can be.
void stab(Scene& scene, const std::vector<WantedWindow>& windows, std::size_t first, Pfn busy_end) {
  std::vector<PfnRange> ranges = {windows[first].range};
  ranges[0].end = std::min(ranges[0].end, busy_end);
  for (std::size_t i = first + 1; i < windows.size(); ++i) {
    const PfnRange both{std::max(ranges.back().start, windows[i].range.start),
                        std::min(ranges.back().end, windows[i].range.end)};
    if (both.start >= both.end) break;
    ranges.push_back(both);
  }
  for (; !ranges.empty(); ranges.pop_back()) {
    if (ranges.back().start >= ranges.back().end) continue;
    if (const auto pfn = page_in(scene, windows, ranges.back())) {
      insert(scene.busy, *pfn);
      return;
    }
  }
  scene.explains = false;
  insert(scene.busy, windows[first].range.end - 1);
}

}  // namespace

Pfn printed_head(const Scene& scene, Pfn start) {
  for (unsigned order = kLargestOrder + 1; order-- > 0;) {
    const PfnRange block{align_order(start, order), align_order(start, order) + order_pages(order)};
    if (block.start >= scene.free.start && block.end <= scene.free.end && !has_busy(scene.busy, block))
      return block.start;
  }
  return start;
}

Scene scene_of(const std::vector<WantedWindow>& windows, const PfnRange& free, Pfn busy_end) {
  CMA_ASSERT(!windows.empty());
  Scene scene{free, {}, true};
  for (const WantedWindow& window : windows)
    if (window.stopped_at && free.start <= *window.stopped_at && *window.stopped_at < free.end)
      insert(scene.busy, *window.stopped_at);
  // A start that is its own head, where a larger block could cover it, has a page in the way right before it.
  for (const WantedWindow& window : windows)
    if (window.head == window.range.start && printed_head(scene, window.range.start) != *window.head &&
        window.range.start - 1 < busy_end)
      insert(scene.busy, window.range.start - 1);
  for (std::size_t i = 0; i < windows.size(); ++i)
    if (!has_busy(scene.busy, windows[i].range)) stab(scene, windows, i, busy_end);
  scene.explains = scene.explains && heads_hold(scene, windows);
  return scene;
}

}  // namespace cma::reproduction
