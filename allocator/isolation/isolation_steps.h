// How pageblocks are isolated and given back: the steps that releases share, and a class for each way in which releases
// isolate a range.
//
// Included by isolation*.cc only. What a call requires and returns stands in isolation.h.
#pragma once

#include <optional>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/isolation/isolators.h"
#include "allocator/isolation/unmovable.h"

namespace cma {

class IsolationSteps {
 public:
  // Refers to `buddy` and `isolators`, which must outlive it.
  IsolationSteps(const Core& core, Buddy& buddy, Isolators& isolators);
  virtual ~IsolationSteps() = default;

  // The calls of Isolation; start_range() leaves out the point after the last pageblock.
  virtual Task<int> start_range(Pfn start, Pfn end, Migratetype type) = 0;
  Task<void> undo_range(Pfn start, Pfn end, Migratetype type);
  int test_pages_isolated(Pfn start, Pfn end);

 protected:
  // Gives a pageblock back as `type`, under one hold of zone->lock; does nothing if it is not isolated. Returns
  // nullopt; or the order of the free block at `pfn` that it took off its list, which the caller frees by free_taken().
  virtual std::optional<unsigned> give_back(Pfn pfn, Migratetype type) = 0;
  void give_back_v5_18(Pfn pfn, Migratetype type);
  Task<void> free_taken(Pfn pfn, unsigned order);

  // --- under zone->lock ---
  void isolate_block_locked(Pfn pfn);
  bool begin_giving_back(Pfn pfn);

  // --- looking ---
  Pfn first_present(Pfn pfn, std::uint64_t pages) const;
  bool is_isolated(Pfn pfn) const { return core_.map.pageblock_type(pfn) == Migratetype::isolate; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  UnmovablePages unmovable_;

 private:
  void drop_hold(Pfn pfn) { isolators_.drop(core_.map.pageblock_start(pfn), core_.engine.current()); }
  bool take_for_merging_v5_18(Pfn pfn);

  Isolators& isolators_;
};

// Up to 5.18: one pageblock after the other.
class IsolationV3_5 final : public IsolationSteps {
 public:
  using IsolationSteps::IsolationSteps;
  Task<int> start_range(Pfn start, Pfn end, Migratetype type) override;

 private:
  std::optional<unsigned> give_back(Pfn pfn, Migratetype type) override;
  Task<void> undo_failed(Pfn start, Pfn end, Migratetype type);
  bool set_isolate(Pfn pfn, Migratetype type);
  bool fits(Pfn pfn, Migratetype type);
  bool take_for_merging_v3_18(Pfn pfn);
  bool retype_or_take(Pfn pfn, Migratetype type);
};

// Since 5.19: the two ends first.
class IsolationV5_19 final : public IsolationSteps {
 public:
  using IsolationSteps::IsolationSteps;
  Task<int> start_range(Pfn start, Pfn end, Migratetype type) override;

 private:
  std::optional<unsigned> give_back(Pfn pfn, Migratetype type) override;
  bool set_isolate(Pfn pfn, Migratetype type, Pfn start, Pfn end);
  Task<int> isolate_single_pageblock(Pfn boundary, bool before, bool skip_isolation, Migratetype type);
  bool compound_crosses(Pfn boundary) const;
  bool split_free_page(Pfn pfn, unsigned order, std::uint64_t offset);
};

}  // namespace cma
