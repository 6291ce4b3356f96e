#include "allocator/machine.h"

#include <gtest/gtest.h>

#include <set>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

class MachineTest : public ::testing::TestWithParam<Release> {
 protected:
  static void use(Machine& machine) {
    populate_lru(machine, 40);
    own_frame(machine, 520, PageKind::anonymous);
    own_frame(machine, 800, PageKind::shmem);
    const Pfn pfn = run_now(machine.areas.cma_alloc(0, 20, 2, Warn::yes));
    run_now(machine.areas.cma_alloc(1, 33, 0, Warn::yes));
    run_now(machine.areas.cma_release(0, pfn, 20));
    machine.buddy.alloc_pages(kGfpKernel, 3);
    run_now(machine.areas.debugfs().alloc(0, 3));
  }
  Geometry geometry() const { return default_small_geometry(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Releases, MachineTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(MachineTest, TwoMachinesOfOneGeometryAreEqual) {
  const std::unique_ptr<Machine> a = make_machine(geometry());
  const std::unique_ptr<Machine> b = make_machine(geometry());
  EXPECT_EQ(a->hash(), b->hash());
  EXPECT_EQ(a->trace.hash(), b->trace.hash());
  use(*a);
  EXPECT_NE(a->hash(), b->hash());
  use(*b);
  EXPECT_EQ(a->hash(), b->hash());
  EXPECT_EQ(a->trace.hash(), b->trace.hash());
  EXPECT_EQ(a->engine.steps(), b->engine.steps());
}

// What reclaim has found out decides what it does next.
TEST_P(MachineTest, MachinesThatReclaimDifferentlyAreDifferent) {
  const std::unique_ptr<Machine> boot = make_machine(geometry());
  const std::unique_ptr<Machine> machine = make_machine(geometry());
  NodeState& state = machine->reclaim.lruvecs().state(machine->reclaim.lruvecs().of_zone(0));
  std::set<std::uint64_t> hashes = {boot->hash()};
  for (bool* const flag : {&state.writeback, &state.dirty, &state.congested}) {
    *flag = true;
    hashes.insert(machine->hash());
    *flag = false;
  }
  state.kswapd_failures = 1;
  hashes.insert(machine->hash());
  EXPECT_EQ(hashes.size(), 5U);
  machine->restore(*boot);
  EXPECT_EQ(machine->hash(), boot->hash());
}

// Objects that a shrinker could drop, and the work that it has put off, are part of a machine.
TEST_P(MachineTest, SlabsAreAPartOfTheMachine) {
  const std::unique_ptr<Machine> used = make_machine(geometry());
  const std::unique_ptr<Machine> same = make_machine(geometry());
  for (Machine* const machine : {used.get(), same.get()})
    for (int i = 0; i < 8; ++i) {
      const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel | kGfpReclaimable, 0);
      if (machine == used.get()) machine->reclaim.slab().add(pfn);
    }
  const std::uint64_t added = used->hash();
  EXPECT_NE(added, same->hash());
  run_now(used->reclaim.slab().shrink({.priority = 2, .scanned = 1, .eligible = 8}));
  ASSERT_EQ(used->reclaim.slab().objects(), 8U);
  EXPECT_NE(used->hash(), added);
}

TEST_P(MachineTest, RestoringEqualsBoot) {
  const std::unique_ptr<Machine> boot = make_machine(geometry());
  const std::unique_ptr<Machine> machine = make_machine(geometry());
  for (int round = 0; round < 3; ++round) {
    use(*machine);
    machine->restore(*boot);
    EXPECT_EQ(machine->hash(), boot->hash());
    EXPECT_EQ(machine->trace.hash(), boot->trace.hash());
    EXPECT_TRUE(std::equal(machine->map.pages().begin(), machine->map.pages().end(), boot->map.pages().begin()));
    EXPECT_EQ(machine->engine.steps(), 0U);
    EXPECT_EQ(machine->owners.size(), 0U);
    for (std::size_t z = 0; z < machine->buddy.zones(); ++z) EXPECT_TRUE(machine->buddy.zone(z) == boot->buddy.zone(z));
    EXPECT_TRUE(machine->areas.area(0).debugfs_buffers.empty());
  }
}

TEST_P(MachineTest, ARestoredMachineBehavesLikeANewOne) {
  const std::unique_ptr<Machine> boot = make_machine(geometry());
  const std::unique_ptr<Machine> used = make_machine(geometry());
  use(*used);
  used->restore(*boot);
  use(*used);
  const std::unique_ptr<Machine> fresh = make_machine(geometry());
  use(*fresh);
  EXPECT_EQ(used->hash(), fresh->hash());
  EXPECT_EQ(used->trace.hash(), fresh->trace.hash());
}

TEST_P(MachineTest, RestoringThrowsSuspendedOperationsAway) {
  const std::unique_ptr<Machine> boot = make_machine(geometry());
  const std::unique_ptr<Machine> machine = make_machine(geometry());
  const ActorId actor = machine->engine.add_actor(0);
  Outcome<Pfn> outcome;
  machine->engine.begin(actor, keep_outcome(machine->areas.cma_alloc(0, 20, 0, Warn::yes), &outcome));
  machine->engine.stop_at(actor, Point::contig_migrated, 1);
  machine->engine.resume(actor);
  ASSERT_FALSE(machine->engine.at_rest());
  machine->restore(*boot);
  EXPECT_TRUE(machine->engine.at_rest());
  EXPECT_FALSE(machine->areas.table().cma_mutex.held());
  EXPECT_EQ(machine->hash(), boot->hash());
}

TEST_P(MachineTest, TheHashLeavesTimeAndTraceOut) {
  const std::unique_ptr<Machine> machine = make_machine(geometry());
  const std::uint64_t before = machine->hash();
  machine->engine.advance_to(12345);
  machine->trace.log("anything");
  EXPECT_EQ(machine->hash(), before);
}

TEST_P(MachineTest, TheHashSeesEveryKindOfState) {
  const auto changes = [&](auto change) {
    const std::unique_ptr<Machine> machine = make_machine(geometry());
    const std::uint64_t before = machine->hash();
    change(*machine);
    return machine->hash() != before;
  };
  EXPECT_TRUE(changes([](Machine& m) { ++m.map.edit(3).ref; }));
  EXPECT_TRUE(changes([](Machine& m) { m.map.set_pageblock_type(3, Migratetype::isolate); }));
  EXPECT_TRUE(changes([](Machine& m) { ++m.buddy.zone(0).nr_free_pages; }));
  EXPECT_TRUE(changes([](Machine& m) { ++m.buddy.zone(0).nr_free_cma; }));
  EXPECT_TRUE(changes([](Machine& m) { m.buddy.zone(0).pcp[1].free_factor = 1; }));
  EXPECT_TRUE(changes([](Machine& m) { run_now(m.areas.cma_alloc(0, 1, 0, Warn::no)); }));
}

TEST_P(MachineTest, AnImpossibleGeometryIsAnError) {
  Geometry g = geometry();
  g.areas[1].base = g.areas[0].base;
  EXPECT_THROW(make_machine(g), AssertionFailure);
}

}  // namespace
}  // namespace cma
