#include "allocator/pressure/page_allocator.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

// Makes requests until none is granted, and returns all frames that they got.
template <class Ask>
std::vector<Pfn> ask_until_none_is_left(Machine& machine, const Ask& ask) {
  std::vector<Pfn> pages;
  for (bool some = true; some;) {
    some = false;
    for (const Gfp gfp : {kGfpKernel, kGfpHighuserMovable, kGfpAtomic, kGfpKernel | kGfpComp})
      for (const unsigned order : {0U, 2U, machine.buddy.largest_order() + 1}) {
        const Pfn pfn = ask(machine, gfp, order);
        pages.push_back(pfn);
        some = some || pfn != kNoPfn;
      }
  }
  return pages;
}

class PageAllocatorTest : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, PageAllocatorTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(PageAllocatorTest, GivesWhatTheBuddyAllocatorGivesIfNothingCanBeReclaimed) {
  const std::unique_ptr<Machine> here = make_machine(tiny_geometry(GetParam()));
  const std::unique_ptr<Machine> there = make_machine(tiny_geometry(GetParam()));
  here->page_allocator.relieve_by(nullptr);
  const auto awaited = [](Machine& machine, Gfp gfp, unsigned order) {
    return run_now(machine.page_allocator.alloc_pages(gfp, order));
  };
  const auto at_once = [](Machine& machine, Gfp gfp, unsigned order) { return machine.buddy.alloc_pages(gfp, order); };
  EXPECT_EQ(ask_until_none_is_left(*here, awaited), ask_until_none_is_left(*there, at_once));
  EXPECT_EQ(here->hash(), there->hash());
}

TEST_P(PageAllocatorTest, NoCallerSleepsUnderASpinlock) {
  const std::unique_ptr<Machine> machine = make_machine(tiny_geometry(GetParam()));
  const SpinGuard guard(machine->engine);
  EXPECT_NE(run_now(machine->page_allocator.alloc_pages(kGfpAtomic, 0)), kNoPfn) << "it may not wait";
  EXPECT_THROW(run_now(machine->page_allocator.alloc_pages(kGfpKernel, 0)), AssertionFailure);
}

}  // namespace
}  // namespace cma
