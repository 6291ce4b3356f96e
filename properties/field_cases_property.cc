// Promises: what was reported from the field and repaired does not come back. properties/studies/ measures the same
// cases; here they must hold of every program.

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "allocator/base/error.h"
#include "properties/arbitrary/behaviour_testing.h"
#include "properties/arbitrary/promise_testing.h"
#include "properties/program/random.h"
#include "properties/studies/retry.h"

namespace cma {
namespace {

// --- case 3: buffers in per-CPU slots ---

class NoSlotInTheWay final : public WindowObserver<Witness> {
 public:
  void page_refused(Pfn pfn, Refusal why, int) override {
    if (why != Refusal::migration) return;
    const OwnerId owner = machine_->map.page(machine_->map.compound_head(pfn)).owner;
    const BufferId buffer = owner != 0 ? machine_->owners.owner(owner).buffer : 0;
    refused_buffers += buffer != 0 ? 1 : 0;
    for (int cpu = 0; cpu < machine_->engine.cpus(); ++cpu)
      claim(buffer == 0 || std::ranges::count(machine_->buffers.lru_slots(cpu), buffer) == 0,
            fmt::format("page {:x} cannot be moved, and a slot of CPU {} holds its buffer", pfn, cpu));
  }
  std::uint64_t refused_buffers = 0;
};

// Files and block devices, and requests for the memory where their pages are.
Programs on_files(Release release) {
  Programs programs;
  programs.options.release = release;
  programs.options.kinds = KindSet()
                               .set(kind_of<CmaAlloc>())
                               .set(kind_of<CmaRelease>())
                               .set(kind_of<AllocRange>())
                               .set(kind_of<OwnedPages<PageKind::block_device>>())
                               .set(kind_of<BufferOp<BufferVerb::touch>>())
                               .set(kind_of<BufferOp<BufferVerb::hold>>())
                               .set(kind_of<BufferOp<BufferVerb::put>>())
                               .set(kind_of<BufferOp<BufferVerb::dirty>>())
                               .set(kind_of<OpenFile>())
                               .set(kind_of<ReadFile>())
                               .set(kind_of<BufferRead>())
                               .set(kind_of<FilePagesOp<FilePagesVerb::journal>>())
                               .set(kind_of<FileOp<FileVerb::commit>>())
                               .set(kind_of<Resume>());
  return programs;
}

// A window is lost to a slot if migration gives up a page whose buffer a slot holds. Since 5.13 migration closes the
// slots before it begins, and opens them when it has ended.
PROMISE(BufferSlotsPromise, cost_no_window_on_6_1,
        {.programs = on_files(Release::v6_1), .planted = {Bug::slots_outlast_drain}}) {
  NoSlotInTheWay witness;
  run_plainly(program, witness);
  RC_CLASSIFY(witness.refused_buffers != 0, "a page with a buffer was refused");
  witness.assert_all_held();
}

// --- case 4: how long to retry ---

// Counts the sweeps of each request by its windows: a sweep goes forward, so a window that does not begins another.
class SweepsOfRequests final : public WindowObserver<> {
 public:
  void alloc_begins(AreaId, std::uint64_t, unsigned) override { requests_[machine_->engine.current()] = {}; }
  void buffer_allocated(AreaId, Pfn, std::uint64_t, unsigned) override { requests_.erase(machine_->engine.current()); }
  void alloc_failed(AreaId, std::uint64_t, unsigned) override {
    const Request& request = requests_[machine_->engine.current()];
    most = std::max(most, request.sweeps);
    const bool busy = request.last_error == -kEBUSY && request.last_sweep == machine_->areas.table().sweeps;
    busy_failures += busy && !machine_->engine.flags().fatal_signal ? 1 : 0;
    requests_.erase(machine_->engine.current());
  }
  void window_begins(Pfn start, Pfn) override {
    const auto found = requests_.find(machine_->engine.current());
    if (found == requests_.end()) return;
    Request& request = found->second;
    if (request.sweeps == 0 || start <= request.last_start) ++request.sweeps;
    request.last_start = start;
    request.last_sweep = machine_->areas.table().sweeps;
    most = std::max(most, request.sweeps);
  }
  void window_ended(int error) override {
    const auto found = requests_.find(machine_->engine.current());
    if (found != requests_.end()) found->second.last_error = error;
  }
  // The most sweeps of a request, and how many requests failed although windows were left to try again.
  std::uint64_t most = 0;
  std::uint64_t busy_failures = 0;

 private:
  struct Request {
    std::uint64_t sweeps = 0;
    std::uint64_t last_sweep = 0;
    Pfn last_start = 0;
    int last_error = 0;
  };
  std::map<ActorId, Request> requests_;
};

// Requests for memory where something is in the way: for a while, or for good.
Programs on_busy_windows(bool interleaved) {
  Programs programs;
  programs.interleaved = interleaved;
  programs.options.kinds = KindSet()
                               .set(kind_of<CmaAlloc>())
                               .set(kind_of<CmaRelease>())
                               .set(kind_of<DebugfsAlloc>())
                               .set(kind_of<OwnedPages<PageKind::unmovable>>())
                               .set(kind_of<OwnedPages<PageKind::anonymous>>())
                               .set(kind_of<FreeOwned>())
                               .set(kind_of<Pin>())
                               .set(kind_of<Unpin>())
                               .set(kind_of<Spawn>())
                               .set(kind_of<MmapAnon>())
                               .set(kind_of<Fork>())
                               .set(kind_of<ExitProcess>())
                               .set(kind_of<Signal>())
                               .set(kind_of<SleepOp>())
                               .set(kind_of<Resume>());
  return programs;
}

Programs with_a_bounded_policy() {
  Programs programs = on_busy_windows(true);
  programs.prepare = [](Random& random, Program& program) { program.machine.retry_sweeps = random.below(6); };
  return programs;
}

PROMISE(RetryPromise, ends_after_as_many_sweeps_as_the_kernel_allows,
        {.programs = with_a_bounded_policy(), .planted = {Bug::retry_once_more}}) {
  RC_PRE(program.machine.retry_sweeps.has_value());
  const Program bounded = with_large_requests(program);
  SweepsOfRequests sweeps;
  const RunResult result = run_plainly(bounded, sweeps);
  RC_CLASSIFY(sweeps.most > 1, "a request swept more than once");
  RC_ASSERT(!result.finding);
  RC_ASSERT(sweeps.most <= *bounded.machine.retry_sweeps + 1);
}

// Without limit a request ends with a buffer, a fatal signal, or because no window is left in the bitmap. One that
// would not end is shown to: the machine is what it was before, and no other actor can run. That verdict is
// true: the request fails under each bounded policy too.
PROMISE(RetryPromise, ends_or_is_shown_never_to_end_where_sweeps_have_no_limit,
        {.programs = on_busy_windows(false), .planted = {Bug::endless_retry_ends}}) {
  Program endless = with_large_requests(program);
  endless.machine.retry_sweeps = std::nullopt;
  SweepsOfRequests sweeps;
  const RunResult result = run_plainly(endless, sweeps);
  RC_CLASSIFY(result.finding.has_value(), "shown never to end");
  RC_ASSERT(sweeps.busy_failures == 0U);
  if (!result.finding) return;
  RC_ASSERT(result.finding->law == Law::bounded);
  RC_ASSERT(result.finding->message.find("without limit: after") != std::string::npos);
  const auto request = static_cast<Slot>(result.finding->op);
  for (const std::uint64_t policy : {0U, 1U, 20U}) {
    Program bounded = endless;
    bounded.machine.retry_sweeps = policy;
    run_plainly(bounded);
    RC_ASSERT(last_plain_run().world().result(request).state == Result::State::failed);
  }
}

// How a story of the study ended.
struct Ending {
  std::optional<Finding> finding;
  bool got = false;
  std::uint64_t sweeps = 0;
};
Ending ending_of(Program program, std::optional<Bug> bug) {
  if (bug) program.machine.bugs.switch_on(*bug);
  const RunResult result = run_plainly(program);
  const auto request =
      std::ranges::find_if(program.ops, [&](const Op& op) { return program.name_of(op) == kRetryRequest; });
  const auto slot = static_cast<Slot>(request - program.ops.begin());
  const bool got = last_plain_run().world().result(slot).state == Result::State::done;
  return {result.finding, got && !result.finding, last_plain_run().machine().areas.table().sweeps};
}

// Returns what is wrong with the endings of one story on one release; empty if nothing is.
std::string wrong_with_story(std::uint64_t seed, std::optional<Bug> bug = std::nullopt) {
  Random random(seed);
  const RetryStory story = retry_story(random, seed % 2 == 0 ? RetryHolder::exit : RetryHolder::fork);
  const Release release = modelled_releases()[random.below(modelled_releases().size())];
  bool got_with_fewer = false;
  for (const std::uint64_t retry : {0U, 1U, 5U, 20U}) {
    const Ending end = ending_of(retry_program(story, release, std::to_string(retry)), bug);
    if (end.finding) return fmt::format("{} more sweeps: {}", retry, end.finding->message);
    if (end.got ? end.sweeps > retry + 1 : end.sweeps != retry + 1)
      return fmt::format("{} more sweeps are allowed: {} were made", retry, end.sweeps);
    if (got_with_fewer && !end.got) return fmt::format("{} more sweeps fail where fewer do not", retry);
    got_with_fewer = end.got;
  }
  const Ending end = ending_of(retry_program(story, release, "forever"), bug);
  if (got_with_fewer && !end.got) return "sweeps without limit fail where 20 do not";
  if (!story.never) return end.got ? "" : "the pages were released, and the request has failed";
  // The page may lie beside the first window.
  if (end.got) return "";
  if (!end.finding) return "the page is never released, and the request has ended without a buffer";
  return end.finding->message.find("without limit: after") != std::string::npos ? "" : end.finding->message;
}

RC_GTEST_PROP(RetryPromise, in_the_study_more_sweeps_never_fail_more_often, (std::uint64_t seed)) {
  const std::string wrong = wrong_with_story(seed);
  if (!wrong.empty()) RC_FAIL(wrong);
}

TEST(RetryPromiseBroken, in_the_study_more_sweeps_never_fail_more_often) {
  for (const Bug bug : {Bug::retry_once_more, Bug::endless_retry_ends}) {
    constexpr std::uint64_t kSeeds = 100;
    std::uint64_t seed = 0;
    while (seed < kSeeds && wrong_with_story(seed, bug).empty()) ++seed;
    EXPECT_LT(seed, kSeeds) << info_of(bug).name << " is not noticed";
    std::cout << info_of(bug).name << ": noticed after " << seed << " stories\n";
  }
}

}  // namespace
}  // namespace cma
