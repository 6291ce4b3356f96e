// What operations see while they are performed: the machine, the results of earlier operations, and the observer.
//
// Used by the perform() of operations and by the interpreter; reports read the results afterwards. Results lie in flat
// arrays that a run reuses: a look-up is O(1), that of a piece of a buffer linear in the pieces held.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "allocator/machine.h"
#include "properties/program/finding.h"
#include "properties/program/observer.h"
#include "properties/program/program.h"

namespace cma {

// The result of an operation.
struct Result {
  enum class State : std::uint8_t { not_performed, inside, done, failed, skipped };
  State state = State::not_performed;
  Yields yields = Yields::nothing;
  // All that the result stands for was given back: operations that name it are skipped.
  bool gone = false;
  unsigned order = 0;             // block
  int error = 0;                  // 0 or negative errno
  Pfn pfn = kNoPfn;               // buffer, block, range, pin: first frame
  std::uint64_t pages = 0;        // buffer, block, range, owned pages: the number obtained
  AreaId area = 0;                // buffer, area
  SpaceId process = 0;            // process, mapping
  FileId file = 0;                // file
  int references = 1;             // pin: how many it takes
  MappingId mapping = 0;          // mapping
  std::uint32_t first_owner = 0;  // owned pages: index of the first in World::owner_of
  const char* skipped_as = "";    // skipped: the reason, for users
};

// Thrown by an expectation that is not met, with what was found. The interpreter makes a finding of it.
class ExpectationUnmet : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class World {
 public:
  World();

  // --- for the interpreter ---
  // Forgets the last program and its results.
  void begin(const Program& program, Machine& machine, Observer& observer, bool keep_output);

  // --- for operations ---
  Machine& machine() { return *machine_; }
  const Machine& machine() const { return *machine_; }
  Observer& observer() { return *observer_; }
  const Program& program() const { return *program_; }

  Result& result(Slot slot) { return results_[slot]; }
  const Result& result(Slot slot) const { return results_[slot]; }
  // Returns the result that an operand names; nullptr if its operation has not been performed.
  Result* find(OpRef operand);
  const Result* find(OpRef operand) const;
  // The same if the result yields `wanted`, was obtained (of pages at least some) and not given back. nullptr
  // otherwise: the operation at `self` is skipped.
  Result* operand(Slot self, OpRef operand, Yields wanted);
  Slot slot_of(const Result& result) const { return static_cast<Slot>(&result - results_.data()); }
  // Returns the actor of the engine; kNoActor if the machine has no such CPU or the program no such actor.
  ActorId actor(Performer performer) const;
  std::optional<AreaId> area(AreaRef area) const;
  // Returns the frame where the page is now; nullopt if it is gone, or lies outside the machine's memory.
  std::optional<Pfn> resolve(const Place& place) const;

  // Records that the operation at `self` is skipped. `why` is shown to users; pass a string literal.
  void skip(Slot self, const char* why);
  // Records that the operation at `self` failed. Requires error < 0.
  void fail(Slot self, int error);
  // Returns the first of the frames that the test device of an operation takes (test_device.h); 0 if `at` names no
  // place. nullopt if the place is gone: the operation at `self` is skipped.
  std::optional<Pfn> first_chosen(Slot self, const Place& at);
  // Records that the operation at `self` yields pages, none of them obtained yet. Returns the first one's index in
  // `owner_of` below.
  std::uint32_t begin_pages(Slot self, std::uint64_t pages);
  // Reads a file and reports it to the observer. Returns the text; nullopt if there is no such file.
  std::optional<std::string> read_file(const std::string& path) const;
  // Finishes boot, unless it has finished.
  void finish_boot();

  // Removes the first held part of a buffer that lies within its pages [from, from + pages) from `pieces`, and returns
  // it; `pages` 0 stands for its end. A part that is named must be held as a whole, and begin and end on bit
  // boundaries; nullopt if it is not, or nothing is held.
  std::optional<PfnRange> take_part(Slot slot, std::uint64_t from, std::uint64_t pages);

  // The parts of buffers that are held, ascending within a buffer.
  struct Piece {
    Slot slot;
    Pfn start;
    std::uint64_t pages;
  };
  std::vector<Piece> pieces;
  // The owners of owned pages, by Result::first_owner + index; 0 after they were freed.
  std::vector<OwnerId> owner_of;
  // Records that the program keeps a count that it took on a buffer.
  void keep_count(BufferId buffer);
  // Drops one of these counts; false if the program has none.
  bool put_count(BufferId buffer);

  // The references that get_page operations hold.
  struct Got {
    Pfn pfn;
    Slot slot;
  };
  std::vector<Got> got;
  // The buffers on which the program keeps counts, one entry per count.
  std::vector<BufferId> held_buffers;
  // By area: the actors inside a debugfs operation.
  std::vector<int> debugfs_inside;
  // What `cat` read, if the run keeps it.
  std::vector<std::pair<Slot, std::string>> output;

  // By source: the index of the record after the one that the last `expect ... next` found.
  std::size_t log_cursor = 0;
  std::size_t trace_cursor = 0;
  // Set by SleepOp: the time that the interpreter lets pass.
  Time sleep = 0;
  std::uint64_t skipped = 0;
  bool keep_output = false;

 private:
  Pfn page_of(const Result& result, std::uint64_t offset) const;

  const Program* program_ = nullptr;
  Machine* machine_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<Result> results_;
  // Slots by identifier, valid if the stamp is that of this run.
  std::vector<Slot> slot_of_;
  std::vector<std::uint32_t> stamp_of_;
  std::uint32_t stamp_ = 0;
};

}  // namespace cma
