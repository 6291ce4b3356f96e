#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"
#include "allocator/owners/owner_moves.h"

namespace cma {
namespace {

class OwnersTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    return g;
  }
  OwnerId make(PageKind kind) {
    const Pfn pfn = machine->buddy.alloc_pages(kGfpHighuserMovable, 0);
    const OwnerId id = run_now(kind == PageKind::anonymous ? owners.adopt_anonymous(pfn) : owners.adopt(pfn, kind));
    run_now(machine->lru.drain().add_drain(0));
    return id;
  }
  const Page& page_of(OwnerId id) const { return machine->map.page(machine->owners.owner(id).pfn); }
  // A page to move to, as migration allocates it.
  Pfn target() { return machine->buddy.alloc_pages(kGfpMigrationTarget, 0); }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Owners& owners = machine->owners;
  OwnerMoves& owner_moves = machine->owner_moves;
  MemoryMap& map = machine->map;
};

INSTANTIATE_TEST_SUITE_P(Releases, OwnersTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(OwnersTest, EveryKindHasItsReferencesAndFlags) {
  struct Kind {
    PageKind kind;
    std::int32_t map;
    std::uint32_t flags;
  };
  const Kind kinds[] = {{PageKind::unmovable, 0, 0},
                        {PageKind::movable_ops, 0, kPageMovableOps},
                        {PageKind::anonymous, 1, kPageSwapbacked | kPageUptodate | kPageAnon | kPageLru},
                        {PageKind::shmem, 0, kPageSwapbacked | kPageUptodate | kPageLru}};
  for (const Kind& kind : kinds) {
    const OwnerId id = make(kind.kind);
    EXPECT_EQ(page_of(id).ref, 1) << name_of(kind.kind);
    EXPECT_EQ(page_of(id).map, kind.map) << name_of(kind.kind);
    EXPECT_EQ(page_of(id).flags, kind.flags) << name_of(kind.kind);
    EXPECT_EQ(page_of(id).owner, id);
    EXPECT_EQ(page_of(id).token, owners.owner(id).token);
    EXPECT_EQ(Owners::own_references(owners.owner(id)), 1);
  }
}

TEST_P(OwnersTest, ContentDiffersFromPageToPageAndIsNeverAFreePages) {
  const OwnerId a = make(PageKind::anonymous);
  const OwnerId b = make(PageKind::anonymous);
  EXPECT_NE(owners.owner(a).token, owners.owner(b).token);
  EXPECT_NE(owners.owner(a).token, 0U);
}

TEST_P(OwnersTest, LettingGoFreesThePage) {
  for (PageKind kind : {PageKind::unmovable, PageKind::movable_ops, PageKind::anonymous, PageKind::shmem}) {
    const OwnerId id = make(kind);
    const Pfn pfn = owners.owner(id).pfn;
    run_now(owners.release(id));
    EXPECT_TRUE(owners.released(id));
    EXPECT_TRUE(map.page(pfn).has(kPagePcp | kPageBuddy)) << name_of(kind);
    EXPECT_EQ(map.page(pfn).owner, 0U);
    EXPECT_THROW(run_now(owners.release(id)), AssertionFailure);
  }
  EXPECT_TRUE(log_lines(*machine).empty()) << "no bad page";
}

TEST_P(OwnersTest, APinnedPageOutlivesItsOwner) {
  for (PageKind kind : {PageKind::unmovable, PageKind::movable_ops, PageKind::anonymous, PageKind::shmem}) {
    const OwnerId id = make(kind);
    const Pfn pfn = owners.owner(id).pfn;
    machine->lru.references().get_page(pfn);
    run_now(owners.release(id));
    EXPECT_EQ(map.page(pfn).ref, 1) << name_of(kind);
    EXPECT_EQ(map.page(pfn).map, 0) << name_of(kind);
    run_now(machine->lru.references().put_page(pfn));
    EXPECT_TRUE(map.page(pfn).has(kPagePcp | kPageBuddy)) << name_of(kind);
  }
  EXPECT_TRUE(log_lines(*machine).empty()) << "no bad page";
}

TEST_P(OwnersTest, OnlyPageCachePagesHaveAMapping) {
  EXPECT_TRUE(machine->page_cache.has_mapping(owners.owner(make(PageKind::shmem)).pfn));
  EXPECT_FALSE(machine->page_cache.has_mapping(owners.owner(make(PageKind::anonymous)).pfn));
  EXPECT_FALSE(machine->page_cache.has_mapping(owners.owner(make(PageKind::unmovable)).pfn));
}

TEST_P(OwnersTest, CallsTakeOnlyTheirKinds) {
  const PteId pte = machine->spaces.add_ptes(0, 1);
  EXPECT_THROW(make(PageKind::hugetlb), AssertionFailure);
  EXPECT_THROW(machine->reverse_map.map_pte(pte, make(PageKind::unmovable)), AssertionFailure);
  EXPECT_THROW(machine->page_cache.buffer_of(make(PageKind::shmem)), AssertionFailure);
  EXPECT_THROW(machine->page_cache.try_to_drop(make(PageKind::shmem)), AssertionFailure);
  EXPECT_THROW(run_now(machine->page_cache.remove_from_cache(make(PageKind::anonymous))), AssertionFailure);
}

TEST_P(OwnersTest, UnmappingAndRemappingMoveOneReferenceAndOneMapCount) {
  const OwnerId id = make(PageKind::anonymous);
  const Pfn pfn = owners.owner(id).pfn;
  machine->lru.references().get_page(pfn);  // the isolation's
  run_now(owner_moves.unmap(pfn));
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_EQ(map.page(pfn).map, 0);
  EXPECT_EQ(Owners::own_references(owners.owner(id)), 0);
  run_now(owner_moves.remap(pfn, pfn));
  EXPECT_EQ(map.page(pfn).ref, 2);
  EXPECT_EQ(map.page(pfn).map, 1);
}

TEST_P(OwnersTest, AnAnonymousPageMovesWhenOnlyTheListHoldsIt) {
  const OwnerId id = make(PageKind::anonymous);
  const Pfn old = owners.owner(id).pfn;
  const std::uint32_t token = owners.owner(id).token;
  machine->lru.references().get_page(old);
  run_now(owner_moves.unmap(old));
  machine->lru.references().get_page(old);  // a pin
  const Pfn to = target();
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), -kEAGAIN);
  run_now(machine->lru.references().put_page(old));
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), 0);
  EXPECT_EQ(owners.owner(id).pfn, to);
  EXPECT_EQ(map.page(to).owner, id);
  EXPECT_EQ(map.page(to).token, token);
  EXPECT_TRUE(map.page(to).has(kPageAnon | kPageSwapbacked));
  EXPECT_EQ(map.page(old).owner, 0U);
}

TEST_P(OwnersTest, ASharedMemoryPageMovesItsCacheReferenceToo) {
  const OwnerId id = make(PageKind::shmem);
  const Pfn old = owners.owner(id).pfn;
  machine->lru.references().get_page(old);
  const Pfn to = target();
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), 0);
  EXPECT_EQ(map.page(old).ref, 1);
  EXPECT_EQ(map.page(to).ref, 2);
}

TEST_P(OwnersTest, ADriverRefusesAsOftenAsItWasAskedTo) {
  const OwnerId id = make(PageKind::movable_ops);
  const Pfn old = owners.owner(id).pfn;
  machine->lru.references().get_page(old);
  owners.refuse(id, 2, -kEAGAIN);
  const Pfn to = target();
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), -kEAGAIN);
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), -kEAGAIN);
  EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), 0);
  EXPECT_TRUE(map.page(to).has(kPageMovableOps));
  EXPECT_FALSE(map.page(old).has(kPageMovableOps));
  EXPECT_EQ(map.page(to).ref, 2);
  EXPECT_EQ(map.page(old).ref, 1);
}

TEST_P(OwnersTest, ANegativeNumberOfRefusalsNeverEnds) {
  const OwnerId id = make(PageKind::movable_ops);
  const Pfn old = owners.owner(id).pfn;
  owners.refuse(id, -1, -kEIO);
  const Pfn to = target();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), -kEIO);
}

// A lookup takes a reference before it waits for the lock: the page cannot move meanwhile.
TEST_P(OwnersTest, TruncationHoldsAReferenceWhileItWaitsForThePageLock) {
  const OwnerId id = make(PageKind::shmem);
  const Pfn old = owners.owner(id).pfn;
  Engine& engine = machine->engine;
  const ActorId migrator = engine.add_actor(0);
  const ActorId truncator = engine.add_actor(1);
  engine.assume(migrator);
  ASSERT_TRUE(machine->page_locks.try_lock(old));
  engine.begin(truncator, owners.release(id));
  engine.resume(truncator);
  EXPECT_EQ(engine.look(truncator).state, ActorState::waiting);
  engine.assume(migrator);
  machine->lru.references().get_page(old);
  EXPECT_EQ(run_now(owner_moves.move(old, target(), MoveMode::sync)), -kEAGAIN);
  machine->page_locks.unlock(old);
  run_to_rest(*machine);
  EXPECT_TRUE(owners.released(id));
  EXPECT_EQ(map.page(old).ref, 1) << "the migrator's";
  EXPECT_EQ(map.page(old).owner, 0U);
  EXPECT_TRUE(machine->page_locks.none_held());
}

TEST_P(OwnersTest, ADriverWaitsForThePageLockAndFollowsItsPage) {
  const OwnerId id = make(PageKind::movable_ops);
  const Pfn old = owners.owner(id).pfn;
  Engine& engine = machine->engine;
  const ActorId migrator = engine.add_actor(0);
  const ActorId driver = engine.add_actor(1);
  engine.assume(migrator);
  ASSERT_TRUE(machine->page_locks.try_lock(old));
  engine.begin(driver, owners.release(id));
  engine.resume(driver);
  EXPECT_EQ(engine.look(driver).state, ActorState::waiting);
  engine.assume(migrator);
  machine->lru.references().get_page(old);
  const Pfn to = target();
  ASSERT_EQ(run_now(owner_moves.move(old, to, MoveMode::sync)), 0);
  machine->page_locks.unlock(old);
  run_to_rest(*machine);
  EXPECT_TRUE(owners.released(id));
  EXPECT_EQ(map.page(to).ref, 1) << "only the reference of its allocation is left";
  EXPECT_EQ(map.page(to).owner, 0U);
}

TEST(PageKinds, APageThatIsNothingsHasAName) { EXPECT_EQ(name_of(PageKind::none), "none"); }

}  // namespace
}  // namespace cma
