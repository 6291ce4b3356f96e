#include "allocator/compaction/free_scan.h"

#include <algorithm>

namespace cma {
namespace {

// zone->lock is dropped and signals looked at every SWAP_CLUSTER_MAX pfns.
constexpr Pfn kFreeScanBatch = 32;

}  // namespace

Task<std::uint64_t> FreeScanner::isolate_block(FreeScan& scan) {
  const bool v4_9 = release_ >= Release::v4_9;
  std::uint64_t scanned = 0;
  std::uint64_t taken = 0;
  Pfn pfn = scan.start;
  for (; pfn < scan.end; pfn += scan.stride) {
    if (pfn % kFreeScanBatch == 0) {
      co_await at(core_.engine, Point::capture_batch);
      if (core_.engine.fatal_signal_pending()) {
        scan.contended = true;
        break;
      }
    }
    const Page& page = core_.map.page(pfn);
    ++scanned;
    if (page.has(kPageHead) && !scan.strict && v4_9) {
      const Pfn rest = order_pages(page.order) - 1;
      const bool v6_12 = release_ >= Release::v6_12;
      if (v6_12 && pfn + rest + 1 > scan.end) continue;
      pfn += rest;
      if (v6_12) scanned += rest;
      continue;
    }
    if (!page.has(kPageBuddy)) {
      if (!scan.strict) continue;
      core_.trace.page_refused(pfn, Refusal::capture);
      break;
    }
    const unsigned order = page.order;
    const std::uint64_t pages = order_pages(order);
    bool isolated = false;
    {
      SpinGuard zone_lock(core_.engine);
      isolated = buddy_.isolate_free_page(pfn);
    }
    // Too little memory is left. Up to 3.6 the next page may still do.
    if (!isolated && !scan.strict && !v4_9) continue;
    if (!isolated) break;
    (scan.by_order ? scan.lists[order] : *scan.lists).push_back(core_.map, core_.map.frame(pfn));
    if (release_ >= Release::v6_1) scanned += pages - 1;
    taken += pages;
    scan.held += pages;
    if (!scan.strict && v4_9 && scan.held >= scan.wanted) {
      pfn += pages;
      break;
    }
    pfn += pages - 1;
  }
  scan.reached = std::min(pfn, scan.end);
  core_.trace.emit(Event::isolate_freepages, scan.start, scan.reached, scanned, taken);
  // What was captured before something got in the way stays captured; the caller releases it.
  co_return scan.strict&& pfn < scan.end ? 0 : taken;
}

}  // namespace cma
