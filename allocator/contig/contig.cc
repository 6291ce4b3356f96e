#include "allocator/contig/contig.h"

#include <algorithm>
#include <utility>

#include "allocator/base/error.h"
#include "allocator/buddy/compound.h"

namespace cma {
namespace {

// Calls of migrate_pages after which a batch that is not empty is given up.
constexpr int kMigrateTries = 5;

}  // namespace

Contig::Contig(const Core& core, Buddy& buddy, Lru& lru, MigrateScanner& scanner, Migration& migration,
               Isolation& isolation)
    : release_(core.geometry.release),
      unit_(core.geometry.isolation_unit()),
      core_(core),
      buddy_(buddy),
      lru_(lru),
      scanner_(scanner),
      migration_(migration),
      isolation_(isolation),
      free_scanner_(core, buddy) {}

Task<int> Contig::alloc_contig_range(Pfn start, Pfn end, Migratetype type) {
  CMA_ASSERT(start < end && core_.map.valid(start) && core_.map.valid(end - 1));
  CMA_ASSERT(core_.map.page(start).zone == core_.map.page(end - 1).zone);
  WindowWatcher* const watcher = core_.trace.windows();
  if (watcher != nullptr) watcher->window_begins(start, end);
  const bool moves = core_.bugs.active(Bug::moved_range_fails) && any_in_use(start, end);
  int error = 0;
  if (release_ >= Release::v5_19)
    error = co_await alloc_v5_19(start, end, type);
  else if (release_ >= Release::v4_5)
    error = co_await alloc_v4_5(start, end, type);
  else
    error = co_await alloc_v3_5(start, end, type);
  const bool fails = moves && error == 0 && core_.bugs.fires(Bug::moved_range_fails);
  if (fails) co_await free_contig_range(start, end - start);
  if (fails) error = -kEBUSY;
  if (watcher != nullptr) watcher->window_ended(error);
  co_return error;
}

// --- one request, oldest release first ---

// An error of migration is final. The reclaim before the capture, which 3.8 removed, is left out, as memory is not
// under pressure here.
Task<int> Contig::alloc_v3_5(Pfn start, Pfn end, Migratetype type) {
  const Pfn outer_start = align_down(start, unit_);
  const Pfn outer_end = align_up(end, unit_);
  const int zone = core_.map.page(start).zone;
  int error = co_await isolation_.start_isolate_page_range(outer_start, outer_end, type);
  if (error != 0) {
    co_await undo_failed_start(outer_start, outer_end, type);
    co_return error;
  }
  error = co_await migrate_range(start, end);
  if (error == 0) {
    co_await drain_v3_5(zone);
    co_await at(core_.engine, Point::contig_migrated);
    error = co_await test_and_capture(start, end);
  }
  co_await isolation_.undo_isolate_page_range(outer_start, outer_end, type);
  co_return error;
}

// The test decides whether a page stayed in the way, not migration.
Task<int> Contig::alloc_v4_5(Pfn start, Pfn end, Migratetype type) {
  const Pfn outer_start = align_down(start, unit_);
  const Pfn outer_end = align_up(end, unit_);
  const int zone = core_.map.page(start).zone;
  int error = co_await isolation_.start_isolate_page_range(outer_start, outer_end, type);
  if (error != 0) co_return error;
  // Up to 5.10 isolation has done this after each pageblock.
  if (release_ >= Release::v5_11) co_await drain_zone(zone);
  error = co_await migrate_range(start, end);
  if (error == 0 || error == -kEBUSY) {
    if (release_ < Release::v5_13) co_await drain_v3_5(zone);
    co_await at(core_.engine, Point::contig_migrated);
    const int captured = co_await test_and_capture(start, end);
    error = result_of(error, captured);
  }
  co_await isolation_.undo_isolate_page_range(outer_start, outer_end, type);
  co_return error;
}

// Isolates no more than the pageblocks of the range.
Task<int> Contig::alloc_v5_19(Pfn start, Pfn end, Migratetype type) {
  int error = co_await isolation_.start_isolate_page_range(start, end, type);
  if (error != 0) {
    co_await undo_failed_start(start, end, type);
    co_return error;
  }
  const int zone = core_.map.page(start).zone;
  co_await drain_zone(zone);
  error = co_await migrate_range(start, end);
  co_await at(core_.engine, Point::contig_migrated);
  if (error == 0 || error == -kEBUSY) {
    const int captured = co_await test_and_capture(start, end);
    error = result_of(error, captured);
  }
  co_await isolation_.undo_isolate_page_range(start, end, type);
  co_return error;
}

// --- steps of a request ---

// Follows an isolation that was refused. 3.8 to 5.18 return at once. The others run the undo that ends every request,
// which gives back every isolated pageblock of the range: with Bug::failed_start_undoes also those of other callers.
Task<void> Contig::undo_failed_start(Pfn start, Pfn end, Migratetype type) {
  if (!core_.bugs.active(Bug::failed_start_undoes)) co_return;
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn pfn = align_down(start, step); pfn < end; pfn += step)
    if (isolation_.isolators().of(pfn) != kNoActor) core_.bugs.reached(Bug::failed_start_undoes);
  co_await isolation_.undo_isolate_page_range(start, end, type);
}

// Returns the result of a request whose migration and capture ended so. 4.5 to 4.14 returned migration's -EBUSY even
// when the range had been captured.
int Contig::result_of(int migrated, int captured) {
  if (captured == -kEBUSY && core_.bugs.fires(Bug::busy_is_enomem)) return -kENOMEM;
  if (captured == 0 && migrated == -kEBUSY && core_.bugs.fires(Bug::success_reported_busy)) return -kEBUSY;
  return captured;
}

// Empties the per-CPU lists of the zone.
Task<void> Contig::drain_zone(int zone) {
  if (!core_.bugs.fires(Bug::drain_left_out)) co_await buddy_.per_cpu().drain_all_pages(zone);
}

// Collects what was freed or put back during migration; 5.13 dropped this. 5.1 leaves the per-CPU lists to the drains
// of isolation.
Task<void> Contig::drain_v3_5(int zone) {
  co_await lru_.drain().add_drain_all();
  if (release_ < Release::v5_1) co_await drain_zone(zone);
}

// migrate_prep, in 3.6 migrate_prep_local.
Task<void> Contig::prepare_migration_v3_5() {
  if (core_.bugs.fires(Bug::local_drain_only))
    co_await lru_.drain().add_drain(core_.engine.cpu());
  else
    co_await lru_.drain().add_drain_all();
}

// __alloc_contig_migrate_range: moves the pages of [start, end), batch by batch. Returns 0 or migration's error. 5.13
// keeps pages off the pagevecs meanwhile.
Task<int> Contig::migrate_range(Pfn start, Pfn end) {
  const bool disables_pagevecs = release_ >= Release::v5_13;
  if (disables_pagevecs)
    co_await lru_.drain().cache_disable();
  else
    co_await prepare_migration_v3_5();
  MigrateControl control;
  // 4.12: the flags of the range are the caller's (current_gfp_context).
  const ReclaimScope scope = core_.engine.flags().scope;
  control.may_enter_fs = release_ < Release::v4_12 || !forbids_fs(scope) ||
                         (scope == ReclaimScope::noio && core_.bugs.fires(Bug::noio_enters_files));
  Pfn pfn = start;
  int tries = 0;
  int result = 0;
  while (pfn < end || !control.pages.empty()) {
    core_.engine.turn();
    if (core_.engine.flags().fatal_signal && !core_.bugs.fires(Bug::signal_ignored)) {
      result = -kEINTR;
      break;
    }
    if (control.pages.empty()) {
      CMA_ASSERT(control.nr_pages == 0);
      const int error = co_await scanner_.isolate_range(control, pfn, end);
      if (error != 0 && error != -kEAGAIN) {
        result = error;
        break;
      }
      pfn = control.next;
      if (tries == 0 || !core_.bugs.fires(Bug::tries_carried_over)) tries = 0;
    } else if (++tries == kMigrateTries) {
      const bool keeps_error = release_ < Release::v5_13 && result < 0;
      if (!keeps_error) result = -kEBUSY;
      break;
    }
    if (release_ >= Release::v3_7) co_await migration_.reclaim_clean_pages(control);
    result = (co_await migration_.migrate_pages(control)).error;
    if (release_ >= Release::v5_13 && result == -kENOMEM) break;
  }
  const bool stays_off = result < 0 && disables_pagevecs && core_.bugs.fires(Bug::caches_stay_off);
  if (disables_pagevecs && !stays_off) lru_.drain().cache_enable();
  if (result < 0 && !core_.bugs.fires(Bug::putback_left_out)) co_await migration_.putback(control);
  co_return std::min(result, 0);
}

// Returns whether a page of the range has references, for Bug::moved_range_fails.
bool Contig::any_in_use(Pfn start, Pfn end) const {
  for (Pfn pfn = start; pfn < end; ++pfn)
    if (core_.map.page(pfn).ref > 0) return true;
  return false;
}

// Returns the head of the free block that reaches into a range from before `start`, else `start`: the range is tested
// and captured from there.
Pfn Contig::tested_from(Pfn start) {
  const Pfn outer = buddy_.free_lists().covering_block(start);
  if (outer == kNoPfn || outer == start) return start;
  return core_.bugs.fires(Bug::outer_start_is_start) ? start : outer;
}

// Reports that the range, tested from `outer` on, is not free. Releases up to 5.12 do, and up to 4.12 without limit.
void Contig::log_busy(Pfn outer, Pfn end) {
  if (end - outer > 1 && core_.bugs.fires(Bug::busy_line_misnamed)) [[unlikely]]
    --end;
  if (release_ < Release::v4_13)
    core_.trace.emit(Event::log_pfns_busy, outer, end);
  else if (release_ < Release::v5_13)
    core_.trace.limited(core_.trace.pfns_busy_limit, "alloc_contig_range", Event::log_pfns_busy, outer, end);
}

// Takes [start, end) off the free lists if all of it is free. Returns 0 or -EBUSY.
Task<int> Contig::test_and_capture(Pfn start, Pfn end) {
  if (end - start > 1 && core_.bugs.fires(Bug::last_page_untested)) [[unlikely]]
    --end;
  const Pfn outer = tested_from(start);
  co_await at(core_.engine, Point::contig_outer_start);
  // Up to 4.4 a range whose first page is not free is not even tested.
  if (release_ < Release::v4_5 && !core_.map.page(outer).has(kPageBuddy)) {
    if (core_.trace.windows() != nullptr) core_.trace.windows()->test_failed(start, end, start);
    co_return -kEBUSY;
  }
  if (isolation_.test_pages_isolated(outer, end) != 0) {
    log_busy(outer, end);
    co_return -kEBUSY;
  }
  co_await at(core_.engine, Point::contig_tested);
  const Pfn outer_end = co_await capture(outer, end);
  if (outer_end == 0) co_return -kEBUSY;
  co_await at(core_.engine, Point::contig_captured);
  if (outer < start) co_await free_contig_range(outer, start - outer);
  if (outer_end > end) co_await free_contig_range(end, outer_end - end);
  co_return 0;
}

// isolate_freepages_range: returns the end of the last free block that was taken; 0, with nothing taken, if a page was
// in the way.
Task<Pfn> Contig::capture(Pfn start, Pfn end) {
  PageList captured;
  const std::uint64_t step = core_.map.pageblock_pages();
  Pfn pfn = start;
  while (pfn < end) {
    core_.engine.turn();
    const Pfn block_end = std::min(core_.map.pageblock_start(pfn) + step, end);
    FreeScan scan;
    scan.start = pfn;
    scan.end = block_end;
    scan.lists = &captured;
    scan.strict = true;
    const std::uint64_t taken = co_await free_scanner_.isolate_block(scan);
    if (taken == 0) break;
    pfn += taken;
  }
  const bool complete = pfn >= end;
  while (!captured.empty()) {
    core_.engine.turn();
    const Frame frame = captured.pop_front(core_.map);
    const Pfn head = core_.map.pfn(frame);
    const unsigned order = core_.map.at(frame).order;
    split_captured(core_.map, head, order);
    if (complete && core_.bugs.fires(Bug::capture_counts_twice)) [[unlikely]]
      ++core_.map.edit(head).ref;
    if (complete) continue;
    for (Pfn p = head; p < head + order_pages(order); ++p) co_await buddy_.free_pages(p, 0);
  }
  co_return complete ? pfn : 0;
}

Task<void> Contig::free_contig_range(Pfn pfn, std::uint64_t pages) {
  const bool neighbour = core_.map.valid(pfn + pages) && core_.map.page(pfn + pages).ref > 0;
  if (neighbour && core_.bugs.fires(Bug::free_takes_neighbour)) [[unlikely]]
    ++pages;
  std::uint64_t in_use = 0;
  for (Pfn p = pfn; p < pfn + pages; ++p) {
    core_.engine.turn();
    if (const std::uint64_t run = buddy_.free_plain_run(p, pfn + pages - p); run > 0) {
      // Every page of the run has passed the point, which is not watched.
      core_.engine.passed(Point::free_page_prepared);
      core_.engine.charge(run - 1);
      p += run - 1;
      continue;
    }
    Page& page = core_.map.edit(p);
    CMA_ASSERT(page.ref > 0);
    in_use += page.ref != 1 ? 1U : 0U;
    if (--page.ref > 0) {
      if (!core_.bugs.fires(Bug::frees_pinned)) continue;
      page.ref = 0;
    }
    Buddy::PendingFree pending = buddy_.prepare_free(p, 0);
    co_await at(core_.engine, Point::free_page_prepared);
    buddy_.commit_free(std::move(pending));
  }
  if (in_use != 0 && release_ >= Release::v3_8) core_.trace.emit(Event::log_still_in_use, in_use);
}

}  // namespace cma
