// Pages of a batch that others lock, hold or pin at the same time, and those of shared memory.

#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

class BusyBatchTest : public BatchFixture {
 protected:
  // Tries one page, alone.
  std::uint64_t shrink(OwnerId id) {
    list = PageList{};
    counts = {};
    isolate(id);
    return shrink_batch();
  }
  // Returns a dirty page that kswapd would write: met before, in a node whose batches are dirty as a whole.
  OwnerId page_to_write(FileId file) {
    const OwnerId id = read_page(*machine, file, next++);
    machine->page_cache.make_dirty(id);
    machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
    control.kswapd = true;
    control.priority = 1;
    node.dirty = true;
    return id;
  }

  std::uint64_t next = 0;
};
INSTANTIATE_TEST_SUITE_P(Releases, BusyBatchTest, ::testing::ValuesIn(modelled_releases()));

// --- writing ---

TEST_P(BusyBatchTest, WhileWatermarksAreRaisedNothingIsWritten) {
  const OwnerId id = page_to_write(fast);
  control.may_writepage = false;
  EXPECT_EQ(shrink(id), 0U);
  EXPECT_TRUE(page_of(id).has(kPageDirty));
  EXPECT_EQ(events.nr_vmscan_write, 0U);
}

TEST_P(BusyBatchTest, ADirtyPageThatOthersHoldIsNotWritten) {
  const OwnerId id = page_to_write(fast);
  machine->lru.references().get_page(pfn_of(id));
  EXPECT_EQ(shrink(id), 0U);
  EXPECT_TRUE(page_of(id).has(kPageDirty));
  EXPECT_FALSE(page_of(id).has(kPageActive | kPageLocked));
  EXPECT_EQ(events.nr_vmscan_write, 0U);
  EXPECT_EQ(counts.congested, GetParam() < Release::v3_11 ? 1U : 0U);
}

TEST_P(BusyBatchTest, APageThatOthersLockOnceItIsWrittenStays) {
  if (GetParam() >= Release::v6_2) GTEST_SKIP() << "writes no single pages";
  const OwnerId id = page_to_write(slow);
  isolate(id);
  Outcome<std::uint64_t> reclaimed;
  start_task(*machine, keep_outcome(batch.shrink(list, control, node, counts), &reclaimed), Point::io_submitted);
  ASSERT_TRUE(page_of(id).has(kPageWriteback));
  const ActorId other = machine->engine.add_actor(0);
  machine->engine.assume(other);
  EXPECT_TRUE(run_now(machine->device.complete_one()));
  ASSERT_TRUE(machine->page_locks.try_lock(pfn_of(id)));
  for (ActorId actor = 0; actor < other; ++actor)
    if (machine->engine.look(actor).state == ActorState::ready) machine->engine.resume(actor);
  EXPECT_EQ(reclaimed.value, 0U);
  EXPECT_FALSE(page_of(id).has(kPageDirty));
  EXPECT_TRUE(page_of(id).has(kPageLocked)) << "the lock is the other's";
}

// --- truncated pages ---

TEST_P(BusyBatchTest, ATruncatedPageThatOthersHoldStaysWithoutItsBuffer) {
  const FileId file = machine->files.open(FileMethod::journalled, /*slow=*/false);
  const OwnerId id = read_page(*machine, file, 0);
  const Pfn pfn = pfn_of(id);
  machine->page_cache.hold_buffer(id);
  const BufferId buffer = machine->page_cache.buffer_of(id);
  isolate(id);
  run_now(machine->files.truncate(file, 0));
  machine->buffers.put(buffer);
  machine->lru.references().get_page(pfn);
  EXPECT_EQ(shrink_batch(), 0U);
  EXPECT_FALSE(machine->map.page(pfn).has(kPagePrivate | kPageLocked | kPageActive));
  EXPECT_EQ(machine->map.page(pfn).ref, 2) << "the list's and the holder's";
}

// --- memory without a copy ---

TEST_P(BusyBatchTest, PinnedPrivateMemoryIsNotEvenActivatedSince5_10) {
  const OwnerId id = own_frame(*machine, 600, PageKind::anonymous);
  machine->spaces.pte(machine->owners.owner(id).first_pte).young = false;
  machine->map.edit(600).ref += 1024;
  EXPECT_EQ(shrink(id), 0U);
  EXPECT_EQ(page_of(id).has(kPageActive), GetParam() < Release::v5_10);
}

TEST_P(BusyBatchTest, SharedMemoryThatIsAccessedThroughItsFileStays) {
  const OwnerId id = own_frame(*machine, 600, PageKind::shmem);
  machine->map.edit(600).flags |= kPageReferenced;
  EXPECT_EQ(shrink(id), 0U);
  EXPECT_FALSE(machine->owners.released(id));
  EXPECT_TRUE(page_of(id).has(kPageActive)) << "there is no swap to write it to";
}

// Up to 5.8 any use keeps it; since then the first use counts once, executable or not.
TEST_P(BusyBatchTest, SharedMemoryThatIsExecutedIsNoFilesPage) {
  const OwnerId id = own_frame(*machine, 600, PageKind::shmem);
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_shared(process, {id}, /*executable=*/true);
  EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
  machine->map.edit(600).flags &= ~kPageReferenced;
  EXPECT_EQ(shrink(id), 0U);
  const bool at_once = GetParam() < Release::v5_9;
  EXPECT_EQ(page_of(id).has(kPageActive), at_once);
  EXPECT_EQ(counts.ref_keep, at_once ? 0U : 1U);
}

// --- locked memory ---

// mlock marks a mapping's ptes before it comes to the page.
TEST_P(BusyBatchTest, MemoryThatIsBeingLockedStaysMapped) {
  if (GetParam() < Release::v4_12) GTEST_SKIP() << "private memory is not unmapped";
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_anon(process, 1);
  EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
  run_now(machine->lru.drain().add_drain(0));
  run_now(machine->processes.madv_free(process, mapping, 0, 1));
  run_now(machine->lru.drain().add_drain(0));
  const OwnerId id = machine->processes.page_at(process, mapping, 0);
  machine->spaces.pte(machine->owners.owner(id).first_pte).locked = true;
  EXPECT_EQ(shrink(id), 0U);
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), id);
  EXPECT_TRUE(page_of(id).has(kPageMlocked));
  EXPECT_FALSE(page_of(id).has(kPageActive));
}

}  // namespace
}  // namespace cma
