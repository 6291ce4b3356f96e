// Breaks laws locks, content, bounded, balanced and hints on purpose: exactly that law fires.

#include <gtest/gtest.h>

#include "properties/laws/planted_testing.h"

namespace cma {
namespace {

// --- locks, content, bounded, balanced ---

TEST_P(PlantedTest, LocksSeeLocksThatAreHeldAtRest) {
  auto& cma_mutex = const_cast<Mutex&>(machine_.areas.table().cma_mutex);
  ASSERT_TRUE(cma_mutex.try_lock(machine_.engine));
  EXPECT_EQ(audit(), "locks");
  cma_mutex.reset();
  ASSERT_TRUE(machine_.buddy.per_cpu().drain_mutex().try_lock(machine_.engine));
  EXPECT_EQ(audit(), "locks");
  machine_.buddy.per_cpu().drain_mutex().reset();
  ASSERT_TRUE(machine_.page_locks.try_lock(page_of(0)));
  EXPECT_EQ(audit(), "locks");
}

// A page that is being read or written is locked by its device, which is in order. A lock or a writeback without a
// holder is not.
TEST_P(PlantedTest, LocksKnowThoseOfDevices) {
  const FileId file = machine_.files.open(FileMethod::ordered, true);
  const Pfn pfn = machine_.owners.owner(run_now(machine_.files.read(file, 0, true)).page).pfn;
  EXPECT_EQ(audit(), "");
  run_now(machine_.device.complete_one());
  EXPECT_EQ(audit(), "");
  machine_.map.edit(pfn).flags |= kPageWriteback;
  EXPECT_EQ(audit(), "locks");
}

TEST_P(PlantedTest, ContentSeesACountWithoutAHolder) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.touch(buffer);
  EXPECT_EQ(audit(), "") << "a slot's count is accounted for";
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  EXPECT_EQ(audit(), "") << "and a program's";
  machine_.buffers.get(buffer);
  EXPECT_EQ(audit(), "content");
  machine_.buffers.put(buffer);
  machine_.buffers.put(buffer);
  EXPECT_EQ(audit(), "content") << "one too few";
}

// A page of a file and its buffer, which a program holds.
TEST_P(PlantedTest, ContentSeesAHeldBufferUnderAnotherPage) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  EXPECT_EQ(audit(), "");
  const Pfn here = machine_.owners.owner(page).pfn;
  machine_.buffers.move_to(buffer, page_of(0));
  EXPECT_EQ(audit(), "content") << "the page of another owner";
  machine_.buffers.move_to(buffer, here);
  EXPECT_EQ(audit(), "");
  machine_.map.edit(here).token ^= 2;
  EXPECT_EQ(audit(), "content") << "other data";
}

// The page leaves its cache, and the buffer keeps it where it is.
TEST_P(PlantedTest, ContentKnowsAHeldBufferOfAPageThatWasTruncated) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  laws_.buffer_held(buffer);
  // Truncated alone, which leaves it in its pagevec: on the LRU it would break another law first.
  run_now(machine_.owners.release(page));
  EXPECT_EQ(audit(), "");
  const Pfn other = watched_.blocks[0].pfn;
  machine_.buffers.move_to(buffer, other);
  EXPECT_EQ(audit(), "content");
}

// The record is of the data alone, as the page had no owner any more.
TEST_P(PlantedTest, ContentKnowsABufferThatIsHeldSinceItsPageWasTruncated) {
  const FileId file = machine_.files.open(FileMethod::block_device, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const Pfn here = machine_.owners.owner(page).pfn;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  machine_.buffers.get(buffer);
  run_now(machine_.files.truncate(file, 0));
  laws_.buffer_held(buffer);
  ASSERT_EQ(laws_.ledger().held_buffer(buffer).owner, 0U);
  EXPECT_EQ(audit(), "");
  machine_.map.edit(here).token ^= 2;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesABufferThatWasLeftBehind) {
  const FileId file = machine_.files.open(FileMethod::ordered, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  const BufferId buffer = machine_.page_cache.buffer_of(page);
  EXPECT_EQ(audit(), "");
  machine_.buffers.move_to(buffer, watched_.blocks[0].pfn);
  EXPECT_EQ(audit(), "content") << "no program holds it";
}

TEST_P(PlantedTest, ContentSeesAJournalThatLostItsBuffer) {
  const FileId file = machine_.files.open(FileMethod::journalled, false);
  const OwnerId page = run_now(machine_.files.read(file, 0, false)).page;
  ASSERT_TRUE(machine_.files.journal(page));
  EXPECT_EQ(audit(), "");
  machine_.buffers.put(machine_.page_cache.buffer_of(page));
  EXPECT_EQ(audit(), "content");
}

// The chain of ptes of a page runs in a circle, and the one looked for is not in it.
TEST_P(PlantedTest, BoundedSeesALoopThatPassesNoPoint) {
  const PteId first = machine_.owners.owner(watched_.owners[0]).first_pte;
  ASSERT_NE(first, 0U);
  const PteId stray = machine_.spaces.add_ptes(0, 1);
  machine_.spaces.pte(stray).page = watched_.owners[0];
  machine_.spaces.pte(stray).state = Pte::State::present;
  machine_.spaces.pte(first).next = first;
  EXPECT_EQ(law_broken_by([&] { machine_.reverse_map.zap_pte(stray); }), "bounded");
}

TEST_P(PlantedTest, BalancedSeesCachesThatStayDisabled) {
  run_now(machine_.lru.drain().cache_disable());
  EXPECT_EQ(audit(), "balanced");
}

// --- hints, content ---

TEST_P(PlantedTest, HintsSeeASkipBitThatNoCompactionHasSet) {
  const bool ranges_set_hints = GetParam() >= Release::v5_1 && GetParam() < Release::v6_3;
  machine_.scanner.hints().set_skip(machine_.areas.area(0).base);
  EXPECT_EQ(audit(), ranges_set_hints ? "" : "hints");
  run_now(machine_.compaction.compact_memory());
  EXPECT_EQ(audit(), "");
}

TEST_P(PlantedTest, ContentSeesLostData) {
  machine_.map.edit(page_of(1)).token ^= 1;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAnOwnerWithoutAPage) {
  Page& page = machine_.map.edit(page_of(3));
  page.owner = 0;
  laws_.reference_taken(page_of(3), 1, /*longterm=*/false);
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAReferenceTooFewAndOneTooMany) {
  laws_.reference_taken(page_of(1), 1, /*longterm=*/false);
  EXPECT_EQ(audit(), "content");
  ++machine_.map.edit(page_of(1)).ref;
  EXPECT_EQ(audit(), "");
  ++machine_.map.edit(page_of(1)).ref;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentSeesAMappingTooMany) {
  ++machine_.map.edit(page_of(0)).map;
  EXPECT_EQ(audit(), "content");
}

TEST_P(PlantedTest, ContentWantsABlockWithOneReference) {
  const Pfn pfn = machine_.buddy.alloc_pages(kGfpKernel, 1);
  machine_.map.edit(pfn).ref = 2;
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(pfn, 1, kGfpKernel); }), "content");
}

TEST_P(PlantedTest, ContentWantsABlockThatNothingMaps) {
  const Pfn pfn = machine_.buddy.alloc_pages(kGfpKernel, 1);
  machine_.map.edit(pfn + 1).map = 1;
  EXPECT_EQ(law_broken_by([&] { laws_.pages_allocated(pfn, 1, kGfpKernel); }), "content");
}

}  // namespace
}  // namespace cma
