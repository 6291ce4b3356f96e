// cma_alloc since 3.17 (mm/cma.c): how each era traces, counts and reports a call. What releases share is in
// cma_steps.cc, and the older form in cma_alloc_v3_5.cc.

#include "allocator/areas/cma_steps.h"
#include "allocator/base/error.h"

namespace cma {

Task<Pfn> CmaV3_17::cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) {
  if (!usable(id)) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(table_.areas[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  core_.trace.emit(Event::cma_alloc, window->pfn, count, align, error == 0 ? 1 : 0);
  if (error != 0 && warn == Warn::yes && reports_failures()) report_failure(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, result);
  co_return result;
}

Task<Pfn> CmaV5_13::cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) {
  const Pfn result = co_await try_alloc(id, count, align, warn);
  account(id, count, result);
  co_return result;
}

// Allocates without counting the call: the kernel's function above its label `out`.
Task<Pfn> CmaV5_13::try_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) {
  if (!usable(id)) co_return kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_alloc, id, count, align);
  if (count == 0) co_return kNoPfn;
  trace_start(id, count, align);
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(table_.areas[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  trace_finish(id, *window, error);
  if (error != 0 && warn == Warn::yes) report_failure(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  if (debug_) core_.trace.emit(Event::log_cma_returned, result);
  co_return result;
}

Task<Pfn> CmaV6_9::cma_alloc(AreaId id, std::uint64_t count, unsigned align, Warn warn) {
  // 6.10 traces the start of the others, too.
  const bool traces_all = release_ >= Release::v6_10;
  const bool possible = usable(id) && count != 0;
  if (traces_all || possible) trace_start(id, count, align);
  if (!possible) co_return kNoPfn;
  co_await at(core_.engine, Point::cma_alloc_entry);
  std::optional<Window> window = request_window(table_.areas[id], count, align);
  if (!window) co_return kNoPfn;
  const int error = co_await sweep_and_retry(id, *window);
  const bool silent = error != -kEBUSY && core_.bugs.active(Bug::full_area_is_silent);
  if (error != 0 && warn == Warn::yes && !silent) report_failure(id, *window, error);
  trace_finish(id, *window, error);
  const Pfn result = error == 0 ? window->pfn : kNoPfn;
  account(id, count, result);
  co_return result;
}

}  // namespace cma
