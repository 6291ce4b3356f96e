// For tests of reclaim: a small machine that has no areas, and pages of files on it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "allocator/machine_testing.h"
#include "allocator/reclaim/batch.h"

namespace cma {

// The parameter is the release.
class WithoutAreasFixture : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    return g;
  }
  // Two nodes: a zone without memory and one with, and one on the second node.
  static Geometry on_two_nodes() {
    Geometry g = geometry();
    const Pfn start = g.memory.start;
    g.memory.end = start + 0x1000;
    g.zones = {{"DMA", {start, start + 0x200}, 0},
               {"Normal", {start + 0x200, start + 0x800}, 0},
               {"Normal", {start + 0x800, start + 0x1000}, 1}};
    g.reserved = {{start, start + 0x200}};
    return g;
  }
  Pfn pfn_of(OwnerId id) const { return machine->owners.owner(id).pfn; }
  const Page& page_of(OwnerId id) const { return machine->map.page(pfn_of(id)); }

  std::unique_ptr<Machine> machine = make_machine(geometry());
};

// Pages of a file on a fast device, and the lists that they are on.
class ReclaimFixture : public WithoutAreasFixture {
 protected:
  // Begins again with another machine.
  void remake(const Geometry& g) {
    machine = make_machine(g);
    file = machine->files.open(FileMethod::ordered, /*slow=*/false);
    ids.clear();
  }
  // Reads so many further pages of the file. Returns where they are, the one read first first.
  std::vector<Pfn> read(unsigned pages) {
    std::vector<Pfn> pfns;
    for (unsigned i = 0; i < pages; ++i) {
      ids.push_back(read_page(*machine, file, ids.size()));
      pfns.push_back(pfn_of(ids.back()));
    }
    return pfns;
  }
  std::vector<Pfn> pages_on(LruList list) const { return pfns_of(machine->map, machine->lru.lists().list(list)); }
  std::uint64_t size(LruList list) const { return machine->lru.lists().size(list); }
  LruVec vec() const { return machine->reclaim.lruvecs().of_zone(0); }

  FileId file = machine->files.open(FileMethod::ordered, /*slow=*/false);
  std::vector<OwnerId> ids;  // of the pages read
};

// A batch that reclaim tries, of pages of a file on a fast device and one on a slow device.
class BatchFixture : public WithoutAreasFixture {
 protected:
  // Takes a page off the LRU, into the batch.
  void isolate(OwnerId id) {
    ASSERT_TRUE(machine->lru.listed().isolate(pfn_of(id)));
    list.push_front(machine->map, machine->map.frame(pfn_of(id)));
  }
  // Tries the batch. Returns how many pages were freed.
  std::uint64_t shrink_batch() { return run_now(batch.shrink(list, control, node, counts)); }

  FileId fast = machine->files.open(FileMethod::ordered, /*slow=*/false);
  FileId slow = machine->files.open(FileMethod::ordered, /*slow=*/true);
  ReclaimEvents events;
  BatchReclaim batch{Core{machine->geometry(), machine->bugs, machine->engine, machine->trace, machine->map},
                     machine->lru, machine->page_locks, machine->owner_reclaim, events};
  PageList list;
  ScanControl control;
  NodeState node;
  BatchCounts counts;
};

}  // namespace cma
