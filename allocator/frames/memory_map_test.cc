#include "allocator/frames/memory_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Geometry odd_geometry() {
  Geometry g;
  g.memory = {96, 500};  // begins in the middle of a chunk, ends in the middle of a pageblock
  g.pageblock_order = 5;
  g.largest_order = 7;
  g.zones = {{"DMA", {96, 150}}, {"Normal", {150, 490}}};
  g.holes = {{200, 210}};
  return g;
}

TEST(Page, IsHalfTheSizeOfTheKernels) { EXPECT_EQ(sizeof(Page), 32U); }

TEST(MemoryMap, EveryFrameOfAZoneBeginsReservedWithOneReference) {
  const MemoryMap map(odd_geometry());
  for (Pfn pfn = 96; pfn < 500; ++pfn) {
    const bool exists = pfn < 490 && (pfn < 200 || pfn >= 210);
    EXPECT_TRUE(map.valid(pfn));
    EXPECT_EQ(map.present(pfn), exists) << pfn;
    EXPECT_EQ(map.page(pfn).has(kPageReserved), exists) << pfn;
    EXPECT_EQ(map.page(pfn).ref, exists ? 1 : 0) << pfn;
    if (exists) {
      EXPECT_EQ(map.page(pfn).zone, pfn < 150 ? 0 : 1) << pfn;
    }
  }
  EXPECT_FALSE(map.valid(95));
  EXPECT_FALSE(map.valid(500));
  EXPECT_FALSE(map.valid(0));
  EXPECT_FALSE(map.present(95));
}

TEST(MemoryMap, FramesAndPfnsAreInverse) {
  const MemoryMap map(odd_geometry());
  EXPECT_EQ(map.frame(96), 0U);
  EXPECT_EQ(map.pfn(0), 96U);
  EXPECT_EQ(map.pfn(map.frame(499)), 499U);
  EXPECT_THROW(static_cast<void>(map.frame(95)), AssertionFailure);
  EXPECT_THROW(static_cast<void>(map.frame(500)), AssertionFailure);
}

TEST(MemoryMap, APageblockHasOneType) {
  MemoryMap map(odd_geometry());
  EXPECT_EQ(map.pageblocks(), 13U);
  EXPECT_EQ(map.pageblock_start(131), 128U);
  map.set_pageblock_type(131, Migratetype::cma);
  for (Pfn pfn = 96; pfn < 500; ++pfn)
    EXPECT_EQ(map.pageblock_type(pfn), pfn >= 128 && pfn < 160 ? Migratetype::cma : Migratetype::movable) << pfn;
}

TEST(MemoryMap, ChunksCoverTheRangeWithoutGaps) {
  const MemoryMap map(odd_geometry());
  EXPECT_EQ(map.chunk_order(), 7U);
  Pfn next = map.range().start;
  for (std::size_t chunk = 0; chunk < map.chunks(); ++chunk) {
    EXPECT_EQ(map.chunk_range(chunk).start, next);
    next = map.chunk_range(chunk).end;
  }
  EXPECT_EQ(next, map.range().end);
}

TEST(MemoryMap, ATouchIsNotedOnceUntilForgotten) {
  MemoryMap map(odd_geometry());
  map.edit(130).ref = 5;
  map.edit(140).ref = 5;
  map.edit(499).ref = 5;
  EXPECT_THAT(map.touched_chunks(), ElementsAre(1, 3));
  map.forget_touched();
  EXPECT_THAT(map.touched_chunks(), IsEmpty());
  map.edit(127).ref = 5;
  map.set_pageblock_type(300, Migratetype::isolate);
  EXPECT_THAT(map.touched_chunks(), ElementsAre(0, 2));
}

TEST(MemoryMap, EveryFrameBelongsToTheChunkThatItsTouchNotes) {
  MemoryMap map(odd_geometry());
  for (Pfn pfn = 96; pfn < 500; ++pfn) {
    map.forget_touched();
    map.edit(pfn).token = 1;
    ASSERT_EQ(map.touched_chunks().size(), 1U);
    EXPECT_TRUE(map.chunk_range(map.touched_chunks()[0]).contains(pfn));
  }
}

TEST(MemoryMap, RestoringBringsBackWhatWasTouchedAndForgottenByTheAudit) {
  const MemoryMap boot(odd_geometry());
  MemoryMap map(odd_geometry());
  for (Pfn pfn : {96U, 130U, 383U, 384U, 499U}) {
    map.edit(pfn).ref = 9;
    map.set_pageblock_type(pfn, Migratetype::isolate);
    map.forget_touched();
  }
  map.restore(boot);
  EXPECT_TRUE(std::equal(map.pages().begin(), map.pages().end(), boot.pages().begin()));
  EXPECT_TRUE(std::equal(map.types().begin(), map.types().end(), boot.types().begin()));
  EXPECT_THAT(map.touched_chunks(), IsEmpty());
  map.edit(96).ref = 3;
  EXPECT_THAT(map.touched_chunks(), ElementsAre(0));
}

TEST(MemoryMap, ADescriptorAndAByteAPageblockIsAllAMapKeeps) {
  Geometry g;
  g.memory = {0, 4096};
  EXPECT_EQ(MemoryMap(g).bytes(), 4096 * 32 + 8U);
}

}  // namespace
}  // namespace cma
