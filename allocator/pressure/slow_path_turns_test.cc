// Every branch of the slow path, on a machine without a free page: what it asks for, in which order, and how often.
// What would reclaim and compact is scripted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "allocator/machine_testing.h"
#include "allocator/pressure/slow_path.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Calls = std::vector<std::string>;

std::string name_of_priority(CompactPriority priority) {
  switch (priority) {
    case CompactPriority::full: return "compact full";
    case CompactPriority::light: return "compact light";
    case CompactPriority::async: return "compact async";
  }
  return "";
}

// Answers as a test says, and keeps what it was asked for.
class ScriptedRelief final : public Relief {
 public:
  explicit ScriptedRelief(Machine& machine) : machine_(machine) {}
  void wake_kswapds(const PageRequest&) override { ++wakeups; }
  Task<std::uint64_t> reclaim(const PageRequest&) override {
    calls.emplace_back("reclaim");
    scopes.push_back(machine_.engine.flags().scope);
    if (on_reclaim) on_reclaim();
    co_return progress;
  }
  Task<CompactResult> compact(const PageRequest&, std::uint32_t, CompactPriority priority) override {
    calls.push_back(name_of_priority(priority));
    scopes.push_back(machine_.engine.flags().scope);
    if (on_compact) on_compact();
    co_return result;
  }
  void compaction_served(std::size_t, unsigned order) override { served = order; }
  bool compaction_has_room(const ZoneList::Entry&, unsigned, std::int64_t) override { return room; }
  std::uint64_t reclaimable(std::size_t) const override { return more; }
  std::uint64_t write_pending(std::size_t) const override { return dirty; }

  Calls calls;
  std::vector<ReclaimScope> scopes;  // of the task, at each call
  unsigned wakeups = 0;
  unsigned served = 0;
  std::uint64_t progress = 0;
  std::function<void()> on_reclaim;
  std::function<void()> on_compact;
  CompactResult result = CompactResult::skipped;
  bool room = false;
  std::uint64_t more = 0;
  std::uint64_t dirty = 0;

 private:
  Machine& machine_;
};

class SlowPathTest : public ::testing::TestWithParam<Release> {
 protected:
  SlowPathTest() { machine->page_allocator.relieve_by(&relief); }
  // Begins a request as the operation of a new actor, in this scope.
  ActorId begin(Gfp gfp, unsigned order, ReclaimScope scope = ReclaimScope::none, Point stop = Point::kCount) {
    const ActorId actor = machine->engine.add_actor(0);
    machine->engine.flags(actor).scope = scope;
    machine->engine.begin(actor, keep_outcome(machine->page_allocator.alloc_pages(gfp, order), &got));
    if (stop != Point::kCount) machine->engine.stop_at(actor, stop, 1);
    machine->engine.resume(actor);
    return actor;
  }
  // Makes a request, to its end. Returns whether it was served.
  bool ask(Gfp gfp, unsigned order, ReclaimScope scope = ReclaimScope::none) {
    begin(gfp, order, scope);
    run_to_rest(*machine);
    return got.value != kNoPfn;
  }
  bool since(Release release) const { return GetParam() >= release; }
  void give(unsigned order, Migratetype type = Migratetype::unmovable) {
    give_block(*machine, given_, order, type);
    given_ += Pfn{64};
  }
  long count(const std::string& call) const { return std::count(relief.calls.begin(), relief.calls.end(), call); }

  std::unique_ptr<Machine> machine = make_machine(bare_geometry(GetParam()));
  ScriptedRelief relief{*machine};
  Outcome<Pfn> got;

 private:
  Pfn given_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Releases, SlowPathTest, ::testing::ValuesIn(modelled_releases()));

constexpr Gfp kMovableKernel = kGfpKernel | kGfpMovable;

// --- reclaim ---

TEST_P(SlowPathTest, AFreedPageServesTheRequest) {
  relief.progress = 1;
  relief.on_reclaim = [&] { give(0); };
  EXPECT_TRUE(ask(kGfpKernel, 0));
  EXPECT_THAT(relief.calls, ElementsAre("reclaim"));
}

TEST_P(SlowPathTest, NothingIsAskedForWhileAPageIsFree) {
  give(0);
  EXPECT_TRUE(ask(kGfpKernel, 0));
  EXPECT_THAT(relief.calls, IsEmpty());
  EXPECT_EQ(relief.wakeups, 0U);
}

TEST_P(SlowPathTest, ATaskThatReclaimsIsInThatScopeAndInItsOwnAfterwards) {
  if (!since(first_with(ReclaimScope::noio))) GTEST_SKIP() << "has no such scope";
  const ActorId actor = begin(kGfpKernel | kGfpNoretry, 3, ReclaimScope::noio);
  run_to_rest(*machine);
  for (const ReclaimScope scope : relief.scopes) EXPECT_EQ(scope, ReclaimScope::noreclaim);
  EXPECT_FALSE(relief.scopes.empty());
  EXPECT_EQ(machine->engine.flags(actor).scope, ReclaimScope::noio);
}

TEST_P(SlowPathTest, ARequestThatCannotWaitReclaimsNothing) {
  EXPECT_FALSE(ask(kGfpAtomic, 0));
  EXPECT_THAT(relief.calls, IsEmpty());
  EXPECT_EQ(relief.wakeups, 1U);
}

TEST_P(SlowPathTest, ATaskThatReclaimsDoesNotReclaimForItsRequests) {
  EXPECT_FALSE(ask(kGfpKernel, 0, ReclaimScope::noreclaim));
  EXPECT_THAT(relief.calls, IsEmpty());
}

TEST_P(SlowPathTest, AVictimOfTheKillerReclaimsOnceSince412) {
  EXPECT_FALSE(ask(kGfpKernel, 0, ReclaimScope::victim));
  EXPECT_EQ(relief.calls, since(Release::v4_12) ? Calls{"reclaim"} : Calls{});
}

TEST_P(SlowPathTest, KswapdIsWokenInEachTurnUnlessTheFlagsForbidIt) {
  ask(kGfpKernel, 0);
  EXPECT_EQ(relief.wakeups, since(Release::v4_8) ? 2U : 0U) << "at the beginning, and in the turn";
  relief.wakeups = 0;
  ask(kGfpKernel & ~Gfp{kGfpKswapdReclaim}, 0);
  EXPECT_EQ(relief.wakeups, 0U);
}

TEST_P(SlowPathTest, AnotherMayTakeThePageThatWasFreed) {
  relief.progress = 1;
  relief.on_reclaim = [&] { give(0); };
  begin(kGfpKernel | kGfpNoretry, 0, ReclaimScope::none, Point::alloc_reclaimed);
  EXPECT_NE(machine->buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  relief.on_reclaim = nullptr;
  run_to_rest(*machine);
  EXPECT_EQ(got.value, kNoPfn);
}

// 16 turns without a page, as long as reclaim could free enough. Up to 4.9 less is hoped for with each turn, so that
// the last one is left out; up to 4.7 a process is killed at once.
TEST_P(SlowPathTest, TurnsInVainAreRepeated16TimesWhilePagesAreLeftToReclaim) {
  relief.more = 100;
  EXPECT_FALSE(ask(kGfpKernel, 0));
  long expected = since(Release::v4_10) ? 17 : 16;
  if (!since(Release::v4_8)) expected = 1;
  EXPECT_EQ(count("reclaim"), expected);
}

TEST_P(SlowPathTest, ATurnThatFreedPagesBeginsTheCountAnew) {
  relief.more = 100;
  unsigned turns = 0;
  relief.on_reclaim = [&] { relief.progress = ++turns == 10 ? 1 : 0; };
  EXPECT_FALSE(ask(kGfpKernel, 0));
  long expected = since(Release::v4_10) ? 10 + 17 : 10 + 16;
  if (!since(Release::v4_8)) expected = 1;
  EXPECT_EQ(count("reclaim"), expected);
}

TEST_P(SlowPathTest, ATurnInVainWaitsForDirtyPagesUpTo515) {
  relief.more = 2;
  relief.dirty = 2;
  const Time before = machine->engine.now();
  ask(kGfpKernel, 0);
  const bool waits = since(Release::v4_8) && !since(Release::v5_16);
  EXPECT_EQ(machine->engine.now() - before >= 8 * 100 * kMillisecond, waits);
}

TEST_P(SlowPathTest, NoretryEndsAfterOneTurn) {
  relief.more = 100;
  relief.progress = 1;
  EXPECT_FALSE(ask(kGfpKernel | kGfpNoretry, 0));
  EXPECT_EQ(count("reclaim"), 1);
}

// --- the reserve for atomic requests ---

TEST_P(SlowPathTest, TheReserveIsGivenUpBeforeARequestFails) {
  if (!since(Release::v4_4)) GTEST_SKIP() << "its reserve is not modelled";
  give(4, Migratetype::highatomic);
  Zone& zone = machine->buddy.zone(0);
  zone.nr_reserved_highatomic = 16;
  zone.watermark = {1, 1, 1};
  relief.more = 100;
  EXPECT_EQ(ask(kGfpKernel, 0), since(Release::v4_10));
  EXPECT_EQ(zone.nr_reserved_highatomic, since(Release::v4_10) ? 0U : 16U);
}

TEST_P(SlowPathTest, AReserveOfMoreThanAPageblockIsGivenUpAfterAReclaimThatFreedPages) {
  if (!since(Release::v4_4)) GTEST_SKIP() << "its reserve is not modelled";
  give(4, Migratetype::highatomic);
  give(4, Migratetype::highatomic);
  Zone& zone = machine->buddy.zone(0);
  zone.nr_reserved_highatomic = 32;
  zone.watermark = {1, 1, 1};
  relief.progress = 1;
  EXPECT_TRUE(ask(kGfpKernel | kGfpNoretry, 0));
  EXPECT_EQ(zone.nr_reserved_highatomic, 16U);
}

// 6.8 gives it up as well if no zone would have enough, and the series of 6.1 and 6.6 took that over.
TEST_P(SlowPathTest, TheReserveIsGivenUpWithoutHopeSince68) {
  if (!since(Release::v4_4)) GTEST_SKIP() << "its reserve is not modelled";
  give(4, Migratetype::highatomic);
  Zone& zone = machine->buddy.zone(0);
  zone.nr_reserved_highatomic = 16;
  zone.watermark = {1, 1, 1};
  EXPECT_EQ(ask(kGfpKernel, 0), since(Release::v6_1));
  EXPECT_EQ(zone.nr_reserved_highatomic, since(Release::v6_1) ? 0U : 16U);
}

// --- compaction ---

TEST_P(SlowPathTest, ALargeBlockIsCompactedForBeforeAndAfterReclaim) {
  relief.progress = 1;
  EXPECT_FALSE(ask(kGfpKernel, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async", "reclaim", "compact light"));
}

TEST_P(SlowPathTest, ASmallBlockIsCompactedForFirstIfItDoesNotMoveSince412) {
  ask(kGfpKernel | kGfpNoretry, 3);
  const bool first = since(Release::v4_12) || !since(Release::v4_8);
  EXPECT_EQ(relief.calls.front(), first ? "compact async" : "reclaim");
  relief.calls.clear();
  ask(kMovableKernel | kGfpNoretry, 3);
  EXPECT_EQ(relief.calls.front(), since(Release::v4_8) ? "reclaim" : "compact async");
}

TEST_P(SlowPathTest, ABlockThatACompactionMadeServesTheRequest) {
  relief.result = CompactResult::success;
  relief.on_compact = [&] { give(4); };
  EXPECT_TRUE(ask(kGfpKernel, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async"));
  EXPECT_EQ(relief.served, 4U);
}

TEST_P(SlowPathTest, ALargeBlockWithNoretryIsGivenUpIfCompactionIsPutOff) {
  relief.result = CompactResult::deferred;
  EXPECT_FALSE(ask(kGfpKernel | kGfpNoretry, 4));
  EXPECT_EQ(count("reclaim"), since(Release::v4_8) ? 0 : 1);
}

TEST_P(SlowPathTest, ALargeBlockWithNoretryIsGivenUpIfThereIsNoRoomSince54) {
  relief.result = CompactResult::skipped;
  EXPECT_FALSE(ask(kGfpKernel | kGfpNoretry, 4));
  Calls expected = {"compact async", "reclaim", "compact async"};
  if (!since(Release::v4_8)) expected.back() = "compact light";
  if (since(Release::v5_4)) expected = {"compact async"};
  EXPECT_EQ(relief.calls, expected);
}

TEST_P(SlowPathTest, ALargeBlockWithNoretryIsCompactedForGentlyAfterReclaim) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "knows one compaction after another";
  relief.result = CompactResult::complete;
  EXPECT_FALSE(ask(kGfpKernel | kGfpNoretry, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async", "reclaim", "compact async"));
}

// Since 6.11, and in the series of 6.1 and 6.6.
TEST_P(SlowPathTest, ALargeBlockOfOneNodeWithNoretryIsGivenUpAfterOneCompactionSince61) {
  relief.result = CompactResult::complete;
  EXPECT_FALSE(ask(kGfpKernel | kGfpNoretry | kGfpThisnode, 4));
  Calls expected = {"compact async", "reclaim", "compact async"};
  if (!since(Release::v4_8)) expected.back() = "compact light";
  if (since(Release::v6_1)) expected = {"compact async"};
  EXPECT_EQ(relief.calls, expected);
}

TEST_P(SlowPathTest, ALargeBlockThatMayUseTheReservesIsNotCompactedForFirstSince48) {
  EXPECT_FALSE(ask(kGfpKernel | kGfpMemalloc | kGfpNoretry, 4));
  EXPECT_EQ(relief.calls.front(), since(Release::v4_8) ? "reclaim" : "compact async");
}

TEST_P(SlowPathTest, ABlockThatACompactionMadeAfterReclaimServesTheRequest) {
  relief.result = CompactResult::success;
  relief.on_compact = [&] {
    if (count("reclaim") == 1) give(2);
  };
  EXPECT_TRUE(ask(kMovableKernel | kGfpNoretry, 2));
  Calls expected = {"reclaim", "compact light"};
  if (!since(Release::v4_8)) expected.insert(expected.begin(), "compact async");
  EXPECT_EQ(relief.calls, expected);
  EXPECT_EQ(relief.served, 2U);
}

TEST_P(SlowPathTest, ARequestThatIsGivenUpWhileItCompactsFails) {
  relief.result = CompactResult::success;
  relief.on_compact = [&] {
    give(4);
    machine->engine.flags().given_up = true;
  };
  const ActorId actor = begin(kGfpKernel | kGfpNofail, 4);
  run_to_rest(*machine);
  EXPECT_EQ(got.value, kNoPfn) << "it does not look again";
  EXPECT_TRUE(machine->page_allocator.gave_up(actor));
}

TEST_P(SlowPathTest, ALargeBlockIsRetriedOnlyIfItMayFailLate) {
  machine->buddy.zone(0).watermark = {50, 50, 50};
  give(4);
  relief.more = 200;
  relief.progress = 1;
  relief.result = CompactResult::complete;
  ask(kGfpKernel, 4);
  EXPECT_EQ(count("reclaim"), 1);
  relief.calls.clear();
  ask(kGfpKernel | kGfpRetryMayfail, 4);
  EXPECT_GT(count("reclaim"), 10) << "progress or not, the turns are counted";
}

// 16 more at the first priority, and 16 at the highest.
TEST_P(SlowPathTest, ACompactionWhoseBlockAnotherTookIsRepeatedABoundedNumberOfTimes) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "retries for as long as pages are freed";
  relief.progress = 1;
  relief.result = CompactResult::success;
  EXPECT_FALSE(ask(kMovableKernel, 2));
  EXPECT_EQ(count("compact light"), 17);
  EXPECT_EQ(count("compact full"), 17);
  relief.calls.clear();
  EXPECT_FALSE(ask(kMovableKernel | kGfpRetryMayfail, 4));
  EXPECT_EQ(count("compact light"), 5) << "a large block, at the priority that it keeps";
  EXPECT_EQ(count("compact full"), 0);
}

TEST_P(SlowPathTest, ACompactionThatFailedIsRepeatedAtTheHighestPriority) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "knows no priorities";
  relief.progress = 1;
  relief.result = CompactResult::complete;
  EXPECT_FALSE(ask(kMovableKernel, 2));
  EXPECT_THAT(relief.calls, ElementsAre("reclaim", "compact light", "reclaim", "compact full"));
}

TEST_P(SlowPathTest, ACompactionWithoutRoomIsRepeatedIfReclaimCanMakeSome) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "retries for as long as pages are freed";
  unsigned turns = 0;
  relief.on_reclaim = [&] { relief.progress = ++turns < 5 ? 1 : 0; };
  relief.result = CompactResult::skipped;
  relief.room = true;
  EXPECT_FALSE(ask(kMovableKernel, 2));
  EXPECT_EQ(count("reclaim"), 5);
  relief.calls.clear();
  turns = 0;
  relief.room = false;
  EXPECT_FALSE(ask(kMovableKernel, 2));
  EXPECT_EQ(count("reclaim"), 1);
}

TEST_P(SlowPathTest, ACompactionThatWasGivenUpIsRepeatedHarderSince54) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "retries for as long as pages are freed";
  relief.progress = 1;
  relief.result = CompactResult::contended;
  EXPECT_FALSE(ask(kMovableKernel, 2));
  EXPECT_EQ(count("compact full"), since(Release::v5_4) ? 1 : 0);
}

// Up to 5.3 these are repeated as one without room is, for as long as it may have some.
TEST_P(SlowPathTest, ACompactionThatWithdrewIsRepeatedWhereItMayHaveRoomUpTo53) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "retries for as long as pages are freed";
  unsigned turns = 0;
  relief.on_reclaim = [&] { relief.progress = ++turns < 5 ? 1 : 0; };
  relief.room = true;
  for (const CompactResult result :
       {CompactResult::deferred, CompactResult::contended, CompactResult::partial_skipped}) {
    relief.calls.clear();
    relief.result = result;
    turns = 0;
    EXPECT_FALSE(ask(kMovableKernel, 2));
    EXPECT_EQ(count("reclaim"), since(Release::v5_4) ? 2 : 5) << static_cast<int>(result);
    EXPECT_EQ(count("compact full"), since(Release::v5_4) ? 1 : 0) << static_cast<int>(result);
  }
}

TEST_P(SlowPathTest, ATaskThatIsAboutToDieCompactsNoFurtherSince514) {
  if (!since(Release::v4_8)) GTEST_SKIP() << "retries for as long as pages are freed";
  relief.progress = 1;
  relief.result = CompactResult::complete;
  const ActorId actor = begin(kMovableKernel, 2, ReclaimScope::none, Point::alloc_reclaim);
  machine->engine.flags(actor).fatal_signal = true;
  run_to_rest(*machine);
  EXPECT_EQ(count("compact full"), since(Release::v5_14) ? 0 : 1);
}

TEST_P(SlowPathTest, WithoutIoNothingIsCompactedSince510) {
  ask((kGfpKernel & ~Gfp{kGfpIo | kGfpFs}) | kGfpNoretry, 4);
  EXPECT_EQ(count("compact async") > 0, !since(Release::v5_10));
}

// --- turns without end ---

TEST_P(SlowPathTest, ASmallRequestThatMayNotEnterFileSystemsIsRepeatedWithoutEnd) {
  const ActorId actor = begin(kGfpKernel & ~Gfp{kGfpFs}, 0);
  for (int turn = 0; turn < 100; ++turn) {
    ASSERT_TRUE(machine->page_allocator.endless().between(actor)) << turn;
    machine->engine.advance_to(machine->engine.look(actor).wake_time);
    machine->engine.resume(actor);
  }
  EXPECT_EQ(count("reclaim"), 101);
}

// 6.9 ("prevent infinite loop for costly GFP_NOIO | __GFP_RETRY_MAYFAIL allocations"), and the series from 5.10 on.
TEST_P(SlowPathTest, ALargeBlockThatMayNotBeCompactedForIsRepeatedWithoutEndFrom48To59) {
  relief.progress = 1;
  relief.room = true;
  const ActorId actor = begin((kGfpKernel & ~Gfp{kGfpIo | kGfpFs}) | kGfpRetryMayfail, 4);
  const bool endless = since(Release::v4_8) && !since(Release::v5_10);
  if (endless) {
    EXPECT_EQ(count("reclaim"), 17) << "16 turns are repeated as others are";
  }
  for (int turn = 0; turn < (endless ? 100 : 0); ++turn) {
    ASSERT_TRUE(machine->page_allocator.endless().between(actor)) << turn;
    machine->engine.advance_to(machine->engine.look(actor).wake_time);
    machine->engine.resume(actor);
  }
  EXPECT_EQ(machine->page_allocator.endless().between(actor), endless);
  machine->engine.flags(actor).given_up = true;
  run_to_rest(*machine);
  EXPECT_EQ(got.value, kNoPfn);
}

// Reclaim counts pages as freed for one whatever it frees.
TEST_P(SlowPathTest, ATurnOfATaskThatIsAboutToDieIsAnEndlessOne) {
  relief.progress = 1;
  relief.more = 100;
  const ActorId actor = begin(kGfpKernel, 0, ReclaimScope::none, Point::alloc_reclaim);
  machine->engine.flags(actor).fatal_signal = true;
  machine->engine.resume(actor);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
  give(0);
  run_to_rest(*machine);
  EXPECT_NE(got.value, kNoPfn);
}

TEST_P(SlowPathTest, ALargeBlockThatMustNotFailIsRepeatedWithoutEndThoughReclaimMakesProgress) {
  relief.progress = 1;
  relief.result = CompactResult::deferred;
  const ActorId actor = begin(kGfpKernel | kGfpNofail, 4);
  const bool gives_up = since(Release::v4_8) && !since(Release::v4_12);
  EXPECT_EQ(machine->page_allocator.endless().between(actor), !gives_up);
}

TEST_P(SlowPathTest, ARepeatedRequestIsServedOnceAnotherFreesAPage) {
  begin(kGfpKernel & ~Gfp{kGfpFs}, 0);
  give(0);
  run_to_rest(*machine);
  EXPECT_NE(got.value, kNoPfn);
}

// Each turn begins with an attempt (__alloc_pages_slowpath, retry), which takes what others freed in the sleep before.
TEST_P(SlowPathTest, ARepeatedRequestTakesWhatWasFreedMeanwhileBeforeItReclaims) {
  struct Asked {
    Gfp gfp = 0;
    unsigned order = 0;
  };
  for (const auto& [gfp, order] :
       {Asked{kGfpKernel & ~Gfp{kGfpFs}, 0}, Asked{kGfpKernel | kGfpNofail, 0}, Asked{kGfpKernel | kGfpNofail, 4}}) {
    if (order > 0 && since(Release::v4_8) && !since(Release::v4_12)) continue;  // given up
    const ActorId actor = begin(gfp, order);
    ASSERT_TRUE(machine->page_allocator.endless().between(actor)) << order;
    const auto reclaims = count("reclaim");
    give(order);
    run_to_rest(*machine);
    ASSERT_NE(got.value, kNoPfn) << order;
    EXPECT_EQ(count("reclaim"), reclaims) << order;
  }
}

TEST_P(SlowPathTest, ARepeatedRequestThatIsGivenUpFails) {
  for (const Gfp gfp : {kGfpKernel & ~Gfp{kGfpFs}, kGfpKernel | kGfpNofail}) {
    const ActorId actor = begin(gfp, 0);
    ASSERT_TRUE(machine->page_allocator.endless().between(actor));
    machine->engine.flags(actor).given_up = true;
    run_to_rest(*machine);
    EXPECT_EQ(got.value, kNoPfn);
    EXPECT_TRUE(machine->page_allocator.gave_up(actor));
  }
}

TEST_P(SlowPathTest, ARequestThatMustNotFailIsRepeatedWhateverItsSizeSince412) {
  const ActorId small = begin(kGfpKernel | kGfpNofail, 0);
  EXPECT_TRUE(machine->page_allocator.endless().between(small));
  const ActorId large = begin(kGfpKernel | kGfpNofail, 4);
  const bool repeats = since(Release::v4_12) || !since(Release::v4_8);
  EXPECT_EQ(machine->page_allocator.endless().between(large), repeats) << "4.9 takes no large block for one";
}

TEST_P(SlowPathTest, ARequestThatMustNotFailOfATaskThatReclaimsIsRepeated) {
  const ActorId actor = begin(kGfpKernel | kGfpNofail, 0, ReclaimScope::noreclaim);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
  EXPECT_THAT(relief.calls, IsEmpty());
}

TEST_P(SlowPathTest, ARequestThatMustNotFailGetsALittleOfWhatIsKept) {
  give(2);
  machine->buddy.zone(0).watermark = {5, 5, 5};
  const bool by_help = since(Release::v4_12);
  const bool by_killing = since(Release::v4_4);
  begin(kGfpKernel | kGfpNofail, 0);
  if (by_help || by_killing)
    EXPECT_NE(got.value.value_or(kNoPfn), kNoPfn) << "the mark is 5, and 4 are free";
  else
    EXPECT_FALSE(got.value.has_value());
  EXPECT_FALSE(since(Release::v4_8) && ask(kGfpKernel, 0)) << "others get none of them";
}

// --- killing ---

// Counts how often it is asked, and answers as a test says.
class ScriptedKiller final : public ProcessKiller {
 public:
  Task<Killed> out_of_memory(const PageRequest&) override {
    ++asked;
    if (on_kill) on_kill();
    co_return result;
  }

  Killed result = Killed::none;
  unsigned asked = 0;
  std::function<void()> on_kill;
};

TEST_P(SlowPathTest, AProcessIsKilledAndItsMemoryServesTheRequest) {
  ScriptedKiller killer;
  killer.result = Killed::process;
  killer.on_kill = [&] { give(0); };
  machine->page_allocator.kill_by(&killer);
  EXPECT_TRUE(ask(kGfpKernel, 0));
  EXPECT_EQ(killer.asked, 1U);
  EXPECT_EQ(count("reclaim"), 1);
}

TEST_P(SlowPathTest, NoProcessIsKilledWhereThatIsNoHelp) {
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  for (const Gfp gfp : {kGfpKernel | kGfpNoretry, kGfpAtomic}) EXPECT_FALSE(ask(gfp, 0));
  EXPECT_FALSE(ask(kGfpKernel, 4)) << "a large block";
  EXPECT_FALSE(ask(kGfpKernel, 0, ReclaimScope::noreclaim));
  EXPECT_EQ(killer.asked, 0U);
  EXPECT_FALSE(ask(kGfpKernel | kGfpRetryMayfail, 0));
  EXPECT_EQ(killer.asked, since(Release::v4_13) ? 0U : 1U);
}

// Up to 3.18 such a request is repeated as if a process had been killed.
TEST_P(SlowPathTest, NoProcessIsKilledForMemoryOfOneNode) {
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  const ActorId actor = begin(kGfpKernel | kGfpThisnode, 0);
  EXPECT_EQ(machine->page_allocator.endless().between(actor), !since(Release::v3_19));
  give(0);
  run_to_rest(*machine);
  EXPECT_EQ(got.value != kNoPfn, !since(Release::v3_19));
  EXPECT_EQ(killer.asked, 0U);
}

TEST_P(SlowPathTest, ForARequestThatMustNotFailAProcessIsKilledEvenWhereThatIsNoHelpUpTo411) {
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  const ActorId actor = begin(kGfpKernel | kGfpThisnode | kGfpNofail, 0);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
  EXPECT_EQ(killer.asked, since(Release::v4_12) ? 0U : 1U);
}

TEST_P(SlowPathTest, NoProcessIsKilledForMemoryBelowZoneNormal) {
  Geometry geometry = bare_geometry(GetParam());
  geometry.zones = {{.name = "DMA", .range = {0, 128}}, {.name = "Normal", .range = {128, 256}}};
  machine = make_machine(geometry);
  ScriptedRelief reclaims_nothing(*machine);
  machine->page_allocator.relieve_by(&reclaims_nothing);
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  EXPECT_FALSE(ask(kGfpKernel | kGfpDma, 0));
  EXPECT_EQ(killer.asked, 0U);
  EXPECT_FALSE(ask(kGfpKernel, 0));
  EXPECT_EQ(killer.asked, 1U);
}

// Another had the page that was freed, and nothing is left to reclaim. Up to 4.7 progress alone is another turn.
TEST_P(SlowPathTest, AProcessIsKilledWhereReclaimMadeProgressAndNothingIsLeft) {
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  unsigned turns = 0;
  relief.on_reclaim = [&] { relief.progress = ++turns == 1 ? 1 : 0; };
  EXPECT_FALSE(ask(kGfpKernel, 0));
  EXPECT_EQ(count("reclaim"), since(Release::v4_8) ? 1 : 2);
  EXPECT_EQ(killer.asked, 1U);
}

TEST_P(SlowPathTest, WithoutAProcessToKillTheRequestFails) {
  ScriptedKiller killer;
  machine->page_allocator.kill_by(&killer);
  EXPECT_FALSE(ask(kGfpKernel, 0));
  EXPECT_EQ(killer.asked, 1U);
}

TEST_P(SlowPathTest, ARequestWaitsWhileAProcessIsAboutToDie) {
  ScriptedKiller killer;
  killer.result = Killed::waits;
  machine->page_allocator.kill_by(&killer);
  const ActorId actor = begin(kGfpKernel, 0);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
  give(0);
  run_to_rest(*machine);
  EXPECT_NE(got.value, kNoPfn);
}

TEST_P(SlowPathTest, ATaskThatIsChosenWhileItReclaimsIsAVictimAfterwards) {
  ActorId actor = 0;
  relief.on_reclaim = [&] { machine->engine.flags(actor).oom_victim = true; };
  actor = begin(kGfpKernel | kGfpNoretry, 0, ReclaimScope::realtime, Point::alloc_reclaim);
  run_to_rest(*machine);
  EXPECT_TRUE(machine->engine.flags(actor).is_oom_victim());
  EXPECT_EQ(machine->engine.flags(actor).scope, ReclaimScope::realtime) << "and what it was before";
}

TEST_P(SlowPathTest, AVictimHasTheReservesFromItsNextTurnOnAndUpTo318OnlyAfterAKill) {
  give(2);
  machine->buddy.zone(0).watermark = {5, 5, 5};
  ScriptedKiller killer;
  killer.result = Killed::process;
  machine->page_allocator.kill_by(&killer);
  relief.progress = 1;
  relief.on_reclaim = [&] { machine->engine.flags().oom_victim = true; };
  EXPECT_EQ(ask(kGfpKernel, 0), since(Release::v3_19));
}

// With the reserves, or without a right to them, it has had its share; up to 4.11 it fails before it reclaims.
TEST_P(SlowPathTest, AVictimFailsAfterTheKillerWasCalledSince412) {
  ScriptedKiller killer;
  killer.result = Killed::process;
  machine->page_allocator.kill_by(&killer);
  for (const Gfp gfp : {kGfpKernel, kGfpKernel | kGfpNomemalloc}) {
    killer.asked = 0;
    EXPECT_FALSE(ask(gfp, 0, ReclaimScope::victim));
    EXPECT_EQ(killer.asked, since(Release::v4_12) ? 1U : 0U);
  }
}

TEST_P(SlowPathTest, AVictimThatIsAboutToFreeMemoryWaitsSince414) {
  ScriptedKiller killer;
  killer.result = Killed::waits;
  machine->page_allocator.kill_by(&killer);
  const ActorId actor = begin(kGfpKernel | kGfpMemalloc, 0, ReclaimScope::victim);
  EXPECT_EQ(machine->page_allocator.endless().between(actor), since(Release::v4_14));
}

TEST_P(SlowPathTest, AVictimsRequestThatMustNotFailIsRepeated) {
  ScriptedKiller killer;
  killer.result = Killed::waits;
  machine->page_allocator.kill_by(&killer);
  const ActorId actor = begin(kGfpKernel | kGfpNofail, 0, ReclaimScope::victim);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
}

// --- no process is killed ---

TEST_P(SlowPathTest, NoProcessIsKilledForAnyRequest) {
  EXPECT_FALSE(ask(kGfpKernel, 0));
  EXPECT_THAT(relief.calls, ElementsAre("reclaim"));
}

TEST_P(SlowPathTest, ThereIsALastAttemptAboveTheHighMark) {
  Zone& zone = machine->buddy.zone(0);
  zone.watermark = {100, 100, 2};
  give(2);
  EXPECT_EQ(ask(kGfpKernel, 0), true) << "others may have freed pages meanwhile";
  zone.watermark = {100, 100, 100};
  EXPECT_FALSE(ask(kGfpKernel, 0));
}

// --- up to 4.7 ---

TEST_P(SlowPathTest, UpTo47ALargeBlockIsRetriedUntilSoMuchWasFreed) {
  if (since(Release::v4_8)) GTEST_SKIP() << "counts turns";
  relief.progress = 4;
  EXPECT_FALSE(ask(kGfpKernel | kGfpRetryMayfail, 4));
  EXPECT_EQ(count("reclaim"), 4);
}

TEST_P(SlowPathTest, UpTo47AHugePageIsGivenUpIfCompactionIsPutOff) {
  if (since(Release::v4_8)) GTEST_SKIP() << "has flags of their own";
  relief.result = CompactResult::deferred;
  EXPECT_FALSE(ask(kGfpKernel & ~Gfp{kGfpKswapdReclaim}, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async"));
}

TEST_P(SlowPathTest, UpTo47AHugePageIsGivenUpIfCompactionIsGivenUp) {
  if (since(Release::v4_8)) GTEST_SKIP() << "has flags of their own";
  relief.result = CompactResult::contended;
  EXPECT_FALSE(ask(kGfpKernel & ~Gfp{kGfpKswapdReclaim}, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async"));
}

TEST_P(SlowPathTest, UpTo47ARequestThatIsNotRepeatedCompactsOnceMore) {
  if (since(Release::v4_8)) GTEST_SKIP() << "compacts in each turn";
  relief.result = CompactResult::success;
  relief.on_compact = [&] {
    if (count("reclaim") == 1) give(4);
  };
  relief.progress = 1;
  EXPECT_TRUE(ask(kGfpKernel, 4));
  EXPECT_THAT(relief.calls, ElementsAre("compact async", "reclaim", "compact light"));
}

TEST_P(SlowPathTest, UpTo47ALargeBlockThatInsistsAndFreesNothingIsRepeatedWithoutEnd) {
  if (since(Release::v4_8)) GTEST_SKIP() << "counts turns";
  const ActorId actor = begin((kGfpKernel & ~Gfp{kGfpFs}) | kGfpRetryMayfail, 4);
  EXPECT_TRUE(machine->page_allocator.endless().between(actor));
}

}  // namespace
}  // namespace cma
