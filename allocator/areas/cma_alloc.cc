// cma_alloc and cma_release, and what is said about a failure.

#include <algorithm>
#include <limits>

#include "allocator/areas/areas.h"
#include "allocator/base/error.h"

namespace cma {
namespace {

// Between two sweeps of a kernel that retries.
constexpr Time kRetrySleep = 100 * kMillisecond;

}  // namespace

std::string bitmap_report(const Area& area) {
  std::string report = "number of available pages: ";
  std::uint64_t total = 0;
  const std::uint64_t bits = area.bitmap.size();
  for (std::uint64_t start = area.bitmap.next_zero(0, bits); start < bits;) {
    const std::uint64_t end = area.bitmap.next_set(start, bits);
    const std::uint64_t pages = (end - start) << area.order_per_bit;
    if (total != 0) report += '+';
    report += std::to_string(pages) + "@" + std::to_string(start);
    total += pages;
    start = area.bitmap.next_zero(end, bits);
  }
  return report + "=> " + std::to_string(total) + " free of " + std::to_string(area.pages) + " total pages";
}

// Mask, offset and bits of a request; nullopt when it cannot fit into the area at all.
std::optional<Areas::Window> Areas::request_window(const Area& area, std::uint64_t count, unsigned align) {
  Window window{count, align, 0, 0, 0};
  window.mask = bitmap_aligned_mask(align, area.order_per_bit, core_.bugs);
  window.offset = bitmap_aligned_offset(area.base, align, area.order_per_bit, core_.bugs);
  window.bits = bitmap_pages_to_bits(count, area.order_per_bit);
  if (core_.bugs.active(Bug::count_truncated) && window.bits > std::numeric_limits<std::uint32_t>::max()) {
    // The search took an int: only the low half of the count was looked for and marked.
    core_.bugs.reached(Bug::count_truncated);
    window.bits &= std::numeric_limits<std::uint32_t>::max();
    return window;
  }
  // Comparing pages as well as bits: rounding up wraps round for counts close to 2^64.
  // The kernel computes the size of the bitmap, whether there is one or not.
  if (count > area.pages || window.bits > area.pages >> area.order_per_bit) return std::nullopt;
  return window;
}

Task<void> Areas::clear_bits(AreaId id, Pfn pfn, std::uint64_t bits) {
  Area& area = areas_[id];
  co_await area.lock.lock(core_.engine);
  area.bitmap.clear((pfn - area.base) >> area.order_per_bit, bits);
  area.lock.unlock(core_.engine);
}

// One forward sweep over the bitmap: 0 when a window was obtained, -ENOMEM when none was ever tried, else the last
// error.
Task<int> Areas::sweep(AreaId id, Window& window) {
  Area& area = areas_[id];
  CMA_ASSERT(area.active());
  std::uint64_t start = 0;
  int error = -kENOMEM;
  while (true) {
    co_await area.lock.lock(core_.engine);
    const std::uint64_t bit = area.bitmap.find_zero_area(start, window.bits, window.mask, window.offset);
    if (bit >= area.bitmap.size()) {
      area.lock.unlock(core_.engine);
      co_return error;
    }
    std::uint64_t marked = window.bits;
    if (core_.bugs.active(Bug::bitmap_forgets_bit) && marked > 1) {
      core_.bugs.reached(Bug::bitmap_forgets_bit);
      --marked;
    }
    area.bitmap.set(bit, marked);
    area.lock.unlock(core_.engine);
    window.pfn = area.base + (bit << area.order_per_bit);
    co_await at(core_.engine, Point::cma_bitmap_marked);

    co_await cma_mutex_.lock(core_.engine);
    co_await at(core_.engine, Point::cma_mutex_taken);
    error = co_await contig_.alloc_contig_range(window.pfn, window.pfn + window.count, Migratetype::cma);
    cma_mutex_.unlock(core_.engine);
    co_await at(core_.engine, Point::cma_mutex_dropped);
    if (error == 0) co_return 0;

    co_await clear_bits(id, window.pfn, window.bits);
    co_await at(core_.engine, Point::cma_bitmap_cleared);
    if (error != -kEBUSY) co_return error;
    if (debug_) core_.trace.emit(Event::log_cma_busy_retrying);
    if (release_ >= Release::v6_1)
      core_.trace.emit(Event::cma_alloc_busy_retry, id, window.pfn, window.count, window.align);
    start = bit + window.mask + 1;
    if (core_.bugs.active(Bug::retry_step_short)) [[unlikely]] {
      core_.bugs.reached(Bug::retry_step_short);
      --start;
    }
    // A mask of all ones leaves no second window.
    if (start <= bit) co_return error;
  }
}

bool Areas::between_sweeps(ActorId actor) const {
  return std::find(between_sweeps_.begin(), between_sweeps_.end(), actor) != between_sweeps_.end();
}

// Mainline sweeps once. Vendors' kernels sleep without any lock, and begin again at the first bit.
Task<int> Areas::sweep_and_retry(AreaId id, Window& window) {
  for (std::uint64_t done = 0;; ++done) {
    ++sweeps_;
    const int error = release_ < Release::v4_9 ? co_await sweep_v3_5(id, window) : co_await sweep(id, window);
    if (error != -kEBUSY || (retry_sweeps_ && done >= *retry_sweeps_)) co_return error;
    const ActorId actor = core_.engine.current();
    between_sweeps_.push_back(actor);
    co_await at(core_.engine, Point::cma_retry);
    co_await sleep_for(core_.engine, kRetrySleep);
    std::erase(between_sweeps_, actor);
    if (core_.engine.fatal_signal_pending()) co_return -kEINTR;
  }
}

bool Areas::says_failures() const { return error_line_ || release_ >= Release::v4_19; }

void Areas::report_failure(AreaId id, const Window& window, int error) {
  const auto code = static_cast<std::uint64_t>(static_cast<std::int64_t>(error));
  if (release_ >= Release::v6_1)
    core_.trace.limited(core_.trace.alloc_failed_limit, "cma_alloc", Event::log_cma_alloc_failed, id, window.count,
                        code);
  else
    core_.trace.emit(Event::log_cma_alloc_failed, id, window.count, code, error_names_ ? 1 : 0);
  // 6.7 dropped CONFIG_CMA_DEBUG: the report is always made, and the debug lines need dynamic debug.
  if (debug_ || release_ >= Release::v6_12) core_.trace.log("cma: " + bitmap_report(areas_[id]));
}

Task<Pfn> Areas::cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  if (release_ >= Release::v6_12) co_return co_await cma_alloc_v6_12(id, count, align, no_warn);
  if (release_ >= Release::v6_1) co_return co_await cma_alloc_v5_13(id, count, align, no_warn);
  if (release_ >= Release::v4_9) co_return co_await cma_alloc_v3_17(id, count, align, no_warn);
  co_return co_await cma_alloc_v3_5(id, count, align, no_warn);
}

// drivers/base/dma-contiguous.c: cma_mutex is held from the first search to the last attempt, and bits are set only
// once the pages are had, so nobody ever sees a window that is merely tried.
Task<int> Areas::sweep_v3_5(AreaId id, Window& window) {
  Area& area = areas_[id];
  CMA_ASSERT(area.active());
  co_await cma_mutex_.lock(core_.engine);
  co_await at(core_.engine, Point::cma_mutex_taken);
  std::uint64_t start = 0;
  int error = -kENOMEM;
  while (true) {
    const std::uint64_t bit = area.bitmap.find_zero_area(start, window.bits, window.mask, window.offset);
    if (bit >= area.bitmap.size()) break;
    window.pfn = area.base + bit;
    error = co_await contig_.alloc_contig_range(window.pfn, window.pfn + window.count, Migratetype::cma);
    if (error == 0) area.bitmap.set(bit, window.bits);
    if (error != -kEBUSY) break;
    if (debug_) core_.trace.emit(Event::log_cma_busy_retrying);
    start = bit + window.mask + 1;
    if (start <= bit) break;
  }
  cma_mutex_.unlock(core_.engine);
  co_await at(core_.engine, Point::cma_mutex_dropped);
  co_return error;
}

Task<Pfn> Areas::cma_alloc_v3_5(AreaId id, std::uint64_t count, unsigned asked, bool no_warn) {
  if (areas_[id].pages == 0 || (!areas_[id].active() && !core_.bugs.active(Bug::inactive_alloc))) co_return kNoPfn;
  const unsigned align = effective_align(asked, release_);
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  if (core_.bugs.active(Bug::region_relative) && window->offset != 0) {
    core_.bugs.reached(Bug::region_relative);
    window->offset = 0;
  }
  const int error = co_await sweep_and_retry(id, *window);
  if (error != 0 && !no_warn && says_failures()) report_failure(id, *window, error);
  if (error != 0) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, window->pfn);
  co_return window->pfn;
}

// The bits are cleared first, and nobody can look before the pages are free.
Task<bool> Areas::cma_release_v3_5(AreaId id, Pfn pfn, std::uint64_t count) {
  Area& area = areas_[id];
  if (debug_) core_.trace.emit(Event::log_cma_release, pfn, count);
  if (!area.contains(pfn)) co_return false;
  CMA_ASSERT(count <= area.pages - (pfn - area.base));
  co_await cma_mutex_.lock(core_.engine);
  area.bitmap.clear(pfn - area.base, count);
  co_await contig_.free_contig_range(pfn, count);
  cma_mutex_.unlock(core_.engine);
  co_await at(core_.engine, Point::cma_release_pages_freed);
  co_return true;
}

Task<Pfn> Areas::cma_alloc_v3_17(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  // Areas behind one that failed were never activated: the kernel dereferences their missing bitmap (B1's sibling).
  if (areas_[id].pages == 0 || (!areas_[id].active() && !core_.bugs.active(Bug::inactive_alloc))) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  core_.trace.emit(Event::cma_alloc, window->pfn, count, align, error == 0 ? 1 : 0);
  // 4.11 says that it failed.
  if (error != 0 && !no_warn && says_failures()) report_failure(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, result);
  co_return result;
}

Task<Pfn> Areas::cma_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  Pfn result = kNoPfn;
  const bool usable = areas_[id].pages != 0 && (areas_[id].active() || core_.bugs.active(Bug::inactive_alloc));
  if (usable && debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (usable && count != 0) {
    core_.trace.emit(Event::cma_alloc_start, id, count, align);
    co_await at(core_.engine, Point::cma_alloc_entry);
    std::optional<Window> window = request_window(areas_[id], count, align);
    if (window) {
      const int error = co_await sweep_and_retry(id, *window);
      const std::uint64_t success = error == 0 ? std::uint64_t{1} << 32 : 0;
      core_.trace.emit(Event::cma_alloc_finish, id, window->pfn, count, align | success);
      if (error != 0 && !no_warn) report_failure(id, *window, error);
      if (error == 0) result = window->pfn;
      if (debug_) core_.trace.emit(Event::log_cma_returned, result);
    }
  }
  if (result != kNoPfn) {
    ++alloc_success_;
    areas_[id].nr_pages_succeeded += count;
  } else {
    ++alloc_fail_;
    areas_[id].nr_pages_failed += count;
  }
  co_return result;
}

// As before, but the start is always traced, and a request that cannot even be tried is not counted.
Task<Pfn> Areas::cma_alloc_v6_12(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  core_.trace.emit(Event::cma_alloc_start, id, count, align);
  const bool usable = areas_[id].pages != 0 && (areas_[id].active() || core_.bugs.active(Bug::inactive_alloc));
  if (!usable || count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  if (error != 0 && !no_warn) report_failure(id, *window, error);
  const std::uint64_t success = error == 0 ? std::uint64_t{1} << 32 : 0;
  core_.trace.emit(Event::cma_alloc_finish, id, window->pfn, count, align | success);
  if (error != 0) {
    ++alloc_fail_;
    areas_[id].nr_pages_failed += count;
    co_return kNoPfn;
  }
  ++alloc_success_;
  areas_[id].nr_pages_succeeded += count;
  co_return window->pfn;
}

Task<bool> Areas::cma_release(AreaId id, Pfn pfn, std::uint64_t count) {
  if (release_ < Release::v4_9) co_return co_await cma_release_v3_5(id, pfn, count);
  const Area& area = areas_[id];
  if (release_ >= Release::v6_1 && !area.contains(pfn)) {
    if (debug_) core_.trace.emit(Event::log_cma_pages_valid, pfn, count);
    co_return false;
  }
  if (debug_) core_.trace.emit(Event::log_cma_release, pfn, count);
  if (!area.contains(pfn)) co_return false;
  CMA_ASSERT(count <= area.pages - (pfn - area.base));
  co_await contig_.free_contig_range(pfn, count);
  co_await at(core_.engine, Point::cma_release_pages_freed);
  const std::uint64_t bits = bitmap_pages_to_bits(count, area.order_per_bit);
  co_await clear_bits(id, pfn, bits);
  areas_[id].nr_pages_released += count;
  core_.trace.emit(Event::cma_release, id, pfn, count);
  co_return true;
}

Task<int> Areas::debugfs_alloc(AreaId id, std::uint64_t number) {
  const std::uint64_t pages = debugfs_count(number);
  const Pfn pfn = co_await cma_alloc(id, pages, 0, false);
  if (pfn == kNoPfn) co_return -kENOMEM;
  areas_[id].debugfs_buffers.emplace_back(pfn, pages);
  co_return 0;
}

Task<int> Areas::debugfs_free(AreaId id, std::uint64_t number) {
  std::uint64_t left = debugfs_count(number);
  while (left > 0 && !areas_[id].debugfs_buffers.empty()) {
    const auto [pfn, count] = areas_[id].debugfs_buffers.back();
    areas_[id].debugfs_buffers.pop_back();
    if (count <= left) {
      co_await cma_release(id, pfn, count);
      left -= count;
    } else if (areas_[id].order_per_bit == 0) {
      co_await cma_release(id, pfn, left);
      areas_[id].debugfs_buffers.emplace_back(pfn + left, count - left);
      left = 0;
    } else {
      // The kernel's message here needs dynamic debug: CONFIG_CMA_DEBUG is about cma.c only.
      areas_[id].debugfs_buffers.emplace_back(pfn, count);
      break;
    }
  }
  co_return 0;
}

}  // namespace cma
