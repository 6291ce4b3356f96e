// Allocating and releasing as in 3.5 (drivers/base/dma-contiguous.c), before areas had a lock of their own.

#include "allocator/areas/cma_steps.h"
#include "allocator/base/error.h"

namespace cma {

// Sweeps like sweep_v3_16, but holds cma_mutex from the first search to the last attempt, and sets bits only once the
// pages are had: no other actor ever sees a window that is merely tried.
Task<int> CmaSteps::sweep_v3_5(AreaId id, Window& window) {
  Area& area = table_.areas[id];
  CMA_ASSERT(area.active());
  const bool waits = table_.cma_mutex.held();
  co_await table_.cma_mutex.lock(core_.engine);
  co_await at(core_.engine, Point::cma_mutex_taken);
  std::uint64_t start = first_bit(area);
  int error = -kENOMEM;
  while (true) {
    core_.engine.turn();
    const std::uint64_t bit = area.bitmap.find_zero_area(start, window.bits, window.mask, window.offset);
    if (bit >= area.bitmap.size()) break;
    window.pfn = area.base + bit;
    error = co_await contig_.alloc_contig_range(window.pfn, window.pfn + window.count, Migratetype::cma);
    const bool gives_back = waits && error == 0 && core_.bugs.fires(Bug::waiter_gives_back);
    if (gives_back) co_await contig_.free_contig_range(window.pfn, window.count);
    if (gives_back) error = -kEBUSY;
    if (error == 0) {
      area.bitmap.set_range(bit, window.bits);
      table_.last_bit = bit + window.bits;
    }
    if (error != -kEBUSY || gives_back) break;
    if (debug_) core_.trace.emit_pointer(Event::log_cma_busy_retrying, window.pfn);
    // A mask of all ones leaves no next window.
    start = bit + window.mask + 1;
    if (start <= bit) break;
  }
  table_.cma_mutex.unlock(core_.engine);
  co_await at(core_.engine, Point::cma_mutex_dropped);
  co_return error;
}

Task<Pfn> CmaV3_5::cma_alloc(AreaId id, std::uint64_t count, unsigned asked, Warn warn) {
  if (!usable(id)) co_return kNoPfn;
  const unsigned align = effective_align(asked, release_);
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(table_.areas[id], count, align);
  if (!window) co_return kNoPfn;
  if (window->offset != 0 && core_.bugs.fires(Bug::region_relative)) window->offset = 0;
  const int error = co_await sweep_and_retry(id, *window);
  if (error != 0 && warn == Warn::yes && reports_failures()) report_failure(id, *window, error);
  if (error != 0) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, window->pfn);
  co_return window->pfn;
}

// Clears the bits first; cma_mutex keeps other actors from looking before the pages are free.
Task<bool> CmaSteps::cma_release_v3_5(AreaId id, Pfn pfn, std::uint64_t count) {
  Area& area = table_.areas[id];
  if (debug_) core_.trace.emit(Event::log_cma_release, named_in_release(pfn, count), count);
  if (!holds(area, pfn)) {
    co_await refuse_release(pfn);
    co_return false;
  }
  CMA_ASSERT(count <= area.pages - (pfn - area.base));
  co_await table_.cma_mutex.lock(core_.engine);
  area.bitmap.clear_range(pfn - area.base, bits_released(area, pfn, count));
  co_await contig_.free_contig_range(pfn, count);
  table_.cma_mutex.unlock(core_.engine);
  co_await at(core_.engine, Point::cma_release_pages_freed);
  co_return true;
}

}  // namespace cma
