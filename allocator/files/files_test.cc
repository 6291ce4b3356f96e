#include "allocator/files/files.h"

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class FilesTest : public testing::TestWithParam<Release> {
 protected:
  OwnerId read(FileId file, std::uint64_t index = 0, bool readahead = false) {
    const OwnerId page = run_now(files.read(file, index, readahead)).page;
    run_now(machine->lru.drain().add_drain(0));
    return page;
  }
  Pfn pfn_of(OwnerId page) const { return machine->owners.owner(page).pfn; }
  const Page& page_of(OwnerId page) const { return machine->map.page(pfn_of(page)); }
  // Tries once to move the page, as migration does: isolated, locked, with a target.
  int try_move(OwnerId page, MoveMode mode = MoveMode::sync) {
    const Pfn old = pfn_of(page);
    if (!machine->lru.listed().isolate(old)) return -kEBUSY;
    const bool locked = machine->page_locks.try_lock(old);
    EXPECT_TRUE(locked);
    const Pfn target = machine->buddy.alloc_pages(kGfpMigrationTarget, 0);
    const int error = run_now(machine->owner_moves.move(old, target, mode));
    machine->page_locks.unlock(old);
    if (error == 0) run_now(machine->lru.pagevecs().cache_add(target));
    run_now(machine->lru.listed().putback(old));
    run_now(machine->lru.references().put_page(target));
    run_now(machine->lru.drain().add_drain(0));
    return error;
  }

  std::unique_ptr<Machine> machine = make_machine(tiny_geometry(GetParam()));
  Files& files = machine->files;
};

TEST_P(FilesTest, ACachedPageHasOneReferenceAndIsReadOnce) {
  const FileId file = files.open(FileMethod::ordered, false);
  const OwnerId page = read(file);
  EXPECT_EQ(page_of(page).ref, 1);
  EXPECT_TRUE(page_of(page).has(kPageUptodate));
  EXPECT_FALSE(page_of(page).has(kPageLocked | kPageSwapbacked));
  EXPECT_EQ(machine->lru.lists().size(LruList::inactive_file), 1U);
  EXPECT_EQ(read(file), page);
}

TEST_P(FilesTest, PagesOfABlockDeviceAreReadByTheirBuffers) {
  const OwnerId page = read(files.open(FileMethod::block_device, false));
  EXPECT_EQ(page_of(page).ref, 2) << "the cache's, and its buffer's";
  EXPECT_TRUE(page_of(page).has(kPagePrivate));
}

TEST_P(FilesTest, ReadaheadLeavesThePageLockedUntilItsIoCompletes) {
  const OwnerId page = read(files.open(FileMethod::ordered, true), 0, true);
  EXPECT_TRUE(page_of(page).has(kPageLocked));
  EXPECT_FALSE(page_of(page).has(kPageUptodate));
  EXPECT_EQ(page_of(page).ref, 1) << "I/O holds no reference";
  EXPECT_TRUE(run_now(machine->device.complete_one()));
  EXPECT_FALSE(page_of(page).has(kPageLocked));
  EXPECT_TRUE(page_of(page).has(kPageUptodate));
  EXPECT_FALSE(run_now(machine->device.complete_one()));
}

TEST_P(FilesTest, AReaderSleepsUntilItsPageIsThere) {
  const FileId file = files.open(FileMethod::ordered, true);
  const ActorId reader = machine->engine.add_actor(0);
  Outcome<Files::Read> outcome;
  machine->engine.begin(reader, keep_outcome(files.read(file, 3, false), &outcome));
  machine->engine.resume(reader);
  EXPECT_EQ(machine->engine.look(reader).waits_for, "a page lock");
  machine->engine.assume(kMainActor);
  run_now(machine->device.complete_one());
  run_to_rest(*machine);
  ASSERT_TRUE(outcome.value);
  EXPECT_EQ(files.cached(file, 3), outcome.value->page);
  EXPECT_EQ(files.cached(file, 2), 0U);
}

TEST_P(FilesTest, WritebackEndsWhenItsIoCompletes) {
  const FileId file = files.open(FileMethod::ordered, true);
  const OwnerId page = read(file, 0, true);
  run_now(machine->device.complete_one());
  run_now(files.write(page));
  EXPECT_TRUE(page_of(page).has(kPageDirty));
  run_now(files.writeback(page));
  EXPECT_TRUE(page_of(page).has(kPageWriteback));
  EXPECT_FALSE(page_of(page).has(kPageDirty | kPageLocked));
  EXPECT_TRUE(machine->buffers.buffer(machine->owners.owner(page).buffer).locked);
  run_now(machine->device.complete_one());
  EXPECT_FALSE(page_of(page).has(kPageWriteback));
  EXPECT_EQ(machine->buffers.locks().held(), 0U);
}

// By the file's method, the buffer's holders and the release.
TEST_P(FilesTest, TheMethodDecidesHowAPageWithABufferMoves) {
  struct Case {
    FileMethod method;
    bool norefs, by_buffer;
  };
  const Case cases[] = {{FileMethod::ordered, false, true},
                        {FileMethod::journalled, true, GetParam() >= Release::v6_4},
                        {FileMethod::block_device, true, GetParam() >= Release::v5_0}};
  for (const Case& c : cases) {
    const FileId file = files.open(c.method, false);
    const OwnerId page = read(file);
    run_now(files.write(page));
    // Dirty: moved as it is, or written out first and tried again.
    EXPECT_EQ(try_move(page), c.by_buffer ? 0 : -kEAGAIN) << static_cast<int>(c.method);
    EXPECT_EQ(page_of(page).has(kPageDirty), c.by_buffer);
    run_now(files.writeback(page));
    machine->page_cache.hold_buffer(page);
    EXPECT_EQ(try_move(page), c.norefs ? -kEAGAIN : 0) << "a count that a user keeps";
    machine->buffers.invalidate_all();
    machine->buffers.put(machine->owners.owner(page).buffer);
    EXPECT_EQ(try_move(page), 0);
    EXPECT_EQ(machine->owners.owner(page).buffer != 0, c.by_buffer) << "the buffer goes along or is dropped";
    EXPECT_EQ(page_of(page).ref, c.by_buffer ? 2 : 1);
  }
}

// An asynchronous move neither writes a page out nor waits for its buffer's lock.
TEST_P(FilesTest, AMoveThatMayNotWaitLeavesWhatItWouldWaitFor) {
  for (const FileMethod method : {FileMethod::ordered, FileMethod::journalled, FileMethod::block_device}) {
    const bool by_buffer = method == FileMethod::ordered ||
                           GetParam() >= (method == FileMethod::journalled ? Release::v6_4 : Release::v5_0);
    const OwnerId page = read(files.open(method, false));
    run_now(files.write(page));
    EXPECT_EQ(try_move(page, MoveMode::async), by_buffer ? 0 : -kEBUSY) << "dirty";
    run_now(files.writeback(page));
    const BufferId buffer = machine->page_cache.buffer_of(page);
    ASSERT_TRUE(machine->buffers.locks().try_lock(buffer));
    EXPECT_EQ(try_move(page, MoveMode::async), by_buffer || GetParam() < Release::v5_1 ? -kEAGAIN : -kEBUSY);
    machine->buffers.locks().unlock(buffer);
    machine->lru.references().get_page(pfn_of(page));
    EXPECT_EQ(try_move(page, MoveMode::async), -kEAGAIN) << "another reference";
    EXPECT_EQ(machine->buffers.locks().held(), 0U);
    run_now(machine->lru.references().put_page(pfn_of(page)));
    EXPECT_EQ(try_move(page, MoveMode::async), 0);
  }
}

TEST_P(FilesTest, WritebackPassesABufferThatIsLockedAndLeavesThePageDirty) {
  const OwnerId page = read(files.open(FileMethod::ordered, false));
  const BufferId buffer = machine->page_cache.buffer_of(page);
  run_now(files.write(page));
  ASSERT_TRUE(machine->buffers.locks().try_lock(buffer));
  run_now(files.writeback(page));
  EXPECT_TRUE(page_of(page).has(kPageDirty));
  EXPECT_FALSE(page_of(page).has(kPageWriteback | kPageLocked));
  machine->buffers.locks().unlock(buffer);
  run_now(files.writeback(page));
  EXPECT_FALSE(page_of(page).has(kPageDirty));
  EXPECT_FALSE(machine->buffers.buffer(buffer).dirty);
}

TEST_P(FilesTest, ADirtyPageWithACleanBufferHasNothingToWrite) {
  const OwnerId page = read(files.open(FileMethod::ordered, false));
  run_now(files.write(page));
  machine->buffers.set_dirty(machine->page_cache.buffer_of(page), false);
  run_now(files.writeback(page));
  EXPECT_FALSE(page_of(page).has(kPageDirty | kPageWriteback | kPageLocked));
  EXPECT_TRUE(machine->device.pending().empty());
}

TEST_P(FilesTest, ASlotPinsABlockDevicesPageUntil5_0) {
  const OwnerId page = read(files.open(FileMethod::block_device, false));
  machine->buffers.touch(machine->page_cache.buffer_of(page));
  EXPECT_EQ(try_move(page), GetParam() >= Release::v5_0 ? 0 : -kEAGAIN);
}

TEST_P(FilesTest, TruncationOfAPageWithABusyBufferLeavesAnOrphan) {
  const FileId file = files.open(FileMethod::block_device, false);
  const OwnerId page = read(file);
  const Pfn pfn = pfn_of(page);
  machine->page_cache.hold_buffer(page);
  machine->buffers.invalidate_all();
  run_now(files.truncate(file, 0));
  EXPECT_EQ(files.cached(file, 0), 0U);
  EXPECT_EQ(machine->map.page(pfn).owner, 0U);
  EXPECT_EQ(machine->map.page(pfn).ref, 1) << "its buffer's";
  EXPECT_TRUE(machine->map.page(pfn).has(kPagePrivate | kPageLru));
  EXPECT_NE(read(file), page) << "the next reader gets a page of its own";
}

TEST_P(FilesTest, DroppingFreesCleanPagesAndDeactivatesTheRest) {
  const FileId file = files.open(FileMethod::ordered, false);
  const OwnerId clean = read(file, 0);
  const OwnerId dirty = read(file, 1);
  run_now(files.write(dirty));
  run_now(files.drop(file));
  EXPECT_TRUE(machine->owners.released(clean));
  EXPECT_FALSE(machine->owners.released(dirty));
  EXPECT_EQ(machine->lru.drain().parked(0), 0U) << "letting the pages go drains the pagevecs";
  EXPECT_TRUE(page_of(dirty).has(kPageReclaim));
  EXPECT_EQ(page_of(dirty).ref, 2) << "cache, buffer";
}

TEST_P(FilesTest, DroppingPassesOverAPageUnderWritebackSince5_12) {
  const FileId file = files.open(FileMethod::ordered, true);
  const OwnerId page = read(file, 0, true);
  run_now(machine->device.complete_one());
  run_now(files.write(page));
  run_now(files.writeback(page));
  run_now(files.drop(file));
  EXPECT_EQ(page_of(page).has(kPageReclaim), GetParam() < Release::v5_12);
  EXPECT_EQ(page_of(page).ref, 2) << "cache, buffer";
}

TEST_P(FilesTest, AReaderMarksAPageAsUsedButReadaheadDoesNot) {
  const FileId file = files.open(FileMethod::ordered, false);
  EXPECT_TRUE(page_of(read(file, 0)).has(kPageReferenced));
  EXPECT_FALSE(page_of(read(file, 1, true)).has(kPageReferenced));
}

TEST_P(FilesTest, TruncationDrainsThePagevecsOfItsCpu) {
  const FileId truncated = files.open(FileMethod::ordered, false);
  const FileId other = files.open(FileMethod::ordered, false);
  run_now(files.read(truncated, 0, false));
  const OwnerId waiting = run_now(files.read(other, 0, false)).page;
  ASSERT_FALSE(page_of(waiting).has(kPageLru));
  run_now(files.truncate(truncated, 0));
  EXPECT_TRUE(page_of(waiting).has(kPageLru));
}

TEST_P(FilesTest, TruncationFreesAPagevecsWorthAtATime) {
  const FileId file = files.open(FileMethod::ordered, false);
  for (std::uint64_t i = 0; i < 40; ++i) read(file, i);
  const std::int64_t before = machine->buddy.zone(0).nr_free_pages;
  run_now(files.truncate(file, 3));
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_GE(machine->buddy.zone(0).nr_free_pages, before + 37);
  for (std::uint64_t i = 0; i < 40; ++i) EXPECT_EQ(files.cached(file, i) != 0, i < 3) << i;
}

// The first one has removed page 0. Since 4.15 it has locked page 1 too, which before it has only looked up.
TEST(FilesTruncatedTwice, TheSecondWaitsForPagesThatTheFirstLockedInItsLookup) {
  for (const Release release : {Release::v4_9, Release::v4_14, Release::v4_15, Release::v4_19, Release::v5_11,
                                Release::v5_12, Release::v6_1, Release::v6_12}) {
    SCOPED_TRACE(name_of(release));
    const bool locked = release >= Release::v4_15;
    const std::unique_ptr<Machine> machine = make_machine(tiny_geometry(release));
    Files& files = machine->files;
    const FileId file = files.open(FileMethod::ordered, false);
    for (std::uint64_t index = 0; index < 2; ++index) read_page(*machine, file, index);
    start_task(*machine, files.truncate(file, 0), Point::truncate_removed);
    ASSERT_EQ(files.cached(file, 0), 0U);
    const ActorId second = start_task(*machine, files.truncate(file, 1));
    EXPECT_EQ(machine->engine.look(second).state == ActorState::waiting, locked);
    EXPECT_EQ(files.cached(file, 1) != 0, locked);
    run_to_rest(*machine);
    EXPECT_EQ(files.cached(file, 1), 0U);
    EXPECT_TRUE(machine->page_locks.none_held());
  }
}

// --- the second pass of a truncation ---

// Truncates a slow file of `pages` pages, of which the first is under writeback and the others are locked, by an actor
// that waits then for the end of that writeback. Unlocks the others.
void begin_second_pass(Machine& machine, FileId file, std::uint64_t pages) {
  Files& files = machine.files;
  for (std::uint64_t index = 0; index < pages; ++index) read_page(machine, file, index);
  const auto pfn_at = [&](std::uint64_t index) { return machine.owners.owner(files.cached(file, index)).pfn; };
  run_now(files.write(files.cached(file, 0)));
  run_now(files.writeback(files.cached(file, 0)));
  for (std::uint64_t index = 1; index < pages; ++index) ASSERT_TRUE(machine.page_locks.try_lock(pfn_at(index)));
  const ActorId truncation = start_task(machine, files.truncate(file, 0));
  ASSERT_EQ(machine.engine.look(truncation).waits_for, "the end of writeback");
  machine.engine.assume(kMainActor);
  for (std::uint64_t index = 1; index < pages; ++index) machine.page_locks.unlock(pfn_at(index));
}

TEST(FilesTruncation, HasAReferenceOfEachPageOfALookupWhileItWaitsForTheFirst) {
  struct Case {
    Release release;
    std::uint64_t pages;  // that a lookup finds at most
  };
  for (const Case& c :
       {Case{Release::v3_6, 14}, Case{Release::v4_9, 14}, Case{Release::v4_14, 14}, Case{Release::v4_15, 15},
        Case{Release::v4_19, 15}, Case{Release::v5_12, 15}, Case{Release::v6_6, 15}, Case{Release::v6_12, 31}}) {
    SCOPED_TRACE(name_of(c.release));
    const std::unique_ptr<Machine> machine = make_machine(tiny_geometry(c.release));
    Files& files = machine->files;
    const FileId file = files.open(FileMethod::ordered, /*slow=*/true);
    begin_second_pass(*machine, file, 34);
    for (std::uint64_t index = 1; index < 34; ++index) {
      const Page& page = machine->map.page(machine->owners.owner(files.cached(file, index)).pfn);
      EXPECT_EQ(page.ref, index < c.pages ? 2 : 1) << index;
    }
    run_now(machine->device.complete_one());
    run_to_rest(*machine);
    for (std::uint64_t index = 0; index < 34; ++index) EXPECT_EQ(files.cached(file, index), 0U) << index;
    EXPECT_TRUE(machine->page_locks.none_held());
  }
}

TEST_P(FilesTest, APageThatATruncationHasLookedUpStaysWhileAnotherIsWaitedFor) {
  const FileId file = files.open(FileMethod::ordered, /*slow=*/true);
  begin_second_pass(*machine, file, 2);
  EXPECT_EQ(try_move(files.cached(file, 1)), -kEAGAIN);
  run_now(machine->device.complete_one());
  run_to_rest(*machine);
  EXPECT_EQ(files.cached(file, 1), 0U);
}

// Another page is at its index then.
TEST_P(FilesTest, ATruncationPassesOverAPageThatAnotherRemovedWhileItWaited) {
  const FileId file = files.open(FileMethod::ordered, /*slow=*/true);
  begin_second_pass(*machine, file, 2);
  const Pfn removed = pfn_of(files.cached(file, 1));
  run_now(files.truncate(file, 1));
  EXPECT_EQ(machine->map.page(removed).ref, 1) << "of the one that waits";
  run_now(files.read(file, 1, /*readahead=*/true));
  for (int io = 0; io < 2; ++io) EXPECT_TRUE(run_now(machine->device.complete_one()));
  run_to_rest(*machine);
  EXPECT_EQ(machine->map.page(removed).ref, 0);
  EXPECT_EQ(files.cached(file, 1), 0U);
}

// It waits for page 1, and page 0, which it has removed, is read again.
TEST(FilesTruncation, StartsAgainUntilNothingHasComeBehindIt) {
  for (const Release release : {Release::v3_6, Release::v4_9, Release::v4_15, Release::v4_19, Release::v5_10,
                                Release::v5_15, Release::v6_1, Release::v6_6, Release::v6_12}) {
    SCOPED_TRACE(name_of(release));
    const std::unique_ptr<Machine> machine = make_machine(tiny_geometry(release));
    Files& files = machine->files;
    const FileId file = files.open(FileMethod::ordered, /*slow=*/true);
    for (std::uint64_t index = 0; index < 2; ++index) read_page(*machine, file, index);
    run_now(files.write(files.cached(file, 1)));
    run_now(files.writeback(files.cached(file, 1)));
    const ActorId truncation = start_task(*machine, files.truncate(file, 0));
    ASSERT_EQ(files.cached(file, 0), 0U);
    machine->engine.assume(kMainActor);
    run_now(files.read(file, 0, /*readahead=*/true));
    run_now(machine->device.complete_one());
    machine->engine.resume(truncation);
    EXPECT_EQ(files.cached(file, 1), 0U);
    EXPECT_EQ(machine->engine.look(truncation).waits_for, "a page lock");
    machine->engine.assume(kMainActor);
    run_now(machine->device.complete_one());
    run_to_rest(*machine);
    EXPECT_EQ(files.cached(file, 0), 0U);
  }
}

// PG_reclaim: a page that was deactivated while it was being written is the next to be reclaimed afterwards.
TEST_P(FilesTest, APageDeactivatedUnderWritebackIsRotatedWhenThatEnds) {
  const FileId file = files.open(FileMethod::ordered, true);
  const OwnerId page = read(file, 0, true);
  run_now(machine->device.complete_one());
  run_now(files.write(page));
  run_now(files.writeback(page));
  run_now(machine->lru.pagevecs().deactivate_file(pfn_of(page)));
  run_now(machine->lru.drain().add_drain(0));
  EXPECT_TRUE(page_of(page).has(kPageReclaim));
  run_now(machine->device.complete_one());
  EXPECT_FALSE(page_of(page).has(kPageReclaim));
  EXPECT_EQ(machine->lru.pagevecs().pages(0, Pagevec::rotate), std::vector<Pfn>{pfn_of(page)});
}

TEST_P(FilesTest, AJournalHoldsABufferUntilItsTransactionCommits) {
  const FileId file = files.open(FileMethod::journalled, false);
  const OwnerId page = read(file);
  EXPECT_TRUE(files.journal(page));
  EXPECT_FALSE(files.journal(page)) << "the transaction has it";
  const BufferId buffer = machine->owners.owner(page).buffer;
  EXPECT_EQ(machine->buffers.buffer(buffer).count, 1);
  EXPECT_EQ(files.journal_holds(buffer), 1);
  EXPECT_FALSE(page_of(page).has(kPageDirty)) << "not before the commit";
  EXPECT_EQ(try_move(page), -kEAGAIN);
  files.commit(file);
  EXPECT_EQ(machine->buffers.buffer(buffer).count, 0);
  EXPECT_TRUE(page_of(page).has(kPageDirty));
}

TEST_P(FilesTest, APageJoinsATransactionOnlyWhenItHasBeenRead) {
  const FileId file = files.open(FileMethod::journalled, true);
  const OwnerId page = read(file, 0, /*readahead=*/true);
  EXPECT_FALSE(files.journal(page));
  EXPECT_EQ(machine->owners.owner(page).buffer, 0U) << "it has no buffer yet";
  run_now(machine->device.complete_one());
  EXPECT_TRUE(files.journal(page));
}

TEST_P(FilesTest, OrderedDataHasNoJournalOfItsOwn) {
  EXPECT_FALSE(files.journal(read(files.open(FileMethod::ordered, false))));
}

// A superblock's buffer is kept without limit, and since 3.18 outside areas: its page is not movable memory.
TEST_P(FilesTest, BreadLocksOnlyTheBufferAndKeepsACount) {
  const FileId file = files.open(FileMethod::block_device, true);
  const ActorId reader = machine->engine.add_actor(0);
  Outcome<Files::Read> outcome;
  machine->engine.begin(reader, keep_outcome(files.bread(file, 0, true), &outcome));
  machine->engine.resume(reader);
  EXPECT_EQ(machine->engine.look(reader).waits_for, "a buffer lock");
  EXPECT_FALSE(page_of(files.cached(file, 0)).has(kPageLocked));
  machine->engine.assume(kMainActor);
  run_now(machine->device.complete_one());
  run_to_rest(*machine);
  ASSERT_TRUE(outcome.value);
  EXPECT_EQ(machine->buffers.buffer(outcome.value->buffer).count, 2) << "the reader's, and the slot's";
  EXPECT_NE(machine->map.pageblock_type(pfn_of(outcome.value->page)), Migratetype::cma);
}

// --- pages that leave the cache meanwhile ---

TEST_P(FilesTest, APageThatHasLeftItsCacheIsNotWritten) {
  const FileId file = files.open(FileMethod::ordered, false);
  const OwnerId page = read(file);
  const std::uint32_t data = machine->owners.owner(page).token;
  run_now(files.truncate(file, 0));
  run_now(files.write(page));
  run_now(files.writeback(page));
  EXPECT_EQ(machine->owners.owner(page).token, data);
  EXPECT_TRUE(machine->writebacks.held() == 0 && machine->page_locks.none_held());
}

TEST_P(FilesTest, APageUnderWritebackIsNotWrittenASecondTime) {
  const FileId file = files.open(FileMethod::ordered, /*slow=*/true);
  const OwnerId page = run_now(files.read(file, 0, /*readahead=*/true)).page;
  run_now(machine->device.complete_one());
  run_now(files.write(page));
  run_now(files.writeback(page));
  ASSERT_TRUE(page_of(page).has(kPageWriteback));
  run_now(files.write(page));
  ASSERT_TRUE(page_of(page).has(kPageDirty));
  run_now(files.writeback(page));
  EXPECT_TRUE(page_of(page).has(kPageDirty)) << "it stays dirty for the next time";
  EXPECT_EQ(machine->writebacks.held(), 1U);
  run_now(machine->device.complete_one());
  EXPECT_EQ(machine->writebacks.held(), 0U);
}

// The reader's own page is not needed, and while it is freed the other one goes.
TEST_P(FilesTest, AReaderMayFindThatThePageOfAFasterOneIsGone) {
  const FileId file = files.open(FileMethod::ordered, false);
  Engine& engine = machine->engine;
  const ActorId slow = engine.add_actor(0);
  Outcome<Files::Read> outcome;
  engine.begin(slow, keep_outcome(files.read(file, 0, /*readahead=*/false), &outcome));
  engine.stop_at(slow, Point::file_page_allocated, 1);
  engine.resume(slow);
  engine.assume(kMainActor);
  const OwnerId page = run_now(files.read(file, 0, /*readahead=*/false)).page;
  engine.stop_at(slow, Point::put_page_dropped, 1);
  engine.resume(slow);
  ASSERT_FALSE(outcome.value);
  engine.assume(kMainActor);
  run_now(files.truncate(file, 0));
  run_to_rest(*machine);
  ASSERT_TRUE(outcome.value);
  EXPECT_EQ(outcome.value->page, page);
  EXPECT_EQ(outcome.value->error, 0);
  EXPECT_TRUE(machine->owners.released(page));
}

// The slower one has allocated a page of its own, which is not needed.
TEST_P(FilesTest, TwoReadersOfABlockShareItsPage) {
  const FileId device = files.open(FileMethod::block_device, false);
  Engine& engine = machine->engine;
  const ActorId slow = engine.add_actor(0);
  Outcome<Files::Read> outcome;
  engine.begin(slow, keep_outcome(files.bread(device, 0, /*unmovable=*/false), &outcome));
  engine.stop_at(slow, Point::file_page_allocated, 1);
  engine.resume(slow);
  ASSERT_EQ(engine.look(slow).state, ActorState::ready);
  engine.assume(kMainActor);
  const OwnerId page = run_now(files.bread(device, 0, /*unmovable=*/false)).page;
  run_to_rest(*machine);
  ASSERT_TRUE(outcome.value);
  EXPECT_EQ(outcome.value->page, page);
  EXPECT_EQ(machine->buffers.buffer(machine->page_cache.buffer_of(page)).count, 3) << "each has one, and so has a slot";
}

TEST_P(FilesTest, APageUnderWritebackKeepsItsBuffer) {
  const OwnerId page = read_page(*machine, files.open(FileMethod::ordered, true), 0);
  machine->page_cache.make_dirty(page);
  run_now(files.writeback(page));
  ASSERT_TRUE(page_of(page).has(kPageWriteback));
  EXPECT_FALSE(machine->page_cache.release_buffer(page));
  run_now(machine->device.complete_one());
  EXPECT_TRUE(machine->page_cache.release_buffer(page));
}

// --- reclaim of pages that were isolated ---

class ReclaimTest : public FilesTest {
 protected:
  // Returns whether an isolated page could be dropped, as reclaim does before migration.
  bool reclaim(Pfn pfn) {
    EXPECT_TRUE(machine->page_locks.try_lock(pfn));
    const bool reclaimed = run_now(machine->owner_moves.drop_clean_page(pfn));
    machine->page_locks.unlock(pfn);
    return reclaimed;
  }
  // Truncates page 1 of a device while its buffer is busy, and isolates it. Page 0 stays, with another buffer.
  void make_orphan() {
    const FileId file = files.open(FileMethod::block_device, false);
    read(file, 0);
    const OwnerId page = read(file, 1);
    orphan = pfn_of(page);
    buffer = machine->page_cache.buffer_of(page);
    machine->buffers.get(buffer);
    run_now(files.truncate(file, 1));
    ASSERT_EQ(machine->map.page(orphan).owner, 0U);
    ASSERT_TRUE(machine->map.page(orphan).has(kPagePrivate));
    ASSERT_TRUE(machine->lru.listed().isolate(orphan));
  }
  Pfn orphan = kNoPfn;
  BufferId buffer = 0;
};
INSTANTIATE_TEST_SUITE_P(Releases, ReclaimTest, testing::Values(Release::v4_19, Release::v6_1, Release::v6_12));

TEST_P(ReclaimTest, ATruncatedPageGoesWithItsBufferOnceThatIsIdle) {
  make_orphan();
  EXPECT_FALSE(reclaim(orphan)) << "the buffer is busy";
  EXPECT_TRUE(machine->map.page(orphan).has(kPageActive));
  machine->buffers.put(buffer);
  EXPECT_TRUE(reclaim(orphan));
  EXPECT_EQ(machine->map.page(orphan).ref, 0);
  EXPECT_FALSE(machine->map.page(orphan).has(kPagePrivate));
}

TEST_P(ReclaimTest, ATruncatedPageThatAnotherHoldsLosesItsBufferOnly) {
  make_orphan();
  machine->buffers.put(buffer);
  machine->lru.references().get_page(orphan);
  EXPECT_FALSE(reclaim(orphan));
  EXPECT_EQ(machine->map.page(orphan).ref, 2) << "the list's, and that one";
  EXPECT_FALSE(machine->map.page(orphan).has(kPagePrivate));
  EXPECT_FALSE(reclaim(orphan)) << "there is no buffer to drop any more";
}

// It was written to after it had been chosen.
TEST_P(ReclaimTest, ADirtyPageIsKept) {
  const OwnerId page = read(files.open(FileMethod::ordered, false));
  const Pfn pfn = pfn_of(page);
  ASSERT_TRUE(machine->lru.listed().isolate(pfn));
  machine->map.edit(pfn).flags |= kPageDirty;
  EXPECT_FALSE(reclaim(pfn));
  EXPECT_TRUE(machine->map.page(pfn).has(kPageActive) && machine->map.page(pfn).has(kPageReclaim));
  machine->map.edit(pfn).flags &= ~kPageDirty;
  EXPECT_TRUE(reclaim(pfn));
  EXPECT_TRUE(machine->owners.released(page));
}

// Without swap there is no other place for it.
TEST_P(ReclaimTest, SharedMemoryIsKept) {
  const OwnerId page = own_frame(*machine, 60, PageKind::shmem);
  ASSERT_TRUE(machine->lru.listed().isolate(60));
  EXPECT_FALSE(reclaim(60));
  EXPECT_EQ(pfn_of(page), 60U);
}

// --- the journal ---

TEST_P(FilesTest, OnlyPagesOfFilesWithAJournalJoinATransaction) {
  const FileId file = files.open(FileMethod::journalled, false);
  const OwnerId page = read(file);
  EXPECT_TRUE(files.journal(page));
  EXPECT_FALSE(files.journal(page)) << "it has joined already";
  const OwnerId device_page = own_frame(*machine, 60, PageKind::block_device);
  EXPECT_FALSE(files.journal(device_page)) << "of no file";
  EXPECT_FALSE(files.journal(read(files.open(FileMethod::ordered, false))));
}

TEST_P(FilesTest, ACommitForgetsAPageThatWasTruncated) {
  const FileId file = files.open(FileMethod::journalled, false);
  const OwnerId page = read(file);
  const Pfn pfn = pfn_of(page);
  ASSERT_TRUE(files.journal(page));
  const BufferId buffer = machine->page_cache.buffer_of(page);
  run_now(files.truncate(file, 0));
  ASSERT_EQ(machine->map.page(pfn).owner, 0U);
  files.commit(file);
  EXPECT_FALSE(machine->map.page(pfn).has(kPageDirty));
  EXPECT_EQ(machine->buffers.buffer(buffer).count, 0);
}

INSTANTIATE_TEST_SUITE_P(Releases, FilesTest, testing::Values(Release::v4_19, Release::v6_1, Release::v6_12));

}  // namespace
}  // namespace cma
