// Requests whose rights only some releases know: the witness expects what the allocator gives, and no more.

#include "properties/laws/page_requests.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"
#include "properties/program/law.h"

namespace cma {
namespace {

// A machine of its own, each of whose requests is watched.
class WatchedRequests {
 public:
  explicit WatchedRequests(const Geometry& geometry) : machine(make_machine(geometry)) { witness.watch(*machine); }
  Pfn ask(Gfp gfp, unsigned order = 0, unsigned node = 0) { return machine->buddy.alloc_pages(gfp, order, node); }
  // Takes single blocks until none is given. Returns how many were.
  unsigned take_all(Gfp gfp, unsigned order = 0, unsigned node = 0) {
    unsigned blocks = 0;
    while (ask(gfp | kGfpNowarn, order, node) != kNoPfn) ++blocks;
    return blocks;
  }
  std::uint64_t free_in(std::size_t zone) const {
    return static_cast<std::uint64_t>(machine->buddy.zone(zone).nr_free_pages);
  }
  std::uint64_t mark(std::size_t zone, Watermark which) const {
    return Watermarks::watermark(machine->buddy.zone(zone), which);
  }

  std::unique_ptr<Machine> machine;
  PageRequests witness;
};

Geometry without_areas(Release release) {
  Geometry g = default_small_geometry(release);
  g.areas.clear();
  g.min_free_kbytes = 128;
  g.pcp_batch = 1;
  g.pcp_high = 0;
  return g;
}

Geometry two_nodes_of(Release release) {
  Geometry g = without_areas(release);
  const Pfn start = g.memory.start;
  const Pfn middle = start + 0x200;
  g.zones = {{"DMA", {start, start + 0x80}}, {"Normal", {start + 0x80, middle}}, {"Normal", {middle, g.memory.end}, 1}};
  return g;
}

constexpr Gfp kSlabs = kGfpKernel | kGfpThisnode | kGfpNoretry | kGfpNowarn;

// Slab tries another node before it goes below the low watermark of the one it wants (up to 4.0).
TEST(WatchedRequest, SlabsRequestForANodeStaysAboveTheLowMarkUpTo4_0) {
  for (const Release release : {Release::v3_6, Release::v4_0, Release::v4_1, Release::v4_9}) {
    WatchedRequests watched(two_nodes_of(release));
    watched.take_all(kSlabs, 0, 1);
    EXPECT_EQ(watched.free_in(2) >= watched.mark(2, Watermark::low), release < Release::v4_1) << name_of(release);
    for (const Gfp part : {kSlabs & ~Gfp{kGfpNowarn}, kSlabs & ~Gfp{kGfpNoretry}})
      EXPECT_EQ(watched.ask(part, 0, 1) != kNoPfn, release < Release::v4_1) << name_of(release) << ": others go below";
    EXPECT_NE(watched.ask(kSlabs, 0, 0), kNoPfn) << "the other node has enough";
    EXPECT_EQ(watched.machine->buddy.requests().last_attempt_flags(kSlabs, 0) == kAllocWmarkLow,
              release < Release::v4_1);
  }
}

TEST(WatchedRequest, ANodeWithoutTheZoneServesNoRequestThatStaysThere) {
  for (const Release release : modelled_releases()) {
    WatchedRequests watched(two_nodes_of(release));
    EXPECT_EQ(watched.ask(kGfpKernel | kGfpDma | kGfpThisnode | kGfpNowarn, 0, 1), kNoPfn) << name_of(release);
    EXPECT_NE(watched.ask(kGfpKernel | kGfpDma, 0, 1), kNoPfn) << name_of(release) << ": the other node has it";
  }
}

// A victim of the OOM killer may have half of what must stay (4.14), the last page before; up to 5.8 pages of areas do
// not count for it, though it may have them.
TEST(WatchedRequest, AVictimGetsPagesThatOthersMustLeave) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.min_free_kbytes = 256;
    g.pcp_batch = 1;
    g.pcp_high = 0;
    WatchedRequests watched(g);
    watched.take_all(kGfpKernel);
    watched.machine->engine.flags().scope = ReclaimScope::victim;
    EXPECT_GT(watched.take_all(kGfpKernel), 0U) << name_of(release);
    const std::uint64_t of_areas = static_cast<std::uint64_t>(watched.machine->buddy.zone(0).nr_free_cma);
    EXPECT_EQ(watched.free_in(0) > of_areas, release >= Release::v4_14) << name_of(release);
    watched.take_all(kGfpHighuserMovable);
    EXPECT_EQ(watched.ask(kGfpHighuserMovable | kGfpNowarn), kNoPfn) << name_of(release);
  }
}

// Free pages of which no two are neighbours serve no request for two, whatever its rights.
TEST(WatchedRequest, AVictimGetsNoBlockThatIsNotThere) {
  for (const Release release : modelled_releases()) {
    WatchedRequests watched(default_small_geometry(release));
    Machine& machine = *watched.machine;
    const PfnRange memory = machine.geometry().memory;
    for (Pfn pfn = memory.start; pfn < memory.end; pfn += 2) claim_frame(machine, pfn);
    machine.engine.flags().scope = ReclaimScope::victim;
    for (const Gfp gfp : {kGfpKernel, kGfpHighuserMovable}) {
      EXPECT_EQ(watched.ask(gfp | kGfpNowarn, 1), kNoPfn) << name_of(release);
      EXPECT_NE(watched.ask(gfp | kGfpNowarn, 0), kNoPfn) << name_of(release);
    }
  }
}

// The last pageblock reaches beyond the zone. Since 6.10 it cannot be reserved for atomic requests, though one that
// only such a request could get lies in it.
TEST(WatchedRequest, APageblockThatAZonesEndCutsIsNotReservedSince6_10) {
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    Geometry g = without_areas(release);
    g.memory = {0, 1028};
    g.pageblock_order = 3;
    g.largest_order = 5;
    WatchedRequests watched(g);
    Machine& machine = *watched.machine;
    ASSERT_EQ(machine.buddy.zone(0).range.end, 1028U);
    // All but every fourth page of the first two hundred, and the last four.
    for (Pfn pfn = 0; pfn < 1024; ++pfn)
      if (pfn >= 100 || pfn % 4 != 0) claim_frame(machine, pfn);
    ASSERT_LE(watched.free_in(0), watched.mark(0, Watermark::min));
    EXPECT_EQ(watched.ask(kGfpKernel | kGfpNowarn, 1), kNoPfn);
    const Pfn pfn = watched.ask(kGfpAtomic, 1);
    EXPECT_GE(pfn, 1024U);
    EXPECT_NE(pfn, kNoPfn);
    EXPECT_EQ(machine.buddy.zone(0).nr_reserved_highatomic, release >= Release::v6_10 ? 0U : 8U) << name_of(release);
  }
}

}  // namespace
}  // namespace cma
