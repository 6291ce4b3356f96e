// Free blocks whose pageblocks have several types.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/isolation/isolation.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using namespace type_letters;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Pageblocks of ordinary types merge whatever their types are (up to 6.9), so that a block may be on another list than
// its first pageblock's.
TEST(MixedBlock, PiecesThatIsolationCutsOffGoToTheListsOfTheirPageblocks) {
  const std::unique_ptr<Machine> machine = make_machine(bare_geometry(Release::v6_1));
  give_block(*machine, 0x20, 4, U);
  give_block(*machine, 0x30, 4, M);
  ASSERT_THAT(free_list(*machine, 5, M), ElementsAre(0x20)) << "the list is that of the one freed last";
  ASSERT_EQ(run_now(machine->isolation.start_isolate_page_range(0x30, 0x40, M)), 0);
  EXPECT_THAT(free_list(*machine, 5, M), IsEmpty());
  EXPECT_THAT(free_list(*machine, 4, U), ElementsAre(0x20));
  EXPECT_THAT(free_list(*machine, 4, I), ElementsAre(0x30));
  EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 16);
  run_now(machine->isolation.undo_isolate_page_range(0x30, 0x40, M));
  EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 32);
  EXPECT_EQ(recount_free(*machine).first, 32);
}

}  // namespace
}  // namespace cma
