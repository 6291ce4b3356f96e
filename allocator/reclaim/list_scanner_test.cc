// Pages that a scan of a list meets on their way to somewhere else, and callers that must not wait for all.

#include "allocator/reclaim/list_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ListScanTest : public ReclaimFixture {
 protected:
  // Reads a page of a file of its own, and begins to free it: its last reference is gone, and it is still on the list.
  Pfn begin_to_free() {
    const FileId other = machine->files.open(FileMethod::ordered, /*slow=*/false);
    const Pfn pfn = pfn_of(read_page(*machine, other, 0));
    machine->lru.references().get_page(pfn);
    run_now(machine->files.truncate(other, 0));
    start_task(*machine, machine->lru.references().put_page(pfn), Point::put_page_dropped);
    return pfn;
  }
  ListScanner& scanner() { return machine->reclaim.scanner(); }
  // Whether a list without a batch of pages is passed over.
  static bool passes_short_lists_over() { return GetParam() >= Release::v4_8 && GetParam() < Release::v4_11; }
  static ScanControl control() {
    ScanControl control;
    control.priority = 0;
    return control;
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, ListScanTest, ::testing::ValuesIn(modelled_releases()));

// --- pages that are being freed ---

TEST_P(ListScanTest, APageThatIsBeingFreedIsPassedOverAndFreedAllTheSame) {
  const Pfn pfn = begin_to_free();
  read(40);
  run_now(machine->lru.drain().add_drain(0));
  ASSERT_EQ(machine->map.page(pfn).ref, 0);
  ASSERT_EQ(pages_on(LruList::inactive_file).back(), pfn) << "the oldest page";
  ScanControl scan = control();
  run_now(scanner().shrink_inactive(8, vec(), scan, LruList::inactive_file));
  EXPECT_EQ(pages_on(LruList::inactive_file).front(), pfn) << "out of the way";
  EXPECT_EQ(machine->reclaim.events().pgsteal_direct, 7U) << "it is one of those that are scanned";
  run_to_rest(*machine);
  EXPECT_TRUE(machine->map.page(pfn).has(kPagePcp | kPageBuddy));
}

TEST_P(ListScanTest, AListOfPagesThatAreBeingFreedGivesNothing) {
  const Pfn pfn = begin_to_free();
  ASSERT_THAT(pages_on(LruList::inactive_file), ElementsAre(pfn));
  ScanControl scan = control();
  scan.kswapd = true;
  EXPECT_EQ(run_now(scanner().shrink_inactive(4, vec(), scan, LruList::inactive_file)), 0U);
  EXPECT_EQ(machine->reclaim.events().pgscan_kswapd, passes_short_lists_over() ? 0U : 4U)
      << "it is met again until enough are scanned";
  run_to_rest(*machine);
  EXPECT_THAT(pages_on(LruList::inactive_file), IsEmpty());
}

TEST_P(ListScanTest, AnActiveListWithoutAPageIsLeftAlone) {
  ScanControl scan = control();
  run_now(scanner().shrink_active(1, vec(), scan, LruList::active_file));
  EXPECT_EQ(machine->reclaim.events().pgrefill, 0U);
}

// --- locked memory ---

TEST_P(ListScanTest, PagesThatAreLockedMeanwhileBecomeUnevictable) {
  for (const LruList list : {LruList::inactive_file, LruList::active_file}) {
    const Pfn pfn = read(40)[0];
    if (list == LruList::active_file) {
      run_now(machine->lru.pagevecs().mark_accessed(pfn));
      run_now(machine->lru.pagevecs().mark_accessed(pfn));
      run_now(machine->lru.drain().add_drain(0));
      ASSERT_THAT(pages_on(list), ElementsAre(pfn));
    }
    ScanControl scan = control();
    const ActorId actor = machine->engine.add_actor(0);
    if (list == LruList::active_file)
      machine->engine.begin(actor, scanner().shrink_active(1, vec(), scan, list));
    else
      machine->engine.begin(actor, [](auto task) -> Task<void> {
        co_await std::move(task);
      }(scanner().shrink_inactive(1, vec(), scan, list)));
    machine->engine.stop_at(actor, Point::reclaim_isolated, 1);
    machine->engine.resume(actor);
    ASSERT_EQ(machine->engine.look(actor).state, ActorState::ready);
    run_now(machine->lru.mlock().mlock(pfn));
    run_to_rest(*machine);
    run_now(machine->lru.drain().add_drain(0));
    EXPECT_TRUE(machine->map.page(pfn).has(kPageUnevictable));
    EXPECT_FALSE(machine->map.page(pfn).has(kPageActive));
    EXPECT_THAT(pages_on(LruList::unevictable), ::testing::Contains(pfn));
    EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
  }
}

// --- who waits ---

TEST_P(ListScanTest, CallersThatMustNotEnterFileSystemsWaitForFewer) {
  const std::vector<Pfn> pfns = read(70);
  for (unsigned i = 0; i < 20; ++i) ASSERT_TRUE(machine->lru.listed().isolate(pfns[i]));
  // 50 pages are left, and since 3.8 those that may enter file systems leave seven eighths of them to others.
  ScanControl scan = control();
  const auto waits = [&] {
    Outcome<std::uint64_t> freed;
    start_task(*machine, keep_outcome(scanner().shrink_inactive(1, vec(), scan, LruList::inactive_file), &freed));
    const bool waiting = !freed.value.has_value();
    for (unsigned i = 0; i < 20 && waiting; ++i) run_now(machine->lru.listed().putback(pfns[i]));
    run_to_rest(*machine);
    return waiting;
  };
  scan.gfp = kGfpKernel & ~kGfpFs;
  EXPECT_FALSE(waits());
  scan.gfp = kGfpKernel;
  EXPECT_EQ(waits(), GetParam() >= Release::v3_8);
}

// --- memory that is no file's ---

// There is no swap, so no list of such pages is scanned. What a scan would do:
TEST_P(ListScanTest, PrivateMemoryThatIsTriedStays) {
  const OwnerId id = own_frame(*machine, 600, PageKind::anonymous);
  machine->spaces.pte(machine->owners.owner(id).first_pte).young = false;
  ScanControl scan = control();
  EXPECT_EQ(run_now(scanner().shrink_inactive(1, vec(), scan, LruList::inactive_anon)), 0U);
  EXPECT_FALSE(machine->owners.released(id));
  EXPECT_EQ(machine->map.page(600).map, 1);
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 0);
  EXPECT_EQ(scan.sums.file_taken, 0U);
  EXPECT_THAT(pages_on(passes_short_lists_over() ? LruList::inactive_anon : LruList::active_anon), ElementsAre(600));
}

TEST_P(ListScanTest, ActivePrivateAndSharedMemoryBecomesInactiveUsedOrNot) {
  const OwnerId anonymous = own_frame(*machine, 600, PageKind::anonymous);
  const OwnerId shared = own_frame(*machine, 601, PageKind::shmem);
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_shared(process, {shared}, /*executable=*/true);
  EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
  for (const Pfn pfn : {Pfn{600}, Pfn{601}}) {
    run_now(machine->lru.pagevecs().mark_accessed(pfn));
    run_now(machine->lru.pagevecs().mark_accessed(pfn));
  }
  run_now(machine->lru.drain().add_drain(0));
  ASSERT_EQ(pages_on(LruList::active_anon).size(), 2U);
  ScanControl scan = control();
  run_now(scanner().shrink_active(2, vec(), scan, LruList::active_anon));
  EXPECT_THAT(pages_on(LruList::active_anon), IsEmpty()) << "only a file's page is kept for being executed";
  EXPECT_EQ(machine->owners.owner(anonymous).pfn, 600U);
  EXPECT_FALSE(machine->spaces.pte(machine->owners.owner(shared).first_pte).young) << "it was asked";
}

TEST_P(ListScanTest, AnActivePageOfAFileThatOthersHaveLockedIsNotAsked) {
  const Pfn pfn = read(1)[0];
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_shared(process, {ids[0]}, /*executable=*/true);
  EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
  run_now(machine->lru.pagevecs().mark_accessed(pfn));
  run_now(machine->lru.pagevecs().mark_accessed(pfn));
  run_now(machine->lru.drain().add_drain(0));
  ASSERT_THAT(pages_on(LruList::active_file), ElementsAre(pfn));
  ASSERT_TRUE(machine->page_locks.try_lock(pfn));
  ScanControl scan = control();
  run_now(scanner().shrink_active(1, vec(), scan, LruList::active_file));
  EXPECT_THAT(pages_on(LruList::inactive_file), ElementsAre(pfn));
  EXPECT_TRUE(machine->spaces.pte(machine->owners.owner(ids[0]).first_pte).young) << "its use is not forgotten";
}

}  // namespace
}  // namespace cma
