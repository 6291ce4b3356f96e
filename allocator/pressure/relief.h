// What a request for pages asks of the layers above when memory is short: kswapd, reclaim and compaction. The slow path
// (slow_path.h) calls it; reclaim/ has the implementation, which the machine wires.
//
// Requests without anything to ask fail where the kernel would begin to compact or to reclaim.
//
// Locks: callers hold none. The tasks sleep.
#pragma once

#include <cstddef>
#include <cstdint>

#include "allocator/base/gfp.h"
#include "allocator/buddy/buddy.h"
#include "allocator/engine/task.h"

namespace cma {

// enum compact_priority: how hard an allocation's compaction tries. `full` passes over no pageblock because of its
// type or hint.
enum class CompactPriority : std::uint8_t { full, light, async };

// enum compact_result, by name; releases number them differently. Ascending: a compaction of several zones
// has the greatest.
enum class CompactResult : std::uint8_t {
  skipped,          // too little free memory, too little to gain, or no zone was tried
  deferred,         // put off, as earlier ones have failed
  go_on,            // compaction begins, or goes on
  complete,         // the whole zone was scanned
  partial_skipped,  // the scanners have met, but began within the zone
  contended,        // given up: a fatal signal, too many pages isolated, no targets
  success,          // a block of the order wanted is free
};

// Returns whether a compaction for a request tries any zone (try_to_compact_pages): it needs I/O, up to 4.9 file
// systems too.
constexpr bool may_compact_with(Gfp gfp, Release release) {
  const Gfp needed = release < Release::v4_10 ? Gfp{kGfpIo | kGfpFs} : Gfp{kGfpIo};
  return (gfp & needed) == needed;
}

class Relief {
 public:
  virtual ~Relief() = default;

  // Wakes kswapd of the nodes of the request's zones (wake_all_kswapds).
  virtual void wake_kswapds(const PageRequest& request) = 0;
  // Frees pages for the request (try_to_free_pages). Returns how many, or 1 if a compaction should be tried instead.
  virtual Task<std::uint64_t> reclaim(const PageRequest& request) = 0;
  // Compacts the zones of the request one by one until one has a block for it (try_to_compact_pages). `flags` are those
  // of its attempts. Requires: order > 0.
  virtual Task<CompactResult> compact(const PageRequest& request, std::uint32_t flags, CompactPriority priority) = 0;
  // The request got a block of the zone after a compaction: the next one is not put off.
  virtual void compaction_served(std::size_t zone, unsigned order) = 0;
  // Returns whether a compaction for the request would have room, with so many pages of the zone free.
  virtual bool compaction_has_room(const ZoneList::Entry& entry, unsigned order, std::int64_t free) = 0;
  // Returns the pages of a zone that reclaim could free (zone_reclaimable_pages).
  virtual std::uint64_t reclaimable(std::size_t zone) const = 0;
  // Returns the pages of a zone's file lists that are dirty or under writeback.
  virtual std::uint64_t write_pending(std::size_t zone) const = 0;
};

}  // namespace cma
