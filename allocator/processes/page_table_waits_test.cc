// Actors that wait for a page-table lock, and find when they have it that others have changed the pte.

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class PageTableWaitTest : public ::testing::TestWithParam<Release> {
 protected:
  void SetUp() override {
    populate_lru(*machine, 100);
    holder = machine->engine.add_actor(1);
  }
  SpaceId process_with_a_page() {
    const SpaceId process = machine->processes.spawn();
    const MappingId mapping = machine->processes.mmap_anon(process, 1);
    EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
    run_now(machine->lru.drain().add_drain_all());
    return process;
  }
  OwnerId page_of(SpaceId process) const { return machine->processes.page_at(process, 0, 0); }
  Pfn pfn_of(OwnerId id) const { return machine->owners.owner(id).pfn; }
  // Another actor takes the page-table lock of a process, and gives it back.
  void lock(SpaceId process) {
    machine->engine.assume(holder);
    EXPECT_TRUE(machine->spaces.lock(process).try_lock(machine->engine));
  }
  void unlock(SpaceId process) {
    machine->engine.assume(holder);
    machine->spaces.lock(process).unlock(machine->engine);
  }
  // Runs actors until none is ready.
  void run_ready() {
    for (ActorId actor = 0; actor < machine->engine.actors(); ++actor) {
      if (machine->engine.look(actor).state != ActorState::ready) continue;
      machine->engine.resume(actor);
      actor = 0;
    }
  }
  bool waits(ActorId actor) const { return machine->engine.look(actor).state == ActorState::waiting; }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  ActorId holder = kNoActor;
};
INSTANTIATE_TEST_SUITE_P(Releases, PageTableWaitTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(PageTableWaitTest, AWriteThatFindsItsPageWritableCopiesNothing) {
  const SpaceId parent = process_with_a_page();
  run_now(machine->processes.exit(run_now(machine->processes.fork(parent))));
  const OwnerId page = page_of(parent);
  const PteId pte = machine->owners.owner(page).first_pte;
  ASSERT_FALSE(machine->spaces.pte(pte).writable) << "the fork has seen to that";
  lock(parent);
  Outcome<int> written;
  ASSERT_TRUE(waits(start_task(*machine, keep_outcome(machine->processes.write(parent, 0, 0), &written))));
  machine->spaces.pte(pte).writable = true;  // as another fault of the process does
  unlock(parent);
  run_to_rest(*machine);
  EXPECT_EQ(written.value, 0);
  EXPECT_EQ(page_of(parent), page);
}

// The page counts one mapping then, and has another all the same.
TEST_P(PageTableWaitTest, AWriteToAPageWhoseOtherPteIsAMigrationEntryCopiesIt) {
  const SpaceId parent = process_with_a_page();
  const SpaceId child = run_now(machine->processes.fork(parent));
  const OwnerId page = page_of(parent);
  const Pfn pfn = pfn_of(page);
  lock(parent);
  Outcome<int> written;
  ASSERT_TRUE(waits(start_task(*machine, keep_outcome(machine->processes.write(parent, 0, 0), &written))));
  machine->engine.assume(holder);
  ASSERT_TRUE(machine->lru.listed().isolate(pfn));
  ASSERT_TRUE(machine->page_locks.try_lock(pfn));
  // The child's pte is replaced; then this waits for the parent's, after the writer.
  ASSERT_TRUE(waits(start_task(*machine, machine->owner_moves.unmap(pfn))));
  ASSERT_EQ(machine->map.page(pfn).map, 1);
  unlock(parent);
  run_ready();
  EXPECT_FALSE(written.value) << "it waits for the page, which has no pte at all now";
  machine->engine.assume(holder);
  run_now(machine->owner_moves.remap(pfn, pfn));
  machine->page_locks.unlock(pfn);
  run_now(machine->lru.listed().putback(pfn));
  run_to_rest(*machine);
  EXPECT_EQ(written.value, 0);
  EXPECT_NE(page_of(parent), page) << "the child's data is not the parent's to write to";
  EXPECT_EQ(page_of(child), page);
}

TEST_P(PageTableWaitTest, ATruncationFindsItsPageUnmapped) {
  const FileId file = machine->files.open(FileMethod::ordered, /*slow=*/false);
  const OwnerId id = read_page(*machine, file, 0);
  const Pfn pfn = pfn_of(id);
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_shared(process, {id});
  EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
  run_now(machine->lru.drain().add_drain_all());
  lock(process);
  ASSERT_TRUE(waits(start_task(*machine, machine->files.truncate(file, 0))));
  machine->engine.assume(holder);
  machine->reverse_map.zap_pte(machine->owners.owner(id).first_pte);
  --machine->map.edit(pfn).ref;
  unlock(process);
  run_to_rest(*machine);
  EXPECT_TRUE(machine->owners.released(id));
  EXPECT_EQ(machine->map.page(pfn).map, 0);
  EXPECT_EQ(machine->map.page(pfn).ref, 0) << "its mapping was taken away once";
}

TEST_P(PageTableWaitTest, AMigrationEntryOfLockedMemoryMapsNothing) {
  const SpaceId process = process_with_a_page();
  run_now(machine->processes.mlock(process, 0));
  const OwnerId id = page_of(process);
  const PteId pte = machine->owners.owner(id).first_pte;
  EXPECT_TRUE(machine->reverse_map.mapped_locked(id));
  machine->reverse_map.set_migration_entry(pte);
  EXPECT_FALSE(machine->reverse_map.mapped_locked(id));
  machine->reverse_map.remove_migration_entry(pte);
  EXPECT_TRUE(machine->reverse_map.mapped_locked(id));
}

// --- pins ---

// The page is on another actor's list; when the pin looks again, it has been unmapped to be moved. The pin waits for
// the move like any other that touches the page.
TEST_P(PageTableWaitTest, ALongTermPinFindsItsPageOnTheMove) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "the page stays if it cannot be isolated";
  constexpr Pfn kInArea = 0x208;
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_anon(process, 1);
  ASSERT_EQ(run_now(machine->contig.alloc_contig_range(kInArea, kInArea + 1, Migratetype::cma)), 0);
  ASSERT_EQ(run_now(machine->processes.write(process, mapping, 0, kInArea)), 0);
  run_now(machine->lru.drain().add_drain_all());
  machine->engine.assume(holder);
  ASSERT_TRUE(machine->lru.listed().isolate(kInArea));
  Pfn pinned = kNoPfn;
  Outcome<int> outcome;
  const ActorId pinner =
      start_task(*machine, keep_outcome(machine->processes.pin_longterm(process, mapping, 0, &pinned), &outcome));
  ASSERT_EQ(machine->engine.look(pinner).state, ActorState::sleeping);
  machine->engine.assume(holder);
  ASSERT_TRUE(machine->page_locks.try_lock(kInArea));
  run_now(machine->owner_moves.unmap(kInArea));
  machine->engine.advance_to(machine->engine.look(pinner).wake_time);
  machine->engine.resume(pinner);
  EXPECT_TRUE(waits(pinner)) << "for the page's lock";
  machine->engine.assume(holder);
  run_now(machine->owner_moves.remap(kInArea, kInArea));
  machine->page_locks.unlock(kInArea);
  run_now(machine->lru.listed().putback(kInArea));
  run_now(machine->lru.drain().add_drain_all());
  run_to_rest(*machine);
  // The second touch has left the page in a pagevec: before 6.1 none is emptied for a page that is on the LRU.
  const bool refused = GetParam() < Release::v6_1;
  EXPECT_EQ(outcome.value, refused ? -kENOMEM : 0);
  EXPECT_EQ(machine->map.pageblock_type(pinned) == Migratetype::cma, refused) << "else it has left the area";
}

// A pin that fails before 5.1 was in no scope, and leaves none.
TEST_P(PageTableWaitTest, APinThatFailsLeavesNoScope) {
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_anon(process, 1);
  while (machine->buddy.alloc_pages(kGfpHighuserMovable | kGfpNowarn, 0) != kNoPfn) {
  }
  Pfn pinned = kNoPfn;
  EXPECT_NE(run_now(machine->processes.pin_longterm(process, mapping, 0, &pinned)), 0);
  EXPECT_FALSE(machine->engine.flags().memalloc_pin);
}

}  // namespace
}  // namespace cma
