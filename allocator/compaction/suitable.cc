// Whether to begin a compaction, and when it is over.

#include "allocator/compaction/zone_compaction.h"

namespace cma {
namespace {

// vm.extfrag_threshold.
constexpr int kFragmentationThreshold = 500;

}  // namespace

// fragmentation_index: returns -1000 if an allocation would succeed. Otherwise it would fail: towards 0 for lack of
// memory, towards 1000 because memory is in pieces.
int ZoneCompaction::fragmentation_index() const {
  const auto wanted = static_cast<unsigned>(request_.order);
  std::uint64_t blocks = 0;
  std::uint64_t pages = 0;
  bool suits = false;
  for (unsigned order = 0; order <= buddy_.largest_order(); ++order) {
    const std::uint64_t free = zone().free_by_order[order].nr_free;
    blocks += free;
    pages += free << order;
    suits = suits || (order >= wanted && free != 0);
  }
  if (blocks == 0) return 0;
  if (suits) return -1000;
  const std::uint64_t part = (1000 + pages * 1000 / order_pages(wanted)) / blocks;
  return 1000 - static_cast<int>(part);
}

// compaction_suitable up to 4.8: returns go_on if it is worth while to begin.
CompactResult ZoneCompaction::suitable_v3_5() const {
  const Zone& zone = this->zone();
  const auto order = static_cast<unsigned>(request_.order);
  const std::uint64_t mark = Watermarks::watermark(zone, Watermark::low) + compact_gap(order);
  if (!buddy_.watermarks().zone_watermark_ok(zone, mark, {}, zone.nr_free_pages)) return CompactResult::skipped;
  const int index = fragmentation_index();
  if (index >= 0 && index <= kFragmentationThreshold) return CompactResult::skipped;
  if (index == -1000 && buddy_.watermarks().zone_watermark_ok(zone, mark, {.order = order}, zone.nr_free_pages))
    return CompactResult::success;
  return CompactResult::go_on;
}

// compaction_suitable: returns go_on if it is worth while to begin. 4.9 first asks whether the allocation would succeed
// as it is.
CompactResult ZoneCompaction::suitable() const {
  if (request_.order == -1) return CompactResult::go_on;
  if (release_ < Release::v4_9) return suitable_v3_5();
  const Zone& zone = this->zone();
  const Buddy& buddy = buddy_;
  const auto order = static_cast<unsigned>(request_.order);
  const auto wanted = static_cast<Watermark>(request_.alloc_flags & kAllocWmarkMask);
  const WatermarkRequest allocation = {
      .order = order, .class_zone = request_.class_zone, .flags = request_.alloc_flags};
  if (buddy.watermarks().zone_watermark_ok(zone, Watermarks::watermark(zone, wanted), allocation, zone.nr_free_pages))
    return CompactResult::success;
  if (!has_room(zone.nr_free_pages)) return CompactResult::skipped;
  if (request_.order <= kCostly) return CompactResult::go_on;
  const int index = fragmentation_index();
  return index >= 0 && index <= kFragmentationThreshold ? CompactResult::skipped : CompactResult::go_on;
}

bool ZoneCompaction::has_room(std::int64_t free) const {
  const Watermark above = request_.order > kCostly ? Watermark::low : Watermark::min;
  const std::uint64_t mark = Watermarks::watermark(zone(), above) + compact_gap(static_cast<unsigned>(request_.order));
  const WatermarkRequest targets = {.class_zone = request_.class_zone, .flags = kAllocCma};
  const Buddy& buddy = buddy_;
  return buddy.watermarks().zone_watermark_ok(zone(), mark, targets, free);
}

bool ZoneCompaction::scanners_met() const { return block_start(free_pfn_) <= block_start(migrate_pfn_); }

// Returns whether a block of the order wanted is free, or could be claimed from another type (`claimed`).
bool ZoneCompaction::suitable_page(bool& claimed) const {
  const bool movable = request_.type == Migratetype::movable;
  for (auto order = static_cast<unsigned>(request_.order); order <= buddy_.largest_order(); ++order) {
    const BlocksOfOrder& blocks = zone().free_by_order[order];
    if (!blocks.lists[index_of(request_.type)].empty()) return true;
    if (movable && !blocks.lists[index_of(Migratetype::cma)].empty()) return true;
    claimed = buddy_.fallback().can_be_claimed(blocks, order, request_.type);
    if (claimed) return true;
  }
  return false;
}

// compact_finished up to 3.6: it is over when a block is free and the watermarks are met. A compaction that began in
// the middle goes on at the zone's end, once.
CompactResult ZoneCompaction::finished_v3_5() {
  if (core_.engine.flags().fatal_signal) return CompactResult::contended;
  if (free_pfn_ <= migrate_pfn_) {
    if (request_.order <= 0 || wrapped_) return CompactResult::complete;
    free_pfn_ = edit_cached().free = block_start(zone().range.end);
    wrapped_ = true;
    return CompactResult::go_on;
  }
  if (wrapped_ && free_pfn_ <= start_free_) return CompactResult::complete;
  if (request_.order == -1) return CompactResult::go_on;
  const auto wanted = static_cast<unsigned>(request_.order);
  const std::uint64_t mark = Watermarks::watermark(zone(), Watermark::low) + order_pages(wanted);
  if (!buddy_.watermarks().zone_watermark_ok(zone(), mark, {.order = wanted}, zone().nr_free_pages))
    return CompactResult::go_on;
  for (unsigned order = wanted; order <= buddy_.largest_order(); ++order) {
    const BlocksOfOrder& blocks = zone().free_by_order[order];
    if (!blocks.lists[index_of(request_.type)].empty()) return CompactResult::success;
    if (order >= core_.map.pageblock_order() && blocks.nr_free != 0) return CompactResult::success;
  }
  return CompactResult::go_on;
}

// compact_finished: returns go_on, or how it ended. Up to 5.0 a fatal signal ends it at once; since 5.1 it first
// finishes the pageblock.
CompactResult ZoneCompaction::finished() {
  if (release_ < Release::v3_7) return finished_v3_5();
  const bool finishes_block = release_ >= Release::v5_1;
  const bool stop = compacting_.contended || core_.engine.flags().fatal_signal;
  if (!finishes_block && stop) return CompactResult::contended;
  if (scanners_met()) {
    reset_cached_positions();
    if (request_.direct) edit_cached().flush = true;
    return request_.whole_zone ? CompactResult::complete : CompactResult::partial_skipped;
  }
  if (request_.order == -1) return CompactResult::go_on;
  const bool within_block = !block_aligned(migrate_pfn_);
  if (finishes_block && within_block) return CompactResult::go_on;
  if (finishing_block_ && within_block) return CompactResult::go_on;
  finishing_block_ = false;
  bool claimed = false;
  const bool suits = suitable_page(claimed);
  if (!suits) return finishes_block && stop ? CompactResult::contended : CompactResult::go_on;
  // 4.12: a block that is claimed from another type should leave as little of its pageblock as possible.
  const bool finishes_if_claimed = release_ >= Release::v4_12 && release_ < Release::v5_1;
  if (finishes_if_claimed && claimed && request_.type != Migratetype::movable && sync() && within_block) {
    finishing_block_ = true;
    return CompactResult::go_on;
  }
  return CompactResult::success;
}

}  // namespace cma
