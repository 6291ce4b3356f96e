// What one run did, as a list of events in the order in which they happened: what the writers of this folder write.
//
// An event has the system, the name and the fields of the kernel's tracepoint. Log lines are events of printk:console,
// which prints them in a kernel too. What no kernel has, the operations of the program and the finding, are events of a
// system of their own, "cmacheck". Actors are tasks. Time is virtual: a microsecond is a step of the run.
//
// Made by RunTraceRecorder, which observes a run. Cost: a call a point and a text an event; for output only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "properties/program/interpreter.h"

namespace cma {

// A field of an event: where a kernel prints it, and its value.
struct TraceField {
  // hex: without 0x, as %lx prints it; signed_decimal: %ld.
  enum class Kind : std::uint8_t { text, decimal, signed_decimal, hex };
  std::string name;
  Kind kind = Kind::text;
  std::string value;  // as it is printed
};

// What an event is: system, name, and how its fields are printed.
struct TraceFormat {
  std::string system;
  std::string name;
  // As TP_printk has it, with %s, %lu and %lx in the order of the fields. Pointers are printed as texts, because that
  // is what a kernel prints of them: a hash, or a word.
  std::string print;
};

struct TraceEvent {
  std::uint64_t nanoseconds = 0;  // ascending
  std::uint32_t task = 0;         // index into RunTrace::tasks
  int cpu = 0;
  TraceFormat format;
  std::string text;  // the fields as printed
  std::vector<TraceField> fields;
};

struct TraceTask {
  std::string name;  // 15 characters at most, as a kernel's
  int pid = 0;
};

// An operation between its first and its last step.
struct TraceSpan {
  Slot op = 0;
  std::uint32_t task = 0;
  std::uint64_t begin = 0;  // nanoseconds
  std::uint64_t end = 0;
  bool slice = false;  // it took part of its actor's time: it was neither skipped nor a resume of another
  std::string text;
  std::string outcome;
};

struct RunTrace {
  Release release = Release::v6_1;
  int cpus = 1;
  std::vector<TraceTask> tasks;  // by actor of the engine; the last one is the program itself
  std::vector<TraceEvent> events;
  std::vector<TraceSpan> spans;  // in the order of the program, of the operations that were reached
};

// Returns how the release prints an event of the model. Log lines are printk:console.
TraceFormat format_of(Event event, Release release);
// Splits a printed text into the fields of its format: %lu and %lx match digits, %s all up to the literal that follows.
// Returns nullopt if the text does not fit. Fields get the names that stand before them in the text, as in `count=`.
std::optional<std::vector<TraceField>> fields_of(const TraceFormat& format, const std::string& text);

// Observes one run and makes its trace. Must live until the run has ended. Uses the engine's watcher of points unless
// the program is audited at points, where control_changes() comes at each of them.
class RunTraceRecorder final : public Observer, private PointWatcher {
 public:
  // `outcome` returns how an operation ended, for the event op_end.
  using Outcome = std::function<std::string(Slot op)>;
  RunTraceRecorder(const Program& program, const Interpreter& interpreter, Outcome outcome);

  void program_begins(Machine& machine) override;
  void control_changes(Machine& machine) override;
  void op_ended(Machine& machine, std::size_t op) override;
  void op_performed(Machine& machine, std::size_t op) override;
  void program_ended(Machine& machine) override;

  // Returns the trace. Call it once, after the run, with its finding.
  RunTrace finish(const std::optional<Finding>& finding);

 private:
  bool at_point(Point point) override;
  void take_records();
  void begin_op(Slot op);
  void end_op(Slot op);
  void note_pauses();
  void add(std::uint32_t task, int cpu, TraceFormat format, std::string text);
  void add_own(std::uint32_t task, const std::string& name, const std::string& print, const std::string& text);
  std::uint32_t task_of(Slot op) const;
  std::uint64_t next_time();

  const Program& program_;
  const Interpreter& interpreter_;
  Outcome outcome_;
  Machine* machine_ = nullptr;
  RunTrace trace_;
  std::size_t taken_ = 0;    // records of the machine
  std::uint64_t steps_ = 0;  // at the last call
  std::uint64_t last_time_ = 0;
  std::vector<std::string> paused_;  // by operation: what it was last seen to wait for
};

}  // namespace cma
