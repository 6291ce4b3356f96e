// A machine under all laws, driven by calls: what tests and benchmarks of laws use in place of programs. Also random
// use of one by several actors that stop anywhere.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "properties/laws/laws.h"

namespace cma {

class WatchedMachine {
 public:
  struct Buffer {
    AreaId area;
    Pfn pfn;
    std::uint64_t count;
  };
  struct Block {
    Pfn pfn;
    unsigned order;
  };

  // Boots, and begins a program. Makes actors 0 to actors - 1, on the CPUs in turn.
  explicit WatchedMachine(const Geometry& geometry, unsigned actors = 4);

  // Goes back to the booted machine and begins a new program.
  void restart();
  Machine& machine() { return *machine_; }
  const Machine& machine_const() const { return *machine_; }
  Laws& laws() { return laws_; }

  // --- operations, to be started; they report to the laws ---
  Task<void> cma_alloc(AreaId area, std::uint64_t count, unsigned align);
  Task<void> cma_release(std::size_t buffer);
  Task<void> release_part(std::size_t buffer, std::uint64_t from, std::uint64_t count);
  Task<void> alloc_pages(Gfp gfp, unsigned order);
  Task<void> free_pages(std::size_t block);
  // Adopts a page of this kind, on the given frame if it can be allocated.
  Task<void> own(PageKind kind, Pfn at = kNoPfn);
  Task<void> let_go(std::size_t owner);
  Task<void> unpin(std::size_t pin);
  void pin(Pfn pfn);

  // Starts an operation, runs it to its end, a wait, or the nth passing of `stop`, then audits.
  void start(ActorId actor, Task<void> operation, Point stop = Point::kCount, unsigned nth = 1);
  void go_on(ActorId actor, Point stop = Point::kCount, unsigned nth = 1);
  // Runs an operation of actor 0 from beginning to end.
  void perform(Task<void> operation) { start(0, std::move(operation)); }
  // Reports a failed request to area 0 to the laws, without making it. Returns the law that this breaks; empty if none.
  std::string law_of_failed_alloc(std::uint64_t count, unsigned align);
  // Fills area 1, and takes single pages until `pages` are free outside the areas, none of them on per-CPU lists.
  // Requires: the machine is of default_small_geometry(), and has at least as many free.
  void leave_free(std::uint64_t pages);
  // Runs all actors to the end of their operations.
  void finish();
  bool idle(ActorId actor) const { return machine_->engine.look(actor).state == ActorState::idle; }
  bool can_run(ActorId actor) const { return machine_->engine.look(actor).state == ActorState::ready; }

  // What operations got and still have. Released entries stay, with a count or owner of 0, or with kNoPfn.
  std::vector<Buffer> buffers;
  std::vector<Block> blocks;
  std::vector<OwnerId> owners;
  std::vector<Pfn> pins;

 private:
  void run_woken();
  std::uint64_t free_outside_areas();

  std::unique_ptr<Machine> boot_;
  std::unique_ptr<Machine> machine_;
  Laws laws_;
};

// Returns "law: message" for the law that `body` breaks, "sound: ..." for a failed assertion of the model; empty if it
// breaks none.
template <class Body>
std::string broken_by(Body&& body) {
  try {
    body();
  } catch (const LawBroken& broken) {
    return std::string(name_of(broken.law())) + ": " + broken.what();
  } catch (const EngineFault& fault) {
    return std::string(name_of(law_of(fault.kind()))) + ": " + fault.what();
  } catch (const AssertionFailure& failure) {
    return std::string("sound: ") + failure.what();
  }
  return {};
}
// Returns the name of the law alone.
template <class Body>
std::string law_broken_by(Body&& body) {
  const std::string text = broken_by(body);
  return text.substr(0, text.find(':'));
}

// `steps` random operations, stops and resumptions. The same seed gives the same.
struct RandomUse {
  std::uint64_t seed = 1;
  unsigned steps = 24;
  // How many of a hundred operations stop at a random point.
  unsigned stops = 30;
  // Ends with no actor inside an operation.
  bool to_rest = true;
};
void use_at_random(WatchedMachine& watched, const RandomUse& use);

}  // namespace cma
