#include "properties/traces/run_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "allocator/base/assert.h"
#include "properties/program/text.h"

namespace cma {
namespace {

constexpr int kFirstPid = 1000;
constexpr std::size_t kCommLength = 15;
// A longer text of an event is cut, so that each event fits a page of the kernel's buffer.
constexpr std::size_t kMostText = 2000;
// Events of one step, in nanoseconds, before the next microsecond begins: readers round.
constexpr std::uint64_t kInMicrosecond = 500;

std::string cut(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (text.size() > kMostText) text = text.substr(0, kMostText - 3) + "...";
  return text;
}

bool is_digit(char c, TraceField::Kind kind) {
  return (c >= '0' && c <= '9') || (kind == TraceField::Kind::hex && c >= 'a' && c <= 'f');
}

// Returns the name that stands before a value: "count" for "nr=1 count="; a text alone is `msg`, as in printk:console.
std::string name_before(std::string_view printed, std::size_t number) {
  const std::size_t equals = printed.rfind('=');
  if (equals == std::string_view::npos) return "msg";
  const std::size_t begin = printed.find_last_of(" (", equals) + 1;
  std::string name(printed.substr(begin, equals - begin));
  if (name == "range") name = number == 0 ? "start_pfn" : "end_pfn";
  return name;
}

}  // namespace

std::optional<std::vector<TraceField>> fields_of(const TraceFormat& format, const std::string& text) {
  std::vector<TraceField> fields;
  const std::string_view print = format.print;
  std::size_t at = 0;
  std::size_t i = 0;
  while (i < print.size()) {
    if (print[i] != '%') {
      if (at >= text.size() || text[at++] != print[i++]) return std::nullopt;
      continue;
    }
    TraceField field;
    field.name = name_before(print.substr(0, i), fields.size());
    const bool string = print[i + 1] == 's';
    field.kind = string                ? TraceField::Kind::text
                 : print[i + 2] == 'x' ? TraceField::Kind::hex
                 : print[i + 2] == 'd' ? TraceField::Kind::signed_decimal
                                       : TraceField::Kind::decimal;
    i += string ? 2 : 3;
    const bool minus = field.kind == TraceField::Kind::signed_decimal && at < text.size() && text[at] == '-';
    std::size_t end = minus ? at + 1 : at;
    if (string)
      end = i < print.size() ? text.find(print[i], at) : text.size();
    else
      while (end < text.size() && is_digit(text[end], field.kind)) ++end;
    if (end == std::string::npos || (!string && end == at)) return std::nullopt;
    field.value = text.substr(at, end - at);
    at = end;
    fields.push_back(std::move(field));
  }
  if (at != text.size()) return std::nullopt;
  return fields;
}

// --- recording ---

RunTraceRecorder::RunTraceRecorder(const Program& program, const Interpreter& interpreter, Outcome outcome)
    : program_(program), interpreter_(interpreter), outcome_(std::move(outcome)) {}

void RunTraceRecorder::program_begins(Machine& machine) {
  machine_ = &machine;
  trace_.release = machine.trace.release();
  trace_.cpus = machine.engine.cpus();
  const auto actors = static_cast<std::uint32_t>(program_.machine.cpus) + program_.actors.size();
  for (ActorId actor = 0; actor < actors; ++actor)
    trace_.tasks.push_back({actor_name(program_, actor).substr(0, kCommLength), kFirstPid + static_cast<int>(actor)});
  trace_.tasks.push_back({"program", kFirstPid + static_cast<int>(actors)});
  paused_.resize(program_.ops.size());
  if (program_.audit == Audit::ops) machine.engine.set_watcher(this);
  take_records();
  if (!program_.ops.empty()) begin_op(0);
}

bool RunTraceRecorder::at_point(Point) {
  take_records();
  return false;
}

void RunTraceRecorder::control_changes(Machine&) { take_records(); }

void RunTraceRecorder::op_ended(Machine&, std::size_t op) {
  take_records();
  end_op(static_cast<Slot>(op));
}

void RunTraceRecorder::op_performed(Machine&, std::size_t op) {
  take_records();
  note_pauses();
  if (op + 1 < program_.ops.size() && trace_.spans.size() == op + 1) begin_op(static_cast<Slot>(op + 1));
}

void RunTraceRecorder::program_ended(Machine&) { take_records(); }

RunTrace RunTraceRecorder::finish(const std::optional<Finding>& finding) {
  if (machine_ != nullptr) take_records();
  if (finding) {
    const bool inside = finding->op < trace_.spans.size();
    const std::uint32_t task = inside ? trace_.spans[finding->op].task : 0;
    if (trace_.tasks.empty()) trace_.tasks.push_back({"program", kFirstPid});
    add_own(task, "finding", "signature=%s what=%s",
            "signature=" + finding->signature() + " what=" + cut(finding->message));
  }
  for (TraceSpan& span : trace_.spans)
    if (span.outcome.empty()) {
      span.end = last_time_;
      span.outcome = finding && finding->op == span.op ? "broke a law" : outcome_(span.op);
    }
  return std::move(trace_);
}

// Adds what the machine has recorded since the last call. It happened before the step that is counted now.
void RunTraceRecorder::take_records() {
  const Trace& trace = machine_->trace;
  const std::vector<Record>& records = trace.records();
  for (; taken_ < records.size(); ++taken_) {
    const Record& record = records[taken_];
    const std::string line = trace.format(record);
    TraceFormat format = format_of(record.event, trace.release());
    const std::string text = is_log(record.event) ? cut(line) : line.substr(format.name.size() + 2);
    const auto last = static_cast<std::uint32_t>(trace_.tasks.size() - 1);
    add(std::min(record.actor, last), record.cpu, std::move(format), text);
  }
  steps_ = machine_->engine.steps();
}

void RunTraceRecorder::begin_op(Slot op) {
  TraceSpan span;
  span.op = op;
  span.task = task_of(op);
  span.text = print_op(program_, program_.ops[op]);
  add_own(span.task, "op_begin", "op=%lu text=%s", fmt::format("op={} text={}", op, cut(span.text)));
  span.begin = span.end = last_time_;
  trace_.spans.push_back(std::move(span));
}

void RunTraceRecorder::end_op(Slot op) {
  TraceSpan& span = trace_.spans[op];
  if (!span.outcome.empty()) return;
  span.outcome = outcome_(op);
  add_own(span.task, "op_end", "op=%lu result=%s", fmt::format("op={} result={}", op, cut(span.outcome)));
  span.end = last_time_;
  const OpInfo& info = info_of(program_.ops[op]);
  span.slice = interpreter_.world().result(op).state != Result::State::skipped && info.performed == Performed::by_actor;
}

// Adds an event for each operation that has begun to wait, or waits for something else than before.
void RunTraceRecorder::note_pauses() {
  for (TraceSpan& span : trace_.spans) {
    if (!span.outcome.empty()) continue;
    const std::string now = outcome_(span.op);
    if (now == paused_[span.op]) continue;
    paused_[span.op] = now;
    span.slice = true;
    add_own(span.task, "op_pause", "op=%lu state=%s", fmt::format("op={} state={}", span.op, now));
  }
}

void RunTraceRecorder::add(std::uint32_t task, int cpu, TraceFormat format, std::string text) {
  TraceEvent event;
  event.nanoseconds = next_time();
  event.task = task;
  event.cpu = cpu;
  std::optional<std::vector<TraceField>> fields = fields_of(format, text);
  CMA_ASSERT(fields.has_value());
  event.fields = std::move(*fields);
  event.format = std::move(format);
  event.text = std::move(text);
  trace_.events.push_back(std::move(event));
}

void RunTraceRecorder::add_own(std::uint32_t task, const std::string& name, const std::string& print,
                               const std::string& text) {
  const auto cpus = static_cast<std::uint32_t>(trace_.cpus);
  const bool actor = task >= cpus && task - cpus < program_.actors.size();
  const int cpu = actor ? program_.actors[task - cpus].cpu : task < cpus ? static_cast<int>(task) : 0;
  add(task, cpu, {"cmacheck", name, print}, text);
}

std::uint32_t RunTraceRecorder::task_of(Slot op) const {
  const auto program = static_cast<std::uint32_t>(trace_.tasks.size() - 1);
  if (info_of(program_.ops[op]).performed == Performed::without_actor) return program;
  const ActorId actor = interpreter_.world().actor(program_.ops[op].performer);
  return actor == kNoActor ? program : std::min<std::uint32_t>(actor, program);
}

// Returns a time after all earlier ones: the step's microsecond, or a later one once that is full.
std::uint64_t RunTraceRecorder::next_time() {
  std::uint64_t time = std::max(steps_ * 1000, last_time_ + 1);
  if (time % 1000 >= kInMicrosecond) time = (time / 1000 + 1) * 1000;
  last_time_ = time;
  return time;
}

}  // namespace cma
