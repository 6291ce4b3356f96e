// One run of a program as data for a page: what each step changed in memory, what each actor was inside, the lines that
// the kernel printed, and the finding with all that explains it.
//
// Made by StoryRecorder, which observes the run. Used by the pages and pictures of this folder. Cost: a page map a
// step, of which only the changes are kept; for output only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "properties/explain/page_map.h"
#include "properties/explain/why.h"
#include "properties/program/interpreter.h"

namespace cma {

// A page whose letter or bit differs from the step before; the letters are those of PageMap.
struct PageChange {
  Pfn pfn = 0;
  char letter = ' ';
  char bit = ' ';
};

// A pageblock whose type differs.
struct BlockChange {
  Pfn start = 0;
  char type = ' ';
};

struct StoryStep {
  std::optional<Slot> op;  // nullopt: the beginning, or what happened after the last operation
  std::string outcome;
  std::vector<PageChange> pages;    // ascending
  std::vector<BlockChange> blocks;  // ascending
  std::vector<std::string> inside;  // by actor: what it is inside of at the end of the step, and where; or empty
};

// A line that the run printed.
struct StoryLine {
  std::uint64_t step = 0;  // of the run, as `--ftrace` counts
  bool log = false;        // of the kernel's log; else a tracepoint
  std::string text;
};

struct ProgramStory {
  // --- of the caller ---
  std::string file;
  std::string text;        // the program
  std::vector<int> lines;  // of each operation in the text, from 1; may be empty
  std::string replay;      // the command that shows the same again
  std::string varies;      // what may be different in the program; empty if unknown

  // --- of the run ---
  std::string release;
  std::vector<std::string> actors;    // those that perform something, in the order of the engine
  std::vector<std::string> ops;       // the text of each operation
  std::vector<std::size_t> actor_of;  // by operation: index into `actors`; actors.size() for none
  PfnRange memory;
  unsigned pageblock_order = 0;
  std::vector<char> letters;      // by page, at the beginning
  std::vector<char> bits;         // by page
  std::vector<char> block_types;  // by pageblock
  std::vector<StoryStep> steps;
  std::vector<std::string> legend;  // "A  buffer b1"
  std::vector<StoryLine> printed;
  std::optional<Finding> finding;
  bool expected = false;    // the program expects it
  std::string sentence;     // of the law
  std::string point;        // where it was noticed
  std::vector<Pfn> marked;  // the pages that the finding names
  std::string why;
};

// Observes one run and makes its story. Must live until the run has ended.
class StoryRecorder final : public Observer, private PointWatcher {
 public:
  // `outcome` returns how an operation ended.
  using Outcome = std::function<std::string(Slot op)>;
  StoryRecorder(const Program& program, const Interpreter& interpreter, Outcome outcome);

  void program_begins(Machine& machine) override;
  void booted(Machine& machine) override { why_.booted(machine); }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    why_.alloc_begins(area, count, align);
  }
  void control_changes(Machine& machine) override;
  void op_ended(Machine& machine, std::size_t op) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void program_ended(Machine& machine) override;

  // Returns the story without what is the caller's. Call it once, after the run. `op_text` formats an operation.
  ProgramStory finish(const RunResult& result, const std::function<std::string(Slot)>& op_text);

 private:
  bool at_point(Point point) override;
  void take_lines();
  void add_step(std::optional<Slot> op);
  void drop_step_without_changes();
  std::vector<std::string> inside() const;

  const Program& program_;
  const Interpreter& interpreter_;
  Outcome outcome_;
  WhyRecorder why_;
  Machine* machine_ = nullptr;
  ProgramStory story_;
  std::vector<ActorId> actor_ids_;  // of story_.actors
  std::optional<PageMap> last_;
  std::size_t taken_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace cma
