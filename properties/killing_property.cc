// Promise: where nothing else makes memory free, processes are killed for it: those whose death frees most, one after
// the other, for requests that insist; and whatever is killed gives back what it had.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "allocator/base/gfp.h"
#include "properties/arbitrary/promise_testing.h"

namespace cma {
namespace {

// Begins with processes of different sizes, and so many pages of the kernel, or all that are free. A task that is about
// to free memory takes them: no process is killed for it.
void begin_with_processes(Random& random, Program& program, std::uint64_t pages) {
  Geometry& machine = program.machine;
  machine.oom_kills = true;
  Story story(program);
  for (int processes = 0; processes < 3; ++processes) {
    const OpRef process = story.add(Spawn{});
    story.add(MmapAnon{.process = process, .pages = 1 + random.below(60), .at = {}});
  }
  OwnedPages<PageKind::unmovable> kernel;
  kernel.pages = pages;
  const OpRef taken = story.add(kernel);
  for (Op& op : program.ops)
    if (op.id == taken.id) op.scope = ReclaimScope::noreclaim;
}

// --- which processes are killed, and for what ---

// One actor makes requests, and each insists, or says that it may fail.
void begin_with_processes_alone(Random& random, Program& program) {
  program.ops.clear();
  program.failing_bitmaps.clear();
  begin_with_processes(random, program, program.machine.memory.pages());
  static constexpr Gfp kAsked[] = {kGfpKernel, kGfpKernel | kGfpNoretry, kGfpKernel | kGfpReclaimable, kGfpAtomic};
  for (std::uint64_t requests = 4 + random.below(60); requests > 0; --requests) {
    AllocGfp request;
    request.gfp = kAsked[random.below(std::size(kAsked))];
    request.order = random.chance(70) ? 0 : random.below(6);
    const OpId id = program.unused_id();
    program.ops.push_back({.id = id, .performer = {}, .until = {}, .body = request});
  }
}

Programs of_requests_beside_processes() {
  Programs programs;
  programs.options.shapes = false;
  programs.faults = false;
  programs.interleaved = false;
  programs.prepare = begin_with_processes_alone;
  return programs;
}

// Compares each process that dies with those that live on.
class Killings final : public Witness {
 public:
  void op_performed(Machine& machine, std::size_t) override {
    const Processes& processes = machine.processes;
    std::uint64_t least_killed = ~std::uint64_t{0};
    std::uint64_t most_alive = 0;
    for (const auto& [process, size] : sizes_) {
      if (processes.alive(process))
        most_alive = std::max(most_alive, size);
      else
        least_killed = std::min(least_killed, size);
    }
    claim(most_alive <= least_killed,
          fmt::format("a process of {} pages is killed, and one of {} lives on", least_killed, most_alive));
    sizes_.clear();
    for (SpaceId process = 1; process < processes.count(); ++process)
      if (processes.alive(process)) sizes_[process] = processes.resident(process).anonymous;
  }

 private:
  std::map<SpaceId, std::uint64_t> sizes_;  // of those that lived before the operation
};

PROMISE(KillingPromise, kills_the_process_that_has_most_pages,
        {.programs = of_requests_beside_processes(), .planted = {Bug::oom_kills_smallest}}) {
  Killings killings;
  run_plainly(program, &killings);
  killings.assert_all_held();
}

// Looks for processes that die in an operation that may fail.
class KillingsForNothing final : public Witness {
 public:
  explicit KillingsForNothing(const Program& program) : program_(program) {}
  void op_performed(Machine& machine, std::size_t op) override {
    const std::uint64_t before = std::exchange(kills_, machine.oom_killer.kills());
    const auto* request = std::get_if<AllocGfp>(&program_.ops[op].body);
    if (request == nullptr) return;
    const bool insists = (request->gfp & kGfpDirectReclaim) != 0 && (request->gfp & kGfpNoretry) == 0;
    claim(before == kills_ || (insists && request->order <= 3),
          fmt::format("{} processes are killed for operation {}, which may fail", kills_ - before, op));
  }

 private:
  const Program& program_;
  std::uint64_t kills_ = 0;
};

PROMISE(KillingPromise, kills_no_process_for_a_request_that_may_fail,
        {.programs = of_requests_beside_processes(), .planted = {Bug::noretry_retries}}) {
  KillingsForNothing killings(program);
  run_plainly(program, &killings);
  killings.assert_all_held();
}

// Compares what a kernel panics for with the processes that are left, and with what was refused.
class Panics final : public Witness {
 public:
  void pages_refused(unsigned order, Gfp gfp) override {
    insists_in_vain_ = insists_in_vain_ || (order <= 3 && (gfp & kGfpFs) != 0 && (gfp & kGfpNoretry) == 0);
  }
  void op_performed(Machine& machine, std::size_t op) override {
    const std::uint64_t before = std::exchange(panics_, machine.oom_killer.panics());
    const bool panicked = panics_ != before;
    const Processes& processes = machine.processes;
    std::uint64_t alive = 0;
    for (SpaceId process = 1; process < processes.count(); ++process) alive += processes.alive(process) ? 1 : 0;
    claim(!panicked || alive == 0, fmt::format("operation {} ends in a panic beside {} processes", op, alive));
    claim(!panicked || insists_in_vain_, fmt::format("operation {}, which may fail, ends in a panic", op));
    claim(panicked || !insists_in_vain_, fmt::format("operation {} insists in vain, and there is no panic", op));
    insists_in_vain_ = false;
  }

 private:
  std::uint64_t panics_ = 0;
  bool insists_in_vain_ = false;
};

PROMISE(KillingPromise, panics_where_no_process_is_left_and_nowhere_else,
        {.programs = of_requests_beside_processes(), .planted = {Bug::last_process_spared, Bug::noretry_retries}}) {
  Panics panics;
  run_plainly(program, &panics);
  panics.assert_all_held();
}

// Counts the dead when the program has ended.
class Deaths final : public Witness {
 public:
  void program_ended(Machine& machine) override {
    std::uint64_t dead = 0;
    for (SpaceId process = 1; process < machine.processes.count(); ++process)
      dead += machine.processes.alive(process) ? 0 : 1;
    claim(dead == machine.oom_killer.kills(),
          fmt::format("{} processes are dead, and {} were killed", dead, machine.oom_killer.kills()));
  }
};

PROMISE(KillingPromise, ends_each_process_that_is_killed,
        {.programs = of_requests_beside_processes(), .planted = {Bug::victim_keeps_memory}}) {
  Deaths deaths;
  run_plainly(program, &deaths);
  deaths.assert_all_held();
}

// --- among others ---

// Fills the areas too, so that processes find no memory: one of them asks for some, and may be the one that is killed.
// Does so after what the program begins with.
void take_movable_memory(Random& random, Program& program) {
  const auto is_kernels = [](const Op& op) {
    return std::holds_alternative<OwnedPages<PageKind::unmovable>>(op.body) && op.scope == ReclaimScope::noreclaim;
  };
  const auto kernels = std::ranges::find_if(program.ops, is_kernels);
  CMA_ASSERT(kernels != program.ops.end());
  std::vector<OpId> processes;
  for (auto op = program.ops.begin(); op != kernels; ++op)
    if (std::holds_alternative<Spawn>(op->body)) processes.push_back(op->id);
  OwnedPages<PageKind::anonymous> areas;
  areas.pages = program.machine.memory.pages();
  Op taken{.id = program.unused_id(), .performer = {}, .until = {}, .body = areas, .scope = ReclaimScope::noreclaim};
  const auto after = program.ops.insert(kernels + 1, std::move(taken));
  const MmapAnon asked{.process = {processes[random.below(processes.size())]}, .pages = 1 + random.below(4), .at = {}};
  program.ops.insert(after + 1, {.id = program.unused_id(), .performer = {}, .until = {}, .body = asked});
}

Programs of_processes_under_pressure() {
  Programs programs;
  programs.options.min_ops = 10;
  programs.options.kinds =
      kinds_of<CmaAlloc, CmaRelease, Spawn, MmapAnon, MappingOp<MappingVerb::write>, MappingOp<MappingVerb::munmap>,
               MappingOp<MappingVerb::mlock>, Fork, ExitProcess, MmapShared, OpenFile, ReadFile, Pin, Unpin, AllocPages,
               AllocGfp, FreePages, OwnedPages<PageKind::unmovable>, FreeOwned, Resume, SleepOp,
               DrainOp<DrainKind::lru>, Compact, DirectReclaim>();
  programs.options.flags = true;
  programs.prepare = [](Random& random, Program& program) {
    const std::uint64_t all = program.machine.memory.pages();
    const std::uint64_t pages = all / 2 + random.below(all / 2);
    begin_with_processes(random, program, pages);
    if (random.chance(50)) take_movable_memory(random, program);
  };
  return programs;
}

// What a killed process had is no one's any more, its tasks get out of the kernel, and each request ends or is shown
// never to end.
PROMISE(KillingPromise, obeys_the_laws_among_others,
        {.programs = of_processes_under_pressure(),
         .planted = {{Bug::victim_like_others, Release::v6_12}, {Bug::victim_unnoticed, Release::v4_19}}}) {
  assert_laws_hold(program, {Law::bounded, Law::locks, Law::granted, Law::policy, Law::content, Law::exclusive,
                             Law::lists, Law::counters, Law::conserved});
}

}  // namespace
}  // namespace cma
