// A batch that runs out of pages to move to.

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"
#include "allocator/migration/migration.h"

namespace cma {
namespace {

// The first page stays mapped, as memory of an exec does, and would be tried again; the second has the only target, and
// the third has none, which ends the call. Before 6.3 a page is moved before the next one is unmapped, and its old
// place is a target.
TEST(ShortOfTargets, APageWithoutATargetEndsTheCallThoughOthersWouldBeTriedAgain) {
  Geometry g = default_small_geometry(Release::v6_12);
  g.pcp_batch = 1;
  g.pcp_high = 0;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const auto where = [&](OwnerId id) { return machine->owners.owner(id).pfn; };
  populate_lru(*machine, 100);
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_anon(process, 1);
  ASSERT_EQ(run_now(machine->contig.alloc_contig_range(0x20a, 0x20b, Migratetype::cma)), 0);
  ASSERT_EQ(run_now(machine->processes.write(process, mapping, 0, 0x20a)), 0);
  run_now(machine->lru.drain().add_drain_all());
  machine->spaces.set_temporary_stack(process, true);
  const OwnerId second = own_frame(*machine, 0x209, PageKind::anonymous);
  const OwnerId third = own_frame(*machine, 0x208, PageKind::anonymous);
  std::vector<Pfn> taken;
  for (Pfn pfn = 0; (pfn = machine->buddy.alloc_pages(kGfpMigrationTarget | kGfpNowarn, 0)) != kNoPfn;)
    taken.push_back(pfn);
  run_now(machine->buddy.free_pages(taken.back(), 0));
  MigrateControl control;
  ASSERT_EQ(run_now(machine->scanner.isolate_range(control, 0x200, 0x210)), 0);
  const Moved moved = run_now(machine->migration.migrate_pages(control));
  EXPECT_EQ(moved.error, -kENOMEM);
  EXPECT_EQ((where(second) != 0x209) + (where(third) != 0x208), 1) << "there was a place for one of them";
  run_now(machine->migration.putback(control));
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), machine->map.page(0x20a).owner);
  EXPECT_EQ(machine->map.page(0x20a).map, 1);
}

}  // namespace
}  // namespace cma
