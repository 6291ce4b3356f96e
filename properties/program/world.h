// What operations see while they are performed: the machine, the results of earlier operations, and who listens.
//
// Used by the operations' perform() and by the interpreter; readers look at results afterwards. Results live in flat
// arrays that a run reuses; finding one is O(1), finding a piece of a buffer linear in the pieces alive.
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

// What became of an operation.
struct Result {
  enum class State : std::uint8_t { not_performed, inside, done, failed, skipped };
  State state = State::not_performed;
  Yields yields = Yields::nothing;
  // The operand this result stands for was given back as a whole: later uses are skipped.
  bool gone = false;
  unsigned order = 0;             // block
  int error = 0;                  // 0 or negative errno
  Pfn pfn = kNoPfn;               // buffer, block, range, pin: first frame
  std::uint64_t pages = 0;        // buffer, block, range, owned pages: as many as were had
  AreaId area = 0;                // buffer, area
  SpaceId process = 0;            // process, mapping
  FileId file = 0;                // file
  int references = 1;             // pin: how many it counts
  MappingId mapping = 0;          // mapping
  std::uint32_t first_owner = 0;  // owned pages: index of the first in World::owner_of
  const char* skipped_as = "";    // skipped: why, for people
};

// Thrown by an expectation that is not met; the interpreter makes a finding of it.
class ExpectationUnmet : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class World {
 public:
  World();

  // --- the interpreter's ---
  void begin(const Program& program, Machine& machine, Observer& observer, bool keep_output);

  // --- what operations use ---
  Machine& machine() { return *machine_; }
  const Machine& machine() const { return *machine_; }
  Observer& observer() { return *observer_; }
  const Program& program() const { return *program_; }

  Result& result(Slot slot) { return results_[slot]; }
  const Result& result(Slot slot) const { return results_[slot]; }
  // The result of an operation that has been performed; nullptr if there is none (yet).
  Result* find(OpRef operand);
  const Result* find(OpRef operand) const;
  // The same if it yields `wanted`, was obtained (some pages of several will do) and not given back; otherwise the
  // operation at `self` is skipped.
  Result* operand(Slot self, OpRef operand, Yields wanted);
  Slot slot_of(const Result& result) const { return static_cast<Slot>(&result - results_.data()); }
  // The actor of the engine; kNoActor if the machine or the program has no such one.
  ActorId actor(Performer performer) const;
  std::optional<AreaId> area(AreaRef area) const;
  // Where the page is now; nullopt if what is named is gone, or the frame lies outside the machine's memory.
  std::optional<Pfn> resolve(const Place& place) const;

  // `why` is told to people, and outlives the run.
  void skip(Slot self, const char* why);
  // The first of the frames that the test device of an operation chooses (frames.h): 0 where it chooses none; nullopt,
  // and the operation at `self` is skipped, if what it names is gone.
  std::optional<Pfn> first_chosen(Slot self, const Place& at);
  // `error` is negative.
  void fail(Slot self, int error);
  // Reads a file and tells the observer: its text, nullopt if there is no such file.
  std::optional<std::string> read_file(const std::string& path) const;
  // Boot finishes, if it has not.
  void finish_boot();

  // Takes the first held part of a buffer that lies in [from, from + pages) of it off the books; `pages` 0: up to its
  // end. A part that is named must be held as a whole and begin and end on bit boundaries.
  std::optional<PfnRange> take_part(Slot slot, std::uint64_t from, std::uint64_t pages);

  // Parts of buffers that are still held, ascending within a buffer.
  struct Piece {
    Slot slot;
    Pfn start;
    std::uint64_t pages;
  };
  std::vector<Piece> pieces;
  // Owner records of owned pages, by Result::first_owner + index; 0 once let go.
  std::vector<OwnerId> owner_of;
  // A count on a buffer stays with the program; gives one of them back, false if it has none.
  void keep_count(BufferId buffer);
  bool put_count(BufferId buffer);

  // References that get_page holds: on which frame, and by which operation.
  struct Got {
    Pfn pfn;
    Slot slot;
  };
  std::vector<Got> got;
  // Buffers on which bh_hold keeps counts, one entry each.
  std::vector<BufferId> held_buffers;
  // Actors inside a debugfs operation, by area.
  std::vector<int> debugfs_inside;
  // What `cat` read, if asked for: slot and text.
  std::vector<std::pair<Slot, std::string>> output;

  // Where the last `expect ... next` left off: index of the record behind it.
  std::size_t log_cursor = 0;
  std::size_t trace_cursor = 0;
  // Set by SleepOp: the interpreter lets this much time pass.
  Time sleep = 0;
  std::uint64_t skipped = 0;
  bool keep_output = false;

 private:
  Pfn page_of(const Result& result, std::uint64_t offset) const;

  const Program* program_ = nullptr;
  Machine* machine_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<Result> results_;
  // Slot by identifier, valid where the stamp is this run's.
  std::vector<Slot> slot_of_;
  std::vector<std::uint32_t> stamp_of_;
  std::uint32_t stamp_ = 0;
};

}  // namespace cma
