// What becomes of generated programs: operations that are skipped, stops that stop, and what is met within so many
// programs. All seeds are fixed. What is drawn, machines aside, is held by generator_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/base/error.h"
#include "properties/program/generator.h"
#include "properties/program/passages_testing.h"

namespace cma {
namespace {

// Runs programs, one after the other, and shows each to `see(program, world, passages)`.
template <class See>
void run_programs(std::uint64_t programs, const GeneratorOptions& options, See see) {
  Interpreter interpreter;
  Passages passages(interpreter.world());
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    const Program program = generate(seed, options);
    interpreter.run(program, &passages);
    see(program, interpreter.world(), passages);
  }
}

bool is_skipped(const World& world, Slot slot) { return world.result(slot).state == Result::State::skipped; }

std::string verb_of(const Op& op) { return std::string(info_of(op).verb); }

using Counts = std::map<std::string, std::uint64_t>;

// The most frequent ones first, a line each.
std::string listed(const Counts& counts) {
  constexpr std::size_t kMost = 25;
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [text, times] : counts) sorted.emplace_back(times, text);
  std::ranges::sort(sorted, std::greater{});
  std::string lines;
  for (std::size_t i = 0; i < std::min(sorted.size(), kMost); ++i)
    lines += std::to_string(sorted[i].first) + " " + sorted[i].second + "\n";
  return lines;
}

// --- operations that are skipped, and stops that stop ---

struct Shares {
  std::uint64_t operations = 0;
  std::uint64_t skipped = 0;
  std::uint64_t stops = 0;    // of operations that are not skipped
  std::uint64_t stopped = 0;  // of these
  Counts reasons;             // to skip
  Counts run_past;            // by operation and point

  void add(const Program& program, const World& world, const Passages& passages) {
    operations += program.ops.size();
    for (Slot slot = 0; slot < program.ops.size(); ++slot) {
      const Op& op = program.ops[slot];
      if (is_skipped(world, slot)) {
        ++skipped;
        ++reasons[world.result(slot).skipped_as];
        continue;
      }
      if (!op.until.wanted()) continue;
      ++stops;
      if (passages.operations()[slot].stopped)
        ++stopped;
      else
        ++run_past[verb_of(op) + " " + std::string(info_of(op.until.point).name) + (op.until.nth > 1 ? "#" : "")];
    }
  }
  std::string text() const {
    const auto percent = [](std::uint64_t part, std::uint64_t whole) {
      return std::to_string(part) + " of " + std::to_string(whole) + " = " +
             std::to_string(100 * part / std::max<std::uint64_t>(whole, 1)) + " %";
    };
    return "skipped " + percent(skipped, operations) + ":\n" + listed(reasons) + "stopped " + percent(stopped, stops) +
           ", the others:\n" + listed(run_past);
  }
};

class SharesOf : public ::testing::TestWithParam<Release> {
 protected:
  static Shares measured(const GeneratorOptions& options) {
    constexpr std::uint64_t kPrograms = 3000;
    Shares shares;
    run_programs(kPrograms, options, [&](const Program& program, const World& world, const Passages& passages) {
      shares.add(program, world, passages);
    });
    return shares;
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, SharesOf, ::testing::ValuesIn(modelled_releases()));

// Both stay possible: programs that do something wrong, and stops that are run past.
TEST_P(SharesOf, OneOperationInTenIsSkippedAndFourStopsInFiveStop) {
  const Shares shares = measured({.release = GetParam()});
  EXPECT_LT(shares.skipped * 10, shares.operations) << shares.text();
  EXPECT_GT(shares.skipped * 40, shares.operations) << shares.text();
  EXPECT_GT(shares.stopped * 5, shares.stops * 4) << shares.text();
  EXPECT_LT(shares.stopped * 50, shares.stops * 49) << shares.text();
  EXPECT_GT(shares.stops * 12, shares.operations) << "there are stops";
}

TEST_P(SharesOf, InLongProgramsToo) {
  const Shares shares = measured({.min_ops = 48, .max_ops = 48, .release = GetParam()});
  EXPECT_LT(shares.skipped * 10, shares.operations) << shares.text();
  EXPECT_GT(shares.stopped * 5, shares.stops * 4) << shares.text();
}

// --- what is met ---

TEST(Met, EveryKindIsPerformed) {
  std::set<std::size_t> performed;
  run_programs(8000, {}, [&](const Program& program, const World& world, const Passages&) {
    for (Slot slot = 0; slot < program.ops.size(); ++slot)
      if (!is_skipped(world, slot)) performed.insert(program.ops[slot].body.index());
  });
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    EXPECT_EQ(performed.contains(kind), !op_catalogue()[kind].any_time) << op_catalogue()[kind].verb;
}

// -EIO and -ENOSYS stay inside the model: the functions that return them are called by others.
TEST(Met, EveryErrorIsReturned) {
  std::set<std::string> errors;
  run_programs(40'000, {}, [&](const Program& program, const World& world, const Passages&) {
    for (Slot slot = 0; slot < program.ops.size(); ++slot)
      if (world.result(slot).state == Result::State::failed) errors.emplace(errno_name(world.result(slot).error));
  });
  EXPECT_EQ(errors, (std::set<std::string>{"-EINTR", "-ENOENT", "-EAGAIN", "-ENOMEM", "-EFAULT", "-EBUSY", "-EINVAL",
                                           "-ENOSPC"}));
}

// Points of compaction, reclaim and requests that find no page, which one program in ten has, and of throttles:
// generated programs pass them too seldom. Mutations of programs that pass them stop there.
constexpr std::array kSeldomPassed = {Point::scan_throttle,    Point::pin_again,       Point::compact_migrated,
                                      Point::compact_drained,  Point::compact_release, Point::reclaim_throttle,
                                      Point::reclaim_unmapped, Point::reclaim_slab,    Point::alloc_reclaim,
                                      Point::alloc_reclaimed,  Point::alloc_compacted, Point::alloc_retry,
                                      Point::report_part};
// What no actor stops at: no function passes the first any more, and sleeping suspends anyway.
constexpr std::array kNoStops = {Point::isolate_drain, Point::sleep};

TEST(Met, EveryPointButTheSeldomOnesIsOneThatAnActorStopsAt) {
  std::set<Point> stopped;
  run_programs(60'000, {}, [&](const Program& program, const World&, const Passages& passages) {
    for (Slot slot = 0; slot < program.ops.size(); ++slot)
      if (passages.operations()[slot].stopped) stopped.insert(program.ops[slot].until.point);
  });
  const auto excepted = [](Point point) {
    return std::ranges::find(kSeldomPassed, point) != kSeldomPassed.end() ||
           std::ranges::find(kNoStops, point) != kNoStops.end();
  };
  for (const PointInfo& point : point_catalogue())
    EXPECT_EQ(stopped.contains(point.point), !excepted(point.point)) << point.name;
}

// Moved pages are what contiguous allocations are about: of a hundred programs, one stops an actor while it moves one.
TEST(Met, PagesOnTheirWayAreMetOften) {
  constexpr std::uint64_t kPrograms = 6000;
  std::uint64_t met = 0;
  run_programs(kPrograms, {}, [&](const Program& program, const World&, const Passages& passages) {
    const auto moves = [&](Slot slot) {
      const Point point = program.ops[slot].until.point;
      return passages.operations()[slot].stopped && point >= Point::migrate_page && point <= Point::migrate_target;
    };
    bool any = false;
    for (Slot slot = 0; slot < program.ops.size(); ++slot) any = any || moves(slot);
    met += any ? 1 : 0;
  });
  EXPECT_GT(met * 100, kPrograms);
}

// Why operations of generated programs are skipped. Others need programs that are written by hand: actors that do not
// exist, a second device tree after boot.
constexpr auto kReasons = std::to_array<std::string_view>({
    "a part of the memory is not reserved, which the kernel does not check",
    "a task of the process is still inside the kernel",
    "an area would lie outside memory, which this kernel does not check",
    "another actor is inside a write to the area's files",
    "another actor runs it",
    "boot has finished",
    "boot has not reserved its areas yet",
    "boot was not asked for an area of that name",
    "its actor is inside another operation",
    "its actor is not stopped at a point",
    "kswapd of this release is not modelled",
    "long-term pins of huge pages and of shared memory are not modelled",
    "memory of an area would be given back with a region that overlaps it",
    "no I/O is under way",
    "no get_page of this program holds that frame",
    "no page of the LRU is there",
    "none of the pages belongs to a driver that can move it",
    "none of the pages has a buffer that it applies to",
    "none of the pages is a page of a file that it applies to",
    "none of the pages has been read yet: their I/O is under way",
    "not modelled for huge memory",
    "not within memory",
    "only block devices are read by their buffers",
    "only cached pages of a regular file or of shared memory can be mapped",
    "that part is not held as a whole, or does not begin and end with a bit of the area",
    "the area would end inside a bit, which is not modelled",
    "the kernel tries again without end: each turn finds the machine as it was, and no other actor can run",
    "the machine has no such node",
    "the mapping has no such page",
    "the mapping has no such pages",
    "the memory is another area's, which the kernel does not check",
    "the memory is not huge",
    "the order is above the largest one",
    "the place begins before memory, which no kernel checks",
    "the place it names is gone",
    "the process is dead",
    "the process is dead, or has no such mapping",
    "the release has no lru_cache_disable",
    "there is no such area",
    "there is no such node, or the order is above the largest one",
    "two areas would have the same memory, which no kernel checks",
    "what it names is gone",
    "what it names is of another kind",
    "what it names is still under way",
    "what it names was not obtained",
});

TEST(Met, EveryReasonToSkip) {
  std::set<std::string_view> missing(kReasons.begin(), kReasons.end());
  run_programs(60'000, {}, [&](const Program& program, const World& world, const Passages&) {
    for (Slot slot = 0; slot < program.ops.size(); ++slot)
      if (is_skipped(world, slot)) missing.erase(world.result(slot).skipped_as);
  });
  EXPECT_EQ(missing, std::set<std::string_view>{});
}

// --- pairs of operations on one result ---

// The kinds that make results of each sort, and those that have one as an operand.
struct UsersOf : IgnoreFields {
  std::map<Yields, std::set<std::size_t>> makers;
  std::map<Yields, std::set<std::size_t>> users;
  std::size_t kind = 0;

  UsersOf() {
    for (kind = 0; kind < kOpKinds; ++kind) {
      const OpInfo& info = op_catalogue()[kind];
      if (info.any_time || info.boot) continue;
      makers[info.yields].insert(kind);
      const OpBody body = default_body(kind);
      visit_fields(body, *this);
    }
  }
  void operand(const OpRef&, const OperandSpec& spec) { users[spec.wanted].insert(kind); }
};

// Returns whether nothing can be done with its operand after such an operation.
bool ends_result(std::size_t kind) {
  static constexpr std::array kEnds = {kind_of<FreePages>(), kind_of<FreeOwned>(),   kind_of<Unpin>(),
                                       kind_of<FreeRange>(), kind_of<ExitProcess>(), kind_of<DmaFree>()};
  return std::ranges::find(kEnds, kind) != kEnds.end();
}

// Returns the sorts of what an operation of this kind yields.
std::vector<Sort> sorts_made_by(std::size_t kind) {
  if (kind == kind_of<ReadFile>()) return {Sort::ordered, Sort::journalled, Sort::block_device};
  if (kind == kind_of<BufferRead>()) return {Sort::block_device};
  Op op;
  op.body = default_body(kind);
  return {sort_made_by(op)};
}

std::vector<Sort> sorts_of(Yields yields) {
  if (yields == Yields::mapping) return {Sort::small, Sort::huge, Sort::shared};
  if (yields != Yields::pages) return {Sort::plain};
  return {Sort::unmovable, Sort::movable, Sort::anonymous,  Sort::shmem,       Sort::ram_disk,
          Sort::hugetlb,   Sort::ordered, Sort::journalled, Sort::block_device};
}

using Pair = std::pair<std::size_t, std::size_t>;

// Returns the pairs of kinds that both apply to one result: it is of a sort that they share.
std::set<Pair> possible_pairs() {
  const UsersOf kinds;
  std::set<Pair> pairs;
  for (const auto& [yields, users] : kinds.users) {
    const auto makers = kinds.makers.find(yields);
    for (const std::size_t after : users) {
      const auto applies = [after](Sort sort) { return applies_to(after, sort); };
      if (makers != kinds.makers.end())
        for (const std::size_t maker : makers->second)
          if (std::ranges::any_of(sorts_made_by(maker), applies)) pairs.insert({maker, after});
      for (const std::size_t before : users) {
        const auto both = [&](Sort sort) { return applies_to(before, sort) && applies(sort); };
        if (!ends_result(before) && std::ranges::any_of(sorts_of(yields), both)) pairs.insert({before, after});
      }
    }
  }
  return pairs;
}

// Two operations, one after the other, that name the same result: they work on the same pages.
TEST(Met, NearlyEveryPairOfKindsThatWorkOnOneResult) {
  std::set<Pair> met;
  const auto meet = [&](const Program& program, const World& world, const Passages&) {
    std::map<OpId, std::size_t> last;
    for (Slot slot = 0; slot < program.ops.size(); ++slot) {
      if (is_skipped(world, slot)) continue;
      const Op& op = program.ops[slot];
      for_each_operand(op.body, [&](OpId id) {
        const auto before = last.find(id);
        if (before != last.end()) met.insert({before->second, op.body.index()});
        last[id] = op.body.index();
      });
      if (op.id != 0) last[op.id] = op.body.index();
    }
  };
  run_programs(60'000, {}, meet);
  run_programs(10'000, {.counted = true}, meet);
  std::uint64_t missing = 0;
  std::string names;
  const std::set<Pair> possible = possible_pairs();
  for (const auto& [before, after] : possible) {
    if (met.contains({before, after})) continue;
    ++missing;
    names += std::string(op_catalogue()[before].verb) + ", " + std::string(op_catalogue()[after].verb) + "\n";
  }
  EXPECT_LT(missing * 20, possible.size()) << missing << " of " << possible.size() << ", met " << met.size() << "\n"
                                           << names;
}

}  // namespace
}  // namespace cma
