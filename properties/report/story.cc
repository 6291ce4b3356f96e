#include "properties/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "properties/explain/names.h"
#include "properties/laws/catalogue.h"
#include "properties/program/text.h"

namespace cma {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Returns the frames of the machine that a message names: numbers with 0x.
std::vector<Pfn> frames_in(const std::string& message, const PfnRange& memory) {
  std::set<Pfn> frames;
  for (std::size_t at = message.find("0x"); at != std::string::npos; at = message.find("0x", at + 2)) {
    std::uint64_t value = 0;
    const char* end = message.data() + message.size();
    const auto read = std::from_chars(message.data() + at + 2, end, value, 16);
    if (read.ec == std::errc() && value >= memory.start && value < memory.end) frames.insert(static_cast<Pfn>(value));
  }
  return {frames.begin(), frames.end()};
}

// Adds the lines of a picture's legend that are not there yet, without the one about pageblocks.
void add_legend(std::vector<std::string>& legend, const PageMap& map) {
  for (std::string& line : lines_of(map.legend())) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("the letter before") || std::ranges::find(legend, line) != legend.end()) continue;
    legend.push_back(std::move(line));
  }
}

}  // namespace

StoryRecorder::StoryRecorder(const Program& program, const Interpreter& interpreter, Outcome outcome)
    : program_(program), interpreter_(interpreter), outcome_(std::move(outcome)), why_(interpreter) {
  for (const Op& op : program.ops) story_.ops.push_back(print_op(program, op));
}

void StoryRecorder::program_begins(Machine& machine) {
  machine_ = &machine;
  why_.program_begins(machine);
  const World& world = interpreter_.world();
  const auto by_actor = [&](const Op& op) {
    return info_of(op).performed == Performed::without_actor ? kNoActor : world.actor(op.performer);
  };
  std::set<ActorId> performing;
  for (const Op& op : program_.ops)
    if (by_actor(op) != kNoActor) performing.insert(by_actor(op));
  actor_ids_.assign(performing.begin(), performing.end());
  for (const ActorId actor : actor_ids_) story_.actors.push_back(actor_name(program_, actor));
  for (const Op& op : program_.ops)
    story_.actor_of.push_back(
        static_cast<std::size_t>(std::ranges::find(actor_ids_, by_actor(op)) - actor_ids_.begin()));
  if (program_.audit == Audit::ops) machine.engine.set_watcher(this);
  add_step(std::nullopt);
}

bool StoryRecorder::at_point(Point) {
  take_lines();
  return false;
}

void StoryRecorder::control_changes(Machine&) { take_lines(); }

void StoryRecorder::op_ended(Machine& machine, std::size_t op) { why_.op_ended(machine, op); }

void StoryRecorder::op_performed(Machine& machine, std::size_t op) {
  why_.op_performed(machine, op);
  add_step(static_cast<Slot>(op));
}

void StoryRecorder::program_ended(Machine& machine) {
  why_.program_ended(machine);
  add_step(std::nullopt);
  drop_step_without_changes();
}

// Drops the last step if it is of no operation and nothing changed.
void StoryRecorder::drop_step_without_changes() {
  const StoryStep& step = story_.steps.back();
  if (!step.op && story_.steps.size() > 1 && step.pages.empty() && step.blocks.empty()) story_.steps.pop_back();
}

ProgramStory StoryRecorder::finish(const RunResult& result, const std::function<std::string(Slot)>& op_text) {
  story_.release = name_of(program_.machine.release);
  story_.finding = result.finding;
  story_.expected = result.finding_expected;
  if (machine_ != nullptr) {
    take_lines();
    story_.why = why_.text(op_text);
  }
  if (!result.finding) return std::move(story_);
  const Finding& finding = *result.finding;
  // An operation may break a law before it is reported as performed.
  const bool reached = std::ranges::any_of(story_.steps, [&](const StoryStep& step) { return step.op == finding.op; });
  if (machine_ != nullptr) {
    add_step(reached || finding.op >= program_.ops.size() ? std::nullopt
                                                          : std::optional(static_cast<Slot>(finding.op)));
    drop_step_without_changes();
  }
  for (StoryStep& step : story_.steps)
    if (step.op == finding.op) step.outcome = fmt::format("breaks law {}", name_of(finding.law));
  if (const LawInfo* law = find_law(finding.law)) story_.sentence = law->sentence;
  story_.point = place_text(finding);
  story_.marked = frames_in(finding.message, story_.memory);
  return std::move(story_);
}

void StoryRecorder::take_lines() {
  const Trace& trace = machine_->trace;
  for (; taken_ < trace.records().size(); ++taken_) {
    const Record& record = trace.records()[taken_];
    story_.printed.push_back({steps_, is_log(record.event), trace.format(record)});
  }
  steps_ = machine_->engine.steps();
}

std::vector<std::string> StoryRecorder::inside() const {
  std::vector<std::string> texts;
  for (const ActorId actor : actor_ids_) {
    const std::optional<Slot> op = operation_of(interpreter_.world(), actor);
    texts.push_back(op ? fmt::format("{}: {}", name_or_text(program_, *op), outcome_(*op)) : "");
  }
  return texts;
}

// Adds a step: what differs from the one before.
void StoryRecorder::add_step(std::optional<Slot> op) {
  take_lines();
  PageMap map(program_, interpreter_.world());
  StoryStep step;
  step.op = op;
  step.outcome = op ? outcome_(*op) : "";
  step.inside = inside();
  const Pfn first = map.memory().start;
  if (!last_) {
    story_.memory = map.memory();
    story_.pageblock_order = map.pageblock_order();
    story_.letters = map.letters();
    story_.bits = map.bits();
    story_.block_types = map.block_types();
  } else {
    for (std::size_t i = 0; i < map.letters().size(); ++i)
      if (map.letters()[i] != last_->letters()[i] || map.bits()[i] != last_->bits()[i])
        step.pages.push_back({static_cast<Pfn>(first + i), map.letters()[i], map.bits()[i]});
    const Pfn aligned = static_cast<Pfn>(first >> map.pageblock_order() << map.pageblock_order());
    for (std::size_t i = 0; i < map.block_types().size(); ++i)
      if (map.block_types()[i] != last_->block_types()[i])
        step.blocks.push_back({static_cast<Pfn>(aligned + (i << map.pageblock_order())), map.block_types()[i]});
  }
  add_legend(story_.legend, map);
  last_.emplace(std::move(map));
  story_.steps.push_back(std::move(step));
}

}  // namespace cma
