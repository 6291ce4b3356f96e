#include "allocator/compaction/free_scan.h"

#include <algorithm>

namespace cma {
namespace {

// Pfns (SWAP_CLUSTER_MAX) after which zone->lock is dropped and signals are looked at.
constexpr Pfn kFreeScanBatch = 32;

}  // namespace

// Returns whether a scan that is not strict passes over a compound page, of which `page` is the first; if so `pfn`
// becomes its last page. Since 6.4 its pages count as scanned; since 6.7 one that reaches beyond the end is stepped
// over page by page.
bool FreeScanner::passes_over_compound(const FreeScan& scan, const Page& page, Pfn& pfn, std::uint64_t& scanned) const {
  if (!page.has(kPageHead) || scan.strict || release_ < Release::v4_3) return false;
  const Pfn rest = order_pages(page.order) - 1;
  if (release_ >= Release::v6_7 && pfn + rest + 1 > scan.end) return true;
  pfn += rest;
  if (release_ >= Release::v6_4) scanned += rest;
  return true;
}

Task<std::uint64_t> FreeScanner::isolate_block(FreeScan& scan) {
  std::uint64_t scanned = 0;
  std::uint64_t taken = 0;
  Pfn pfn = scan.start;
  for (; pfn < scan.end; pfn += scan.stride) {
    core_.engine.turn();
    if (pfn % kFreeScanBatch == 0) {
      co_await at(core_.engine, Point::capture_batch);
      if (core_.engine.flags().fatal_signal) {
        scan.contended = true;
        break;
      }
    }
    const Page& page = core_.map.page(pfn);
    ++scanned;
    if (passes_over_compound(scan, page, pfn, scanned)) continue;
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
      isolated = buddy_.pageblock_types().isolate_free_page(pfn);
    }
    // Too little memory is left. Up to 4.6 the next page is tried all the same.
    if (!isolated && !scan.strict && release_ < Release::v4_7) continue;
    if (!isolated) break;
    (scan.by_order ? scan.lists[order] : *scan.lists).push_back(core_.map, core_.map.frame(pfn));
    if (release_ >= Release::v6_0) scanned += pages - 1;
    taken += pages;
    scan.held += pages;
    if (!scan.strict && release_ >= Release::v3_18 && scan.held >= scan.wanted) {
      pfn += pages;
      break;
    }
    pfn += pages - 1;
  }
  scan.reached = std::min(pfn, scan.end);
  core_.trace.emit(Event::isolate_freepages, scan.start, scan.reached, scanned, taken);
  // The blocks that were captured before a page got in the way stay captured; the caller releases them.
  const bool failed = scan.strict && pfn < scan.end;
  co_return failed ? 0 : taken;
}

}  // namespace cma
