#include "properties/program/forecast_locks.h"

#include <algorithm>

#include "properties/program/op_kinds.h"

namespace cma {
namespace {

// Returns whether a contiguous allocation comes to the point while it holds cma_mutex.
bool is_inside_cma_mutex(Point point) {
  if (point == Point::cma_mutex_taken || point == Point::cma_release_pages_freed) return true;
  if (point >= Point::isolate_block && point <= Point::put_page_dropped) return true;
  return point == Point::hugetlb_allocated ||
         (point >= Point::buffer_mapping_moved && point <= Point::migrate_writeout);
}

// Returns whether an operation that locks pages has one locked at the point.
bool has_locked_a_page(Point point) {
  static constexpr std::array kWithLock = {Point::migrate_locked,       Point::migrate_unmapped, Point::migrate_moved,
                                           Point::buffer_mapping_moved, Point::buffer_checked,   Point::truncate_locked,
                                           Point::truncate_removed,     Point::drop_locked,      Point::io_submitted,
                                           Point::shared_fault_locked};
  return std::ranges::find(kWithLock, point) != kWithLock.end();
}

LockSet drains_and_cma_mutex(const Op& op, bool chosen, Release release) {
  // drain_all_pages has its mutex since 4.11.
  const LockSet pages = release >= Release::v4_11 ? kPcpDrain : 0;
  if (is_one_of<AllocRange>(op)) return pages | kLruDrain;
  if (takes_from_area(op) || chosen) return kCmaMutex | pages | kLruDrain;
  if (is_one_of<CmaRelease, DebugfsFree, DmaFree>(op)) return release < Release::v3_17 ? kCmaMutex : 0;
  if (is_one_of<DrainOp<DrainKind::everything>>(op)) return pages | kLruDrain;
  if (is_one_of<DrainOp<DrainKind::pages>>(op)) return pages;
  if (is_one_of<DrainOp<DrainKind::lru>, CachesOff>(op)) return kLruDrain;
  return 0;
}

}  // namespace

bool takes_from_area(const Op& op) { return is_one_of<CmaAlloc, DebugfsAlloc, DmaBuffer>(op); }

LockSet locks_taken(const Op& op, bool chosen, Release release) {
  LockSet taken = drains_and_cma_mutex(op, chosen, release);
  if (is_one_of<Fork>(op)) taken |= kSpaceLock;
  const bool locks_pages = is_one_of<CmaAlloc, DebugfsAlloc, AllocRange, FileOp<FileVerb::truncate>,
                                     FileOp<FileVerb::drop>, ReadFile, BufferRead, MmapShared>(op);
  return locks_pages || chosen ? taken | kPageLock : taken;
}

LockSet locks_awaited(const Op& op, LockSet taken) {
  LockSet awaited = taken & (kCmaMutex | kLruDrain | kPcpDrain);
  // Of callers that name no zone, a drain of pages that is under way is good enough.
  if (is_one_of<DrainOp<DrainKind::everything>, DrainOp<DrainKind::pages>>(op)) awaited &= ~kPcpDrain;
  if (is_one_of<MmapAnon, MmapHuge, MmapShared, Fork, ExitProcess, SplitHuge, PinLongterm,
                MappingOp<MappingVerb::write>, MappingOp<MappingVerb::munmap>, MappingOp<MappingVerb::mlock>,
                MappingOp<MappingVerb::madv_free>>(op))
    awaited |= kSpaceLock;
  if (is_one_of<ReadFile, BufferRead, FileOp<FileVerb::truncate>, FilePagesOp<FilePagesVerb::writeback>, MmapShared,
                BufferOp<BufferVerb::dirty>, PinLongterm, MappingOp<MappingVerb::write>>(op))
    awaited |= kPageLock;
  return awaited;
}

LockSet locks_held(Point point, LockSet taken) {
  LockSet held = is_inside_cma_mutex(point) ? kCmaMutex : 0;
  if (point == Point::drain_pcp_begin || point == Point::drain_pcp_cpu) held |= kPcpDrain;
  if (point == Point::drain_lru_begin || point == Point::drain_lru_cpu) held |= kLruDrain;
  if (point == Point::fork_referenced) held |= kSpaceLock;
  if (has_locked_a_page(point)) held |= kPageLock;
  return held & taken;
}

}  // namespace cma
