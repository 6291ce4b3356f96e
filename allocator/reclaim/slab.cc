#include "allocator/reclaim/slab.h"

#include <algorithm>

namespace cma {
namespace {

// DEFAULT_SEEKS: what it costs to make an object again.
constexpr std::uint64_t kSeeks = 2;

}  // namespace

SlabScan slab_scan(Release release, std::uint64_t freeable, std::uint64_t deferred, const SlabPressure& pressure) {
  SlabScan scan;
  if (release < Release::v4_16)
    scan.delta = 4 * pressure.scanned / kSeeks * freeable / (pressure.eligible + 1);
  else
    scan.delta = (freeable >> pressure.priority) * 4 / kSeeks;
  // Since 5.13 work that was put off is subject to the priority, too.
  if (release >= Release::v5_13) {
    scan.total = std::min((deferred >> pressure.priority) + scan.delta, 2 * freeable);
    return scan;
  }
  scan.total = deferred + scan.delta;
  // Much that was put off must not empty the cache at once.
  if (scan.delta < freeable / 4) scan.total = std::min(scan.total, freeable / 2);
  scan.total = std::min(scan.total, 2 * freeable);
  return scan;
}

ReclaimableSlab::ReclaimableSlab(const Core& core, Buddy& buddy, ReclaimEvents& events)
    : release_(core.geometry.release), core_(core), buddy_(buddy), events_(events) {}

void ReclaimableSlab::add(Pfn pfn) {
  CMA_ASSERT(core_.map.page(pfn).ref == 1 && core_.map.page(pfn).owner == 0);
  pages_.push_back(pfn);
}

void ReclaimableSlab::copy_from(const ReclaimableSlab& other) {
  pages_ = other.pages_;
  deferred_ = other.deferred_;
}

// Returns whether so much is to be scanned that the shrinker is asked again. Since 3.14 a small cache is scanned whole
// when all of it is wanted.
bool ReclaimableSlab::goes_on(std::uint64_t total, std::uint64_t freeable) const {
  return total >= kShrinkBatch || (release_ >= Release::v3_14 && total >= freeable);
}

// Returns the work that is put off: up to 4.10 what is left of that intended, later of all that there was.
std::uint64_t ReclaimableSlab::rest(std::uint64_t total, std::uint64_t work, std::uint64_t scanned,
                                    std::uint64_t freeable) const {
  if (release_ < Release::v4_11) return total;
  const std::uint64_t left = work > scanned ? work - scanned : 0;
  return release_ >= Release::v5_13 ? std::min(left, 2 * freeable) : left;
}

Task<std::uint64_t> ReclaimableSlab::shrink(const SlabPressure& pressure) {
  const std::uint64_t freeable = pages_.size();
  if (freeable == 0) co_return 0;
  const std::uint64_t before = deferred_;
  deferred_ = 0;
  const SlabScan scan = slab_scan(release_, freeable, before, pressure);
  std::uint64_t total = scan.total;
  std::uint64_t scanned = 0;
  std::uint64_t freed = 0;
  while (goes_on(total, freeable)) {
    core_.engine.turn();
    const std::uint64_t batch = std::min(kShrinkBatch, total);
    for (std::uint64_t i = 0; i < batch && !pages_.empty(); ++i) {
      const Pfn pfn = pages_.front();
      pages_.pop_front();
      ++freed;
      co_await buddy_.free_pages(pfn, 0);
    }
    events_.slabs_scanned += batch;
    total -= batch;
    scanned += batch;
    co_await at(core_.engine, Point::reclaim_slab);
  }
  deferred_ += rest(total, before + scan.delta, scanned, freeable);
  co_return freed;
}

}  // namespace cma
