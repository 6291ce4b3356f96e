// cma_alloc and cma_release since 3.16 (drivers/base/dma-contiguous.c, since 3.17 mm/cma.c), the steps that all
// releases share, and how a failure is reported. cma_alloc_v3_5.cc has the older functions.

#include <algorithm>
#include <limits>

#include "allocator/areas/areas.h"
#include "allocator/base/error.h"

namespace cma {
namespace {

// Time between two sweeps of a kernel that retries.
constexpr Time kRetrySleep = 100 * kMillisecond;

}  // namespace

// --- entry: one function an era ---

Task<Pfn> Areas::cma_alloc(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  if (release_ >= Release::v6_9) return cma_alloc_v6_9(id, count, align, no_warn);
  if (release_ >= Release::v5_13) return cma_alloc_v5_13(id, count, align, no_warn);
  if (release_ >= Release::v3_17) return cma_alloc_v3_17(id, count, align, no_warn);
  return cma_alloc_v3_5(id, count, align, no_warn);
}

Task<Pfn> Areas::cma_alloc_v3_17(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  if (!usable(id)) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  core_.trace.emit(Event::cma_alloc, window->pfn, count, align, error == 0 ? 1 : 0);
  if (error != 0 && !no_warn && reports_failures()) report_failure(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, result);
  co_return result;
}

// Counts every call, even one that could not be tried.
Task<Pfn> Areas::cma_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  const Pfn result = co_await try_alloc_v5_13(id, count, align, no_warn);
  account(id, count, result);
  co_return result;
}

// Allocates without counting the call: the kernel's function above its label `out`.
Task<Pfn> Areas::try_alloc_v5_13(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  if (!usable(id)) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  core_.trace.emit(Event::cma_alloc_start, id, count, align);
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  trace_finish(id, *window, error);
  if (error != 0 && !no_warn) report_failure(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, result);
  co_return result;
}

// Counts only calls that could be tried.
Task<Pfn> Areas::cma_alloc_v6_9(AreaId id, std::uint64_t count, unsigned align, bool no_warn) {
  // 6.10 traces the start of the others, too.
  const bool traces_all = release_ >= Release::v6_10;
  const bool possible = usable(id) && count != 0;
  if (traces_all || possible) core_.trace.emit(Event::cma_alloc_start, id, count, align);
  if (!possible) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(areas_[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  if (error != 0 && !no_warn) report_failure(id, *window, error);
  trace_finish(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  account(id, count, result);
  co_return result;
}

// --- steps ---

// Returns whether the area may be allocated from. One whose activation failed has no pages. The areas after it were
// never activated (3.17 to 5.8), and the kernel dereferences their missing bitmap.
bool Areas::usable(AreaId id) const {
  const Area& area = areas_[id];
  return area.pages != 0 && (area.active() || core_.bugs.active(Bug::inactive_alloc));
}

// Returns bits, mask and offset of a request; nullopt if it cannot fit into the area at all.
std::optional<Areas::Window> Areas::request_window(const Area& area, std::uint64_t count, unsigned align) {
  Window window{count, align, 0, 0, 0};
  window.mask = bitmap_aligned_mask(align, area.order_per_bit, core_.bugs);
  window.offset = bitmap_aligned_offset(area.base, align, area.order_per_bit, core_.bugs);
  window.bits = bitmap_pages_to_bits(count, area.order_per_bit);
  constexpr std::uint64_t kIntBits = std::numeric_limits<std::uint32_t>::max();
  if (window.bits > kIntBits && core_.bugs.fires(Bug::count_truncated)) {
    // The search took an int: only the low half of the count was looked for and marked.
    window.bits &= kIntBits;
    return window;
  }
  // Comparing pages as well as bits: rounding up wraps round for counts close to 2^64.
  // The kernel computes the size of the bitmap, whether there is one or not.
  if (count > area.pages || window.bits > area.pages >> area.order_per_bit) return std::nullopt;
  return window;
}

// Sweeps the bitmap forward once. Returns 0 when a window was obtained, -ENOMEM when none was ever tried, else the
// error of the last window tried.
Task<int> Areas::sweep_v3_16(AreaId id, Window& window) {
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
    const bool forgets = window.bits > 1 && core_.bugs.fires(Bug::bitmap_forgets_bit);
    area.bitmap.set(bit, forgets ? window.bits - 1 : window.bits);
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
    if (release_ >= Release::v5_13)
      core_.trace.emit(Event::cma_alloc_busy_retry, id, window.pfn, window.count, window.align);
    // Repeated by the law `complete`: Sweep::certain_window() in properties/laws/completeness.cc.
    start = bit + window.mask + 1;
    if (core_.bugs.fires(Bug::retry_step_short)) [[unlikely]]
      --start;
    // A mask of all ones leaves no next window.
    if (start <= bit) co_return error;
  }
}

Task<void> Areas::clear_bits(AreaId id, Pfn pfn, std::uint64_t bits) {
  Area& area = areas_[id];
  co_await area.lock.lock(core_.engine);
  area.bitmap.clear((pfn - area.base) >> area.order_per_bit, bits);
  area.lock.unlock(core_.engine);
}

// Sweeps once, as mainline does. Vendors' kernels retry a busy sweep: they sleep without any lock and begin again at
// the first bit.
Task<int> Areas::sweep_and_retry(AreaId id, Window& window) {
  for (std::uint64_t done = 0;; ++done) {
    ++sweeps_;
    const int error = release_ >= Release::v3_16 ? co_await sweep_v3_16(id, window) : co_await sweep_v3_5(id, window);
    if (error != -kEBUSY || (retry_sweeps_ && done >= *retry_sweeps_)) co_return error;
    const ActorId actor = core_.engine.current();
    between_sweeps_.push_back(actor);
    co_await at(core_.engine, Point::cma_retry);
    co_await sleep_for(core_.engine, kRetrySleep);
    std::erase(between_sweeps_, actor);
    if (core_.engine.flags().fatal_signal) co_return -kEINTR;
  }
}

// --- releasing ---

Task<bool> Areas::cma_release(AreaId id, Pfn pfn, std::uint64_t count) {
  if (release_ < Release::v3_16) co_return co_await cma_release_v3_5(id, pfn, count);
  const Area& area = areas_[id];
  // cma_pages_valid prints a line of its own.
  if (release_ >= Release::v5_16 && !area.contains(pfn)) {
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

// --- reporting and counting ---

bool Areas::reports_failures() const { return error_line_ || release_ >= Release::v4_11; }

void Areas::report_failure(AreaId id, const Window& window, int error) {
  const auto code = static_cast<std::uint64_t>(static_cast<std::int64_t>(error));
  if (release_ >= Release::v5_13)
    core_.trace.limited(core_.trace.alloc_failed_limit, "cma_alloc", Event::log_cma_alloc_failed, id, window.count,
                        code);
  else
    core_.trace.emit(Event::log_cma_alloc_failed, id, window.count, code, error_names_ ? 1 : 0);
  // Without CONFIG_CMA_DEBUG (6.9) the report is always made.
  if (debug_ || release_ >= Release::v6_9) core_.trace.log("cma: " + bitmap_report(areas_[id]));
}

// Emits cma_alloc_finish, which has success above the alignment.
void Areas::trace_finish(AreaId id, const Window& window, int error) {
  const std::uint64_t success = error == 0 ? std::uint64_t{1} << 32 : 0;
  core_.trace.emit(Event::cma_alloc_finish, id, window.pfn, window.count, window.align | success);
}

void Areas::account(AreaId id, std::uint64_t count, Pfn result) {
  if (result != kNoPfn) {
    ++alloc_success_;
    areas_[id].nr_pages_succeeded += count;
  } else {
    ++alloc_fail_;
    areas_[id].nr_pages_failed += count;
  }
}

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

}  // namespace cma
