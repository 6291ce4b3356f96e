#include "allocator/oom/oom_killer.h"

#include <algorithm>

#include "allocator/base/hash.h"

namespace cma {
namespace {

// No number of a process is one of init's or of a thread of the kernel's.
constexpr unsigned kFirstPid = 1000;
// The user of all processes, who has no capabilities.
constexpr unsigned kUser = 1000;

}  // namespace

// --- who is killed ---

bool OomKiller::killable(SpaceId process) const {
  return processes_.alive(process) && !processes_.dying(process) && !processes_.being_forked(process);
}

unsigned OomKiller::killable_processes() const {
  unsigned count = 0;
  for (SpaceId process = 1; process < processes_.count(); ++process) count += killable(process) ? 1 : 0;
  return count;
}

// Returns the pages that a death would free. Up to 5.8 a process counts one at least.
std::uint64_t OomKiller::badness(SpaceId process) const {
  const std::uint64_t least = core_.geometry.release < Release::v5_9 ? 1 : 0;
  return std::max(least, figures_of(process).resident());
}

std::optional<SpaceId> OomKiller::worst() const {
  const bool last_of_equals = core_.geometry.release >= Release::v5_3;
  std::optional<SpaceId> chosen;
  std::uint64_t most = 0;
  for (SpaceId process = 1; process < processes_.count(); ++process) {
    if (!killable(process)) continue;
    const std::uint64_t points = badness(process);
    bool worse = points > most || (points == most && last_of_equals);
    if (chosen && points != most && core_.bugs.fires(Bug::oom_kills_smallest)) worse = points < most;
    if (chosen && !worse) continue;
    chosen = process;
    most = points;
  }
  return chosen;
}

// Returns the process that dies: up to 5.0 the largest child of the chosen one in its place.
SpaceId OomKiller::sacrificed_for(SpaceId chosen) const {
  SpaceId victim = chosen;
  std::uint64_t most = 0;
  for (SpaceId process = 1; process < processes_.count(); ++process) {
    const bool is_child = processes_.parent_of(process) == chosen && core_.geometry.release < Release::v5_1;
    if (!is_child || !killable(process) || badness(process) <= most) continue;
    victim = process;
    most = badness(process);
  }
  return victim;
}

// --- what is printed ---

OomProcess OomKiller::figures_of(SpaceId process) const {
  const Processes::Resident resident = processes_.resident(process);
  OomProcess figures;
  figures.pid = kFirstPid + process;
  figures.name = "process";
  figures.uid = kUser;
  figures.total = resident.total;
  figures.anonymous = resident.anonymous;
  figures.file = resident.file;
  figures.shared = resident.shared;
  return figures;
}

void OomKiller::log(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) core_.trace.log(line);
}

// Prints what found too little, the memory, and the processes.
void OomKiller::dump_header(const OomRequest& request) {
  log(oom_first_lines(request, kernel()));
  reports_.show_memory(request.gfp);
  std::vector<OomProcess> processes;
  for (SpaceId process = 1; process < processes_.count(); ++process)
    if (processes_.alive(process) && !processes_.being_forked(process)) processes.push_back(figures_of(process));
  log(oom_process_lines(processes, kernel()));
}

void OomKiller::report(const OomRequest& request, SpaceId chosen, SpaceId victim) {
  const bool whole = core_.trace.admits(limit_, "oom_kill_process");
  if (!core_.trace.recording()) return;
  if (whole) dump_header(request);
  if (whole && kernel().release >= Release::v5_0) log(oom_summary_lines(request, figures_of(chosen)));
  std::uint64_t managed = 0;
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone) managed += buddy_.zone(zone).managed;
  const std::uint64_t score = managed == 0 ? 0 : badness(chosen) * 1000 / managed;
  log(oom_chosen_lines(figures_of(chosen), score, kernel()));
  log({oom_killed_line(figures_of(victim), kernel())});
}

// --- killing ---

// Returns whether the current actor is a task of the process.
bool OomKiller::is_own(SpaceId process) const {
  const std::vector<ActorId>& tasks = processes_.tasks_inside(process);
  return std::ranges::find(tasks, core_.engine.current()) != tasks.end();
}

// Makes a task a victim: its signal is fatal, and its requests have rights (mark_oom_victim).
void OomKiller::mark(ActorId actor) {
  TaskFlags& flags = core_.engine.flags(actor);
  if (!flags.fatal_signal) flags.oom_signal = true;
  flags.fatal_signal = true;
  flags.oom_victim = true;
}

// Kills a process. Since 4.6 the OOM reaper takes private memory away from one whose tasks are inside the kernel; here
// the killing task does, unless it is one of them.
Task<void> OomKiller::kill(SpaceId victim) {
  ++kills_;
  processes_.condemn(victim);
  condemned_.push_back({victim});
  for (const ActorId task : processes_.tasks_inside(victim)) mark(task);
  co_await end_those_outside();
  const bool reaps = processes_.alive(victim) && core_.geometry.release >= Release::v4_6 && !is_own(victim);
  if (reaps) co_await reap(victim);
}

void OomKiller::set_reaping(SpaceId process, Reaping reaping) {
  for (Condemned& condemned : condemned_)
    if (condemned.process == process) condemned.reaping = reaping;
}

// Requires: the current actor is no task of the process, which has one inside the kernel.
Task<void> OomKiller::reap(SpaceId process) {
  set_reaping(process, Reaping::under_way);
  co_await processes_.reap(process);
  set_reaping(process, Reaping::done);
  core_.trace.log(oom_reaped_line(figures_of(process), kernel()));
  co_await end_those_outside();
}

// Ends the killed processes without a task inside the kernel.
Task<void> OomKiller::end_those_outside() {
  if (condemned_.empty()) co_return;
  const std::vector<Condemned> all = condemned_;
  for (const Condemned& condemned : all) {
    const SpaceId process = condemned.process;
    const bool ends = processes_.alive(process) && processes_.idle(process);
    if (!ends || core_.bugs.fires(Bug::victim_keeps_memory)) continue;
    std::erase_if(condemned_, [&](const Condemned& other) { return other.process == process; });
    ++ending_;
    co_await processes_.exit(process);
    --ending_;
  }
}

Task<void> OomKiller::task_returns() {
  TaskFlags& flags = core_.engine.flags();
  if (flags.oom_signal) flags.fatal_signal = false;
  flags.oom_signal = flags.oom_victim = false;
  return end_those_outside();
}

// Returns whether the current task is about to die, and its process has memory yet (task_will_free_mem). Since 4.8 one
// whose process was reaped counts as any other.
bool OomKiller::will_free_memory() const {
  if (!core_.engine.flags().fatal_signal) return false;
  const bool reaped = std::ranges::any_of(condemned_, [&](const Condemned& condemned) {
    return condemned.reaping == Reaping::done && is_own(condemned.process);
  });
  return !reaped || core_.geometry.release < Release::v4_8;
}

// Kills another process. Panics if there is none.
Task<Killed> OomKiller::kill_worst(const PageRequest& request) {
  OomRequest asked;
  asked.gfp = request.gfp;
  asked.order = request.order;
  asked.mems_allowed = reports_.nodes_with_memory();
  const std::optional<SpaceId> chosen = worst();
  if (!chosen || (core_.bugs.fires(Bug::last_process_spared) && killable_processes() == 1)) {
    ++panics_;
    if (core_.trace.recording()) {
      dump_header(asked);
      log(oom_panic_lines(core_.geometry.release));
    }
    co_return Killed::none;
  }
  const SpaceId victim = sacrificed_for(*chosen);
  report(asked, *chosen, victim);
  co_await kill(victim);
  co_return Killed::process;
}

Task<Killed> OomKiller::out_of_memory(const PageRequest& request) {
  if (will_free_memory()) {
    const bool was_victim = core_.engine.flags().oom_victim;
    mark(core_.engine.current());
    co_return was_victim ? Killed::waits : Killed::process;
  }
  if (leaves_alone(request.gfp, core_.geometry.release) || ending_ != 0) co_return Killed::waits;
  const auto in_the_way =
      std::ranges::find_if(condemned_, [](const Condemned& condemned) { return condemned.reaping != Reaping::done; });
  if (in_the_way == condemned_.end()) co_return co_await kill_worst(request);
  const bool may_reap = core_.geometry.release >= Release::v4_6 && in_the_way->reaping == Reaping::not_begun;
  if (!may_reap) co_return Killed::waits;
  const SpaceId process = in_the_way->process;
  co_await reap(process);
  co_return Killed::process;
}

std::uint64_t OomKiller::digest() const {
  if (condemned_.empty() && ending_ == 0) return 0;
  std::uint64_t hash = kHashSeed;
  for (const Condemned& condemned : condemned_)
    hash_step(hash, std::uint64_t{condemned.process} << 2 | static_cast<std::uint64_t>(condemned.reaping));
  hash_step(hash, ending_);
  return hash;
}

}  // namespace cma
