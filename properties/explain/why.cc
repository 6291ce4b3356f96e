#include "properties/explain/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/explain/why_area.h"
#include "properties/explain/why_board.h"
#include "properties/explain/why_boot.h"
#include "properties/explain/why_kinds.h"
#include "properties/program/text.h"

namespace cma {

void WhyRecorder::program_begins(Machine& machine) {
  machine_ = &machine;
  windows_.watch(machine, interpreter_.world());
  requests_.watch(machine);
  declared_.clear();
  inactive_.clear();
  asked_areas_.clear();
  begun_.clear();
  history_ = {};
  answers_.clear();
  learn_areas(machine);
  operation_begins(0);
}

void WhyRecorder::operation_begins(Slot op) {
  if (begun_.size() == op) begun_.push_back({machine_->trace.records().size(), machine_->bugs});
}

// Keeps the ranges of new areas: one that cannot be activated loses its size.
void WhyRecorder::learn_areas(const Machine& machine) {
  if (machine.booted()) return;
  for (std::size_t id = declared_.size(); id < machine.areas.size(); ++id) {
    const Area& area = machine.areas.area(static_cast<AreaId>(id));
    declared_.push_back({area.base, area.base + area.pages});
  }
}

void WhyRecorder::booted(Machine& machine) {
  if (begun_.size() <= interpreter_.world().program().ops.size())
    history_.booted_in = static_cast<Slot>(begun_.size() - 1);
  Answer answer;
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    if (!machine.areas.area(id).active()) explain_inactive_area(machine, id, declared_, answer);
  inactive_ = std::move(answer.evidence);
}

// Answers for areas that could not be activated; boot has finished in this operation.
void WhyRecorder::answer_boot(Slot op, bool at_end) {
  if (inactive_.empty()) return;
  Answer answer;
  answer.op = op;
  const std::vector<Op>& ops = interpreter_.world().program().ops;
  const bool itself = op < ops.size() && std::holds_alternative<Activate>(ops[op].body);
  if (!itself) answer.heading = at_end ? "the end of boot, after " : "the end of boot, before ";
  answer.ending = Ending::succeeded;
  answer.brief = "boot has finished, but not every area is active";
  answer.evidence = std::exchange(inactive_, {});
  answers_.push_back(std::move(answer));
}

void WhyRecorder::alloc_begins(AreaId area, std::uint64_t pages, unsigned align) {
  const bool active = machine_->areas.area(area).active();
  asked_areas_[machine_->engine.current()].push_back({{area, pages, align},
                                                      machine_->trace.records().size(),
                                                      active ? count_area(interpreter_.world(), area) : AreaCount{}});
}

bool WhyRecorder::asks_area(Slot op) const {
  const OpBody& body = interpreter_.world().program().ops[op].body;
  return std::holds_alternative<CmaAlloc>(body) || std::holds_alternative<DebugfsAlloc>(body) ||
         std::holds_alternative<DmaBuffer>(body);
}

// Adds why a request to an area that failed left no line in the log.
void WhyRecorder::add_log(Answer& answer) const {
  const OpBody& body = interpreter_.world().program().ops[answer.op].body;
  const auto* request = std::get_if<CmaAlloc>(&body);
  const auto* buffer = std::get_if<DmaBuffer>(&body);
  if (answer.in_log) return;
  if ((request != nullptr && request->nowarn) || (buffer != nullptr && (buffer->gfp & kGfpNowarn) != 0))
    answer.add(About::log, "no line: the caller asks for none (nowarn, __GFP_NOWARN)");
  else if (machine_->release() < Release::v4_11 && !machine_->geometry().error_line)
    answer.add(About::log,
               machine_->geometry().cma_debug
                   ? "no line but those of CONFIG_CMA_DEBUG: since 4.11 kernels print one for a request "
                     "that failed"
                   : "no line: only since 4.11 the kernel prints one for a request that failed, before that "
                     "with CONFIG_CMA_DEBUG alone");
  else if (machine_->release() >= Release::v5_13 && machine_->trace.rate_limits() && !answer.windows.empty())
    answer.add(About::log, "no line: it fell to the rate limit of these lines");
}

// Adds the bugs of the machine that changed what it did since the operation began.
void WhyRecorder::add_bugs(Answer& answer) const {
  if (answer.op >= begun_.size() || !machine_->bugs.any()) return;
  for (const BugInfo& bug : bug_catalogue()) {
    const std::uint64_t times = machine_->bugs.times_reached(bug.bug) - begun_[answer.op].bugs.times_reached(bug.bug);
    if (times == 0) continue;
    answer.add(
        About::bug,
        fmt::format("{} ({}) took effect {}: {}", bug.name, shipped_text(bug), plural(times, "time"), bug.sentence),
        {{"bug", std::string(bug.name)}, {"times", times}});
  }
}

// Adds in which later operation it ended.
void WhyRecorder::add_end(Answer& answer) const {
  const std::size_t performing = begun_.size() - 1;
  if (answer.op >= performing) return;
  const Program& program = interpreter_.world().program();
  const bool at_end = performing >= program.ops.size();
  answer.add(About::ended,
             at_end ? std::string("after the last operation")
                    : fmt::format("later, inside \"{}\"", print_op(program, program.ops[performing])),
             {{"inside", std::uint64_t{performing}}});
  answer.evidence.back().of_operation = true;
}

Sight WhyRecorder::sight_of(Slot op, ActorId actor) const {
  return {.world = interpreter_.world(),
          .windows = windows_,
          .refused = requests_.last(actor),
          .declared = declared_,
          .asked = asked_areas_,
          .first_record = op < begun_.size() ? begun_[op].records : 0};
}

void WhyRecorder::answer_failure(Slot op, ActorId actor, Answer& answer) {
  explain_failure(sight_of(op, actor), answer);
  if (asks_area(op) && asked_areas_.contains(actor)) add_log(answer);
  add_bugs(answer);
  add_end(answer);
  answers_.push_back(std::move(answer));
}

// An operation that was performed is skipped if the kernel would never end its request for pages.
void WhyRecorder::answer_skip(Slot op, ActorId actor, Answer& answer) {
  const World& world = interpreter_.world();
  explain_skip(world, history_, answer);
  if (requests_.last(actor) != nullptr && !operation_of(world, actor)) {
    const std::string brief = answer.brief;
    explain_failure(sight_of(op, actor), answer);
    answer.brief = brief + "; " + answer.brief;
    add_bugs(answer);
    add_end(answer);
  }
  answers_.push_back(std::move(answer));
}

// Records which results the operation gave back, and which processes it ended.
void WhyRecorder::learn_given_back(Slot op) {
  const World& world = interpreter_.world();
  for (Slot slot = 0; slot < begun_.size() && slot < world.program().ops.size(); ++slot) {
    const Result& result = world.result(slot);
    const bool of_process = result.yields == Yields::process || result.yields == Yields::mapping;
    const bool dead = of_process && result.state == Result::State::done && !machine_->processes.alive(result.process);
    if (result.gone || dead) history_.given_back.emplace(slot, op);
  }
}

// Adds an answer for each region that has become no area in a boot that this operation performed, or is asked for.
void WhyRecorder::answer_regions(Slot op) {
  const World& world = interpreter_.world();
  if (!std::holds_alternative<RunBoot>(world.program().ops[op].body) || world.boot == nullptr) return;
  for (const std::optional<Slot>& operation : world.boot->regions) {
    if (!operation) continue;
    const Slot region = *operation;
    const bool failed = world.result(region).state == Result::State::failed;
    if (!failed && !asked_.contains(region)) continue;
    Answer answer;
    answer.op = region;
    answer.error = world.result(region).error;
    if (!failed) answer.ending = Ending::succeeded;
    explain_region(world, answer);
    answers_.push_back(std::move(answer));
  }
}

// Adds an answer for each region that no boot has read.
void WhyRecorder::answer_unread_regions() {
  const World& world = interpreter_.world();
  const std::vector<Op>& ops = world.program().ops;
  if (world.boot != nullptr) return;
  for (Slot slot = 0; slot < ops.size(); ++slot) {
    const bool read_in_vain =
        std::holds_alternative<Region>(ops[slot].body) && world.result(slot).state == Result::State::done;
    if (!read_in_vain) continue;
    Answer answer;
    answer.op = slot;
    answer.ending = Ending::succeeded;
    answer.brief = "but nothing is reserved: " + why_not_read(world, slot);
    answers_.push_back(std::move(answer));
  }
}

// Returns whether the program checks that the operation is skipped: then that is no question.
bool WhyRecorder::skip_is_expected(Slot op) const {
  const std::vector<Op>& ops = interpreter_.world().program().ops;
  return std::ranges::any_of(ops, [&](const Op& other) {
    const auto* expected = std::get_if<ExpectState>(&other.body);
    return expected != nullptr && expected->state == StateWord::skipped && expected->result.id == ops[op].id;
  });
}

void WhyRecorder::op_ended(Machine& machine, std::size_t op) {
  const auto slot = static_cast<Slot>(op);
  const World& world = interpreter_.world();
  const Result& result = world.result(slot);
  const Op& performed = world.program().ops[slot];
  const ActorId actor = world.actor(performed.performer);
  learn_areas(machine);
  answer_boot(slot, /*at_end=*/false);
  if (result.state != Result::State::skipped) answer_regions(slot);
  Answer answer;
  answer.op = slot;
  answer.error = result.error;
  answer.windows = windows_.failed_of(slot);
  answer.busy_is_limited = busy_is_limited();
  if (result.state == Result::State::failed) {
    answer_failure(slot, actor, answer);
  } else if (result.state == Result::State::skipped) {
    if (!skip_is_expected(slot) || asked_.contains(slot)) answer_skip(slot, actor, answer);
  } else if (std::holds_alternative<Region>(performed.body)) {
    // What becomes of it is known when boot has read the tree.
  } else if (!answer.windows.empty() || asked_.contains(slot)) {
    answer.ending = Ending::succeeded;
    explain_success(sight_of(slot, actor), answer);
    add_bugs(answer);
    add_end(answer);
    answers_.push_back(std::move(answer));
  }
  learn_given_back(slot);
  const bool by_actor = info_of(performed).performed == Performed::by_actor;
  if (!by_actor || actor == kNoActor || operation_of(world, actor)) return;
  requests_.forget(actor);
  asked_areas_.erase(actor);
}

void WhyRecorder::op_performed(Machine&, std::size_t op) {
  answer_boot(static_cast<Slot>(op), /*at_end=*/false);
  operation_begins(static_cast<Slot>(op + 1));
}

void WhyRecorder::program_ended(Machine&) {
  const std::size_t ops = interpreter_.world().program().ops.size();
  if (ops > 0) answer_boot(static_cast<Slot>(ops - 1), /*at_end=*/true);
  answer_unread_regions();
}

// Adds answers about operations that did not end and tried windows in vain.
void WhyRecorder::answer_unended() {
  for (const FailedWindow& window : windows_.failed()) {
    if (std::ranges::find(answers_, window.op, &Answer::op) != answers_.end()) continue;
    Answer answer;
    answer.op = window.op;
    answer.ending = Ending::not_ended;
    answer.windows = windows_.failed_of(window.op);
    answer.busy_is_limited = busy_is_limited();
    answers_.push_back(std::move(answer));
  }
}

void WhyRecorder::run_ended(const std::optional<Finding>& finding) {
  const World& world = interpreter_.world();
  if (!finding || machine_ == nullptr || finding->op >= world.program().ops.size()) return;
  answer_finding(*finding);
  answer_unended();
}

void WhyRecorder::answer_finding(const Finding& finding) {
  const World& world = interpreter_.world();
  const auto slot = static_cast<Slot>(finding.op);
  const std::string end = fmt::format("the run ends here, law {}: {}", name_of(finding.law), finding.message);
  const auto known = std::ranges::find(answers_, slot, &Answer::op);
  if (known != answers_.end()) return known->add(About::ended, end);
  Answer answer;
  answer.op = slot;
  answer.windows = windows_.failed_of(slot);
  answer.busy_is_limited = busy_is_limited();
  const bool inside = world.result(slot).state == Result::State::inside;
  if (inside && finding.law == Law::complete && asks_area(slot)) {
    // The request has failed: the law compares its failure with what was there.
    answer.error = -kENOMEM;
    answer_failure(slot, world.actor(world.program().ops[slot].performer), answer);
    return answers_.back().add(About::ended, end);
  }
  answer.ending = inside || begun_.size() == slot + std::size_t{1} ? Ending::not_ended : Ending::succeeded;
  answer.brief = end;
  const auto asked = asked_areas_.find(world.actor(world.program().ops[slot].performer));
  const bool asks = inside && asks_area(slot) && asked != asked_areas_.end() && !asked->second.empty();
  const AreaId area = asks ? asked->second.back().request.area : AreaId{};
  if (asks && !machine_->areas.area(area).active()) {
    answer.brief = fmt::format(
        "area {} is not active and has no bitmap: the kernel searches for free bits at a NULL pointer, and crashes; "
        "the run ends here (law {})",
        machine_->areas.area(area).name, name_of(finding.law));
    explain_inactive_area(*machine_, area, declared_, answer);
  }
  add_bugs(answer);
  answers_.push_back(std::move(answer));
}

std::string WhyRecorder::text(const std::function<std::string(Slot)>& op_text) const {
  return answers_.empty() ? "no operation failed; --why-of NAME answers for one all the same\n"
                          : answers_text(answers_, op_text);
}

nlohmann::json WhyRecorder::json() const {
  nlohmann::json json = nlohmann::json::array();
  for (const Answer& answer : answers()) json.push_back(answer_json(answer));
  return json;
}

}  // namespace cma
