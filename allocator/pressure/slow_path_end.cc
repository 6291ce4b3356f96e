// What follows when neither attempts nor reclaim nor compaction have helped: a process is killed, or the request fails,
// unless it must not.

#include "allocator/pressure/after_attempts.h"
#include "allocator/pressure/slow_path_steps.h"

namespace cma {

// Returns whether no process is killed for the request, which then fails; since 4.12 one that must not fail goes on to
// refuse_to_fail(). Up to 4.11 a process is killed for that one all the same.
bool SlowPathSteps::killing_is_no_help() const {
  if (has(kGfpNofail) && release_ < Release::v4_12) return false;
  if (costly() || (has(kGfpRetryMayfail) && release_ >= Release::v4_13)) return true;
  if (buddy_.gfp_zone(request_.gfp) < ZoneKind::normal) return true;
  return has(kGfpThisnode) && release_ >= Release::v3_19;
}

// Returns whether a victim has had what it may of the reserves, and is not to wait for more.
bool SlowPathSteps::victim_ends() const {
  const bool tried = has(kGfpNomemalloc) || repeated() == AllocAttempt::reserves;
  return tried && victim_has_its_share(request_.gfp, core_.engine.flags(), release_);
}

// Kills a process, unless the request is for memory of one node (up to 3.18): it begins again then, as if one was.
Task<Killed> SlowPathSteps::kill() {
  if (has(kGfpThisnode) && !has(kGfpNofail) && release_ < Release::v3_19) co_return Killed::waits;
  if (killer_ != nullptr) co_return co_await killer_->out_of_memory(request_);
  co_return leaves_alone(request_.gfp, release_) ? Killed::waits : Killed::none;
}

// Tries once more, well above what is kept free, and then kills a process (__alloc_pages_may_oom). One that must not
// fail begins again in any case; since 4.4 with the last page, if there is one.
Task<SlowPathSteps::Next> SlowPathSteps::may_kill() {
  if (attempt(AllocAttempt::high)) co_return Next::done;
  if (killing_is_no_help()) co_return Next::fails;
  const Killed killed = co_await kill();
  if (killed == Killed::none && !must_not_fail()) co_return Next::fails;
  if (has(kGfpNofail) && release_ >= Release::v4_4 && attempt(AllocAttempt::last_page)) co_return Next::done;
  if (victim_ends()) co_return Next::fails;
  begin_anew();
  if (killed != Killed::process) co_return co_await endless_turn();
  co_await at(core_.engine, Point::alloc_retry);
  co_return Next::again;
}

// Gives one that must not fail some of the reserves, or begins again with it (4.12). Returns Next::fails for all
// others, and if endless turns are given up.
Task<SlowPathSteps::Next> SlowPathSteps::refuse_to_fail() {
  const bool may_fail = release_ < Release::v4_12 || !must_not_fail();
  if (given_up() || may_fail) co_return Next::fails;
  if (attempt(AllocAttempt::helped)) co_return Next::done;
  co_return co_await endless_turn();
}

}  // namespace cma
