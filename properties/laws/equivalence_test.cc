// Total and incremental audits give the same verdict, on states that random use leads to, at rest and with actors
// suspended anywhere, correct and corrupted.

#include <gtest/gtest.h>

#include <cstring>

#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

class Corrupter {
 public:
  Corrupter(Machine& machine, std::uint64_t seed) : machine_(machine), state_(seed * 0x9e3779b97f4a7c15ULL + 7) {}

  // Makes one change that no correct code would make. It makes no ring of free pages, which only a total audit sees.
  void corrupt() {
    const Pfn pfn = draw(machine_.map.range().pages());
    Zone& zone = machine_.buddy.zone(0);
    PageList& list = zone.free_by_order[draw(7)].lists[draw(kMigratetypes)];
    switch (draw(16)) {
      case 0: ++machine_.map.edit(pfn).ref; break;
      case 1: machine_.map.edit(pfn).flags ^= 1U << draw(26); break;
      case 2: machine_.map.edit(pfn).order ^= 1; break;
      case 3: machine_.map.edit(pfn).next = static_cast<Frame>(draw(1024)); break;
      case 4: machine_.map.edit(pfn).prev = kNil; break;
      case 5: machine_.map.edit(pfn).owner = static_cast<std::uint32_t>(draw(4)); break;
      case 6: ++machine_.map.edit(pfn).map; break;
      case 7: machine_.map.edit(pfn).token ^= 5; break;
      case 8: machine_.map.set_pageblock_type(pfn, migratetype_at(static_cast<unsigned>(draw(kMigratetypes)))); break;
      case 9: machine_.map.edit(pfn).list_type = migratetype_at(static_cast<unsigned>(draw(kMigratetypes))); break;
      case 10: zone.nr_free_pages += 1; break;
      case 11: ++zone.free_by_order[draw(7)].nr_free; break;
      case 12: list.first = list.first == kNil ? static_cast<Frame>(pfn) : machine_.map.at(list.first).next; break;
      case 13: list.last = list.last == kNil ? static_cast<Frame>(pfn) : machine_.map.at(list.last).prev; break;
      case 14: --zone.pcp[draw(2)].count; break;
      default: machine_.map.edit(pfn).ref = 0; break;
    }
  }

 private:
  std::uint64_t draw(std::uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 20) % limit;
  }
  Machine& machine_;
  std::uint64_t state_;
};

void compare(Release release, std::uint64_t runs) {
  WatchedMachine incremental(default_small_geometry(release));
  WatchedMachine total(default_small_geometry(release));
  total.laws().set_total_audits(true);
  std::uint64_t corrupted = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const RandomUse use{seed, static_cast<unsigned>(5 + seed % 30), seed % 2 == 0 ? 60U : 0U, /*to_rest=*/false};
    std::string verdicts[2];
    bool first = true;
    for (WatchedMachine* watched : {&incremental, &total}) {
      watched->restart();
      std::string& verdict = verdicts[first ? 0 : 1];
      first = false;
      verdict = law_broken_by([&] { use_at_random(*watched, use); });
      EXPECT_EQ(verdict, "") << "seed " << seed;
      Corrupter(watched->machine(), seed).corrupt();
      verdict = law_broken_by([&] { watched->laws().audit(); });
    }
    // Which law fires first may depend on where the audit begins. Whether one fires may not.
    ASSERT_EQ(verdicts[0].empty(), verdicts[1].empty()) << "seed " << seed << ": " << verdicts[0] << "/" << verdicts[1];
    corrupted += verdicts[0].empty() ? 0 : 1;
  }
  // Nearly every change is one that some law forbids.
  EXPECT_GT(corrupted, runs / 2);
}

class AuditsOf : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, AuditsOf, ::testing::ValuesIn(modelled_releases()));

TEST_P(AuditsOf, TotalAndIncrementalAgree) { compare(GetParam(), 1500); }

// A program that begins on a machine that went back to boot is checked as on a new one.
TEST(Audits, GoingBackToBootForgetsEverything) {
  WatchedMachine watched(default_small_geometry(Release::v6_1));
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    watched.restart();
    use_at_random(watched, {seed, 30, 30, false});
    watched.restart();
    watched.laws().audit();
    watched.laws().audit_everything();
    EXPECT_EQ(watched.laws().ledger().live_owners(), 0U);
  }
}

}  // namespace
}  // namespace cma
