// Shared mappings: they map cached pages, and writeback, truncation and exit take them away again.

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class SharedMappingsTest : public testing::TestWithParam<Release> {
 protected:
  SharedMappingsTest() : machine_(make_machine(default_small_geometry(GetParam()))) {
    populate_lru(*machine_, 100);
    file_ = machine_->files.open(FileMethod::ordered, /*slow=*/false);
    // By readahead, so that no reader has used it.
    page_ = run_now(machine_->files.read(file_, 0, /*readahead=*/true)).page;
    run_now(machine_->lru.drain().add_drain_all());
  }

  // A process that maps the page and has read from it.
  SpaceId mapper() {
    const SpaceId process = machine_->processes.spawn();
    machine_->processes.mmap_shared(process, {page_});
    EXPECT_EQ(0, touch(process, false));
    return process;
  }
  int touch(SpaceId process, bool write) { return run_now(machine_->processes.touch_shared(process, 0, 0, write)); }
  const Page& page() const { return machine_->map.page(machine_->owners.owner(page_).pfn); }

  std::unique_ptr<Machine> machine_;
  FileId file_ = 0;
  OwnerId page_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Releases, SharedMappingsTest, testing::ValuesIn(modelled_releases()));

TEST_P(SharedMappingsTest, EachMappingIsAReferenceAndAMapCount) {
  mapper();
  mapper();
  EXPECT_EQ(3, page().ref) << "the cache's, and one a mapping";
  EXPECT_EQ(2, page().map);
}

TEST_P(SharedMappingsTest, ReadingLeavesThePageCleanAndWritingMakesItDirty) {
  const SpaceId process = mapper();
  EXPECT_FALSE(page().has(kPageDirty));
  const std::uint32_t before = page().token;
  EXPECT_EQ(0, touch(process, true));
  EXPECT_TRUE(page().has(kPageDirty));
  EXPECT_NE(before, page().token);
}

// page_mkclean: else a write after writeback began would be lost.
TEST_P(SharedMappingsTest, WritebackLetsTheNextWriteFaultAgain) {
  const SpaceId process = mapper();
  ASSERT_EQ(0, touch(process, true));
  run_now(machine_->files.writeback(page_));
  EXPECT_FALSE(page().has(kPageDirty));
  ASSERT_EQ(0, touch(process, true));
  EXPECT_TRUE(page().has(kPageDirty));
}

TEST_P(SharedMappingsTest, AChildHasToFaultForItself) {
  const SpaceId child = run_now(machine_->processes.fork(mapper()));
  EXPECT_EQ(1, page().map);
  EXPECT_EQ(0, touch(child, false));
  EXPECT_EQ(2, page().map);
}

TEST_P(SharedMappingsTest, ExitGivesTheReferenceBackAndMarksThePageUsed) {
  run_now(machine_->processes.exit(mapper()));
  EXPECT_EQ(1, page().ref);
  EXPECT_EQ(0, page().map);
  EXPECT_TRUE(page().has(kPageReferenced));
}

TEST_P(SharedMappingsTest, APageThatTwoDeadProcessesUsedIsActive) {
  run_now(machine_->processes.exit(mapper()));
  run_now(machine_->processes.exit(mapper()));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_TRUE(page().has(kPageActive));
}

TEST_P(SharedMappingsTest, DroppingLeavesMappedPagesAlone) {
  mapper();
  run_now(machine_->files.drop(file_));
  EXPECT_EQ(page_, machine_->files.cached(file_, 0));
}

TEST_P(SharedMappingsTest, TruncationUnmapsAndTheNextTouchReadsAgain) {
  const SpaceId process = mapper();
  const Pfn before = machine_->owners.owner(page_).pfn;
  run_now(machine_->files.truncate(file_, 0));
  EXPECT_EQ(0, machine_->map.page(before).ref);
  EXPECT_EQ(0U, machine_->processes.page_at(process, 0, 0));
  ASSERT_EQ(0, touch(process, false));
  page_ = machine_->files.cached(file_, 0);
  EXPECT_EQ(page_, machine_->processes.page_at(process, 0, 0));
  EXPECT_EQ(1, page().map);
  EXPECT_FALSE(page().has(kPageReferenced)) << "a fault leaves that to its pte";
}

TEST_P(SharedMappingsTest, TouchingTruncatedSharedMemoryIsABusError) {
  const Pfn frame = machine_->buddy.alloc_pages(kGfpHighuserMovable, 0);
  page_ = run_now(machine_->owners.adopt(frame, PageKind::shmem));
  const SpaceId process = mapper();
  run_now(machine_->owners.release(page_));
  EXPECT_EQ(0, machine_->map.page(frame).map);
  EXPECT_EQ(-kEFAULT, touch(process, true));
}

TEST_P(SharedMappingsTest, PrivatePagesAndBlockDevicesAreNotMappedThisWay) {
  Processes& processes = machine_->processes;
  const SpaceId process = processes.spawn();
  const MappingId anonymous = processes.mmap_anon(process, 1);
  ASSERT_EQ(0, run_now(processes.write(process, anonymous, 0)));
  EXPECT_FALSE(processes.can_be_shared(processes.page_at(process, anonymous, 0)));
  const FileId device = machine_->files.open(FileMethod::block_device, /*slow=*/false);
  EXPECT_FALSE(processes.can_be_shared(run_now(machine_->files.read(device, 0, false)).page));
}

TEST_P(SharedMappingsTest, WithoutMemoryADroppedPageCannotBeReadAgain) {
  const SpaceId process = mapper();
  run_now(machine_->files.truncate(file_, 0));
  const auto watermark = machine_->buddy.zone(0).watermark;
  machine_->buddy.zone(0).watermark = {5000, 5000, 5000};
  EXPECT_EQ(-kENOMEM, touch(process, false));
  machine_->buddy.zone(0).watermark = watermark;
  EXPECT_EQ(0, touch(process, false));
}

// --- what happens to the page meanwhile ---

class RacingTouchTest : public SharedMappingsTest {
 protected:
  struct Touch {
    ActorId actor = 0;
    Outcome<int> outcome;
  };
  void start(Touch& touch, SpaceId process, bool write) {
    touch.actor = machine_->engine.add_actor(0);
    Task<int> task = machine_->processes.touch_shared(process, 0, 0, write);
    machine_->engine.begin(touch.actor, keep_outcome(std::move(task), &touch.outcome));
    machine_->engine.resume(touch.actor);
  }
  bool waits(const Touch& touch) const { return machine_->engine.look(touch.actor).state == ActorState::waiting; }
  Pfn pfn() const { return machine_->owners.owner(page_).pfn; }
};
INSTANTIATE_TEST_SUITE_P(Releases, RacingTouchTest, testing::ValuesIn(modelled_releases()));

// The file ends before the page from the first step of a truncation to its last: the touch finds that out at once, or
// under the page lock, for which it has waited.
TEST_P(RacingTouchTest, APageOfAFileThatIsBeingTruncatedIsABusError) {
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_shared(process, {page_});
  Engine& engine = machine_->engine;
  const Pfn old = pfn();
  const ActorId holder = engine.add_actor(1);
  engine.assume(holder);
  ASSERT_TRUE(machine_->page_locks.try_lock(old));
  Touch early;
  start(early, process, /*write=*/false);
  ASSERT_TRUE(waits(early));
  const ActorId truncater = engine.add_actor(0);
  engine.begin(truncater, machine_->files.truncate(file_, 0));
  engine.resume(truncater);
  ASSERT_EQ(engine.look(truncater).state, ActorState::waiting);
  Touch late;
  start(late, process, /*write=*/false);
  engine.assume(holder);
  machine_->page_locks.unlock(old);
  run_to_rest(*machine_);
  EXPECT_EQ(late.outcome.value, -kEFAULT);
  EXPECT_EQ(early.outcome.value, -kEFAULT);
  EXPECT_EQ(machine_->files.cached(file_, 0), 0U);
  EXPECT_EQ(machine_->map.page(old).ref, 0);
  engine.assume(kMainActor);
  EXPECT_EQ(run_now(machine_->processes.touch_shared(process, 0, 0, /*write=*/false)), 0) << "it has its length again";
}

// Both wait for the page lock. The second one finds a pte that is writable already.
TEST_P(RacingTouchTest, TwoWritersOfOneProcessMapThePageOnce) {
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_shared(process, {page_});
  Engine& engine = machine_->engine;
  const ActorId holder = engine.add_actor(1);
  engine.assume(holder);
  ASSERT_TRUE(machine_->page_locks.try_lock(pfn()));
  Touch writer;
  Touch reader;
  start(writer, process, /*write=*/true);
  start(reader, process, /*write=*/false);
  ASSERT_TRUE(waits(writer) && waits(reader));
  engine.assume(holder);
  machine_->page_locks.unlock(pfn());
  run_to_rest(*machine_);
  EXPECT_EQ(writer.outcome.value, 0);
  EXPECT_EQ(reader.outcome.value, 0);
  engine.assume(kMainActor);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(1, page().map);
  EXPECT_TRUE(page().has(kPagePrivate));
  EXPECT_EQ(3, page().ref) << "the cache's, the buffer's and the pte's";
  EXPECT_TRUE(machine_->spaces.pte(machine_->owners.owner(page_).first_pte).writable);
}

TEST_P(RacingTouchTest, APageThatMovesIsWaitedFor) {
  const SpaceId process = mapper();
  Engine& engine = machine_->engine;
  const Pfn old = pfn();
  // Dirty, so that it moves instead of being dropped.
  ASSERT_EQ(0, touch(process, true));
  const ActorId mover = engine.add_actor(0);
  Outcome<int> moved;
  Task<int> task = machine_->contig.alloc_contig_range(old, old + 1, machine_->map.pageblock_type(old));
  engine.begin(mover, keep_outcome(std::move(task), &moved));
  engine.stop_at(mover, Point::migrate_unmapped, 1);
  engine.resume(mover);
  ASSERT_FALSE(moved.value);
  ASSERT_EQ(0, page().map);
  Touch touch;
  start(touch, process, /*write=*/true);
  EXPECT_TRUE(waits(touch));
  run_to_rest(*machine_);
  EXPECT_EQ(touch.outcome.value, 0);
  EXPECT_EQ(1, page().map);
  EXPECT_EQ(page().token, machine_->owners.owner(page_).token);
}

}  // namespace
}  // namespace cma
