#include "allocator/owners/owner_reclaim.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

constexpr auto kEra = {Release::v3_6, Release::v4_19, Release::v5_10, Release::v5_15,
                       Release::v6_1, Release::v6_6,  Release::v6_12};

// Pages as reclaim has them: off the LRU, on a list of its own.
class OwnerReclaimTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    return g;
  }
  OwnerReclaim& reclaim() { return machine->owner_reclaim; }
  Pfn pfn_of(OwnerId id) const { return machine->owners.owner(id).pfn; }
  const Pte& pte_of(OwnerId id) const { return machine->spaces.pte(machine->owners.owner(id).first_pte); }
  OwnerId isolated_file_page() {
    const OwnerId id = read_page(*machine, file, next++);
    EXPECT_TRUE(machine->lru.listed().isolate(pfn_of(id)));
    return id;
  }
  // Maps a page of a file in a process of its own, which has used it. Returns the process.
  SpaceId map(OwnerId id, bool executable = false) {
    const SpaceId mapper = machine->processes.spawn();
    const MappingId shared = machine->processes.mmap_shared(mapper, {id}, executable);
    EXPECT_EQ(run_now(machine->processes.touch_shared(mapper, shared, 0, /*write=*/false)), 0);
    return mapper;
  }
  // Returns a private page of one process.
  OwnerId private_page() {
    process = machine->processes.spawn();
    mapping = machine->processes.mmap_anon(process, 1);
    EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
    run_now(machine->lru.drain().add_drain(0));
    return machine->processes.page_at(process, mapping, 0);
  }
  // Returns one that the process has given up (MADV_FREE), off the LRU.
  OwnerId given_up() {
    const OwnerId id = private_page();
    run_now(machine->processes.madv_free(process, mapping, 0, 1));
    run_now(machine->lru.drain().add_drain(0));
    EXPECT_TRUE(machine->lru.listed().isolate(pfn_of(id)));
    return id;
  }
  // Begins a task that waits for the page-table lock of a process, which another actor has. That one does something
  // under the lock, and drops it; then the task runs to its end.
  template <class T, class Change>
  T while_it_waits(SpaceId locked, Task<T> task, const Change& change) {
    Engine& engine = machine->engine;
    const ActorId other = engine.add_actor(1);
    engine.assume(other);
    EXPECT_TRUE(machine->spaces.lock(locked).try_lock(engine));
    Outcome<T> outcome;
    const ActorId actor = start_task(*machine, keep_outcome(std::move(task), &outcome));
    EXPECT_EQ(engine.look(actor).state, ActorState::waiting);
    engine.assume(other);
    change();
    machine->spaces.lock(locked).unlock(engine);
    run_to_rest(*machine);
    return *outcome.value;
  }
  // Removes the only pte of a page, as the process that unmaps it does.
  void zap(OwnerId id) {
    const Pfn pfn = pfn_of(id);
    machine->reverse_map.zap_pte(machine->owners.owner(id).first_pte);
    --machine->map.edit(pfn).ref;
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  FileId file = machine->files.open(FileMethod::ordered, /*slow=*/false);
  std::uint64_t next = 0;
  SpaceId process = 0;
  MappingId mapping = 0;
};
INSTANTIATE_TEST_SUITE_P(Releases, OwnerReclaimTest, ::testing::ValuesIn(kEra));

// --- use ---

TEST_P(OwnerReclaimTest, EachPteIsAskedOnce) {
  const OwnerId id = isolated_file_page();
  for (const bool executable : {true, false, true}) map(id, executable);
  OwnerReclaim::Referenced used = run_now(reclaim().referenced(pfn_of(id)));
  EXPECT_EQ(used.ptes, 3U);
  EXPECT_TRUE(used.executable);
  used = run_now(reclaim().referenced(pfn_of(id)));
  EXPECT_EQ(used.ptes, 0U);
  EXPECT_FALSE(used.executable) << "only what was used since counts";
}

TEST_P(OwnerReclaimTest, APteThatGoesBeforeItIsAskedDoesNotCount) {
  const OwnerId id = isolated_file_page();
  const SpaceId mapper = map(id);
  const auto used = while_it_waits(mapper, reclaim().referenced(pfn_of(id)), [&] { zap(id); });
  EXPECT_EQ(used.ptes, 0U);
}

// Reclaim asks active private memory without the page's lock, so that a migration may unmap it meanwhile.
TEST_P(OwnerReclaimTest, AMigrationEntryIsNotAsked) {
  const OwnerId id = private_page();
  const PteId pte = machine->owners.owner(id).first_pte;
  const auto used =
      while_it_waits(process, reclaim().referenced(pfn_of(id)), [&] { machine->reverse_map.set_migration_entry(pte); });
  EXPECT_EQ(used.ptes, 0U);
  machine->reverse_map.remove_migration_entry(pte);
}

// --- unmapping ---

TEST_P(OwnerReclaimTest, APageThatItsProcessUnmapsMeanwhileIsUnmappedOnce) {
  const OwnerId id = isolated_file_page();
  const Pfn pfn = pfn_of(id);
  const SpaceId mapper = map(id);
  EXPECT_TRUE(while_it_waits(mapper, reclaim().unmap(pfn), [&] { zap(id); }));
  EXPECT_EQ(machine->map.page(pfn).map, 0);
  EXPECT_EQ(machine->map.page(pfn).ref, 2) << "the cache's and the list's";
}

// --- the end ---

TEST_P(OwnerReclaimTest, APageOfAFileLeavesItsCacheOnlyIfItIsCleanAndOfNoUseToOthers) {
  const OwnerId id = isolated_file_page();
  const Pfn pfn = pfn_of(id);
  machine->map.edit(pfn).flags |= kPageDirty;
  EXPECT_FALSE(reclaim().remove_mapping(pfn)) << "it is dirty";
  machine->map.edit(pfn).flags &= ~kPageDirty;
  machine->lru.references().get_page(pfn);
  EXPECT_FALSE(reclaim().remove_mapping(pfn)) << "it is held";
  run_now(machine->lru.references().put_page(pfn));
  EXPECT_EQ(machine->map.page(pfn).owner, id) << "an attempt in vain changes nothing";
  EXPECT_TRUE(reclaim().remove_mapping(pfn));
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
  EXPECT_EQ(machine->map.page(pfn).owner, 0U);
  EXPECT_TRUE(machine->owners.released(id));
}

TEST_P(OwnerReclaimTest, ATruncatedPageIsInNoCacheAndGoesWithItsLastReference) {
  const OwnerId id = isolated_file_page();
  const Pfn pfn = pfn_of(id);
  machine->page_cache.hold_buffer(id);
  const BufferId buffer = machine->page_cache.buffer_of(id);
  run_now(machine->files.truncate(file, 0));
  ASSERT_EQ(machine->map.page(pfn).owner, 0U);
  EXPECT_TRUE(machine->owner_moves.moves_dirty(pfn)) << "nothing forbids it";
  EXPECT_FALSE(reclaim().remove_mapping(pfn));
  EXPECT_EQ(run_now(reclaim().page_out(pfn)), OwnerReclaim::Written::keep);
  machine->lru.references().get_page(pfn);
  EXPECT_EQ(run_now(reclaim().page_out(pfn)), OwnerReclaim::Written::keep) << "nor does a reference make it a file's";
  run_now(machine->lru.references().put_page(pfn));
  EXPECT_FALSE(reclaim().take_orphan(pfn)) << "it has a buffer";
  machine->buffers.put(buffer);
  ASSERT_TRUE(reclaim().release_buffers(pfn));
  machine->lru.references().get_page(pfn);
  EXPECT_FALSE(reclaim().take_orphan(pfn)) << "it is held";
  run_now(machine->lru.references().put_page(pfn));
  EXPECT_TRUE(reclaim().take_orphan(pfn));
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
}

// --- memory that was given up ---

class GivenUpTest : public OwnerReclaimTest {};
INSTANTIATE_TEST_SUITE_P(Since4_12, GivenUpTest,
                         ::testing::Values(Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6,
                                           Release::v6_12));

TEST_P(GivenUpTest, WhatIsLockedStaysMappedAndIsMarked) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  machine->spaces.pte(machine->owners.owner(id).first_pte).locked = true;
  const auto used = run_now(reclaim().referenced(pfn));
  EXPECT_TRUE(used.locked);
  EXPECT_EQ(used.ptes, 0U) << "how it is used does not matter";
  EXPECT_EQ(machine->map.page(pfn).has(kPageMlocked), GetParam() >= Release::v5_18);
  EXPECT_FALSE(run_now(reclaim().unmap(pfn)));
  EXPECT_TRUE(machine->map.page(pfn).has(kPageMlocked)) << "at the latest the attempt to unmap it finds out";
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), id);
  EXPECT_FALSE(machine->map.page(pfn).has(kPageSwapbacked));
}

TEST_P(GivenUpTest, WhatIsLockedWhileItsPteIsWaitedForStays) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  EXPECT_FALSE(while_it_waits(process, reclaim().unmap(pfn),
                              [&] { machine->spaces.pte(machine->owners.owner(id).first_pte).locked = true; }));
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), id);
  EXPECT_TRUE(machine->map.page(pfn).has(kPageMlocked));
}

TEST_P(GivenUpTest, WhatIsUnmappedWhileItsPteIsWaitedForIsGone) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  EXPECT_TRUE(while_it_waits(process, reclaim().unmap(pfn), [&] { zap(id); }));
  EXPECT_EQ(machine->map.page(pfn).ref, 1) << "the list's";
  EXPECT_FALSE(machine->map.page(pfn).has(kPageSwapbacked)) << "it was not written to";
}

TEST_P(GivenUpTest, PagesThatNoProcessMapsAreUnmappedAlike) {
  for (const bool written : {false, true}) {
    const OwnerId id = own_frame(*machine, written ? 601 : 600, PageKind::anonymous);
    const Pfn pfn = pfn_of(id);
    machine->spaces.pte(machine->owners.owner(id).first_pte).dirty = written;
    run_now(machine->lru.pagevecs().madv_free(pfn));
    run_now(machine->lru.drain().add_drain(0));
    ASSERT_TRUE(machine->lru.listed().isolate(pfn));
    EXPECT_EQ(run_now(reclaim().unmap(pfn)), !written);
    EXPECT_EQ(machine->map.page(pfn).map, written ? 1 : 0);
    EXPECT_EQ(machine->map.page(pfn).has(kPageSwapbacked), written);
  }
}

TEST_P(GivenUpTest, WhatIsStillMappedIsNotDropped) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  EXPECT_FALSE(reclaim().remove_mapping(pfn));
  ASSERT_TRUE(run_now(reclaim().unmap(pfn)));
  EXPECT_TRUE(reclaim().remove_mapping(pfn));
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
}

}  // namespace
}  // namespace cma
