// Long-term pins of pages in an area.

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

constexpr Pfn kInArea = 0x208;  // of area a, 0x200 to 0x2ff

class PinsTest : public testing::TestWithParam<Release> {
 protected:
  PinsTest() : machine_(make_machine(default_small_geometry(GetParam()))), process_(machine_->processes.spawn()) {
    populate_lru(*machine_, 100);
    machine_->processes.mmap_anon(process_, 1);
    EXPECT_EQ(0, run_now(machine_->contig.alloc_contig_range(kInArea, kInArea + 1, Migratetype::cma)));
    EXPECT_EQ(0, run_now(machine_->processes.write(process_, 0, 0, kInArea)));
    run_now(machine_->lru.drain().add_drain_all());
  }

  int pin() {
    const int error = run_now(machine_->processes.pin_longterm(process_, 0, 0, &pinned_));
    // A page that has moved is on a pagevec, which has a reference.
    run_now(machine_->lru.drain().add_drain_all());
    return error;
  }
  Pfn where() const { return machine_->owners.owner(machine_->processes.page_at(process_, 0, 0)).pfn; }
  bool in_area(Pfn pfn) const { return machine_->map.pageblock_type(pfn) == Migratetype::cma; }
  int references() const { return machine_->processes.longterm_references(); }

  std::unique_ptr<Machine> machine_;
  SpaceId process_;
  Pfn pinned_ = kNoPfn;
};

INSTANTIATE_TEST_SUITE_P(Releases, PinsTest, testing::ValuesIn(modelled_releases()));

TEST_P(PinsTest, Since5_1ThePageLeavesItsAreaAndItsContentComesWithIt) {
  EXPECT_EQ(0, pin());
  EXPECT_EQ(GetParam() < Release::v5_1, in_area(pinned_));
  EXPECT_EQ(where(), pinned_);
  EXPECT_EQ(1 + references(), machine_->map.page(pinned_).ref);
  EXPECT_EQ(1, machine_->map.page(pinned_).map);
  const OwnerId id = machine_->processes.page_at(process_, 0, 0);
  EXPECT_EQ(machine_->owners.owner(id).token, machine_->map.page(pinned_).token);
}

TEST_P(PinsTest, GivenBackItLeavesTheMappingsReference) {
  ASSERT_EQ(0, pin());
  run_now(machine_->processes.unpin_longterm(pinned_));
  EXPECT_EQ(1, machine_->map.page(pinned_).ref);
}

// The page that it moves to is asked for as movable up to 5.12, as one that cannot move since then.
TEST_P(PinsTest, ThePageStaysInMovableMemoryUpTo5_12) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "pins leave pages where they are";
  ASSERT_EQ(0, pin());
  EXPECT_EQ(machine_->map.pageblock_type(pinned_) == Migratetype::movable, GetParam() < Release::v5_13);
}

TEST_P(PinsTest, APageOutsideAreasStaysWhereItIs) {
  ASSERT_EQ(0, pin());
  if (in_area(pinned_)) return;
  const Pfn before = pinned_;
  ASSERT_EQ(0, pin());
  EXPECT_EQ(before, pinned_);
  EXPECT_EQ(1 + 2 * references(), machine_->map.page(pinned_).ref);
}

TEST_P(PinsTest, APageThatAReferenceKeepsIsRefusedSince5_1) {
  machine_->lru.references().get_page(kInArea);
  const bool refuses = GetParam() >= Release::v5_1;
  EXPECT_EQ(refuses ? -kENOMEM : 0, pin());
  EXPECT_EQ(kInArea, where());
  EXPECT_EQ(2 + (refuses ? 0 : references()), machine_->map.page(kInArea).ref);
  EXPECT_TRUE(machine_->map.page(kInArea).has(kPageLru));
}

TEST_P(PinsTest, Since5_9AChildGetsACopyOfAPageThatADeviceWritesTo) {
  ASSERT_EQ(0, pin());
  const SpaceId child = run_now(machine_->processes.fork(process_));
  ASSERT_NE(0U, child);
  const bool shared = machine_->processes.page_at(child, 0, 0) == machine_->processes.page_at(process_, 0, 0);
  EXPECT_EQ(GetParam() < Release::v5_9, shared);
  const Pfn before = where();
  ASSERT_EQ(0, run_now(machine_->processes.write(process_, 0, 0)));
  if (!shared) {
    EXPECT_EQ(before, where()) << "the parent goes on writing where the device does";
  }
}

TEST_P(PinsTest, AnUntouchedPageIsFaultedInOutsideAreas) {
  const MappingId fresh = machine_->processes.mmap_anon(process_, 1);
  // Little is left outside the areas.
  std::vector<Pfn> taken;
  for (Pfn pfn = machine_->buddy.alloc_pages(kGfpUser, 0); pfn != kNoPfn;
       pfn = machine_->buddy.alloc_pages(kGfpUser, 0))
    taken.push_back(pfn);
  ASSERT_GT(taken.size(), 16U);
  for (std::size_t i = 0; i < 16; ++i) run_now(machine_->buddy.free_pages(taken[i], 0));
  ASSERT_EQ(0, run_now(machine_->processes.pin_longterm(process_, fresh, 0, &pinned_)));
  if (GetParam() >= Release::v5_1) {
    EXPECT_FALSE(in_area(pinned_));
  }
}

// A pin tries again until it can isolate the page.
TEST_P(PinsTest, APageThatAnotherTaskHasIsolatedIsWaitedForSince5_1) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "pins leave pages where they are";
  ASSERT_TRUE(machine_->lru.listed().isolate(kInArea));
  Outcome<int> outcome;
  const ActorId actor = machine_->engine.add_actor(0);
  machine_->engine.begin(actor, keep_outcome(machine_->processes.pin_longterm(process_, 0, 0, &pinned_), &outcome));
  machine_->engine.resume(actor);
  EXPECT_FALSE(outcome.value);
  // Up to 5.12 the pin stays on the page meanwhile.
  EXPECT_EQ(machine_->map.page(kInArea).ref, GetParam() < Release::v5_13 ? 2 + references() : 2);
  run_now(machine_->lru.listed().putback(kInArea));
  run_to_rest(*machine_);
  EXPECT_EQ(outcome.value, 0);
  EXPECT_EQ(pinned_, where());
  EXPECT_FALSE(in_area(pinned_));
}

// The pin sleeps as long as the page is mapped, on no LRU list and in no pagevec.
TEST_P(PinsTest, APinWaitsUntilThePageCanBeHadOrIsGone) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "pins leave pages where they are";
  enum class Meanwhile { nothing, listed, queued, unmapped };
  for (const Meanwhile meanwhile : {Meanwhile::listed, Meanwhile::queued, Meanwhile::unmapped}) {
    const MappingId mapping = machine_->processes.mmap_anon(process_, 1);
    const Pfn frame = kInArea + 1;
    ASSERT_EQ(0, run_now(machine_->contig.alloc_contig_range(frame, frame + 1, Migratetype::cma)));
    ASSERT_EQ(0, run_now(machine_->processes.write(process_, mapping, 0, frame)));
    run_now(machine_->lru.drain().add_drain_all());
    ASSERT_TRUE(machine_->lru.listed().isolate(frame));
    Outcome<int> outcome;
    Engine& engine = machine_->engine;
    const ActorId actor = engine.add_actor(0);
    engine.begin(actor, keep_outcome(machine_->processes.pin_longterm(process_, mapping, 0, &pinned_), &outcome));
    engine.resume(actor);
    for (int turn = 0; turn < 2; ++turn) {
      ASSERT_EQ(engine.look(actor).state, ActorState::sleeping) << "in vain";
      engine.advance_to(engine.now() + kMillisecond);
      engine.resume(actor);
    }
    engine.assume(kMainActor);
    if (meanwhile == Meanwhile::unmapped) run_now(machine_->processes.munmap(process_, mapping, 0, 1));
    run_now(machine_->lru.listed().putback(frame));
    if (meanwhile == Meanwhile::listed) run_now(machine_->lru.drain().add_drain_all());
    run_to_rest(*machine_);
    // Since 5.13 the page is touched again and again. The second touch has left it in a pagevec, and before 6.1 none is
    // emptied for a page that is on the LRU.
    const bool touched_again = GetParam() >= Release::v5_13;
    const bool refused = meanwhile == Meanwhile::listed && touched_again && GetParam() < Release::v6_1;
    EXPECT_EQ(outcome.value, refused ? -kENOMEM : 0);
    EXPECT_EQ(in_area(pinned_), refused);
    engine.assume(kMainActor);
    if (!refused) run_now(machine_->processes.unpin_longterm(pinned_));
    run_now(machine_->processes.munmap(process_, mapping, 0, machine_->processes.pages_of(process_, mapping)));
    run_now(machine_->lru.drain().add_drain_all());
    run_now(machine_->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    EXPECT_EQ(machine_->map.page(frame).ref, 0);
  }
}

// The page that was had for the copy is given back if none is needed any more.
TEST_P(PinsTest, AChildSharesAPageThatWasUnpinnedMeanwhile) {
  if (GetParam() < Release::v5_9) GTEST_SKIP() << "children share every page";
  ASSERT_EQ(0, pin());
  const auto free_pages = [&] {
    run_now(machine_->lru.drain().add_drain_all());
    run_now(machine_->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    return machine_->buddy.zone(0).nr_free_pages;
  };
  const std::int64_t before = free_pages();
  Outcome<SpaceId> child;
  const ActorId actor = machine_->engine.add_actor(0);
  machine_->engine.begin(actor, keep_outcome(machine_->processes.fork(process_), &child));
  machine_->engine.stop_at(actor, Point::fork_unlocked, 1);
  machine_->engine.resume(actor);
  ASSERT_FALSE(child.value);
  machine_->engine.assume(kMainActor);
  run_now(machine_->processes.unpin_longterm(pinned_));
  run_to_rest(*machine_);
  machine_->engine.assume(kMainActor);
  ASSERT_TRUE(child.value);
  EXPECT_EQ(machine_->processes.page_at(*child.value, 0, 0), machine_->processes.page_at(process_, 0, 0));
  EXPECT_EQ(free_pages(), before);
}

}  // namespace
}  // namespace cma
