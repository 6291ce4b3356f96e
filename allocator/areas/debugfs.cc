#include "allocator/areas/debugfs.h"

#include "allocator/areas/cma_steps.h"
#include "allocator/base/error.h"

namespace cma {

Task<int> AreaDebugfs::alloc(AreaId id, std::uint64_t number) {
  const std::uint64_t pages = debugfs_count(number);
  const Pfn pfn = co_await steps_.cma_alloc(id, pages, 0, Warn::yes);
  if (pfn == kNoPfn) co_return -kENOMEM;
  table_.areas[id].debugfs_buffers.emplace_back(pfn, pages);
  co_return 0;
}

Task<void> AreaDebugfs::free(AreaId id, std::uint64_t number) {
  std::uint64_t left = debugfs_count(number);
  while (left > 0 && !table_.areas[id].debugfs_buffers.empty()) {
    core_.engine.turn();
    const auto [pfn, count] = table_.areas[id].debugfs_buffers.back();
    table_.areas[id].debugfs_buffers.pop_back();
    if (count <= left) {
      co_await steps_.cma_release(id, pfn, count);
      left -= count;
    } else if (table_.areas[id].order_per_bit == 0) {
      co_await steps_.cma_release(id, pfn, left);
      table_.areas[id].debugfs_buffers.emplace_back(pfn + left, count - left);
      left = 0;
    } else {
      // The kernel's message here needs dynamic debug: CONFIG_CMA_DEBUG is about cma.c only.
      table_.areas[id].debugfs_buffers.emplace_back(pfn, count);
      break;
    }
  }
}

std::uint64_t AreaDebugfs::largest_free_run(AreaId id) const {
  const Area& area = table_.areas[id];
  const Bitmap& bitmap = area.bitmap;
  if (area.order_per_bit == 0 || !core_.bugs.fires(Bug::debug_bitmap_size)) return bitmap.longest_zero_run();
  // Memory after the bitmap reads as zero.
  Bitmap walked(area.pages);
  for (std::uint64_t bit = bitmap.next_set(0, bitmap.size()); bit < bitmap.size();
       bit = bitmap.next_set(bit + 1, bitmap.size()))
    walked.set_range(bit, 1);
  return walked.longest_zero_run();
}

}  // namespace cma
