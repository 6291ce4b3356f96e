// How pages move: the steps that releases share, and a class for each way in which releases put them together.
//
// Included by migrate*.cc and clean_reclaim.cc only. What a call requires and returns stands in migration.h.
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/migration/migration.h"

namespace cma {

// Passes of one migrate_pages call. Up to 6.2 it waits for page locks and writeback from the fourth on (migration.h).
inline constexpr int kMigratePasses = 10;

class MigrateSteps {
 public:
  explicit MigrateSteps(const MovingLayers& layers);
  virtual ~MigrateSteps() = default;

  // The calls of Migration.
  Task<void> reclaim_clean_pages(MigrateControl& control);
  virtual Task<Moved> migrate_pages(MigrateControl& control) = 0;
  Task<void> putback(MigrateControl& control);

 protected:
  using Control = MigrateControl;
  // struct migrate_pages_stats: what one call of migrate_pages reports; pages are base pages.
  struct Stats {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t thp_succeeded = 0;
    std::uint64_t thp_failed = 0;
    std::uint64_t thp_split = 0;
  };

  // NR_MAX_BATCHED_MIGRATION: base pages that are moved together.
  std::uint64_t most_batched() const { return huge_pages_ != 0 ? huge_pages_ : 512; }
  Task<void> put_back_page(Pfn pfn);
  Task<void> release_source(Pfn pfn);
  Task<void> settle_target(Pfn target, bool drains);
  Task<Pfn> target_of(Pfn pfn);
  Task<void> put_target(const Control& control, Pfn target);
  bool may_lock(const Control& control, Pfn pfn, bool force) const;
  Task<int> try_to_split(Pfn head, PageList& list, bool sync);
  Task<int> split_to(PageList& from, PageList& split, Pfn head, bool sync);
  Task<int> move_locked(Pfn pfn, Pfn target, MoveMode mode, bool force);
  Task<int> try_to_move(const Control& control, PageList& from, PageList& failed, Pfn pfn, bool force);
  void trace_result(const Control& control, const Stats& stats);
  Moved end(Control& control, PageList& failed, const Stats& stats, int result);

  // clean_reclaim.cc
  Task<bool> try_to_drop(Pfn pfn);

  // migrate_hugetlb.cc
  Task<void> put_back_hugetlb(Pfn pfn);
  Task<int> move_locked_hugetlb(Pfn pfn, Pfn target);
  Task<int> try_to_move_hugetlb(PageList& from, PageList& failed, Pfn pfn, bool force);
  Task<int> migrate_hugetlbs(PageList& from, PageList& failed, Stats& stats);

  Release release_;
  std::uint64_t huge_pages_;  // base pages of a huge page; 0 where there are none
  Core core_;
  Buddy& buddy_;
  PageAllocator& page_allocator_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  PageKinds& kinds_;
  HugetlbPages& hugetlb_;
};

// Up to 6.0.
class MigrateV3_5 final : public MigrateSteps {
 public:
  using MigrateSteps::MigrateSteps;
  Task<Moved> migrate_pages(Control& control) override;

 private:
  Task<int> split_or_give_up_v5_9(Control& control, Pfn head, Stats& stats);
};

// 6.1 and 6.2.
class MigrateV6_1 final : public MigrateSteps {
 public:
  using MigrateSteps::MigrateSteps;
  Task<Moved> migrate_pages(Control& control) override;

 private:
  Task<int> migrate_batch(const Control& control, PageList& from, PageList& failed, Stats& stats);
};

// Since 6.3.
class MigrateV6_3 final : public MigrateSteps {
 public:
  using MigrateSteps::MigrateSteps;
  Task<Moved> migrate_pages(Control& control) override;

 private:
  struct Batch;
  // A page between the two halves of a batch.
  struct Unmapped {
    Pfn pfn;
    Pfn target;
    bool was_mapped;
    bool was_mlocked;
  };

  Task<int> unmap_locked(Pfn pfn, MoveMode mode, bool& was_mapped);
  Task<int> unmap_page(PageList& from, PageList& failed, const Batch& batch, Unmapped& page);
  Task<int> move_page(const Unmapped& page, const Batch& batch);
  Task<void> undo_unmapped(const Unmapped& page, const Batch& batch);
  Task<int> prepare(PageList& from, PageList& failed, Batch& batch, Unmapped& page);
  Task<int> migrate_batch(PageList& from, PageList& failed, Batch& batch);
  Task<int> move_unmapped(std::vector<Unmapped>& unmapped, PageList& failed, Batch& batch);
  Task<int> migrate_sync(const Control& control, PageList& from, PageList& failed, PageList& split, Stats& stats);
};

}  // namespace cma
