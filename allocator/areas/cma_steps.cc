// The steps of allocating and releasing that releases share, and how a failure is reported: since 3.16
// (drivers/base/dma-contiguous.c, since 3.17 mm/cma.c). cma_alloc_v3_5.cc has the older functions.

#include "allocator/areas/cma_steps.h"

#include <algorithm>
#include <limits>

#include "allocator/areas/bit_arithmetic.h"
#include "allocator/base/error.h"

namespace cma {
namespace {

// Time between two sweeps of a kernel that retries.
constexpr Time kRetrySleep = 100 * kMillisecond;

}  // namespace

CmaSteps::CmaSteps(const Core& core, Contig& contig, AreaTable& table)
    : release_(core.geometry.release),
      debug_(prints_debug(core.geometry)),
      core_(core),
      contig_(contig),
      table_(table) {}

// --- allocating ---

// Returns whether the area may be allocated from. One whose activation failed has no pages. The areas after it were
// never activated (3.17 to 5.8), and the kernel dereferences their missing bitmap.
bool CmaSteps::usable(AreaId id) const {
  const Area& area = table_.areas[id];
  if (area.pages == 0 || area.active()) return area.pages != 0;
  return area.activation_tried ? core_.bugs.active(Bug::inactive_alloc) : core_.bugs.fires(Bug::never_activated);
}

// Returns bits, mask and offset of a request; nullopt if it cannot fit into the area at all.
std::optional<CmaSteps::Window> CmaSteps::request_window(const Area& area, std::uint64_t count, unsigned align) {
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
  const Area& sized = core_.bugs.active(Bug::size_of_last_area) ? table_.areas.back() : area;
  if (sized.pages != area.pages) core_.bugs.reached(Bug::size_of_last_area);
  if (count > sized.pages || window.bits > sized.pages >> area.order_per_bit) return std::nullopt;
  return window;
}

// Sweeps the bitmap forward once. Returns 0 when a window was obtained, -ENOMEM when none was ever tried, else the
// error of the last window tried.
Task<int> CmaSteps::sweep_v3_16(AreaId id, Window& window) {
  Area& area = table_.areas[id];
  CMA_ASSERT(area.active());
  std::uint64_t start = first_bit(area);
  int error = -kENOMEM;
  while (true) {
    core_.engine.turn();
    co_await area.lock.lock(core_.engine);
    const std::uint64_t bit = area.bitmap.find_zero_area(start, window.bits, window.mask, window.offset);
    if (bit >= area.bitmap.size()) {
      if (!core_.bugs.fires(Bug::sweep_keeps_lock)) area.lock.unlock(core_.engine);
      co_return error;
    }
    const bool forgets = window.bits > 1 && core_.bugs.fires(Bug::bitmap_forgets_bit);
    area.bitmap.set_range(bit, forgets ? window.bits - 1 : window.bits);
    area.lock.unlock(core_.engine);
    const Pfn pfn = area.base + (bit << area.order_per_bit);
    const bool again = pfn == window.pfn;
    window.pfn = pfn;
    co_await at(core_.engine, Point::cma_bitmap_marked);

    const bool waits = table_.cma_mutex.held();
    co_await table_.cma_mutex.lock(core_.engine);
    co_await at(core_.engine, Point::cma_mutex_taken);
    error = co_await contig_.alloc_contig_range(window.pfn, window.pfn + window.count, Migratetype::cma);
    const bool gives_back = waits && error == 0 && core_.bugs.fires(Bug::waiter_gives_back);
    if (gives_back) co_await contig_.free_contig_range(window.pfn, window.count);
    if (gives_back) error = -kEBUSY;
    table_.cma_mutex.unlock(core_.engine);
    co_await at(core_.engine, Point::cma_mutex_dropped);
    if (error == 0) {
      table_.last_bit = bit + window.bits;
      co_return 0;
    }

    const bool keeps = error == -kEBUSY && window.bits > 1 && core_.bugs.fires(Bug::busy_keeps_bit);
    co_await clear_bits(id, window.pfn, keeps ? window.bits - 1 : window.bits);
    co_await at(core_.engine, Point::cma_bitmap_cleared);
    if (error != -kEBUSY || gives_back || core_.bugs.fires(Bug::busy_ends_sweep)) co_return error;
    if (debug_) core_.trace.emit_pointer(Event::log_cma_busy_retrying, window.pfn);
    if (release_ >= Release::v5_13)
      core_.trace.emit(Event::cma_alloc_busy_retry, id,
                       window.pfn + (core_.bugs.fires(Bug::busy_window_misnamed) ? 1U : 0U), window.count,
                       window.align);
    // Repeated by the law `complete`: Sweep::certain_window() in properties/laws/completeness.cc.
    start = bit + window.mask + 1;
    if (core_.bugs.fires(Bug::retry_step_short)) [[unlikely]]
      --start;
    // A mask of all ones leaves no next window.
    if (start <= bit) co_return error;
    if (!again && core_.bugs.fires(Bug::retry_tries_twice)) [[unlikely]]
      start = bit;
  }
}

Task<void> CmaSteps::clear_bits(AreaId id, Pfn pfn, std::uint64_t bits) {
  Area& area = table_.areas[id];
  co_await area.lock.lock(core_.engine);
  area.bitmap.clear_range((pfn - area.base) >> area.order_per_bit, bits);
  area.lock.unlock(core_.engine);
}

// Returns the bit at which a sweep begins.
std::uint64_t CmaSteps::first_bit(const Area& area) const {
  const std::uint64_t hint = table_.last_bit;
  return hint != 0 && hint < area.bitmap.size() && core_.bugs.fires(Bug::shared_search_hint) ? hint : 0;
}

// Returns whether the policy ends a request of which the first sweep and so many more have ended busy.
bool CmaSteps::ends_after(std::uint64_t sweeps) const {
  // Further sweeps after -EBUSY; nullopt: without limit.
  const std::optional<std::uint64_t>& retries = core_.geometry.retry_sweeps;
  if (!retries) return sweeps != 0 && core_.bugs.fires(Bug::endless_retry_ends);
  return sweeps >= *retries && !(sweeps == *retries && core_.bugs.fires(Bug::retry_once_more));
}

// Sweeps once, as mainline does. Vendors' kernels retry a busy sweep: they sleep without any lock and begin again at
// the first bit.
Task<int> CmaSteps::sweep_and_retry(AreaId id, Window& window) {
  for (std::uint64_t done = 0;; ++done) {
    ++table_.sweeps;
    const int error = release_ >= Release::v3_16 ? co_await sweep_v3_16(id, window) : co_await sweep_v3_5(id, window);
    if (error != -kEBUSY || ends_after(done)) co_return error;
    const ActorId actor = core_.engine.current();
    table_.between_sweeps.push_back(actor);
    co_await at(core_.engine, Point::cma_retry);
    co_await sleep_for(core_.engine, kRetrySleep);
    std::erase(table_.between_sweeps, actor);
    if (core_.engine.flags().fatal_signal) co_return -kEINTR;
  }
}

// --- releasing ---

// Returns whether a buffer at this frame is the area's.
bool CmaSteps::holds(const Area& area, Pfn pfn) const {
  const Pfn frames_of_32_bits = Pfn{1} << (32 - core_.geometry.page_shift());
  const bool cut = pfn >= frames_of_32_bits && core_.bugs.fires(Bug::release_truncates);
  return area.contains(cut ? pfn % frames_of_32_bits : pfn);
}

// Returns the number of bits that a release of so many pages clears.
std::uint64_t CmaSteps::bits_released(const Area& area, Pfn pfn, std::uint64_t count) const {
  std::uint64_t bits = bitmap_pages_to_bits(count, area.order_per_bit);
  const std::uint64_t end = ((pfn - area.base) >> area.order_per_bit) + bits;
  if (bits > 1 && core_.bugs.fires(Bug::release_keeps_bit)) --bits;
  if (end < area.bitmap.size() && area.bitmap.test(end) && core_.bugs.fires(Bug::release_clears_more)) ++bits;
  return bits;
}

// Returns the page that a release names as its first.
Pfn CmaSteps::named_in_release(Pfn pfn, std::uint64_t count) const {
  return count > 1 && core_.bugs.fires(Bug::release_line_misnamed) ? pfn + 1 : pfn;
}

// Ends a release of a range that is not the area's. Nothing is to be done.
Task<void> CmaSteps::refuse_release(Pfn pfn) {
  const bool in_use = core_.map.valid(pfn) && core_.map.page(pfn).ref > 0;
  if (in_use && core_.bugs.fires(Bug::foreign_release_frees)) co_await contig_.free_contig_range(pfn, 1);
}

Task<bool> CmaSteps::cma_release(AreaId id, Pfn pfn, std::uint64_t count) {
  if (release_ < Release::v3_16) co_return co_await cma_release_v3_5(id, pfn, count);
  const Area& area = table_.areas[id];
  // cma_pages_valid prints a line of its own.
  if (release_ >= Release::v5_16 && !holds(area, pfn)) {
    if (debug_) core_.trace.emit(Event::log_cma_pages_valid, pfn, count);
    co_await refuse_release(pfn);
    co_return false;
  }
  const Pfn named = named_in_release(pfn, count);
  if (debug_) core_.trace.emit(Event::log_cma_release, named, count);
  if (!holds(area, pfn)) {
    co_await refuse_release(pfn);
    co_return false;
  }
  CMA_ASSERT(count <= area.pages - (pfn - area.base));
  co_await contig_.free_contig_range(pfn, count);
  co_await at(core_.engine, Point::cma_release_pages_freed);
  co_await clear_bits(id, pfn, bits_released(area, pfn, count));
  table_.areas[id].nr_pages_released += count;
  core_.trace.emit(Event::cma_release, id, named, count);
  co_return true;
}

// --- reporting and counting ---

bool CmaSteps::reports_failures() const { return core_.geometry.error_line || release_ >= Release::v4_11; }

void CmaSteps::report_failure(AreaId id, const Window& window, int error) {
  if (error == -kENOMEM && core_.bugs.fires(Bug::exhausted_is_busy)) error = -kEBUSY;
  const auto code = static_cast<std::uint64_t>(static_cast<std::int64_t>(error));
  if (release_ >= Release::v5_13)
    core_.trace.limited(core_.trace.alloc_failed_limit, "cma_alloc", Event::log_cma_alloc_failed, id, window.count,
                        code);
  else
    core_.trace.emit(Event::log_cma_alloc_failed, id, window.count, code, core_.geometry.error_names ? 1 : 0);
  // Without CONFIG_CMA_DEBUG (6.9) the report is always made.
  if (debug_ || release_ >= Release::v6_9) core_.trace.log("cma: " + bitmap_report(table_.areas[id], core_.bugs));
}

void CmaSteps::trace_start(AreaId id, std::uint64_t count, unsigned align) {
  const bool swaps = count != align && core_.bugs.fires(Bug::start_swaps_fields);
  core_.trace.emit(Event::cma_alloc_start, id, swaps ? align : count, swaps ? count : align);
}

void CmaSteps::trace_finish(AreaId id, const Window& window, int error) {
  const bool loses = window.align != 0 && core_.bugs.fires(Bug::finish_align_lost);
  FinishedAlloc finished{.align = loses ? 0 : window.align, .success = error == 0};
  if (release_ >= Release::v6_3) finished.error = static_cast<std::uint64_t>(-error);
  core_.trace.emit(Event::cma_alloc_finish, id, window.pfn, window.count, finished.pack());
}

void CmaSteps::account(AreaId id, std::uint64_t count, Pfn result) {
  if (result != kNoPfn) {
    table_.alloc_success += count > 1 && core_.bugs.fires(Bug::success_counts_pages) ? count : 1;
    table_.areas[id].nr_pages_succeeded += count;
  } else {
    const bool leaves_out = count > table_.areas[id].pages && core_.bugs.fires(Bug::failure_uncounted);
    table_.alloc_fail += leaves_out ? 0 : 1;
    table_.areas[id].nr_pages_failed += count;
  }
}

}  // namespace cma
