// Promise: when no actor is inside an operation, nothing of an operation is left over. A signal stays pending.
//
// The kernel's exception: from 5.1 to 6.2 a contiguous range sets the skip bit of a pageblock in which it found nothing
// to take. Until its I/O completes, a page that is read ahead stays locked and a page that is written stays under
// writeback: the device holds these, and at the end of a program all I/O is complete.

#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Looks for leftovers whenever the machine is at rest.
class Leftovers final : public Witness {
 public:
  void op_performed(Machine& machine, std::size_t) override {
    if (machine.booted() && machine.engine.at_rest()) look(machine);
  }
  void program_ended(Machine& machine) override {
    claim(machine.engine.at_rest(), "an actor is inside an operation");
    look(machine);
    look_at_pages(machine);
  }

 private:
  void look(Machine& machine) {
    look_for_locks(machine);
    look_at_tasks(machine);
    for (const Migratetype type : machine.map.types()) claim(type != Migratetype::isolate, "a pageblock is isolated");
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
      claim(machine.buddy.zone(z).nr_isolate_pageblock == 0, "a zone counts isolated pageblocks");
    claim(machine.isolation.isolators().held().empty(), "an isolated pageblock was not given back");
    claim(machine.lru.drain().disable_count() == 0, "the LRU caches are disabled");
    claim(machine.lru.lists().isolated_anon() == 0 && machine.lru.lists().isolated_file() == 0,
          "isolated pages are counted");
    const bool ranges_leave_hints = machine.release() >= Release::v5_1 && machine.release() < Release::v6_3;
    const bool compacted = machine.compaction.runs() != 0;
    claim(compacted || ranges_leave_hints || !machine.scanner.hints().touched(), "a hint is left without a compaction");
  }
  void look_at_tasks(Machine& machine) {
    for (ActorId actor = 0; actor < machine.engine.actors(); ++actor)
      claim(!machine.engine.flags(actor).memalloc_pin, "a task is in the scope of a long-term pin that has ended");
  }
  void look_for_locks(Machine& machine) {
    claim(!machine.engine.spinlocks().any_held(), "a spinlock is held");
    claim(!machine.areas.table().cma_mutex.held(), "cma_mutex is held");
    for (AreaId id = 0; id < machine.areas.size(); ++id)
      claim(!machine.areas.area(id).lock.held(), "cma->lock of an area is held");
    claim(!machine.buddy.per_cpu().drain_mutex().held(), "pcpu_drain_mutex is held");
    for (SpaceId space = 0; space < machine.processes.count(); ++space)
      claim(!machine.spaces.lock(space).held(), "a page-table lock is held");
    claim(machine.page_locks.none_held_by_actors(), "a page lock is held by an actor");
    claim(machine.buffers.locks().none_held_by_actors(), "a buffer lock is held by an actor");
  }
  void look_at_pages(const Machine& machine) {
    constexpr std::uint32_t kPassing = kPageInFlight | kPageTaskList | kPageIsolated | kPageLocked | kPageWriteback;
    for (const Page& page : machine.map.pages()) claim(!page.has(kPassing), "a page is locked, isolated or in flight");
    claim(machine.device.pending().empty(), "I/O is under way");
    for (BufferId id = 1; id <= machine.buffers.size(); ++id)
      claim(!machine.buffers.buffer(id).locked, "a buffer is locked");
  }
};

PROMISE(RestPromise, no_lock_is_held_no_pageblock_isolated_no_cache_disabled_and_no_page_in_flight,
        {.planted = {Bug::sweep_keeps_lock,
                     Bug::undo_stops_short,
                     {Bug::caches_stay_off, Release::v6_1},
                     {Bug::range_sets_hints, Release::v4_19}}}) {
  Leftovers leftovers;
  run_checked(program, &leftovers);
  leftovers.assert_all_held();
}

// The same where contiguous ranges fail half-way, at pages that are pinned.
PROMISE(RestPromise, a_range_that_fails_leaves_nothing_behind,
        {.programs = {.options = {.min_ops = 20,
                                  .kinds = kinds_of<Pin, GetPage, OwnedPages<PageKind::anonymous>,
                                                    OwnedPages<PageKind::shmem>, AllocRange>()}},
         .planted = {Bug::putback_left_out}}) {
  Leftovers leftovers;
  run_checked(program, &leftovers);
  leftovers.assert_all_held();
}

// Begins with a page of an area that a driver refers to, and a long-term pin that it stands in the way of: since 5.13
// that fails.
void pin_in_vain(Random& random, Program& program) {
  if (program.machine.areas.empty()) return;
  Story story(program);
  const Place place = Place::of_area({.id = 0}, random.below(program.machine.areas.front().pages));
  const OpRef process = story.add(Spawn{});
  const OpRef memory = story.add(MmapAnon{.process = process, .pages = 1, .at = place});
  story.add(GetPage{.page = place});
  story.add(PinLongterm{.mapping = memory, .from = 0, .in = {}});
}

PROMISE(RestPromise, a_long_term_pin_leaves_its_task_in_no_scope,
        {.programs = {.options = {.min_ops = 20,
                                  .release = {},
                                  .kinds = kinds_of<Spawn, MmapAnon, GetPage, PinLongterm, Fork, AllocPages>()},
                      .prepare = pin_in_vain},
         .planted = {{Bug::pin_scope_kept, Release::v6_1}, {Bug::pin_scope_kept, Release::v6_12}}}) {
  Leftovers leftovers;
  run_checked(program, &leftovers);
  leftovers.assert_all_held();
}

PROMISE(RestPromise, a_contiguous_range_leaves_no_hint, {.planted = {{Bug::range_sets_hints, Release::v4_19}}}) {
  assert_laws_hold(program, {Law::hints});
}

}  // namespace
}  // namespace cma
