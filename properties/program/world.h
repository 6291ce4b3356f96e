// What operations see while they are performed: the machine, the results of earlier operations, and the observer.
//
// Used by the perform() of operations and by the interpreter; reports read the results afterwards. Operations are named
// by their slot, the index in the program. Results lie in flat arrays that a run reuses: a look-up is O(1), that of a
// piece of a buffer linear in the pieces held.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "allocator/machine.h"
#include "properties/program/finding.h"
#include "properties/program/line_match.h"
#include "properties/program/observer.h"
#include "properties/program/program.h"
#include "properties/program/program_boot.h"

namespace cma {

// The result of an operation. Fields beside the state are set by operations that yield what the comment names.
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
  Pfn chosen = kNoPfn;            // with `at`: the first of the frames that it takes
  std::uint64_t finished = 0;     // of its pages, or huge pages, one after the other
};

// Thrown by an expectation that is not met, with what was found. The interpreter makes a finding of it.
class ExpectationUnmet : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class World {
 public:
  // A part of a buffer that is held.
  struct Piece {
    Slot slot;
    Pfn start;
    std::uint64_t pages;
  };
  // A reference that a get_page operation holds.
  struct Got {
    Pfn pfn;
    Slot slot;
  };
  // A count that the program keeps on a buffer, and the result whose page the buffer was under.
  struct HeldCount {
    BufferId buffer;
    Slot pages;
  };

  World();

  // --- for the interpreter ---
  // Forgets the last program and its results, and refers to the arguments until the next begin(). Requires: no
  // operation of the last program is suspended, as it would refer to its results. All else requires begin().
  void begin(const Program& program, Machine& machine, Observer& observer, bool keep_output);
  // Finishes boot and reports it to the observer, unless boot has finished.
  void finish_boot();

  // --- the run ---
  Machine& machine() { return *machine_; }
  const Machine& machine() const { return *machine_; }
  Observer& observer() { return *observer_; }
  const Program& program() const { return *program_; }
  // Returns the actor of the engine; kNoActor if the machine has no such CPU or the program no such actor.
  ActorId actor(Performer performer) const;

  // --- results of earlier operations ---
  Result& result(Slot slot) { return results_[slot]; }
  const Result& result(Slot slot) const { return results_[slot]; }
  Slot slot_of(const Result& result) const { return static_cast<Slot>(&result - results_.data()); }
  // Returns the result that an operand names, in whatever state; nullptr if its operation has not been performed.
  Result* find(OpRef operand);
  const Result* find(OpRef operand) const;
  // Returns the result that an operand names if it yields `wanted`, was obtained (of pages at least some) and not given
  // back. Otherwise skips the operation at `self` and returns nullptr.
  Result* operand(Slot self, OpRef operand, Yields wanted);
  // Returns the area; nullopt if the machine has no such area, or the operation that declares it has not done so.
  std::optional<AreaId> area(AreaRef area) const;
  // Returns the frame where the page is now; nullopt if it is gone, or lies outside the machine's memory.
  std::optional<Pfn> resolve(const Place& place) const;
  // Records and returns the first of the frames that the test device of an operation takes (test_device.h); 0 if `at`
  // names no place. If the place is gone, skips the operation at `self` and returns nullopt.
  std::optional<Pfn> first_chosen(Slot self, const Place& at);

  // --- what an operation does ---
  // Records that the operation at `self` is skipped. `why` is shown to users, and must live as long as the result: a
  // string literal.
  void skip(Slot self, const char* why);
  // Records that the operation at `self` failed. Requires: error < 0.
  void fail(Slot self, int error);
  // Records that the operation at `self` yields pages, none obtained yet. Returns the index of the first in `owner_of`.
  std::uint32_t begin_pages(Slot self, std::uint64_t pages);
  // Takes a part of the buffer at `slot` out of `pieces`, for its release, and returns it: its pages [from, from +
  // pages), which must be held in one run; if `pages` is 0, the first run held at or after `from`. Returns nullopt, and
  // takes nothing, if there is no such part, or if it cuts a bit of the area in two; an end of the run may lie inside a
  // bit. The result is gone once no piece is left. Requires: the result is a buffer.
  std::optional<PfnRange> take_part(Slot slot, std::uint64_t from, std::uint64_t pages);
  // Records that the program keeps a count that it took on the buffer of a page of the result. Reports it to the
  // observer too.
  void keep_count(BufferId buffer, Slot pages);
  // Drops one of these counts, of this result if it has one, and reports it to the observer. Returns false if the
  // program has none.
  bool put_count(BufferId buffer, Slot pages);
  // Drops one count on each buffer on which this result, which may be gone, took some. Returns false if there is none.
  bool put_counts_of(Slot pages);
  // Reads a file and reports it to the observer. Returns the text; nullopt if there is no such file.
  std::optional<std::string> read_file(const std::string& path) const;

  // --- state of the run, which operations change ---
  // The parts of buffers that are held, ascending within a buffer.
  std::vector<Piece> pieces;
  // The owners of owned pages, by Result::first_owner + index; 0 before they are obtained and after they are freed.
  std::vector<OwnerId> owner_of;
  // The references that get_page operations hold.
  std::vector<Got> got;
  // The counts on buffers that the program keeps.
  std::vector<HeldCount> held_buffers;
  // By area: the actors inside a debugfs operation.
  std::vector<int> debugfs_inside;
  // What boot reserved, after a `boot` operation; else nullptr.
  std::unique_ptr<ProgramBoot> boot;
  // What `cat` read, if `keep_output`.
  std::vector<std::pair<Slot, std::string>> output;
  bool keep_output = false;
  // By source: the index of the record after the one that the last `expect ... next` found.
  std::size_t log_cursor = 0;
  std::size_t trace_cursor = 0;
  // What pointers in the texts of expectations stand for.
  PointerNames pointers;
  // The time that the interpreter lets pass after this operation. Set by SleepOp.
  Time sleep = 0;
  // The number of operations skipped.
  std::uint64_t skipped = 0;

 private:
  Pfn page_of(const Result& result, std::uint64_t offset) const;

  const Program* program_ = nullptr;
  Machine* machine_ = nullptr;
  Observer* observer_ = nullptr;
  std::vector<Result> results_;
  // Slots by identifier, valid if the stamp is that of this run: stale ones need no clearing.
  std::vector<Slot> slot_of_;
  std::vector<std::uint32_t> stamp_of_;
  std::uint32_t stamp_ = 0;
};

}  // namespace cma
