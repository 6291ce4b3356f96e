#include "properties/program/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/generator.h"
#include "properties/program/program_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Records what a run reports, in order.
class Listener : public Observer {
 public:
  std::vector<std::string> heard;
  int audits = 0;

  void program_begins(Machine& machine) override { heard.emplace_back(machine.booted() ? "begins" : "begins early"); }
  void booted(Machine&) override { heard.emplace_back("booted"); }
  void alloc_begins(AreaId, std::uint64_t count, unsigned) override { note("alloc", count); }
  void alloc_failed(AreaId, std::uint64_t count, unsigned) override { note("failed", count); }
  void buffer_allocated(AreaId, Pfn, std::uint64_t count, unsigned) override { note("allocated", count); }
  void buffer_releasing(AreaId, Pfn, std::uint64_t count) override { note("releasing", count); }
  void buffer_released(AreaId, Pfn, std::uint64_t count) override { note("released", count); }
  void pages_allocated(Pfn, unsigned order, Gfp) override { note("pages", order); }
  void pages_freeing(Pfn, unsigned order) override { note("freeing", order); }
  void owner_adopted(OwnerId owner) override { note("adopted", owner); }
  void owner_releasing(OwnerId owner) override { note("letting go", owner); }
  void reference_taken(Pfn pfn, int, bool) override { note("get", pfn); }
  void reference_dropping(Pfn pfn, int) override { note("put", pfn); }
  void file_read(const std::string& path, const std::optional<std::string>& text) override {
    heard.push_back("read " + path + ": " + text.value_or("(none)"));
  }
  void control_changes(Machine&) override { ++audits; }
  void op_performed(Machine&, std::size_t op) override { note("op", op); }
  void program_ended(Machine&) override { heard.emplace_back("ended"); }

 private:
  void note(const char* what, std::uint64_t figure) {
    heard.push_back(std::string(what) + " " + std::to_string(figure));
  }
};

// Runs a program that checks itself by expectations.
RunResult passes(std::string_view text, Observer* observer = nullptr) {
  const RunResult result = run(parsed(text), observer);
  EXPECT_FALSE(result.finding) << result.finding->signature() << ": " << result.finding->message;
  return result;
}

const std::string kSmall = "machine small release=6.1\nactor A cpu=0\nactor B cpu=1\nactor C cpu=0\n";

// --- what operations report ---

TEST(Interpreter, ReportsFilesThatAreRead) {
  Listener listener;
  passes("machine small release=6.1\ncat cma/b/used\ncat cma/c/used\nexpect cat cma/a/count \"256\"\n", &listener);
  EXPECT_THAT(listener.heard, ElementsAre("begins", "read cma/b/used: 0\n", "op 0", "read cma/c/used: (none)", "op 1",
                                          "read cma/a/count: 256\n", "op 2", "ended"));
}

TEST(Interpreter, ReportsWhatWasRequestedAndObtained) {
  Listener listener;
  passes(kSmall + R"(
b = cma_alloc a pages=8
cma_release b from=2 pages=3
cma_release b
cma_alloc a pages=500
x = alloc_pages order=2 type=unmovable
free_pages x
n = anon_page
k = pin n
unpin k
free n
)",
         &listener);
  EXPECT_THAT(listener.heard, ElementsAre("begins", "alloc 8", "allocated 8", "op 0", "releasing 3", "released 3",
                                          "op 1", "releasing 2", "released 2", "releasing 3", "released 3", "op 2",
                                          "alloc 500", "failed 500", "op 3", "pages 2", "op 4", "freeing 2", "op 5",
                                          "adopted 1", "op 6", testing::StartsWith("get "), "op 7",
                                          testing::StartsWith("put "), "op 8", "letting go 1", "op 9", "ended"));
}

TEST(Interpreter, ReportsBuffersOfDebugfs) {
  Listener listener;
  passes("machine small release=6.1\ndebugfs_alloc a pages=4\ndebugfs_alloc a pages=2\ndebugfs_free a pages=3\n",
         &listener);
  EXPECT_THAT(listener.heard, ElementsAre("begins", "alloc 4", "allocated 4", "op 0", "alloc 2", "allocated 2", "op 1",
                                          "releasing 2", "releasing 1", "released 2", "released 1", "op 2", "ended"));
}

// --- stopping and resuming ---

TEST(Interpreter, AnActorStopsAtAPointAndIsResumed) {
  passes(kSmall + R"(
A: b = cma_alloc a pages=8 until=cma_bitmap_marked
expect b.inside
expect free_cma == 512
expect cat cma/a/used "8"
A: resume until=cma_mutex_dropped
expect b.inside
expect page a used ref=1
A: resume
expect b.ok
expect skipped == 0
)");
}

TEST(Interpreter, StopsTheNthTime) {
  passes(kSmall + R"(
k = unmovable_page at=a+0x3
A: b = cma_alloc a pages=4 until=cma_bitmap_marked#2
expect trace "test_pages_isolated" times=2
expect cat cma/a/used "4"
expect log "busy, retrying" times=1
A: resume
expect b.pfn == a+4
)");
}

TEST(Interpreter, APointThatIsNotPassedStopsNoActor) {
  passes(kSmall +
         "A: x = alloc_pages until=cma_bitmap_marked type=movable\nexpect x.ok\nA: free_pages x\nexpect x.gone\n");
}

// B waits for cma_mutex, the next operation follows, and B runs on right after the operation that wakes it.
TEST(Interpreter, WaitersRunOnRightAfterTheOperationThatWakesThem) {
  passes(kSmall + R"(
A: b1 = cma_alloc a pages=8 until=cma_mutex_taken
B: b2 = cma_alloc b pages=8
C: b3 = cma_alloc a pages=4
expect b2.inside
expect b3.inside
drain
expect b2.inside
A: resume
expect b1.ok
expect b2.ok
expect b3.ok
expect trace next "cma_alloc_start: name=a count=8"
expect trace next "cma_alloc_start: name=b count=8"
expect trace next "cma_alloc_start: name=a count=4"
expect trace next "cma_alloc_finish: name=a pfn=0x200"
expect trace next "cma_alloc_finish: name=b"
expect trace next "cma_alloc_finish: name=a pfn=0x208"
expect skipped == 0
)");
}

TEST(Interpreter, AWokenActorMayStopAgain) {
  passes(kSmall + R"(
A: b1 = cma_alloc a pages=8 until=cma_mutex_taken
B: b2 = cma_alloc a pages=8 until=cma_mutex_taken
A: resume
expect b1.ok
expect b2.inside
B: resume
expect b2.ok
)");
}

TEST(Interpreter, OperationsOfABusyActorAreSkipped) {
  const RunResult result = passes(kSmall + R"(
A: b = cma_alloc a pages=8 until=cma_bitmap_marked
A: x = alloc_pages type=movable
B: resume
expect x.skipped
expect skipped == 2
A: resume
A: resume
expect skipped == 3
)");
  EXPECT_EQ(result.skipped, 3U);
}

TEST(Interpreter, EachCpuHasAnActorOfItsOwn) {
  passes(kSmall + R"(
b = cma_alloc a pages=8 until=cma_bitmap_marked
x = alloc_pages type=movable cpu=1
y = alloc_pages type=movable
resume cpu=1
resume
expect b.ok
expect x.ok
expect y.skipped
expect skipped == 2
)");
}

// --- operands that are gone ---

TEST(Interpreter, OperationsWithoutTheirOperandAreSkipped) {
  passes(kSmall + R"(
cma_release b
b = cma_alloc a pages=8
cma_release b from=8
cma_release b from=4 pages=5
cma_release b
cma_release b
pin b+1
x = alloc_pages order=1 type=movable
cma_release x
free_pages x
free_pages x
k = pin 0x200
unpin k
free ?77
put_page 0x0
expect k.failed
expect skipped == 10
)");
}

TEST(Interpreter, PartsOfABufferAreReleasedOnBitBoundaries) {
  passes(kSmall + R"(
b1 = cma_alloc b pages=7
cma_release b1 from=1 pages=2
expect skipped == 1
cma_release b1 from=2 pages=2
cma_release b1 from=6 pages=1
expect cat cma/b/used "4"
cma_release b1 from=2
expect cat cma/b/used "2"
pin b1+2
expect skipped == 2
cma_release b1
expect b1.gone
expect cat cma/b/used "0"
expect skipped == 2
)");
}

TEST(Interpreter, AHandleFollowsTheData) {
  passes(kSmall + R"(
n = anon_page at=a+0x3 pages=2
drain_lru
expect n.pfn == a+0x3
b = cma_alloc a pages=16
expect b.pfn == a
expect n.pfn != a+0x3
expect page n+1 used owner=n
free n
expect n.gone
)");
}

// What it stands for is released, and the name still finds the frame that the reference was taken on.
TEST(Interpreter, AReferenceOutlivesItsName) {
  passes(kSmall + R"(
b = cma_alloc a pages=4
get_page b+1
cma_release b
expect page a+0x1 used ref=1
put_page b+1
expect page a+0x1 free
put_page b+1
expect skipped == 1
n = anon_page
get_page n
free n
put_page n
f = file
r = read f
get_page r
truncate f
put_page r
expect skipped == 1
)");
}

TEST(Interpreter, AReferenceIsDroppedWhileItsPageIsOnItsWayToBeFree) {
  passes(kSmall + R"(
k = alloc_pages order=2 type=unmovable
get_page k
A: free_pages k until=free_page_prepared
B: put_page k
A: resume
expect skipped == 0
)");
}

TEST(Interpreter, ACountOutlivesItsName) {
  passes(kSmall + R"(
n = block_device_page
bh_hold n
A: free n until=truncate_locked
B: bh_put n
A: resume
expect skipped == 0
bh_put n
expect skipped == 1
)");
}

TEST(Interpreter, ACountIsGivenBackByTheResultThatTookIt) {
  passes(kSmall + R"(
d = file block_device
x = bread d keep
y = bread d keep
free x
free y
bh_put y
bh_put x
expect skipped == 0
bh_put x
bh_put y
expect skipped == 2
)");
}

TEST(Interpreter, PutPageDropsOnlyReferencesOfGetPage) {
  passes(kSmall + R"(
n = anon_page at=a+0x3
drain_lru
put_page n
expect skipped == 1
get_page n
expect page n ref=2
put_page n
put_page n
expect page n ref=1
expect skipped == 2
)");
}

TEST(Interpreter, ReferencesOnTailsCountOnTheHead) {
  passes(kSmall + R"(
x = alloc_pages order=2 type=unmovable comp
k = pin x+3
expect page x ref=2
free_pages x
expect page k used ref=1
unpin k
expect k.gone
)");
}

TEST(Interpreter, ARefusingDriverKeepsItsPage) {
  passes(kSmall + R"(
m = movable_page at=a+0x3
refuse m times=all error=EIO
b = cma_alloc a pages=8
expect b.pfn > a+0x3
refuse m times=0
b2 = cma_alloc a pages=4
expect b2.pfn == a
expect m.pfn != a+0x3
expect page m owner=m
)");
}

// --- boot ---

TEST(Interpreter, BootOperationsComeBeforeEverythingElse) {
  Listener listener;
  passes(R"(machine release=4.19 pages=0x8000
reserve base=0x10 pages=2
declare video base=0x4000000 size=0x400000 fixed
expect video.pfn == 0x4000
declare odd base=0x1000 size=0x400000 fixed
expect odd == -EINVAL
expect log "cma: Reserved 4 MiB at 0x0000000004000000"
expect free_cma == 0
b = cma_alloc video pages=1024
cma_alloc odd pages=1
reserve base=0x20 pages=2
expect b.pfn == 0x4000
expect page video+1 used
expect page 0x10 used
expect skipped == 2
)",
         &listener);
  EXPECT_EQ(listener.heard.front(), "begins early");
  EXPECT_NE(std::find(listener.heard.begin(), listener.heard.end(), "booted"), listener.heard.end());
}

TEST(Interpreter, AProgramOfBootOperationsOnlyIsBootedAtItsEnd) {
  Listener listener;
  passes("machine small release=6.1\nreserve base=0x10 pages=2\n", &listener);
  EXPECT_THAT(listener.heard, ElementsAre("begins early", "op 0", "booted", "ended"));
}

TEST(Interpreter, AnAreaWithoutABitmapIsNotActivated) {
  passes(R"(machine release=6.1 pages=0x8000
area video base=0x4000 pages=0x400 fail=bitmap
expect free_cma == 0
b = cma_alloc video pages=1
expect b == -ENOMEM
expect log "cma: CMA area video could not be activated"
)");
}

TEST(Interpreter, AnotherAreasMemoryIsNotDeclaredAgain) {
  passes("machine small release=6.1\ninit_reserved_mem c base=0x200000 size=0x10000\nexpect c.skipped\n");
}

// --- time, signals, the end ---

TEST(Interpreter, TimePassesInSleepOperations) { passes(kSmall + "sleep us=5\nsleep us=100\nexpect time == 105\n"); }

// 4.19 waits when more than half of the LRU pages are isolated, even if it holds them all itself.
const std::string kThrottled = R"(machine small release=4.19
bug throttle-own-pages
actor A cpu=0
n1 = anon_page at=a+0x2 pages=2
n2 = anon_page at=a+0x12 pages=2
drain_lru
A: b = cma_alloc a pages=64 align=6
)";

TEST(Interpreter, ASleeperIsWokenByItsTime) {
  passes(kThrottled + R"(
expect b.inside
expect time == 0
sleep us=99999
expect b.inside
n3 = anon_page pages=16
drain_lru
sleep us=1
expect b.ok
expect skipped == 0
)");
}

TEST(Interpreter, ASignalEndsTheThrottle) {
  passes(kThrottled + R"(
signal A
expect b.inside
sleep us=100000
expect b.failed
)");
}

// A process is killed whose task, A, is inside the kernel.
const std::string kKilledInside =
    "machine release=6.1 pages=0x400 pageblock_order=4 largest_order=6 pcp_batch=1 pcp_high=0 min_free_kbytes=16 "
    "watermark_boost_factor=0 oom_killer=on\n"
    R"(actor A cpu=0
p = spawn
m = mmap_anon p pages=20
A: n = mmap_anon p pages=1 until=fault_allocated
u = unmovable_page pages=1024 scope=noreclaim
k = alloc_pages gfp=GFP_KERNEL
expect k.ok
)";

TEST(Interpreter, TheOomKillersSignalGoesWithItsVictim) {
  const Program program = parsed(kKilledInside + "A: resume\n");
  Interpreter interpreter;
  EXPECT_FALSE(interpreter.run(program).finding);
  EXPECT_EQ(interpreter.machine().oom_killer.kills(), 1U);
  EXPECT_FALSE(interpreter.machine().engine.flags(interpreter.world().actor(Performer::actor(0))).fatal_signal);
}

TEST(Interpreter, ASignalOfTheProgramsStaysAfterTheOomKillers) {
  const Program program = parsed(kKilledInside + "signal A\nA: resume\n");
  Interpreter interpreter;
  EXPECT_FALSE(interpreter.run(program).finding);
  EXPECT_TRUE(interpreter.machine().engine.flags(interpreter.world().actor(Performer::actor(0))).fatal_signal);
}

TEST(Interpreter, ASleeperThatNothingWakesForGoodIsALasso) {
  const RunResult result = run(parsed(kThrottled));
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->signature(), "bounded/isolate_migratepages_block/sleep");
  EXPECT_EQ(result.finding->op, 3U);
  EXPECT_THAT(result.finding->message, HasSubstr("A sleeps in the isolation throttle"));
}

TEST(Interpreter, ALassoIsFoundAlsoIfAnActorWaitsForTheSleeper) {
  const RunResult result = run(parsed(kThrottled + "b2 = cma_alloc b pages=1\nexpect b2.inside\n"));
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->law, Law::bounded);
}

TEST(Interpreter, AllActorsAreDoneAtTheEnd) {
  Listener listener;
  const Program program = parsed(kSmall + R"(
A: b1 = cma_alloc a pages=8 until=cma_mutex_taken
B: b2 = cma_alloc a pages=8
C: drain until=drain_lru_begin
b3 = cma_alloc b pages=4 until=isolate_done
)");
  Interpreter interpreter;
  const RunResult result = interpreter.run(program, &listener);
  EXPECT_FALSE(result.finding);
  EXPECT_TRUE(interpreter.machine().engine.at_rest());
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    EXPECT_EQ(interpreter.world().result(slot).state, Result::State::done) << slot;
  EXPECT_EQ(listener.heard.back(), "ended");
}

TEST(Interpreter, PinsStayAtTheEnd) {
  Interpreter interpreter;
  const Program program = parsed(kSmall + "n = anon_page at=a+0x3\nk = pin n\nfree n\n");
  EXPECT_FALSE(interpreter.run(program).finding);
  EXPECT_EQ(interpreter.machine().map.page(0x203).ref, 1) << "the pin's only: unmapping emptied the pagevec";
}

// --- findings ---

// Breaks a law after one operation.
class Breaker : public Observer {
 public:
  explicit Breaker(std::size_t op) : op_(op) {}
  void op_performed(Machine&, std::size_t op) override {
    if (op == op_) throw LawBroken(Law::bitmap, "", "planted");
  }

 private:
  std::size_t op_;
};

TEST(Interpreter, ABrokenLawIsAFindingWhereItHappened) {
  Breaker breaker(1);
  const Program program = parsed(kSmall + "drain\nA: b = cma_alloc a pages=8 until=cma_bitmap_marked\ndrain\n");
  Interpreter interpreter;
  const RunResult result = interpreter.run(program, &breaker);
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->signature(), "bitmap/cma_alloc/cma_bitmap_marked");
  EXPECT_EQ(result.finding->op, 1U);
  EXPECT_FALSE(result.passed());
  // The operations that were left suspended do not disturb the next run.
  const RunResult after = interpreter.run(program);
  EXPECT_FALSE(after.finding);
  EXPECT_EQ(after.trace_hash, run(program).trace_hash);
}

TEST(Interpreter, AnExpectedFindingPasses) {
  Breaker breaker(0);
  const Program program = parsed(kSmall + "drain\nexpect finding law=bitmap\n");
  EXPECT_TRUE(run(program, &breaker).passed());
  const RunResult none = run(program);
  ASSERT_TRUE(none.finding);
  EXPECT_EQ(none.finding->law, Law::expect);
  EXPECT_THAT(none.finding->message, HasSubstr("was to break law bitmap"));
  EXPECT_FALSE(run(parsed(kSmall + "drain\nexpect finding law=views\n"), &breaker).passed());
}

// Memory is [0x4000000, 0xc000000) in bytes. 3.18 began to look where a fixed area crosses the end of low memory, which
// is that of memory here, and 5.0 (4.19 by its stable series) at its limit. No release looks for the start of memory.
TEST(Interpreter, APlaceWithoutMemoryIsRefusedOrSkipped) {
  for (const Release release : modelled_releases()) {
    const std::string refused = " == -EINVAL\n";
    const std::string across = release >= Release::v3_18 ? refused : ".skipped\n";
    const std::string beyond = release >= Release::v4_19 ? refused : ".skipped\n";
    passes("machine release=" + name_of(release) + " base=0x4000 pages=0x8000\n" +
           "declare across base=0xb800000 size=0x1000000 fixed\ndeclare beyond base=0xc000000 size=0x400000 fixed\n"
           "declare before base=0x2000000 size=0x400000 fixed\ndeclare astride base=0x3c00000 size=0x800000 fixed\n"
           "declare within base=0xb800000 size=0x800000 fixed\nactivate\n"
           "expect across" +
           across + "expect beyond" + beyond + "expect before.skipped\nexpect astride.skipped\n" +
           "expect within == 0\nb = cma_alloc within pages=0x800\nexpect b.ok\n");
  }
}

TEST(Interpreter, AFailedAssertionIsAFinding) {
  // The missing bitmap is searched: up to 3.6 the kernel did, and crashed.
  const RunResult result = run(parsed(R"(machine release=6.1 pages=0x8000
area video base=0x4000 pages=0x400 fail=bitmap
bug inactive-alloc
bug count-truncated
cma_alloc video pages=0x100000001
)"));
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->signature(), "sound/sweep_v3_16/cma_alloc_entry");
}

TEST(Interpreter, AuditsAtEveryPointWhenAsked) {
  Listener seldom;
  Listener often;
  const std::string op = "b = cma_alloc a pages=8\n";
  const RunResult plain = passes("machine small release=6.1\n" + op, &seldom);
  const RunResult audited = passes("machine small release=6.1 audit=points\n" + op, &often);
  EXPECT_EQ(seldom.audits, 0);
  EXPECT_EQ(static_cast<std::uint64_t>(often.audits), audited.steps);
  EXPECT_EQ(plain.trace_hash, audited.trace_hash);
}

// --- determinism ---

TEST(Interpreter, ARestoredMachineBehavesAsANewOne) {
  Interpreter reused;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Program program = generate(seed);
    const RunResult first = reused.run(program);
    const std::uint64_t state = reused.machine().state_hash();
    Interpreter fresh;
    const RunResult second = fresh.run(program);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << print(program);
    EXPECT_EQ(first.steps, second.steps);
    EXPECT_EQ(first.skipped, second.skipped);
    EXPECT_EQ(state, fresh.machine().state_hash()) << print(program);
  }
}

TEST(Interpreter, KeepsWhatCatReadIfAsked) {
  const Program program = parsed(kSmall + "cma_alloc a pages=3\ncat cma/a/used\ncat cma/z/used\n");
  Interpreter interpreter;
  interpreter.run(program);
  EXPECT_TRUE(interpreter.world().output.empty());
  interpreter.run(program, nullptr, {.keep_output = true});
  ASSERT_EQ(interpreter.world().output.size(), 1U);
  EXPECT_EQ(interpreter.world().output.front(), (std::pair<Slot, std::string>{1, "3\n"}));
}

TEST(Interpreter, NamesActorsAsTheProgramDoes) {
  const Program program = parsed(kSmall);
  EXPECT_EQ(actor_name(program, 0), "cpu0");
  EXPECT_EQ(actor_name(program, 1), "cpu1");
  EXPECT_EQ(actor_name(program, 3), "B");
}

// The proof is a state that repeats, not a budget.
TEST(Interpreter, ARetryWithoutLimitIsProvedEndlessForOneTaskAndForTwo) {
  const std::string pinned = "machine small release=4.9 retry=forever\nactor A cpu=1\nu = unmovable_page at=a+8\n";
  for (const char* tasks :
       {"cma_alloc a pages=256\n", "A: cma_alloc a pages=256\nsleep us=30000\ncma_alloc a pages=250\n",
        "A: cma_alloc a pages=256\ncma_alloc a pages=250\n"}) {
    const auto program = parse(pinned + tasks, "retry");
    ASSERT_TRUE(program);
    Interpreter interpreter;
    const RunResult result = interpreter.run(*program);
    ASSERT_TRUE(result.finding);
    EXPECT_EQ(result.finding->law, Law::bounded);
    EXPECT_NE(result.finding->message.find("retries without limit"), std::string::npos) << result.finding->message;
  }
}

// The holder of the page frees it in time.
TEST(Interpreter, ARetryWithoutLimitEndsWhenThePageIsFreed) {
  passes(
      "machine small release=4.9 retry=forever\nactor A cpu=1\nu = unmovable_page at=a+8\n"
      "A: w = cma_alloc a pages=256\nsleep us=250000\nfree u\nexpect w.inside\nsleep us=100000\nexpect w.ok\n");
}

// A driver's page that refuses to move, where a compaction finds it again and again.
const std::string kRefusing =
    "machine release=6.12 pages=0x100 pageblock_order=4 largest_order=6 pcp_batch=1 pcp_high=0 min_free_kbytes=4\n"
    "m = movable_page at=0xc9\nu0 = unmovable_page at=0x0\nu1 = unmovable_page at=0x40\nu2 = unmovable_page at=0x80\n";

// The kernel would go on without end, which is no fault of the model: the operation is skipped.
TEST(Interpreter, ACompactionThatNeverEndsIsGivenUp) {
  for (const char* asks :
       {"x = alloc_pages order=6 type=movable\n", "compact order=6 light\nx = compact order=6 light\n"})
    for (const char* times : {"all", "4294967295"}) {
      const auto program =
          parse(kRefusing + "refuse m times=" + times + " error=EIO\n" + asks + "expect x.inside\n", "endless");
      ASSERT_TRUE(program);
      Interpreter interpreter;
      const RunResult result = interpreter.run(*program);
      EXPECT_FALSE(result.finding) << asks << times << ": " << result.finding->message;
      EXPECT_EQ(result.skipped, 1U) << asks << times;
    }
}

TEST(Interpreter, ACompactionEndsWhenTheDriverRefusesNoMore) {
  passes(kRefusing +
         "refuse m times=60 error=EIO\nx = alloc_pages order=6 type=movable\nexpect x.inside\nsleep us=9000000\n"
         "expect x.failed\nexpect skipped == 0\n");
}

// Each turn puts one page after the others of its list, and sleeps some fifty times: hundreds of turns lead back to the
// first, which a count of wakings would end as a finding.
TEST(Interpreter, ARequestBesideManyDirtyPagesIsGivenUp) {
  const auto program = parse(
      "machine small release=6.12\nunmovable_page pages=256\nf = file\nr = read f pages=381\nbh_dirty r\n"
      "g = file\nread g at=a pages=382\nx = alloc_pages order=1 gfp=__GFP_DIRECT_RECLAIM\nexpect x.inside\n",
      "dirty");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  const RunResult result = interpreter.run(*program);
  EXPECT_FALSE(result.finding) << result.finding->message;
  EXPECT_EQ(result.skipped, 1U);
  EXPECT_LT(result.steps, 8'000'000U) << "until a state repeats it takes three times the 5,430,019 of 128 turns";
}

// One actor asks without limit, and others sleep in loops of reclaim: they wake together, one after the other.
TEST(Interpreter, ARequestWithoutLimitIsGivenUpBesideOthersThatSleepInLoops) {
  const auto program = parse(
      "machine release=6.12 pages=0x100 cpus=2 pageblock_order=4 largest_order=6 pcp_batch=2 pcp_high=6 "
      "min_free_kbytes=16 thp=on\n"
      "hole base=0xc8 pages=0x1\nhole base=0xd8 pages=0x1\nhole base=0xe8 pages=0x1\nhole base=0xf8 pages=0x1\n"
      "area main base=0x80 pages=0x40\nactor B cpu=1\n"
      "p = spawn\nmmap_huge p at=main\nalloc_pages order=6 type=movable\nalloc_pages order=6 type=movable cpu=1\n"
      "cma_alloc main pages=49 cpu=1\nB: mmap_huge p count=2 until=put_page_dropped#3\n"
      "vmalloc bytes=0x40000 gfp=GFP_NOFS|GFP_DMA32\nB: mmap_huge p count=2 until=put_page_dropped#3\n"
      "vmalloc bytes=0x40000 gfp=GFP_KERNEL|GFP_DMA scope=realtime\n",
      "loops");
  ASSERT_TRUE(program);
  Interpreter interpreter;
  const RunResult result = interpreter.run(*program);
  EXPECT_FALSE(result.finding) << result.finding->message;
}

// A fault that read what the truncation had removed, and a truncation that began again, would go on without end.
TEST(Interpreter, ATruncationEndsBesideFaultsOnItsFile) {
  passes(
      "machine small release=4.19\nactor A cpu=0\nactor B cpu=1\np = spawn\nf = file journalled slow\n"
      "r = read f from=3 pages=4 readahead\nA: t = truncate f\nv = mmap_shared p r\nB: w = mmap_shared p r\n");
}

}  // namespace
}  // namespace cma
