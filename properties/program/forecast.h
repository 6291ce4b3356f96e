// What a program will probably have done by the time of its next operation: which results are held and what they are,
// which actors are inside an operation, and where they stand there.
//
// Read off the text of operations, without a machine: cheap enough for generator and mutators, and the same whatever
// the model does. So it errs. An allocation that fits may fail, a stop that most such operations reach may be run past.
// The generator draws operations by it, and now and then against it: what it errs about, and what is skipped, stays
// possible. Cost: below a hundred nanoseconds an operation; look-ups are linear in the results.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "properties/program/area_forecast.h"
#include "properties/program/forecast_locks.h"
#include "properties/program/forecast_sorts.h"
#include "properties/program/passed_points.h"
#include "properties/program/program.h"
#include "properties/program/random.h"

namespace cma {

class Forecast {
 public:
  enum class Standing : std::uint8_t {
    held,
    doubtful,   // the operation may well have failed
    under_way,  // its actor is inside it
    gone,       // given back, or never obtained
  };
  struct Known {
    OpId id = 0;
    Yields yields = Yields::nothing;
    Standing standing = Standing::held;
    Sort sort = Sort::plain;
    bool slow = false;         // files, and their pages: I/O waits for io_done
    bool chosen = false;       // pages: on frames that the program chose
    bool in_area = false;      // these may lie inside an area, and the pages move
    Place at;                  // the frames
    AreaRef area;              // buffer: the area that it is of
    std::uint64_t pages = 0;   // as it was asked for
    OpId of = 0;               // mapping: its process; process: the one that forked it; pages: their file
    std::uint32_t born = 0;    // how many operations came before
    std::uint32_t counts = 0;  // pages: on their buffers
  };
  static bool may_be_held(const Known& known) {
    return known.standing == Standing::held || known.standing == Standing::doubtful;
  }
  // The areas of which it is known whether boot can activate them.
  static constexpr std::size_t kTrackedAreas = 16;

  // Of a program before its first operation. Requires: the program outlives it; its machine and its actors stay.
  explicit Forecast(const Program& program);
  // Of a program before the operation at `ops`, or at its end.
  Forecast(const Program& program, std::size_t ops);

  const Program& program() const { return program_; }
  // Takes the next operation of the program into account.
  void add(const Op& op);

  // Returns an identifier that no operation has, and none names; in programs that are made from the start the smallest.
  OpId unused_id() const;

  // --- results ---
  // Returns what is known of a result; nullptr if no operation has that identifier.
  const Known* find(OpId id) const;
  // Draws a result that an operation of this kind can use as an operand; a late one more often than an early one. Now
  // and then one that may be gone, or of another sort. Returns 0 if there is none. `kind` may be kOpKinds: any.
  OpId operand(Random& random, std::size_t kind, Yields wanted) const;
  // Draws a process other than its maker that has the mapping; 0 if there is none.
  OpId other_process_with(Random& random, OpId mapping) const;
  // Returns whether a process is alive.
  bool alive(OpId process) const;
  // Draws a place on which a get_page took a reference that is still there; nullopt if there is none.
  std::optional<Place> referenced(Random& random) const;
  // Draws a result whose pages are on LRU lists; 0 if there is none.
  OpId lru_pages(Random& random) const;
  // What of areas is probably taken.
  const AreaForecast& areas() const { return areas_; }
  // Returns whether an operation of this kind can have an effect, its operands aside.
  bool sensible(std::size_t kind) const;

  // --- actors ---
  // Returns whether the actor is probably between two operations.
  bool idle(Performer performer) const;
  // Returns how many actors are.
  std::size_t idle_performers() const;
  // Returns how many actors probably stand at a point.
  std::size_t stopped_performers() const;
  // Returns how many wait for a lock that one of these holds.
  std::size_t waiting_performers() const;
  // Draws one that stands at a point; if there is none, one that may have run past its stop; nullopt without either.
  std::optional<Performer> any_stopped(Random& random) const;
  // Draws an idle actor; nullopt if there is none.
  std::optional<Performer> any_idle(Random& random) const;
  // Returns whether an actor waits for I/O.
  bool waits_for_io() const;
  // Returns what is held of an operation that would come next.
  Prospect prospect(const Op& op) const;
  // Draws a stop for an operation that would come next; for one that resumes, one further on in what its actor is
  // inside. No stop if such operations pass no points.
  Stop draw_stop(Random& random, const Op& op) const;

 private:
  struct Reading;
  enum class Activity : std::uint8_t {
    idle,
    perhaps_inside,  // it may have run past its stop
    stopped,
    waiting,  // for a lock that another actor holds
    waiting_for_io,
    sleeping,  // until time passes
  };
  struct Actor {
    Activity activity = Activity::idle;
    PassedBy by;                      // of the operation that it is inside; kOpKinds: it is idle
    Point standing = Point::kCount;   // where it stopped last; kCount: nowhere yet
    Stop until;                       // where it is to stop
    LockSet takes = 0;                // in its operation
    LockSet awaits = 0;               // of these, those that it waits for
    LockSet holds = 0;                // where it is
    std::uint32_t since = 0;          // when it began to wait, in operations
    std::optional<std::size_t> made;  // its result, among known_
    Standing after = Standing::held;  // of that, once it ends
    OpId process = 0;                 // the one that it works in
    OpId works_on = 0;                // the result that it works on
    OpId meets = 0;                   // one whose pages it locks: the same, or one in the way of what it takes
  };

  // --- forecast.cc: actors ---
  void perform(const Op& op, const Reading& reading);
  void resume(const Op& op);
  void run_on(Actor& actor);
  void run_waiters();
  void finish(Actor& actor);
  void complete_io(std::uint64_t times);
  LockSet held_by_others(const Actor& actor) const;
  LockSet lock_in_the_way(const Actor& actor) const;
  Prospect prospect(const Op& op, const Reading& reading) const;
  bool has_much_to_do(const Op& op, const Reading& reading) const;
  OpId in_the_way(const Op& op, const Reading& reading) const;
  OpId pages_that_move_at(AreaRef area, std::uint64_t start, std::uint64_t pages) const;
  bool share_pages(OpId one, OpId other) const;
  bool any_inside(std::initializer_list<std::size_t> kinds) const;
  bool waits_on_slow_io(const Op& op, const Known& worked_on) const;
  void remember(const Op& op, Known known);
  Known* find_known(OpId id);

  // --- forecast_results.cc: what operations obtain ---
  bool suits(std::size_t kind, const Known& known) const;
  bool performable(const Op& op, const Reading& reading) const;
  Known outcome(const Op& op, const Reading& reading) const;
  Standing standing_after(const Op& op, const Reading& reading) const;
  Standing buffer_standing(const Op& op, const Reading& reading) const;
  Standing range_standing(const Reading& reading) const;
  Standing mapping_standing(const Op& op, const Reading& reading) const;
  bool inside_an_area(const Place& place) const;
  bool frames_are_taken(const Reading& reading) const;
  bool usable_area(AreaRef area) const;

  // --- forecast_effects.cc: what operations take and give back ---
  void note_effects(const Op& op, const Reading& reading, const Known& made);
  void note_memory(const Op& op, const Reading& reading, const Known& made);
  void note_areas(const Op& op, const Reading& reading, const Known& made);
  void note_shortage();
  void note_references(const Op& op, const Reading& reading);
  void give_back(const Op& op, const Reading& reading);
  void end_process(OpId process);
  void drop_file(OpId file);
  void lose(OpId id, Standing standing);
  static bool takes_memory(Yields yields, const Known& known);

  // --- forecast_draws.cc ---
  bool on_lru(const Known& known) const;
  Performer performer_at(std::size_t index) const;
  std::size_t performers() const;
  template <class Fits>
  std::optional<Performer> draw_performer(Random& random, Fits fits) const;
  template <class Fits>
  OpId draw_result(Random& random, Fits fits) const;

  const Program& program_;
  std::vector<Known> known_;
  AreaForecast areas_;
  std::vector<Place> referenced_;
  std::array<Actor, std::size_t{kMaxCpus} + kMaxActors> actors_{};
  std::uint32_t operations_ = 0;
  OpId highest_ = 0;          // of all identifiers
  std::uint64_t memory_ = 0;  // pages outside areas
  std::uint64_t used_ = 0;    // pages that results took wherever the allocator found them
  std::uint64_t movable_used_ = 0;
  std::uint64_t in_areas_ = 0;      // results with pages that move inside areas
  std::uint64_t pool_ = 0;          // free huge pages
  std::uint64_t io_ = 0;            // requests under way
  std::uint16_t broken_areas_ = 0;  // by index: those that boot cannot activate
};

}  // namespace cma
