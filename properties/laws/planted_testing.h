// A machine in which programs hold some of everything, into which tests plant what breaks a law. planted_*_test.cc use
// it, a file a group of laws; planted_test.cc names the releases for all of them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "properties/laws/laws_testing.h"

namespace cma {

class PlantedTest : public ::testing::TestWithParam<Release> {
 protected:
  PlantedTest() : watched_(default_small_geometry(GetParam())), machine_(watched_.machine()), laws_(watched_.laws()) {
    // Some of everything that a program can hold.
    watched_.perform(watched_.cma_alloc(0, 20, 0));
    watched_.perform(watched_.cma_alloc(1, 7, 2));
    watched_.perform(watched_.alloc_pages(kGfpKernel, 0));
    watched_.perform(watched_.alloc_pages(kGfpKernel, 3));
    watched_.perform(watched_.alloc_pages(kGfpHighuserMovable | kGfpComp, 2));
    for (const PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::movable_ops, PageKind::unmovable})
      watched_.perform(watched_.own(kind));
    run_now(machine_.lru.drain().add_drain_all());
    laws_.audit();
  }

  // Returns the law that the next audit finds broken.
  std::string audit() {
    return law_broken_by([&] { laws_.audit(); });
  }
  // Returns the law that is broken if a request gets `pfn` at an attempt, or fails after all that it must make.
  std::string law_of_request(Gfp gfp, unsigned order, Pfn pfn, AllocAttempt attempt = AllocAttempt::low) {
    AllocationWatcher& watcher = *machine_.trace.allocations();
    return law_broken_by([&] {
      watcher.allocation_begins(gfp, order, 0);
      if (order <= machine_.buddy.largest_order()) {
        watcher.attempt_begins(attempt, gfp, order, 0);
        watcher.attempt_ended(pfn);
      }
      for (const AllocAttempt next : {AllocAttempt::min, AllocAttempt::reserves}) {
        const bool due = next == AllocAttempt::min || machine_.buddy.requests().may_use_reserves(gfp);
        if (pfn != kNoPfn || !due) break;
        watcher.attempt_begins(next, gfp, order, 0);
        watcher.attempt_ended(kNoPfn);
      }
      watcher.allocation_ended(gfp, order, pfn);
    });
  }
  // Leak the page of the first block: as no kernel does it, and as it is freed in a bad state, which the log tells.
  void leak_unreported() { let_go_with(kPageLeaked); }
  void leak_with_report() {
    let_go_with(kPageSlab);
    machine_.buddy.free_now(watched_.blocks[0].pfn, 0);
  }
  Pfn buffer() const { return watched_.buffers[0].pfn; }
  Pfn block() const { return watched_.blocks[1].pfn; }  // order 3
  Pfn page_of(std::size_t owner) const { return watched_.machine_const().owners.owner(watched_.owners[owner]).pfn; }
  // Returns a free block of at least this order.
  Pfn free_block(unsigned order) const {
    for (const Page& page : watched_.machine_const().map.pages())
      if (page.has(kPageBuddy) && page.order >= order)
        return static_cast<Pfn>(&page - &watched_.machine_const().map.page(0));
    return kNoPfn;
  }

  WatchedMachine watched_;
  Machine& machine_;
  Laws& laws_;

 private:
  // Takes the last reference to the page of the first block, which its program frees, and leaves it these flags.
  void let_go_with(std::uint32_t flags) {
    laws_.pages_freeing(watched_.blocks[0].pfn, 0);
    Page& page = machine_.map.edit(watched_.blocks[0].pfn);
    page.ref = 0;
    page.flags = flags;
  }
};

}  // namespace cma
